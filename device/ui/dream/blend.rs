//! A polygon with a picture at each corner, a finger in it, and the blend of the pictures beside it.

use super::{ACCENT, Dims, draw_tile};
use crate::generate::Tiles;
use crate::screen::{Area, Canvas};
use crate::ui::theme::{BACK, QUIET, TEXT, TRACK, centre, percent};

/// What is shown.
pub struct View<'a> {
    /// A picture per corner.
    pub corners: &'a Tiles,
    /// Where the corners are, 0 to 1 in [`board`].
    pub places: &'a [[f32; 2]],
    /// Their weights.
    pub weights: &'a [f32],
    /// Where the finger is, in the same measure.
    pub finger: [f32; 2],
    /// What the weights make.
    pub result: Option<&'a Tiles>,
    /// What the classifier says of it; empty without one.
    pub verdict: &'a str,
}

/// Where the polygon lies.
pub fn board(stage: Area, dims: Dims) -> Area {
    let side = half(stage).0.fit(1, 1);
    let tile = tile_side(side);
    side.inset(tile / 2 + dims.gap / 2, tile / 2 + dims.gap / 2)
}

fn half(stage: Area) -> (Area, Area) {
    if stage.w >= stage.h { stage.cut_left(stage.w * 4 / 7) } else { stage.cut_top(stage.h * 4 / 7 / 2 * 2) }
}

fn tile_side(square: Area) -> i32 {
    square.w / 5
}

/// Draws it.
pub fn draw(canvas: &mut Canvas, view: &View, stage: Area, dims: Dims) {
    let board = board(stage, dims);
    if board.is_empty() {
        return;
    }
    let at = |p: [f32; 2]| [board.x as f32 + p[0] * board.w as f32, board.y as f32 + p[1] * board.h as f32];
    let finger = at(view.finger);
    let thin = (dims.body as f32 / 10.0).max(1.0);
    for (i, &corner) in view.places.iter().enumerate() {
        canvas.line(at(corner), at(view.places[(i + 1) % view.places.len()]), thin, TRACK, 255);
    }
    for (&corner, &weight) in view.places.iter().zip(view.weights) {
        canvas.line(at(corner), finger, thin + weight * thin * 4.0, ACCENT, 60 + (weight * 195.0) as u8);
    }
    let side = tile_side(half(stage).0.fit(1, 1)).max(2);
    for (i, &corner) in view.places.iter().enumerate() {
        let [x, y] = at(corner).map(|v| v.round() as i32 - side / 2);
        draw_tile(canvas, view.corners, i, Area::new(x, y, side, side));
        let share = view.weights.get(i).copied().unwrap_or_default();
        // On the tile, where the picture of a digit has only ground.
        let words = Area::new(x, y + side - dims.small_line, side, dims.small_line);
        if !dims.cells {
            canvas.write(words, &percent(share * 100.0), centre(dims.small * 4 / 5, QUIET));
        }
    }
    let dot = (dims.body).max(2);
    let [x, y] = finger.map(|v| v.round() as i32 - dot / 2);
    canvas.round(Area::new(x - 1, y - 1, dot + 2, dot + 2), dot, BACK, 160);
    canvas.round(Area::new(x, y, dot, dot), dot, ACCENT, 255);
    let (_, result) = half(stage);
    let (caption, place) = result.cut_bottom(dims.line);
    if let Some(tiles) = view.result {
        draw_tile(canvas, tiles, 0, if dims.cells { place } else { place.inset(dims.gap, dims.gap / 2) });
    }
    canvas.write(caption, view.verdict, centre(dims.body, TEXT));
}
