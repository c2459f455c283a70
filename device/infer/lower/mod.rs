//! tract's graph of a net in, the same net with our operators in it out.
//!
//! Walks from the outputs back. A convolution or dense layer takes in what follows it: the residual sum, PReLU or ReLU,
//! and the new scale of its bytes. Pictures between our operators lie with their channels innermost, as floats or as
//! bytes; whatever is not recognised stays tract's operator and gets its inputs as ONNX has them.

use super::Normalise;
use find::{Graph, Weights, of_tensor, sides_of, window_of_pool, zeros};
use layer::{Layer, Shape, Work, framed_shape};
use lookalike_kernels::{ByteConv, FloatConv, Kernels, Requantise, padded};
use std::collections::HashMap;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::Pad;
use tract_onnx::tract_core::ops::cnn::{MaxPool, SumPool};
use tract_onnx::tract_core::ops::nn::Softmax;

mod find;
mod layer;
mod marks;
mod moves;
#[cfg(test)]
mod tests;

/// The operators of ONNX that are read so that they can be recognised.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    marks::register(onnx);
}

/// The net for `shape` = [count, height, width] RGB pictures of bytes, as `normalise` makes numbers of them.
/// `net`: with an input of [count, 3, height, width] floats. Without `kernels` all but the input is left to tract.
pub(super) fn lower(
    net: &TypedModel,
    shape: [usize; 3],
    normalise: Normalise,
    kernels: Option<Kernels>,
) -> TractResult<TypedModel> {
    let [count, height, width] = shape;
    let shape = [count, height, width, 3];
    let mut target = TypedModel::default();
    let id = target.add_source("pixels", u8::fact(shape))?;
    finish(net, target, Value::Source(Pixels { id, shape, normalise }), kernels)
}

/// The net for floats as ONNX has them.
pub(super) fn lower_floats(net: &TypedModel, kernels: Kernels) -> TractResult<TypedModel> {
    let mut target = TypedModel::default();
    let id = target.add_source("numbers", net.input_fact(0)?.clone())?;
    finish(net, target, Value::Plain(id), Some(kernels))
}

fn finish(net: &TypedModel, target: TypedModel, input: Value, kernels: Option<Kernels>) -> TractResult<TypedModel> {
    let done = net.input_outlets()?.iter().map(|&outlet| (outlet, input)).collect();
    let mut lowering = Lowering { old: Graph { net }, target, kernels, done };
    let mut outputs = Vec::new();
    for &outlet in net.output_outlets()? {
        outputs.push(lowering.plain(outlet)?);
    }
    let mut target = lowering.target;
    target.select_output_outlets(&outputs)?;
    target.into_compact()
}

/// A result in the new graph.
#[derive(Clone, Copy, Debug)]
enum Value {
    /// The net's input before it became numbers.
    Source(Pixels),
    /// As tract has it.
    Plain(OutletId),
    /// Floats, channels innermost.
    Floats(OutletId, Shape),
    /// Bytes, channels innermost and padded; scale and zero point.
    Bytes(OutletId, Shape, f32, u8),
}

/// An input of RGB bytes, and how they become numbers.
#[derive(Clone, Copy, Debug)]
struct Pixels {
    id: OutletId,
    shape: Shape,
    normalise: Normalise,
}

impl Pixels {
    /// Whether every byte of a picture, made a number and a byte again, is itself.
    fn bytes_are_kept(&self, scale: f32, zero: u8) -> bool {
        (0..=255u8).all(|byte| {
            self.normalise.mean.iter().all(|mean| {
                let number = (f32::from(byte) - mean) * self.normalise.scale;
                (number / scale).round_ties_even() + f32::from(zero) == f32::from(byte)
            })
        })
    }
}

struct Lowering<'n> {
    old: Graph<'n>,
    target: TypedModel,
    kernels: Option<Kernels>,
    done: HashMap<OutletId, Value>,
}

impl<'n> Lowering<'n> {
    fn value(&mut self, outlet: OutletId) -> TractResult<Value> {
        if let Some(value) = self.done.get(&outlet) {
            return Ok(*value);
        }
        let value = self.translate(outlet)?;
        self.done.insert(outlet, value);
        Ok(value)
    }

    fn add(&mut self, outlet: OutletId, what: &str, work: Work, out: TypedFact, inputs: &[OutletId]) -> TractResult<OutletId> {
        let name = format!("{}.{what}{}", self.old.node(outlet).name, self.target.nodes.len());
        Ok(self.target.wire_node(name, Layer { work, kernels: self.kernels.unwrap_or(Kernels::Scalar), out }, inputs)?[0])
    }

    fn translate(&mut self, outlet: OutletId) -> TractResult<Value> {
        if let Some(kernels) = self.kernels
            && let Some(value) = self.ours(outlet, kernels)?
        {
            return Ok(value);
        }
        let node = self.old.node(outlet);
        let inputs = node.inputs.iter().map(|&i| self.plain(i)).collect::<TractResult<TVec<_>>>()?;
        let outlets = self.target.wire_node(format!("{}.{}", node.name, node.id), node.op.clone(), &inputs)?;
        for (slot, &id) in outlets.iter().enumerate() {
            self.done.insert(OutletId::new(outlet.node, slot), Value::Plain(id));
        }
        Ok(Value::Plain(outlets[outlet.slot]))
    }

    /// One of our operators; none where nothing of ours fits.
    fn ours(&mut self, outlet: OutletId, kernels: Kernels) -> TractResult<Option<Value>> {
        if let Some(value) = self.chain(outlet, kernels)? {
            return Ok(Some(value));
        }
        let node = self.old.node(outlet);
        if let Some(quantise) = node.op_as::<marks::Quantise>()
            && let Some((scale, zero)) = of_tensor(&quantise.scaling)
            && quantise.to == u8::datum_type()
            && self.old.picture(outlet)?.is_some()
        {
            return self.quantised(outlet, node.inputs[0], scale, zero).map(Some);
        }
        if let Some(back) = node.op_as::<marks::Dequantise>()
            && let Some(scaling) = of_tensor(&back.scaling)
            && let value @ Value::Bytes(_, _, scale, zero) = self.value(node.inputs[0])?
            && (scale, zero) == scaling
        {
            return Ok(Some(value));
        }
        if let Some(value) = self.pooled(outlet)? {
            return Ok(Some(value));
        }
        if let Some(value) = self.moved(outlet)? {
            return Ok(Some(value));
        }
        if let Some((input, pool)) = self.old.mean_of_all(outlet)?
            && let Some((id, input @ [count, .., channels])) = self.floats(input)?
        {
            let mean = [count, 1, 1, channels];
            let id = self.add(outlet, "mean", Work::MeanFloats { pool, input }, floats_of(mean), &[id])?;
            return Ok(Some(Value::Floats(id, mean)));
        }
        if let Some(softmax) = node.op_as::<Softmax>()
            && softmax.axes[..] == [1]
            && softmax.quant_output_dt.is_none()
            && self.old.net.outlet_fact(outlet)?.shape.get(1) == Some(&2.to_dim())
            && let Some((input, shape)) = self.floats(node.inputs[0])?
        {
            let id = self.add(outlet, "softmax", Work::SoftmaxOfTwo, floats_of(shape), &[input])?;
            return Ok(Some(Value::Floats(id, shape)));
        }
        Ok(None)
    }

    /// As floats in ONNX's order, whatever it is now.
    fn plain(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        match self.value(outlet)? {
            Value::Plain(id) => Ok(id),
            Value::Bytes(..) if self.old.net.outlet_fact(outlet)?.datum_type != f32::datum_type() => {
                bail!("{} gives bytes to an operator that is not ours", self.old.node(outlet).name)
            }
            _ => {
                let (id, shape) = self.floats(outlet)?.context("only pictures are kept in our order")?;
                let [n, h, w, c] = shape;
                let out = if self.old.net.outlet_fact(outlet)?.rank() == 2 { f32::fact([n, c]) } else { f32::fact([n, c, h, w]) };
                self.add(outlet, "planes", Work::ToPlanes { input: shape }, out, &[id])
            }
        }
    }

    /// As floats with channels innermost; none where it is no picture.
    fn floats(&mut self, outlet: OutletId) -> TractResult<Option<(OutletId, Shape)>> {
        Ok(match self.value(outlet)? {
            Value::Floats(id, shape) => Some((id, shape)),
            Value::Source(Pixels { id, shape, normalise: Normalise { mean, scale } }) => {
                let work = Work::Numbers { scale, shift: mean.map(|m| -m * scale) };
                let id = self.add(outlet, "numbers", work, floats_of(shape), &[id])?;
                Some((id, shape))
            }
            Value::Bytes(id, shape, scale, zero) => {
                let work = Work::Dequantise { channels: shape[3], scale, zero };
                Some((self.add(outlet, "floats", work, floats_of(shape), &[id])?, shape))
            }
            Value::Plain(id) => match self.old.picture(outlet)? {
                // Both orders are the same.
                Some(shape @ [_, h, w, c]) if c == 1 || h * w == 1 => Some((id, shape)),
                Some(shape) => {
                    let id = self.add(outlet, "pixels", Work::ToPixels { output: shape }, floats_of(shape), &[id])?;
                    Some((id, shape))
                }
                None => None,
            },
        })
    }

    fn quantised(&mut self, outlet: OutletId, input: OutletId, scale: f32, zero: u8) -> TractResult<Value> {
        match self.value(input)? {
            Value::Source(pixels) if pixels.bytes_are_kept(scale, zero) => {
                let shape = pixels.shape;
                let id = self.add(outlet, "pixels", Work::Pixels, bytes_of(shape), &[pixels.id])?;
                Ok(Value::Bytes(id, shape, scale, zero))
            }
            value @ Value::Bytes(_, _, s, z) if (s, z) == (scale, zero) => Ok(value),
            _ => {
                let (id, shape) = self.floats(input)?.context("only pictures become bytes")?;
                let work = Work::Quantise { channels: shape[3], scale, zero };
                Ok(Value::Bytes(self.add(outlet, "bytes", work, bytes_of(shape), &[id])?, shape, scale, zero))
            }
        }
    }

    fn pooled(&mut self, outlet: OutletId) -> TractResult<Option<Value>> {
        let node = self.old.node(outlet);
        let max = node.op_as::<MaxPool>().filter(|p| p.with_index_outputs.is_none()).and_then(|p| window_of_pool(&p.pool_spec));
        let mean = node.op_as::<SumPool>().filter(|p| p.normalize).and_then(|p| window_of_pool(&p.pool_spec));
        let mean = mean.filter(|pool| !pool.ceil);
        let grow = node.op_as::<Pad>().filter(|p| zeros(&p.mode) && p.pads.len() == 4 && p.pads[0] == (0, 0) && p.pads[1].0 == 0);
        if max.is_none() && mean.is_none() && grow.is_none() {
            return Ok(None);
        }
        let Some(out) = self.old.picture(outlet)? else { return Ok(None) };
        let value = self.value(node.inputs[0])?;
        if let Value::Bytes(id, input, scale, zero) = value {
            let work = match (max, mean, grow) {
                (Some(pool), ..) => Work::MaxBytes { pool, input },
                (_, Some(pool), _) => Work::MeanBytes { pool, input },
                (.., Some(pad)) => Work::GrowBytes { input, sides: sides_of(pad), channels: out[3], fill: zero },
                _ => return Ok(None),
            };
            return Ok(Some(Value::Bytes(self.add(outlet, "bytes", work, bytes_of(out), &[id])?, out, scale, zero)));
        }
        let Some((id, input)) = self.floats(node.inputs[0])? else { return Ok(None) };
        let work = match (max, mean, grow) {
            (Some(pool), ..) => Work::MaxFloats { pool, input },
            (_, Some(pool), _) => Work::MeanFloats { pool, input },
            (.., Some(pad)) => Work::GrowFloats { input, sides: sides_of(pad), channels: out[3] },
            _ => return Ok(None),
        };
        Ok(Some(Value::Floats(self.add(outlet, "floats", work, floats_of(out), &[id])?, out)))
    }

    /// The pixel shuffle, and of floats what works on one number at a time, where they are ours already.
    fn moved(&mut self, outlet: OutletId) -> TractResult<Option<Value>> {
        let out = self.old.picture(outlet)?;
        let shuffled = self.old.shuffled(outlet)?;
        if let (Some((input, from)), Some(out)) = (shuffled, out)
            && let Value::Bytes(id, _, scale, zero) = self.value(input)?
        {
            let id = self.add(outlet, "bytes", Work::ShuffleBytes { input: from }, bytes_of(out), &[id])?;
            return Ok(Some(Value::Bytes(id, out, scale, zero)));
        }
        let step = match (shuffled, self.old.sigmoid(outlet), self.old.activation(outlet)) {
            (Some((input, from)), ..) => Some((input, Work::Shuffle { input: from })),
            (_, Some(input), _) => Some((input, Work::Sigmoid)),
            (.., Some((slope, input))) if slope.len() == 1 => Some((input, Work::Lean { slope: slope[0] })),
            _ => None,
        };
        let (Some((input, work)), Some(out)) = (step, out) else { return Ok(None) };
        let Value::Floats(id, _) = self.value(input)? else { return Ok(None) };
        Ok(Some(Value::Floats(self.add(outlet, "floats", work, floats_of(out), &[id])?, out)))
    }

    /// A convolution or dense layer with all that follows it up to `outlet`; none where that is something else.
    fn chain(&mut self, outlet: OutletId, kernels: Kernels) -> TractResult<Option<Value>> {
        let scaling = self.old.op::<marks::Quantise>(outlet).filter(|q| q.to == u8::datum_type());
        let scaling = scaling.and_then(|q| of_tensor(&q.scaling));
        let before_scale = if scaling.is_some() { self.old.node(outlet).inputs[0] } else { outlet };
        let (slope, before_slope) = match self.old.activation(before_scale) {
            Some((slope, input)) => (Some(slope), input),
            None => (None, before_scale),
        };
        let (found, residual) = match self.old.layer(before_slope)? {
            Some(found) => (found, None),
            None => match self.old.sum(before_slope)? {
                Some((found, other)) => (found, Some(other)),
                None => return self.added(outlet, before_slope, slope, scaling),
            },
        };
        let relu = slope.as_ref().is_some_and(|s| s.iter().all(|&s| s == 0.0));
        if residual.is_some() && scaling.is_some() && slope.is_some() && !relu {
            return Ok(None);
        }
        let outputs = found.window.outputs;
        let slope = match slope {
            Some(slope) if slope.len() == outputs => slope,
            Some(slope) if slope.len() == 1 => vec![slope[0]; outputs],
            Some(_) => return Ok(None),
            None => vec![1.0; outputs],
        };
        let input = self.value(found.input)?;
        match (&found.weights, input) {
            (Weights::Bytes(weights, scales), Value::Bytes(x, shape, in_scale, in_zero))
                if residual.is_none() || scaling.is_some() =>
            {
                let steps: Vec<f32> = scales.iter().map(|s| s * in_scale).collect();
                let Some(bias) = self.old.bias_in_steps(&found, &steps) else { return Ok(None) };
                let out_scale = scaling.map_or(1.0, |(scale, _)| scale);
                let up: Vec<f32> = steps.iter().map(|s| s / out_scale).collect();
                // Of a sum, the residual is part before the activation: then the floor does the ReLU.
                let fold = residual.is_none();
                let down = up.iter().zip(&slope).map(|(u, s)| if fold { u * s } else { *u }).collect();
                let requantise = Requantise { up, down };
                let (sides, framed) = (found.sides, framed_shape(shape, found.sides));
                let conv = ByteConv::new(kernels, found.window, weights, &bias, in_zero, &requantise, framed);
                let conv = Arc::new(conv);
                let Some((scale, zero)) = scaling else {
                    let work = Work::BytesToFloats { conv, input: shape, sides, fill: in_zero };
                    let id = self.add(outlet, "floats", work, floats_of(found.output), &[x])?;
                    return Ok(Some(Value::Floats(id, found.output)));
                };
                let mut inputs = tvec!(x);
                let mut added = None;
                if let Some(other) = residual {
                    let Value::Bytes(id, _, s, z) = self.value(other)? else { return Ok(None) };
                    inputs.push(id);
                    added = Some((z, s / scale));
                }
                let floor = if relu { zero } else { 0 };
                let work = Work::Bytes { conv, input: shape, sides, fill: in_zero, zero, floor, residual: added };
                let id = self.add(outlet, "bytes", work, bytes_of(found.output), &inputs)?;
                Ok(Some(Value::Bytes(id, found.output, scale, zero)))
            }
            // Floats first; the new scale, if there is one, follows as a step of its own.
            _ if scaling.is_some() => Ok(None),
            _ => {
                let Some((x, shape)) = self.floats(found.input)? else { return Ok(None) };
                let weights = match &found.weights {
                    Weights::Floats(weights) => weights.clone(),
                    Weights::Bytes(weights, scales) => {
                        let per_output = weights.len() / outputs;
                        weights.iter().enumerate().map(|(i, &w)| f32::from(w) * scales[i / per_output]).collect()
                    }
                };
                let Some(bias) = self.old.bias(&found) else { return Ok(None) };
                let framed = framed_shape(shape, found.sides);
                let conv = Arc::new(FloatConv::new(kernels, found.window, &weights, &bias, &slope, framed));
                let mut inputs = tvec!(x);
                if let Some(other) = residual {
                    let Some((id, _)) = self.floats(other)? else { return Ok(None) };
                    inputs.push(id);
                }
                let work = Work::Floats { conv, input: shape, sides: found.sides };
                let id = self.add(outlet, "floats", work, floats_of(found.output), &inputs)?;
                Ok(Some(Value::Floats(id, found.output)))
            }
        }
    }

    /// The sum of two pictures, its ReLU and its new scale.
    fn added(
        &mut self,
        outlet: OutletId,
        sum: OutletId,
        slope: Option<Vec<f32>>,
        scaling: Option<(f32, u8)>,
    ) -> TractResult<Option<Value>> {
        let Some((a, b)) = self.old.operands(sum, "Add") else { return Ok(None) };
        let same = self.old.net.outlet_fact(a)?.shape == self.old.net.outlet_fact(b)?.shape;
        let Some(shape) = self.old.picture(sum)?.filter(|_| same) else { return Ok(None) };
        let relu = slope.as_ref().is_some_and(|s| s.iter().all(|&s| s == 0.0));
        if slope.is_some() && !relu {
            return Ok(None);
        }
        let Some((scale, zero)) = scaling else {
            let (Some((a, _)), Some((b, _))) = (self.floats(a)?, self.floats(b)?) else { return Ok(None) };
            let id = self.add(outlet, "sum", Work::AddFloats { relu }, floats_of(shape), &[a, b])?;
            return Ok(Some(Value::Floats(id, shape)));
        };
        let (Value::Bytes(a, _, a_scale, a_zero), Value::Bytes(b, _, b_scale, b_zero)) = (self.value(a)?, self.value(b)?) else {
            return Ok(None);
        };
        let parts = [(a_scale / scale, a_zero), (b_scale / scale, b_zero)];
        let work = Work::AddBytes { parts, zero, floor: if relu { zero } else { 0 } };
        Ok(Some(Value::Bytes(self.add(outlet, "sum", work, bytes_of(shape), &[a, b])?, shape, scale, zero)))
    }
}

fn floats_of(shape: Shape) -> TypedFact {
    f32::fact(shape)
}

fn bytes_of([n, h, w, c]: Shape) -> TypedFact {
    u8::fact([n, h, w, padded(c)])
}
