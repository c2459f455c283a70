//! Windows over pictures, one channel at a time: maxima and means. Compiled once for each processor's registers.

use crate::Kernels;
use crate::elements::fit;

/// A window without padding that moves by `stride`. With `ceil`, windows that begin inside and reach beyond count too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    /// Rows and columns.
    pub size: usize,
    /// Pixels from one window to the next.
    pub stride: usize,
    /// Windows that reach beyond the picture count as far as they lie inside.
    pub ceil: bool,
}

impl Pool {
    /// Height and width of what comes out.
    pub fn output(&self, input: [usize; 2]) -> [usize; 2] {
        input.map(|length| {
            let beyond = length.saturating_sub(self.size);
            let steps = if self.ceil { beyond.div_ceil(self.stride) } else { beyond / self.stride };
            // The last window begins inside the picture.
            1 + if self.ceil && steps * self.stride >= length { steps - 1 } else { steps }
        })
    }
}

/// Largest byte of each window. `shape`: count, height, width, channels with padding.
pub fn max_bytes(kernels: Kernels, pool: Pool, input: &[u8], shape: [usize; 4], out: &mut [u8]) {
    fit(kernels, || maxima(pool, input, shape, out));
}

/// Largest number of each window. `shape`: count, height, width, channels.
pub fn max_floats(kernels: Kernels, pool: Pool, input: &[f32], shape: [usize; 4], out: &mut [f32]) {
    fit(kernels, || maxima(pool, input, shape, out));
}

/// With the number of channels known at compile time, where nets that we ship have it: then a window stays in registers.
#[inline(always)]
fn maxima<T: Copy + PartialOrd>(pool: Pool, input: &[T], shape: [usize; 4], out: &mut [T]) {
    match shape[3] {
        10 => maxima_of::<T, 10>(pool, input, shape, out),
        12 => maxima_of::<T, 12>(pool, input, shape, out),
        16 => maxima_of::<T, 16>(pool, input, shape, out),
        28 => maxima_of::<T, 28>(pool, input, shape, out),
        32 => maxima_of::<T, 32>(pool, input, shape, out),
        48 => maxima_of::<T, 48>(pool, input, shape, out),
        64 => maxima_of::<T, 64>(pool, input, shape, out),
        _ => maxima_of_any(pool, input, shape, out),
    }
}

#[inline(always)]
fn maxima_of<T: Copy + PartialOrd, const CHANNELS: usize>(pool: Pool, input: &[T], shape: [usize; 4], out: &mut [T]) {
    let [count, height, width, _] = shape;
    let [rows, columns] = pool.output([height, width]);
    let (input, _) = input.as_chunks::<CHANNELS>();
    let (out, _) = out.as_chunks_mut::<CHANNELS>();
    assert_eq!((input.len(), out.len()), (count * height * width, count * rows * columns), "pictures of another shape");
    for (index, out) in out.chunks_exact_mut(columns).enumerate() {
        let top = index % rows * pool.stride;
        let image = &input[index / rows * height * width..][..height * width];
        let lines = &image[top * width..(top + pool.size).min(height) * width];
        for (x, out) in out.iter_mut().enumerate() {
            let from = x * pool.stride;
            let mut most = lines[from];
            for line in lines.chunks_exact(width) {
                for pixel in &line[from..(from + pool.size).min(width)] {
                    for (most, &value) in most.iter_mut().zip(pixel) {
                        *most = if value > *most { value } else { *most };
                    }
                }
            }
            *out = most;
        }
    }
}

#[inline(always)]
fn maxima_of_any<T: Copy + PartialOrd>(pool: Pool, input: &[T], [count, height, width, channels]: [usize; 4], out: &mut [T]) {
    let [rows, columns] = pool.output([height, width]);
    assert_eq!(input.len(), count * height * width * channels, "an input of another shape");
    assert_eq!(out.len(), count * rows * columns * channels, "an output of another shape");
    let line = width * channels;
    for (index, out) in out.chunks_exact_mut(columns * channels).enumerate() {
        let top = index % rows * pool.stride;
        let image = &input[index / rows * height * line..][..height * line];
        let lines = &image[top * line..(top + pool.size).min(height) * line];
        for (x, out) in out.chunks_exact_mut(channels).enumerate() {
            let from = x * pool.stride;
            let span = from * channels..(from + pool.size).min(width) * channels;
            out.copy_from_slice(&lines[span.start..span.start + channels]);
            for line in lines.chunks_exact(line) {
                for pixel in line[span.clone()].chunks_exact(channels) {
                    for (most, &value) in out.iter_mut().zip(pixel) {
                        *most = if value > *most { value } else { *most };
                    }
                }
            }
        }
    }
}

/// Mean of each window, rounded to even. Scale and zero point stay. `shape`: count, height, width, channels with padding.
pub fn mean_bytes(kernels: Kernels, pool: Pool, input: &[u8], shape: [usize; 4], out: &mut [u8]) {
    fit(kernels, || {
        means(pool, input, shape, out, |sum: u32, share| (sum as f32 * share).round_ties_even() as u8);
    });
}

/// Mean of each window. `shape`: count, height, width, channels.
pub fn mean_floats(kernels: Kernels, pool: Pool, input: &[f32], shape: [usize; 4], out: &mut [f32]) {
    fit(kernels, || means(pool, input, shape, out, |sum: f32, share| sum * share));
}

#[inline(always)]
fn means<T: Copy, S: Copy + Default + From<T> + std::ops::AddAssign>(
    pool: Pool,
    input: &[T],
    [count, height, width, channels]: [usize; 4],
    out: &mut [T],
    finish: impl Fn(S, f32) -> T,
) {
    let [rows, columns] = pool.output([height, width]);
    assert_eq!(input.len(), count * height * width * channels, "an input of another shape");
    assert_eq!(out.len(), count * rows * columns * channels, "an output of another shape");
    let line = width * channels;
    let share = 1.0 / (pool.size * pool.size) as f32;
    for (index, out) in out.chunks_exact_mut(columns * channels).enumerate() {
        let top = index % rows * pool.stride;
        let lines = &input[(index / rows * height + top) * line..][..pool.size * line];
        for (x, out) in out.chunks_exact_mut(channels).enumerate() {
            let from = x * pool.stride * channels;
            for (channel, out) in out.iter_mut().enumerate() {
                let mut sum = S::default();
                for row in 0..pool.size {
                    for column in 0..pool.size {
                        sum += S::from(lines[row * line + from + column * channels + channel]);
                    }
                }
                *out = finish(sum, share);
            }
        }
    }
}
