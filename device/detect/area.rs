//! Area averaging as filters: how much of each source pixel lies under a target pixel.
//!
//! The nets were trained on pictures shrunk so; a box filter that takes pixels whole or not at all costs two points of
//! recall. The weight of a source pixel is a trapezoid in its distance: whole where the pixel lies inside, falling to
//! nothing where the edges only touch. Its shape depends on the ratio of the pixel sizes alone, which comes in steps
//! here, because a filter is a plain function.
//!
//! Levels of the pyramid go through `fast_image_resize`. It makes its tables anew, in hundreds of small allocations, at
//! every call; crops come in every frame, so [`Shrinker`] does for them bit by bit the same and keeps its tables.

use crate::types::Frame;
use fast_image_resize::{Filter, FilterType};
use std::ops::Range;

const STEPS: usize = 32;

/// The filter for resizing by `factor` (source pixels per target pixel, either way).
pub(super) fn filter(factor: f64) -> FilterType {
    let (trapezoid, reach) = trapezoid_for(factor);
    // The name has no use but to tell filters apart, which is done by the reach too.
    Filter::new("area", trapezoid, reach).map_or(FilterType::Box, FilterType::Custom)
}

/// A filter's function, and the distance from which on it is 0.
type Trapezoid = (fn(f64) -> f64, f64);

fn trapezoid_for(factor: f64) -> Trapezoid {
    let ratio = factor.min(1.0 / factor);
    let step = ((ratio * STEPS as f64).round() as usize).clamp(1, STEPS);
    (TRAPEZOIDS[step - 1], (1.0 + step as f64 / STEPS as f64) / 2.0)
}

/// The overlap of an interval of length 1 around 0 with one of length STEP/32 around `x`, as a share of the latter.
fn trapezoid<const STEP: usize>(x: f64) -> f64 {
    let ratio = STEP as f64 / STEPS as f64;
    let overlap = (0.5f64).min(x + ratio / 2.0) - (-0.5f64).max(x - ratio / 2.0);
    (overlap / ratio).max(0.0)
}

macro_rules! trapezoids {
    ($($step:literal)*) => { [$(trapezoid::<$step>),*] };
}

const TRAPEZOIDS: [fn(f64) -> f64; STEPS] =
    trapezoids!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);

/// A rectangle of whole pixels, of which some may lie beyond the frame.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub x: i32,
    pub y: i32,
    pub w: u32,
    pub h: u32,
}

/// Bits of the largest weight.
const WEIGHT_BITS: u32 = 15;

/// Resizes parts of frames by area averaging. Buffers are kept.
#[derive(Default)]
pub(super) struct Shrinker {
    across: Weights,
    down: Weights,
    sums: Vec<i32>,
    line: Vec<u8>,
}

impl Shrinker {
    /// Writes a part of the frame at `side` x `side`, RGB; what lies beyond the frame is black.
    pub fn shrink(&mut self, frame: &Frame, part: Part, side: usize, into: &mut [u8]) {
        let Self { across, down, sums, line } = self;
        let (width, height) = (frame.width as i32, frame.height as i32);
        let right_end = part.x + part.w as i32;
        let is_inside = part.x >= 0 && part.y >= 0 && right_end <= width && part.y + part.h as i32 <= height;
        // Inside, pixels are counted in the frame; otherwise in the part, as if that were all there is.
        let (x0, y0) = if is_inside { (0, 0) } else { (part.x, part.y) };
        let (in_width, in_height) = if is_inside { (width, height) } else { (part.w as i32, part.h as i32) };
        let filter = trapezoid_for(f64::from(part.w) / side as f64);
        across.make(filter, in_width as usize, (part.x - x0) as usize, part.w as usize, side);
        down.make(filter, in_height as usize, (part.y - y0) as usize, part.h as usize, side);
        let columns = across.reach();
        // The columns that lie in the frame, and where they stand in a line.
        let left = (columns.start as i32 + x0).clamp(0, width);
        let right = (columns.end as i32 + x0).clamp(left, width);
        let begin = (left - x0 - columns.start as i32).max(0) as usize * 3;
        let seen = (right - left) as usize * 3;
        for (target, rows) in into.chunks_exact_mut(side * 3).zip(&down.spans) {
            sums.clear();
            sums.resize(columns.len() * 3, down.half());
            for (row, &weight) in rows.source.clone().zip(&down.weights[rows.weights..]) {
                let y = row as i32 + y0;
                if seen > 0 && (0..height).contains(&y) {
                    let from = (y * width + left) as usize * 3;
                    let bytes = &frame.pixels[from..from + seen];
                    sums[begin..begin + seen].iter_mut().zip(bytes).for_each(|(sum, byte)| *sum += weight * i32::from(*byte));
                }
            }
            line.clear();
            line.extend(sums.iter().map(|&sum| down.byte(sum)));
            for (pixel, span) in target.chunks_exact_mut(3).zip(&across.spans) {
                let mut total = [across.half(); 3];
                let source = &line[(span.source.start - columns.start) * 3..(span.source.end - columns.start) * 3];
                for (bytes, &weight) in source.chunks_exact(3).zip(&across.weights[span.weights..]) {
                    total.iter_mut().zip(bytes).for_each(|(total, byte)| *total += weight * i32::from(*byte));
                }
                pixel.iter_mut().zip(total).for_each(|(byte, total)| *byte = across.byte(total));
            }
        }
    }
}

/// For each target pixel of a row or column, how much of which source pixels lies under it.
#[derive(Default)]
struct Weights {
    spans: Vec<Span>,
    /// In units of 2 to the power of minus `bits`.
    weights: Vec<i32>,
    bits: u32,
    shares: Vec<f64>,
}

struct Span {
    source: Range<usize>,
    /// Where its weights begin.
    weights: usize,
}

impl Weights {
    /// For `target` pixels from the `length` pixels that begin at `start`, of `total` that there are.
    fn make(&mut self, (trapezoid, reach): Trapezoid, total: usize, start: usize, length: usize, target: usize) {
        let Self { spans, weights, bits, shares } = self;
        spans.clear();
        shares.clear();
        let scale = length as f64 / target as f64;
        let stretch = scale.max(1.0);
        for index in 0..target {
            let middle = start as f64 + (index as f64 + 0.5) * scale;
            let first = (middle - reach * stretch).floor().max(0.0) as usize;
            let last = (middle + reach * stretch).ceil().min(total as f64) as usize;
            let share = |pixel: usize| trapezoid((pixel as f64 - (middle - 0.5)) * (1.0 / stretch));
            let first = (first..last).find(|&pixel| share(pixel) != 0.0).unwrap_or(last);
            let last = (first..last).rfind(|&pixel| share(pixel) != 0.0).map_or(first, |pixel| pixel + 1);
            let begin = shares.len();
            shares.extend((first..last).map(share));
            let sum: f64 = shares[begin..].iter().sum();
            shares[begin..].iter_mut().for_each(|share| *share /= sum);
            spans.push(Span { source: first..last, weights: begin });
        }
        let largest = shares.iter().copied().fold(0.0, f64::max);
        *bits = (0..22).find(|bits| (largest * f64::from(1 << (bits + 1))).round() as i64 >= 1 << WEIGHT_BITS).unwrap_or(21);
        weights.clear();
        weights.extend(shares.iter().map(|share| (share * f64::from(1 << *bits)).round() as i32));
    }

    /// All source pixels that count.
    fn reach(&self) -> Range<usize> {
        self.spans.first().map_or(0, |s| s.source.start)..self.spans.last().map_or(0, |s| s.source.end)
    }

    fn half(&self) -> i32 {
        1 << (self.bits - 1)
    }

    fn byte(&self, sum: i32) -> u8 {
        (sum >> self.bits).min(255) as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_stays_white() {
        let frame = Frame { width: 50, height: 40, pixels: vec![255; 50 * 40 * 3], ..Frame::empty() };
        let mut small = [0; 24 * 24 * 3];
        Shrinker::default().shrink(&frame, Part { x: 3, y: 1, w: 37, h: 39 }, 24, &mut small);
        assert!(small.iter().all(|&b| b == 255));
    }

    #[test]
    fn a_pixel_inside_counts_whole_half_at_the_edge_and_not_beyond() {
        let half = trapezoid::<16>;
        assert_eq!((half(0.0), half(0.25), half(0.5), half(0.75), half(1.0)), (1.0, 1.0, 0.5, 0.0, 0.0));
        assert_eq!((trapezoid::<32>(0.5), trapezoid::<32>(1.0)), (0.5, 0.0));
    }

    #[test]
    fn enlarging_and_shrinking_by_the_same_factor_share_a_filter() {
        assert_eq!(filter(4.0), filter(0.25));
        assert_ne!(filter(4.0), filter(2.0));
    }
}
