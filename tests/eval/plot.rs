//! Reliability curves in, a picture out.

use anyhow::{Context, Result};
use embedded_graphics::pixelcolor::Rgb888;
use lookalike::screen::{Align, Area, Canvas, Style, Surface};
use std::path::Path;

/// What was said and how often it was right, in percent.
pub struct Curve {
    pub title: String,
    pub points: Vec<[f32; 2]>,
}

const SIZE: u32 = 560;
/// Pixels of the square, and around it.
const SIDE: i32 = 440;
const LEFT: i32 = 84;
const TOP: i32 = 36;
const PAPER: Rgb888 = Rgb888::new(255, 255, 255);
const INK: Rgb888 = Rgb888::new(40, 40, 40);
const GRID: Rgb888 = Rgb888::new(225, 225, 225);
const COLORS: [Rgb888; 3] = [Rgb888::new(0, 114, 178), Rgb888::new(213, 94, 0), Rgb888::new(0, 158, 115)];

/// Draws the curves, and the line on which they should lie.
pub fn reliability(file: &Path, curves: &[Curve]) -> Result<()> {
    let mut canvas = Canvas::new(Surface { width: SIZE, height: SIZE, cells: false });
    canvas.wipe(PAPER);
    let at = |[x, y]: [f32; 2]| [LEFT as f32 + x * SIDE as f32 / 100.0, TOP as f32 + (100.0 - y) * SIDE as f32 / 100.0];
    let text = |align| Style { px: 16, color: INK, align };
    for step in [0, 20, 40, 60, 80, 100] {
        let along = step as f32;
        canvas.line(at([along, 0.0]), at([along, 100.0]), 1.0, GRID, 255);
        canvas.line(at([0.0, along]), at([100.0, along]), 1.0, GRID, 255);
        let [x, y] = at([along, along]).map(|v| v as i32);
        canvas.write(Area::new(x - 40, TOP + SIDE + 8, 80, 20), &step.to_string(), text(Align::Centre));
        canvas.write(Area::new(LEFT - 60, y - 10, 50, 20), &step.to_string(), text(Align::Right));
    }
    canvas.line(at([0.0, 0.0]), at([100.0, 100.0]), 1.5, INK, 140);
    canvas.write(Area::new(LEFT, TOP + SIDE + 34, SIDE, 22), "percentage that was said", text(Align::Centre));
    canvas.write(Area::new(4, 8, 400, 22), "answers of them that were right, in percent", text(Align::Left));
    for (i, curve) in curves.iter().enumerate() {
        let color = COLORS[i % COLORS.len()];
        for pair in curve.points.windows(2) {
            canvas.line(at(pair[0]), at(pair[1]), 2.5, color, 255);
        }
        for &point in &curve.points {
            canvas.line(at(point), at(point), 9.0, color, 255);
        }
        let row = TOP + 16 + 26 * i as i32;
        canvas.line([LEFT as f32 + 20.0, row as f32 + 10.0], [LEFT as f32 + 46.0, row as f32 + 10.0], 4.0, color, 255);
        canvas.write(Area::new(LEFT + 56, row, 200, 20), &curve.title, text(Align::Left));
    }
    let pixels: Vec<u8> = canvas.pixels().iter().flat_map(|p| [(p >> 16) as u8, (p >> 8) as u8, *p as u8]).collect();
    let picture = image::RgbImage::from_raw(SIZE, SIZE, pixels).context("pixels of another size")?;
    picture.save(file).with_context(|| format!("cannot write {}", file.display()))
}
