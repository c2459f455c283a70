//! Tiles with AVX2: eight channels a register. Bytes are widened to words first, since this processor's product of
//! bytes saturates; two words of each channel are multiplied and summed at once.

use crate::bytes::{self, MOST_STEPS, Sink};
use crate::floats;
use crate::sweep::{Tile, pick, settled};
use crate::vector::{Loops, Vector};
use std::arch::x86_64::*;
use std::cell::RefCell;

pub(crate) const BYTES: bytes::Kernel = bytes::Kernel { groups: &[2, 1], most, run: bytes };
pub(crate) const SUMS: bytes::Kernel = bytes::Kernel { groups: &[2, 1], most, run: sums };
pub(crate) const FLOATS: floats::Kernel = floats::Kernel { groups: &[2, 1], most, run: floats };

pub(crate) const LANES: usize = 8;

fn most(blocks: usize) -> usize {
    match blocks {
        2 => 6,
        _ => 12,
    }
}

/// Hands `input` on as words. The room for them is kept, one per thread.
pub(crate) fn widened(input: &[u8], use_words: impl FnOnce(*const u16)) {
    thread_local!(static WORDS: RefCell<Vec<u16>> = const { RefCell::new(Vec::new()) });
    WORDS.with_borrow_mut(|words| {
        words.clear();
        words.extend(input.iter().map(|&byte| u16::from(byte)));
        use_words(words.as_ptr());
    });
}

#[target_feature(enable = "avx2,fma")]
unsafe fn bytes(job: &bytes::Job, at: &Tile) {
    // SAFETY: as the caller promises.
    unsafe {
        pick!(byte_tile, job, at,
            2: 1 2 3 4 5 6;
            1: 1 2 3 4 5 6 7 8 9 10 11 12;
        )
    }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn sums(job: &bytes::Job, at: &Tile) {
    // SAFETY: as the caller promises.
    unsafe {
        pick!(sum_tile, job, at,
            2: 1 2 3 4 5 6;
            1: 1 2 3 4 5 6 7 8 9 10 11 12;
        )
    }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn floats(job: &floats::Job, at: &Tile) {
    // SAFETY: as the caller promises.
    unsafe {
        pick!(float_tile, job, at,
            2: 1 2 3 4 5 6;
            1: 1 2 3 4 5 6 7 8 9 10 11 12;
        )
    }
}

/// All bits set in the lanes of the block's channels that the output has.
#[target_feature(enable = "avx2")]
#[inline]
fn mask(channels: usize, block: usize) -> __m256i {
    let left = channels.saturating_sub(block * LANES).min(LANES) as i32;
    _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

#[target_feature(enable = "avx2,fma")]
unsafe fn byte_tile<const PIXELS: usize, const BLOCKS: usize>(job: &bytes::Job) {
    let mut sums = [[_mm256_setzero_si256(); BLOCKS]; PIXELS];
    // SAFETY: as the caller promises.
    unsafe {
        for block in 0..BLOCKS {
            let bias = _mm256_loadu_si256(job.bias.add(block * LANES).cast());
            for sums in &mut sums {
                sums[block] = bias;
            }
        }
        let mut weights = job.weights;
        for row in 0..job.steps.rows {
            let mut input = job.input.cast::<u16>().add(row * job.steps.row);
            for _ in 0..job.steps.run / 2 {
                let mut w = [_mm256_setzero_si256(); BLOCKS];
                for block in 0..BLOCKS {
                    w[block] = _mm256_loadu_si256(weights.add(block * job.block).cast());
                }
                for pixel in 0..PIXELS {
                    let x = _mm256_set1_epi32(input.add(pixel * job.steps.pixel).cast::<i32>().read_unaligned());
                    for block in 0..BLOCKS {
                        sums[pixel][block] = _mm256_add_epi32(sums[pixel][block], _mm256_madd_epi16(x, w[block]));
                    }
                }
                input = input.add(2);
                weights = weights.add(2 * 2 * LANES);
            }
        }
        let sums = settled(&sums);
        for block in 0..BLOCKS {
            let left = job.channels.saturating_sub(block * LANES).min(LANES);
            let mask = mask(job.channels, block);
            let up = _mm256_loadu_ps(job.up.add(block * LANES));
            let down = _mm256_loadu_ps(job.down.add(block * LANES));
            for pixel in 0..PIXELS {
                let sum = sums[pixel][block];
                // Blends by the sign bit, which a negative sum has.
                let factor = _mm256_blendv_ps(up, down, _mm256_castsi256_ps(sum));
                let value = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), factor);
                match job.sink {
                    Sink::Bytes { out, step, zero, floor, residual, residual_zero, residual_scale } => {
                        let at = pixel * step + block * LANES;
                        let mut value = value;
                        if !residual.is_null() {
                            // Padded channels come in fours: half a block or a whole one.
                            let other = residual.add(at);
                            let other = if left == LANES {
                                _mm_loadl_epi64(other.cast())
                            } else {
                                _mm_cvtsi32_si128(other.cast::<i32>().read_unaligned())
                            };
                            let other = _mm256_sub_epi32(_mm256_cvtepu8_epi32(other), _mm256_set1_epi32(residual_zero));
                            let other = _mm256_mul_ps(_mm256_cvtepi32_ps(other), _mm256_set1_ps(residual_scale));
                            value = _mm256_add_ps(value, other);
                        }
                        let most = _mm256_set1_ps(MOST_STEPS);
                        let value = _mm256_max_ps(_mm256_min_ps(value, most), _mm256_sub_ps(_mm256_setzero_ps(), most));
                        let steps = _mm256_add_epi32(_mm256_cvtps_epi32(value), _mm256_set1_epi32(zero));
                        let steps = _mm256_max_epi32(steps, _mm256_set1_epi32(floor));
                        let halves = _mm_packs_epi32(_mm256_castsi256_si128(steps), _mm256_extracti128_si256(steps, 1));
                        let packed = _mm_packus_epi16(halves, halves);
                        if left == LANES {
                            _mm_storel_epi64(out.add(at).cast(), packed);
                        } else {
                            out.add(at).cast::<i32>().write_unaligned(_mm_cvtsi128_si32(packed));
                        }
                    }
                    Sink::Floats { out, step } => {
                        _mm256_maskstore_ps(out.add(pixel * step + block * LANES), mask, value);
                    }
                    Sink::Sums { .. } => {}
                }
            }
        }
    }
}

/// The sums of words alone, without bias. Apart from [`byte_tile`], whose sums would leave their registers for a second end.
#[target_feature(enable = "avx2,fma")]
unsafe fn sum_tile<const PIXELS: usize, const BLOCKS: usize>(job: &bytes::Job) {
    let Sink::Sums { out, step } = job.sink else { return };
    let mut sums = [[_mm256_setzero_si256(); BLOCKS]; PIXELS];
    let (mut input, mut weights) = (job.input.cast::<u16>(), job.weights);
    // SAFETY: as the caller promises.
    unsafe {
        for _ in 0..job.steps.run / 2 {
            let mut w = [_mm256_setzero_si256(); BLOCKS];
            for block in 0..BLOCKS {
                w[block] = _mm256_loadu_si256(weights.add(block * job.block).cast());
            }
            for pixel in 0..PIXELS {
                let x = _mm256_set1_epi32(input.add(pixel * job.steps.pixel).cast::<i32>().read_unaligned());
                for block in 0..BLOCKS {
                    sums[pixel][block] = _mm256_add_epi32(sums[pixel][block], _mm256_madd_epi16(x, w[block]));
                }
            }
            input = input.add(2);
            weights = weights.add(2 * 2 * LANES);
        }
        for pixel in 0..PIXELS {
            for block in 0..BLOCKS {
                _mm256_storeu_si256(out.add(pixel * step + block * LANES).cast(), sums[pixel][block]);
            }
        }
    }
}

#[target_feature(enable = "avx2,fma")]
unsafe fn float_tile<const PIXELS: usize, const BLOCKS: usize>(job: &floats::Job) {
    let mut sums = [[_mm256_setzero_ps(); BLOCKS]; PIXELS];
    // SAFETY: as the caller promises.
    unsafe {
        for block in 0..BLOCKS {
            let bias = _mm256_loadu_ps(job.bias.add(block * LANES));
            for sums in &mut sums {
                sums[block] = bias;
            }
        }
        let mut weights = job.weights;
        for row in 0..job.steps.rows {
            let mut input = job.input.add(row * job.steps.row);
            for _ in 0..job.steps.run {
                let mut w = [_mm256_setzero_ps(); BLOCKS];
                for block in 0..BLOCKS {
                    w[block] = _mm256_loadu_ps(weights.add(block * job.block));
                }
                for pixel in 0..PIXELS {
                    let x = _mm256_set1_ps(*input.add(pixel * job.steps.pixel));
                    for block in 0..BLOCKS {
                        sums[pixel][block] = _mm256_fmadd_ps(x, w[block], sums[pixel][block]);
                    }
                }
                input = input.add(1);
                weights = weights.add(LANES);
            }
        }
        let sums = settled(&sums);
        for block in 0..BLOCKS {
            let mask = mask(job.channels, block);
            let slope = _mm256_loadu_ps(job.slope.add(block * LANES));
            for pixel in 0..PIXELS {
                let at = pixel * job.step + block * LANES;
                let mut value = sums[pixel][block];
                if !job.residual.is_null() {
                    value = _mm256_add_ps(value, _mm256_maskload_ps(job.residual.add(at), mask));
                }
                let negative = _mm256_cmp_ps(value, _mm256_setzero_ps(), _CMP_LT_OQ);
                let value = _mm256_blendv_ps(value, _mm256_mul_ps(value, slope), negative);
                _mm256_maskstore_ps(job.out.add(at), mask, value);
            }
        }
    }
}

/// # Safety
/// The processor has the instructions.
#[target_feature(enable = "avx2,fma")]
pub(crate) unsafe fn fit(work: impl Loops) {
    work.run::<__m256>();
}

impl Vector for __m256 {
    const LANES: usize = LANES;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let from = &from[..LANES];
        // SAFETY: as above, and the slice was cut to the length.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_some(from: &[f32], left: usize) -> Self {
        if left == LANES {
            return Self::load(from);
        }
        let from = &from[..left];
        // SAFETY: as above, and the slice was cut to the length.
        unsafe { _mm256_maskload_ps(from.as_ptr(), mask(left, 0)) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let to = &mut to[..LANES];
        // SAFETY: as above, and the slice was cut to the length.
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), self);
        }
    }

    #[inline(always)]
    fn store_some(self, to: &mut [f32], left: usize) {
        if left == LANES {
            return self.store(to);
        }
        let to = &mut to[..left];
        // SAFETY: as above, and the slice was cut to the length.
        unsafe { _mm256_maskstore_ps(to.as_mut_ptr(), mask(left, 0), self) }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm256_add_ps(self, other) }
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm256_sub_ps(self, other) }
    }

    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm256_mul_ps(self, _mm256_set1_ps(factor)) }
    }

    #[inline(always)]
    fn times_plus(self, factor: f32, other: Self) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe { _mm256_fmadd_ps(self, _mm256_set1_ps(factor), other) }
    }

    #[inline(always)]
    fn leaning(self, slope: Self) -> Self {
        // SAFETY: only run where the processor has the instructions (asked in `FloatConv`).
        unsafe {
            let negative = _mm256_cmp_ps(self, _mm256_setzero_ps(), _CMP_LT_OQ);
            _mm256_blendv_ps(self, _mm256_mul_ps(self, slope), negative)
        }
    }
}
