//! Tiles with AVX-512: sixteen channels a register, four bytes of each multiplied and summed at once (VNNI).
//!
//! A tile holds all its sums in registers: of 32, up to 24 are sums, and at least ten are needed so that none waits
//! for itself (a multiplication takes four to five cycles, two start in each).

use crate::bytes::{self, MOST_STEPS, Sink};
use crate::floats;
use crate::sweep::{Tile, pick, settled};
use crate::vector::{Loops, Vector};
use std::arch::x86_64::*;

pub(crate) const BYTES: bytes::Kernel = bytes::Kernel { groups: &[4, 2, 1], most, run: bytes };
pub(crate) const FLOATS: floats::Kernel = floats::Kernel { groups: &[4, 2, 1], most, run: floats };

const LANES: usize = 16;

fn most(blocks: usize) -> usize {
    match blocks {
        4 => 6,
        2 => 12,
        _ => 16,
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn bytes(job: &bytes::Job, at: &Tile) {
    // SAFETY: as the caller promises.
    unsafe {
        pick!(byte_tile, job, at,
            4: 1 2 3 4 5 6;
            2: 1 2 3 4 5 6 7 8 9 10 11 12;
            1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16;
        )
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn floats(job: &floats::Job, at: &Tile) {
    // SAFETY: as the caller promises.
    unsafe {
        pick!(float_tile, job, at,
            4: 1 2 3 4 5 6;
            2: 1 2 3 4 5 6 7 8 9 10 11 12;
            1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16;
        )
    }
}

/// One bit for each of the block's channels that the output has.
fn mask(channels: usize, block: usize) -> __mmask16 {
    let left = channels.saturating_sub(block * LANES).min(LANES);
    ((1u32 << left) - 1) as __mmask16
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn byte_tile<const PIXELS: usize, const BLOCKS: usize>(job: &bytes::Job) {
    let mut sums = [[_mm512_setzero_si512(); BLOCKS]; PIXELS];
    // SAFETY: as the caller promises.
    unsafe {
        for block in 0..BLOCKS {
            let bias = _mm512_loadu_si512(job.bias.add(block * LANES).cast());
            for sums in &mut sums {
                sums[block] = bias;
            }
        }
        let mut weights = job.weights;
        for row in 0..job.steps.rows {
            let mut input = job.input.add(row * job.steps.row);
            for _ in 0..job.steps.run / 4 {
                let mut w = [_mm512_setzero_si512(); BLOCKS];
                for block in 0..BLOCKS {
                    w[block] = _mm512_loadu_si512(weights.add(block * job.block).cast());
                }
                for pixel in 0..PIXELS {
                    let x = _mm512_set1_epi32(input.add(pixel * job.steps.pixel).cast::<i32>().read_unaligned());
                    for block in 0..BLOCKS {
                        sums[pixel][block] = _mm512_dpbusd_epi32(sums[pixel][block], x, w[block]);
                    }
                }
                input = input.add(4);
                weights = weights.add(4 * LANES);
            }
        }
        let sums = settled(&sums);
        for block in 0..BLOCKS {
            let mask = mask(job.channels, block);
            let up = _mm512_loadu_ps(job.up.add(block * LANES));
            let down = _mm512_loadu_ps(job.down.add(block * LANES));
            for pixel in 0..PIXELS {
                let sum = sums[pixel][block];
                let factor = _mm512_mask_blend_ps(negative(sum), up, down);
                let value = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), factor);
                match job.sink {
                    Sink::Bytes { out, step, zero, floor, residual, residual_zero, residual_scale } => {
                        let at = pixel * step + block * LANES;
                        let mut value = value;
                        if !residual.is_null() {
                            let other = _mm_maskz_loadu_epi8(mask, residual.add(at).cast());
                            let other = _mm512_sub_epi32(_mm512_cvtepu8_epi32(other), _mm512_set1_epi32(residual_zero));
                            let other = _mm512_mul_ps(_mm512_cvtepi32_ps(other), _mm512_set1_ps(residual_scale));
                            value = _mm512_add_ps(value, other);
                        }
                        let most = _mm512_set1_ps(MOST_STEPS);
                        let value = _mm512_max_ps(_mm512_min_ps(value, most), _mm512_sub_ps(_mm512_setzero_ps(), most));
                        let steps = _mm512_add_epi32(_mm512_cvtps_epi32(value), _mm512_set1_epi32(zero));
                        let steps = _mm512_max_epi32(steps, _mm512_set1_epi32(floor));
                        _mm_mask_storeu_epi8(out.add(at).cast(), mask, _mm512_cvtusepi32_epi8(steps));
                    }
                    Sink::Floats { out, step } => {
                        _mm512_mask_storeu_ps(out.add(pixel * step + block * LANES), mask, value);
                    }
                    Sink::Sums { .. } => unreachable!("asked of AVX2 alone"),
                }
            }
        }
    }
}

/// One bit for each negative number.
#[target_feature(enable = "avx512f")]
#[inline]
fn negative(sums: __m512i) -> __mmask16 {
    _mm512_cmplt_epi32_mask(sums, _mm512_setzero_si512())
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn float_tile<const PIXELS: usize, const BLOCKS: usize>(job: &floats::Job) {
    let mut sums = [[_mm512_setzero_ps(); BLOCKS]; PIXELS];
    // SAFETY: as the caller promises.
    unsafe {
        for block in 0..BLOCKS {
            let bias = _mm512_loadu_ps(job.bias.add(block * LANES));
            for sums in &mut sums {
                sums[block] = bias;
            }
        }
        let mut weights = job.weights;
        for row in 0..job.steps.rows {
            let mut input = job.input.add(row * job.steps.row);
            for _ in 0..job.steps.run {
                let mut w = [_mm512_setzero_ps(); BLOCKS];
                for block in 0..BLOCKS {
                    w[block] = _mm512_loadu_ps(weights.add(block * job.block));
                }
                for pixel in 0..PIXELS {
                    let x = _mm512_set1_ps(*input.add(pixel * job.steps.pixel));
                    for block in 0..BLOCKS {
                        sums[pixel][block] = _mm512_fmadd_ps(x, w[block], sums[pixel][block]);
                    }
                }
                input = input.add(1);
                weights = weights.add(LANES);
            }
        }
        let sums = settled(&sums);
        for block in 0..BLOCKS {
            let mask = mask(job.channels, block);
            let slope = _mm512_loadu_ps(job.slope.add(block * LANES));
            for pixel in 0..PIXELS {
                let at = pixel * job.step + block * LANES;
                let mut value = sums[pixel][block];
                if !job.residual.is_null() {
                    value = _mm512_add_ps(value, _mm512_maskz_loadu_ps(mask, job.residual.add(at)));
                }
                let negative = _mm512_cmp_ps_mask(value, _mm512_setzero_ps(), _CMP_LT_OQ);
                let value = _mm512_mask_mul_ps(value, negative, value, slope);
                _mm512_mask_storeu_ps(job.out.add(at), mask, value);
            }
        }
    }
}

/// # Safety
/// The processor has the instructions.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
pub(crate) unsafe fn fit(work: impl Loops) {
    work.run::<__m512>();
}

impl Vector for __m512 {
    const LANES: usize = LANES;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let from = &from[..LANES];
        // SAFETY: as above, and the slice was cut to the length.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_some(from: &[f32], left: usize) -> Self {
        let from = &from[..left];
        // SAFETY: as above, and the slice was cut to the length.
        unsafe { _mm512_maskz_loadu_ps(mask(left, 0), from.as_ptr()) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let to = &mut to[..LANES];
        // SAFETY: as above, and the slice was cut to the length.
        unsafe {
            _mm512_storeu_ps(to.as_mut_ptr(), self);
        }
    }

    #[inline(always)]
    fn store_some(self, to: &mut [f32], left: usize) {
        let to = &mut to[..left];
        // SAFETY: as above, and the slice was cut to the length.
        unsafe {
            _mm512_mask_storeu_ps(to.as_mut_ptr(), mask(left, 0), self);
        }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm512_add_ps(self, other) }
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm512_sub_ps(self, other) }
    }

    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm512_mul_ps(self, _mm512_set1_ps(factor)) }
    }

    #[inline(always)]
    fn times_plus(self, factor: f32, other: Self) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm512_fmadd_ps(self, _mm512_set1_ps(factor), other) }
    }

    #[inline(always)]
    fn leaning(self, slope: Self) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe {
            let negative = _mm512_cmp_ps_mask(self, _mm512_setzero_ps(), _CMP_LT_OQ);
            _mm512_mask_mul_ps(self, negative, self, slope)
        }
    }
}
