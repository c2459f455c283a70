//! Layers with their weights in, the bytes of an ONNX file out (opset 13, 32-bit floats, axes NCHW).
//!
//! The same calls give the same bytes. A layer's name is also the name of its result, so a network's outputs are called
//! as its last layers are. Public so that owners and tests can write networks of their own with it.

use anyhow::{Result, ensure};
use prost::Message;
use tract_onnx::pb;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension::Value as DimensionValue};

/// A result inside the graph, to be handed to the next layer.
#[derive(Clone, Debug)]
pub struct Wire(String);

/// One axis of an input or output.
#[derive(Clone, Copy, Debug)]
pub enum Axis {
    /// Always this many.
    Fixed(usize),
    /// Free, under a name: axes of the same name have the same length (`n` is the batch).
    Named(&'static str),
    /// Free, and follows from the input.
    Any,
}

/// Weights: numbers in row-major order with their shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Lengths of the axes, outermost first.
    pub shape: Vec<usize>,
    /// As many numbers as the shape says.
    pub values: Vec<f32>,
}

impl Tensor {
    /// Fails where the shape does not hold as many numbers as there are.
    pub fn new(shape: &[usize], values: Vec<f32>) -> Result<Self> {
        let count = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        ensure!(count == Some(values.len()), "{} numbers do not fill the shape {shape:?}", values.len());
        Ok(Self { shape: shape.to_vec(), values })
    }

    /// The same numbers in another shape.
    pub fn reshaped(self, shape: &[usize]) -> Result<Self> {
        Self::new(shape, self.values)
    }
}

/// A network under construction.
pub struct Graph {
    proto: pb::GraphProto,
}

impl Graph {
    /// An empty network of that name; `notes` become the file's description: say shapes, ranges and order there.
    pub fn new(name: &str, notes: &str) -> Self {
        Self { proto: pb::GraphProto { name: name.into(), doc_string: notes.into(), ..Default::default() } }
    }

    /// Declares an input of 32-bit floats.
    pub fn input(&mut self, name: &str, axes: &[Axis]) -> Wire {
        self.proto.input.push(value_info(name, axes));
        Wire(name.into())
    }

    /// Declares a layer's result as an output, under the layer's name.
    pub fn output(&mut self, wire: &Wire, axes: &[Axis]) {
        self.proto.output.push(value_info(&wire.0, axes));
    }

    /// Convolution without padding. `weights`: [out, in, height, width]; `bias`: [out].
    pub fn conv(&mut self, name: &str, x: &Wire, weights: &Tensor, bias: &Tensor, stride: usize) -> Wire {
        self.padded_conv(name, x, weights, bias, stride, 0)
    }

    /// Convolution with `pad` zeros on every side.
    pub fn padded_conv(&mut self, name: &str, x: &Wire, weights: &Tensor, bias: &Tensor, stride: usize, pad: usize) -> Wire {
        let kernel: Vec<usize> = weights.shape.iter().skip(2).copied().collect();
        let inputs = [x.0.clone(), self.floats(&format!("{name}.weight"), weights), self.floats(&format!("{name}.bias"), bias)];
        let attributes = vec![ints("kernel_shape", &kernel), ints("strides", &[stride; 2]), ints("pads", &[pad; 4])];
        self.node("Conv", name, inputs.to_vec(), attributes)
    }

    /// x where positive, else slope * x. `slope`: one per channel, shaped [channels, 1, 1] for pictures and [channels] for rows.
    pub fn prelu(&mut self, name: &str, x: &Wire, slope: &Tensor) -> Wire {
        let inputs = vec![x.0.clone(), self.floats(&format!("{name}.slope"), slope)];
        self.node("PRelu", name, inputs, vec![])
    }

    /// max(x, 0).
    pub fn relu(&mut self, name: &str, x: &Wire) -> Wire {
        self.node("Relu", name, vec![x.0.clone()], vec![])
    }

    /// x where positive, else `slope` * x.
    pub fn leaky_relu(&mut self, name: &str, x: &Wire, slope: f32) -> Wire {
        self.node("LeakyRelu", name, vec![x.0.clone()], vec![float("alpha", slope)])
    }

    /// 1 / (1 + exp(-x)).
    pub fn sigmoid(&mut self, name: &str, x: &Wire) -> Wire {
        self.node("Sigmoid", name, vec![x.0.clone()], vec![])
    }

    /// [n, 4 c, h, w] to [n, c, 2 h, 2 w]: four channels beside each other become 2 x 2 pixels, row by row.
    pub fn pixel_shuffle(&mut self, name: &str, x: &Wire) -> Wire {
        self.node("DepthToSpace", name, vec![x.0.clone()], vec![int("blocksize", 2), text("mode", "CRD")])
    }

    /// [n, numbers] to [n, c, h, w].
    pub fn fold(&mut self, name: &str, x: &Wire, shape: [usize; 3]) -> Wire {
        let shape_name = format!("{name}.shape");
        let lengths = [0].iter().chain(&shape).map(|&n| n as i64);
        self.integers(&shape_name, lengths.collect());
        self.node("Reshape", name, vec![x.0.clone(), shape_name], vec![])
    }

    /// Largest of each window. With `ceil`, windows that begin inside the picture and reach beyond it count too.
    pub fn max_pool(&mut self, name: &str, x: &Wire, size: usize, stride: usize, ceil: bool) -> Wire {
        let attributes = vec![ints("kernel_shape", &[size; 2]), ints("strides", &[stride; 2]), int("ceil_mode", i64::from(ceil))];
        self.node("MaxPool", name, vec![x.0.clone()], attributes)
    }

    /// Mean of each window.
    pub fn average_pool(&mut self, name: &str, x: &Wire, size: usize, stride: usize) -> Wire {
        let attributes = vec![ints("kernel_shape", &[size; 2]), ints("strides", &[stride; 2])];
        self.node("AveragePool", name, vec![x.0.clone()], attributes)
    }

    /// Mean over height and width: [n, c, h, w] to [n, c, 1, 1].
    pub fn global_average_pool(&mut self, name: &str, x: &Wire) -> Wire {
        self.node("GlobalAveragePool", name, vec![x.0.clone()], vec![])
    }

    /// Appends `after` zeros to each of the four axes.
    pub fn append_zeros(&mut self, name: &str, x: &Wire, after: [usize; 4]) -> Wire {
        let pads_name = format!("{name}.pads");
        self.integers(&pads_name, [0; 4].iter().chain(&after).map(|&n| n as i64).collect());
        self.node("Pad", name, vec![x.0.clone(), pads_name], vec![])
    }

    /// a + b, of the same shape.
    pub fn add(&mut self, name: &str, a: &Wire, b: &Wire) -> Wire {
        self.node("Add", name, vec![a.0.clone(), b.0.clone()], vec![])
    }

    /// [n, c, h, w] to [n, c * h * w], w innermost.
    pub fn flatten(&mut self, name: &str, x: &Wire) -> Wire {
        self.node("Flatten", name, vec![x.0.clone()], vec![int("axis", 1)])
    }

    /// Fully connected layer. `weights`: [out, in]; `bias`: [out].
    pub fn dense(&mut self, name: &str, x: &Wire, weights: &Tensor, bias: &Tensor) -> Wire {
        let inputs =
            vec![x.0.clone(), self.floats(&format!("{name}.weight"), weights), self.floats(&format!("{name}.bias"), bias)];
        self.node("Gemm", name, inputs, vec![int("transB", 1)])
    }

    /// Matrix product without bias. `weights`: [in, out].
    pub fn matmul(&mut self, name: &str, x: &Wire, weights: &Tensor) -> Wire {
        let inputs = vec![x.0.clone(), self.floats(&format!("{name}.weight"), weights)];
        self.node("MatMul", name, inputs, vec![])
    }

    /// Softmax over axis 1.
    pub fn softmax(&mut self, name: &str, x: &Wire) -> Wire {
        self.node("Softmax", name, vec![x.0.clone()], vec![int("axis", 1)])
    }

    /// The file's bytes.
    pub fn encode(self) -> Vec<u8> {
        let model = pb::ModelProto {
            ir_version: pb::Version::IrVersion202058 as i64,
            producer_name: "lookalike-models".into(),
            opset_import: vec![pb::OperatorSetIdProto { domain: String::new(), version: 13 }],
            graph: Some(self.proto),
            ..Default::default()
        };
        model.encode_to_vec()
    }

    fn integers(&mut self, name: &str, numbers: Vec<i64>) {
        self.proto.initializer.push(pb::TensorProto {
            name: name.into(),
            dims: vec![numbers.len() as i64],
            data_type: pb::tensor_proto::DataType::Int64 as i32,
            raw_data: numbers.iter().flat_map(|n| n.to_le_bytes()).collect(),
            ..Default::default()
        });
    }

    fn floats(&mut self, name: &str, tensor: &Tensor) -> String {
        self.proto.initializer.push(pb::TensorProto {
            name: name.into(),
            dims: tensor.shape.iter().map(|&d| d as i64).collect(),
            data_type: pb::tensor_proto::DataType::Float as i32,
            raw_data: tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            ..Default::default()
        });
        name.into()
    }

    fn node(&mut self, operator: &str, name: &str, input: Vec<String>, attribute: Vec<pb::AttributeProto>) -> Wire {
        self.proto.node.push(pb::NodeProto {
            name: name.into(),
            op_type: operator.into(),
            output: vec![name.into()],
            input,
            attribute,
            ..Default::default()
        });
        Wire(name.into())
    }
}

fn value_info(name: &str, axes: &[Axis]) -> pb::ValueInfoProto {
    let dim = axes
        .iter()
        .map(|axis| {
            let value = match axis {
                Axis::Fixed(length) => Some(DimensionValue::DimValue(*length as i64)),
                Axis::Named(symbol) => Some(DimensionValue::DimParam((*symbol).into())),
                Axis::Any => None,
            };
            Dimension { value, ..Default::default() }
        })
        .collect();
    let tensor =
        pb::type_proto::Tensor { elem_type: pb::tensor_proto::DataType::Float as i32, shape: Some(pb::TensorShapeProto { dim }) };
    pb::ValueInfoProto {
        name: name.into(),
        r#type: Some(pb::TypeProto { value: Some(pb::type_proto::Value::TensorType(tensor)), ..Default::default() }),
        ..Default::default()
    }
}

fn int(name: &str, i: i64) -> pb::AttributeProto {
    let kind = pb::attribute_proto::AttributeType::Int as i32;
    pb::AttributeProto { name: name.into(), r#type: kind, i, ..Default::default() }
}

fn float(name: &str, f: f32) -> pb::AttributeProto {
    let kind = pb::attribute_proto::AttributeType::Float as i32;
    pb::AttributeProto { name: name.into(), r#type: kind, f, ..Default::default() }
}

fn text(name: &str, s: &str) -> pb::AttributeProto {
    let kind = pb::attribute_proto::AttributeType::String as i32;
    pb::AttributeProto { name: name.into(), r#type: kind, s: s.into(), ..Default::default() }
}

fn ints(name: &str, values: &[usize]) -> pb::AttributeProto {
    let kind = pb::attribute_proto::AttributeType::Ints as i32;
    pb::AttributeProto { name: name.into(), r#type: kind, ints: values.iter().map(|&v| v as i64).collect(), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_do_not_fill_their_shape_are_refused() {
        assert!(Tensor::new(&[2, 3], vec![0.0; 5]).is_err());
        assert!(Tensor::new(&[usize::MAX, 2], vec![]).is_err());
    }

    #[test]
    fn the_same_layers_give_the_same_bytes() {
        let build = || {
            let mut g = Graph::new("twice", "");
            let x = g.input("image", &[Axis::Named("n"), Axis::Fixed(1), Axis::Any, Axis::Any]);
            let weights = Tensor::new(&[1, 1, 1, 1], vec![2.0]).unwrap();
            let y = g.conv("y", &x, &weights, &Tensor::new(&[1], vec![0.5]).unwrap(), 1);
            g.output(&y, &[Axis::Named("n"), Axis::Fixed(1), Axis::Any, Axis::Any]);
            g.encode()
        };
        assert_eq!(build(), build());
    }
}
