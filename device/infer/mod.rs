//! Nets run here: the `Model` door for pictures of bytes, the `FloatModel` door for pictures and vectors of floats. Numbers in,
//! a net's numbers out; faces and digits are unknown here.

use anyhow::Result;
use std::path::Path;

mod choice;
mod engine;
mod floats;
mod lower;
mod offload;

pub use choice::{force_kernels, kernel_names, kernels_in_use};
pub use engine::read_verified;
pub use offload::{News, Patience, Wish, gpu_report, is_busy, news, offload, would_choose};

/// A net with one picture as its input. What its file holds inside (floats, bytes, axis order) is its own affair.
pub trait Model: Send {
    /// Runs the net on a batch of `shape` = [count, height, width] RGB pictures, whose bytes become numbers by `normalise`.
    /// `fill` writes every byte, interleaved and row-major. The outputs are valid until the next call.
    fn run(&mut self, shape: [usize; 3], normalise: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]>;

    /// How many pictures the net likes to be given in one call: on a processor one after the other is as quick.
    fn at_once(&self) -> usize {
        1
    }
}

/// A net with floats as its input, as they are: pictures of [channels, height, width] or vectors of one length.
pub trait FloatModel: Send {
    /// Runs the net on `count` inputs that lie one behind the other in `input`, each row-major. The outputs are valid until the
    /// next call. Fails where `input` is no `count` inputs of the length that the net was opened for.
    fn run(&mut self, count: usize, input: &[f32]) -> Result<&[Tensor]>;
}

/// An output of a net.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Row-major numbers.
    pub data: Vec<f32>,
}

/// How bytes of a picture become the numbers that a net expects: `(byte - mean) * scale` per channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalise {
    /// Per channel R, G, B; 0 to 255.
    pub mean: [f32; 3],
    /// Common factor.
    pub scale: f32,
}

impl Normalise {
    /// Interleaved RGB bytes in, three planes out. `planes` is three times `rgb.len() / 3` numbers.
    pub fn planes(&self, rgb: &[u8], planes: &mut [f32]) {
        let count = rgb.len() / 3;
        let (red, rest) = planes.split_at_mut(count);
        let (green, blue) = rest.split_at_mut(count);
        let shift = self.mean.map(|m| -m * self.scale);
        for (((pixel, r), g), b) in rgb.chunks_exact(3).zip(red).zip(green).zip(blue) {
            *r = f32::from(pixel[0]).mul_add(self.scale, shift[0]);
            *g = f32::from(pixel[1]).mul_add(self.scale, shift[1]);
            *b = f32::from(pixel[2]).mul_add(self.scale, shift[2]);
        }
    }
}

/// Opens a model file. The file's bytes must have the given SHA-256.
pub fn open(file: &Path, sha256: &str) -> Result<Box<dyn Model>> {
    Ok(offload::pictures(engine::Engine::open(file, sha256)?, sha256))
}

/// Opens the file of a net that takes floats: `input` is the shape of one input without the batch axis, [channels, height, width]
/// or [length]. The file's bytes must have the given SHA-256.
pub fn open_floats(file: &Path, sha256: &str, input: &[usize]) -> Result<Box<dyn FloatModel>> {
    Ok(offload::floats(floats::Floats::open(file, sha256, input)?, sha256))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_normalised_planes() {
        let normalise = Normalise { mean: [127.5, 100.0, 0.0], scale: 1.0 / 128.0 };
        let mut planes = [0.0; 6];
        normalise.planes(&[0, 100, 128, 255, 228, 0], &mut planes);
        let wanted = [-127.5 / 128.0, 127.5 / 128.0, 0.0, 1.0, 1.0, 0.0];
        for (got, want) in planes.iter().zip(wanted) {
            assert!((got - want).abs() < 1e-6, "{planes:?}");
        }
    }
}
