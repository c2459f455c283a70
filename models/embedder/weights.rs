//! A network in dlib's serialisation in, its layers from the picture upwards out.
//!
//! dlib nests layers as C++ types: each writes a version number, then the layer below it, then itself. So the file
//! begins with the versions of all layers from the loss down, then holds the input, then each layer upwards.
//! Numbers: a control byte (count of bytes, 0x80 for negative), then little-endian bytes; floats as mantissa and
//! power of two; tensors as their four lengths and plain little-endian floats.
//! Source: dlib 19.3 and newer, `dlib/serialize.h`, `dlib/dnn/core.h`, `dlib/dnn/layers.h`.

use crate::onnx::Tensor;
use anyhow::{Context, Result, bail, ensure};

/// Most layers that a file may claim; the face network has 153 with its marks.
const MOST_LAYERS: usize = 1000;

/// The network: what is subtracted from pixels, and what follows.
#[derive(Debug, PartialEq)]
pub struct Network {
    /// Mean of red, green, blue; pixels are (value - mean) / 256.
    pub mean: [f32; 3],
    /// Height and width of the input.
    pub size: [usize; 2],
    /// From the picture upwards.
    pub layers: Vec<Layer>,
}

/// One layer, as far as running it needs.
#[derive(Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Layer {
    /// weights: [out, in, height, width]; bias: [out].
    Conv {
        weights: Tensor,
        bias: Tensor,
        stride: usize,
        pad: usize,
    },
    /// x * scale + shift, one of each per channel.
    Affine {
        scale: Tensor,
        shift: Tensor,
    },
    Relu,
    MaxPool {
        size: usize,
        stride: usize,
    },
    AveragePool {
        size: usize,
        stride: usize,
    },
    /// Mean over height and width.
    GlobalAverage,
    /// Adds what a mark named; where lengths differ, zeros are appended to the shorter.
    AddMarked,
    /// Matrix product without bias; weights: [in, out].
    Matrix {
        weights: Tensor,
    },
    /// A place that is named for later or returned to (dlib's tag and skip layers, which the file does not tell apart).
    Mark,
}

/// Reads the whole file.
pub fn read(bytes: &[u8]) -> Result<Network> {
    let mut reader = Reader { rest: bytes };
    reader.network().with_context(|| format!("byte {} of {}", bytes.len() - reader.rest.len(), bytes.len()))
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// How a layer in the nest of types is versioned.
const MARK: i64 = 1;
const LAYER: i64 = 2;
const LOWEST_LAYER: i64 = 3;

impl<'a> Reader<'a> {
    fn network(&mut self) -> Result<Network> {
        ensure!(self.int()? == 1, "the outermost layer is of an unknown version");
        let loss = self.text()?;
        ensure!(loss == "loss_metric_2", "trained with `{loss}`: only metric networks are supported");
        self.float()?;
        self.float()?;
        let mut nest = Vec::new();
        loop {
            ensure!(nest.len() < MOST_LAYERS, "more than {MOST_LAYERS} layers");
            match self.int()? {
                kind @ (MARK | LAYER) => nest.push(kind),
                LOWEST_LAYER => break,
                other => bail!("a layer is of unknown version {other}"),
            }
        }

        let input = self.text()?;
        ensure!(input == "input_rgb_image_sized", "input `{input}` is not supported");
        let mean = [self.float()?, self.float()?, self.float()?];
        let size = [self.length()?, self.length()?];

        let mut layers = vec![self.layer()?];
        ensure!(self.int()? == 1, "the network expands its samples: not supported");
        for kind in nest.into_iter().rev() {
            layers.push(if kind == MARK { Layer::Mark } else { self.layer()? });
        }
        ensure!(self.rest.is_empty(), "{} bytes too many at the end", self.rest.len());
        Ok(Network { mean, size, layers })
    }

    fn layer(&mut self) -> Result<Layer> {
        let name = self.text()?;
        let layer = self.details(name).with_context(|| format!("layer `{name}`"))?;
        for _ in 0..3 {
            let flag = self.byte()?;
            ensure!(matches!(flag, b'0' | b'1'), "a truth value is {flag:#04x}");
        }
        // What training kept: two gradients and the last output.
        for _ in 0..3 {
            self.tensor()?;
        }
        Ok(layer)
    }

    fn details(&mut self, name: &str) -> Result<Layer> {
        Ok(match name {
            "con_4" => self.conv()?,
            "affine_" => self.affine()?,
            "relu_" => Layer::Relu,
            "max_pool_2" => match self.pool()? {
                (size, stride) if size > 0 => Layer::MaxPool { size, stride },
                _ => bail!("maximum over the whole picture: not supported"),
            },
            "avg_pool_2" => match self.pool()? {
                (0, _) => Layer::GlobalAverage,
                (size, stride) => Layer::AveragePool { size, stride },
            },
            "add_prev_" => Layer::AddMarked,
            "fc_2" => self.matrix()?,
            _ => bail!("not supported"),
        })
    }

    fn conv(&mut self) -> Result<Layer> {
        let params = self.tensor()?;
        let (count, height, width) = (self.length()?, self.length()?, self.length()?);
        let stride = self.both()?;
        let pad = self.both()?;
        let filters = self.shape()?;
        let biases = self.shape()?;
        self.four_floats()?;
        ensure!(filters[0] == count && filters[2..] == [height, width], "filters {filters:?} contradict themselves");
        ensure!(biases == [1, count, 1, 1], "{biases:?} biases for {count} filters");
        ensure!(stride > 0, "stride 0");
        let (weights, bias) = split(params, product(&filters)?)?;
        Ok(Layer::Conv { weights: Tensor::new(&filters, weights)?, bias: Tensor::new(&[count], bias)?, stride, pad })
    }

    fn affine(&mut self) -> Result<Layer> {
        let params = self.tensor()?;
        let scale = self.shape()?;
        let shift = self.shape()?;
        ensure!(scale == shift && scale == [1, scale[1], 1, 1], "scale {scale:?} and shift {shift:?} are not per channel");
        ensure!(self.int()? == 0, "per-pixel scale: not supported");
        let (gamma, beta) = split(params, scale[1])?;
        Ok(Layer::Affine { scale: Tensor::new(&scale[1..2], gamma)?, shift: Tensor::new(&shift[1..2], beta)? })
    }

    fn pool(&mut self) -> Result<(usize, usize)> {
        let size = self.both()?;
        let stride = self.both()?;
        ensure!(self.both()? == 0, "padded pooling: not supported");
        ensure!(stride > 0, "stride 0");
        Ok((size, stride))
    }

    fn matrix(&mut self) -> Result<Layer> {
        let outputs = self.length()?;
        let inputs = self.length()?;
        let params = self.tensor()?;
        let weights = self.shape()?;
        self.shape()?;
        ensure!(self.int()? == 1, "a bias: not supported");
        self.four_floats()?;
        ensure!(weights == [inputs, outputs, 1, 1], "weights {weights:?} contradict {inputs} inputs, {outputs} outputs");
        Ok(Layer::Matrix { weights: Tensor::new(&[inputs, outputs], params)? })
    }

    /// Two lengths that must agree: height and width of a window, step or border.
    fn both(&mut self) -> Result<usize> {
        let (y, x) = (self.length()?, self.length()?);
        ensure!(y == x, "differs between height ({y}) and width ({x}): not supported");
        Ok(y)
    }

    /// Learning rate and weight decay multipliers of weights and biases.
    fn four_floats(&mut self) -> Result<()> {
        (0..4).try_for_each(|_| self.float().map(drop))
    }

    fn shape(&mut self) -> Result<[usize; 4]> {
        ensure!(self.int()? == 1, "a shape is of an unknown version");
        Ok([self.length()?, self.length()?, self.length()?, self.length()?])
    }

    fn tensor(&mut self) -> Result<Vec<f32>> {
        ensure!(self.int()? == 2, "a tensor is of an unknown version");
        let shape = [self.length()?, self.length()?, self.length()?, self.length()?];
        let length = product(&shape)?.checked_mul(4).context("impossible shape")?;
        let raw = self.take(length)?;
        Ok(raw.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect())
    }

    fn float(&mut self) -> Result<f32> {
        let mantissa = self.int()?;
        let exponent = self.int()?;
        // 32000 and above stand for infinities and not-a-number.
        ensure!(exponent.abs() < 2000, "a number is not finite");
        let value = (mantissa as f64 * 2f64.powi(exponent as i32)) as f32;
        ensure!(value.is_finite(), "a number is too large");
        Ok(value)
    }

    fn length(&mut self) -> Result<usize> {
        usize::try_from(self.int()?).context("a length is negative")
    }

    fn text(&mut self) -> Result<&'a str> {
        let length = self.length()?;
        ensure!(length <= 64, "a name of {length} bytes");
        std::str::from_utf8(self.take(length)?).context("a name is not UTF-8")
    }

    fn int(&mut self) -> Result<i64> {
        let control = self.byte()?;
        let count = usize::from(control & 0x7f);
        ensure!((1..=8).contains(&count), "a number of {count} bytes");
        let mut full = [0; 8];
        full[..count].copy_from_slice(self.take(count)?);
        let magnitude = i64::try_from(u64::from_le_bytes(full)).context("a number is too large")?;
        Ok(if control & 0x80 != 0 { -magnitude } else { magnitude })
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.rest.split_at_checked(length).context("cut short")?;
        self.rest = tail;
        Ok(head)
    }
}

fn product(shape: &[usize]) -> Result<usize> {
    shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).context("impossible shape")
}

fn split(mut params: Vec<f32>, at: usize) -> Result<(Vec<f32>, Vec<f32>)> {
    ensure!(at <= params.len(), "{} numbers where {at} and more belong", params.len());
    let tail = params.split_off(at);
    Ok((params, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(file: &mut Vec<u8>, value: i64) {
        let bytes = value.unsigned_abs().to_le_bytes();
        let count = (8 - value.unsigned_abs().leading_zeros() as usize / 8).max(1);
        file.push(count as u8 | if value < 0 { 0x80 } else { 0 });
        file.extend(&bytes[..count]);
    }

    fn ints(file: &mut Vec<u8>, values: &[i64]) {
        values.iter().for_each(|&v| int(file, v));
    }

    fn text(file: &mut Vec<u8>, text: &str) {
        int(file, text.len() as i64);
        file.extend(text.bytes());
    }

    fn tensor(file: &mut Vec<u8>, shape: [i64; 4], values: &[f32]) {
        int(file, 2);
        ints(file, &shape);
        file.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    }

    fn end_of_layer(file: &mut Vec<u8>) {
        file.extend(b"110");
        (0..3).for_each(|_| tensor(file, [0; 4], &[]));
    }

    /// A convolution 1x1 of one filter, a mark, the mean, a matrix of 1 x 2.
    fn small() -> Vec<u8> {
        let mut file = Vec::new();
        let f = &mut file;
        int(f, 1);
        text(f, "loss_metric_2");
        ints(f, &[5, -3, 3, -1]);
        ints(f, &[LAYER, LAYER, MARK, LOWEST_LAYER]);
        text(f, "input_rgb_image_sized");
        ints(f, &[245, -1, 117, 0, 13, 3, 150, 150]);
        text(f, "con_4");
        tensor(f, [4, 1, 1, 1], &[1.0, 2.0, 3.0, 0.5]);
        ints(f, &[1, 1, 1, 2, 2, 0, 0, 1, 1, 3, 1, 1, 1, 1, 1, 1, 1]);
        ints(f, &[1, 0, 1, 0, 1, 0, 1, 0]);
        end_of_layer(f);
        int(f, 1);
        text(f, "avg_pool_2");
        ints(f, &[0, 0, 1, 1, 0, 0]);
        end_of_layer(f);
        text(f, "fc_2");
        ints(f, &[2, 1]);
        tensor(f, [1, 2, 1, 1], &[7.0, 8.0]);
        ints(f, &[1, 1, 2, 1, 1, 1, 0, 0, 0, 0, 1]);
        ints(f, &[1, 0, 1, 0, 1, 0, 1, 0]);
        end_of_layer(f);
        file
    }

    #[test]
    fn layers_come_from_the_picture_upwards() {
        let network = read(&small()).unwrap();
        assert_eq!((network.mean, network.size), ([122.5, 117.0, 104.0], [150, 150]));
        let weights = Tensor::new(&[1, 3, 1, 1], vec![1.0, 2.0, 3.0]).unwrap();
        let bias = Tensor::new(&[1], vec![0.5]).unwrap();
        let matrix = Tensor::new(&[1, 2], vec![7.0, 8.0]).unwrap();
        let conv = Layer::Conv { weights, bias, stride: 2, pad: 0 };
        assert_eq!(network.layers, [conv, Layer::Mark, Layer::GlobalAverage, Layer::Matrix { weights: matrix }]);
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error() {
        let file = small();
        for end in 0..file.len() {
            assert!(read(&file[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn a_file_with_a_tail_is_an_error() {
        assert!(read(&[small(), vec![0]].concat()).is_err());
    }

    #[test]
    fn any_changed_byte_is_survived() {
        for at in 0..small().len() {
            for value in 0..=255 {
                let mut file = small();
                file[at] = value;
                let _ = read(&file).map(|_| super::super::convert::resnet(&file));
            }
        }
    }

    #[test]
    fn a_claimed_length_allocates_nothing() {
        let mut file = small();
        let name = file.windows(5).position(|w| w == b"con_4").unwrap() + 5;
        file.splice(name + 2..name + 4, [8, 0, 0, 0, 0, 0, 0, 0, 0x10]);
        assert!(format!("{:#}", read(&file).unwrap_err()).contains("layer `con_4`"));
    }

    #[test]
    fn the_first_layers_of_a_nest_without_end_are_enough() {
        let mut file = small()[..2].to_vec();
        text(&mut file, "loss_metric_2");
        ints(&mut file, &[0; 4]);
        ints(&mut file, &[LAYER; 5000]);
        assert!(format!("{:#}", read(&file).unwrap_err()).contains("more than 1000 layers"));
    }
}
