//! A net as tract has it in; the same net of operators that the GPU has out, or the name of the first that it lacks.
//!
//! An operator that is left to the processor would send the picture there and back in the middle of the net. So a pool becomes
//! slices that are added up or compared, which the GPU has; a net with anything else stays on the processor whole.

use anyhow::Result;
use tract_onnx::prelude::*;
use tract_onnx::tract_core::floats::FloatPrecisionTranslator;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::array::{MultiBroadcastTo, Pad, PadMode, Slice, TypedConcat};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::cnn::{Conv, MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::einsum::prefix_matmul::{PrefixMatMul, rewrite_einsum_to_prefix_matmul};
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::konst::Const;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::math;
use tract_onnx::tract_core::ops::nn::{DataFormat, LeakyRelu, Reduce, Reducer, Softmax};
use tract_onnx::tract_core::ops::source::TypedSource;
use tract_onnx::tract_core::transform::ModelTransform;

/// Functions of one number that tract-cuda 0.23.9 has kernels for (its `kernels/element_wise.rs`).
const FUNCTIONS: [&str; 19] = [
    "neg",
    "abs",
    "square",
    "sqrt",
    "rsqrt",
    "recip",
    "ceil",
    "floor",
    "round",
    "exp",
    "sigmoid",
    "sin",
    "cos",
    "tanh",
    "erf",
    "ln",
    "silu",
    "sign",
    "hardswish",
];

/// Functions of two numbers (its `kernels/binary.rs`).
const OPERATIONS: [&str; 12] = ["mul", "add", "div", "sub", "pow", "min", "max", "gt", "gte", "eq", "lt", "lte"];

/// The net for the GPU; the inner error is the operator for which there is no way.
pub(super) fn for_gpu(mut net: TypedModel) -> Result<Result<TypedModel, String>> {
    Rewriter::default().with_rule_for("max-pool", max_pool).with_rule_for("sum-pool", sum_pool).rewrite(&(), &mut net)?;
    let net = net.into_decluttered()?;
    // As the runtime will have it: products of matrices of the kinds that it knows.
    let mut seen = net.clone();
    rewrite_einsum_to_prefix_matmul(&mut seen, false)?;
    for &node in &seen.eval_order()? {
        let node = seen.node(node);
        if !has(&seen, node)? {
            return Ok(Err(node.op.name().into_owned()));
        }
    }
    Ok(Ok(net))
}

/// The same net with float16 throughout, its input and its outputs too.
pub(super) fn halved(net: &TypedModel) -> Result<TypedModel> {
    let mut net = net.clone();
    FloatPrecisionTranslator::new(f32::datum_type(), f16::datum_type()).transform(&mut net)?;
    net.into_decluttered()
}

fn has(net: &TypedModel, node: &TypedNode) -> TractResult<bool> {
    if let Some(conv) = node.op_as::<Conv>() {
        return Ok(conv.q_params.is_none() && net.node_input_facts(node.id)?[0].datum_type == f32::datum_type());
    }
    if let Some(element) = node.op_as::<ElementWiseOp>() {
        return Ok(element.0.is::<LeakyRelu>() || FUNCTIONS.contains(&&*element.0.name().to_lowercase()));
    }
    if let Some(two) = node.op_as::<TypedBinOp>() {
        return Ok(OPERATIONS.contains(&&*two.0.name().to_lowercase()));
    }
    if let Some(reduce) = node.op_as::<Reduce>() {
        return Ok(matches!(reduce.reducer, Reducer::Sum | Reducer::Prod | Reducer::Min | Reducer::Max | Reducer::MeanOfSquares));
    }
    if let Some(pad) = node.op_as::<Pad>() {
        return Ok(matches!(pad.mode, PadMode::Constant(_)));
    }
    Ok(node.op_is::<TypedSource>()
        || node.op_is::<Const>()
        || node.op_is::<AxisOp>()
        || node.op_is::<Slice>()
        || node.op_is::<TypedConcat>()
        || node.op_is::<MultiBroadcastTo>()
        || node.op_is::<PrefixMatMul>()
        || node.op_is::<Softmax>()
        || node.op_is::<Cast>()
        || node.op_is::<Iff>())
}

fn max_pool(_: &(), net: &TypedModel, node: &TypedNode, name: &str, op: &MaxPool) -> TractResult<Option<TypedModelPatch>> {
    if op.with_index_outputs.is_some() {
        return Ok(None);
    }
    let Some((mut patch, wire)) = fold(net, node, name, &op.pool_spec, f32::NEG_INFINITY, math::max)? else { return Ok(None) };
    patch.shunt_outside(net, node.id.into(), wire)?;
    Ok(Some(patch))
}

/// Sums, and means where no zero around the picture counts.
fn sum_pool(_: &(), net: &TypedModel, node: &TypedNode, name: &str, op: &SumPool) -> TractResult<Option<TypedModelPatch>> {
    let Some((mut patch, mut wire)) = fold(net, node, name, &op.pool_spec, 0.0, math::add)? else { return Ok(None) };
    if op.normalize {
        let around = op.pool_spec.computed_padding(&net.outlet_fact(node.inputs[0])?.shape[2..]);
        let none = 0.to_dim();
        if !around.iter().all(|side| side.pad_before == none && side.pad_after == none) {
            return Ok(None);
        }
        let share = 1.0 / op.pool_spec.kernel_shape.iter().product::<usize>() as f32;
        let share = patch.add_const(format!("{name}.share"), tensor4(&[[[[share]]]]))?;
        wire = patch.wire_node(format!("{name}.mean"), math::mul(), &[wire, share])?[0];
    }
    patch.shunt_outside(net, node.id.into(), wire)?;
    Ok(Some(patch))
}

/// A window over a picture as its columns folded into one, then its rows: every stride-th number from each offset on is a slice,
/// once the axis is cut into two, whole strides and what is left.
fn fold(
    net: &TypedModel,
    node: &TypedNode,
    name: &str,
    spec: &PoolSpec,
    around: f32,
    with: fn() -> TypedBinOp,
) -> TractResult<Option<(TypedModelPatch, OutletId)>> {
    let fact = net.outlet_fact(node.inputs[0])?;
    let is_plain = spec.data_format == DataFormat::NCHW && fact.rank() == 4 && spec.dilations().iter().all(|&d| d == 1);
    let Some(shape) = fact.shape.as_concrete().filter(|_| is_plain && fact.datum_type == f32::datum_type()) else {
        return Ok(None);
    };
    let sides = spec.computed_padding(&shape[2..]);
    let mut patch = TypedModelPatch::default();
    let mut wire = patch.tap_model(net, node.inputs[0])?;
    for (axis, side) in [2, 3].into_iter().zip(&sides) {
        let (size, stride, out) = (spec.kernel_shape[axis - 2], spec.stride(axis - 2), side.convoluted);
        let strides = out + (size - 1) / stride;
        let needed = strides * stride;
        let there = shape[axis] + side.pad_before;
        if side.pad_before > 0 || there < needed {
            let mut pads = vec![(0, 0); 4];
            pads[axis] = (side.pad_before, needed.saturating_sub(there));
            let pad = Pad { pads, mode: PadMode::Constant(tensor0(around).into_arc_tensor()) };
            wire = patch.wire_node(format!("{name}.pad{axis}"), pad, &[wire])?[0];
        }
        if there > needed {
            wire = patch.wire_node(format!("{name}.cut{axis}"), Slice::new(axis, 0, needed), &[wire])?[0];
        }
        let cut = AxisOp::Reshape(axis, tvec![needed.to_dim()], tvec![strides.to_dim(), stride.to_dim()]);
        wire = patch.wire_node(format!("{name}.strides{axis}"), cut, &[wire])?[0];
        let mut folded = None;
        for offset in 0..size {
            let [rest, first] = [offset % stride, offset / stride];
            let at = |what: &str| format!("{name}.{what}{axis}-{offset}");
            let one = patch.wire_node(at("rest"), Slice::new(axis + 1, rest, rest + 1), &[wire])?;
            let one = patch.wire_node(at("line"), AxisOp::Rm(axis + 1), &one)?;
            let one = patch.wire_node(at("part"), Slice::new(axis, first, first + out), &one)?[0];
            folded = Some(match folded {
                None => one,
                Some(before) => patch.wire_node(at("fold"), with(), &[before, one])?[0],
            });
        }
        let Some(folded) = folded else { return Ok(None) };
        wire = folded;
    }
    Ok(Some((patch, wire)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::offload::judge::HALF_TOLERANCE;
    use std::path::Path;

    const NETS: [(&str, &[usize]); 10] = [
        ("ae-decoder", &[32]),
        ("ae-encoder", &[1, 28, 28]),
        ("cgan-generator", &[74]),
        ("classifier", &[1, 28, 28]),
        ("dae-decoder", &[32]),
        ("dae-encoder", &[1, 28, 28]),
        ("gan-discriminator", &[1, 28, 28]),
        ("gan-generator", &[64]),
        ("vae-decoder", &[32]),
        ("vae-encoder", &[1, 28, 28]),
    ];

    fn read(file: &Path, shape: &[usize]) -> TypedModel {
        let net = onnx().model_for_path(file).unwrap();
        net.with_input_fact(0, f32::fact(shape).into()).unwrap().into_typed().unwrap().into_decluttered().unwrap()
    }

    /// A net's answers to numbers that look like nothing, in float32.
    fn answers(net: TypedModel) -> Vec<Vec<f32>> {
        let fact = net.input_fact(0).unwrap().clone();
        let shape = fact.shape.as_concrete().unwrap().to_vec();
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|i| (i * 7 % 97) as f32 / 48.0 - 1.0).collect();
        let input = Tensor::from_shape(&shape, &numbers).unwrap().cast_to_dt(fact.datum_type).unwrap().into_owned();
        let outputs = net.into_optimized().unwrap().into_runnable().unwrap().run(tvec!(input.into_tvalue())).unwrap();
        let floats = outputs.iter().map(|o| o.cast_to::<f32>().unwrap().into_owned());
        floats.map(|o| o.try_as_plain_ram().unwrap().as_slice::<f32>().unwrap().to_vec()).collect()
    }

    fn apart(found: &[Vec<f32>], wanted: &[Vec<f32>]) -> f32 {
        assert_eq!(found.len(), wanted.len());
        let of = |(found, wanted): (&Vec<f32>, &Vec<f32>)| {
            assert_eq!(found.len(), wanted.len());
            let size = wanted.iter().fold(f32::MIN_POSITIVE, |most, w| most.max(w.abs()));
            found.iter().zip(wanted).fold(0f32, |most, (f, w)| most.max((f - w).abs() / size))
        };
        found.iter().zip(wanted).map(of).fold(0.0, f32::max)
    }

    #[test]
    fn the_committed_nets_go_over_whole_and_hold_float16() {
        for (name, shape) in NETS {
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../models/digits/nets/digits-{name}.onnx"));
            let net = read(&file, &[&[2], shape].concat());
            let wanted = answers(net.clone());
            let ready = for_gpu(net).unwrap().unwrap_or_else(|operator| panic!("{name}: {operator}"));
            let (float, half) = (apart(&answers(ready.clone()), &wanted), apart(&answers(halved(&ready).unwrap()), &wanted));
            eprintln!("{name}: {half:.1e} in float16");
            assert!(float <= 1e-5 && half <= HALF_TOLERANCE, "{name}: {float} {half}");
        }
    }

    #[test]
    fn the_embedder_and_the_detectors_nets_go_over_whole_and_nearly_hold_float16() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/out");
        let Ok(manifest) = crate::manifest::Manifest::read(&folder) else {
            let _ = std::io::Write::write_all(&mut std::io::stderr(), b"nets on the GPU's way: SKIPPED, no models/out\n");
            return;
        };
        let is_net = |role: crate::manifest::Role| !role.takes_floats() && role != crate::manifest::Role::Cascade;
        for entry in manifest.models.iter().filter(|entry| is_net(entry.role)) {
            let [channels, height, width] = entry.input.map(|length| if length == 0 { 61 } else { length });
            let file = manifest.path(entry);
            let mut onnx = onnx();
            crate::infer::lower::register(&mut onnx);
            let net = onnx.with_ignore_output_shapes(true).with_ignore_value_info(true).model_for_path(&file).unwrap();
            let net = net.with_input_fact(0, f32::fact([2, channels, height, width]).into()).unwrap().into_typed().unwrap();
            let net = net.into_decluttered().unwrap();
            if entry.precision == crate::manifest::Precision::Int8 {
                assert!(for_gpu(net).unwrap().is_err(), "{}: bytes stay", entry.name);
                continue;
            }
            let wanted = answers(net.clone());
            let ready = for_gpu(net).unwrap().unwrap_or_else(|operator| panic!("{}: {operator}", entry.name));
            let mut rounded = halved(&ready).unwrap();
            if entry.role == crate::manifest::Role::Embedder {
                // A processor would take minutes: of this one the weights alone are float16.
                FloatPrecisionTranslator::new(f16::datum_type(), f32::datum_type()).transform(&mut rounded).unwrap();
            }
            let (float, half) = (apart(&answers(ready.clone()), &wanted), apart(&answers(rounded), &wanted));
            eprintln!("{}: {half:.1e} in float16", entry.name);
            // Which of them run in float16 is decided on the GPU; O-Net is at the border on the processor (1.3e-2).
            assert!(float <= 1e-5 && half <= 2.0 * HALF_TOLERANCE, "{}: {float} {half}", entry.name);
        }
    }

    #[test]
    fn pools_of_many_kinds_are_slices() {
        use tract_onnx::tract_core::ops::cnn::PaddingSpec;
        for (size, stride, pad, height, width) in [
            (2, 2, 0, 8, 8),
            (3, 2, 0, 9, 12),
            (3, 2, 1, 7, 10),
            (2, 1, 0, 5, 6),
            (3, 3, 0, 11, 9),
            (3, 1, 1, 4, 5),
            (2, 3, 0, 9, 8),
        ] {
            for ceil in [false, true] {
                let padding = PaddingSpec::ExplicitOnnxPool(tvec![pad, pad], tvec![pad, pad], ceil);
                let spec = PoolSpec {
                    data_format: DataFormat::NCHW,
                    kernel_shape: tvec![size, size],
                    padding,
                    dilations: None,
                    strides: Some(tvec![stride, stride]),
                    input_channels: 3,
                    output_channels: 3,
                };
                let sums = SumPool { pool_spec: spec.clone(), count_include_pad: false, normalize: pad == 0 && !ceil };
                let most = MaxPool { pool_spec: spec, with_index_outputs: None };
                for op in [Box::new(sums) as Box<dyn TypedOp>, Box::new(most)] {
                    let mut net = TypedModel::default();
                    let source = net.add_source("picture", f32::fact([2, 3, height, width])).unwrap();
                    let pool = net.wire_node("pool", op, &[source]).unwrap();
                    net.select_output_outlets(&pool).unwrap();
                    let what = format!("{} {size} {stride} {pad} {height}x{width} {ceil}", net.node(pool[0].node).op.name());
                    let ready = for_gpu(net.clone()).unwrap().unwrap_or_else(|operator| panic!("{what}: {operator}"));
                    assert!(apart(&answers(ready), &answers(net)) <= 1e-6, "{what}");
                }
            }
        }
    }

    #[test]
    fn an_operator_that_the_gpu_lacks_is_named() {
        let mut net = TypedModel::default();
        let source = net.add_source("numbers", f32::fact([2, 3])).unwrap();
        let reduce = Reduce { axes: tvec![1], reducer: Reducer::ArgMax(false) };
        let largest = net.wire_node("largest", reduce, &[source]).unwrap();
        net.select_output_outlets(&largest).unwrap();
        let operator = for_gpu(net).unwrap().unwrap_err();
        assert!(operator.contains("ArgMax"), "{operator}");
    }
}
