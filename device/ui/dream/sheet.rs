//! A sheet to draw on, and what the nets see in the drawing.

use super::{ACCENT, CLASSES, Dims, draw_tile};
use crate::generate::{Tiles, Verdict, ink::Strokes};
use crate::screen::{Area, Canvas};
use crate::ui::theme::{CARD, QUIET, TEXT, TRACK, centre, left, percent, right};

/// What is shown.
pub struct View<'a> {
    /// What was drawn.
    pub strokes: &'a Strokes,
    /// The drawing as the nets get it, and behind it the reconstruction.
    pub pair: Option<&'a Tiles>,
    /// What the classifier says.
    pub verdict: Option<&'a Verdict>,
    /// The nearest real digits.
    pub neighbours: Option<&'a Tiles>,
}

/// Where the sheet lies.
pub fn sheet(stage: Area, dims: Dims) -> Area {
    let (place, _) = halves(stage, dims);
    place
}

fn halves(stage: Area, dims: Dims) -> (Area, Area) {
    let (first, second) = if stage.w >= stage.h {
        stage.cut_left(stage.h.min(stage.w / 2))
    } else {
        stage.cut_top(dims.even(stage.w.min(stage.h / 2)))
    };
    let second = if stage.w >= stage.h { second.cut_left(dims.gap).1 } else { second.cut_top(dims.even(dims.gap)).1 };
    (first.fit(1, 1), second)
}

/// Draws it.
pub fn draw(canvas: &mut Canvas, view: &View, stage: Area, dims: Dims) {
    let (sheet, rest) = halves(stage, dims);
    if sheet.is_empty() {
        return;
    }
    canvas.round(sheet, dims.radius, CARD, 255);
    if view.strokes.is_empty() {
        canvas.write(sheet, "draw a digit here", centre(dims.body * 5 / 4, QUIET));
    }
    let at = |p: &[f32; 2]| [sheet.x as f32 + p[0] * sheet.w as f32, sheet.y as f32 + p[1] * sheet.h as f32];
    let pen = sheet.w as f32 / 18.0;
    canvas.clipped(sheet, |canvas| {
        for line in view.strokes.lines() {
            let dot = line.first().map(|p| (p, p));
            for (a, b) in line.iter().zip(line.iter().skip(1)).chain(dot) {
                canvas.line(at(a), at(b), pen, TEXT, 255);
            }
        }
    });
    let Some(pair) = view.pair else { return };
    // Pictures take what the bars leave.
    let rows = if view.neighbours.is_some() { 2 } else { 1 };
    let side = ((rest.h - rows * dims.small_line) * 3 / 5 / rows).min(rest.w / 2 - dims.gap);
    let (pictures, below) = rest.cut_top(dims.even(side.max(0)));
    let (captions, below) = below.cut_top(dims.small_line);
    for (index, words) in ["what the net gets", "what comes back"].into_iter().enumerate() {
        let half = |area: Area| area.cut_left(area.w / 2 * index as i32).1.cut_left(area.w / 2).0;
        draw_tile(canvas, pair, index, half(pictures));
        canvas.write(half(captions), words, centre(dims.small, QUIET));
    }
    let below = match view.neighbours {
        Some(near) => {
            let (row, below) = below.cut_top(dims.even((side * 2 / 3).min(below.h / 3)));
            let (caption, below) = below.cut_top(dims.small_line);
            super::tiles::draw_grid(canvas, near, row, dims);
            canvas.write(caption, "real digits nearby", centre(dims.small, QUIET));
            below
        }
        None => below,
    };
    if let Some(verdict) = view.verdict {
        draw_shares(canvas, verdict, below.cut_top(dims.gap / 2).1, dims);
    }
}

/// A bar for each class in two columns.
fn draw_shares(canvas: &mut Canvas, verdict: &Verdict, area: Area, dims: Dims) {
    let rows = verdict.shares.len().div_ceil(2).max(1) as i32;
    let pitch = dims.even((area.h / rows).min(dims.line * 3 / 2));
    let px = dims.body.min(pitch);
    if pitch < if dims.cells { 2 } else { 8 } {
        return;
    }
    let (best, _) = verdict.best();
    let number = canvas.text_width("100\u{a0}%", px);
    for (class, &share) in verdict.shares.iter().enumerate() {
        let half = area.cut_left(area.w / 2 * (class as i32 / rows)).1.cut_left(area.w / 2 - dims.gap).0;
        let row = Area { y: area.y + class as i32 % rows * pitch, h: pitch, ..half };
        let (name, bar) = row.cut_left(canvas.text_width("0  ", px));
        let (words, bar) = bar.cut_right(number);
        let color = if class == best { TEXT } else { QUIET };
        canvas.write(name, &class.to_string(), left(px, color));
        canvas.write(words, &percent(share * 100.0), right(px, color));
        let bar = if dims.cells { bar } else { bar.inset(0, pitch / 3) };
        canvas.round(bar, bar.h / 2, TRACK, 255);
        let filled = Area { w: (bar.w as f32 * share.clamp(0.0, 1.0)) as i32, ..bar };
        let paint = CLASSES.get(class).copied().unwrap_or(ACCENT);
        canvas.clipped(filled, |canvas| canvas.round(bar, bar.h / 2, paint, 255));
    }
}
