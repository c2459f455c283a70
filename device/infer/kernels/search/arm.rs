//! Products of rows with NEON, and with its dot product of bytes. Both take signed bytes: 128 is taken from the rows as they are
//! loaded.

use std::arch::aarch64::*;
use std::arch::asm;

/// Rows at a time: their sums are added up across together.
const ROWS: usize = 4;

/// # Safety
/// The processor has the instructions; `rows` are as many as `out`, each as long as `probe`, a multiple of 64.
#[target_feature(enable = "dotprod")]
pub(super) unsafe fn dot(probe: &[i8], rows: &[u8], out: &mut [i32]) {
    // SAFETY: as the caller promises.
    unsafe {
        sweep(probe, rows, out, |mut sum, row, probe| {
            asm!("sdot {sum:v}.4s, {row:v}.16b, {probe:v}.16b", sum = inout(vreg) sum, row = in(vreg) row, probe = in(vreg) probe,
                 options(pure, nomem, nostack, preserves_flags));
            sum
        });
    }
}

/// # Safety
/// `rows` are as many as `out`, each as long as `probe`, a multiple of 64; `probe` has no -128.
pub(super) unsafe fn plain(probe: &[i8], rows: &[u8], out: &mut [i32]) {
    // SAFETY: as the caller promises.
    unsafe {
        sweep(probe, rows, out, |sum, row, probe| {
            // Two products of at most 128 * 127 fit in 16 bits.
            let products = vmull_s8(vget_low_s8(row), vget_low_s8(probe));
            vpadalq_s16(sum, vmlal_high_s8(products, row, probe))
        });
    }
}

/// # Safety
/// `rows` are as many as `out`, each as long as `probe`, a multiple of 64.
#[inline(always)]
unsafe fn sweep(probe: &[i8], rows: &[u8], out: &mut [i32], step: impl Fn(int32x4_t, int8x16_t, int8x16_t) -> int32x4_t) {
    let width = probe.len();
    let mut row = rows.as_ptr();
    let mut groups = out.chunks_exact_mut(ROWS);
    // SAFETY: as the caller promises.
    unsafe {
        let signed = |at: *const u8| vreinterpretq_s8_u8(veorq_u8(vld1q_u8(at), vdupq_n_u8(128)));
        for out in &mut groups {
            let mut sums = [vdupq_n_s32(0); ROWS];
            for at in (0..width).step_by(16) {
                let probe = vld1q_s8(probe.as_ptr().add(at));
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = step(*sum, signed(row.add(i * width + at)), probe);
                }
            }
            let pairs = vpaddq_s32(vpaddq_s32(sums[0], sums[1]), vpaddq_s32(sums[2], sums[3]));
            vst1q_s32(out.as_mut_ptr(), pairs);
            row = row.add(ROWS * width);
        }
        for out in groups.into_remainder() {
            let mut sum = vdupq_n_s32(0);
            for at in (0..width).step_by(16) {
                sum = step(sum, signed(row.add(at)), vld1q_s8(probe.as_ptr().add(at)));
            }
            *out = vaddvq_s32(sum);
            row = row.add(width);
        }
    }
}
