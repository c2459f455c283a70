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
            Bar { name: &m.name, percent: m.percent, color: face.color, first }
        })
        .collect();
    if most > 1 || !known {
        bars.push(Bar { name: NOBODY_NAME, percent: answer.nobody_percent, color: NOBODY, first: !known });
    }
    if bars.len() > most {
        bars.drain(..bars.len() - most);
    }
    bars
}

/// Draws as many bars as are legible, from the top.
pub fn draw(canvas: &mut Canvas, face: &Seen, area: Area, body: i32) {
    let cells = canvas.has_cells();
    let bars = bars(face, (area.h / if cells { 2 } else { (body * 11 / 10).max(13) }).max(1) as usize);
    let pitch = (area.h / bars.len().max(1) as i32).min(if cells { 2 } else { body * 9 / 2 });
    let gap = if cells { 0 } else { (pitch / 6).clamp(2, body / 2) };
    let mut rest = area;
    for bar in &bars {
        let (row, below) = rest.cut_top(pitch);
        let row = row.cut_top(pitch - gap).0;
        if !cells && pitch >= body * 5 / 2 {
            let large = pitch >= body * 4 && area.w >= body * 17;
            draw_roomy(canvas, bar, row, if large { body * 5 / 4 } else { body });
        } else {
            draw_dense(canvas, bar, row, body.min((pitch - gap) * 4 / 5));
        }
        rest = below;
    }
}

/// The words above a slim bar.
fn draw_roomy(canvas: &mut Canvas, bar: &Bar, area: Area, body: i32) {
    let slim = (body * 2 / 5).max(4);
    let (line, words) = area.cut_bottom(slim);
    draw_bar(canvas, bar, line, slim / 2, 255);
    let words = words.cut_bottom(canvas.line_height(body) + body / 4).0;
    draw_words(canvas, bar, words, body);
}

/// The words in the bar.
fn draw_dense(canvas: &mut Canvas, bar: &Bar, area: Area, px: i32) {
    let cells = canvas.has_cells();
    draw_bar(canvas, bar, area, if cells { 0 } else { (area.h / 4).min(6) }, 150);
    draw_words(canvas, bar, area.inset(if cells { 1 } else { px * 2 / 5 }, 0), px);
}

/// `alpha` is how strongly the bar that counts is coloured.
fn draw_bar(canvas: &mut Canvas, bar: &Bar, area: Area, radius: i32, alpha: u8) {
    canvas.round(area, radius, TRACK, 255);
    let share = if bar.percent.is_finite() { bar.percent.clamp(0.0, 100.0) } else { 0.0 };
    let filled = (area.w as f32 * share / 100.0).round() as i32;
    let alpha = if bar.first { alpha } else { alpha / 2 };
    canvas.clipped(Area { w: filled, ..area }, |canvas| canvas.round(area, radius, bar.color, alpha));
}

fn draw_words(canvas: &mut Canvas, bar: &Bar, area: Area, px: i32) {
    let color = if bar.first { TEXT } else { QUIET };
    let (number, name) = area.cut_right(canvas.text_width("100\u{a0}%", px));
    canvas.write(number, &percent(bar.percent), right(px, color));
    canvas.write(name.cut_left(name.w - px / 3).0, bar.name, left(px, color));
}
