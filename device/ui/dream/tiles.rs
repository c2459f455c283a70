//! Grids of pictures: a walk that fills the stage, and samples of two nets side by side.

use super::{Dims, draw_tile};
use crate::generate::Tiles;
use crate::screen::{Area, Canvas};
use crate::ui::theme::{QUIET, TEXT, centre};

/// Columns and rows of squares that fill a stage, about `count` of them, and the side of each.
pub fn fill(stage: Area, count: i32) -> (i32, i32, i32) {
    if stage.is_empty() {
        return (1, 1, 0);
    }
    let side = |columns: i32| (stage.w / columns).min(stage.h / (count + columns - 1).div_euclid(columns).max(1));
    let columns = (1..=count).max_by_key(|&columns| (side(columns), -columns)).unwrap_or(1);
    let side = side(columns).max(1);
    ((stage.w / side).max(1), (stage.h / side).max(1), side)
}

/// All of `tiles` in rows, in the middle of the stage, as large as they fit.
pub fn draw_grid(canvas: &mut Canvas, tiles: &Tiles, stage: Area, dims: Dims) {
    let count = tiles.count() as i32;
    if count == 0 || stage.is_empty() {
        return;
    }
    let side = |columns: i32| (stage.w / columns).min(stage.h / ((count + columns - 1) / columns));
    let columns = (1..=count).max_by_key(|&columns| (side(columns), -columns)).unwrap_or(1);
    let (side, rows) = (side(columns), (count + columns - 1) / columns);
    let left = stage.x + (stage.w - columns * side) / 2;
    let top = stage.y + (stage.h - rows * side) / 2;
    let gap = if dims.cells { 0 } else { (side / 24).max(1) };
    for index in 0..count {
        let place = Area::new(left + index % columns * side, top + index / columns * side, side - gap, side - gap);
        draw_tile(canvas, tiles, index as usize, place);
    }
}

/// One net's samples.
pub struct Batch<'a> {
    /// Which net.
    pub title: &'a str,
    /// What is said of them.
    pub words: &'a str,
    /// What it drew.
    pub tiles: Option<&'a Tiles>,
}

/// The nets' samples side by side, or one above the other on an upright stage, each with its name above and what the classifier
/// says of them below.
pub fn draw_batches(canvas: &mut Canvas, batches: &[Batch], stage: Area, dims: Dims) {
    let count = batches.len().max(1) as i32;
    let across = stage.w >= stage.h;
    let mut rest = stage;
    for batch in batches {
        let (place, after) = if across {
            rest.cut_left((stage.w - (count - 1) * dims.gap) / count)
        } else {
            rest.cut_top(dims.even((stage.h - (count - 1) * dims.gap) / count))
        };
        rest = if across { after.cut_left(dims.gap).1 } else { after.cut_top(dims.even(dims.gap)).1 };
        let (title, inner) = place.cut_top(dims.line);
        let (words, inner) = inner.cut_bottom(dims.line);
        canvas.write(title, batch.title, centre(dims.body, TEXT));
        canvas.write(words, batch.words, centre(dims.body, QUIET));
        if let Some(tiles) = batch.tiles {
            draw_grid(canvas, tiles, inner, dims);
        }
    }
}
