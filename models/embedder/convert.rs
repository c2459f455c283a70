//! dlib's face recognition network (`dlib_face_recognition_resnet_model_v1.dat`) in, an ONNX file out.
//!
//! Input `image`: [n, 3, 150, 150], R, G, B, as (pixel - mean) / 256 with the mean that the file names (the manifest
//! carries it). Output `embedding`: [n, 128], compared by L2 distance, raw. He et al. 2015 (arXiv 1512.03385), 29 layers.

use super::weights::{self, Layer, Network};
use crate::onnx::{Axis, Graph, Tensor, Wire};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;

/// The dlib file's bytes to the ONNX file. Fails where the network is not the one that the manifest entry describes.
pub fn resnet(file: &[u8]) -> Result<Vec<u8>> {
    let network = weights::read(file)?;
    ensure!(network.size == super::SIZE, "its input is {:?} instead of {:?}", network.size, super::SIZE);
    ensure!(network.mean == super::MEAN, "its mean is {:?} instead of {:?}", network.mean, super::MEAN);
    graph(network)
}

/// A result in the graph and its shape [channels, height, width].
#[derive(Clone)]
struct Picture {
    wire: Wire,
    shape: [usize; 3],
}

fn graph(network: Network) -> Result<Vec<u8>> {
    let mut graph = Graph::new("dlib-resnet", "dlib face recognition ResNet v1 (CC0). Input: RGB, (pixel - mean) / 256.");
    let [height, width] = network.size;
    let image = graph.input("image", &[Axis::Named("n"), Axis::Fixed(3), Axis::Fixed(height), Axis::Fixed(width)]);
    let mut net = Net { graph, named: BTreeMap::new(), marked: None };
    let mut x = Picture { wire: image, shape: [3, height, width] };
    let mut layers = network.layers.into_iter().peekable();
    while let Some(layer) = layers.next() {
        x = match layer {
            Layer::Conv { weights, bias, stride, pad } => {
                let affine = layers.next_if(|l| matches!(l, Layer::Affine { .. }));
                let (weights, bias) = match affine {
                    Some(Layer::Affine { scale, shift }) => fold(weights, bias, &scale, &shift)?,
                    _ => (weights, bias),
                };
                net.conv(&x, &weights, &bias, stride, pad)?
            }
            Layer::Affine { .. } => bail!("a scale that follows no convolution: not supported"),
            Layer::Relu => {
                let name = net.name("relu");
                Picture { wire: net.graph.relu(&name, &x.wire), ..x }
            }
            Layer::MaxPool { size, stride } => {
                let name = net.name("pool");
                let shape = window(x.shape, size, stride)?;
                Picture { wire: net.graph.max_pool(&name, &x.wire, size, stride, false), shape }
            }
            Layer::AveragePool { size, stride } => {
                let name = net.name("pool");
                let shape = window(x.shape, size, stride)?;
                Picture { wire: net.graph.average_pool(&name, &x.wire, size, stride), shape }
            }
            // Two marks in a row: the block's end is kept for the sum, its beginning is returned to.
            Layer::Mark if layers.next_if_eq(&Layer::Mark).is_some() => {
                net.marked.replace(x).context("returns to a mark that was never set")?
            }
            Layer::Mark => {
                net.marked = Some(x.clone());
                x
            }
            Layer::AddMarked => {
                let other = net.marked.take().context("adds a mark that was never set")?;
                net.add(x, other)
            }
            Layer::GlobalAverage => {
                let wire = net.graph.global_average_pool("average", &x.wire);
                Picture { wire: net.graph.flatten("flat", &wire), shape: [x.shape[0], 1, 1] }
            }
            Layer::Matrix { weights } => {
                ensure!(layers.peek().is_none(), "layers after the last matrix: not supported");
                ensure!(x.shape == [weights.shape[0], 1, 1], "a matrix of {:?} for {:?} values", weights.shape, x.shape);
                let length = weights.shape[1];
                ensure!(length == super::LENGTH, "an embedding of {length} numbers");
                let wire = net.graph.matmul("embedding", &x.wire, &weights);
                net.graph.output(&wire, &[Axis::Named("n"), Axis::Fixed(length)]);
                return Ok(net.graph.encode());
            }
        };
    }
    bail!("the network does not end in a matrix")
}

struct Net {
    graph: Graph,
    named: BTreeMap<&'static str, usize>,
    marked: Option<Picture>,
}

impl Net {
    fn name(&mut self, kind: &'static str) -> String {
        let count = self.named.entry(kind).or_default();
        *count += 1;
        format!("{kind}{count}")
    }

    fn conv(&mut self, x: &Picture, weights: &Tensor, bias: &Tensor, stride: usize, pad: usize) -> Result<Picture> {
        let [out, inputs, size] = [weights.shape[0], weights.shape[1], weights.shape[2]];
        ensure!(weights.shape[3] == size, "a filter that is not square: not supported");
        ensure!(inputs == x.shape[0], "a convolution of {inputs} channels meets {}", x.shape[0]);
        ensure!(pad <= size, "a border of {pad} around a window of {size}");
        let [_, height, width] = window(x.shape.map(|d| d + 2 * pad), size, stride)?;
        let name = self.name("conv");
        let wire = self.graph.padded_conv(&name, &x.wire, weights, bias, stride, pad);
        Ok(Picture { wire, shape: [out, height, width] })
    }

    /// dlib adds pictures of unlike shape as if zeros were appended to the smaller, channel, row and column wise.
    fn add(&mut self, a: Picture, b: Picture) -> Picture {
        let shape: [usize; 3] = std::array::from_fn(|i| a.shape[i].max(b.shape[i]));
        let mut grown = |x: Picture| {
            if x.shape == shape {
                return x.wire;
            }
            let name = self.name("grown");
            let missing: [usize; 3] = std::array::from_fn(|i| shape[i] - x.shape[i]);
            self.graph.append_zeros(&name, &x.wire, [0, missing[0], missing[1], missing[2]])
        };
        let (a, b) = (grown(a), grown(b));
        let name = self.name("sum");
        Picture { wire: self.graph.add(&name, &a, &b), shape }
    }
}

/// Shape after a window passes over a picture without border.
fn window([channels, height, width]: [usize; 3], size: usize, stride: usize) -> Result<[usize; 3]> {
    ensure!(size >= 1 && size <= height && size <= width, "a window of {size} on a picture of {height} x {width}");
    Ok([channels, (height - size) / stride + 1, (width - size) / stride + 1])
}

/// (w * x + b) * scale + shift is one convolution with weights w * scale and bias b * scale + shift.
fn fold(mut weights: Tensor, mut bias: Tensor, scale: &Tensor, shift: &Tensor) -> Result<(Tensor, Tensor)> {
    let channels = bias.values.len();
    ensure!(channels > 0 && scale.values.len() == channels, "{} scales for {channels} channels", scale.values.len());
    let each = weights.values.len() / channels;
    for (filter, &factor) in weights.values.chunks_exact_mut(each.max(1)).zip(&scale.values) {
        filter.iter_mut().for_each(|w| *w = (f64::from(*w) * f64::from(factor)) as f32);
    }
    for ((b, &factor), &offset) in bias.values.iter_mut().zip(&scale.values).zip(&shift.values) {
        *b = (f64::from(*b) * f64::from(factor) + f64::from(offset)) as f32;
    }
    Ok((weights, bias))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ones(shape: &[usize]) -> Tensor {
        Tensor::new(shape, vec![1.0; shape.iter().product()]).unwrap()
    }

    fn conv(channels: usize, inputs: usize, size: usize) -> Layer {
        Layer::Conv { weights: ones(&[channels, inputs, size, size]), bias: ones(&[channels]), stride: 1, pad: 0 }
    }

    fn network(layers: Vec<Layer>) -> Network {
        Network { mean: super::super::MEAN, size: super::super::SIZE, layers }
    }

    #[test]
    fn a_scale_is_folded_into_the_convolution_before_it() {
        let weights = Tensor::new(&[2, 1, 1, 1], vec![1.0, 2.0]).unwrap();
        let scale = Tensor::new(&[2], vec![10.0, 100.0]).unwrap();
        let (weights, bias) = fold(weights, ones(&[2]), &scale, &ones(&[2])).unwrap();
        assert_eq!((weights.values, bias.values), (vec![10.0, 200.0], vec![11.0, 101.0]));
    }

    #[test]
    fn layers_that_cannot_follow_each_other_are_refused() {
        for (layers, reason) in [
            (vec![conv(4, 1, 1)], "meets 3"),
            (vec![conv(4, 3, 200)], "a window of 200"),
            (vec![Layer::Affine { scale: ones(&[3]), shift: ones(&[3]) }], "follows no convolution"),
            (vec![Layer::AddMarked], "never set"),
            (vec![Layer::Mark, Layer::Mark], "never set"),
            (vec![Layer::Relu], "does not end in a matrix"),
            (vec![Layer::Matrix { weights: ones(&[3, 128]) }], "for [3, 150, 150]"),
        ] {
            let error = format!("{:#}", graph(network(layers)).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
