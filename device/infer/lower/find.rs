//! What the nets hold, as tract's graph has it: layers with their weights, activations, sums, pools.

use super::layer::Shape;
use super::marks;
use lookalike_kernels::Window;
use lookalike_kernels::elements::Sides;
use lookalike_kernels::pool::Pool;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{Pad, PadMode};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PaddingSpec, PoolSpec};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::{DataFormat, LeakyRelu, Reduce, Reducer, Sigmoid};

/// A net as tract read it.
#[derive(Clone, Copy)]
pub(super) struct Graph<'n> {
    pub net: &'n TypedModel,
}

/// A convolution or dense layer, as the graph has it.
pub(super) struct Found {
    pub input: OutletId,
    pub window: Window,
    pub sides: Sides,
    pub weights: Weights,
    /// None for a matrix alone.
    pub bias: Option<OutletId>,
    /// Where the weights are in another order than the bias: which number of the bias each output has.
    pub order: Option<Vec<usize>>,
    pub output: Shape,
}

pub(super) enum Weights {
    Floats(Vec<f32>),
    /// With a scale per output.
    Bytes(Vec<i8>, Vec<f32>),
}

impl<'n> Graph<'n> {
    pub fn node(&self, outlet: OutletId) -> &'n TypedNode {
        &self.net.nodes[outlet.node]
    }

    pub fn op<T: Op>(&self, outlet: OutletId) -> Option<&'n T> {
        self.node(outlet).op_as::<T>()
    }

    /// Count, height, width and channels of an outlet of the old graph.
    pub fn picture(&self, outlet: OutletId) -> TractResult<Option<Shape>> {
        let fact = self.net.outlet_fact(outlet)?;
        Ok(match fact.shape.as_concrete() {
            Some(&[n, c, h, w]) if fact.datum_type != i32::datum_type() => Some([n, h, w, c]),
            Some(&[n, c]) => Some([n, 1, 1, c]),
            _ => None,
        })
    }

    /// PReLU, leaky ReLU or ReLU: its slopes and what it is applied to.
    pub fn activation(&self, outlet: OutletId) -> Option<(Vec<f32>, OutletId)> {
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
        if let Some(leaky) = node.op_as::<ElementWiseOp>().and_then(|op| op.0.downcast_ref::<LeakyRelu>()) {
            return Some((vec![leaky.alpha], node.inputs[0]));
        }
        let (a, b) = self.operands(outlet, "Max")?;
        [(a, b), (b, a)].into_iter().find_map(|(x, zero)| {
            let zero = self.constant(zero)?;
            (zero.len() == 1 && zero[0] == 0.0).then_some((vec![0.0], x))
        })
    }

    /// What a sigmoid is applied to.
    pub fn sigmoid(&self, outlet: OutletId) -> Option<OutletId> {
        let node = self.node(outlet);
        node.op_as::<ElementWiseOp>().filter(|op| op.0.is::<Sigmoid>()).map(|_| node.inputs[0])
    }

    pub fn operands(&self, outlet: OutletId, name: &str) -> Option<(OutletId, OutletId)> {
        let node = self.node(outlet);
        let op = node.op_as::<TypedBinOp>()?;
        (op.0.name() == name).then(|| (node.inputs[0], node.inputs[1]))
    }

    /// The sum of a layer, of which nothing else is known, and another picture of the same shape.
    pub fn sum(&self, outlet: OutletId) -> TractResult<Option<(Found, OutletId)>> {
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

    pub fn layer(&self, outlet: OutletId) -> TractResult<Option<Found>> {
        Ok(match self.convolution(outlet)? {
            Some(found) => Some(found),
            None => match self.dense(outlet)? {
                Some(found) => Some(found),
                None => self.folded(outlet)?,
            },
        })
    }

    pub fn convolution(&self, outlet: OutletId) -> TractResult<Option<Found>> {
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
        Ok(Some(Found { input: node.inputs[0], window, sides, weights, bias: Some(node.inputs[2]), order: None, output }))
    }

    /// x * weights + bias, or without one; of a flattened picture, a window of the picture's size.
    pub fn dense(&self, outlet: OutletId) -> TractResult<Option<Found>> {
        let (product, bias) = match self.operands(outlet, "Add") {
            Some((product, bias)) => (product, Some(bias)),
            None => (outlet, None),
        };
        let node = self.node(product);
        let Some(matrix) = node.op_as::<EinSum>().filter(|matrix| matrix.q_params.is_none()) else { return Ok(None) };
        if bias.is_some_and(|bias| self.constant(bias).is_none() && self.steps(bias).is_none()) {
            return Ok(None);
        }
        let mut input = node.inputs[0];
        while self.op::<AxisOp>(input).is_some_and(|op| !matches!(op, AxisOp::Move(..))) {
            input = self.node(input).inputs[0];
        }
        let (Some(weights), Some(picture), Some(output)) =
            (self.weights(node.inputs[1]), self.picture(input)?, self.picture(outlet)?)
        else {
            return Ok(None);
        };
        let weights = match (matrix.axes.to_string().as_str(), weights) {
            ("mk,nk->mn", weights) => weights,
            ("mk,kn->mn", Weights::Floats(weights)) => {
                let column = |n: usize| weights.iter().skip(n).step_by(output[3]);
                Weights::Floats((0..output[3]).flat_map(column).copied().collect())
            }
            _ => return Ok(None),
        };
        let [n, height, width, inputs] = picture;
        let window = Window { inputs, outputs: output[3], height, width, stride: 1 };
        let count = match &weights {
            Weights::Floats(weights) => weights.len(),
            Weights::Bytes(weights, _) => weights.len(),
        };
        let fits = n == output[0] && count == inputs * height * width * output[3];
        Ok(fits.then_some(Found { input, window, sides: Sides::default(), weights, bias, order: None, output }))
    }

    /// The mean of a whole picture: its sum over height and width, divided by how many that are.
    pub fn mean_of_all(&self, outlet: OutletId) -> TractResult<Option<(OutletId, Pool)>> {
        let Some((sum, count)) = self.operands(outlet, "Div") else { return Ok(None) };
        let sums = self.op::<Reduce>(sum).filter(|op| op.reducer == Reducer::Sum && op.axes[..] == [2, 3]);
        let input = self.node(sum).inputs.first();
        let (Some(_), Some(&input), Some(count)) = (sums, input, self.constant(count)) else { return Ok(None) };
        let Some([_, height, width, _]) = self.picture(input)? else { return Ok(None) };
        let fits = height == width && count[..] == [(height * width) as f32];
        Ok(fits.then_some((input, Pool { size: height, stride: 1, ceil: false })))
    }

    pub fn weights(&self, outlet: OutletId) -> Option<Weights> {
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
    pub fn constant(&self, outlet: OutletId) -> Option<Vec<f32>> {
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
    pub fn steps(&self, outlet: OutletId) -> Option<(Vec<i32>, Vec<f32>)> {
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

    /// A layer's bias in steps of its sums, which are given.
    pub fn bias_in_steps(&self, found: &Found, steps: &[f32]) -> Option<Vec<i32>> {
        let floats = self.bias(found)?;
        Some(floats.iter().zip(steps).map(|(b, s)| (b / s).round_ties_even() as i32).collect())
    }

    /// A layer's bias.
    pub fn bias(&self, found: &Found) -> Option<Vec<f32>> {
        let bias = self.bias_as_it_lies(found).filter(|bias| bias.len() == found.window.outputs)?;
        Some(match &found.order {
            Some(order) => order.iter().map(|&i| bias[i]).collect(),
            None => bias,
        })
    }

    fn bias_as_it_lies(&self, found: &Found) -> Option<Vec<f32>> {
        let Some(outlet) = found.bias else { return Some(vec![0.0; found.window.outputs]) };
        if let Some((numbers, scale)) = self.steps(outlet) {
            let scale_of = |i: usize| if scale.len() == 1 { scale[0] } else { scale[i] };
            return Some(numbers.iter().enumerate().map(|(i, &b)| b as f32 * scale_of(i)).collect());
        }
        self.constant(outlet)
    }
}

/// Scale and zero point where there is one for all numbers.
pub(super) fn of_tensor(scaling: &marks::Scaling) -> Option<(f32, u8)> {
    match (&scaling.scale[..], &scaling.zero[..]) {
        (&[scale], &[zero]) => Some((scale, u8::try_from(zero).ok()?)),
        _ => None,
    }
}

pub(super) fn zeros(mode: &PadMode) -> bool {
    matches!(mode, PadMode::Constant(value) if value.cast_to_scalar::<f32>().is_ok_and(|v| v == 0.0))
}

pub(super) fn sides_of(pad: &Pad) -> Sides {
    Sides { top: pad.pads[2].0, bottom: pad.pads[2].1, left: pad.pads[3].0, right: pad.pads[3].1 }
}

pub(super) fn is_plain(spec: &PoolSpec) -> bool {
    spec.data_format == DataFormat::NCHW && spec.dilations.as_ref().is_none_or(|d| d.iter().all(|&d| d == 1))
}

pub(super) fn stride_of(spec: &PoolSpec) -> Option<usize> {
    match spec.strides.as_deref() {
        None => Some(1),
        Some(&[a, b]) if a == b => Some(a),
        _ => None,
    }
}

pub(super) fn sides_of_spec(spec: &PoolSpec) -> Option<Sides> {
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

pub(super) fn window_of_pool(spec: &PoolSpec) -> Option<Pool> {
    let ceil = matches!(spec.padding, PaddingSpec::ExplicitOnnxPool(_, _, true));
    let square = spec.kernel_shape.len() == 2 && spec.kernel_shape[0] == spec.kernel_shape[1];
    (is_plain(spec) && square && sides_of_spec(spec)? == Sides::default())
        .then(|| Some(Pool { size: spec.kernel_shape[0], stride: stride_of(spec)?, ceil }))
        .flatten()
}
