//! The engineers' mode: what the networks see and say, and what each stage takes. For staff, and for visitors who ask.

use super::{
    headline::NO_NAMES,
    live::{self, Footer, Found, Places, Seen, View},
    overlay::{self, Detail},
    theme::{BACK, CARD, FAINT, NOBODY, QUIET, Sizes, TEXT, TRACK, centre, left, percent, right},
};
use crate::{
    screen::{Area, Canvas},
    types::{Match, Outline},
};
use embedded_graphics::pixelcolor::Rgb888;

/// Draws the view on a canvas of pixels.
pub(super) fn draw(canvas: &mut Canvas, view: &View, seen: &[Seen]) {
    let sizes = Sizes::of(canvas);
    let frame = view.frame.filter(|f| f.width > 0 && f.height > 0);
    let footer_height = canvas.line_height(sizes.small) + sizes.gap;
    let places = Places::of(canvas.area(), footer_height, sizes, frame.map_or((4, 3), |f| (f.width as i32, f.height as i32)));
    overlay::draw(canvas, view, frame, seen, places.picture, sizes, Detail::Measures);
    draw_stages(canvas, view, places.headline.inset(0, sizes.gap / 2), sizes);
    draw_faces(canvas, view, seen, places.panel, sizes);
    live::draw_footer(canvas, &Footer { first: view.footer(rates(view)), last: view.hint() }, places.footer, sizes);
}

/// "21 frames/s, 7 of them recognised".
pub(super) fn rates(view: &View) -> String {
    format!("{:.0} frames/s, {:.0} of them recognised", view.fps, view.recognised_fps)
}

/// Milliseconds of every stage, in two columns; the longest bar is the slowest.
fn draw_stages(canvas: &mut Canvas, view: &View, area: Area, sizes: Sizes) {
    let rows = view.stages.len().div_ceil(2) as i32;
    if rows == 0 || area.h < rows {
        return;
    }
    let px = sizes.small.min(area.h / rows);
    let pitch = (area.h / rows).min(canvas.line_height(px) * 3 / 2);
    let slowest = view.stages.iter().map(|(_, ms)| *ms).fold(1.0, f32::max);
    let [name_width, number_width] = ["capture   ", "0000.0 ms"].map(|text| canvas.text_width(text, px));
    let (first, second) = area.cut_left((area.w - sizes.gap) / 2);
    let columns = [first, second.cut_left(sizes.gap).1];
    for (i, (name, ms)) in view.stages.iter().enumerate() {
        let (column, row) = (columns[i / rows as usize], i as i32 % rows);
        let place = Area { y: column.y + row * pitch, h: pitch, ..column };
        let (label, rest) = place.cut_left(name_width);
        let (number, bar) = rest.cut_right(number_width);
        canvas.write(label, name, left(px, QUIET));
        canvas.write(number, &format!("{ms:.1} ms"), right(px, TEXT));
        let bar = bar.inset(0, (pitch - (px / 3).max(2)) / 2);
        canvas.round(bar, bar.h / 2, TRACK, 255);
        let share = (ms / slowest).clamp(0.0, 1.0);
        canvas.clipped(Area { w: (bar.w as f32 * share) as i32, ..bar }, |canvas| canvas.round(bar, bar.h / 2, QUIET, 255));
    }
}

/// A card for each face, as many as can be read.
fn draw_faces(canvas: &mut Canvas, view: &View, seen: &[Seen], area: Area, sizes: Sizes) {
    if area.w < 40 || area.h < 40 {
        return;
    }
    if let Found::Outlines(outlines) = view.found {
        draw_outlines(canvas, outlines, area, sizes);
        return;
    }
    if seen.is_empty() {
        canvas.round(area, sizes.radius, CARD, 255);
        canvas.write(area, "no face in view", centre(sizes.body, QUIET));
        return;
    }
    let line = canvas.line_height(sizes.small);
    let cards = seen.len().min(((area.h + sizes.gap) / (5 * line + 2 * sizes.gap)).max(1) as usize);
    let height = (area.h + sizes.gap) / cards as i32 - sizes.gap;
    let mut rest = area;
    for face in &seen[..cards] {
        let (place, below) = rest.cut_top(height.min(line * 6 + sizes.gap));
        draw_face(canvas, view, face, place, sizes);
        rest = below.cut_top(sizes.gap).1;
    }
}

/// Why nobody has a name, and what the cascade says of each box.
fn draw_outlines(canvas: &mut Canvas, outlines: &[Outline], area: Area, sizes: Sizes) {
    canvas.round(area, sizes.radius, CARD, 255);
    let line = canvas.line_height(sizes.small);
    let mut rest = area.inset(sizes.gap, sizes.gap);
    for text in canvas.wrap(NO_NAMES[0], sizes.small, rest.w) {
        let (row, below) = rest.cut_top(line);
        canvas.write(row, &text, left(sizes.small, QUIET));
        rest = below;
    }
    for outline in outlines {
        let (row, below) = rest.cut_top(line);
        if row.h < line {
            break;
        }
        let (words, number) = outline_line(outline);
        let (name, value) = row.cut_left(row.w - canvas.text_width(&number, sizes.small));
        canvas.write(value, &number, right(sizes.small, TEXT));
        canvas.write(name, &words, left(sizes.small, TEXT));
        rest = below;
    }
}

fn outline_line(outline: &Outline) -> (String, String) {
    let rect = outline.rect;
    (format!("{:.0}x{:.0} px", rect.w, rect.h), format!("{} windows", outline.neighbours))
}

/// The chip as the embedder gets it, the track's numbers, and each name with its distance.
fn draw_face(canvas: &mut Canvas, view: &View, face: &Seen, area: Area, sizes: Sizes) {
    canvas.round(area, sizes.radius, CARD, 255);
    let stripe = (sizes.body / 4).max(3);
    canvas.clipped(Area { w: stripe, ..area }, |canvas| canvas.round(area, sizes.radius, face.color, 255));
    let inner = area.cut_left(stripe).1.inset(sizes.gap, sizes.gap / 2);
    let side = inner.h.min(inner.w / 3);
    let (picture, text) = inner.cut_left(side);
    if let Some(chip) = face.sighting.chip.as_ref().filter(|_| side >= 8) {
        let place = Area { y: picture.y + (inner.h - side) / 2, h: side, ..picture };
        canvas.picture(chip, place, view.mirror);
    }
    let line = canvas.line_height(sizes.small);
    let mut rest = text.cut_left(sizes.gap).1;
    for (words, number, color) in lines(face) {
        let (row, below) = rest.cut_top(line);
        if row.h < line {
            break;
        }
        let (name, value) = row.cut_left(row.w - canvas.text_width(&number, sizes.small));
        canvas.write(value, &number, right(sizes.small, color));
        canvas.write(name, &words, left(sizes.small, color));
        rest = below;
    }
}

/// What is known of a face, each with a number at the right.
fn lines(face: &Seen) -> Vec<(String, String, Rgb888)> {
    let found = face.sighting.face;
    let size = format!("{:.0}x{:.0} px", found.rect.w, found.rect.h);
    let mut lines = vec![(format!("face {}, {size}", face.sighting.track), format!("{:.3}", found.score), face.color)];
    match &face.sighting.answer {
        Some(answer) => {
            let name = |m: &Match| (format!("{:.3}  {}", m.distance, m.name), percent(m.percent), TEXT);
            lines.extend(answer.matches.iter().map(name));
            lines.push(("nobody".into(), percent(answer.nobody_percent), NOBODY));
        }
        None => lines.push(("not embedded".into(), String::new(), FAINT)),
    }
    lines
}

/// All of it as lines of characters.
pub(super) fn draw_lines(canvas: &mut Canvas, view: &View, seen: &[Seen], area: Area) {
    let mut rest = area;
    let stages = view.stages.iter().map(|(name, ms)| (name.to_string(), format!("{ms:.1} ms"), QUIET));
    let outlines = if let Found::Outlines(outlines) = view.found { outlines } else { &[] };
    let outlines = outlines.iter().map(outline_line).map(|(words, number)| (words, number, TEXT));
    for (words, number, color) in stages.chain(outlines).chain(seen.iter().flat_map(lines)) {
        let (row, below) = rest.cut_top(2);
        if row.h < 2 {
            return;
        }
        canvas.fill(row, BACK);
        let (name, value) = row.cut_left(row.w - canvas.text_width(&number, 1) - 1);
        canvas.write(value, &number, right(1, color));
        canvas.write(name, &words, left(1, color));
        rest = below;
    }
}
