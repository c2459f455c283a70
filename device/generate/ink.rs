//! Strokes of a finger, or a photo of handwriting, in; a picture like those that the digits' nets know out.
//!
//! The digits were made so (Y. LeCun, "The MNIST database"): the ink fits into 20x20 of the 28x28 pixels, grey at its edges, and
//! its centre of mass is in the middle.

use super::{Shape, Tiles};

/// The part of the picture's side that the ink's longer side takes.
const INK: f32 = 20.0 / 28.0;

/// Half the width of a stroke, as a part of the drawing's longer side; at least of [`THIN`] of the sheet.
const PEN: f32 = 0.065;
const THIN: f32 = 0.01;

/// Lines drawn one after the other, in parts of the sheet's width and height, 0 to 1, x to the right, y down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strokes {
    lines: Vec<Vec<[f32; 2]>>,
    points: usize,
}

/// More points than a hand draws: a booth where somebody leans on the panel keeps its memory.
const POINTS_MOST: usize = 20_000;

impl Strokes {
    /// Puts the pen down.
    pub fn begin(&mut self, at: [f32; 2]) {
        if self.points < POINTS_MOST && at.iter().all(|v| v.is_finite()) {
            self.points += 1;
            self.lines.push(vec![at]);
        }
    }

    /// Moves the pen; where it is not down, puts it down.
    pub fn go_on(&mut self, at: [f32; 2]) {
        match self.lines.last_mut() {
            Some(line) if self.points < POINTS_MOST && at.iter().all(|v| v.is_finite()) => {
                self.points += 1;
                line.push(at);
            }
            Some(_) => {}
            None => self.begin(at),
        }
    }

    /// An empty sheet.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether nothing was drawn.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The lines.
    pub fn lines(&self) -> &[Vec<[f32; 2]>] {
        &self.lines
    }

    /// The drawing as the nets know digits, of one grey picture of `shape`; black where nothing was drawn.
    pub fn picture(&self, shape: Shape) -> Tiles {
        /// Finer than the picture, then brought to its size.
        const SIDE: usize = 140;
        let points = || self.lines.iter().flatten();
        let low = |axis: usize| points().map(|p| p[axis]).fold(f32::INFINITY, f32::min);
        let high = |axis: usize| points().map(|p| p[axis]).fold(f32::NEG_INFINITY, f32::max);
        let mut sheet = vec![0.0; SIDE * SIDE];
        if !self.is_empty() {
            let long = (high(0) - low(0)).max(high(1) - low(1));
            let pen = (PEN * long).max(THIN);
            // As large as can be on the fine sheet, so that a small drawing is as smooth as a large one.
            let scale = (SIDE as f32 - 2.0) / (long + 2.0 * pen);
            let place = |p: &[f32; 2]| [0, 1].map(|axis: usize| (p[axis] - low(axis) + pen) * scale + 1.0);
            for line in &self.lines {
                let ends = line.iter().zip(line.iter().skip(1)).map(|(a, b)| (place(a), place(b)));
                let dot = line.first().map(|p| (place(p), place(p)));
                ends.chain(dot).for_each(|(a, b)| stroke(&mut sheet, SIDE, a, b, pen * scale));
            }
        }
        centred(&sheet, [SIDE, SIDE], shape)
    }
}

/// Draws a line with round ends and soft edges, `pen` pixels to each side.
fn stroke(sheet: &mut [f32], side: usize, a: [f32; 2], b: [f32; 2], pen: f32) {
    let span = |axis: usize| {
        let (low, high) = (a[axis].min(b[axis]) - pen - 1.0, a[axis].max(b[axis]) + pen + 1.0);
        low.max(0.0) as usize..(high.max(0.0) as usize + 1).min(side)
    };
    let line = [b[0] - a[0], b[1] - a[1]];
    let square = (line[0] * line[0] + line[1] * line[1]).max(f32::MIN_POSITIVE);
    for y in span(1) {
        for x in span(0) {
            let at = [x as f32 + 0.5 - a[0], y as f32 + 0.5 - a[1]];
            let along = ((at[0] * line[0] + at[1] * line[1]) / square).clamp(0.0, 1.0);
            let far = (at[0] - along * line[0]).hypot(at[1] - along * line[1]);
            let ink = &mut sheet[y * side + x];
            *ink = ink.max((pen + 0.5 - far).clamp(0.0, 1.0));
        }
    }
}

/// A photo of dark ink on light ground, or light on dark, as RGB bytes, of [width, height]; a picture as the nets know digits out.
/// `None` where ink and ground cannot be told apart.
pub fn from_photo(rgb: &[u8], [width, height]: [usize; 2], shape: Shape) -> Option<Tiles> {
    let grey: Vec<f32> = rgb
        .chunks_exact(3)
        .map(|p| (0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2])) / 255.0)
        .collect();
    if grey.len() != width * height || grey.is_empty() {
        return None;
    }
    let threshold = between_classes(&grey)?;
    let mean = |keep: &dyn Fn(f32) -> bool| {
        let (sum, count) = grey.iter().filter(|v| keep(**v)).fold((0.0, 0), |(s, n), v| (s + v, n + 1));
        (sum / count.max(1) as f32, count)
    };
    let ((dark, darks), (light, lights)) = (mean(&|v| v <= threshold), mean(&|v| v > threshold));
    if light - dark < 0.15 {
        return None;
    }
    // There is more ground than ink.
    let (ink, ground) = if darks <= lights { (dark, light) } else { (light, dark) };
    // The ground's own noise is no ink.
    let sheet: Vec<f32> = grey.iter().map(|v| ((v - ground) / (ink - ground) * 1.25 - 0.25).clamp(0.0, 1.0)).collect();
    Some(centred(&sheet, [width, height], shape))
}

/// The grey that parts the two classes best (Otsu 1979); `None` for one even grey.
fn between_classes(grey: &[f32]) -> Option<f32> {
    let mut histogram = [0usize; 256];
    grey.iter().for_each(|v| histogram[(v * 255.0) as usize] += 1);
    let total: f64 = histogram.iter().enumerate().map(|(v, &n)| v as f64 * n as f64).sum();
    let (mut below, mut sum, mut best) = (0.0, 0.0, (0.0, None));
    for (value, &count) in histogram.iter().enumerate() {
        below += count as f64;
        sum += value as f64 * count as f64;
        let above = grey.len() as f64 - below;
        if below > 0.0 && above > 0.0 {
            let apart = sum / below - (total - sum) / above;
            if below * above * apart * apart > best.0 {
                best = (below * above * apart * apart, Some((value as f32 + 0.5) / 255.0));
            }
        }
    }
    best.1
}

/// Ink of 0 to 1 in rows of [width, height], brought to the digits' size and put with its centre of mass in the middle.
fn centred(sheet: &[f32], [width, height]: [usize; 2], shape: Shape) -> Tiles {
    let mut out = vec![0.0; shape.length()];
    let inked: Vec<(usize, usize)> =
        (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).filter(|&(x, y)| sheet[y * width + x] > 0.1).collect();
    let bounds = |of: &dyn Fn(&(usize, usize)) -> usize| {
        Some((inked.iter().map(of).min()? as f32, inked.iter().map(of).max()? as f32 + 1.0))
    };
    if let (Some(across), Some(down)) = (bounds(&|p| p.0), bounds(&|p| p.1)) {
        let step = (across.1 - across.0).max(down.1 - down.0) / (INK * shape.height.min(shape.width) as f32);
        let mass: f32 = inked.iter().map(|&(x, y)| sheet[y * width + x]).sum();
        let middle = |of: &dyn Fn(&(usize, usize)) -> usize| {
            inked.iter().map(|p| sheet[p.1 * width + p.0] * (of(p) as f32 + 0.5)).sum::<f32>() / mass
        };
        let [cx, cy] = [middle(&|p| p.0), middle(&|p| p.1)];
        for (place, value) in out.iter_mut().take(shape.height * shape.width).enumerate() {
            let (y, x) = (place / shape.width, place % shape.width);
            let left = cx + (x as f32 - shape.width as f32 / 2.0) * step;
            let top = cy + (y as f32 - shape.height as f32 / 2.0) * step;
            *value = mean_in(sheet, [width, height], [left, top], step);
        }
    }
    Tiles { shape, values: out }
}

/// The mean of a square of `side` pixels; nothing lies outside of the sheet.
fn mean_in(sheet: &[f32], [width, height]: [usize; 2], [left, top]: [f32; 2], side: f32) -> f32 {
    // A square smaller than a pixel is a look at one point.
    let looks = (side.ceil() as usize).clamp(1, 64);
    let mut sum = 0.0;
    for (row, column) in (0..looks).flat_map(|r| (0..looks).map(move |c| (r, c))) {
        let at = |start: f32, i: usize| (start + (i as f32 + 0.5) * side / looks as f32).floor();
        let (x, y) = (at(left, column), at(top, row));
        if x >= 0.0 && y >= 0.0 && x < width as f32 && y < height as f32 {
            sum += sheet[y as usize * width + x as usize];
        }
    }
    (sum / (looks * looks) as f32).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { channels: 1, height: 28, width: 28 };

    fn drawn(points: &[[f32; 2]]) -> Strokes {
        let mut strokes = Strokes::default();
        points.iter().for_each(|&p| strokes.go_on(p));
        strokes
    }

    fn art(tiles: &Tiles) -> Vec<String> {
        let letter = |v: &f32| if *v > 0.5 { '#' } else { '.' };
        tiles.values.chunks(28).map(|row| row.iter().map(letter).collect()).collect()
    }

    fn centre(tiles: &Tiles) -> [f32; 2] {
        let mass: f32 = tiles.values.iter().sum();
        let moment = |f: &dyn Fn(usize) -> usize| {
            tiles.values.iter().enumerate().map(|(i, v)| v * (f(i) as f32 + 0.5)).sum::<f32>() / mass
        };
        [moment(&|i| i % 28), moment(&|i| i / 28)]
    }

    #[test]
    fn a_line_is_20_pixels_long_and_in_the_middle_wherever_it_was_drawn() {
        for (from, to) in [([0.5, 0.1], [0.5, 0.9]), ([0.05, 0.05], [0.05, 0.25]), ([0.9, 0.3], [0.9, 0.32])] {
            let picture = drawn(&[from, to]).picture(SHAPE);
            let art = art(&picture);
            let long = art.iter().filter(|row| row.contains('#')).count();
            assert!((19..=21).contains(&long), "{long} rows:\n{}", art.join("\n"));
            let [x, y] = centre(&picture);
            assert!((x - 14.0).abs() < 0.6 && (y - 14.0).abs() < 0.6, "{x} {y}");
        }
    }

    #[test]
    fn a_dot_is_a_disc_and_an_empty_sheet_is_black() {
        let dot = drawn(&[[0.3, 0.3]]).picture(SHAPE);
        assert_eq!(art(&dot)[14].matches('#').count(), 20);
        assert_eq!(Strokes::default().picture(SHAPE).values, [0.0; 784]);
    }

    #[test]
    fn wild_points_are_left_out() {
        let mut strokes = drawn(&[[0.1, 0.1], [f32::NAN, 0.5], [0.9, 0.9]]);
        strokes.begin([f32::INFINITY, 0.0]);
        assert!(strokes.picture(SHAPE).values.iter().all(|v| (0.0..=1.0).contains(v)));
        (0..POINTS_MOST + 10).for_each(|_| strokes.go_on([0.5, 0.5]));
        assert_eq!(strokes.points, POINTS_MOST);
    }

    /// A dark bar on light paper of 60x40 pixels.
    fn photo(ink: u8, ground: u8) -> Vec<u8> {
        let pixel = |i: usize| if (24..32).contains(&(i % 60)) && (8..32).contains(&(i / 60)) { ink } else { ground };
        (0..60 * 40).flat_map(|i| [pixel(i); 3]).collect()
    }

    #[test]
    fn ink_is_found_dark_on_light_and_light_on_dark() {
        let dark = from_photo(&photo(30, 220), [60, 40], SHAPE).unwrap();
        let light = from_photo(&photo(220, 30), [60, 40], SHAPE).unwrap();
        assert_eq!(art(&dark), art(&light));
        assert_eq!(art(&dark).iter().filter(|row| row.contains('#')).count(), 20);
    }

    #[test]
    fn an_even_photo_has_no_ink() {
        assert_eq!(from_photo(&photo(100, 100), [60, 40], SHAPE), None);
        assert_eq!(from_photo(&photo(100, 110), [60, 40], SHAPE), None);
        assert_eq!(from_photo(&[], [0, 0], SHAPE), None);
    }
}
