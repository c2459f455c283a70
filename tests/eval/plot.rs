//! Curves in, a picture of them out.

use anyhow::{Context, Result};
use embedded_graphics::pixelcolor::Rgb888;
use lookalike::screen::{Align, Area, Canvas, Style, Surface};
use std::path::Path;

/// A line through points, and what it says.
pub struct Curve {
    pub title: String,
    /// From left to right, in the chart's units.
    pub points: Vec<[f32; 2]>,
}

/// A square of paper with a grid.
pub struct Chart<'a> {
    /// Below it, and above it.
    pub titles: [&'a str; 2],
    /// The lines of the grid, from the left and from below.
    pub grid: [Vec<f32>; 2],
    /// A line on which the curves should lie goes from corner to corner.
    pub diagonal: bool,
    /// The first curve's title stands so high above the bottom, as a share of the square's height.
    pub legend: f32,
}

const SIZE: u32 = 560;
/// Pixels of the square, and around it.
const SIDE: i32 = 440;
const LEFT: i32 = 84;
const TOP: i32 = 36;
const PAPER: Rgb888 = Rgb888::new(255, 255, 255);
const INK: Rgb888 = Rgb888::new(40, 40, 40);
const GRID: Rgb888 = Rgb888::new(225, 225, 225);
const COLORS: [Rgb888; 4] =
    [Rgb888::new(0, 114, 178), Rgb888::new(213, 94, 0), Rgb888::new(0, 158, 115), Rgb888::new(204, 121, 167)];

impl Chart<'_> {
    /// Draws the curves into a PNG.
    pub fn draw(&self, file: &Path, curves: &[Curve]) -> Result<()> {
        let mut canvas = Canvas::new(Surface { width: SIZE, height: SIZE, cells: false });
        canvas.wipe(PAPER);
        let ends = self.grid.each_ref().map(|lines| [lines[0], lines[lines.len() - 1]]);
        let share = |axis: usize, value: f32| (value - ends[axis][0]) / (ends[axis][1] - ends[axis][0]) * SIDE as f32;
        let at = |[x, y]: [f32; 2]| [LEFT as f32 + share(0, x), (TOP + SIDE) as f32 - share(1, y)];
        let text = |align| Style { px: 16, color: INK, align };
        for &x in &self.grid[0] {
            canvas.line(at([x, ends[1][0]]), at([x, ends[1][1]]), 1.0, GRID, 255);
            let [middle, _] = at([x, ends[1][0]]).map(|v| v as i32);
            canvas.write(Area::new(middle - 40, TOP + SIDE + 8, 80, 20), &x.to_string(), text(Align::Centre));
        }
        for &y in &self.grid[1] {
            canvas.line(at([ends[0][0], y]), at([ends[0][1], y]), 1.0, GRID, 255);
            let [_, middle] = at([ends[0][0], y]).map(|v| v as i32);
            canvas.write(Area::new(LEFT - 60, middle - 10, 50, 20), &y.to_string(), text(Align::Right));
        }
        if self.diagonal {
            canvas.line(at([ends[0][0], ends[1][0]]), at([ends[0][1], ends[1][1]]), 1.5, INK, 140);
        }
        canvas.write(Area::new(LEFT, TOP + SIDE + 34, SIDE, 22), self.titles[0], text(Align::Centre));
        canvas.write(Area::new(4, 8, SIZE as i32 - 8, 22), self.titles[1], text(Align::Left));
        for (i, curve) in curves.iter().enumerate() {
            let color = COLORS[i % COLORS.len()];
            for pair in curve.points.windows(2) {
                canvas.line(at(pair[0]), at(pair[1]), 2.5, color, 255);
            }
            for &point in &curve.points {
                canvas.line(at(point), at(point), 7.0, color, 255);
            }
            let row = TOP + ((1.0 - self.legend) * SIDE as f32) as i32 + 26 * i as i32;
            canvas.line([LEFT as f32 + 20.0, row as f32 + 10.0], [LEFT as f32 + 46.0, row as f32 + 10.0], 4.0, color, 255);
            canvas.write(Area::new(LEFT + 56, row, 240, 20), &curve.title, text(Align::Left));
        }
        let pixels: Vec<u8> = canvas.pixels().iter().flat_map(|p| [(p >> 16) as u8, (p >> 8) as u8, *p as u8]).collect();
        let picture = image::RgbImage::from_raw(SIZE, SIZE, pixels).context("pixels of another size")?;
        picture.save(file).with_context(|| format!("cannot write {}", file.display()))
    }
}
