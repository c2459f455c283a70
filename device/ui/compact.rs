//! The live mode in a terminal: a small picture, and all that is said as characters.

use super::{
    bars,
    headline::NOBODY_NEAR,
    live::{Seen, View, people},
    overlay::Mapping,
    theme::{ALARM, BACK, CARD, FAINT, QUIET, TEXT, centre, left, percent, right},
};
use crate::screen::{Area, Canvas};

/// Characters that names and percentages need beside the picture.
const PANEL: i32 = 30;

/// Draws the view on a canvas of cells, one column and two rows of pixels a character.
pub fn draw(canvas: &mut Canvas, view: &View, seen: &[Seen]) {
    let (footer, rest) = canvas.area().cut_bottom(2);
    let frame = view.frame.filter(|f| f.width > 0 && f.height > 0);
    let (pw, ph) = frame.map_or((4, 3), |f| (f.width as i32, f.height as i32));
    let (picture, panel) = if rest.w >= PANEL * 2 {
        let (column, panel) = rest.cut_left((rest.h * pw / ph).clamp(PANEL, rest.w - PANEL));
        (column.fit(pw, ph), panel.inset(1, 0))
    } else {
        let (top, below) = rest.cut_top(even(rest.h / 2));
        (top.fit(pw, ph), below)
    };
    match frame {
        Some(frame) => canvas.picture(frame, picture, view.mirror),
        None => canvas.fill(picture, CARD),
    }
    if let Some(notice) = view.notice {
        canvas.shade(picture, BACK, 170);
        draw_notice(canvas, notice, picture);
    } else if let Some(frame) = frame {
        let mapping = Mapping::new(frame, picture, view.mirror);
        canvas.clipped(picture, |canvas| draw_boxes(canvas, seen, mapping));
    }
    draw_panel(canvas, view, seen, panel);
    let total: f32 = view.stages.iter().map(|(_, ms)| ms).sum();
    let speed = format!("{:.0} frames/s, {total:.0} ms", view.fps);
    let used = canvas.write(footer, &speed, left(1, QUIET));
    let slowest: Vec<String> = view.stages.iter().map(|(name, ms)| format!("{name} {ms:.0}")).collect();
    let (gallery, middle) = footer.cut_left(used + 2).1.cut_right(people(view.gallery_people).len() as i32 + 1);
    canvas.write(gallery, &people(view.gallery_people), right(1, FAINT));
    canvas.write(middle, &slowest.join(" · "), left(1, FAINT));
}

/// The next smaller number of whole characters.
fn even(pixels: i32) -> i32 {
    pixels / 2 * 2
}

fn draw_boxes(canvas: &mut Canvas, seen: &[Seen], mapping: Mapping) {
    for face in seen {
        let area = mapping.area(&face.sighting.face);
        canvas.brackets(area, 0, 1, area.w.min(area.h) / 3, face.color, 255);
    }
}

fn draw_notice(canvas: &mut Canvas, notice: &str, picture: Area) {
    let lines = canvas.wrap(notice, 1, picture.w - 4);
    let mut rest = picture.cut_top(even((picture.h - 2 * lines.len() as i32).max(0) / 2)).1;
    for line in lines {
        let (row, below) = rest.cut_top(2);
        canvas.write(row, &line, centre(1, ALARM));
        rest = below;
    }
}

fn draw_panel(canvas: &mut Canvas, view: &View, seen: &[Seen], area: Area) {
    let mut rest = area;
    let line = |canvas: &mut Canvas, rest: &mut Area, text: &str, color| {
        let (row, below) = rest.cut_top(2);
        if row.h == 2 {
            canvas.write(row, text, left(1, color));
        }
        *rest = below;
    };
    if view.gallery_people == 0 {
        line(canvas, &mut rest, "nobody is enrolled yet:", TEXT);
        for text in canvas.wrap(view.how_to_enroll, 1, area.w) {
            line(canvas, &mut rest, &text, QUIET);
        }
    } else if seen.is_empty() && view.notice.is_none() {
        line(canvas, &mut rest, "Who do you look like?", TEXT);
        line(canvas, &mut rest, "Look into the camera.", QUIET);
    }
    let each = if seen.is_empty() { 0 } else { even(rest.h / seen.len() as i32).max(2) };
    for face in seen {
        let (mut place, below) = rest.cut_top(each);
        rest = below;
        let text = match (face.likeness(), &face.sighting.answer) {
            (Some(best), _) => format!("you look like {}, {}", best.name, percent(best.percent)),
            (None, Some(_)) => NOBODY_NEAR.into(),
            (None, None) => "looking …".into(),
        };
        line(canvas, &mut place, &text, face.color);
        let bars = place.cut_top(even((place.h - 2).clamp(0, 8))).0;
        bars::draw(canvas, face, bars, 1);
    }
}
