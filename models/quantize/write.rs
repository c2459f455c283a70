//! A network with its chosen bytes in, a standard QDQ file out (ONNX, opset 13).
//!
//! Activations: uint8, one scale and zero point for a whole result. Weights: int8 between -127 and 127, one scale per row
//! (output channel), zero point 0. Biases: int32 in steps of the input's scale times the row's. All through
//! QuantizeLinear and DequantizeLinear, between which the operators are the float file's own.

use super::net::{Layer, Net, Point};
use super::ranges::Bytes;
use crate::onnx::Tensor;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use tract_onnx::pb::{self, tensor_proto::DataType};

/// What of a network computes with bytes: by default nothing.
#[derive(Clone, Default)]
pub struct Plan {
    /// The results that become bytes.
    pub points: Vec<Point>,
    /// The layers whose weights become bytes; each reads one of the points.
    pub layers: Vec<Layer>,
    /// The weights of layers for which they are chosen already; those of others go to the nearest whole numbers.
    pub rows: BTreeMap<String, Rows>,
    /// For trials: weights and biases are written as floats, rounded to what whole numbers would hold. The answers are the
    /// same and the file is sooner loaded.
    pub trial: bool,
}

/// The quantized file. `bytes`: by the name that points are `like`.
pub fn write(net: &Net, plan: &Plan, bytes: &BTreeMap<String, Bytes>) -> Result<pb::ModelProto> {
    let mut writer = Writer { nodes: Vec::new(), constants: BTreeMap::new() };
    let graph = net.model.graph.as_ref().context("a file without a graph")?;
    let of = |point: &Point| bytes.get(&point.like).copied().with_context(|| format!("`{}` was not measured", point.like));
    let like = |name: &str| plan.points.iter().find(|p| p.name == name);

    for constant in &graph.initializer {
        if !net.weights.contains_key(&constant.name) {
            writer.constants.insert(constant.name.clone(), constant.clone());
        }
    }
    if let Some(point) = like(&net.input) {
        writer.point(point, of(point)?);
    }
    for node in net.nodes() {
        let mut node = node.clone();
        for input in &mut node.input {
            if like(input).is_some() {
                *input = format!("{input}.dq");
            } else if let Some(weights) = net.weights.get(input) {
                writer.constant(input, &weights.shape, Numbers::Floats(&weights.values));
            }
        }
        let name = node.output[0].clone();
        if let Some(layer) = plan.layers.iter().find(|l| l.name == name) {
            let point = like(&layer.reads).with_context(|| format!("`{name}` reads no point"))?;
            let (weight, bias) = (&net.weights[&layer.weight], &net.weights[&layer.bias]);
            let step = of(point)?.scale;
            let rows = plan.rows.get(&name).cloned().unwrap_or_else(|| Rows::quantize(weight, bias, step));
            if plan.trial {
                writer.constant(&layer.weight, &weight.shape, Numbers::Floats(&rows.weight_values()));
                writer.constant(&layer.bias, &bias.shape, Numbers::Floats(&rows.bias_values(step)));
            } else {
                writer.rows(layer, weight, &rows, step);
                node.input[1] = writer.dequantize(&layer.weight, &layer.weight, Some(0));
                node.input[2] = writer.dequantize(&layer.bias, &layer.bias, Some(0));
            }
        }
        writer.nodes.push(node);
        if let Some(point) = like(&name) {
            writer.point(point, of(point)?);
        }
    }
    let graph = pb::GraphProto {
        node: writer.nodes,
        initializer: writer.constants.into_values().collect(),
        input: graph.input.clone(),
        output: graph.output.clone(),
        name: graph.name.clone(),
        ..Default::default()
    };
    Ok(pb::ModelProto { graph: Some(graph), ..net.model.clone() })
}

struct Writer {
    nodes: Vec<pb::NodeProto>,
    constants: BTreeMap<String, pb::TensorProto>,
}

enum Numbers<'a> {
    Floats(&'a [f32]),
    Int8(&'a [i8]),
    Int32(&'a [i32]),
    Byte(u8),
}

impl Writer {
    /// The result, as bytes (`.q`) and as numbers again (`.dq`).
    fn point(&mut self, point: &Point, bytes: Bytes) {
        self.constant(&format!("{}.scale", point.like), &[], Numbers::Floats(&[bytes.scale]));
        self.constant(&format!("{}.zero", point.like), &[], Numbers::Byte(bytes.zero_point));
        let inputs = [point.name.clone(), format!("{}.scale", point.like), format!("{}.zero", point.like)];
        self.node("QuantizeLinear", inputs, format!("{}.q", point.name), None);
        self.dequantize(&point.name, &point.like, None);
    }

    /// A layer's weights and bias; `step`: the scale of what it reads.
    fn rows(&mut self, layer: &Layer, weight: &Tensor, rows: &Rows, step: f32) {
        for unused in [&layer.weight, &layer.bias] {
            self.constants.remove(unused);
        }
        let count = [rows.scales.len()];
        let steps: Vec<f32> = rows.scales.iter().map(|s| s * step).collect();
        self.constant(&format!("{}.q", layer.weight), &weight.shape, Numbers::Int8(&rows.weights));
        self.constant(&format!("{}.scale", layer.weight), &count, Numbers::Floats(&rows.scales));
        self.constant(&format!("{}.zero", layer.weight), &count, Numbers::Int8(&vec![0; count[0]]));
        self.constant(&format!("{}.q", layer.bias), &count, Numbers::Int32(&rows.bias));
        self.constant(&format!("{}.scale", layer.bias), &count, Numbers::Floats(&steps));
        self.constant(&format!("{}.zero", layer.bias), &count, Numbers::Int32(&vec![0; count[0]]));
    }

    fn dequantize(&mut self, name: &str, like: &str, axis: Option<i64>) -> String {
        let inputs = [format!("{name}.q"), format!("{like}.scale"), format!("{like}.zero")];
        self.node("DequantizeLinear", inputs, format!("{name}.dq"), axis);
        format!("{name}.dq")
    }

    fn node(&mut self, operator: &str, input: [String; 3], output: String, axis: Option<i64>) {
        let kind = pb::attribute_proto::AttributeType::Int as i32;
        let attribute = |i| pb::AttributeProto { name: "axis".into(), r#type: kind, i, ..Default::default() };
        self.nodes.push(pb::NodeProto {
            name: output.clone(),
            op_type: operator.into(),
            input: input.into(),
            output: vec![output],
            attribute: axis.map(attribute).into_iter().collect(),
            ..Default::default()
        });
    }

    fn constant(&mut self, name: &str, shape: &[usize], numbers: Numbers) {
        let (data_type, raw_data) = match numbers {
            Numbers::Floats(values) => (DataType::Float, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Numbers::Int8(values) => (DataType::Int8, values.iter().map(|&v| v as u8).collect()),
            Numbers::Int32(values) => (DataType::Int32, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            Numbers::Byte(value) => (DataType::Uint8, vec![value]),
        };
        let dims = shape.iter().map(|&d| d as i64).collect();
        let tensor = pb::TensorProto { name: name.into(), dims, data_type: data_type as i32, raw_data, ..Default::default() };
        self.constants.insert(name.into(), tensor);
    }
}

/// A layer's weights and bias as whole numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub(super) weights: Vec<i8>,
    /// One for each row.
    pub(super) scales: Vec<f32>,
    pub(super) bias: Vec<i32>,
}

impl Rows {
    /// To the nearest. `step`: the scale of the layer's input.
    pub(super) fn quantize(weight: &Tensor, bias: &Tensor, step: f32) -> Self {
        let rows = bias.values.len();
        let mut found = Self::default();
        for (row, &b) in weight.values.chunks_exact(weight.values.len() / rows.max(1)).zip(&bias.values) {
            let most = row.iter().fold(0f32, |m, w| m.max(w.abs()));
            let scale = (most / 127.0).max(Self::least_scale(b, step));
            found.weights.extend(row.iter().map(|w| (w / scale).round_ties_even().clamp(-127.0, 127.0) as i8));
            found.scales.push(scale);
        }
        found.set_bias(&bias.values, step);
        found
    }

    /// A row of next to nothing must not have a scale so small that its bias no longer fits.
    pub(super) fn least_scale(bias: f32, step: f32) -> f32 {
        (bias.abs() / step / (1 << 30) as f32).max(f32::MIN_POSITIVE * 1e6)
    }

    /// `step`: the scale of the layer's input.
    pub(super) fn set_bias(&mut self, bias: &[f32], step: f32) {
        let steps = |(&b, &scale): (&f32, &f32)| (f64::from(b) / f64::from(scale * step)).round_ties_even() as i32;
        self.bias = bias.iter().zip(&self.scales).map(steps).collect();
    }

    /// The numbers that the weights stand for.
    pub(super) fn weight_values(&self) -> Vec<f32> {
        let row = self.weights.len() / self.scales.len().max(1);
        self.weights.iter().enumerate().map(|(i, &w)| f32::from(w) * self.scales[i / row]).collect()
    }

    /// The numbers that the biases stand for.
    pub(super) fn bias_values(&self, step: f32) -> Vec<f32> {
        self.bias.iter().zip(&self.scales).map(|(&b, s)| b as f32 * (s * step)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(weights: &[f32], bias: &[f32], step: f32) -> Rows {
        let shape = [bias.len(), weights.len() / bias.len()];
        Rows::quantize(&Tensor::new(&shape, weights.to_vec()).unwrap(), &Tensor::new(&[bias.len()], bias.to_vec()).unwrap(), step)
    }

    #[test]
    fn each_row_has_its_own_scale_and_the_bias_counts_in_steps_of_both() {
        let found = rows(&[127.0, -63.5, 0.5, 1.27, -1.27, 0.015], &[10.0, -0.5], 0.25);
        assert_eq!(found.weights, [127, -64, 0, 127, -127, 2]);
        assert_eq!(found.scales, [1.0, 0.01]);
        assert_eq!(found.bias, [40, -200]);
    }

    #[test]
    fn a_row_of_zeros_keeps_its_bias() {
        let found = rows(&[0.0, 0.0, 1e-30, -1e-30], &[3.0, -7.0], 0.01);
        assert_eq!(found.weights, [0; 4]);
        for (k, wanted) in [3.0, -7.0].into_iter().enumerate() {
            let bias = found.bias[k] as f32 * found.scales[k] * 0.01;
            assert!((bias - wanted).abs() < 1e-4, "{found:?}");
        }
        assert!(rows(&[0.0], &[0.0], 1.0).scales[0] > 0.0);
    }
}
