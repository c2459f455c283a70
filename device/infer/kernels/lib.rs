//! Slices of numbers in, slices of numbers out: the inner loops of the nets, written for each kind of processor.
//!
//! ```text
//! floats, bytes     a convolution with all that follows it: bias, residual sum, activation, new scale
//! winograd          a way to convolve floats with fewer multiplications, through the same tiles
//! halved            that way where windows of 5x5 skip every other pixel
//! words             Winograd's way for bytes, exact, where the processor multiplies words
//! sweep             which tile of pixels and channels is computed when
//! scalar            plain loops: what every other kernel must equal, and the way where there is no other
//! avx512 avx2 neon  the same tiles with a processor's instructions
//! vector            a register's floats, for loops that are the same on every processor
//! peak              what the instructions could do, to measure against
//! pool elements     windows' maxima and means; what works on one number at a time
//! resize            weighted sums of rows and pixels of pictures of bytes
//! search            one vector of bytes against many
//! haar              what the trees of a Haar cascade say of windows beside each other
//! crew              threads that stay, to let several nets run side by side
//! ```
//!
//! Pictures lie as [count, height, width, channels], channels innermost ("NHWC"). Channels of byte pictures are
//! padded to a multiple of four ([`padded`]): the dot-product instructions of all processors take four bytes at a time.
//! A byte `q` stands for the number `(q - zero_point) * scale`.

mod bytes;
pub mod crew;
pub mod elements;
mod floats;
pub mod haar;
mod halved;
mod pack;
pub mod peak;
pub mod pool;
pub mod resize;
mod scalar;
pub mod search;
mod sweep;
mod vector;
mod winograd;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod words;

#[cfg(test)]
mod fence;
#[cfg(test)]
mod tests;

pub use bytes::{ByteConv, Bytes, Requantise, Residual};
pub use floats::FloatConv;
pub use sweep::Window;

/// A processor's instructions that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernels {
    /// Plain loops, for any processor.
    Scalar,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F, BW, VL and VNNI.
    Avx512,
    /// aarch64: every such processor, the Cortex-A72 of a Raspberry Pi 4 among them.
    Neon,
    /// aarch64 with the dot product of bytes (`asimddp`): the Cortex-A76 of a Raspberry Pi 5, Jetson Orin.
    NeonDot,
}

impl Kernels {
    /// All, quickest first.
    pub const ALL: [Self; 5] = [Self::Avx512, Self::Avx2, Self::NeonDot, Self::Neon, Self::Scalar];

    /// The quickest that this processor has.
    pub fn best() -> Self {
        Self::ALL.into_iter().find(|k| k.runs_here()).unwrap_or(Self::Scalar)
    }

    /// Whether this processor has the instructions.
    pub fn runs_here(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512vnni")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => true,
            #[cfg(target_arch = "aarch64")]
            Self::NeonDot => std::arch::is_aarch64_feature_detected!("dotprod"),
            #[allow(unreachable_patterns, reason = "other processors' kernels")]
            _ => false,
        }
    }

    /// Output channels in a block of weights: the numbers that a register holds.
    pub(crate) fn lanes(self) -> usize {
        match self {
            Self::Scalar => 1,
            Self::Neon | Self::NeonDot => 4,
            Self::Avx2 => 8,
            Self::Avx512 => 16,
        }
    }

    /// What is taken from the bytes of a picture as a kernel loads them.
    pub(crate) fn shift(self) -> u8 {
        match self {
            Self::Neon | Self::NeonDot => 128,
            Self::Scalar | Self::Avx2 | Self::Avx512 => 0,
        }
    }

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512-vnni",
            Self::Neon => "neon",
            Self::NeonDot => "neon-dot",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// Channels of a byte picture with their padding.
pub fn padded(channels: usize) -> usize {
    channels.next_multiple_of(4)
}
