//! One layer of a net: what it needs, what it makes of a shape, with which numbers it begins.

use crate::random::Dice;

/// How far a leaky unit lets negative numbers through.
pub const LEAK: f32 = 0.2;

/// Added to a variance before its root is taken.
pub const NORM_EPSILON: f32 = 1e-5;

/// What a layer does. Pictures are [batch, channels, height, width], rows [batch, numbers].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// Rows to rows: weights [outputs, inputs], bias [outputs].
    Dense {
        /// Numbers in.
        inputs: usize,
        /// Numbers out.
        outputs: usize,
    },
    /// Pictures to pictures: weights [outputs, inputs, size, size], bias [outputs]; zeros around.
    Conv {
        /// Channels in.
        inputs: usize,
        /// Channels out.
        outputs: usize,
        /// Height and width of the kernel.
        size: usize,
        /// Step between windows.
        stride: usize,
        /// Zeros on every side.
        pad: usize,
    },
    /// Batch normalisation over each channel: factor, offset, running mean, running variance, each [channels].
    Norm {
        /// Channels in and out.
        channels: usize,
    },
    /// max(x, 0).
    Relu,
    /// x, or [`LEAK`] x where that is negative.
    Leaky,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// x, or where that is negative x times its channel's, or number's, own slope (He et al. 2015): slopes [channels].
    Slopes {
        /// Channels of pictures, numbers of rows.
        channels: usize,
    },
    /// Largest of each window; windows lie two apart.
    MaxPool {
        /// Height and width of a window.
        size: usize,
        /// Whether the last windows may reach beyond the edge, or else what fills none is left out.
        beyond: bool,
    },
    /// Four channels become one of twice the height and width (Shi et al. 2016, as PyTorch's `pixel_shuffle`).
    Shuffle,
    /// Pictures to rows, width innermost.
    Flatten,
    /// Rows to pictures of [channels, height, width].
    Fold([usize; 3]),
}

/// One array of numbers of a net.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Lengths of the axes, outermost first.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Vec<f32>,
    /// Whether gradients change it; a running mean follows by itself.
    pub trained: bool,
}

impl Weights {
    fn new(shape: &[usize], values: Vec<f32>, trained: bool) -> Self {
        Self { shape: shape.to_vec(), values, trained }
    }

    fn random(shape: &[usize], scale: f32, dice: &mut Dice) -> Self {
        let values = dice.normals(shape.iter().product()).iter().map(|n| n * scale).collect();
        Self::new(shape, values, true)
    }

    fn filled(shape: &[usize], value: f32, trained: bool) -> Self {
        Self::new(shape, vec![value; shape.iter().product()], trained)
    }
}

impl Layer {
    /// The arrays that it begins with: weights normal with the variance 2 / inputs (He et al. 2015), biases 0.
    pub fn weights(&self, dice: &mut Dice) -> Vec<Weights> {
        let he = |fan_in: usize| (2.0 / fan_in as f32).sqrt();
        match *self {
            Layer::Dense { inputs, outputs } => {
                vec![Weights::random(&[outputs, inputs], he(inputs), dice), Weights::filled(&[outputs], 0.0, true)]
            }
            Layer::Conv { inputs, outputs, size, .. } => {
                let shape = [outputs, inputs, size, size];
                vec![Weights::random(&shape, he(inputs * size * size), dice), Weights::filled(&[outputs], 0.0, true)]
            }
            Layer::Norm { channels } => [(1.0, true), (0.0, true), (0.0, false), (1.0, false)]
                .map(|(value, trained)| Weights::filled(&[channels], value, trained))
                .to_vec(),
            Layer::Slopes { channels } => vec![Weights::filled(&[channels], 0.25, true)],
            _ => vec![],
        }
    }

    /// How many arrays it has.
    pub fn arrays(&self) -> usize {
        match self {
            Layer::Dense { .. } | Layer::Conv { .. } => 2,
            Layer::Norm { .. } => 4,
            Layer::Slopes { .. } => 1,
            _ => 0,
        }
    }

    /// The shape that it makes of one sample's shape ([numbers] or [channels, height, width]); `None` where it does not fit.
    pub fn shape(&self, shape: &[usize]) -> Option<Vec<usize>> {
        match (*self, shape) {
            (Layer::Dense { inputs, outputs }, &[n]) if n == inputs => Some(vec![outputs]),
            (Layer::Conv { inputs, outputs, size, stride, pad }, &[c, h, w]) if c == inputs => {
                let after = |length: usize| Some(((length + 2 * pad).checked_sub(size)?) / stride + 1);
                Some(vec![outputs, after(h)?, after(w)?])
            }
            (Layer::Norm { channels }, &[c, h, w]) if c == channels => Some(vec![c, h, w]),
            (Layer::Relu | Layer::Leaky | Layer::Sigmoid, _) => Some(shape.to_vec()),
            (Layer::Slopes { channels }, _) if shape.first() == Some(&channels) => Some(shape.to_vec()),
            (Layer::MaxPool { size, beyond }, &[c, h, w]) => {
                let after = |length: usize| Some((length.checked_sub(size)? + usize::from(beyond)) / 2 + 1);
                Some(vec![c, after(h)?, after(w)?])
            }
            (Layer::Shuffle, &[c, h, w]) if c % 4 == 0 => Some(vec![c / 4, 2 * h, 2 * w]),
            (Layer::Flatten, &[c, h, w]) => Some(vec![c * h * w]),
            (Layer::Fold([c, h, w]), &[n]) if n == c * h * w => Some(vec![c, h, w]),
            _ => None,
        }
    }
}

/// Largest of each 2 x 2 window that lies inside.
pub fn halve() -> Layer {
    Layer::MaxPool { size: 2, beyond: false }
}

/// `size` x `size` convolution that keeps height and width (stride 1) or halves them (stride 2).
pub fn conv(inputs: usize, outputs: usize, size: usize, stride: usize) -> Layer {
    Layer::Conv { inputs, outputs, size, stride, pad: (size - 1) / 2 }
}

/// Fully connected layer.
pub fn dense(inputs: usize, outputs: usize) -> Layer {
    Layer::Dense { inputs, outputs }
}
