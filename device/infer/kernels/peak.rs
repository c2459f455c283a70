//! How many multiply-adds a processor's instructions do when nothing else happens: what kernels are measured against.
//!
//! Products of registers, several sums at a time so that none waits for itself. No memory, no bias, nothing at the end.

use crate::Kernels;
use std::hint::black_box;

/// What is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Floats of 32 bits.
    Floats,
    /// Bytes, summed in 32 bits.
    Bytes,
}

/// Sums side by side.
const SUMS: usize = 10;

/// Does `rounds` rounds and returns how many multiply-adds that was. None where this processor lacks the instructions.
pub fn spin(kernels: Kernels, kind: Kind, rounds: u64) -> Option<u64> {
    if !kernels.runs_here() {
        return None;
    }
    let at_once = match (kernels, kind) {
        // SAFETY: here and below, the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        (Kernels::Avx512, Kind::Floats) => unsafe { x86::avx512_floats(rounds) },
        #[cfg(target_arch = "x86_64")]
        (Kernels::Avx512, Kind::Bytes) => unsafe { x86::avx512_bytes(rounds) },
        #[cfg(target_arch = "x86_64")]
        (Kernels::Avx2, Kind::Floats) => unsafe { x86::avx2_floats(rounds) },
        #[cfg(target_arch = "x86_64")]
        (Kernels::Avx2, Kind::Bytes) => unsafe { x86::avx2_bytes(rounds) },
        #[cfg(target_arch = "aarch64")]
        (Kernels::Neon | Kernels::NeonDot, Kind::Floats) => unsafe { arm::floats(rounds) },
        #[cfg(target_arch = "aarch64")]
        (Kernels::Neon, Kind::Bytes) => unsafe { arm::bytes(rounds) },
        #[cfg(target_arch = "aarch64")]
        (Kernels::NeonDot, Kind::Bytes) => unsafe { arm::dot_bytes(rounds) },
        (_, Kind::Floats) => plain(rounds, 1.0f32, |sum, x, w| sum + x * w),
        (_, Kind::Bytes) => plain(rounds, 1i32, |sum, x, w| sum.wrapping_add(x.wrapping_mul(w))),
    };
    Some(rounds * SUMS as u64 * at_once)
}

/// One number after the other, as the plain loops go.
fn plain<T: Copy>(rounds: u64, one: T, product: impl Fn(T, T, T) -> T) -> u64 {
    let mut sums = [one; SUMS];
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = product(*sum, black_box(one), one);
        }
    }
    black_box(sums);
    1
}

/// Loops of one product for each sum, in instructions that the compiler neither merges nor moves.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! loops {
    ($($name:ident, $features:literal, $class:ident, $zero:expr, $at_once:literal, $($line:literal)+;)+) => {$(
        #[target_feature(enable = $features)]
        pub(super) unsafe fn $name(rounds: u64) -> u64 {
            let (x, w) = ($zero, $zero);
            let mut sums = [$zero; SUMS];
            for _ in 0..rounds {
                for sum in &mut sums {
                    let mut spare = $zero;
                    // SAFETY: registers alone.
                    unsafe {
                        asm!($($line,)+ s = inout($class) *sum, t = inout($class) spare, x = in($class) x, w = in($class) w,
                             options(nomem, nostack, preserves_flags));
                    }
                    let _ = &mut spare;
                }
            }
            std::hint::black_box(sums);
            $at_once
        }
    )+};
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::SUMS;
    use std::arch::asm;
    use std::arch::x86_64::*;

    loops! {
        avx512_floats, "avx512f", zmm_reg, _mm512_setzero_ps(), 16, "vfmadd231ps {s}, {x}, {w} /* {t} */";
        avx512_bytes, "avx512f,avx512vnni", zmm_reg, _mm512_setzero_si512(), 64, "vpdpbusd {s}, {x}, {w} /* {t} */";
        avx2_floats, "avx2,fma", ymm_reg, _mm256_setzero_ps(), 8, "vfmadd231ps {s}, {x}, {w} /* {t} */";
        // Of words, as the kernel has it.
        avx2_bytes, "avx2", ymm_reg, _mm256_setzero_si256(), 16, "vpmaddwd {t}, {x}, {w}" "vpaddd {s}, {s}, {t}";
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use super::SUMS;
    use std::arch::aarch64::*;
    use std::arch::asm;

    loops! {
        floats, "neon", vreg, vdupq_n_f32(0.0), 4, "fmla {s:v}.4s, {x:v}.4s, {w:v}.4s // {t:v}";
        bytes, "neon", vreg, vdupq_n_s32(0), 16,
            "smull {t:v}.8h, {x:v}.8b, {w:v}.8b" "smlal2 {t:v}.8h, {x:v}.16b, {w:v}.16b" "sadalp {s:v}.4s, {t:v}.8h";
        dot_bytes, "dotprod", vreg, vdupq_n_s32(0), 16, "sdot {s:v}.4s, {x:v}.16b, {w:v}.16b // {t:v}";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_that_runs_here_has_a_peak() {
        for kernels in Kernels::ALL.into_iter().filter(|k| k.runs_here()) {
            for kind in [Kind::Floats, Kind::Bytes] {
                assert!(spin(kernels, kind, 10).is_some_and(|n| n >= 100), "{}", kernels.name());
            }
        }
    }
}
