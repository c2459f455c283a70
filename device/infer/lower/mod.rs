//! tract's graph of a net in, the same net with our operators in it out.
//!
//! Walks from the outputs back. A convolution or dense layer takes in what follows it: the residual sum, PReLU or ReLU,
//! and the new scale of its bytes. Pictures between our operators lie with their channels innermost, as floats or as
//! bytes; whatever is not recognised stays tract's operator and gets its inputs as ONNX has them.

use super::Normalise;
use layer::{Layer, Shape, Work};
use lookalike_kernels::elements::Sides;
use lookalike_kernels::pool::Pool;
use lookalike_kernels::{ByteConv, FloatConv, Kernels, Requantise, Window, padded};
use std::collections::HashMap;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{Pad, PadMode};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::{DataFormat, Softmax};

mod layer;
mod marks;

/// The operators of ONNX that are read so that they can be recognised.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    marks::register(onnx);
}

/// The net for `shape` = [count, height, width] RGB pictures of bytes, as `normalise` makes numbers of them.
/// `net`: with an input of [count, 3, height, width] floats.
pub(super) fn lower(net: &TypedModel, shape: [usize; 3], normalise: Normalise, kernels: Kernels) -> TractResult<TypedModel> {
    let [count, height, width] = shape;
    let mut target = TypedModel::default();
    let pixels = target.add_source("pixels", u8::fact([count, height, width, 3]))?;
    let mut lowering =
        Lowering { net, target, normalise, kernels, pixels, shape: [count, height, width, 3], done: HashMap::new() };
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
    Source,
    /// As tract has it.
    Plain(OutletId),
    /// Floats, channels innermost.
    Floats(OutletId, Shape),
    /// Bytes, channels innermost and padded; scale and zero point.
    Bytes(OutletId, Shape, f32, u8),
}

struct Lowering<'n> {
    net: &'n TypedModel,
    target: TypedModel,
    normalise: Normalise,
    kernels: Kernels,
    pixels: OutletId,
    shape: Shape,
    done: HashMap<OutletId, Value>,
}

/// A convolution or dense layer, as the graph has it.
struct Found {
    input: OutletId,
    window: Window,
    sides: Sides,
    weights: Weights,
    bias: OutletId,
    output: Shape,
}

enum Weights {
    Floats(Vec<f32>),
    /// With a scale per output.
    Bytes(Vec<i8>, Vec<f32>),
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

    fn node(&self, outlet: OutletId) -> &'n TypedNode {
        &self.net.nodes[outlet.node]
    }

    fn op<T: Op>(&self, outlet: OutletId) -> Option<&'n T> {
        self.node(outlet).op_as::<T>()
    }

    fn add(&mut self, outlet: OutletId, what: &str, work: Work, out: TypedFact, inputs: &[OutletId]) -> TractResult<OutletId> {
        let name = format!("{}.{what}{}", self.node(outlet).name, self.target.nodes.len());
        Ok(self.target.wire_node(name, Layer { work, kernels: self.kernels, out }, inputs)?[0])
    }

    fn translate(&mut self, outlet: OutletId) -> TractResult<Value> {
        if self.net.input_outlets()?.contains(&outlet) {
            return Ok(Value::Source);
        }
        if let Some(value) = self.chain(outlet)? {
            return Ok(value);
        }
        let node = self.node(outlet);
        if let Some(quantise) = node.op_as::<marks::Quantise>()
            && let Some((scale, zero)) = of_tensor(&quantise.scaling)
            && quantise.to == u8::datum_type()
            && self.picture(outlet)?.is_some()
        {
            return self.quantised(outlet, node.inputs[0], scale, zero);
        }
        if let Some(back) = node.op_as::<marks::Dequantise>()
            && let Some(scaling) = of_tensor(&back.scaling)
            && let value @ Value::Bytes(_, _, scale, zero) = self.value(node.inputs[0])?
            && (scale, zero) == scaling
        {
            return Ok(value);
        }
        if let Some(value) = self.pooled(outlet)? {
            return Ok(value);
        }
        if let Some(softmax) = node.op_as::<Softmax>()
            && softmax.axes[..] == [1]
            && softmax.quant_output_dt.is_none()
            && self.net.outlet_fact(outlet)?.shape.get(1) == Some(&2.to_dim())
            && let Some((input, shape)) = self.floats(node.inputs[0])?
        {
            let id = self.add(outlet, "softmax", Work::SoftmaxOfTwo, floats_of(shape), &[input])?;
            return Ok(Value::Floats(id, shape));
        }
        let inputs = node.inputs.iter().map(|&i| self.plain(i)).collect::<TractResult<TVec<_>>>()?;
        let outlets = self.target.wire_node(format!("{}.{}", node.name, node.id), node.op.clone(), &inputs)?;
        Ok(Value::Plain(outlets[outlet.slot]))
    }

    /// As floats in ONNX's order, whatever it is now.
    fn plain(&mut self, outlet: OutletId) -> TractResult<OutletId> {
        match self.value(outlet)? {
            Value::Plain(id) => Ok(id),
            Value::Bytes(..) if self.net.outlet_fact(outlet)?.datum_type != f32::datum_type() => {
                bail!("{} gives bytes to an operator that is not ours", self.node(outlet).name)
            }
            _ => {
                let (id, shape) = self.floats(outlet)?.context("only pictures are kept in our order")?;
                let [n, h, w, c] = shape;
                let out = if self.net.outlet_fact(outlet)?.rank() == 2 { f32::fact([n, c]) } else { f32::fact([n, c, h, w]) };
                self.add(outlet, "planes", Work::ToPlanes { input: shape }, out, &[id])
            }
        }
    }

    /// As floats with channels innermost; none where it is no picture.
    fn floats(&mut self, outlet: OutletId) -> TractResult<Option<(OutletId, Shape)>> {
        Ok(match self.value(outlet)? {
            Value::Floats(id, shape) => Some((id, shape)),
            Value::Source => {
                let Normalise { mean, scale } = self.normalise;
                let work = Work::Numbers { scale, shift: mean.map(|m| -m * scale) };
                let (shape, pixels) = (self.shape, self.pixels);
                let id = self.add(outlet, "numbers", work, floats_of(shape), &[pixels])?;
                Some((id, shape))
            }
            Value::Bytes(id, shape, scale, zero) => {
                let work = Work::Dequantise { channels: shape[3], scale, zero };
                Some((self.add(outlet, "floats", work, floats_of(shape), &[id])?, shape))
            }
            Value::Plain(id) => match self.picture(outlet)? {
                Some(shape) => {
                    let id = self.add(outlet, "pixels", Work::ToPixels { output: shape }, floats_of(shape), &[id])?;
                    Some((id, shape))
                }
                None => None,
            },
        })
    }

    /// Count, height, width and channels of an outlet of the old graph.
    fn picture(&self, outlet: OutletId) -> TractResult<Option<Shape>> {
        let fact = self.net.outlet_fact(outlet)?;
        Ok(match fact.shape.as_concrete() {
            Some(&[n, c, h, w]) if fact.datum_type != i32::datum_type() => Some([n, h, w, c]),
            Some(&[n, c]) => Some([n, 1, 1, c]),
            _ => None,
        })
    }

    fn quantised(&mut self, outlet: OutletId, input: OutletId, scale: f32, zero: u8) -> TractResult<Value> {
        match self.value(input)? {
            Value::Source if self.bytes_are_kept(scale, zero) => {
                let (shape, pixels) = (self.shape, self.pixels);
                let id = self.add(outlet, "pixels", Work::Pixels, bytes_of(shape), &[pixels])?;
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

    /// Whether every byte of a picture, made a number and a byte again, is itself.
    fn bytes_are_kept(&self, scale: f32, zero: u8) -> bool {
        (0..=255u8).all(|byte| {
            self.normalise.mean.iter().all(|mean| {
                let number = (f32::from(byte) - mean) * self.normalise.scale;
                (number / scale).round_ties_even() + f32::from(zero) == f32::from(byte)
            })
        })
    }

    fn pooled(&mut self, outlet: OutletId) -> TractResult<Option<Value>> {
        let node = self.node(outlet);
        let max = node.op_as::<MaxPool>().filter(|p| p.with_index_outputs.is_none()).and_then(|p| window_of_pool(&p.pool_spec));
        let mean = node.op_as::<SumPool>().filter(|p| p.normalize).and_then(|p| window_of_pool(&p.pool_spec));
        let mean = mean.filter(|pool| !pool.ceil);
        let grow = node.op_as::<Pad>().filter(|p| zeros(&p.mode) && p.pads.len() == 4 && p.pads[0] == (0, 0) && p.pads[1].0 == 0);
        if max.is_none() && mean.is_none() && grow.is_none() {
            return Ok(None);
        }
        let Some(out) = self.picture(outlet)? else { return Ok(None) };
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

    /// A convolution or dense layer with all that follows it up to `outlet`; none where that is something else.
    fn chain(&mut self, outlet: OutletId) -> TractResult<Option<Value>> {
        let scaling = self.op::<marks::Quantise>(outlet).filter(|q| q.to == u8::datum_type());
        let scaling = scaling.and_then(|q| of_tensor(&q.scaling));
        let before_scale = if scaling.is_some() { self.node(outlet).inputs[0] } else { outlet };
        let (slope, before_slope) = match self.activation(before_scale) {
            Some((slope, input)) => (Some(slope), input),
            None => (None, before_scale),
        };
        let (found, residual) = match self.layer(before_slope)? {
            Some(found) => (found, None),
            None => match self.sum(before_slope)? {
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
                let Some(bias) = self.bias_in_steps(found.bias, &steps)? else { return Ok(None) };
                let out_scale = scaling.map_or(1.0, |(scale, _)| scale);
                let up: Vec<f32> = steps.iter().map(|s| s / out_scale).collect();
                // Of a sum, the residual is part before the activation: then the floor does the ReLU.
                let fold = residual.is_none();
                let down = up.iter().zip(&slope).map(|(u, s)| if fold { u * s } else { *u }).collect();
                let requantise = Requantise { up, down };
                let conv = Arc::new(ByteConv::new(self.kernels, found.window, weights, &bias, in_zero, &requantise));
                let sides = found.sides;
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
                let Some(bias) = self.bias_in_steps_or_floats(found.bias)? else { return Ok(None) };
                let conv = Arc::new(FloatConv::new(self.kernels, found.window, &weights, &bias, &slope));
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
        let Some((a, b)) = self.operands(sum, "Add") else { return Ok(None) };
        let same = self.net.outlet_fact(a)?.shape == self.net.outlet_fact(b)?.shape;
        let Some(shape) = self.picture(sum)?.filter(|_| same) else { return Ok(None) };
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

    /// PReLU or ReLU: its slopes and what it is applied to.
    fn activation(&self, outlet: OutletId) -> Option<(Vec<f32>, OutletId)> {
        let node = self.node(outlet);
        if node.op_is::<Iff>() {
            // tract's reading of PReLU: where 0 > x, x * slope, else x.
            let &[test, product, x] = &node.inputs[..] else { return None };
            let (zero, compared) = self.operands(test, "GT")?;
            let (a, b) = self.operands(product, "Mul")?;
            let slope = self.constant(if a == x { b } else { a })?;
            let fits = compared == x && (a == x || b == x) && self.constant(zero)?.iter().all(|&z| z == 0.0);
            return fits.then_some((slope, x));
        }
        let (a, b) = self.operands(outlet, "Max")?;
        [(a, b), (b, a)].into_iter().find_map(|(x, zero)| {
            let zero = self.constant(zero)?;
            (zero.len() == 1 && zero[0] == 0.0).then_some((vec![0.0], x))
        })
    }

    fn operands(&self, outlet: OutletId, name: &str) -> Option<(OutletId, OutletId)> {
        let node = self.node(outlet);
        let op = node.op_as::<TypedBinOp>()?;
        (op.0.name() == name).then(|| (node.inputs[0], node.inputs[1]))
    }

    /// The sum of a layer, of which nothing else is known, and another picture of the same shape.
    fn sum(&self, outlet: OutletId) -> TractResult<Option<(Found, OutletId)>> {
        let Some((a, b)) = self.operands(outlet, "Add") else { return Ok(None) };
        let same = self.net.outlet_fact(a)?.shape == self.net.outlet_fact(b)?.shape;
        for (layer, other) in [(a, b), (b, a)] {
            let alone = self.node(layer).outputs[0].successors.len() == 1;
            if same
                && alone
                && let Some(found) = self.layer(layer)?
            {
                return Ok(Some((found, other)));
            }
        }
        Ok(None)
    }

    fn layer(&self, outlet: OutletId) -> TractResult<Option<Found>> {
        Ok(match self.convolution(outlet)? {
            Some(found) => Some(found),
            None => self.dense(outlet)?,
        })
    }

    fn convolution(&self, outlet: OutletId) -> TractResult<Option<Found>> {
        let node = self.node(outlet);
        let Some(conv) = node.op_as::<Conv>() else { return Ok(None) };
        let spec = &conv.pool_spec;
        let plain = conv.group == 1 && conv.q_params.is_none() && conv.kernel_fmt == KernelFormat::OIHW && is_plain(spec);
        let (Some(output), Some(sides), Some(stride)) = (self.picture(outlet)?, sides_of_spec(spec), stride_of(spec)) else {
            return Ok(None);
        };
        let &[height, width] = &spec.kernel_shape[..] else { return Ok(None) };
        let window = Window { inputs: spec.input_channels, outputs: spec.output_channels, height, width, stride };
        let Some(weights) = self.weights(node.inputs[1]).filter(|_| plain) else { return Ok(None) };
        Ok(Some(Found { input: node.inputs[0], window, sides, weights, bias: node.inputs[2], output }))
    }

    /// x * transposed weights + bias; of a flattened picture, a window of the picture's size.
    fn dense(&self, outlet: OutletId) -> TractResult<Option<Found>> {
        let Some((product, bias)) = self.operands(outlet, "Add") else { return Ok(None) };
        let node = self.node(product);
        let Some(matrix) = node.op_as::<EinSum>() else { return Ok(None) };
        if matrix.axes.to_string() != "mk,nk->mn"
            || matrix.q_params.is_some()
            || self.constant(bias).is_none() && self.steps(bias).is_none()
        {
            return Ok(None);
        }
        let mut input = node.inputs[0];
        while self.op::<AxisOp>(input).is_some() {
            input = self.node(input).inputs[0];
        }
        let (Some(weights), Some(picture), Some(output)) =
            (self.weights(node.inputs[1]), self.picture(input)?, self.picture(outlet)?)
        else {
            return Ok(None);
        };
        let [n, height, width, inputs] = picture;
        let window = Window { inputs, outputs: output[3], height, width, stride: 1 };
        let count = match &weights {
            Weights::Floats(weights) => weights.len(),
            Weights::Bytes(weights, _) => weights.len(),
        };
        let fits = n == output[0] && count == inputs * height * width * output[3];
        Ok(fits.then_some(Found { input, window, sides: Sides::default(), weights, bias, output }))
    }

    fn weights(&self, outlet: OutletId) -> Option<Weights> {
        let node = self.node(outlet);
        let Some(back) = node.op_as::<marks::Dequantise>() else { return self.constant(outlet).map(Weights::Floats) };
        let fact = &self.node(node.inputs[0]).outputs[0].fact;
        let tensor = fact.konst.as_ref().filter(|t| t.datum_type() == i8::datum_type())?;
        let outputs = *tensor.shape().first()?;
        let scaling = &back.scaling;
        if scaling.axis != 0 && scaling.scale.len() > 1 || scaling.zero.iter().any(|&z| z != 0) {
            return None;
        }
        let scale = if scaling.scale.len() == 1 { vec![scaling.scale[0]; outputs] } else { scaling.scale.clone() };
        Some(Weights::Bytes(tensor.try_as_plain_ram().ok()?.as_slice::<i8>().ok()?.to_vec(), scale))
    }

    /// A constant's numbers, whatever axes were added to it.
    fn constant(&self, outlet: OutletId) -> Option<Vec<f32>> {
        if let Some(tensor) = &self.node(outlet).outputs[outlet.slot].fact.konst {
            let floats = tensor.cast_to::<f32>().ok()?;
            return Some(floats.try_as_plain_ram().ok()?.as_slice::<f32>().ok()?.to_vec());
        }
        let node = self.node(outlet);
        if node.op_is::<AxisOp>() || node.op_is::<Cast>() {
            return self.constant(node.inputs[0]);
        }
        // Gemm scales its bias by one.
        let (a, b) = self.operands(outlet, "Mul")?;
        let (a, b) = (self.constant(a), self.constant(b));
        match (a, b) {
            (Some(one), other) if one[..] == [1.0] => other,
            (other, Some(one)) if one[..] == [1.0] => other,
            _ => None,
        }
    }

    /// A bias of whole numbers, with the scale of its steps.
    fn steps(&self, outlet: OutletId) -> Option<(Vec<i32>, Vec<f32>)> {
        let node = self.node(outlet);
        if let Some(back) = node.op_as::<marks::Dequantise>() {
            let fact = &self.node(node.inputs[0]).outputs[0].fact;
            let tensor = fact.konst.as_ref().filter(|t| t.datum_type() == i32::datum_type())?;
            let numbers = tensor.try_as_plain_ram().ok()?.as_slice::<i32>().ok()?.to_vec();
            return back.scaling.zero.iter().all(|&z| z == 0).then(|| (numbers, back.scaling.scale.clone()));
        }
        if node.op_is::<AxisOp>() || node.op_is::<Cast>() {
            return self.steps(node.inputs[0]);
        }
        let (a, b) = self.operands(outlet, "Mul")?;
        [(a, b), (b, a)]
            .into_iter()
            .find_map(|(one, other)| (self.constant(one)?[..] == [1.0]).then(|| self.steps(other)).flatten())
    }

    /// A bias in steps of the sums, which are given.
    fn bias_in_steps(&self, outlet: OutletId, steps: &[f32]) -> TractResult<Option<Vec<i32>>> {
        let Some(floats) = self.bias_in_steps_or_floats(outlet)? else { return Ok(None) };
        Ok(Some(floats.iter().zip(steps).map(|(b, s)| (b / s).round_ties_even() as i32).collect()))
    }

    fn bias_in_steps_or_floats(&self, outlet: OutletId) -> TractResult<Option<Vec<f32>>> {
        if let Some((numbers, scale)) = self.steps(outlet) {
            let scale_of = |i: usize| if scale.len() == 1 { scale[0] } else { scale[i] };
            return Ok(Some(numbers.iter().enumerate().map(|(i, &b)| b as f32 * scale_of(i)).collect()));
        }
        Ok(self.constant(outlet))
    }
}

fn floats_of(shape: Shape) -> TypedFact {
    f32::fact(shape)
}

fn bytes_of([n, h, w, c]: Shape) -> TypedFact {
    u8::fact([n, h, w, padded(c)])
}

/// Scale and zero point where there is one for all numbers.
fn of_tensor(scaling: &marks::Scaling) -> Option<(f32, u8)> {
    match (&scaling.scale[..], &scaling.zero[..]) {
        (&[scale], &[zero]) => Some((scale, u8::try_from(zero).ok()?)),
        _ => None,
    }
}

fn zeros(mode: &PadMode) -> bool {
    matches!(mode, PadMode::Constant(value) if value.cast_to_scalar::<f32>().is_ok_and(|v| v == 0.0))
}

fn sides_of(pad: &Pad) -> Sides {
    Sides { top: pad.pads[2].0, bottom: pad.pads[2].1, left: pad.pads[3].0, right: pad.pads[3].1 }
}

fn is_plain(spec: &PoolSpec) -> bool {
    spec.data_format == DataFormat::NCHW && spec.dilations.as_ref().is_none_or(|d| d.iter().all(|&d| d == 1))
}

fn stride_of(spec: &PoolSpec) -> Option<usize> {
    match spec.strides.as_deref() {
        None => Some(1),
        Some(&[a, b]) if a == b => Some(a),
        _ => None,
    }
}

fn sides_of_spec(spec: &PoolSpec) -> Option<Sides> {
    match &spec.padding {
        PaddingSpec::Valid => Some(Sides::default()),
        PaddingSpec::Explicit(before, after) | PaddingSpec::ExplicitOnnxPool(before, after, _) => match (&before[..], &after[..])
        {
            (&[top, left], &[bottom, right]) => Some(Sides { top, left, bottom, right }),
            _ => None,
        },
        _ => None,
    }
}

fn window_of_pool(spec: &PoolSpec) -> Option<Pool> {
    let ceil = matches!(spec.padding, PaddingSpec::ExplicitOnnxPool(_, _, true));
    let square = spec.kernel_shape.len() == 2 && spec.kernel_shape[0] == spec.kernel_shape[1];
    (is_plain(spec) && square && sides_of_spec(spec)? == Sides::default())
        .then(|| Some(Pool { size: spec.kernel_shape[0], stride: stride_of(spec)?, ceil }))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::prelude::*;

    /// Our operators and tract's, by name, of a model file that `make models` wrote; none where there is none.
    fn operators(file: &str, shape: [usize; 3], normalise: Normalise) -> Option<Vec<String>> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/out").join(file);
        let mut onnx = onnx();
        register(&mut onnx);
        let net = onnx.with_ignore_output_shapes(true).with_ignore_value_info(true).model_for_path(&path).ok()?;
        let [n, h, w] = shape;
        let net = net.with_input_fact(0, f32::fact([n, 3, h, w]).into()).unwrap().into_typed().unwrap();
        let net = lower(&net, shape, normalise, Kernels::best()).unwrap().into_optimized().unwrap();
        Some(net.nodes.iter().map(|n| n.op.name().to_string()).filter(|n| n != "Source" && n != "Const").collect())
    }

    #[test]
    fn the_nets_we_ship_run_on_our_operators() {
        let float = Normalise { mean: [127.5; 3], scale: 1.0 / 128.0 };
        let byte = Normalise { mean: [128.0; 3], scale: 1.0 / 128.0 };
        for (file, shape, normalise) in [
            ("mtcnn/pnet.float32.onnx", [1, 40, 40], float),
            ("mtcnn/rnet.float32.onnx", [2, 24, 24], float),
            ("mtcnn/onet.float32.onnx", [2, 48, 48], float),
            ("embedder/dlib-resnet.float32.onnx", [1, 150, 150], float),
            ("mtcnn/pnet.int8.onnx", [1, 40, 40], byte),
            ("mtcnn/rnet.int8.onnx", [2, 24, 24], byte),
            ("mtcnn/onet.int8.onnx", [2, 48, 48], byte),
            ("embedder/dlib-resnet.int8.onnx", [1, 150, 150], Normalise { mean: [0.0; 3], scale: 1.0 / 256.0 }),
        ] {
            let Some(names) = operators(file, shape, normalise) else {
                eprintln!("skipped: {file} is not built; run `make models`");
                continue;
            };
            let foreign: Vec<&String> = names.iter().filter(|n| !n.starts_with("Lookalike.")).collect();
            eprintln!("{file}: {} of ours, tract's: {foreign:?}; {names:?}", names.len() - foreign.len());
            // The embedder ends in a mean and a matrix, which take no time.
            assert!(foreign.len() <= if file.starts_with("embedder") { 6 } else { 0 }, "{file}: {names:?}");
        }
    }
}
