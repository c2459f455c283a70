//! Camera pictures and face chips onto a canvas: scaled, mirrored where wanted, straight into its rows.

use super::{Area, canvas::Canvas};
use crate::scale;
use crate::types::{Chip, Frame};
use fast_image_resize::FilterType;

/// A borrowed RGB picture: 8 bits a channel, rows from the top without padding (height x width x 3).
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// At least `width * height * 3` bytes.
    pub pixels: &'a [u8],
}

impl<'a> From<&'a Frame> for Picture<'a> {
    fn from(f: &'a Frame) -> Self {
        Self { width: f.width, height: f.height, pixels: &f.pixels }
    }
}

impl<'a> From<&'a Chip> for Picture<'a> {
    fn from(c: &'a Chip) -> Self {
        Self { width: c.width, height: c.height, pixels: &c.pixels }
    }
}

/// Keeps the buffers of scaling from picture to picture.
#[derive(Default)]
pub(super) struct Scaler {
    scaler: scale::Scaler,
    scaled: Vec<u8>,
}

impl Scaler {
    /// The picture in `width` x `height` pixels; `None` where there is none.
    fn scale<'s>(&'s mut self, picture: Picture<'s>, width: u32, height: u32) -> Option<&'s [u8]> {
        let pixels = picture.width as usize * picture.height as usize;
        if pixels == 0 || picture.pixels.len() < pixels * 3 {
            return None;
        }
        if (picture.width, picture.height) == (width, height) {
            return Some(picture.pixels);
        }
        let length = width as usize * height as usize * 3;
        if self.scaled.len() < length {
            self.scaled.resize(length, 0);
        }
        let size = [picture.width, picture.height];
        self.scaler.scale(picture.pixels, size, &mut self.scaled, [width, height], FilterType::Bilinear).ok()?;
        Some(&self.scaled[..length])
    }
}

impl Canvas {
    /// Fills `area` with the picture, whatever its proportions, left and right exchanged where `mirror` is set.
    /// A picture without pixels leaves the canvas as it is.
    pub fn picture<'a>(&mut self, picture: impl Into<Picture<'a>>, area: Area, mirror: bool) {
        let seen = self.seen(area);
        if seen.is_empty() {
            return;
        }
        // Taken out so that its buffer and the canvas rows can be borrowed at once.
        let mut scaler = std::mem::take(&mut self.scaler);
        if let Some(scaled) = scaler.scale(picture.into(), area.w as u32, area.h as u32) {
            let (first, last) = ((seen.x - area.x) as usize, (seen.right() - area.x) as usize);
            for (line, y) in scaled.chunks_exact(area.w as usize * 3).zip(area.y..) {
                if y < seen.y || y >= seen.bottom() {
                    continue;
                }
                let row = self.row(y, seen.x, seen.right());
                let rgb = |p: &[u8]| u32::from(p[0]) << 16 | u32::from(p[1]) << 8 | u32::from(p[2]);
                if mirror {
                    let (w, line) = (area.w as usize, line.chunks_exact(3).rev());
                    debug_assert!(last <= w);
                    row.iter_mut().zip(line.skip(first)).for_each(|(to, from)| *to = rgb(from));
                } else {
                    let line = line[first * 3..last * 3].chunks_exact(3);
                    row.iter_mut().zip(line).for_each(|(to, from)| *to = rgb(from));
                }
            }
        }
        self.scaler = scaler;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::canvas::Surface;

    fn canvas(width: u32, height: u32) -> Canvas {
        Canvas::new(Surface { width, height, cells: false })
    }

    const TWO_BY_TWO: Picture = Picture { width: 2, height: 2, pixels: &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] };

    #[test]
    fn a_picture_arrives_pixel_by_pixel() {
        let mut c = canvas(2, 2);
        c.picture(TWO_BY_TWO, c.area(), false);
        assert_eq!(c.pixels(), [0x010203, 0x040506, 0x070809, 0x0A0B0C]);
    }

    #[test]
    fn a_mirror_exchanges_left_and_right() {
        let mut c = canvas(3, 2);
        c.picture(TWO_BY_TWO, Area::new(0, 0, 2, 2), true);
        assert_eq!(c.pixels(), [0x040506, 0x010203, 0, 0x0A0B0C, 0x070809, 0]);
    }

    #[test]
    fn a_picture_over_the_border_shows_its_visible_part() {
        for (mirror, want) in [(false, 0x0A0B0C), (true, 0x070809)] {
            let mut c = canvas(1, 1);
            c.picture(TWO_BY_TWO, Area::new(-1, -1, 2, 2), mirror);
            assert_eq!(c.pixels(), [want]);
        }
    }

    #[test]
    fn an_even_picture_stays_even_at_every_size() {
        let grey = vec![77; 640 * 480 * 3];
        let frame = Picture { width: 640, height: 480, pixels: &grey };
        for (w, h) in [(1, 1), (33, 57), (640, 480), (800, 600)] {
            let mut c = canvas(w, h);
            c.picture(frame, c.area(), false);
            assert!(c.pixels().iter().all(|&p| p == 0x4D4D4D), "{w} x {h}");
        }
    }

    #[test]
    fn broken_pictures_leave_the_canvas_alone() {
        let mut c = canvas(2, 1);
        for (width, height) in [(0, 0), (0, 9), (2, 2), (9000, 9000)] {
            c.picture(Picture { width, height, pixels: &[255; 9] }, Area::new(0, 0, 2, 1), false);
        }
        assert_eq!(c.pixels(), [0, 0]);
    }

    /// Bilinear interpolation by the book, pixel middles on pixel middles.
    fn oracle(p: Picture, w: u32, h: u32, x: u32, y: u32, channel: usize) -> f32 {
        let place = |at: u32, from: u32, to: u32| {
            let s = ((at as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, from as f32 - 1.0);
            (s as usize, (s as usize + 1).min(from as usize - 1), s.fract())
        };
        let ((x0, x1, fx), (y0, y1, fy)) = (place(x, p.width, w), place(y, p.height, h));
        let at = |x: usize, y: usize| f32::from(p.pixels[(y * p.width as usize + x) * 3 + channel]);
        let row = |y: usize| at(x0, y) * (1.0 - fx) + at(x1, y) * fx;
        row(y0) * (1.0 - fy) + row(y1) * fy
    }

    #[test]
    fn enlarging_agrees_with_plain_interpolation() {
        let pixels: Vec<u8> = (0..20u32 * 15 * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let noise = Picture { width: 20, height: 15, pixels: &pixels };
        let (w, h) = (53, 31);
        let mut scaler = Scaler::default();
        let scaled = scaler.scale(noise, w, h).unwrap();
        for (i, &got) in scaled.iter().enumerate() {
            let (x, y, channel) = (i as u32 / 3 % w, i as u32 / 3 / w, i % 3);
            let want = oracle(noise, w, h, x, y, channel);
            assert!((f32::from(got) - want).abs() < 2.0, "{x}, {y}, {channel}: {got} instead of {want}");
        }
    }
}
