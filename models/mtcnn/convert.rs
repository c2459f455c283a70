//! The weights of facenet-pytorch's three nets in, ONNX files out.
//!
//! All take `image`: [n, 3, h, w], R, G, B, as (pixel - 127.5) * 0.0078125. P-Net's height and width are free (12 or more);
//! R-Net sees 24 x 24 and O-Net 48 x 48. Outputs:
//! - `probability`: [n, 2], P-Net [n, 2, h', w']: the chance of "no face" and of "face", together 1.
//! - `boxes`: [n, 4], P-Net [n, 4, h', w']: how far x1, y1, x2, y2 lie from the window's, as fractions of its width and height.
//! - `landmarks`: O-Net only, [n, 10]: five x, then five y, as fractions of the window: eye, eye, nose, mouth corner, mouth
//!   corner; the left of the picture first.
//!
//! Architecture: Zhang et al. 2016, arXiv 1604.02878, as facenet-pytorch 2.6.0 has it.

use super::weights::{self, Weights};
use crate::onnx::{Axis, Graph, Tensor, Wire};
use anyhow::Result;

/// P-Net's weights to its ONNX file.
pub fn pnet(file: &[u8]) -> Result<Vec<u8>> {
    convert("pnet", file, |net| {
        let x = net.input([Axis::Named("h"), Axis::Named("w")]);
        let x = net.conv(1, &x, [10, 3, 3])?;
        let x = net.graph.max_pool("pool1", &x, 2, 2, true);
        let x = net.conv(2, &x, [16, 10, 3])?;
        let x = net.conv(3, &x, [32, 16, 3])?;
        let face = net.head("conv4_1", "face", &x, &[2, 32, 1, 1])?;
        let face = net.graph.softmax("probability", &face);
        let boxes = net.head("conv4_2", "boxes", &x, &[4, 32, 1, 1])?;
        net.graph.output(&face, &[Axis::Named("n"), Axis::Fixed(2), Axis::Any, Axis::Any]);
        net.graph.output(&boxes, &[Axis::Named("n"), Axis::Fixed(4), Axis::Any, Axis::Any]);
        Ok(())
    })
}

/// R-Net's weights to its ONNX file.
pub fn rnet(file: &[u8]) -> Result<Vec<u8>> {
    convert("rnet", file, |net| {
        let x = net.input([Axis::Fixed(24), Axis::Fixed(24)]);
        let x = net.conv(1, &x, [28, 3, 3])?;
        let x = net.graph.max_pool("pool1", &x, 3, 2, true);
        let x = net.conv(2, &x, [48, 28, 3])?;
        let x = net.graph.max_pool("pool2", &x, 3, 2, true);
        let x = net.conv(3, &x, [64, 48, 2])?;
        let x = net.dense(4, &x, 128, [64, 3, 3])?;
        let face = net.head("dense5_1", "face", &x, &[2, 128])?;
        let face = net.graph.softmax("probability", &face);
        let boxes = net.head("dense5_2", "boxes", &x, &[4, 128])?;
        net.graph.output(&face, &[Axis::Named("n"), Axis::Fixed(2)]);
        net.graph.output(&boxes, &[Axis::Named("n"), Axis::Fixed(4)]);
        Ok(())
    })
}

/// O-Net's weights to its ONNX file.
pub fn onet(file: &[u8]) -> Result<Vec<u8>> {
    convert("onet", file, |net| {
        let x = net.input([Axis::Fixed(48), Axis::Fixed(48)]);
        let x = net.conv(1, &x, [32, 3, 3])?;
        let x = net.graph.max_pool("pool1", &x, 3, 2, true);
        let x = net.conv(2, &x, [64, 32, 3])?;
        let x = net.graph.max_pool("pool2", &x, 3, 2, true);
        let x = net.conv(3, &x, [64, 64, 3])?;
        let x = net.graph.max_pool("pool3", &x, 2, 2, true);
        let x = net.conv(4, &x, [128, 64, 2])?;
        let x = net.dense(5, &x, 256, [128, 3, 3])?;
        let face = net.head("dense6_1", "face", &x, &[2, 256])?;
        let face = net.graph.softmax("probability", &face);
        let boxes = net.head("dense6_2", "boxes", &x, &[4, 256])?;
        let landmarks = net.head("dense6_3", "landmarks", &x, &[10, 256])?;
        net.graph.output(&face, &[Axis::Named("n"), Axis::Fixed(2)]);
        net.graph.output(&boxes, &[Axis::Named("n"), Axis::Fixed(4)]);
        net.graph.output(&landmarks, &[Axis::Named("n"), Axis::Fixed(10)]);
        Ok(())
    })
}

/// A graph under construction and the weights that are not yet in it.
struct Net {
    graph: Graph,
    weights: Weights,
}

fn convert(name: &str, file: &[u8], build: impl FnOnce(&mut Net) -> Result<()>) -> Result<Vec<u8>> {
    let notes = "MT-CNN, weights of facenet-pytorch 2.6.0 (MIT). Input: RGB, (pixel - 127.5) * 0.0078125.";
    let mut net = Net { graph: Graph::new(&format!("mtcnn-{name}"), notes), weights: weights::read(file)? };
    build(&mut net)?;
    net.weights.finish()?;
    Ok(net.graph.encode())
}

impl Net {
    fn input(&mut self, size: [Axis; 2]) -> Wire {
        self.graph.input("image", &[Axis::Named("n"), Axis::Fixed(3), size[0], size[1]])
    }

    /// Convolution `conv{number}` and its `prelu{number}`; shape: [out, in, kernel].
    fn conv(&mut self, number: usize, x: &Wire, [channels, inputs, size]: [usize; 3]) -> Result<Wire> {
        let name = format!("conv{number}");
        let x = self.head(&name, &name, x, &[channels, inputs, size, size])?;
        self.prelu(number, &x, channels, &[channels, 1, 1])
    }

    /// Dense layer `dense{number}` over a [c, h, w] picture and its `prelu{number}`.
    fn dense(&mut self, number: usize, x: &Wire, rows: usize, picture: [usize; 3]) -> Result<Wire> {
        let name = format!("dense{number}");
        let columns = picture.iter().product();
        let weights = self.weights.take(&format!("{name}.weight"), &[rows, columns])?;
        let bias = self.weights.take(&format!("{name}.bias"), &[rows])?;
        let flat = self.graph.flatten(&format!("flat{number}"), x);
        let x = self.graph.dense(&name, &flat, &columns_as_chw(&weights, picture)?, &bias);
        self.prelu(number, &x, rows, &[rows])
    }

    /// A convolution or dense layer, by its weights' rank, without activation.
    fn head(&mut self, name: &str, result: &str, x: &Wire, shape: &[usize]) -> Result<Wire> {
        let weights = self.weights.take(&format!("{name}.weight"), shape)?;
        let bias = self.weights.take(&format!("{name}.bias"), &shape[..1])?;
        Ok(match shape.len() {
            4 => self.graph.conv(result, x, &weights, &bias, 1),
            _ => self.graph.dense(result, x, &weights, &bias),
        })
    }

    fn prelu(&mut self, number: usize, x: &Wire, channels: usize, shape: &[usize]) -> Result<Wire> {
        let name = format!("prelu{number}");
        let slope = self.weights.take(&format!("{name}.weight"), &[channels])?.reshaped(shape)?;
        Ok(self.graph.prelu(&name, x, &slope))
    }
}

/// facenet-pytorch flattens pictures as width, height, channel (Caffe for MATLAB did); the graph flattens as channel,
/// height, width. So that it needs no transposition, the columns change places here.
fn columns_as_chw(weights: &Tensor, [channels, height, width]: [usize; 3]) -> Result<Tensor> {
    let mut values = Vec::with_capacity(weights.values.len());
    for row in weights.values.chunks_exact(channels * height * width) {
        for c in 0..channels {
            for y in 0..height {
                for x in 0..width {
                    values.push(row[(x * height + y) * channels + c]);
                }
            }
        }
    }
    Tensor::new(&weights.shape, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_columns_move_from_width_height_channel_to_channel_height_width() {
        // Two channels, one row, two columns: stored as x0c0 x0c1 x1c0 x1c1.
        let stored = Tensor::new(&[1, 4], vec![0.0, 1.0, 10.0, 11.0]).unwrap();
        assert_eq!(columns_as_chw(&stored, [2, 1, 2]).unwrap().values, [0.0, 10.0, 1.0, 11.0]);
    }

    #[test]
    fn a_foreign_file_is_told() {
        let error = format!("{:#}", pnet(b"PK\x03\x04").unwrap_err());
        assert!(error.starts_with("not a torch file"), "{error}");
    }
}
