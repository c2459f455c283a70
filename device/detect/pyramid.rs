//! Pictures at the sizes that the nets want: the pyramid's levels and the candidates' crops.

use super::area::{Part, Shrinker, Tables};
use super::boxes::Candidate;
use super::{roll, turned};
use crate::types::{Frame, Rect};
use anyhow::{Context, Result};

/// P-Net's window in pixels of a level: the smallest face that it sees.
pub(super) const WINDOW_PX: f32 = 12.0;

/// One level of the pyramid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    pub width: u32,
    pub height: u32,
    /// Level pixels per frame pixel.
    pub scale: f32,
}

impl Level {
    /// Pixels.
    pub fn area(self) -> u32 {
        self.width * self.height
    }
}

/// The levels for a frame, largest first (Zhang et al. 2016, section II.A): the first shows a face of `min_face_px`
/// in P-Net's window, each next one is smaller by `factor`, the last still holds a window.
/// A frame smaller than `min_face_px` has none.
pub(super) fn levels(width: u32, height: u32, min_face_px: f32, factor: f32) -> Vec<Level> {
    let mut scale = WINDOW_PX / min_face_px;
    let mut found = Vec::new();
    let shorter = width.min(height) as f32;
    while shorter * scale >= WINDOW_PX {
        let side = |px: u32| (px as f32 * scale + 1.0) as u32;
        found.push(Level { width: side(width), height: side(height), scale });
        scale *= factor;
    }
    found
}

/// A level and the tables by which frames of one size are brought to it.
pub(super) struct Step {
    pub level: Level,
    tables: Tables,
}

impl Step {
    pub fn new(frame: &Frame, level: Level) -> Self {
        Self { level, tables: Tables::new([frame.width, frame.height], [level.width, level.height]) }
    }
}

/// Resizes frames and parts of them by area averaging, keeping its buffers.
pub(super) struct Scaler {
    shrinker: Shrinker,
    upright: Vec<u8>,
}

impl Scaler {
    pub fn new() -> Self {
        Self { shrinker: Shrinker::new(), upright: Vec::new() }
    }

    /// Writes the whole frame at the level's size: RGB bytes, rows from the top. The step must be for frames of this size.
    pub fn level(&mut self, frame: &Frame, step: &Step, into: &mut [u8]) {
        self.shrinker.shrink(frame, &step.tables, into);
    }

    /// Writes a part of the frame at `side_px` x `side_px`, black where it reaches beyond the frame. The part's edges are
    /// cut to whole pixels.
    pub fn crop(&mut self, frame: &Frame, rect: Rect, side_px: u32, into: &mut [u8]) -> Result<()> {
        let part = part_of(rect, frame).with_context(|| format!("a crop of {rect:?}"))?;
        self.shrinker.shrink_part(frame, part, side_px as usize, into);
        Ok(())
    }

    /// As [`Scaler::crop`], of a square that may be turned.
    pub fn turned_crop(&mut self, frame: &Frame, candidate: &Candidate, side_px: u32, into: &mut [u8]) -> Result<()> {
        let rect = candidate.rect;
        if candidate.roll == 0.0 {
            return self.crop(frame, rect, side_px, into);
        }
        if let Some(turn) = roll::turn_of(candidate.roll) {
            // A square turned by quarters covers what it covered.
            let mut upright = std::mem::take(&mut self.upright);
            upright.resize(into.len(), 0);
            let cropped = self.crop(frame, rect, side_px, &mut upright);
            roll::set_upright(turn, &upright, [side_px; 2], into);
            self.upright = upright;
            return cropped;
        }
        part_of(rect, frame).with_context(|| format!("a crop of {rect:?}"))?;
        turned::sample(frame, candidate, side_px, into);
        Ok(())
    }
}

/// A rectangle cut to whole pixels as the nets were trained; `None` for one that no frame of this size can have.
pub(super) fn part_of(rect: Rect, frame: &Frame) -> Option<Part> {
    // Where the first pixel is called 1, edges were cut towards zero.
    let cut = |start: f32, length: f32| {
        let first = (start + 1.0).trunc() - 1.0;
        (first, ((start + length).trunc() - first).max(1.0))
    };
    let ((x, w), (y, h)) = (cut(rect.x, rect.w), cut(rect.y, rect.h));
    let most = 4.0 * frame.width.max(frame.height).max(64) as f32;
    let sane = [x, y].iter().all(|v| v.abs() <= most) && w <= most && h <= most;
    sane.then_some(Part { x: x as i32, y: y as i32, w: w as u32, h: h as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::area;
    use fast_image_resize::images::{Image, ImageRef};
    use fast_image_resize::{Filter, FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

    fn crop(frame: &Frame, rect: Rect, side_px: u32) -> Result<Vec<u8>> {
        let mut bytes = vec![7; (side_px * side_px * 3) as usize];
        Scaler::new().crop(frame, rect, side_px, &mut bytes).map(|()| bytes)
    }

    fn grey(width: u32, height: u32, value: u8) -> Frame {
        Frame { width, height, pixels: vec![value; (width * height * 3) as usize], ..Frame::empty() }
    }

    #[test]
    fn the_pyramid_of_a_vga_frame_ends_before_the_window() {
        let found = levels(640, 480, 40.0, 0.709);
        assert_eq!(found[0], Level { width: 193, height: 145, scale: 0.3 });
        assert_eq!(found.len(), 8);
        assert!(found.iter().all(|l| l.width >= 12 && l.height >= 12));
    }

    #[test]
    fn a_frame_smaller_than_the_smallest_face_has_no_level() {
        assert!(levels(19, 400, 20.0, 0.709).is_empty());
        assert_eq!(levels(20, 20, 20.0, 0.709), [Level { width: 13, height: 13, scale: 0.6 }]);
    }

    #[test]
    fn a_crop_inside_keeps_its_colour_and_one_beyond_is_black_there() {
        let frame = grey(40, 40, 90);
        assert!(crop(&frame, Rect { x: 3.3, y: 2.2, w: 30.0, h: 30.0 }, 24).unwrap().iter().all(|&b| b == 90));
        let half = crop(&frame, Rect { x: -20.0, y: 0.0, w: 40.0, h: 40.0 }, 24).unwrap();
        assert!(half.chunks(24 * 3).all(|row| row[..36].iter().all(|&b| b == 0) && row[36..].iter().all(|&b| b == 90)));
    }

    #[test]
    fn a_crop_wholly_outside_is_black() {
        let frame = grey(10, 10, 90);
        for x in [-100.0, -20.0, 10.0, 100.0] {
            assert!(crop(&frame, Rect { x, y: 0.0, w: 20.0, h: 20.0 }, 24).unwrap().iter().all(|&b| b == 0), "{x}");
        }
    }

    #[test]
    fn a_crop_at_a_monstrous_place_is_an_error() {
        let frame = grey(10, 10, 90);
        for x in [1e9, f32::NAN, f32::INFINITY] {
            assert!(crop(&frame, Rect { x, y: 0.0, w: 20.0, h: 20.0 }, 24).is_err(), "{x}");
        }
    }

    #[test]
    fn shrinking_averages_areas() {
        // Three pixels onto two: each target pixel is one whole and one half of a source pixel.
        let pixels = [0u8, 90, 180].iter().flat_map(|&v| [v; 3]).collect();
        let frame = Frame { width: 3, height: 1, pixels, ..Frame::empty() };
        let mut small = [7; 6];
        Scaler::new().level(&frame, &Step::new(&frame, Level { width: 2, height: 1, scale: 0.66 }), &mut small);
        for (got, want) in small.iter().zip([30, 30, 30, 150, 150, 150]) {
            assert!(got.abs_diff(want) <= 2, "{small:?}");
        }
    }

    #[test]
    fn a_tiny_frame_fills_a_crop() {
        let frame = grey(1, 1, 50);
        assert!(crop(&frame, Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 }, 48).unwrap().iter().all(|&b| b == 50));
    }

    /// What `fast_image_resize` makes of a part of a frame.
    fn resized(frame: &Frame, [x, y, w, h]: [u32; 4], [width, height]: [u32; 2]) -> Vec<u8> {
        let mut bytes = vec![0; (width * height * 3) as usize];
        let source = ImageRef::new(frame.width, frame.height, &frame.pixels, PixelType::U8x3).unwrap();
        let mut target = Image::from_slice_u8(width, height, &mut bytes, PixelType::U8x3).unwrap();
        let (trapezoid, reach) = area::trapezoid_for(f64::from(w) / f64::from(width));
        let filter = FilterType::Custom(Filter::new("area", trapezoid, reach).unwrap());
        let options =
            ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).crop(x.into(), y.into(), w.into(), h.into());
        Resizer::new().resize(&source, &mut target, &options).unwrap();
        bytes
    }

    fn noise(width: u32, height: u32) -> Frame {
        let byte = |i: u32| ((i.wrapping_mul(2_654_435_761) >> 24) as u8 / 2).wrapping_add((i / 3 % width / 3) as u8);
        Frame { width, height, pixels: (0..width * height * 3).map(byte).collect(), ..Frame::empty() }
    }

    #[test]
    fn crops_are_what_the_resizer_makes_of_them() {
        let frame = noise(300, 200);
        for seed in 0..300u32 {
            let any = |salt: u32, most: u32| (seed * 31 + salt).wrapping_mul(2_654_435_761) / 7 % most;
            // As crops are: square but for a pixel.
            let (w, h) = (1 + any(1, frame.height - 1), 1 + any(1, frame.height - 1) + any(2, 2));
            let (x, y, side) = (any(3, frame.width - w + 1), any(4, frame.height - h + 1), [24, 48][any(5, 2) as usize]);
            let ours = crop(&frame, Rect { x: x as f32, y: y as f32, w: w as f32, h: h as f32 }, side).unwrap();
            assert!(ours == resized(&frame, [x, y, w, h], [side, side]), "{w}x{h} to {side}");
        }
    }

    #[test]
    fn levels_are_what_the_resizer_makes_of_them() {
        let mut scaler = Scaler::new();
        for (width, height, min_face_px) in [(640, 480, 40.0), (333, 251, 20.0), (77, 91, 12.0), (50, 31, 8.0)] {
            let frame = noise(width, height);
            for level in levels(width, height, min_face_px, 0.709) {
                let mut ours = vec![7; level.area() as usize * 3];
                scaler.level(&frame, &Step::new(&frame, level), &mut ours);
                let theirs = resized(&frame, [0, 0, width, height], [level.width, level.height]);
                assert!(ours == theirs, "{width}x{height} to {level:?}");
            }
        }
    }
}
