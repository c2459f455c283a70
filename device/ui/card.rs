//! One face's card: the visitor beside the enrolled face, and the shares of the best names.

use super::{
    bars,
    live::{Seen, View, blank},
    theme::{CARD, QUIET, Sizes, TEXT, centre, left},
};
use crate::screen::{Area, Canvas};

/// Draws the card of `face`.
pub fn draw(canvas: &mut Canvas, view: &View, face: &Seen, area: Area, sizes: Sizes) {
    canvas.round(area, sizes.radius, CARD, 255);
    // A stripe in the colour of the face's box, with the card's own round corners.
    let stripe = (sizes.body / 4).max(3);
    canvas.clipped(Area { w: stripe, ..area }, |canvas| canvas.round(area, sizes.radius, face.color, 255));
    let pad = sizes.gap.min(area.h / 10).max(4);
    let inner = area.cut_left(stripe).1.inset(pad, pad);
    let below = canvas.line_height(sizes.small) + sizes.gap + sizes.body * 7;
    let side = ((inner.w - sizes.gap) / 2).min(inner.h - below);
    if side >= sizes.body * 5 {
        draw_tall(canvas, view, face, inner, side, sizes);
    } else {
        draw_flat(canvas, view, face, inner, sizes);
    }
}

/// Both pictures, `side` pixels wide, above; the bars below.
fn draw_tall(canvas: &mut Canvas, view: &View, face: &Seen, area: Area, side: i32, sizes: Sizes) {
    let spare = area.w - 2 * side - sizes.gap;
    let (pictures, below) = area.cut_top(side);
    let pictures = pictures.inset(spare / 2, 0);
    let (you, _) = pictures.cut_left(side);
    let (them, _) = pictures.cut_right(side);
    draw_pictures(canvas, view, face, you, them, sizes);
    let (captions, below) = below.cut_top(canvas.line_height(sizes.small));
    let under = |picture: Area| Area { x: picture.x, w: picture.w, ..captions };
    canvas.write(under(you), "you", centre(sizes.small, QUIET));
    if let Some(best) = face.likeness() {
        canvas.write(under(them), &best.name, centre(sizes.small, QUIET));
    }
    let below = below.cut_top(sizes.gap).1;
    draw_shares(canvas, view, face, below, sizes);
}

/// The pictures at the left, side by side where there is room, one above the other else.
fn draw_flat(canvas: &mut Canvas, view: &View, face: &Seen, area: Area, sizes: Sizes) {
    let gap = sizes.gap / 2;
    let least_bars = sizes.body * 13;
    let beside = area.h.min((area.w - least_bars - 2 * gap - gap) / 2);
    let above = ((area.h - gap) / 2).min(area.w / 4);
    let (pictures, rest) = if beside >= above {
        let (pictures, rest) = area.cut_left(2 * beside + gap);
        let top = (area.h - beside) / 2;
        (pictures.inset(0, top).cut_top(beside).0, rest)
    } else {
        let (pictures, rest) = area.cut_left(above);
        (pictures.inset(0, (area.h - 2 * above - gap) / 2).cut_top(2 * above + gap).0, rest)
    };
    let (you, them) = if beside >= above {
        (pictures.cut_left(beside).0, pictures.cut_right(beside).0)
    } else {
        (pictures.cut_top(above).0, pictures.cut_bottom(above).0)
    };
    // On a very small card the names need all of it.
    if rest.w < sizes.body * 8 {
        draw_shares(canvas, view, face, area, sizes);
        return;
    }
    draw_pictures(canvas, view, face, you, them, sizes);
    draw_shares(canvas, view, face, rest.cut_left(sizes.gap).1, sizes);
}

fn draw_pictures(canvas: &mut Canvas, view: &View, face: &Seen, you: Area, them: Area, sizes: Sizes) {
    if you.w < 8 || you.h < 8 {
        return;
    }
    let radius = sizes.radius.min(you.w / 6);
    match &face.sighting.chip {
        Some(chip) => {
            canvas.picture(chip, you, view.mirror);
            canvas.round_off(you, radius, CARD);
        }
        None => blank(canvas, you, radius, ""),
    }
    let Some(best) = face.likeness() else {
        blank(canvas, them, radius, "?");
        return;
    };
    match view.thumbnails.get(&best.name) {
        Some(chip) => {
            canvas.picture(chip, them, false);
            canvas.round_off(them, radius, CARD);
        }
        None => blank(canvas, them, radius, &best.name.chars().take(1).collect::<String>()),
    }
}

/// The bars, or why there are none.
fn draw_shares(canvas: &mut Canvas, view: &View, face: &Seen, area: Area, sizes: Sizes) {
    if face.sighting.answer.is_some() {
        bars::draw(canvas, face, area, sizes.body);
    } else {
        let why = if view.gallery_people == 0 { "nobody to compare with" } else { "looking …" };
        let line = area.cut_top(canvas.line_height(sizes.body)).0;
        canvas.write(line, why, left(sizes.body, TEXT));
    }
}
