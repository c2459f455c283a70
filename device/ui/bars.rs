//! Shares in percent as bars with their names in them.

use super::{
    live::Seen,
    theme::{NOBODY, QUIET, TEXT, TRACK, left, percent, right},
};
use crate::screen::{Area, Canvas};
use embedded_graphics::pixelcolor::Rgb888;

/// One bar.
struct Bar<'a> {
    name: &'a str,
    percent: f32,
    color: Rgb888,
    /// How strongly it is coloured, 0 to 255.
    alpha: u8,
    /// The one that counts.
    first: bool,
}

/// What stands in the bar of "nobody".
pub const NOBODY_NAME: &str = "nobody here";

/// The best names and, last, nobody; `most` bars at most.
fn bars<'a>(face: &Seen<'a>, most: usize) -> Vec<Bar<'a>> {
    let Some(answer) = &face.sighting.answer else { return Vec::new() };
    let known = face.likeness().is_some();
    let names = answer.matches.iter().take(most.saturating_sub(1).clamp(1, 3)).enumerate();
    let mut bars: Vec<Bar> = names
        .map(|(i, m)| {
            let first = i == 0 && known;
            Bar { name: &m.name, percent: m.percent, color: face.color, alpha: if first { 150 } else { 70 }, first }
        })
        .collect();
    if most > 1 || !known {
        let alpha = if known { 70 } else { 140 };
        bars.push(Bar { name: NOBODY_NAME, percent: answer.nobody_percent, color: NOBODY, alpha, first: !known });
    }
    if bars.len() > most {
        bars.drain(..bars.len() - most);
    }
    bars
}

/// How the bars of a face share a height: rows from one to the next, and how many.
fn pitch(canvas: &Canvas, bars: usize, height: i32, body: i32) -> i32 {
    let most = if canvas.has_cells() { 2 } else { body * 2 };
    (height / bars.max(1) as i32).min(most)
}

/// Draws as many bars as are legible, in the middle between above and below.
pub fn draw(canvas: &mut Canvas, face: &Seen, area: Area, body: i32) {
    let least = if canvas.has_cells() { 2 } else { 13 };
    let bars = bars(face, (area.h / least).max(0) as usize);
    let pitch = pitch(canvas, bars.len(), area.h, body);
    let gap = if canvas.has_cells() { 0 } else { (pitch / 6).max(2) };
    let px = body.min((pitch - gap) * 7 / 10);
    let used = pitch * bars.len() as i32 - gap;
    let mut rest = if canvas.has_cells() { area } else { area.cut_top((area.h - used) / 2).1 };
    for bar in &bars {
        let (row, below) = rest.cut_top(pitch);
        draw_one(canvas, bar, Area { h: pitch - gap, ..row }, px);
        rest = below;
    }
}

fn draw_one(canvas: &mut Canvas, bar: &Bar, area: Area, px: i32) {
    let radius = if canvas.has_cells() { 0 } else { (area.h / 4).min(6) };
    canvas.round(area, radius, TRACK, 255);
    let share = if bar.percent.is_finite() { bar.percent.clamp(0.0, 100.0) } else { 0.0 };
    let filled = (area.w as f32 * share / 100.0).round() as i32;
    canvas.clipped(Area { w: filled, ..area }, |canvas| canvas.round(area, radius, bar.color, bar.alpha));
    let color = if bar.first { TEXT } else { QUIET };
    let pad = if canvas.has_cells() { 1 } else { px * 2 / 5 };
    let inner = area.inset(pad, 0);
    let (number, name) = inner.cut_right(canvas.text_width("100\u{a0}%", px) + pad);
    canvas.write(number, &percent(bar.percent), right(px, color));
    canvas.write(name, bar.name, left(px, color));
}
