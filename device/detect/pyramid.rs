//! Pictures at the sizes that the nets want: the pyramid's levels and the candidates' crops.

use crate::types::{Frame, Rect};
use anyhow::{Result, ensure};
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

/// P-Net's window in pixels of a level: the smallest face that it sees.
pub(super) const WINDOW_PX: f32 = 12.0;

/// One level of the pyramid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub width: u32,
    pub height: u32,
}

/// The levels for a frame, largest first (Zhang et al. 2016, section II.A): the first shows a face of `min_face_px`
/// in P-Net's window, each next one is smaller by `factor`, the last still holds a window.
/// A frame smaller than a window has none. Levels are never larger than the frame when faces of 12 pixels and more are sought.
pub(super) fn levels(width: u32, height: u32, min_face_px: f32, factor: f32) -> Vec<Level> {
    let mut scale = WINDOW_PX / min_face_px;
    let mut found = Vec::new();
    let shorter = width.min(height) as f32;
    while shorter * scale >= WINDOW_PX {
        found.push(Level { width: (width as f32 * scale + 1.0) as u32, height: (height as f32 * scale + 1.0) as u32 });
        scale *= factor;
    }
    found
}

/// Resizes parts of frames by area averaging, keeping its buffers.
pub(super) struct Scaler {
    resizer: Resizer,
    options: ResizeOptions,
    bytes: Vec<u8>,
}

impl Scaler {
    pub fn new() -> Self {
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(match std::env::var("VF").as_deref() { Ok("bi") => FilterType::Bilinear, Ok("ham") => FilterType::Hamming, _ => FilterType::Box }));
        Self { resizer: Resizer::new(), options, bytes: Vec::new() }
    }

    /// The whole frame at the level's size: RGB bytes, rows from the top.
    pub fn level(&mut self, frame: &Frame, level: Level) -> Result<&[u8]> {
        let Level { width, height } = level;
        self.bytes.resize((width * height * 3) as usize, 0);
        let source = ImageRef::new(frame.width, frame.height, &frame.pixels, PixelType::U8x3)?;
        let mut target = Image::from_slice_u8(width, height, &mut self.bytes, PixelType::U8x3)?;
        self.resizer.resize(&source, &mut target, &self.options)?;
        Ok(&self.bytes)
    }

    /// A square part of the frame at `side_px` x `side_px`; black where the square reaches beyond the frame.
    pub fn crop(&mut self, frame: &Frame, rect: Rect, side_px: u32) -> Result<&[u8]> {
        let side = side_px as usize;
        self.bytes.clear();
        self.bytes.resize(side * side * 3, if std::env::var("VGREY").is_ok() { 127 } else { 0 });
        ensure!(rect.w.is_finite() && rect.h.is_finite() && rect.w > 0.0, "a crop of {rect:?}");
        if std::env::var("VB").is_ok() {
            let x0 = rect.x.trunc().clamp(0.0, frame.width as f32 - 1.0);
            let y0 = rect.y.trunc().clamp(0.0, frame.height as f32 - 1.0);
            let x1 = (rect.x + rect.w).trunc().clamp(x0 + 1.0, frame.width as f32);
            let y1 = (rect.y + rect.h).trunc().clamp(y0 + 1.0, frame.height as f32);
            let source = ImageRef::new(frame.width, frame.height, &frame.pixels, PixelType::U8x3)?;
            let options = self.options.clone().crop(x0 as f64, y0 as f64, (x1 - x0) as f64, (y1 - y0) as f64);
            let mut target = Image::from_slice_u8(side_px, side_px, &mut self.bytes, PixelType::U8x3)?;
            self.resizer.resize(&source, &mut target, &options)?;
            return Ok(&self.bytes);
        }
        let (columns, left, width) = inside(rect.x, rect.w, frame.width, side_px);
        let (rows, upper, height) = inside(rect.y, rect.h, frame.height, side_px);
        if columns.is_empty() || rows.is_empty() {
            return Ok(&self.bytes);
        }
        let source = ImageRef::new(frame.width, frame.height, &frame.pixels, PixelType::U8x3)?;
        let options = self.options.clone().crop(left, upper, width, height);
        if columns.len() == side && rows.len() == side {
            let mut target = Image::from_slice_u8(side_px, side_px, &mut self.bytes, PixelType::U8x3)?;
            self.resizer.resize(&source, &mut target, &options)?;
            return Ok(&self.bytes);
        }
        let mut part = Image::new(columns.len() as u32, rows.len() as u32, PixelType::U8x3);
        self.resizer.resize(&source, &mut part, &options)?;
        for (row, line) in rows.zip(part.buffer().chunks_exact(columns.len() * 3)) {
            let at = (row * side + columns.start) * 3;
            self.bytes[at..at + line.len()].copy_from_slice(line);
        }
        Ok(&self.bytes)
    }
}

/// The target pixels of one axis that show the frame, and the part of the frame (start, length) that they show.
fn inside(start: f32, length: f32, frame: u32, side: u32) -> (std::ops::Range<usize>, f64, f64) {
    let (start, length, frame, side) = (f64::from(start), f64::from(length), f64::from(frame), f64::from(side));
    let step = length / side;
    let first = ((-start / step).round()).clamp(0.0, side);
    let last = (((frame - start) / step).round()).clamp(first, side);
    let from = (start + first * step).clamp(0.0, frame);
    let to = (start + last * step).clamp(from, frame);
    if to - from < 1e-3 {
        return (0..0, 0.0, 0.0);
    }
    (first as usize..last as usize, from, to - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: u32, height: u32, value: u8) -> Frame {
        Frame { width, height, pixels: vec![value; (width * height * 3) as usize], ..Frame::empty() }
    }

    #[test]
    fn the_pyramid_of_a_vga_frame_ends_before_the_window() {
        let found = levels(640, 480, 40.0, 0.709);
        assert_eq!(found[0], Level { width: 193, height: 145 });
        assert_eq!(found.len(), 8);
        assert!(found.iter().all(|l| l.width >= 12 && l.height >= 12));
    }

    #[test]
    fn a_frame_smaller_than_the_smallest_face_has_no_level() {
        assert!(levels(19, 400, 20.0, 0.709).is_empty());
        assert_eq!(levels(20, 20, 20.0, 0.709), [Level { width: 13, height: 13 }]);
    }

    #[test]
    fn a_crop_inside_keeps_its_colour_and_one_beyond_is_black_there() {
        let (frame, mut scaler) = (grey(40, 40, 90), Scaler::new());
        assert!(scaler.crop(&frame, Rect { x: 3.3, y: 2.2, w: 30.0, h: 30.0 }, 24).unwrap().iter().all(|&b| b == 90));
        let half = scaler.crop(&frame, Rect { x: -20.0, y: 0.0, w: 40.0, h: 40.0 }, 24).unwrap();
        assert!(half.chunks(24 * 3).all(|row| row[..36].iter().all(|&b| b == 0) && row[36..].iter().all(|&b| b == 90)));
    }

    #[test]
    fn a_crop_wholly_outside_is_black() {
        let (frame, mut scaler) = (grey(10, 10, 90), Scaler::new());
        for x in [-500.0, -20.0, 10.0, 1e6] {
            assert!(scaler.crop(&frame, Rect { x, y: 0.0, w: 20.0, h: 20.0 }, 24).unwrap().iter().all(|&b| b == 0), "{x}");
        }
    }

    #[test]
    fn a_tiny_frame_fills_a_crop() {
        let (frame, mut scaler) = (grey(1, 1, 50), Scaler::new());
        assert!(scaler.crop(&frame, Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 }, 48).unwrap().iter().all(|&b| b == 50));
    }
}
