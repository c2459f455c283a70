//! Our operators in tract's graph: each wraps one call of the kernels and keeps its result's memory from run to run.

use lookalike_kernels::elements::{self, Sides};
use lookalike_kernels::pool::{self, Pool};
use lookalike_kernels::{ByteConv, Bytes, FloatConv, Kernels, Residual, padded};
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::plan::LaneId;

/// Count, height, width and channels of a picture; channels without padding.
pub(super) type Shape = [usize; 4];

/// What a layer does. Pictures lie with their channels innermost; see the kernels.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// RGB bytes to padded pixels.
    Pixels,
    /// RGB bytes to floats, `byte * scale + shift`.
    Numbers {
        scale: f32,
        shift: [f32; 3],
    },
    /// Bytes to bytes: zero point and floor of the result; of a residual its zero point and scale.
    Bytes {
        conv: Arc<ByteConv>,
        input: Shape,
        sides: Sides,
        fill: u8,
        zero: u8,
        floor: u8,
        residual: Option<(u8, f32)>,
    },
    /// Bytes to floats.
    BytesToFloats {
        conv: Arc<ByteConv>,
        input: Shape,
        sides: Sides,
        fill: u8,
    },
    /// Floats to floats; a second input is a residual.
    Floats {
        conv: Arc<FloatConv>,
        input: Shape,
        sides: Sides,
    },
    /// The sum of two pictures of floats.
    AddFloats {
        relu: bool,
    },
    /// The sum of two pictures of bytes: of each its scale in steps of the result and its zero point.
    AddBytes {
        parts: [(f32, u8); 2],
        zero: u8,
        floor: u8,
    },
    MaxBytes {
        pool: Pool,
        input: Shape,
    },
    MaxFloats {
        pool: Pool,
        input: Shape,
    },
    MeanBytes {
        pool: Pool,
        input: Shape,
    },
    MeanFloats {
        pool: Pool,
        input: Shape,
    },
    /// More channels and a frame, of zeros or the byte that stands for zero.
    GrowBytes {
        input: Shape,
        sides: Sides,
        channels: usize,
        fill: u8,
    },
    GrowFloats {
        input: Shape,
        sides: Sides,
        channels: usize,
    },
    Dequantise {
        channels: usize,
        scale: f32,
        zero: u8,
    },
    Quantise {
        channels: usize,
        scale: f32,
        zero: u8,
    },
    SoftmaxOfTwo,
    Sigmoid,
    /// Negative numbers are multiplied by `slope`.
    Lean {
        slope: f32,
    },
    /// Four channels beside each other become 2 x 2 pixels, row by row.
    Shuffle {
        input: Shape,
    },
    ShuffleBytes {
        input: Shape,
    },
    /// To ONNX's order of axes, channels first.
    ToPlanes {
        input: Shape,
    },
    /// From ONNX's order of axes.
    ToPixels {
        output: Shape,
    },
}

/// One of our operators: its work and what comes out of it.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub work: Work,
    pub kernels: Kernels,
    pub out: TypedFact,
}

impl PartialEq for Layer {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Layer {}

impl Op for Layer {
    fn name(&self) -> StaticName {
        self.work.name().into()
    }

    op_as_typed_op!();
}

impl EvalOp for Layer {
    not_out_of_plan!();

    fn state(&self, _: &EvalContext) -> TractResult<Option<Box<dyn OpState>>> {
        Ok(Some(Box::new(Room { out: self.result()?.into_arc_tensor(), bytes: Vec::new(), floats: Vec::new() })))
    }
}

impl TypedOp for Layer {
    fn output_facts(&self, _: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        Ok(tvec!(self.out.clone()))
    }

    as_op!();
}

/// What a layer keeps between runs: the memory of its result and of a padded input.
#[derive(Clone, Debug)]
struct Room {
    out: Arc<Tensor>,
    bytes: Vec<u8>,
    floats: Vec<f32>,
}

impl Work {
    /// As a graph's listing shows it.
    fn name(&self) -> &'static str {
        match self {
            Self::Pixels => "Lookalike.Pixels",
            Self::Numbers { .. } => "Lookalike.Numbers",
            Self::Bytes { .. } => "Lookalike.Bytes",
            Self::BytesToFloats { .. } => "Lookalike.BytesToFloats",
            Self::Floats { .. } => "Lookalike.Floats",
            Self::AddFloats { .. } => "Lookalike.AddFloats",
            Self::AddBytes { .. } => "Lookalike.AddBytes",
            Self::MaxBytes { .. } => "Lookalike.MaxBytes",
            Self::MaxFloats { .. } => "Lookalike.MaxFloats",
            Self::MeanBytes { .. } => "Lookalike.MeanBytes",
            Self::MeanFloats { .. } => "Lookalike.MeanFloats",
            Self::GrowBytes { .. } => "Lookalike.GrowBytes",
            Self::GrowFloats { .. } => "Lookalike.GrowFloats",
            Self::Dequantise { .. } => "Lookalike.Dequantise",
            Self::Quantise { .. } => "Lookalike.Quantise",
            Self::SoftmaxOfTwo => "Lookalike.SoftmaxOfTwo",
            Self::Sigmoid => "Lookalike.Sigmoid",
            Self::Lean { .. } => "Lookalike.Lean",
            Self::Shuffle { .. } => "Lookalike.Shuffle",
            Self::ShuffleBytes { .. } => "Lookalike.ShuffleBytes",
            Self::ToPlanes { .. } => "Lookalike.ToPlanes",
            Self::ToPixels { .. } => "Lookalike.ToPixels",
        }
    }
}

impl OpState for Room {
    /// Nothing of one run reaches the next.
    fn reset_lanes(&mut self, _: &[LaneId]) -> TractResult<()> {
        Ok(())
    }

    fn eval(&mut self, _: &EvalContext, op: &dyn Op, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let layer = op.downcast_ref::<Layer>().context("a room of another operator")?;
        if Arc::get_mut(&mut self.out).is_none() {
            // Somebody still holds the last result.
            self.out = layer.result()?.into_arc_tensor();
        }
        let out = Arc::get_mut(&mut self.out).context("a fresh result is ours alone")?;
        layer.run(&inputs, out, &mut self.bytes, &mut self.floats)?;
        Ok(tvec!(TValue::from_const(self.out.clone())))
    }
}

impl Layer {
    fn result(&self) -> TractResult<Tensor> {
        let shape = self.out.shape.as_concrete().context("a result of unknown shape")?;
        Tensor::zero_dt(self.out.datum_type, shape)
    }

    fn run(&self, inputs: &[TValue], out: &mut Tensor, room: &mut Vec<u8>, floats: &mut Vec<f32>) -> TractResult<()> {
        let kernels = self.kernels;
        let view = inputs[0].try_as_plain_ram()?;
        let mut target = out.try_as_plain_ram_mut()?;
        macro_rules! as_is {
            ($from:ty, $to:ty) => {
                (view.as_slice::<$from>()?, target.as_slice_mut::<$to>()?)
            };
        }
        match &self.work {
            Work::Pixels => {
                let (x, y) = as_is!(u8, u8);
                elements::rgb_to_padded(x, y);
            }
            Work::Numbers { scale, shift } => {
                let (x, y) = as_is!(u8, f32);
                elements::rgb_to_floats(kernels, x, *scale, *shift, y);
            }
            Work::Bytes { conv, input, sides, fill, zero, floor, residual } => {
                let (x, y) = as_is!(u8, u8);
                let (x, shape) = framed(x, padding(*input), *sides, *fill, room);
                let other = inputs.get(1).map(|v| v.try_as_plain_ram()).transpose()?;
                let residual = match (&other, residual) {
                    (Some(other), &Some((zero_point, scale))) => {
                        Some(Residual { bytes: other.as_slice::<u8>()?, zero_point, scale })
                    }
                    _ => None,
                };
                conv.to_bytes(x, shape, Bytes { zero_point: *zero, floor: *floor, residual }, y);
            }
            Work::BytesToFloats { conv, input, sides, fill } => {
                let (x, y) = as_is!(u8, f32);
                let (x, shape) = framed(x, padding(*input), *sides, *fill, room);
                conv.to_floats(x, shape, y);
            }
            Work::Floats { conv, input, sides } => {
                let (x, y) = as_is!(f32, f32);
                let (x, shape) = framed(x, *input, *sides, 0.0, floats);
                let other = inputs.get(1).map(|v| v.try_as_plain_ram()).transpose()?;
                let residual = other.as_ref().map(|v| v.as_slice::<f32>()).transpose()?;
                conv.run(x, shape, residual, y);
            }
            Work::AddFloats { relu } => {
                let other = inputs[1].try_as_plain_ram()?;
                let (x, y) = as_is!(f32, f32);
                elements::add_floats(kernels, x, other.as_slice::<f32>()?, *relu, y);
            }
            Work::AddBytes { parts, zero, floor } => {
                let other = inputs[1].try_as_plain_ram()?;
                let (x, y) = as_is!(u8, u8);
                elements::add_bytes(kernels, [x, other.as_slice::<u8>()?], *parts, *zero, *floor, y);
            }
            Work::MaxBytes { pool, input } => {
                let (x, y) = as_is!(u8, u8);
                pool::max_bytes(kernels, *pool, x, padding(*input), y);
            }
            Work::MaxFloats { pool, input } => {
                let (x, y) = as_is!(f32, f32);
                pool::max_floats(kernels, *pool, x, *input, y);
            }
            Work::MeanBytes { pool, input } => {
                let (x, y) = as_is!(u8, u8);
                pool::mean_bytes(kernels, *pool, x, padding(*input), y);
            }
            Work::MeanFloats { pool, input } => {
                let (x, y) = as_is!(f32, f32);
                pool::mean_floats(kernels, *pool, x, *input, y);
            }
            Work::GrowBytes { input, sides, channels, fill } => {
                let (x, y) = as_is!(u8, u8);
                grow(x, padding(*input), *sides, padded(*channels), *fill, room, y);
            }
            Work::GrowFloats { input, sides, channels } => {
                let (x, y) = as_is!(f32, f32);
                grow(x, *input, *sides, *channels, 0.0, floats, y);
            }
            Work::Dequantise { channels, scale, zero } => {
                let (x, y) = as_is!(u8, f32);
                elements::dequantise(x, *channels, *scale, *zero, y);
            }
            Work::Quantise { channels, scale, zero } => {
                let (x, y) = as_is!(f32, u8);
                elements::quantise(x, *channels, *scale, *zero, y);
            }
            Work::SoftmaxOfTwo => {
                let (x, y) = as_is!(f32, f32);
                elements::softmax_of_two(kernels, x, y);
            }
            Work::Sigmoid => {
                let (x, y) = as_is!(f32, f32);
                elements::sigmoid(kernels, x, y);
            }
            Work::Lean { slope } => {
                let (x, y) = as_is!(f32, f32);
                elements::lean(kernels, x, *slope, y);
            }
            Work::Shuffle { input } => {
                let (x, y) = as_is!(f32, f32);
                elements::shuffle(kernels, x, *input, [input[3], input[3] / 4], y);
            }
            Work::ShuffleBytes { input } => {
                let (x, y) = as_is!(u8, u8);
                elements::shuffle(kernels, x, *input, [input[3], input[3] / 4].map(padded), y);
            }
            Work::ToPlanes { input: [n, h, w, c] } => {
                let (x, y) = as_is!(f32, f32);
                elements::to_planes(x, [*n, h * w, *c], y);
            }
            Work::ToPixels { output: [n, h, w, c] } => {
                let (x, y) = as_is!(f32, f32);
                elements::to_pixels(x, [*n, h * w, *c], y);
            }
        }
        Ok(())
    }
}

/// As bytes lie: with the channels' padding.
fn padding([n, h, w, c]: Shape) -> Shape {
    [n, h, w, padded(c)]
}

/// A picture with its frame, in `room` where it needs one; and count, height and width of what came of it.
fn framed<'a, T: Copy>(x: &'a [T], shape: Shape, sides: Sides, fill: T, room: &'a mut Vec<T>) -> (&'a [T], [usize; 3]) {
    let framed = framed_shape(shape, sides);
    if sides == Sides::default() {
        return (x, framed);
    }
    room.resize(framed.iter().product::<usize>() * shape[3], fill);
    elements::pad(x, shape, sides, fill, room);
    (room, framed)
}

/// Count, height and width with the frame.
pub(super) fn framed_shape([n, h, w, _]: Shape, sides: Sides) -> [usize; 3] {
    [n, h + sides.top + sides.bottom, w + sides.left + sides.right]
}

/// More channels, then a frame.
fn grow<T: Copy>(x: &[T], shape: Shape, sides: Sides, channels: usize, fill: T, room: &mut Vec<T>, out: &mut [T]) {
    let [n, h, w, from] = shape;
    if sides == Sides::default() {
        return elements::widen(x, from, channels, fill, out);
    }
    room.resize(n * h * w * channels, fill);
    elements::widen(x, from, channels, fill, room);
    elements::pad(room, [n, h, w, channels], sides, fill, out);
}
