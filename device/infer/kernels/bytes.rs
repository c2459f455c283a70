//! Convolution of bytes: bytes in, whole numbers inside, bytes or floats out.

use crate::pack::{Order, pack, pad};
use crate::sweep::{Steps, Sweep, Tile, Window};
#[cfg(target_arch = "x86_64")]
use crate::words::Words;
use crate::{Kernels, padded, scalar};

/// A convolution with its weights in the order that the processor's kernel reads.
///
/// Per output channel: `sum = bias + Σ weight * (q - zero_point)`, exact in 32 bits; then `v = sum * up`, or `sum * down`
/// where the sum is negative (which holds a PReLU); then as [`Bytes`] or as floats.
#[derive(Clone, Debug)]
pub struct ByteConv {
    kernels: Kernels,
    window: Window,
    weights: Weights,
    /// Elements of `weights` in a block of output channels.
    block: usize,
    lanes: usize,
    bias: Vec<i32>,
    up: Vec<f32>,
    down: Vec<f32>,
}

#[derive(Clone, Debug)]
enum Weights {
    Bytes(Vec<i8>),
    /// For [`Kernels::Avx2`].
    Words(Vec<i16>),
    /// For [`Kernels::Avx2`], by Winograd's way.
    #[cfg(target_arch = "x86_64")]
    Winograd(Words),
}

/// How sums become numbers: one factor per output channel, for sums of either sign.
#[derive(Clone, Debug)]
pub struct Requantise {
    /// Factor of sums from zero up.
    pub up: Vec<f32>,
    /// Factor of negative sums.
    pub down: Vec<f32>,
}

/// How numbers become bytes: `q = zero_point + round(v + residual)`, ties to even, from `floor` to 255.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a> {
    /// What zero becomes.
    pub zero_point: u8,
    /// Smallest byte: the zero point for a ReLU, else 0.
    pub floor: u8,
    /// Another picture to be added, shaped like the output.
    pub residual: Option<Residual<'a>>,
}

/// A picture to be added: each byte counts `(q - zero_point) * scale`.
#[derive(Clone, Copy, Debug)]
pub struct Residual<'a> {
    /// Its bytes, channels padded.
    pub bytes: &'a [u8],
    /// The byte for zero.
    pub zero_point: u8,
    /// In steps of the output.
    pub scale: f32,
}

/// Sums stay below this many steps of the output, so that they fit in 32 bits; a byte holds 255.
pub(crate) const MOST_STEPS: f32 = 1024.0;

/// What a kernel needs for one tile.
pub(crate) struct Job {
    pub input: *const u8,
    pub steps: Steps,
    pub weights: *const u8,
    /// Bytes from one block's weights to the next one's.
    pub block: usize,
    pub bias: *const i32,
    pub up: *const f32,
    pub down: *const f32,
    /// Channels from the tile's first to the end of an output pixel.
    pub channels: usize,
    pub sink: Sink,
}

pub(crate) enum Sink {
    Bytes {
        out: *mut u8,
        step: usize,
        zero: i32,
        floor: i32,
        residual: *const u8,
        residual_zero: i32,
        residual_scale: f32,
    },
    Floats {
        out: *mut f32,
        step: usize,
    },
    /// As they are, whole registers of them.
    #[cfg(target_arch = "x86_64")]
    Sums {
        out: *mut i32,
        step: usize,
    },
}

/// Where a convolution writes.
enum Target<'a> {
    Bytes(&'a mut [u8], Bytes<'a>),
    Floats(&'a mut [f32]),
}

impl ByteConv {
    /// `weights`: [out, in, height, width]; `bias`: [out], in steps of the sum; `zero_point`: of the input. `shape`: count,
    /// height and width of the pictures that it will be used for; it takes others, but perhaps not the quickest way.
    ///
    /// # Panics
    /// Where the lengths do not fit the window.
    pub fn new(
        kernels: Kernels,
        window: Window,
        weights: &[i8],
        bias: &[i32],
        zero_point: u8,
        requantise: &Requantise,
        shape: [usize; 3],
    ) -> Self {
        let winograd = is_quicker_by_winograd(kernels, &window, shape);
        Self::with_way(kernels, window, weights, bias, zero_point, requantise, winograd)
    }

    /// By Winograd's way, where these kernels have one, or by plain sums. The answers are the same.
    pub(crate) fn with_way(
        kernels: Kernels,
        window: Window,
        weights: &[i8],
        bias: &[i32],
        zero_point: u8,
        requantise: &Requantise,
        #[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables, reason = "other kernels have none"))] winograd: bool,
    ) -> Self {
        let per_output = window.inputs * window.height * window.width;
        assert_eq!(weights.len(), window.outputs * per_output, "weights of a window of another shape");
        assert!([bias.len(), requantise.up.len(), requantise.down.len()] == [window.outputs; 3], "one number per channel");
        // Plain NEON sums two products in 16 bits, which -128 * -128 twice does not fit in.
        let fits = kernels != Kernels::Neon || !weights.contains(&i8::MIN);
        let kernels = if kernels.runs_here() && fits { kernels } else { Kernels::Scalar };
        let lanes = kernels.lanes();
        // The sum of w * (q - zero) is the sum of w * (q - shift), less (zero - shift) times the sum of w.
        let zero = i32::from(zero_point) - i32::from(kernels.shift());
        let sums = weights.chunks_exact(per_output).map(|w| w.iter().map(|&w| i32::from(w)).sum::<i32>());
        let bias: Vec<i32> = bias.iter().zip(sums).map(|(b, sum)| b - zero * sum).collect();
        let order = Order { lanes, group: 4, channels: padded(window.inputs), outputs: padded(window.outputs) };
        let block = lanes * window.height * window.width * order.channels;
        let weights = match kernels {
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx2 if winograd => Weights::Winograd(Words::new(&window, weights)),
            Kernels::Avx2 => Weights::Words(pack(weights, window.shape(), Order { group: 2, ..order })),
            _ => Weights::Bytes(pack(weights, window.shape(), order)),
        };
        Self {
            kernels,
            window,
            weights,
            block,
            lanes,
            bias: pad(&bias, lanes.max(4), 0),
            up: pad(&requantise.up, lanes.max(4), 0.0),
            down: pad(&requantise.down, lanes.max(4), 0.0),
        }
    }

    /// The shape of the convolution.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// Bytes out. `shape`: count, height and width of the input; `out`: [count, height', width', padded outputs].
    ///
    /// # Panics
    /// Where a length does not fit the shape.
    pub fn to_bytes(&self, input: &[u8], shape: [usize; 3], how: Bytes, out: &mut [u8]) {
        if let Some(residual) = how.residual {
            assert_eq!(residual.bytes.len(), out.len(), "a residual of another shape");
        }
        self.run(input, shape, Target::Bytes(out, how));
    }

    /// Floats out, without padding between them: [count, height', width', outputs].
    ///
    /// # Panics
    /// Where a length does not fit the shape.
    pub fn to_floats(&self, input: &[u8], shape: [usize; 3], out: &mut [f32]) {
        self.run(input, shape, Target::Floats(out));
    }

    fn run(&self, input: &[u8], shape: [usize; 3], mut target: Target) {
        let channels = padded(self.window.inputs);
        let sweep = Sweep::new(&self.window, shape, channels);
        assert_eq!(input.len(), shape.iter().product::<usize>() * channels, "an input of another shape");
        let (length, step) = match &target {
            Target::Bytes(out, _) => (out.len(), padded(self.window.outputs)),
            Target::Floats(out) => (out.len(), self.window.outputs),
        };
        assert_eq!(length, sweep.pixels() * step, "an output of another shape");
        #[cfg(target_arch = "x86_64")]
        if let Weights::Winograd(words) = &self.weights {
            return words.run(input, shape, channels, &self.bias, |pixel, sums| self.finish(pixel, sums, step, &mut target));
        }
        #[cfg(target_arch = "x86_64")]
        if self.kernels == Kernels::Avx2 {
            // This processor multiplies words: the bytes are widened once, not for every window that sees them.
            return crate::avx2::widened(input, |words| self.sweep(&sweep, words.cast(), 2, step, &mut target));
        }
        self.sweep(&sweep, input.as_ptr(), 1, step, &mut target);
    }

    /// `size`: bytes of an element of the input and of the weights.
    fn sweep(&self, sweep: &Sweep, input: *const u8, size: usize, step: usize, target: &mut Target) {
        let weights: *const u8 = match &self.weights {
            Weights::Bytes(weights) => weights.as_ptr().cast(),
            Weights::Words(weights) => weights.as_ptr().cast(),
            #[cfg(target_arch = "x86_64")]
            Weights::Winograd(_) => return,
        };
        let kernel = kernel(self.kernels);
        sweep.each(step.div_ceil(self.lanes), kernel.groups, kernel.most, |tile| {
            let job = Job {
                // SAFETY: the sweep stays inside the input, whose length was compared with the shape.
                input: unsafe { input.add(tile.input * size) },
                steps: sweep.steps,
                // SAFETY: there are as many blocks as the output has channels for.
                weights: unsafe { weights.add(tile.block * self.block * size) },
                bias: self.bias[tile.block * self.lanes..].as_ptr(),
                ..self.job(&tile, self.block * size, step, target)
            };
            // SAFETY: the processor has the instructions (asked in `new`), and every pointer has room for the tile.
            unsafe { (kernel.run)(&job, &tile) };
        });
    }

    /// What comes after the sums of a pixel, which are there.
    #[cfg(target_arch = "x86_64")]
    fn finish(&self, pixel: usize, sums: &[i32], step: usize, target: &mut Target) {
        let kernel = kernel(self.kernels);
        let (mut block, blocks) = (0, step.div_ceil(self.lanes));
        while block < blocks {
            let group = kernel.groups.iter().copied().find(|&g| g <= blocks - block).unwrap_or(1);
            let tile = Tile { input: 0, pixel, pixels: 1, block, blocks: group };
            // A window without rows: the sums take the place of the bias, and nothing is added.
            let job = Job { bias: sums[block * self.lanes..].as_ptr(), ..self.job(&tile, 0, step, target) };
            // SAFETY: as above; without rows neither input nor weights are read.
            unsafe { (kernel.run)(&job, &tile) };
            block += group;
        }
    }

    /// A tile's way out, without its input, weights and bias. `block`: bytes from one block's weights to the next one's.
    fn job(&self, tile: &Tile, block: usize, step: usize, target: &mut Target) -> Job {
        let lane = tile.block * self.lanes;
        let at = tile.pixel * step + lane;
        let sink = match target {
            Target::Bytes(out, how) => Sink::Bytes {
                out: out[at..].as_mut_ptr(),
                step,
                zero: how.zero_point.into(),
                floor: how.floor.into(),
                residual: how.residual.map_or(std::ptr::null(), |r| r.bytes[at..].as_ptr()),
                residual_zero: how.residual.map_or(0, |r| r.zero_point.into()),
                residual_scale: how.residual.map_or(0.0, |r| r.scale),
            },
            Target::Floats(out) => Sink::Floats { out: out[at..].as_mut_ptr(), step },
        };
        Job {
            input: std::ptr::null(),
            steps: Steps { row: 0, pixel: 0, rows: 0, run: 0 },
            weights: std::ptr::null(),
            block,
            bias: std::ptr::null(),
            up: self.up[lane..].as_ptr(),
            down: self.down[lane..].as_ptr(),
            channels: step - lane,
            sink,
        }
    }
}

fn is_quicker_by_winograd(kernels: Kernels, window: &Window, shape: [usize; 3]) -> bool {
    match kernels {
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => Words::pays(window, shape),
        _ => {
            let _ = (window, shape);
            false
        }
    }
}

/// A processor's way to compute tiles.
pub(crate) struct Kernel {
    /// Numbers of blocks that a tile can have, largest first.
    pub groups: &'static [usize],
    /// Pixels that a tile of so many blocks has room for.
    pub most: fn(usize) -> usize,
    pub run: unsafe fn(&Job, &Tile),
}

fn kernel(kernels: Kernels) -> Kernel {
    match kernels {
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx512 => crate::avx512::BYTES,
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => crate::avx2::BYTES,
        #[cfg(target_arch = "aarch64")]
        Kernels::Neon => crate::neon::BYTES,
        #[cfg(target_arch = "aarch64")]
        Kernels::NeonDot => crate::neon::DOT_BYTES,
        _ => scalar::BYTES,
    }
}
