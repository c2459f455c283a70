//! Convolution of floats with windows of 5x5, two pixels apart: over a picture at half the size with four times the channels
//! that is one with windows of 3x3, one pixel apart, and for those there is Winograd's way.

use crate::Kernels;
use crate::floats::Kernel;
use crate::sweep::Window;
use crate::winograd::{Ending, Size, Winograd};
use std::cell::RefCell;

/// A convolution's weights, for the picture at half the size.
#[derive(Clone, Debug)]
pub(crate) struct Halved {
    channels: usize,
    winograd: Winograd,
}

impl Halved {
    /// None where plain sums take less work, for pictures of this shape. `weights`: [out, in, 5, 5].
    pub fn best(kernels: Kernels, window: &Window, weights: &[f32], shape: [usize; 3]) -> Option<Self> {
        let Window { inputs, outputs, height: 5, width: 5, stride: 2 } = *window else { return None };
        let [rows, columns] = window.output([shape[1], shape[2]])?;
        let small = Window { inputs: 4 * inputs, outputs, height: 3, width: 3, stride: 1 };
        let size = Size::best(&small, half(shape))?;
        if size.work(&small, half(shape)) >= shape[0] * rows * columns * 25 * inputs * outputs {
            return None;
        }
        let mut parts = vec![0.0; outputs * 4 * inputs * 9];
        for (index, window) in weights.as_chunks::<25>().0.iter().enumerate() {
            let (out, channel) = (index / inputs, index % inputs);
            for (at, &weight) in window.iter().enumerate() {
                let (y, x) = (at / 5, at % 5);
                let quarter = y % 2 * 2 + x % 2;
                parts[((out * 4 + quarter) * inputs + channel) * 9 + y / 2 * 3 + x / 2] = weight;
            }
        }
        Some(Self { channels: inputs, winograd: Winograd::new(kernels, size, &small, &parts) })
    }

    /// `shape`: count, height and width of the input; see [`crate::FloatConv::run`].
    pub fn run(&self, kernel: &Kernel, input: &[f32], shape: [usize; 3], ending: Ending, out: &mut [f32]) {
        thread_local!(static SPACE: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) });
        SPACE.with_borrow_mut(|space| {
            let small = half(shape);
            let needed = small.iter().product::<usize>() * 4 * self.channels;
            if space.len() < needed {
                space.resize(needed, 0.0);
            }
            halve(input, shape, self.channels, &mut space[..needed]);
            self.winograd.run(kernel, &space[..needed], small, ending, out);
        });
    }
}

fn half([count, height, width]: [usize; 3]) -> [usize; 3] {
    [count, height.div_ceil(2), width.div_ceil(2)]
}

/// Pixels two by two become one, with their channels one behind the other; what lies beyond the picture is 0.
fn halve(input: &[f32], [_, height, width]: [usize; 3], channels: usize, out: &mut [f32]) {
    let [_, rows, columns] = half([1, height, width]);
    let pair = 2 * channels;
    for (image, out) in input.chunks_exact(height * width * channels).zip(out.chunks_exact_mut(rows * columns * 2 * pair)) {
        for (row, out) in out.chunks_exact_mut(columns * 2 * pair).enumerate() {
            for lower in 0..2 {
                let y = 2 * row + lower;
                let line = if y < height { &image[y * width * channels..][..width * channels] } else { &[] };
                let mut pixels = line.chunks(pair);
                for out in out.chunks_exact_mut(pair).skip(lower).step_by(2) {
                    let from = pixels.next().unwrap_or(&[]);
                    out[..from.len()].copy_from_slice(from);
                    out[from.len()..].fill(0.0);
                }
            }
        }
    }
}
