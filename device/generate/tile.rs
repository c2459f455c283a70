//! Pictures of floats, as nets take and give them, and as bytes for a screen or file.

use crate::types::Chip;
use anyhow::{Result, ensure};

/// Size of a picture of floats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl Shape {
    /// Numbers in a picture.
    pub fn length(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl From<[usize; 3]> for Shape {
    /// [channels, height, width].
    fn from([channels, height, width]: [usize; 3]) -> Self {
        Self { channels, height, width }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}x{} {}", self.width, self.height, if self.channels == 1 { "grey" } else { "colour" })
    }
}

/// Any number of pictures of one size, one behind the other, each channel by channel and row by row, 0 (ground) to 1 (ink).
#[derive(Clone, Debug, PartialEq)]
pub struct Tiles {
    /// Of each.
    pub shape: Shape,
    /// Count x channels x height x width.
    pub values: Vec<f32>,
}

impl Tiles {
    /// No picture yet.
    pub fn empty(shape: Shape) -> Self {
        Self { shape, values: Vec::new() }
    }

    /// Pictures whose numbers are `values`.
    ///
    /// # Errors
    /// Where they are no whole number of pictures.
    pub fn new(shape: Shape, values: Vec<f32>) -> Result<Self> {
        ensure!(
            shape.length() > 0 && values.len().is_multiple_of(shape.length()),
            "{} numbers are no {shape} pictures",
            values.len()
        );
        Ok(Self { shape, values })
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.values.len() / self.shape.length().max(1)
    }

    /// Each picture's numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.shape.length().max(1))
    }

    /// The numbers of one; empty where there are fewer.
    pub fn get(&self, index: usize) -> &[f32] {
        self.iter().nth(index).unwrap_or_default()
    }

    /// Adds one of the same size.
    pub fn push(&mut self, picture: &[f32]) {
        debug_assert_eq!(picture.len(), self.shape.length());
        self.values.extend_from_slice(picture);
    }

    /// One as bytes: white on black where it is grey. What is no number is black.
    pub fn chip(&self, index: usize) -> Chip {
        let Shape { height, width, .. } = self.shape;
        let mut pixels = vec![0; height * width * 3];
        draw(self.get(index), self.shape, &mut pixels, width, [0, 0]);
        Chip { width: width as u32, height: height as u32, pixels }
    }

    /// All of them side by side in rows of `columns`, `gap` pixels apart, on mid-grey.
    pub fn sheet(&self, columns: usize, gap: usize) -> Chip {
        let (count, columns) = (self.count(), columns.clamp(1, self.count().max(1)));
        let rows = count.div_ceil(columns).max(1);
        let Shape { height, width, .. } = self.shape;
        let size = [columns * (width + gap) + gap, rows * (height + gap) + gap];
        let mut pixels = vec![GROUND; size[0] * size[1] * 3];
        for (index, picture) in self.iter().enumerate() {
            let at = [gap + index % columns * (width + gap), gap + index / columns * (height + gap)];
            draw(picture, self.shape, &mut pixels, size[0], at);
        }
        Chip { width: size[0] as u32, height: size[1] as u32, pixels }
    }
}

/// Between the pictures of a sheet.
const GROUND: u8 = 64;

fn draw(picture: &[f32], shape: Shape, pixels: &mut [u8], row_width: usize, [left, top]: [usize; 2]) {
    let plane = shape.height * shape.width;
    for (place, _) in picture.iter().take(plane).enumerate() {
        let (y, x) = (place / shape.width, place % shape.width);
        let to = ((top + y) * row_width + left + x) * 3;
        for channel in 0..3 {
            let from = if shape.channels == 3 { channel * plane + place } else { place };
            pixels[to + channel] = (picture[from].clamp(0.0, 1.0) * 255.0).round() as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREY: Shape = Shape { channels: 1, height: 1, width: 2 };

    #[test]
    fn grey_becomes_three_equal_bytes_and_colour_is_interleaved() {
        let grey = Tiles::new(GREY, vec![0.0, 0.5, 1.0, f32::NAN]).unwrap();
        assert_eq!(grey.chip(0).pixels, [0, 0, 0, 128, 128, 128]);
        assert_eq!(grey.chip(1).pixels, [255, 255, 255, 0, 0, 0]);
        let colour = Tiles::new(Shape { channels: 3, ..GREY }, vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0]).unwrap();
        assert_eq!(colour.chip(0).pixels, [255, 0, 0, 0, 255, 0]);
    }

    #[test]
    fn a_sheet_has_rows_of_pictures_with_gaps() {
        let three = Tiles::new(GREY, vec![1.0; 6]).unwrap();
        let sheet = three.sheet(2, 1);
        assert_eq!((sheet.width, sheet.height), (7, 5));
        let row = |y: usize| sheet.pixels[y * 21..][..21].iter().step_by(3).map(|v| u8::from(*v == 255)).collect::<Vec<_>>();
        assert_eq!((row(0), row(1), row(3)), (vec![0; 7], vec![0, 1, 1, 0, 1, 1, 0], vec![0, 1, 1, 0, 0, 0, 0]));
    }

    #[test]
    fn numbers_that_are_no_whole_pictures_are_refused() {
        assert!(Tiles::new(GREY, vec![0.0; 3]).unwrap_err().to_string().contains("3 numbers are no 2x1 grey pictures"));
    }
}
