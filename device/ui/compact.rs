//! The modes about faces in a terminal: a small picture, and all that is said as characters.

use super::{
    Mode, bars, compare, engineer,
    headline::{NO_NAMES, NOBODY_NEAR},
    live::{Found, Seen, View, people},
    overlay::Mapping,
    theme::{ALARM, BACK, CARD, FAINT, QUIET, TEXT, TRACK, centre, left, percent, right},
};
use crate::screen::{Area, Canvas};
use embedded_graphics::pixelcolor::Rgb888;

/// Characters that names and percentages need beside the picture.
const PANEL: i32 = 30;

/// The most that a bar needs.
const BROAD: i32 = 56;

/// Draws the view on a canvas of cells, one column and two rows of pixels a character.
pub fn draw(canvas: &mut Canvas, view: &View, seen: &[Seen]) {
    let all = canvas.area();
    let (footer, rest) = all.cut_top(even(all.h)).0.cut_bottom(2);
    let frame = view.frame.filter(|f| f.width > 0 && f.height > 0);
    let (pw, ph) = frame.map_or((4, 3), |f| (f.width as i32, f.height as i32));
    let beside = rest.w >= PANEL * 2;
    let (picture, panel) = if beside {
        let (column, panel) = rest.cut_left((rest.h * pw / ph).clamp(PANEL, rest.w - PANEL));
        (column.cut_bottom(2).1, panel.cut_left(1).1.cut_left(BROAD).0)
    } else {
        let (picture, panel) = rest.cut_top(even(rest.h / 2));
        (picture, panel.cut_top(2).1)
    };
    let column = picture;
    let picture = Area { y: picture.y, ..picture.fit(pw, ph) };
    match frame {
        Some(frame) => canvas.picture(frame, picture, view.mirror),
        None => canvas.fill(picture, CARD),
    }
    if let Some(notice) = view.notice {
        canvas.shade(picture, BACK, 170);
        draw_notice(canvas, notice, picture);
    } else if let Some(frame) = frame {
        let mapping = Mapping::new(frame, picture, view.mirror);
        canvas.clipped(picture, |canvas| draw_boxes(canvas, view, seen, mapping));
    }
    if beside {
        let below = Area { y: even(picture.bottom() + 1), h: 2, ..column }.common(&rest);
        let (text, color) = headline(view, seen);
        canvas.write(below, &text, centre(1, color));
    }
    match view.mode {
        Mode::Compare => compare::draw_lines(canvas, view, panel),
        Mode::Engineer => engineer::draw_lines(canvas, view, seen, panel),
        _ => draw_panel(canvas, view, seen, panel),
    }
    draw_footer(canvas, view, footer);
}

fn headline(view: &View, seen: &[Seen]) -> (String, Rgb888) {
    match seen {
        _ if view.mode == Mode::Compare => (compare::TITLE.into(), TEXT),
        _ if matches!(view.found, Found::Outlines(_)) => (NO_NAMES[0].into(), TEXT),
        _ if view.gallery_people == 0 => ("nobody is enrolled yet".into(), TEXT),
        _ if view.notice.is_some() => ("one moment, please".into(), TEXT),
        [] => ("Who do you look like? Look into the camera.".into(), TEXT),
        [face] => match (face.likeness(), &face.sighting.answer) {
            (Some(best), _) => (format!("you look like {}, {}", best.name, percent(best.percent)), face.color),
            (None, Some(_)) => (NOBODY_NEAR.into(), TEXT),
            (None, None) => ("looking …".into(), QUIET),
        },
        faces => (format!("{} faces", faces.len()), TEXT),
    }
}

/// Where there is no room for both, the way to the next mode stays.
fn draw_footer(canvas: &mut Canvas, view: &View, area: Area) {
    let is_measured = matches!(view.mode, Mode::Engineer | Mode::Compare);
    let usual = if is_measured { engineer::rates(view) } else { people(view.gallery_people) };
    let first = view.footer(usual);
    let used = canvas.write(area, &view.hint(), right(1, QUIET));
    canvas.write(area.cut_right(used + 2).1, &first, left(1, FAINT));
}

/// The next smaller number of whole characters.
fn even(pixels: i32) -> i32 {
    pixels / 2 * 2
}

fn draw_boxes(canvas: &mut Canvas, view: &View, seen: &[Seen], mapping: Mapping) {
    let mut draw = |area: Area, color| canvas.brackets(area, 0, 1, area.w.min(area.h) / 3, color, 255);
    for face in seen {
        draw(mapping.area(&face.sighting.face), face.color);
    }
    match view.found {
        Found::Faces => {}
        Found::Outlines(outlines) => outlines.iter().for_each(|outline| draw(mapping.place(outline.rect), compare::HAAR)),
        Found::Duel(duel, _) => {
            duel.faces.iter().for_each(|face| draw(mapping.area(face), compare::MTCNN));
            duel.outlines.iter().for_each(|outline| draw(mapping.place(outline.rect), compare::HAAR));
        }
    }
}

fn draw_notice(canvas: &mut Canvas, notice: &str, picture: Area) {
    let lines = canvas.wrap(notice, 1, picture.w - 4);
    let mut rest = picture.cut_top(even((picture.h - 2 * lines.len() as i32).max(0) / 2)).1;
    for line in lines {
        let (row, below) = rest.cut_top(2);
        canvas.fill(row, TRACK);
        canvas.write(row, &line, centre(1, ALARM));
        rest = below;
    }
}

fn draw_panel(canvas: &mut Canvas, view: &View, seen: &[Seen], area: Area) {
    let mut rest = area;
    if view.gallery_people == 0 {
        for text in canvas.wrap(view.how_to_enroll, 1, area.w) {
            rest = draw_line(canvas, rest, &text, TEXT);
        }
        return;
    }
    let each = if seen.is_empty() { 0 } else { even(rest.h / seen.len() as i32).max(2) };
    for face in seen {
        let (mut place, below) = rest.cut_top(each);
        rest = below;
        // Two small faces above the bars where they can be told apart.
        let side = even((place.w - 2) / 2).min(even(place.h - 12)).min(24);
        if side >= 12 {
            let (pictures, under) = place.cut_top(side);
            draw_pictures(canvas, view, face, pictures, side);
            place = under;
        }
        let text = match (face.likeness(), &face.sighting.answer) {
            (Some(_), _) => "you look like",
            (None, Some(_)) => NOBODY_NEAR,
            (None, None) => "looking …",
        };
        place = draw_line(canvas, place, text, face.color);
        bars::draw(canvas, face, place.cut_top(even(place.h.clamp(0, 8))).0, 1);
    }
}

fn draw_pictures(canvas: &mut Canvas, view: &View, face: &Seen, area: Area, side: i32) {
    let you = area.cut_left(side).0;
    let them = Area { x: you.right() + 2, ..you };
    if let Some(chip) = &face.sighting.chip {
        canvas.picture(chip, you, view.mirror);
    }
    if let Some(chip) = face.likeness().and_then(|best| view.thumbnails.get(&best.name)) {
        canvas.picture(chip, them, false);
    }
}

/// Writes one line at the top of the rectangle, if there is room. Returns the rest.
fn draw_line(canvas: &mut Canvas, area: Area, text: &str, color: Rgb888) -> Area {
    let (row, rest) = area.cut_top(2);
    if row.h == 2 {
        canvas.write(row, text, left(1, color));
    }
    rest
}
