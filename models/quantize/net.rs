//! A float ONNX file in; out, what a quantizer must know of it: which results become bytes and which layers read them.
//!
//! A *point* is a result that becomes bytes (QuantizeLinear, DequantizeLinear). Between a convolution and what an engine
//! computes together with it (padding and sum of a residual block, PRelu or Relu) there is none. Pooling, padding and
//! the pixel shuffle of a point give a point *like* it, with the same scale and zero point. A network's last layers are no
//! points: their numbers stay floats.

use super::equalise::Link;
use crate::onnx::Tensor;
use anyhow::{Context, Result, ensure};
use prost::Message;
use std::collections::BTreeMap;
use tract_onnx::pb::{self, tensor_proto::DataType};

/// A network of floats and its weights by name.
#[derive(Clone)]
pub struct Net {
    /// The file; weights are in it too.
    pub model: pb::ModelProto,
    /// Every initializer of 32-bit floats, as it now is.
    pub weights: BTreeMap<String, Tensor>,
    /// The one input.
    pub input: String,
}

/// A result that becomes bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// The result's name.
    pub name: String,
    /// The point whose scale and zero point it has; its own name where it has its own.
    pub like: String,
}

/// A convolution or dense layer that can compute with bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Its name and its result's.
    pub name: String,
    /// The point that it reads.
    pub reads: String,
    /// Its weights, [out, ...].
    pub weight: String,
    /// Its bias, [out].
    pub bias: String,
}

impl Net {
    /// Reads a file of one input. Layers without a bias get one of zeros: a quantized layer has one.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let mut model = pb::ModelProto::decode(bytes).context("not an ONNX file")?;
        let graph = model.graph.as_mut().context("an ONNX file without a graph")?;
        let mut weights = BTreeMap::new();
        for tensor in graph.initializer.iter().filter(|t| t.data_type == DataType::Float as i32) {
            weights.insert(tensor.name.clone(), floats(tensor)?);
        }
        let inputs: Vec<&str> = graph.input.iter().map(|i| i.name.as_str()).filter(|n| !weights.contains_key(*n)).collect();
        ensure!(inputs.len() == 1, "{} inputs where one picture is needed", inputs.len());
        let input = inputs[0].to_string();
        for node in graph.node.iter_mut().filter(|n| is_layer(n) && n.input.len() == 2) {
            let rows = weights.get(&node.input[1]).map_or(0, |w| w.shape[0]);
            node.input.push(format!("{}.bias", node.output[0]));
            weights.insert(node.input[2].clone(), Tensor { shape: vec![rows], values: vec![0.0; rows] });
        }
        let mut net = Self { model, weights, input };
        net.activate_first();
        Ok(net)
    }

    /// Where an activation follows max pooling or the pixel shuffle, it goes before it: the answer is the same, and the layer
    /// before computes both.
    fn activate_first(&mut self) {
        for place in 0..self.nodes().len() {
            let name = self.nodes()[place].output[0].clone();
            let alone = matches!(self.readers(&name)[..], [n] if is_slope(n)) && !self.is_output(&name);
            if !alone || !matches!(self.nodes()[place].op_type.as_str(), "MaxPool" | "DepthToSpace") {
                continue;
            }
            let Some(graph) = &mut self.model.graph else { return };
            let Some(behind) = graph.node.iter().position(|n| n.input[0] == name) else { return };
            let Ok([before, behind]) = graph.node.get_disjoint_mut([place, behind]) else { return };
            std::mem::swap(&mut before.op_type, &mut behind.op_type);
            std::mem::swap(&mut before.attribute, &mut behind.attribute);
        }
    }

    /// The nodes in the file's order, which is an order of computation.
    pub fn nodes(&self) -> &[pb::NodeProto] {
        self.model.graph.as_ref().map_or(&[], |g| &g.node)
    }

    /// Names of the results that the file gives.
    pub fn outputs(&self) -> Vec<String> {
        self.model.graph.iter().flat_map(|g| &g.output).map(|o| o.name.clone()).collect()
    }

    /// The results that become bytes, the input first, in the order of computation.
    pub fn points(&self) -> Vec<Point> {
        let own = |name: &str| Point { name: name.into(), like: name.into() };
        let mut points = vec![own(&self.input)];
        for node in self.nodes() {
            let name = node.output[0].as_str();
            if self.is_output(name) {
                continue;
            }
            let like = points.iter().find(|p| Some(&p.name) == node.input.first()).map(|p| p.like.clone());
            let point = match (node.op_type.as_str(), like) {
                ("Relu" | "LeakyRelu" | "PRelu", _) => Some(own(name)),
                ("MaxPool" | "AveragePool" | "Pad" | "DepthToSpace", Some(like)) => Some(Point { name: name.into(), like }),
                ("Add", _) => (!self.is_activated(name)).then(|| own(name)),
                ("Conv" | "Gemm", _) => {
                    let together = self.is_activated(name) || self.is_carried(name) || self.is_last(name);
                    (!together).then(|| own(name))
                }
                _ => None,
            };
            points.extend(point);
        }
        points
    }

    /// The layers that read a point (or a point laid flat) and whose weights are constant.
    pub fn layers(&self) -> Vec<Layer> {
        let points = self.points();
        let mut layers = Vec::new();
        for node in self.nodes().iter().filter(|n| is_layer(n) && n.input.iter().skip(1).all(|i| self.weights.contains_key(i))) {
            let mut reads = &node.input[0];
            while let Some(flat) = self.nodes().iter().find(|n| n.op_type == "Flatten" && n.output[0] == *reads) {
                reads = &flat.input[0];
            }
            if points.iter().any(|p| p.name == *reads) {
                let [name, weight, bias] = [&node.output[0], &node.input[1], &node.input[2]].map(String::clone);
                layers.push(Layer { name, reads: reads.clone(), weight, bias });
            }
        }
        layers
    }

    /// The layers around a point's channels, where nothing else makes or reads them: the layer, its activation, pools.
    pub fn link(&self, point: &str) -> Option<Link> {
        let layers = self.layers();
        let activation = self.nodes().iter().find(|n| n.output[0] == point)?;
        let from = layers.iter().find(|l| l.name == activation.input[0] && self.is_activated(&l.name))?;
        let channels = self.weights.get(&from.bias)?.values.len();
        let (mut to, mut rest) = (Vec::new(), vec![point.to_string()]);
        while let Some(name) = rest.pop() {
            for node in self.readers(&name) {
                let layer = layers.iter().find(|l| l.name == node.output[0]);
                match (node.op_type.as_str(), layer) {
                    ("MaxPool" | "AveragePool" | "Flatten", _) => rest.push(node.output[0].clone()),
                    (_, Some(layer)) if self.reads_all(layer, channels) => to.push(layer.clone()),
                    _ => return None,
                }
            }
            if self.is_output(&name) {
                return None;
            }
        }
        Some(Link { from: from.clone(), to })
    }

    /// Whether a layer's columns are of so many channels.
    fn reads_all(&self, layer: &Layer, channels: usize) -> bool {
        let shape = &self.weights[&layer.weight].shape;
        if shape.len() == 2 { shape[1].is_multiple_of(channels) } else { shape[1] == channels }
    }

    /// The result whose numbers decide the range of a point: what max pooling drops needs no place in it.
    pub fn measured<'n>(&'n self, point: &'n str) -> &'n str {
        match self.readers(point)[..] {
            [pool] if pool.op_type == "MaxPool" && !self.is_output(point) => self.measured(&pool.output[0]),
            _ => point,
        }
    }

    /// The results whose numbers are compared: the last layers' before any softmax.
    pub fn ends(&self) -> Vec<String> {
        let mut ends = Vec::new();
        for output in self.outputs() {
            let softmax = self.nodes().iter().find(|n| n.output[0] == output && n.op_type == "Softmax");
            ends.push(softmax.map_or(output, |n| n.input[0].clone()));
        }
        ends
    }

    /// Where a layer's rows are laid on what it reads.
    pub fn window(&self, layer: &Layer) -> Result<Window> {
        let node = self.nodes().iter().find(|n| n.output[0] == layer.name).context("a layer without a node")?;
        let shape = &self.weights[&layer.weight].shape;
        let list = |name: &str, least: usize, other: usize| -> Vec<usize> {
            let found = node.attribute.iter().find(|a| a.name == name && a.ints.len() >= least);
            found.map_or(vec![other; least], |a| a.ints.iter().map(|&i| i as usize).collect())
        };
        let (stride, apart, pads) = (list("strides", 2, 1), list("dilations", 2, 1), list("pads", 4, 0));
        let size = if shape.len() == 4 { Some([shape[2], shape[3]]) } else { None };
        let pads = [[pads[0], pads[2]], [pads[1], pads[3]]];
        Ok(Window { size, stride: [stride[0], stride[1]], apart: [apart[0], apart[1]], pads })
    }

    /// Changes the weights of the layers that read the input so that the network takes `(byte - to.mean) * to.scale`
    /// where it took `(byte - from.mean) * from.scale`. Exact, for these layers have no padding.
    pub fn take_other_input(&mut self, from: Scaling, to: Scaling) -> Result<()> {
        let layers: Vec<pb::NodeProto> = self.readers(&self.input).into_iter().cloned().collect();
        for node in layers {
            let padded = node.attribute.iter().any(|a| a.name == "pads" && a.ints.iter().any(|&p| p != 0));
            ensure!(
                node.op_type == "Conv" && !padded,
                "`{}` reads the picture: only convolutions without padding may",
                node.name
            );
            let weight = self.weights.get_mut(&node.input[1]).context("weights that are not constant")?;
            let [rows, channels] = [weight.shape[0], weight.shape[1]];
            ensure!(channels == 3, "`{}` reads {channels} channels", node.name);
            let filter = weight.values.len() / rows.max(1);
            let mut shifts = vec![0f64; rows];
            for (row, shift) in weight.values.chunks_exact_mut(filter).zip(&mut shifts) {
                for (channel, plane) in row.chunks_exact_mut(filter / 3).enumerate() {
                    let sum: f64 = plane.iter().map(|&w| f64::from(w)).sum();
                    *shift += sum * f64::from(to.mean[channel] - from.mean[channel]) * f64::from(from.scale);
                    let factor = f64::from(from.scale) / f64::from(to.scale);
                    plane.iter_mut().for_each(|w| *w = (f64::from(*w) * factor) as f32);
                }
            }
            let bias = self.weights.get_mut(&node.input[2]).context("a bias that is not constant")?;
            bias.values.iter_mut().zip(shifts).for_each(|(b, s)| *b = (f64::from(*b) + s) as f32);
        }
        Ok(())
    }

    /// Whether the only reader is an activation, perhaps of the numbers folded to a picture.
    fn is_activated(&self, name: &str) -> bool {
        match self.readers(name)[..] {
            [fold] if fold.op_type == "Reshape" => self.is_activated(&fold.output[0]),
            [n] => matches!(n.op_type.as_str(), "Relu" | "LeakyRelu" | "PRelu"),
            _ => false,
        }
    }

    /// Whether the result goes into a sum straight from its layer: of a sum's layers the one computed last.
    fn is_carried(&self, name: &str) -> bool {
        let side = match self.readers(name)[..] {
            [pad] if pad.op_type == "Pad" => &pad.output[0],
            _ => name,
        };
        let [sum] = self.readers(side)[..] else { return false };
        let place = |name: &str| self.nodes().iter().position(|n| n.output[0] == name);
        let later = |other: &String| self.layer_behind(other).is_some_and(|n| place(&n.output[0]) > place(name));
        sum.op_type == "Add" && !sum.input.iter().filter(|i| *i != side).any(later)
    }

    /// The layer whose result, perhaps padded, this is.
    fn layer_behind(&self, name: &str) -> Option<&pb::NodeProto> {
        let node = self.nodes().iter().find(|n| n.output[0] == name)?;
        match node.op_type.as_str() {
            "Pad" => self.layer_behind(&node.input[0]),
            "Conv" | "Gemm" => Some(node),
            _ => None,
        }
    }

    /// Whether nothing reads it but what is left to floats at a network's end.
    fn is_last(&self, name: &str) -> bool {
        let ends = |n: &&pb::NodeProto| match n.op_type.as_str() {
            "Softmax" => true,
            "DepthToSpace" | "Sigmoid" => self.is_last(&n.output[0]),
            _ => false,
        };
        self.readers(name).iter().all(ends)
    }

    fn is_output(&self, name: &str) -> bool {
        self.outputs().iter().any(|o| o == name)
    }

    fn readers(&self, name: &str) -> Vec<&pb::NodeProto> {
        self.nodes().iter().filter(|n| n.input.iter().any(|i| i == name)).collect()
    }
}

/// Which part of a picture a layer's row is laid on.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// Height and width; none for a dense layer, which reads all at once.
    size: Option<[usize; 2]>,
    stride: [usize; 2],
    apart: [usize; 2],
    /// Zeros before and behind.
    pads: [[usize; 2]; 2],
}

impl Window {
    /// Height and width of what comes out; `shape`: of what goes in, [n, channels, height, width].
    pub fn output(&self, shape: &[usize]) -> [usize; 2] {
        let Some(size) = self.size else { return [1, 1] };
        std::array::from_fn(|k| {
            let [before, behind] = self.pads[k];
            (shape[k + 2] + before + behind - (size[k] - 1) * self.apart[k] - 1) / self.stride[k] + 1
        })
    }

    /// Appends the numbers of one picture that a row is laid on for that place of the output, in the order of its weights.
    pub fn unfold(&self, picture: &[f32], shape: &[usize], place: [usize; 2], to: &mut Vec<f32>) {
        let Some([height, width]) = self.size else { return to.extend(picture) };
        let from = |k: usize, step: usize| (place[k] * self.stride[k] + step * self.apart[k]).checked_sub(self.pads[k][0]);
        for plane in picture.chunks_exact(shape[2] * shape[3]) {
            for y in (0..height).map(|step| from(0, step).filter(|&y| y < shape[2])) {
                for x in (0..width).map(|step| from(1, step).filter(|&x| x < shape[3])) {
                    to.push(y.zip(x).map_or(0.0, |(y, x)| plane[y * shape[3] + x]));
                }
            }
        }
    }
}

/// How bytes become numbers: `(byte - mean) * scale`.
#[derive(Clone, Copy, Debug)]
pub struct Scaling {
    /// Per channel.
    pub mean: [f32; 3],
    /// Common factor.
    pub scale: f32,
}

/// An activation that max pooling and the pixel shuffle let through: one that grows, the same for all channels.
fn is_slope(node: &pb::NodeProto) -> bool {
    match node.op_type.as_str() {
        "Relu" => true,
        "LeakyRelu" => node.attribute.iter().all(|a| a.name != "alpha" || a.f >= 0.0),
        _ => false,
    }
}

fn is_layer(node: &pb::NodeProto) -> bool {
    let plain = |name: &str| node.attribute.iter().find(|a| a.name == name);
    match node.op_type.as_str() {
        "Conv" => plain("group").is_none_or(|a| a.i == 1) && plain("auto_pad").is_none_or(|a| a.s == b"NOTSET"),
        "Gemm" => {
            plain("transB").is_some_and(|a| a.i == 1)
                && plain("transA").is_none_or(|a| a.i == 0)
                && ["alpha", "beta"].iter().all(|n| plain(n).is_none_or(|a| a.f == 1.0))
        }
        _ => false,
    }
}

fn floats(tensor: &pb::TensorProto) -> Result<Tensor> {
    let shape: Vec<usize> = tensor.dims.iter().map(|&d| d as usize).collect();
    let values = match tensor.raw_data.len() {
        0 => tensor.float_data.clone(),
        _ => tensor.raw_data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
    };
    Tensor::new(&shape, values).with_context(|| format!("tensor `{}`", tensor.name))
}
