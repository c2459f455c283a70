//! Tiles with NEON: four channels a register. Bytes with the product of bytes that every aarch64 processor has, or with
//! the dot product of four (`asimddp`) that processors have since the Cortex-A75.
//!
//! Both products take signed bytes: a picture's bytes have 128 taken from them as they are loaded, and the bias has 128
//! times the sum of the weights added ([`crate::Kernels::shift`]).

use crate::bytes::{self, MOST_STEPS, Sink};
use crate::floats;
use crate::sweep::{Tile, pick, settled};
use crate::vector::Vector;
use std::arch::aarch64::*;
use std::arch::asm;

pub(crate) const BYTES: bytes::Kernel = bytes::Kernel { groups: &[4, 3, 2, 1], most, run: bytes };
pub(crate) const DOT_BYTES: bytes::Kernel = bytes::Kernel { groups: &[4, 3, 2, 1], most: most_with_dot, run: dot_bytes };
pub(crate) const FLOATS: floats::Kernel = floats::Kernel { groups: &[4, 3, 2, 1], most: most_with_dot, run: floats };

const LANES: usize = 4;

/// Each sum takes two registers until the end, and each pixel two of input: more than these and some lie in memory.
fn most(blocks: usize) -> usize {
    match blocks {
        3 | 4 => 2,
        2 => 3,
        _ => 6,
    }
}

/// Up to 20 sums, one register of input a pixel, one of weights a block.
fn most_with_dot(blocks: usize) -> usize {
    match blocks {
        4 => 5,
        3 => 6,
        2 => 8,
        _ => 12,
    }
}

unsafe fn bytes(job: &bytes::Job, at: &Tile) {
    // SAFETY: as the caller promises.
    unsafe {
        pick!(byte_tile, job, at,
            4: 1 2;
            3: 1 2;
            2: 1 2 3;
            1: 1 2 3 4 5 6;
        )
    }
}

#[target_feature(enable = "dotprod")]
unsafe fn dot_bytes(job: &bytes::Job, at: &Tile) {
    // SAFETY: as the caller promises.
    unsafe {
        pick!(dot_tile, job, at,
            4: 1 2 3 4 5;
            3: 1 2 3 4 5 6;
            2: 1 2 3 4 5 6 7 8;
            1: 1 2 3 4 5 6 7 8 9 10 11 12;
        )
    }
}

unsafe fn floats(job: &floats::Job, at: &Tile) {
    // SAFETY: as the caller promises.
    unsafe {
        pick!(float_tile, job, at,
            4: 1 2 3 4 5;
            3: 1 2 3 4 5 6;
            2: 1 2 3 4 5 6 7 8;
            1: 1 2 3 4 5 6 7 8 9 10 11 12;
        )
    }
}

/// Sums of products of single bytes. A product of two bytes takes 15 bits, so two of them are summed in 16 bits (no
/// weight is -128), and then pairs of those in 32.
unsafe fn byte_tile<const PIXELS: usize, const BLOCKS: usize>(job: &bytes::Job) {
    // SAFETY: as the caller promises.
    unsafe {
        // Of each block channels 0 and 1, then channels 2 and 3, two halves of each sum.
        let mut sums = [[[vdupq_n_s32(0); 2]; BLOCKS]; PIXELS];
        let half = vdup_n_s8(-128);
        let mut weights = job.weights.cast::<i8>();
        for row in 0..job.steps.rows {
            let mut input = job.input.add(row * job.steps.row);
            let mut left = job.steps.run / 4;
            while left >= 2 {
                let x: [[int8x16_t; 2]; PIXELS] = std::array::from_fn(|pixel| {
                    let x = veor_s8(vld1_s8(input.add(pixel * job.steps.pixel).cast()), half);
                    [copies::<0>(x), copies::<1>(x)]
                });
                for block in 0..BLOCKS {
                    let w = weights.add(block * job.block);
                    let w = [vld1q_s8(w), vld1q_s8(w.add(4 * LANES))];
                    for pixel in 0..PIXELS {
                        let x = x[pixel];
                        let low = vmull_s8(vget_low_s8(w[0]), vget_low_s8(x[0]));
                        let low = vmlal_s8(low, vget_low_s8(w[1]), vget_low_s8(x[1]));
                        let high = vmull_high_s8(w[0], x[0]);
                        let high = vmlal_high_s8(high, w[1], x[1]);
                        let sums = &mut sums[pixel][block];
                        *sums = [vpadalq_s16(sums[0], low), vpadalq_s16(sums[1], high)];
                    }
                }
                input = input.add(8);
                weights = weights.add(8 * LANES);
                left -= 2;
            }
            if left == 1 {
                for block in 0..BLOCKS {
                    let w = vld1q_s8(weights.add(block * job.block));
                    for pixel in 0..PIXELS {
                        let x = copies::<0>(veor_s8(four(input.add(pixel * job.steps.pixel)), half));
                        let sums = &mut sums[pixel][block];
                        let low = vmull_s8(vget_low_s8(w), vget_low_s8(x));
                        *sums = [vpadalq_s16(sums[0], low), vpadalq_s16(sums[1], vmull_high_s8(w, x))];
                    }
                }
                weights = weights.add(4 * LANES);
            }
        }
        let mut whole = [[vdupq_n_s32(0); BLOCKS]; PIXELS];
        for block in 0..BLOCKS {
            let bias = vld1q_s32(job.bias.add(block * LANES));
            for pixel in 0..PIXELS {
                let [low, high] = sums[pixel][block];
                whole[pixel][block] = vaddq_s32(vpaddq_s32(low, high), bias);
            }
        }
        finish(job, &whole);
    }
}

/// Four bytes, then zeros.
#[inline(always)]
unsafe fn four(at: *const u8) -> int8x8_t {
    // SAFETY: as the caller promises.
    unsafe { vcreate_s8(at.cast::<u32>().read_unaligned().into()) }
}

/// The first or the last four of eight bytes, four times.
#[inline(always)]
unsafe fn copies<const HALF: i32>(x: int8x8_t) -> int8x16_t {
    // SAFETY: as the caller promises.
    unsafe { vreinterpretq_s8_s32(vdupq_lane_s32::<HALF>(vreinterpret_s32_s8(x))) }
}

/// `sum += weights . the four bytes of x at $lane`, for each of four channels. The library's function for it is not
/// stable yet.
macro_rules! dot {
    ($sum:expr, $weights:expr, $x:expr, $lane:literal) => {
        asm!(
            concat!("sdot {sum:v}.4s, {weights:v}.16b, {x:v}.4b[", $lane, "]"),
            sum = inout(vreg) $sum, weights = in(vreg) $weights, x = in(vreg) $x,
            options(pure, nomem, nostack, preserves_flags),
        )
    };
}

#[target_feature(enable = "dotprod")]
unsafe fn dot_tile<const PIXELS: usize, const BLOCKS: usize>(job: &bytes::Job) {
    // SAFETY: as the caller promises.
    unsafe {
        let mut sums = [[vdupq_n_s32(0); BLOCKS]; PIXELS];
        let half = vdupq_n_s8(-128);
        for block in 0..BLOCKS {
            let bias = vld1q_s32(job.bias.add(block * LANES));
            for sums in &mut sums {
                sums[block] = bias;
            }
        }
        let mut weights = job.weights.cast::<i8>();
        /// One group of four bytes: four channels of each block, with the group at one lane of every pixel.
        macro_rules! group {
            ($x:expr, $lane:literal) => {
                for block in 0..BLOCKS {
                    let w = vld1q_s8(weights.add(block * job.block + $lane * 4 * LANES));
                    for pixel in 0..PIXELS {
                        dot!(sums[pixel][block], w, $x[pixel], $lane);
                    }
                }
            };
        }
        for row in 0..job.steps.rows {
            let mut input = job.input.add(row * job.steps.row);
            let mut left = job.steps.run / 4;
            while left >= 4 {
                let x: [int8x16_t; PIXELS] =
                    std::array::from_fn(|pixel| veorq_s8(vld1q_s8(input.add(pixel * job.steps.pixel).cast()), half));
                group!(x, 0);
                group!(x, 1);
                group!(x, 2);
                group!(x, 3);
                input = input.add(16);
                weights = weights.add(16 * LANES);
                left -= 4;
            }
            let zeros = vdup_n_s8(0);
            if left >= 2 {
                let x: [int8x16_t; PIXELS] = std::array::from_fn(|pixel| {
                    let eight = vld1_s8(input.add(pixel * job.steps.pixel).cast());
                    veorq_s8(vcombine_s8(eight, zeros), half)
                });
                group!(x, 0);
                group!(x, 1);
                input = input.add(8);
                weights = weights.add(8 * LANES);
                left -= 2;
            }
            if left == 1 {
                let x: [int8x16_t; PIXELS] =
                    std::array::from_fn(|pixel| veorq_s8(vcombine_s8(four(input.add(pixel * job.steps.pixel)), zeros), half));
                group!(x, 0);
                weights = weights.add(4 * LANES);
            }
        }
        finish(job, &settled(&sums));
    }
}

/// From sums to what the job wants of them.
#[inline(always)]
unsafe fn finish<const PIXELS: usize, const BLOCKS: usize>(job: &bytes::Job, sums: &[[int32x4_t; BLOCKS]; PIXELS]) {
    // SAFETY: as the caller promises.
    unsafe {
        for block in 0..BLOCKS {
            let up = vld1q_f32(job.up.add(block * LANES));
            let down = vld1q_f32(job.down.add(block * LANES));
            for pixel in 0..PIXELS {
                let sum = sums[pixel][block];
                let value = vmulq_f32(vcvtq_f32_s32(sum), vbslq_f32(vcltzq_s32(sum), down, up));
                match job.sink {
                    Sink::Bytes { out, step, zero, floor, residual, residual_zero, residual_scale } => {
                        let at = pixel * step + block * LANES;
                        let mut value = value;
                        if !residual.is_null() {
                            let other = vreinterpret_u8_u32(vdup_n_u32(residual.add(at).cast::<u32>().read_unaligned()));
                            let other = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(other))));
                            let other = vcvtq_f32_s32(vsubq_s32(other, vdupq_n_s32(residual_zero)));
                            value = vaddq_f32(value, vmulq_f32(other, vdupq_n_f32(residual_scale)));
                        }
                        let value = vmaxq_f32(vminq_f32(value, vdupq_n_f32(MOST_STEPS)), vdupq_n_f32(-MOST_STEPS));
                        let steps = vaddq_s32(vcvtnq_s32_f32(value), vdupq_n_s32(zero));
                        let steps = vqmovun_s32(vmaxq_s32(steps, vdupq_n_s32(floor)));
                        let steps = vqmovn_u16(vcombine_u16(steps, steps));
                        out.add(at).cast::<u32>().write_unaligned(vget_lane_u32::<0>(vreinterpret_u32_u8(steps)));
                    }
                    Sink::Floats { out, step } => {
                        store(out.add(pixel * step + block * LANES), value, job.channels.saturating_sub(block * LANES));
                    }
                }
            }
        }
    }
}

/// Stores the first `left` of four numbers, at most all.
#[inline(always)]
unsafe fn store(out: *mut f32, value: float32x4_t, left: usize) {
    // SAFETY: as the caller promises.
    unsafe {
        if left >= LANES {
            vst1q_f32(out, value);
        } else {
            let mut four = [0.0; LANES];
            vst1q_f32(four.as_mut_ptr(), value);
            out.copy_from_nonoverlapping(four.as_ptr(), left);
        }
    }
}

unsafe fn float_tile<const PIXELS: usize, const BLOCKS: usize>(job: &floats::Job) {
    // SAFETY: as the caller promises.
    unsafe {
        let mut sums = [[vdupq_n_f32(0.0); BLOCKS]; PIXELS];
        for block in 0..BLOCKS {
            let bias = vld1q_f32(job.bias.add(block * LANES));
            for sums in &mut sums {
                sums[block] = bias;
            }
        }
        let mut weights = job.weights;
        /// One channel of the input: four channels of each block, with the number at one lane of every pixel.
        macro_rules! channel {
            ($x:expr, $lane:literal) => {
                for block in 0..BLOCKS {
                    let w = vld1q_f32(weights.add(block * job.block + $lane * LANES));
                    for pixel in 0..PIXELS {
                        sums[pixel][block] = vfmaq_laneq_f32::<$lane>(sums[pixel][block], w, $x[pixel]);
                    }
                }
            };
        }
        for row in 0..job.steps.rows {
            let mut input = job.input.add(row * job.steps.row);
            let mut left = job.steps.run;
            while left >= 4 {
                let x: [float32x4_t; PIXELS] = std::array::from_fn(|pixel| vld1q_f32(input.add(pixel * job.steps.pixel)));
                channel!(x, 0);
                channel!(x, 1);
                channel!(x, 2);
                channel!(x, 3);
                input = input.add(4);
                weights = weights.add(4 * LANES);
                left -= 4;
            }
            while left > 0 {
                let x: [float32x4_t; PIXELS] = std::array::from_fn(|pixel| vld1q_dup_f32(input.add(pixel * job.steps.pixel)));
                channel!(x, 0);
                input = input.add(1);
                weights = weights.add(LANES);
                left -= 1;
            }
        }
        let sums = settled(&sums);
        for block in 0..BLOCKS {
            let slope = vld1q_f32(job.slope.add(block * LANES));
            for pixel in 0..PIXELS {
                let at = pixel * job.step + block * LANES;
                let left = job.channels.saturating_sub(block * LANES);
                let mut value = sums[pixel][block];
                if !job.residual.is_null() {
                    let other = if left >= LANES {
                        vld1q_f32(job.residual.add(at))
                    } else {
                        let mut four = [0.0; LANES];
                        four.as_mut_ptr().copy_from_nonoverlapping(job.residual.add(at), left);
                        vld1q_f32(four.as_ptr())
                    };
                    value = vaddq_f32(value, other);
                }
                let value = vbslq_f32(vcltzq_f32(value), vmulq_f32(value, slope), value);
                store(job.out.add(at), value, left);
            }
        }
    }
}

impl Vector for float32x4_t {
    const LANES: usize = LANES;

    #[inline(always)]
    fn zero() -> Self {
        // SAFETY: every aarch64 processor has these.
        unsafe { vdupq_n_f32(0.0) }
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        let from = &from[..LANES];
        // SAFETY: the slice was cut to the length.
        unsafe { vld1q_f32(from.as_ptr()) }
    }

    #[inline(always)]
    fn load_some(from: &[f32], left: usize) -> Self {
        if left == LANES {
            return Self::load(from);
        }
        let mut all = [0.0; LANES];
        all[..left].copy_from_slice(&from[..left]);
        Self::load(&all)
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        let to = &mut to[..LANES];
        // SAFETY: the slice was cut to the length.
        unsafe {
            vst1q_f32(to.as_mut_ptr(), self);
        }
    }

    #[inline(always)]
    fn store_some(self, to: &mut [f32], left: usize) {
        if left == LANES {
            return self.store(to);
        }
        let mut all = [0.0; LANES];
        self.store(&mut all);
        to[..left].copy_from_slice(&all[..left]);
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        // SAFETY: every aarch64 processor has these.
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        // SAFETY: every aarch64 processor has these.
        unsafe { vsubq_f32(self, other) }
    }

    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        // SAFETY: every aarch64 processor has these.
        unsafe { vmulq_n_f32(self, factor) }
    }

    #[inline(always)]
    fn times_plus(self, factor: f32, other: Self) -> Self {
        // SAFETY: every aarch64 processor has these.
        unsafe { vfmaq_n_f32(other, self, factor) }
    }

    #[inline(always)]
    fn leaning(self, slope: Self) -> Self {
        // SAFETY: every aarch64 processor has these.
        unsafe { vbslq_f32(vcltzq_f32(self), vmulq_f32(self, slope), self) }
    }
}
