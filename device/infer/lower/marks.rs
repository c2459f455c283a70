//! QuantizeLinear and DequantizeLinear of ONNX, kept as one operator each, so that they can be recognised in the graph.
//!
//! tract's own reading takes them apart into arithmetic on floats. Where none of our operators takes one in, it still
//! computes what ONNX says.

use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_hir::internal::*;

/// Scale and zero point: one for all numbers, or one for each place along an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scaling {
    pub scale: Vec<f32>,
    pub zero: Vec<i32>,
    pub axis: usize,
}

impl Eq for Scaling {}

impl Scaling {
    /// For every number in row-major order: its scale and zero point.
    fn each(&self, shape: &[usize]) -> impl Iterator<Item = (f32, i32)> + '_ {
        let inner: usize = shape.iter().skip(self.axis + 1).product();
        let length = shape.get(self.axis).copied().unwrap_or(1);
        let count: usize = shape.iter().product();
        (0..count).map(move |index| {
            let place = index / inner.max(1) % length.max(1);
            let pick = |n: usize| if n == 1 { 0 } else { place };
            (self.scale[pick(self.scale.len())], self.zero[pick(self.zero.len())])
        })
    }
}

/// `round(x / scale) + zero`, saturated, as `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quantise {
    pub scaling: Scaling,
    pub to: DatumType,
}

/// `(x - zero) * scale`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dequantise {
    pub scaling: Scaling,
}

/// The operators by which the graph is read instead of tract's.
pub(super) fn register(onnx: &mut tract_onnx::Onnx) {
    onnx.op_register.insert("QuantizeLinear", |_: &ParsingContext, node: &NodeProto| {
        Ok((expand(Reading { axis: node.get_attr_opt("axis")?.unwrap_or(1), back: false }), vec![]))
    });
    onnx.op_register.insert("DequantizeLinear", |_: &ParsingContext, node: &NodeProto| {
        Ok((expand(Reading { axis: node.get_attr_opt("axis")?.unwrap_or(1), back: true }), vec![]))
    });
}

/// Either operator before its constants are known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reading {
    axis: i64,
    back: bool,
}

impl Expansion for Reading {
    fn name(&self) -> StaticName {
        if self.back { "DequantizeLinear" } else { "QuantizeLinear" }.into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_output_arity(outputs, 1)?;
        s.equals(&inputs[0].shape, &outputs[0].shape)?;
        if self.back {
            s.equals(&outputs[0].datum_type, f32::datum_type())?;
        } else if inputs.len() == 3 {
            s.equals(&outputs[0].datum_type, &inputs[2].datum_type)?;
        } else {
            s.equals(&outputs[0].datum_type, u8::datum_type())?;
        }
        Ok(())
    }

    /// Weights stay bytes until they were looked at.
    fn runs_out_of_plan(&self) -> bool {
        false
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let constant = |index: usize| -> TractResult<Arc<Tensor>> {
            model.outlet_fact(inputs[index])?.konst.clone().context("scale and zero point must be constants")
        };
        let numbers = constant(1)?.cast_to::<f32>()?.into_owned();
        let scale = numbers.try_as_plain_ram()?.as_slice::<f32>()?.to_vec();
        let (zero, to) = match inputs.get(2) {
            Some(_) => {
                let tensor = constant(2)?;
                let numbers = tensor.cast_to::<i32>()?.into_owned();
                (numbers.try_as_plain_ram()?.as_slice::<i32>()?.to_vec(), tensor.datum_type())
            }
            None => (vec![0], u8::datum_type()),
        };
        let fact = model.outlet_fact(inputs[0])?;
        let rank = fact.rank() as i64;
        let axis = if self.axis < 0 { self.axis + rank } else { self.axis }.max(0) as usize;
        let length = fact.shape.get(axis).and_then(|d| d.to_usize().ok());
        for count in [scale.len(), zero.len()] {
            ensure!(count == 1 || Some(count) == length, "{prefix}: {count} scales or zero points along axis {axis}");
        }
        let scaling = Scaling { scale, zero, axis };
        if self.back {
            model.wire_node(prefix, Dequantise { scaling }, &inputs[..1])
        } else {
            model.wire_node(prefix, Quantise { scaling, to }, &inputs[..1])
        }
    }
}

macro_rules! operator {
    ($name:ident, |$self:ident, $input:ident| $eval:expr, $to:expr) => {
        impl Op for $name {
            fn name(&self) -> StaticName {
                stringify!($name).into()
            }
            op_as_typed_op!();
        }

        impl EvalOp for $name {
            fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
                let ($self, $input) = (self, &inputs[0]);
                Ok(tvec!($eval?.into_tvalue()))
            }
            // Weights stay bytes until they were looked at: nothing is computed before the plan runs.
            not_out_of_plan!();
        }

        impl TypedOp for $name {
            fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
                let $self = self;
                Ok(tvec!(TypedFact::dt_shape($to, inputs[0].shape.clone())))
            }
            as_op!();
        }
    };
}

operator!(Quantise, |op, input| op.apply(input), op.to);
operator!(Dequantise, |op, input| op.apply(input), {
    let _ = op;
    f32::datum_type()
});

impl Quantise {
    fn apply(&self, input: &Tensor) -> TractResult<Tensor> {
        let (low, high) = if self.to == i8::datum_type() { (-128, 127) } else { (0, 255) };
        let input = input.cast_to::<f32>()?;
        let values = input.try_as_plain_ram()?;
        let pairs = values.as_slice::<f32>()?.iter().zip(self.scaling.each(input.shape()));
        let bytes = pairs.map(|(x, (scale, zero))| ((x / scale).round_ties_even() as i32).saturating_add(zero).clamp(low, high));
        Tensor::from_shape(input.shape(), &bytes.collect::<Vec<i32>>())?.cast_to_dt(self.to).map(|t| t.into_owned())
    }
}

impl Dequantise {
    fn apply(&self, input: &Tensor) -> TractResult<Tensor> {
        let input = input.cast_to::<i32>()?;
        let values = input.try_as_plain_ram()?;
        let pairs = values.as_slice::<i32>()?.iter().zip(self.scaling.each(input.shape()));
        Tensor::from_shape(input.shape(), &pairs.map(|(x, (scale, zero))| (x - zero) as f32 * scale).collect::<Vec<f32>>())
    }
}
