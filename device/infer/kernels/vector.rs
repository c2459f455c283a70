//! Floats of a register: what loops of our own are written in where the compiler does not find the registers by itself.

use crate::Kernels;

/// A register's floats. All methods are inlined, so that they are compiled with the instructions of whoever runs them.
pub(crate) trait Vector: Copy {
    /// How many.
    const LANES: usize;

    fn zero() -> Self;

    /// The first of `from`, which has at least [`Self::LANES`].
    fn load(from: &[f32]) -> Self;

    /// The first `left` of `from`, then zeros. `left` is at most [`Self::LANES`].
    fn load_some(from: &[f32], left: usize) -> Self;

    /// Over the first of `to`, which has at least [`Self::LANES`].
    fn store(self, to: &mut [f32]);

    /// The first `left` of them.
    fn store_some(self, to: &mut [f32], left: usize);

    fn plus(self, other: Self) -> Self;

    fn minus(self, other: Self) -> Self;

    fn times(self, factor: f32) -> Self;

    /// self * factor + other.
    fn times_plus(self, factor: f32, other: Self) -> Self;

    /// Negative ones multiplied by `slope`.
    fn leaning(self, slope: Self) -> Self;
}

impl Vector for f32 {
    const LANES: usize = 1;

    #[inline(always)]
    fn zero() -> Self {
        0.0
    }

    #[inline(always)]
    fn load(from: &[f32]) -> Self {
        from[0]
    }

    #[inline(always)]
    fn load_some(from: &[f32], left: usize) -> Self {
        if left == 0 { 0.0 } else { from[0] }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32]) {
        to[0] = self;
    }

    #[inline(always)]
    fn store_some(self, to: &mut [f32], left: usize) {
        if left > 0 {
            to[0] = self;
        }
    }

    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }

    #[inline(always)]
    fn minus(self, other: Self) -> Self {
        self - other
    }

    #[inline(always)]
    fn times(self, factor: f32) -> Self {
        self * factor
    }

    #[inline(always)]
    fn times_plus(self, factor: f32, other: Self) -> Self {
        self * factor + other
    }

    #[inline(always)]
    fn leaning(self, slope: Self) -> Self {
        if self < 0.0 { self * slope } else { self }
    }
}

/// Loops to be compiled for each processor's registers.
pub(crate) trait Loops {
    /// Marked `#[inline(always)]`: a function that is only called by one with a processor's instructions lacks them itself.
    fn run<V: Vector>(self);
}

/// Runs `work` with the registers of the processor.
pub(crate) fn fit(kernels: Kernels, work: impl Loops) {
    match kernels {
        // SAFETY: kernels are chosen by what the processor has.
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx512 => unsafe { crate::avx512::fit(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => unsafe { crate::avx2::fit(work) },
        #[cfg(target_arch = "aarch64")]
        Kernels::Neon | Kernels::NeonDot => work.run::<std::arch::aarch64::float32x4_t>(),
        _ => work.run::<f32>(),
    }
}
