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
    // The tiles lie around the corners, with a line of words below each.
    let (_, room) = half(stage).0.cut_top(dims.gap / 2);
    let room = room.cut_bottom(dims.small_line).1;
    let square = room.fit(1, 1);
    let tile = tile_side(square);
    square.inset(tile / 2, tile / 2)
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
    let side = (board.w / 4).max(2);
    for (i, &corner) in view.places.iter().enumerate() {
        let [x, y] = at(corner).map(|v| v.round() as i32 - side / 2);
        draw_tile(canvas, view.corners, i, Area::new(x, y, side, side));
        let share = view.weights.get(i).copied().unwrap_or_default();
        canvas.write(Area::new(x, y + side, side, dims.small_line), &percent(share * 100.0), centre(dims.small, QUIET));
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
