//! A frame and a turned box in, the pixels in it out, upright: for crops at any angle.

use super::boxes::Candidate;
use crate::types::{Frame, Rect};

/// A pixel of a crop is the mean of at most so many looks each way.
const LOOKS_MOST: f32 = 4.0;

/// Writes what a turned box holds at `side_px` x `side_px`, RGB, black where it reaches beyond the frame. Each pixel is the mean of
/// looks between the frame's pixels, about one for each pixel that it covers.
pub(super) fn sample(frame: &Frame, candidate: &Candidate, side_px: u32, into: &mut [u8]) {
    let Rect { x, y, w, h } = candidate.rect;
    let looks = (w.max(h) / side_px as f32).round().clamp(1.0, LOOKS_MOST) as usize;
    let steps = (side_px as usize * looks) as f32;
    let (sin, cos) = candidate.roll.sin_cos();
    // From one look to the next, along a row and down a column; a colour lies in the middle of its pixel.
    let (right, down) = ([cos * w / steps, sin * w / steps], [-sin * h / steps, cos * h / steps]);
    let [x0, y0] = candidate.turned([x + w / steps / 2.0, y + h / steps / 2.0]).map(|v| v - 0.5);
    let share = 1.0 / (looks * looks) as f32;
    for (row, line) in into.chunks_exact_mut(3 * side_px as usize).enumerate() {
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            let mut sum = [0.0; 3];
            for v in row * looks..(row + 1) * looks {
                for u in column * looks..(column + 1) * looks {
                    let at = |axis: usize, start: f32| start + u as f32 * right[axis] + v as f32 * down[axis];
                    add_colour(frame, at(0, x0), at(1, y0), &mut sum);
                }
            }
            pixel.iter_mut().zip(sum).for_each(|(byte, sum)| *byte = (sum * share + 0.5) as u8);
        }
    }
}

/// Adds the colour at a point, between its four nearest pixels; nothing outside of the frame.
#[inline]
fn add_colour(frame: &Frame, x: f32, y: f32, sum: &mut [f32; 3]) {
    let (width, height) = (frame.width as usize, frame.height as usize);
    let (left, upper) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - upper);
    let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
    if left >= 0.0 && upper >= 0.0 && left + 1.0 < width as f32 && upper + 1.0 < height as f32 {
        let at = 3 * (upper as usize * width + left as usize);
        let (Some(above), Some(below)) = (frame.pixels.get(at..at + 6), frame.pixels.get(at + 3 * width..at + 3 * width + 6))
        else {
            return;
        };
        for c in 0..3 {
            sum[c] += weights[0] * f32::from(above[c])
                + weights[1] * f32::from(above[c + 3])
                + weights[2] * f32::from(below[c])
                + weights[3] * f32::from(below[c + 3]);
        }
        return;
    }
    for (corner, weight) in weights.into_iter().enumerate() {
        let (column, row) = (left + (corner % 2) as f32, upper + (corner / 2) as f32);
        if (0.0..width as f32).contains(&column) && (0.0..height as f32).contains(&row) {
            let at = 3 * (row as usize * width + column as usize);
            (0..3).for_each(|c| sum[c] += weight * f32::from(frame.pixels[at + c]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A slope that is as bright as a point lies far to the right and down.
    fn slope() -> Frame {
        let pixels = (0..80u32).flat_map(|y| (0..80u32).flat_map(move |x| [(x + y) as u8, (2 * x) as u8, (2 * y) as u8]));
        Frame { width: 80, height: 80, pixels: pixels.collect(), ..Frame::empty() }
    }

    #[test]
    fn each_pixel_has_the_colour_of_its_place() {
        let candidate = Candidate { roll: 0.6, ..Candidate::at(Rect { x: 28.0, y: 25.0, w: 24.0, h: 24.0 }) };
        let mut crop = vec![0; 12 * 12 * 3];
        sample(&slope(), &candidate, 12, &mut crop);
        for (index, pixel) in crop.chunks_exact(3).enumerate() {
            let middle = [28.0 + 2.0 * ((index % 12) as f32 + 0.5), 25.0 + 2.0 * ((index / 12) as f32 + 0.5)];
            let [x, y] = candidate.turned(middle).map(|v| v - 0.5);
            for (byte, wanted) in pixel.iter().zip([x + y, 2.0 * x, 2.0 * y]) {
                assert!((f32::from(*byte) - wanted).abs() <= 1.0, "{index}: {pixel:?}, {x} {y}");
            }
        }
    }

    #[test]
    fn outside_of_the_frame_it_is_black() {
        let mut crop = vec![9; 12 * 12 * 3];
        sample(&slope(), &Candidate { roll: 0.6, ..Candidate::at(Rect { x: 200.0, y: 9.0, w: 30.0, h: 30.0 }) }, 12, &mut crop);
        assert!(crop.iter().all(|&b| b == 0));
        sample(
            &Frame::empty(),
            &Candidate { roll: 0.6, ..Candidate::at(Rect { x: 0.0, y: 0.0, w: 30.0, h: 30.0 }) },
            12,
            &mut crop,
        );
        assert!(crop.iter().all(|&b| b == 0));
    }
}
