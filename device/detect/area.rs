//! Area averaging as filters: how much of each source pixel lies under a target pixel.
//!
//! The nets were trained on pictures shrunk so; a box filter that takes pixels whole or not at all costs two points of
//! recall. The weight of a source pixel is a trapezoid in its distance: whole where the pixel lies inside, falling to
//! nothing where the edges only touch. Its shape depends on the ratio of the pixel sizes alone, which comes in steps
//! here, because a filter is a plain function.
//!
//! Rows are summed first, then the pixels of a row, in whole numbers and bit by bit as `fast_image_resize` does it, which
//! makes its tables anew at every call, in hundreds of small allocations. Here levels of the pyramid keep theirs.

use crate::types::Frame;
use lookalike_kernels::Kernels;
use lookalike_kernels::resize::{self, Span};
use std::ops::Range;

const STEPS: usize = 32;

/// A filter's function, and the distance from which on it is 0.
pub(super) type Trapezoid = (fn(f64) -> f64, f64);

/// The filter for resizing by `factor` (source pixels per target pixel, either way).
pub(super) fn trapezoid_for(factor: f64) -> Trapezoid {
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

/// Resizes frames and parts of them by area averaging. Buffers are kept.
pub(super) struct Shrinker {
    kernels: Kernels,
    part: Tables,
    line: Vec<u8>,
}

impl Shrinker {
    pub fn new() -> Self {
        Self { kernels: Kernels::best(), part: Tables::default(), line: Vec::new() }
    }

    /// Writes the whole frame, RGB, at the size that the tables were made for.
    pub fn shrink(&mut self, frame: &Frame, tables: &Tables, into: &mut [u8]) {
        tables.apply(self.kernels, frame, [0, 0], &mut self.line, into);
    }

    /// Writes a part of the frame at `side` x `side`, RGB; what lies beyond the frame is black.
    pub fn shrink_part(&mut self, frame: &Frame, part: Part, side: usize, into: &mut [u8]) {
        let (width, height) = (frame.width as i32, frame.height as i32);
        let (right, bottom) = (part.x + part.w as i32, part.y + part.h as i32);
        let is_inside = part.x >= 0 && part.y >= 0 && right <= width && bottom <= height;
        // Inside, pixels are counted in the frame; otherwise in the part, as if that were all there is.
        let (x0, y0) = if is_inside { (0, 0) } else { (part.x, part.y) };
        let (in_width, in_height) = if is_inside { (width, height) } else { (part.w as i32, part.h as i32) };
        let filter = trapezoid_for(f64::from(part.w) / side as f64);
        let Tables { across, down } = &mut self.part;
        across.make(filter, in_width as usize, (part.x - x0) as usize, part.w as usize, side);
        down.make(filter, in_height as usize, (part.y - y0) as usize, part.h as usize, side);
        self.part.apply(self.kernels, frame, [x0, y0], &mut self.line, into);
    }
}

/// What is to be known to make pictures of one size of those of another.
#[derive(Default)]
pub(super) struct Tables {
    across: Weights,
    down: Weights,
}

impl Tables {
    /// For whole pictures. Sizes: width and height.
    pub fn new(from: [u32; 2], to: [u32; 2]) -> Self {
        let filter = trapezoid_for(f64::from(from[0]) / f64::from(to[0]));
        let mut tables = Self::default();
        for (weights, (from, to)) in [&mut tables.across, &mut tables.down].into_iter().zip(from.into_iter().zip(to)) {
            weights.make(filter, from as usize, 0, from as usize, to as usize);
        }
        tables
    }

    /// `x0`, `y0`: where in the frame the picture begins that the tables were made for.
    fn apply(&self, kernels: Kernels, frame: &Frame, [x0, y0]: [i32; 2], line: &mut Vec<u8>, into: &mut [u8]) {
        let Self { across, down } = self;
        let columns = seen(across.reach.clone(), x0, frame.width);
        let step = frame.width as usize * 3;
        line.clear();
        line.resize(across.reach.len() * 3 + resize::SPARE, 0);
        for (target, span) in into.chunks_exact_mut(across.spans.len() * 3).zip(&down.spans) {
            let reach = down.reach.start + span.source.start..down.reach.start + span.source.end;
            let rows = seen(reach, y0, frame.height);
            let weights = &down.weights[span.weights + rows.skipped..][..rows.count];
            let pixels = &frame.pixels[(rows.first * frame.width as usize + columns.first) * 3..];
            let line_seen = &mut line[columns.skipped * 3..][..columns.count * 3];
            resize::rows(kernels, pixels, step, weights, down.bits, line_seen);
            resize::pixels(kernels, line, &across.spans, &across.weights, across.bits, target);
        }
    }
}

/// Rows or columns that lie in a frame, and how many before them do not.
struct Seen {
    skipped: usize,
    first: usize,
    count: usize,
}

/// Which of the places of `reach` lie in a frame with `size` of them. Place 0 lies at `origin` of the frame.
fn seen(reach: Range<usize>, origin: i32, size: u32) -> Seen {
    let (start, end) = (reach.start as i32 + origin, reach.end as i32 + origin);
    let (first, last) = (start.max(0), end.min(size as i32));
    if first >= last {
        return Seen { skipped: 0, first: 0, count: 0 };
    }
    Seen { skipped: (first - start) as usize, first: first as usize, count: (last - first) as usize }
}

/// For each target pixel of a row or column, how much of which source pixels lies under it.
#[derive(Default)]
struct Weights {
    /// All source pixels that count. Spans are counted from the first of them.
    reach: Range<usize>,
    spans: Vec<Span>,
    /// In units of 2 to the power of minus `bits`.
    weights: Vec<i16>,
    bits: u32,
    shares: Vec<f64>,
}

impl Weights {
    /// For `target` pixels from the `length` pixels that begin at `start`, of `total` that there are.
    fn make(&mut self, (trapezoid, distance): Trapezoid, total: usize, start: usize, length: usize, target: usize) {
        let Self { reach, spans, weights, bits, shares } = self;
        spans.clear();
        shares.clear();
        let scale = length as f64 / target as f64;
        let stretch = scale.max(1.0);
        for index in 0..target {
            let middle = start as f64 + (index as f64 + 0.5) * scale;
            let first = (middle - distance * stretch).floor().max(0.0) as usize;
            let last = (middle + distance * stretch).ceil().min(total as f64) as usize;
            let share = |pixel: usize| trapezoid((pixel as f64 - (middle - 0.5)) * (1.0 / stretch));
            let first = (first..last).find(|&pixel| share(pixel) != 0.0).unwrap_or(last);
            let last = (first..last).rfind(|&pixel| share(pixel) != 0.0).map_or(first, |pixel| pixel + 1);
            let begin = shares.len();
            shares.extend((first..last).map(share));
            let sum: f64 = shares[begin..].iter().sum();
            shares[begin..].iter_mut().for_each(|share| *share /= sum);
            shares.resize(shares.len().next_multiple_of(resize::TOGETHER), 0.0);
            spans.push(Span { source: first..last, weights: begin });
        }
        *reach = spans.first().map_or(0, |s| s.source.start)..spans.last().map_or(0, |s| s.source.end);
        for Span { source, .. } in spans {
            *source = source.start - reach.start..source.end - reach.start;
        }
        let largest = shares.iter().copied().fold(0.0, f64::max);
        *bits = (0..22).find(|bits| (largest * f64::from(1 << (bits + 1))).round() as i64 >= 1 << WEIGHT_BITS).unwrap_or(21);
        weights.clear();
        weights.extend(shares.iter().map(|share| (share * f64::from(1 << *bits)).round() as i16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_stays_white() {
        let frame = Frame { width: 50, height: 40, pixels: vec![255; 50 * 40 * 3], ..Frame::empty() };
        let mut small = [0; 24 * 24 * 3];
        Shrinker::new().shrink_part(&frame, Part { x: 3, y: 1, w: 37, h: 39 }, 24, &mut small);
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
        let reach = |factor| trapezoid_for(factor).1;
        assert_eq!(reach(4.0), reach(0.25));
        assert_ne!(reach(4.0), reach(2.0));
    }
}
