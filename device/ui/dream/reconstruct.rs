//! An input, its mean and variance, its reconstruction, and samples around it.

use super::{ACCENT, Dims, draw_tile, tiles};
use crate::generate::{Spread, Tiles};
use crate::screen::{Area, Canvas};
use crate::ui::theme::{CARD, QUIET, TRACK, centre};

/// What is shown.
pub struct View<'a> {
    /// The input, and behind it the reconstruction.
    pub pair: &'a Tiles,
    /// What the encoder says.
    pub spread: &'a Spread,
    /// What the classifier says of the reconstruction; empty without one.
    pub verdict: &'a str,
    /// Samples of the distribution.
    pub around: &'a Tiles,
}

/// Draws it.
pub fn draw(canvas: &mut Canvas, view: &View, stage: Area, dims: Dims) {
    let across = stage.w >= stage.h;
    let (first, second) = if across { stage.cut_left(stage.w * 3 / 5) } else { stage.cut_top(dims.even(stage.h * 3 / 5)) };
    let second = if across { second.cut_left(dims.gap).1 } else { second.cut_top(dims.even(dims.gap)).1 };
    let (pictures, numbers) = first.cut_top(dims.even(first.h * 3 / 5));
    let (captions, pictures) = pictures.cut_bottom(dims.small_line);
    let words = ["input", if view.verdict.is_empty() { "comes back" } else { view.verdict }];
    for (index, words) in words.into_iter().enumerate() {
        let half = |area: Area| area.cut_left(area.w / 2 * index as i32).1.cut_left(area.w / 2).0;
        draw_tile(canvas, view.pair, index, half(pictures).inset(dims.gap / 2, 0));
        canvas.write(half(captions), words, centre(dims.small, QUIET));
    }
    draw_spread(canvas, view.spread, numbers, dims);
    let (caption, grid) = second.cut_bottom(dims.small_line);
    let words =
        if view.spread.log_variance.is_some() { "drawn around it" } else { "drawn around it, as if it were a distribution" };
    canvas.write(caption, words, centre(dims.small, QUIET));
    tiles::draw_grid(canvas, view.around, grid, dims);
}

/// A bar for each coordinate: the mean as a mark, twice the deviation to each side as a box.
fn draw_spread(canvas: &mut Canvas, spread: &Spread, area: Area, dims: Dims) {
    let (caption, plot) = area.cut_bottom(dims.small_line);
    let words = if spread.log_variance.is_some() { "mean and deviation of each coordinate" } else { "the point: no deviation" };
    canvas.write(caption, words, centre(dims.small, QUIET));
    if plot.h < 6 || spread.mean.is_empty() {
        return;
    }
    canvas.round(plot, dims.radius, CARD, 255);
    let plot = if dims.cells { plot } else { plot.inset(dims.gap, dims.gap / 2) };
    let most = spread
        .mean
        .iter()
        .enumerate()
        .map(|(i, m)| m.abs() + if spread.log_variance.is_some() { 2.0 * spread.deviation(i) } else { 0.0 });
    let most = most.fold(2.5f32, f32::max);
    let row = |value: f32| plot.y + ((most - value.clamp(-most, most)) / (2.0 * most) * (plot.h - 1) as f32).round() as i32;
    canvas.fill(Area::new(plot.x, row(0.0), plot.w, 1).common(&plot), TRACK);
    let count = spread.mean.len() as i32;
    for (i, &mean) in spread.mean.iter().enumerate() {
        let [left, right] = [i as i32, i as i32 + 1].map(|place| plot.x + place * plot.w / count);
        let wide = ((right - left) * 2 / 3).max(1);
        let column = Area::new(left + (right - left - wide) / 2, plot.y, wide, plot.h);
        if spread.log_variance.is_some() {
            let reach = 2.0 * spread.deviation(i);
            let (top, bottom) = (row(mean + reach), row(mean - reach));
            canvas.round(Area { y: top, h: (bottom - top).max(1), ..column }.common(&plot), wide / 3, ACCENT, 90);
        }
        let thick = (plot.h / 40).clamp(1, 4);
        canvas.fill(Area { y: row(mean) - thick / 2, h: thick, ..column }.common(&plot), ACCENT);
    }
}
