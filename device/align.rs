//! Five landmarks and a template in, an upright chip out. It cannot fail: a face half outside the frame repeats the frame's edge.

use crate::types::{Chip, Frame, Landmarks};

/// A similarity transform: (x, y) -> (a x - b y + tx, b x + a y + ty).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Similarity {
    /// Scale times cosine of the rotation.
    pub a: f32,
    /// Scale times sine of the rotation.
    pub b: f32,
    /// Shift to the right.
    pub tx: f32,
    /// Shift down.
    pub ty: f32,
}

impl Similarity {
    /// The transform without reflection that maps `from` to `to` with the least sum of squared errors.
    /// Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns"; in the plane
    /// its solution is a division of complex numbers. Points that all coincide give a pure shift.
    pub fn least_squares(from: &Landmarks, to: &Landmarks) -> Self {
        let [cx, cy] = mean(from);
        let [dx, dy] = mean(to);
        let (mut re, mut im, mut norm) = (0.0, 0.0, 0.0);
        for ([px, py], [qx, qy]) in from.iter().zip(to) {
            let (px, py, qx, qy) = (px - cx, py - cy, qx - dx, qy - dy);
            re += px * qx + py * qy;
            im += px * qy - py * qx;
            norm += px * px + py * py;
        }
        let (a, b) = if norm > 1e-9 { (re / norm, im / norm) } else { (1.0, 0.0) };
        Self { a, b, tx: dx - (a * cx - b * cy), ty: dy - (b * cx + a * cy) }
    }

    /// Where a point goes.
    pub fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [self.a * x - self.b * y + self.tx, self.b * x + self.a * y + self.ty]
    }

    /// How much longer a length becomes.
    pub fn scale(&self) -> f32 {
        self.a.hypot(self.b)
    }
}

fn mean(points: &Landmarks) -> [f32; 2] {
    let sum = points.iter().fold([0.0, 0.0], |s, p| [s[0] + p[0], s[1] + p[1]]);
    sum.map(|v| v / points.len() as f32)
}

/// Cuts the face with these landmarks out of the frame, so that they come to lie on the template's places
/// in a chip of `width` x `height` pixels (template in chip pixels).
///
/// Bilinear; where the chip is smaller than the face, each chip pixel is the mean of a grid of samples, against aliasing.
pub fn cut(frame: &Frame, landmarks: &Landmarks, template: &Landmarks, width: u32, height: u32) -> Chip {
    let mut chip = Chip { width, height, pixels: Vec::new() };
    cut_into(frame, landmarks, template, &mut chip);
    chip
}

/// As [`cut`], into a chip that is kept, of its width and height.
pub fn cut_into(frame: &Frame, landmarks: &Landmarks, template: &Landmarks, chip: &mut Chip) {
    let Chip { width, height, pixels } = chip;
    pixels.clear();
    pixels.resize((*width * *height * 3) as usize, 0);
    if frame.width == 0 || frame.height == 0 {
        return;
    }
    let back = Similarity::least_squares(template, landmarks);
    let grid = (back.scale().round() as u32).clamp(1, 8);
    let step = 1.0 / grid as f32;
    let share = step * step;
    for (row, line) in pixels.chunks_exact_mut(*width as usize * 3).enumerate() {
        for (column, out) in line.chunks_exact_mut(3).enumerate() {
            let mut sum = [0.0; 3];
            for sy in 0..grid {
                for sx in 0..grid {
                    let x = column as f32 + (sx as f32 + 0.5) * step;
                    let y = row as f32 + (sy as f32 + 0.5) * step;
                    let [x, y] = back.apply([x, y]);
                    let rgb = bilinear(frame, x - 0.5, y - 0.5);
                    sum = [sum[0] + rgb[0], sum[1] + rgb[1], sum[2] + rgb[2]];
                }
            }
            for (byte, value) in out.iter_mut().zip(sum) {
                *byte = (value * share + 0.5) as u8;
            }
        }
    }
}

/// The colour at (x, y), measured in pixel centres; the frame's edge goes on for ever.
fn bilinear(frame: &Frame, x: f32, y: f32) -> [f32; 3] {
    let x = x.clamp(0.0, (frame.width - 1) as f32);
    let y = y.clamp(0.0, (frame.height - 1) as f32);
    let (x0, y0) = (x as usize, y as usize);
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let right = if x0 + 1 < frame.width as usize { 3 } else { 0 };
    let below = if y0 + 1 < frame.height as usize { frame.width as usize * 3 } else { 0 };
    let at = (y0 * frame.width as usize + x0) * 3;
    let p = &frame.pixels;
    std::array::from_fn(|c| {
        let [a, b, d, e] = [at, at + right, at + below, at + below + right].map(|i| f32::from(p[i + c]));
        let top = a + (b - a) * fx;
        let bottom = d + (e - d) * fx;
        top + (bottom - top) * fy
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: Landmarks = [[38.0, 52.0], [74.0, 52.0], [56.0, 72.0], [42.0, 92.0], [71.0, 92.0]];

    fn turned(by: f32, scale: f32) -> Landmarks {
        let t = Similarity { a: scale * by.cos(), b: scale * by.sin(), tx: 130.0, ty: 90.0 };
        TEMPLATE.map(|p| t.apply(p))
    }

    #[test]
    fn a_known_similarity_is_found_again() {
        for (by, scale) in [(0.0, 1.0), (0.5, 2.0), (-2.5, 0.3), (3.1, 1.7)] {
            let found = Similarity::least_squares(&TEMPLATE, &turned(by, scale));
            assert!((found.scale() - scale).abs() < 1e-3, "{found:?}");
            for (p, q) in TEMPLATE.iter().zip(turned(by, scale)) {
                let [x, y] = found.apply(*p);
                assert!((x - q[0]).hypot(y - q[1]) < 1e-2, "{x} {y} {q:?}");
            }
        }
    }

    #[test]
    fn coinciding_landmarks_give_a_chip_without_panic() {
        let frame = Frame { width: 4, height: 3, pixels: vec![9; 36], ..Frame::empty() };
        let chip = cut(&frame, &[[2.0, 1.0]; 5], &TEMPLATE, 20, 10);
        assert_eq!(chip.pixels, vec![9; 600]);
    }

    #[test]
    fn landmarks_come_to_lie_on_the_template() {
        // A picture whose red is its x and whose green is its y tells where each chip pixel came from.
        let (width, height) = (250u32, 250u32);
        let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7])).collect();
        let frame = Frame { width, height, pixels, ..Frame::empty() };
        let landmarks = TEMPLATE.map(|[x, y]| [1.5 * x + 20.0, 1.5 * y + 10.0]);
        let chip = cut(&frame, &landmarks, &TEMPLATE, 112, 112);
        for (p, q) in TEMPLATE.iter().zip(landmarks) {
            let at = ((p[1] as usize) * 112 + p[0] as usize) * 3;
            let (x, y) = (f32::from(chip.pixels[at]), f32::from(chip.pixels[at + 1]));
            assert!((x - q[0]).abs() < 1.6 && (y - q[1]).abs() < 1.6, "{x} {y} {q:?}");
        }
    }

    #[test]
    fn a_face_beyond_the_frame_repeats_the_edge() {
        let frame = Frame { width: 8, height: 8, pixels: vec![200; 192], ..Frame::empty() };
        let far = TEMPLATE.map(|[x, y]| [x - 4000.0, y + 4000.0]);
        assert_eq!(cut(&frame, &far, &TEMPLATE, 10, 10).pixels, vec![200; 300]);
    }
}
