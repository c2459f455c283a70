//! Convolution of floats.

use crate::elements;
use crate::halved::Halved;
use crate::pack::{Order, pack, pad};
use crate::sweep::{Steps, Sweep, Tile, Window};
use crate::winograd::{Ending, Size, Winograd};
use crate::{Kernels, scalar};

/// A convolution with its weights in the order that the processor's kernel reads.
///
/// Per output channel: `v = bias + Σ weight * x`, then a residual is added, then `v * slope` where v is negative.
#[derive(Clone, Debug)]
pub struct FloatConv {
    kernels: Kernels,
    window: Window,
    way: Way,
    lanes: usize,
    bias: Vec<f32>,
    slope: Vec<f32>,
}

/// How the sums come about.
#[derive(Clone, Debug)]
enum Way {
    /// As the definition has it. `block`: elements of `weights` for a block of output channels. `row`: those of a single output,
    /// which most of a register would have to wait for, in the order of a picture.
    Plain {
        weights: Vec<f32>,
        block: usize,
        row: Option<Vec<f32>>,
    },
    Winograd(Winograd),
    Halved(Halved),
}

/// What a kernel needs for one tile.
pub(crate) struct Job {
    pub input: *const f32,
    pub steps: Steps,
    pub weights: *const f32,
    /// Elements from one block's weights to the next one's.
    pub block: usize,
    pub bias: *const f32,
    pub slope: *const f32,
    /// Channels from the tile's first to the end of an output pixel.
    pub channels: usize,
    pub out: *mut f32,
    /// Elements of an output pixel.
    pub step: usize,
    /// Null where there is none.
    pub residual: *const f32,
}

/// A processor's way to compute tiles.
pub(crate) struct Kernel {
    pub groups: &'static [usize],
    pub most: fn(usize) -> usize,
    pub run: unsafe fn(&Job, &Tile),
}

impl FloatConv {
    /// `weights`: [out, in, height, width]; `bias`, `slope`: [out]. A slope of 0 is a ReLU, of 1 nothing. `shape`: count,
    /// height and width of the pictures that it will be used for; it takes others, but perhaps not the quickest way.
    ///
    /// # Panics
    /// Where the lengths do not fit the window.
    pub fn new(kernels: Kernels, window: Window, weights: &[f32], bias: &[f32], slope: &[f32], shape: [usize; 3]) -> Self {
        let conv = |size| Self::with_size(kernels, window, weights, bias, slope, size);
        // The plain loops stay as the definition has it: they are what the others must equal.
        if kernels == Kernels::Scalar || !kernels.runs_here() {
            return conv(None);
        }
        match Halved::best(kernels, &window, weights, shape) {
            Some(halved) => Self { way: Way::Halved(halved), ..conv(None) },
            None => conv(Size::best(&window, shape)),
        }
    }

    /// By plain sums, whatever the shape.
    ///
    /// # Panics
    /// As [`FloatConv::new`].
    pub fn plain(kernels: Kernels, window: Window, weights: &[f32], bias: &[f32], slope: &[f32]) -> Self {
        Self::with_size(kernels, window, weights, bias, slope, None)
    }

    /// Whether sums come about as the definition has it.
    pub fn is_plain(&self) -> bool {
        matches!(self.way, Way::Plain { .. })
    }

    /// By Winograd's way with tiles of that size, or by plain sums.
    pub(crate) fn with_size(
        kernels: Kernels,
        window: Window,
        weights: &[f32],
        bias: &[f32],
        slope: &[f32],
        size: Option<Size>,
    ) -> Self {
        assert_eq!(weights.len(), window.shape().iter().product::<usize>(), "weights of a window of another shape");
        assert!([bias.len(), slope.len()] == [window.outputs; 2], "one number per channel");
        let kernels = if kernels.runs_here() { kernels } else { Kernels::Scalar };
        let lanes = kernels.lanes();
        let way = match size {
            Some(size) => Way::Winograd(Winograd::new(kernels, size, &window, weights)),
            None => {
                let order = Order { lanes, group: 1, channels: window.inputs, outputs: window.outputs };
                let one = Order { lanes: 1, ..order };
                let row = (window.outputs == 1 && kernels != Kernels::Scalar).then(|| pack(weights, window.shape(), one));
                let weights = pack(weights, window.shape(), order);
                Way::Plain { row, weights, block: lanes * window.height * window.width * window.inputs }
            }
        };
        Self { kernels, window, way, lanes, bias: pad(bias, lanes, 0.0), slope: pad(slope, lanes, 1.0) }
    }

    /// The shape of the convolution.
    pub fn window(&self) -> &Window {
        &self.window
    }

    /// `shape`: count, height and width of the input; `out` and `residual`: [count, height', width', outputs].
    ///
    /// # Panics
    /// Where a length does not fit the shape.
    pub fn run(&self, input: &[f32], shape: [usize; 3], residual: Option<&[f32]>, out: &mut [f32]) {
        let sweep = Sweep::new(&self.window, shape, self.window.inputs);
        assert_eq!(input.len(), shape.iter().product::<usize>() * self.window.inputs, "an input of another shape");
        assert_eq!(out.len(), sweep.pixels() * self.window.outputs, "an output of another shape");
        assert!(residual.is_none_or(|r| r.len() == out.len()), "a residual of another shape");
        let kernel = kernel(self.kernels);
        let step = self.window.outputs;
        let ending = Ending { bias: &self.bias, slope: &self.slope, residual };
        if out.is_empty() {
            return;
        }
        let (packed, block) = match &self.way {
            Way::Winograd(winograd) => return winograd.run(&kernel, input, shape, ending, out),
            Way::Halved(halved) => return halved.run(&kernel, input, shape, ending, out),
            Way::Plain { row: Some(row), .. } if shape[1..] == [self.window.height, self.window.width] => {
                elements::products(self.kernels, input, row, out);
                for (index, out) in out.iter_mut().enumerate() {
                    let sum = *out + self.bias[0] + residual.map_or(0.0, |r| r[index]);
                    *out = if sum < 0.0 { sum * self.slope[0] } else { sum };
                }
                return;
            }
            Way::Plain { weights, block, .. } => (weights, *block),
        };
        sweep.each(step.div_ceil(self.lanes), kernel.groups, kernel.most, |tile| {
            let lane = tile.block * self.lanes;
            let at = tile.pixel * step + lane;
            let job = Job {
                // SAFETY: the sweep stays inside the input, whose length was compared with the shape.
                input: unsafe { input.as_ptr().add(tile.input) },
                steps: sweep.steps,
                weights: packed[tile.block * block..].as_ptr(),
                block,
                bias: self.bias[lane..].as_ptr(),
                slope: self.slope[lane..].as_ptr(),
                channels: step - lane,
                out: out[at..].as_mut_ptr(),
                step,
                residual: residual.map_or(std::ptr::null(), |r| r[at..].as_ptr()),
            };
            // SAFETY: the processor has the instructions (asked in `new`), and every pointer has room for the tile.
            unsafe { (kernel.run)(&job, &tile) };
        });
    }
}

fn kernel(kernels: Kernels) -> Kernel {
    match kernels {
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx512 => crate::avx512::FLOATS,
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => crate::avx2::FLOATS,
        #[cfg(target_arch = "aarch64")]
        Kernels::Neon | Kernels::NeonDot => crate::neon::FLOATS,
        _ => scalar::FLOATS,
    }
}
