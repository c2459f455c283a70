//! Frames in, grey pictures of any smaller size out: the very bytes of OpenCV's `COLOR_RGB2GRAY` and `INTER_LINEAR_EXACT`.
//!
//! Between the two nearest rows and the two nearest pixels, without looking at those that are left out: that is what the
//! cascades were trained for.

use crate::types::Frame;

/// A weight of one.
const ONE: u32 = 256;

/// A grey picture, rows from the top without padding.
#[derive(Default)]
pub(super) struct Grey {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Grey {
    /// Takes over a frame's brightness (BT.601).
    pub fn fill(&mut self, frame: &Frame) {
        (self.width, self.height) = (frame.width as usize, frame.height as usize);
        self.pixels.clear();
        let (pixels, _) = frame.pixels.as_chunks::<3>();
        self.pixels.extend(
            pixels
                .iter()
                .map(|&[r, g, b]| ((9798 * u32::from(r) + 19235 * u32::from(g) + 3735 * u32::from(b) + (1 << 14)) >> 15) as u8),
        );
    }
}

/// How far a target pixel lies between two source pixels: the first, and the weight of the second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Between {
    first: usize,
    second: u16,
}

/// Between which of `source` pixels each of `target` pixels lies. There are two or more.
fn between(source: usize, target: usize) -> impl Iterator<Item = Between> {
    let scale = 1.0 / (target as f64 / source as f64);
    (0..target).map(move |at| {
        let place = scale * (at as f64 + 0.5) - 0.5;
        if place < 0.0 {
            return Between { first: 0, second: 0 };
        }
        let first = place.floor() as usize;
        if first + 1 >= source {
            return Between { first: source - 2, second: ONE as u16 };
        }
        Between { first, second: ((place - first as f64) * f64::from(ONE)).round_ties_even() as u16 }
    })
}

/// Shrinks grey pictures, keeping its buffers.
#[derive(Default)]
pub(super) struct Shrinker {
    columns: Vec<Between>,
    /// A row between two source rows, each number 256 times the brightness.
    line: Vec<u16>,
}

impl Shrinker {
    /// Makes `out` a picture of `width` x `height`. Both pictures are at least two pixels wide and high.
    pub fn shrink(&mut self, source: &Grey, width: usize, height: usize, out: &mut Grey) {
        (out.width, out.height) = (width, height);
        out.pixels.clear();
        if (width, height) == (source.width, source.height) {
            out.pixels.extend_from_slice(&source.pixels);
            return;
        }
        self.columns.clear();
        self.columns.extend(between(source.width, width));
        self.line.resize(source.width, 0);
        for Between { first, second } in between(source.height, height) {
            let upper = &source.pixels[first * source.width..][..source.width];
            let lower = &source.pixels[(first + 1) * source.width..][..source.width];
            let above = ONE as u16 - second;
            for ((line, &a), &b) in self.line.iter_mut().zip(upper).zip(lower) {
                *line = u16::from(a) * above + u16::from(b) * second;
            }
            out.pixels.extend(self.columns.iter().map(|&Between { first, second }| {
                let (left, right) = (u32::from(self.line[first]), u32::from(self.line[first + 1]));
                let second = u32::from(second);
                ((left * (ONE - second) + right * second + (ONE * ONE / 2)) >> 16) as u8
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 9 x 7 pixels.
    fn pattern() -> Grey {
        let pixel = |y: usize, x: usize| ((7 * x + 13 * y + 5 * x * y) % 256) as u8;
        Grey { width: 9, height: 7, pixels: (0..7).flat_map(|y| (0..9).map(move |x| pixel(y, x))).collect() }
    }

    fn shrunk(width: usize, height: usize) -> Vec<u8> {
        let mut out = Grey::default();
        Shrinker::default().shrink(&pattern(), width, height, &mut out);
        assert_eq!((out.width, out.height), (width, height));
        out.pixels
    }

    /// What `cv2.resize(pattern, size, interpolation=cv2.INTER_LINEAR_EXACT)` of OpenCV 4.14 gives.
    #[test]
    fn smaller_pictures_are_opencvs() {
        let [a, b] = [[8, 24, 40, 56, 72, 35, 66, 98, 130, 162], [61, 108, 156, 203, 116, 87, 150, 214, 40, 84]];
        assert_eq!(shrunk(5, 4), [a, b].concat());
        let rows = [
            [9, 19, 29, 40, 50, 60, 71, 81, 91],
            [39, 61, 83, 105, 127, 149, 171, 193, 215],
            [69, 103, 137, 170, 204, 153, 15, 49, 83],
        ];
        assert_eq!(shrunk(9, 3), rows.concat());
        assert_eq!(shrunk(3, 7), [7, 28, 49, 25, 61, 97, 43, 94, 145, 61, 127, 193, 79, 160, 241, 97, 193, 33, 115, 226, 81]);
        assert_eq!(shrunk(8, 6)[40..], [79, 120, 162, 203, 112, 36, 70, 111]);
        assert_eq!(shrunk(9, 7), pattern().pixels);
    }

    /// What `cv2.cvtColor(pixel, cv2.COLOR_RGB2GRAY)` gives.
    #[test]
    fn brightness_is_opencvs() {
        let pixels = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [10, 200, 30], [123, 45, 67]].concat();
        let mut grey = Grey::default();
        grey.fill(&Frame { width: 3, height: 2, pixels, ..Frame::empty() });
        assert_eq!(grey.pixels, [76, 150, 29, 255, 124, 71]);
    }
}
