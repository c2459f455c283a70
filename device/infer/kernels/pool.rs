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

#[inline(always)]
fn maxima<T: Copy + PartialOrd>(pool: Pool, input: &[T], [count, height, width, channels]: [usize; 4], out: &mut [T]) {
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
