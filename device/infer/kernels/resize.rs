//! What resizing takes its time for: weighted sums of rows, then of neighbouring pixels of a row. RGB bytes in and out.
//!
//! Weights are whole numbers from 0 on that add up to 2 to the power of `bits`, about; every kernel gives the very same bytes.

use crate::Kernels;
use std::ops::Range;

/// Bytes that a line for [`pixels`] has beyond its pixels: kernels read more than they use.
pub const SPARE: usize = 16;

/// The weights of a span are padded with zeros to a multiple of this.
pub const TOGETHER: usize = 4;

/// Bytes of a row that are summed side by side.
const BLOCK: usize = 32;

/// The source pixels, or rows, that a target pixel is made of.
#[derive(Clone, Debug)]
pub struct Span {
    /// Which.
    pub source: Range<usize>,
    /// Where their weights begin.
    pub weights: usize,
}

/// The weighted sum of rows: the first begins where `source` does, each next one `step` bytes later. `kernels` must run here.
/// Without rows it is black.
///
/// # Panics
/// Where a row reaches beyond `source`.
pub fn rows(kernels: Kernels, source: &[u8], step: usize, weights: &[i16], bits: u32, out: &mut [u8]) {
    let reach = weights.len().checked_sub(1).map_or(0, |last| last * step + out.len());
    assert!(source.len() >= reach && (1..=21).contains(&bits), "rows beyond their picture");
    match kernels {
        _ if weights.is_empty() => out.fill(0),
        // SAFETY: the processor has the instructions, and all rows are there.
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx512 | Kernels::Avx2 if out.len() >= BLOCK => unsafe { avx2::rows(source, step, weights, bits, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Kernels::Neon | Kernels::NeonDot if out.len() >= BLOCK => unsafe { neon::rows(source, step, weights, bits, out) },
        _ => scalar::rows(source, step, weights, bits, out),
    }
}

/// For each span, the weighted sum of its pixels. `line`: RGB, with [`SPARE`] bytes more than pixels.
///
/// # Panics
/// Where a span reaches beyond `line` or `weights`.
pub fn pixels(kernels: Kernels, line: &[u8], spans: &[Span], weights: &[i16], bits: u32, out: &mut [u8]) {
    assert!((1..=21).contains(&bits), "weights of {bits} bits");
    match kernels {
        // SAFETY: the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx512 | Kernels::Avx2 => unsafe { avx2::pixels(line, spans, weights, bits, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "aarch64")]
        Kernels::Neon | Kernels::NeonDot => unsafe { neon::pixels(line, spans, weights, bits, out) },
        _ => scalar::pixels(line, spans, weights, bits, out),
    }
}

/// Calls `block` for every block of a row of at least one, the last of which reaches back over what is done.
#[inline(always)]
fn each_block(source: &[u8], out: &mut [u8], block: impl Fn(*const u8, &mut [u8; BLOCK])) {
    let (blocks, rest) = out.as_chunks_mut();
    for (index, block_out) in blocks.iter_mut().enumerate() {
        block(source[index * BLOCK..].as_ptr(), block_out);
    }
    if !rest.is_empty() {
        let at = out.len() - BLOCK;
        if let Some(block_out) = out.last_chunk_mut() {
            block(source[at..].as_ptr(), block_out);
        }
    }
}

/// Calls `pixel` for every span, with its pixels, of which four bytes more are there, and its weights.
#[inline(always)]
fn each_span(line: &[u8], spans: &[Span], weights: &[i16], out: &mut [u8], pixel: impl Fn(&[u8], &[[i16; TOGETHER]]) -> [u8; 3]) {
    for (span, out) in spans.iter().zip(out.as_chunks_mut().0) {
        let groups = span.source.len().div_ceil(TOGETHER);
        let (weights, _) = weights[span.weights..][..groups * TOGETHER].as_chunks();
        *out = pixel(&line[3 * span.source.start..][..groups * 3 * TOGETHER + 4], weights);
    }
}

fn rounded(sum: i32, bits: u32) -> u8 {
    ((sum + (1 << (bits - 1))) >> bits).min(255) as u8
}

mod scalar {
    use super::{BLOCK, Span, each_span, rounded};

    pub fn rows(source: &[u8], step: usize, weights: &[i16], bits: u32, out: &mut [u8]) {
        for (index, out) in out.chunks_mut(BLOCK).enumerate() {
            let mut sums = [0; BLOCK];
            for (row, &weight) in weights.iter().enumerate() {
                let bytes = &source[row * step + index * BLOCK..][..out.len()];
                for (sum, &byte) in sums.iter_mut().zip(bytes) {
                    *sum += i32::from(weight) * i32::from(byte);
                }
            }
            out.iter_mut().zip(sums).for_each(|(out, sum)| *out = rounded(sum, bits));
        }
    }

    pub fn pixels(line: &[u8], spans: &[Span], weights: &[i16], bits: u32, out: &mut [u8]) {
        each_span(line, spans, weights, out, |source, weights| {
            let mut sums = [0; 3];
            for (bytes, &weight) in source.as_chunks::<3>().0.iter().zip(weights.as_flattened()) {
                for (sum, &byte) in sums.iter_mut().zip(bytes) {
                    *sum += i32::from(weight) * i32::from(byte);
                }
            }
            sums.map(|sum| rounded(sum, bits))
        });
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, Span, TOGETHER, each_block, each_span};
    use std::arch::x86_64::*;

    /// # Safety
    /// The processor must have AVX2, every row must be as long as `out`, and that a block at least.
    #[target_feature(enable = "avx2")]
    pub unsafe fn rows(source: &[u8], step: usize, weights: &[i16], bits: u32, out: &mut [u8]) {
        // SAFETY: the caller says that the rows are there.
        each_block(source, out, |source, out| unsafe { block(source, step, weights, bits, out) });
    }

    /// # Safety
    /// The processor must have AVX2.
    #[target_feature(enable = "avx2")]
    pub unsafe fn pixels(line: &[u8], spans: &[Span], weights: &[i16], bits: u32, out: &mut [u8]) {
        // SAFETY: four bytes more are there.
        each_span(line, spans, weights, out, |source, weights| unsafe { pixel(source, weights, bits) });
    }

    /// # Safety
    /// The processor must have AVX2, and there must be a block of bytes in each of as many rows as weights.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn block(source: *const u8, step: usize, weights: &[i16], bits: u32, out: &mut [u8; BLOCK]) {
        let zero = _mm256_setzero_si256();
        let mut sums = [_mm256_set1_epi32(1 << (bits - 1)); 4];
        // Two rows at a time: their bytes side by side, as numbers of 16 bits, times both weights.
        let mut add = |first: __m256i, second: __m256i, weights: __m256i| {
            let (low, high) = (_mm256_unpacklo_epi8(first, second), _mm256_unpackhi_epi8(first, second));
            let quarters = [
                _mm256_unpacklo_epi8(low, zero),
                _mm256_unpackhi_epi8(low, zero),
                _mm256_unpacklo_epi8(high, zero),
                _mm256_unpackhi_epi8(high, zero),
            ];
            for (sum, quarter) in sums.iter_mut().zip(quarters) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(quarter, weights));
            }
        };
        // SAFETY: the caller says that the rows are there.
        let row = |index: usize| unsafe { _mm256_loadu_si256(source.add(index * step).cast()) };
        let (pairs, single) = weights.as_chunks::<2>();
        for (index, &[first, second]) in pairs.iter().enumerate() {
            let both = i32::from(second) << 16 | i32::from(first);
            add(row(2 * index), row(2 * index + 1), _mm256_set1_epi32(both));
        }
        if let &[weight] = single {
            add(row(2 * pairs.len()), zero, _mm256_set1_epi32(weight.into()));
        }
        let [a, b, c, d] = sums.map(|sum| _mm256_sra_epi32(sum, _mm_cvtsi32_si128(bits as i32)));
        let bytes = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
        // SAFETY: the block has as many bytes.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), bytes) };
    }

    /// # Safety
    /// The processor must have AVX2, and `source` four bytes more than there are weights for pixels.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn pixel(source: &[u8], weights: &[[i16; TOGETHER]], bits: u32) -> [u8; 3] {
        // Of four pixels, two in each half of a register: both reds, both greens, both blues as numbers of 16 bits.
        let order = _mm256_setr_epi8(
            0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1, //
            6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1,
        );
        let halves = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
        let mut sums = _mm256_setzero_si256();
        for (index, four) in weights.iter().enumerate() {
            // SAFETY: the caller says that twelve bytes and four more are there.
            let bytes = unsafe { _mm_loadu_si128(source.as_ptr().add(index * 3 * TOGETHER).cast()) };
            let bytes = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), order);
            // SAFETY: four weights are eight bytes.
            let four = unsafe { _mm_loadl_epi64(four.as_ptr().cast()) };
            let four = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(four), halves);
            sums = _mm256_add_epi32(sums, _mm256_madd_epi16(bytes, four));
        }
        let sums = _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums));
        let sums = _mm_sra_epi32(_mm_add_epi32(sums, _mm_set1_epi32(1 << (bits - 1))), _mm_cvtsi32_si128(bits as i32));
        let words = _mm_packs_epi32(sums, sums);
        let [red, green, blue, _] = _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).to_le_bytes();
        [red, green, blue]
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use super::{BLOCK, Span, TOGETHER, each_block, each_span};
    use std::arch::aarch64::*;

    /// # Safety
    /// Every row must be as long as `out`, and that a block at least.
    #[target_feature(enable = "neon")]
    pub unsafe fn rows(source: &[u8], step: usize, weights: &[i16], bits: u32, out: &mut [u8]) {
        // SAFETY: the caller says that the rows are there.
        each_block(source, out, |source, out| unsafe { block(source, step, weights, bits, out) });
    }

    /// # Safety
    /// None is needed beyond the instructions.
    #[target_feature(enable = "neon")]
    pub unsafe fn pixels(line: &[u8], spans: &[Span], weights: &[i16], bits: u32, out: &mut [u8]) {
        // SAFETY: four bytes more are there.
        each_span(line, spans, weights, out, |source, weights| unsafe { pixel(source, weights, bits) });
    }

    /// # Safety
    /// There must be a block of bytes in each of as many rows as weights.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn block(source: *const u8, step: usize, weights: &[i16], bits: u32, out: &mut [u8; BLOCK]) {
        // Neither bytes nor weights have a sign: of mixed ones the compiler multiplies whole words.
        let mut sums = [vdupq_n_u32(1 << (bits - 1)); 8];
        for (row, weight) in weights.iter().map(|w| w.cast_unsigned()).enumerate() {
            for half in 0..2 {
                // SAFETY: the caller says that the rows are there.
                let bytes = unsafe { vld1q_u8(source.add(row * step + 16 * half)) };
                let (low, high) = (vmovl_u8(vget_low_u8(bytes)), vmovl_high_u8(bytes));
                let sums = &mut sums[4 * half..4 * half + 4];
                sums[0] = vmlal_n_u16(sums[0], vget_low_u16(low), weight);
                sums[1] = vmlal_high_n_u16(sums[1], low, weight);
                sums[2] = vmlal_n_u16(sums[2], vget_low_u16(high), weight);
                sums[3] = vmlal_high_n_u16(sums[3], high, weight);
            }
        }
        let right = vdupq_n_s32(-(bits as i32));
        let sums = sums.map(|sum| vshlq_u32(sum, right));
        for half in 0..2 {
            let [a, b, c, d] = [0, 1, 2, 3].map(|quarter| vqmovn_u32(sums[4 * half + quarter]));
            let bytes = vcombine_u8(vqmovn_u16(vcombine_u16(a, b)), vqmovn_u16(vcombine_u16(c, d)));
            // SAFETY: the block has two halves.
            unsafe { vst1q_u8(out.as_mut_ptr().add(16 * half), bytes) };
        }
    }

    /// # Safety
    /// `source` must have four bytes more than there are weights for pixels.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn pixel(source: &[u8], weights: &[[i16; TOGETHER]], bits: u32) -> [u8; 3] {
        let mut sums = [vdupq_n_u32(0); 2];
        for (index, four) in weights.iter().enumerate() {
            // SAFETY: four weights are there, and the caller says that twelve bytes and four more are.
            let (four, bytes) = unsafe { (vld1_u16(four.as_ptr().cast()), vld1q_u8(source.as_ptr().add(index * 3 * TOGETHER))) };
            let words = |bytes: uint8x16_t| vget_low_u16(vmovl_u8(vget_low_u8(bytes)));
            let first = words(bytes);
            let second = words(vextq_u8::<3>(bytes, bytes));
            let third = words(vextq_u8::<6>(bytes, bytes));
            let fourth = words(vextq_u8::<9>(bytes, bytes));
            sums[0] = vmlal_lane_u16::<0>(sums[0], first, four);
            sums[1] = vmlal_lane_u16::<1>(sums[1], second, four);
            sums[0] = vmlal_lane_u16::<2>(sums[0], third, four);
            sums[1] = vmlal_lane_u16::<3>(sums[1], fourth, four);
        }
        let sums = vaddq_u32(vaddq_u32(sums[0], sums[1]), vdupq_n_u32(1 << (bits - 1)));
        let words = vqmovn_u32(vshlq_u32(sums, vdupq_n_s32(-(bits as i32))));
        let bytes = vqmovn_u16(vcombine_u16(words, words));
        [vget_lane_u8::<0>(bytes), vget_lane_u8::<1>(bytes), vget_lane_u8::<2>(bytes)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::{Fence, Side};

    fn noise(length: usize, seed: u32) -> Vec<u8> {
        (0..length as u32).map(|i| ((i + seed).wrapping_mul(2_654_435_761) >> 23) as u8).collect()
    }

    /// Weights of `count` pixels that add up to 2^14, about, padded.
    fn weights(count: usize) -> Vec<i16> {
        let mut weights: Vec<i16> = (0..count).map(|i| ((1 << 14) / count + i * 5 % 7) as i16).collect();
        weights.resize(count.next_multiple_of(TOGETHER), 0);
        weights
    }

    /// What every kernel writes, with nothing beside the slices.
    fn written(source: &[u8], weights: &[i16], length: usize, work: impl Fn(Kernels, &[u8], &[i16], &mut [u8])) -> Vec<Vec<u8>> {
        let run = |kernels, side| {
            let fence = Fence::new(side);
            let (source, weights, mut out) = (source.to_vec(), weights.to_vec(), vec![7; length]);
            drop(fence);
            work(kernels, &source, &weights, &mut out);
            out
        };
        let here = Kernels::ALL.into_iter().filter(|k| k.runs_here());
        here.flat_map(|kernels| [run(kernels, Side::Start), run(kernels, Side::End)]).collect()
    }

    #[test]
    fn every_kernel_sums_rows_as_plain_loops_do() {
        for length in [1, 31, 32, 33, 64, 95, 300] {
            for count in [0usize, 1, 2, 3, 8, 37] {
                let (step, weights) = (length + 5, &weights(count)[..count]);
                let source = noise(count.checked_sub(1).map_or(0, |last| step * last + length), length as u32);
                let sum = |x: usize| (0..count).map(|y| i32::from(weights[y]) * i32::from(source[y * step + x])).sum();
                let wanted: Vec<u8> = (0..length).map(|x| rounded(sum(x), 14)).collect();
                for out in written(&source, weights, length, |k, source, w, out| rows(k, source, step, w, 14, out)) {
                    assert_eq!(out, wanted, "{count} rows of {length}");
                }
            }
        }
    }

    #[test]
    fn every_kernel_sums_pixels_as_plain_loops_do() {
        for count in [1, 2, 3, 4, 5, 8, 29] {
            let spans: Vec<Span> = (0..20).map(|start| Span { source: start..start + count, weights: 0 }).collect();
            let (weights, line) = (weights(count), noise(3 * (19 + count) + SPARE, count as u32));
            let sum = |at: usize| (0..count).map(|x| i32::from(weights[x]) * i32::from(line[at + 3 * x])).sum();
            let wanted: Vec<u8> = (0..60).map(|at| rounded(sum(at), 14)).collect();
            for out in written(&line, &weights, 60, |k, line, w, out| pixels(k, line, &spans, w, 14, out)) {
                assert_eq!(out, wanted, "{count} pixels");
            }
        }
    }

    #[test]
    fn white_stays_white_where_weights_add_up_to_more() {
        let line = vec![255; 3 * 48 + SPARE];
        for out in written(&line, &[8200, 8200], 48, |k, line, w, out| rows(k, line, 48, w, 14, out)) {
            assert_eq!(out, [255; 48]);
        }
        let span = [Span { source: 1..3, weights: 0 }];
        for out in written(&line, &[8200, 8200, 0, 0], 3, |k, line, w, out| pixels(k, line, &span, w, 14, out)) {
            assert_eq!(out, [255; 3]);
        }
    }
}
