//! A net and a batch in, its answer out; then a gradient of the answer in, the gradients of all weights and of the input out.

use crate::layer::{LEAK, Layer, NORM_EPSILON};
use crate::net::Net;
use crate::ops::{self, Window, each, each_two, lie, multiply, view};

/// A batch on its way through a net.
struct Signal {
    /// Of one sample: [numbers] or [channels, height, width].
    shape: Vec<usize>,
    /// [..shape, batch]
    values: Vec<f32>,
}

/// What a layer noted on the way forward, for the way back.
enum Note {
    Nothing,
    /// Means and variances of the batch.
    Norm([Vec<f32>; 2]),
    /// Which place of its window had the largest number.
    Picks(Vec<u8>),
}

/// Where batch normalisation takes means and variances from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistics {
    /// From the batch: as nets learn.
    Batch,
    /// From the net's running ones: as nets are used.
    Running,
}

/// One way of a batch through a net, remembered.
pub(crate) struct Pass<'n> {
    net: &'n Net,
    /// Samples in the batch.
    n: usize,
    /// How many of the net's layers were passed.
    layers: usize,
    /// What went into each layer; of a pass that is not to be gone back, nothing.
    inputs: Vec<Signal>,
    notes: Vec<Note>,
    output: Signal,
}

impl<'n> Pass<'n> {
    /// The whole net. `inputs`: [batch, ...], row-major.
    pub(crate) fn new(net: &'n Net, inputs: &[f32]) -> Self {
        Self::through(net, net.layers.len(), inputs, Statistics::Batch, true)
    }

    /// Up to the last sigmoid, for losses that take it together with its logarithm.
    pub(crate) fn to_logits(net: &'n Net, inputs: &[f32]) -> Self {
        let layers = net.layers.len() - usize::from(net.layers.last() == Some(&Layer::Sigmoid));
        Self::through(net, layers, inputs, Statistics::Batch, true)
    }

    /// Forward only; less memory.
    pub(crate) fn forward(net: &'n Net, inputs: &[f32], statistics: Statistics) -> Self {
        Self::through(net, net.layers.len(), inputs, statistics, false)
    }

    fn through(net: &'n Net, layers: usize, inputs: &[f32], statistics: Statistics, remember: bool) -> Self {
        let length = net.input.iter().product::<usize>();
        let n = inputs.len() / length;
        let output = Signal { shape: net.input.clone(), values: ops::turn(inputs, [n, length]) };
        let mut pass = Self { net, n, layers, inputs: vec![], notes: vec![], output };
        let mut arrays = net.weights.as_slice();
        for layer in &net.layers[..layers] {
            let (own, rest) = arrays.split_at(layer.arrays());
            let own: Vec<&[f32]> = own.iter().map(|w| w.values.as_slice()).collect();
            let shape = layer.shape(&pass.output.shape).expect("layers fit each other");
            let before = std::mem::replace(&mut pass.output, Signal { shape, values: vec![] });
            let (values, note) = step(layer, &own, &before, n, statistics);
            pass.output.values = values;
            if remember {
                pass.inputs.push(before);
            }
            pass.notes.push(note);
            arrays = rest;
        }
        pass
    }

    /// The answer, [batch, ...], row-major.
    pub(crate) fn output(&self) -> Vec<f32> {
        ops::turn(&self.output.values, [self.output.values.len() / self.n.max(1), self.n])
    }

    /// Means and variances that batch normalisation saw, layer by layer.
    pub(crate) fn seen(self) -> Vec<[Vec<f32>; 2]> {
        self.notes.into_iter().filter_map(|note| if let Note::Norm(seen) = note { Some(seen) } else { None }).collect()
    }

    /// From the gradient of the answer, [batch, ...], that of every array in the weights' order, empty for those that are not
    /// trained; and that of the input, [batch, ...]: empty where it is not wanted.
    pub(crate) fn back(&self, gradient: &[f32], input_wanted: bool) -> (Vec<Vec<f32>>, Vec<f32>) {
        self.return_way(gradient, true, input_wanted)
    }

    /// The gradient of the input alone.
    pub(crate) fn back_to_input(&self, gradient: &[f32]) -> Vec<f32> {
        self.return_way(gradient, false, true).1
    }

    fn return_way(&self, gradient: &[f32], weights_wanted: bool, input_wanted: bool) -> (Vec<Vec<f32>>, Vec<f32>) {
        let mut above = ops::turn(gradient, [self.n, gradient.len() / self.n.max(1)]);
        let mut found: Vec<Vec<f32>> = vec![vec![]; self.net.weights.len()];
        let passed = &self.net.layers[..self.layers];
        let mut end: usize = passed.iter().map(Layer::arrays).sum();
        for (index, layer) in passed.iter().enumerate().rev() {
            let at = end - layer.arrays();
            let own: Vec<&[f32]> = self.net.weights[at..end].iter().map(|w| w.values.as_slice()).collect();
            let output = self.inputs.get(index + 1).unwrap_or(&self.output);
            let (gradients, below) = self.step_back(index, &own, &above, output, (weights_wanted, index > 0 || input_wanted));
            for (slot, gradient) in found[at..end].iter_mut().zip(gradients) {
                *slot = gradient;
            }
            above = below;
            end = at;
        }
        let below = if input_wanted { ops::turn(&above, [above.len() / self.n.max(1), self.n]) } else { vec![] };
        (found, below)
    }

    fn step_back(
        &self,
        index: usize,
        weights: &[&[f32]],
        above: &[f32],
        output: &Signal,
        (weights_wanted, input_wanted): (bool, bool),
    ) -> (Vec<Vec<f32>>, Vec<f32>) {
        let layer = &self.net.layers[index];
        let (n, Signal { shape, values }) = (self.n, &self.inputs[index]);
        let plain = |values| (vec![], values);
        let out = &output.values;
        match (layer, &self.notes[index]) {
            (&Layer::Dense { inputs, outputs }, _) => {
                let gradient = view(above, lie(outputs, n, n));
                let mut learned = vec![];
                if weights_wanted {
                    let mut of_weights = vec![0.0; inputs * outputs];
                    let input = view(values, lie(inputs, n, n));
                    multiply(gradient, input.t(), &mut of_weights, lie(outputs, inputs, inputs), false);
                    learned = vec![of_weights, ops::sums(above, outputs)];
                }
                let mut below = vec![0.0; if input_wanted { inputs * n } else { 0 }];
                if input_wanted {
                    let matrix = view(weights[0], lie(outputs, inputs, inputs));
                    multiply(matrix.t(), gradient, &mut below, lie(inputs, n, n), false);
                }
                (learned, below)
            }
            (Layer::Conv { .. }, _) => {
                let window = window(layer, n, shape);
                let learned = if weights_wanted { window.learn(values, above).into() } else { vec![] };
                (learned, if input_wanted { window.back(weights[0], above) } else { vec![] })
            }
            (Layer::Norm { .. }, Note::Norm([means, variances])) => {
                let (learned, below) = ops::norm_back(values, weights[0], (means, variances), above);
                (learned.into(), below)
            }
            (Layer::Norm { .. }, _) => unreachable!("a pass that is gone back has its batch's own statistics"),
            (Layer::Relu, _) => plain(each_two(out, above, |v, g| if v > 0.0 { g } else { 0.0 })),
            (Layer::Leaky, _) => plain(each_two(out, above, |v, g| if v > 0.0 { g } else { LEAK * g })),
            (Layer::Sigmoid, _) => plain(each_two(out, above, |v, g| g * v * (1.0 - v))),
            (Layer::Slopes { .. }, _) => {
                let (of_slopes, below) = ops::lean_back(values, weights[0], above);
                (vec![of_slopes], below)
            }
            (&Layer::MaxPool { size, .. }, Note::Picks(picks)) => {
                let to = [output.shape[1], output.shape[2]];
                plain(ops::max_pool_back(above, picks, pictures(shape, n), to, size))
            }
            (Layer::MaxPool { .. }, _) => unreachable!("pooling notes what it took"),
            (Layer::Shuffle, _) => plain(ops::unshuffle(above, pictures(shape, n))),
            (Layer::Flatten | Layer::Fold(_), _) => plain(above.to_vec()),
        }
    }
}

/// What a layer makes of a batch of `n`.
fn step(layer: &Layer, weights: &[&[f32]], input: &Signal, n: usize, statistics: Statistics) -> (Vec<f32>, Note) {
    let Signal { shape, values } = input;
    let plain = |values| (values, Note::Nothing);
    match *layer {
        Layer::Dense { inputs, outputs } => {
            let mut out = Vec::with_capacity(outputs * n);
            weights[1].iter().for_each(|b| out.resize(out.len() + n, *b));
            let matrix = view(weights[0], lie(outputs, inputs, inputs));
            multiply(matrix, view(values, lie(inputs, n, n)), &mut out, lie(outputs, n, n), true);
            plain(out)
        }
        Layer::Conv { .. } => plain(window(layer, n, shape).apply(values, weights[0], weights[1])),
        Layer::Norm { .. } if statistics == Statistics::Running => {
            let length = values.len() / weights[0].len();
            let mut out = Vec::with_capacity(values.len());
            for (channel, line) in values.chunks_exact(length.max(1)).enumerate() {
                let [factor, offset, mean, variance] = [0, 1, 2, 3].map(|i| weights[i][channel]);
                let scale = factor / (variance + NORM_EPSILON).sqrt();
                out.extend(line.iter().map(|v| (v - mean) * scale + offset));
            }
            plain(out)
        }
        Layer::Norm { .. } => {
            let (out, means, variances) = ops::norm(values, weights[0], weights[1]);
            (out, Note::Norm([means, variances]))
        }
        Layer::Relu => plain(each(values, |v| v.max(0.0))),
        Layer::Leaky => plain(each(values, |v| v.max(LEAK * v))),
        Layer::Sigmoid => plain(each(values, sigmoid)),
        Layer::Slopes { .. } => plain(ops::lean(values, weights[0])),
        Layer::MaxPool { size, .. } => {
            let to = layer.shape(shape).map_or([0; 2], |to| [to[1], to[2]]);
            let (out, picks) = ops::max_pool(values, pictures(shape, n), to, size);
            (out, Note::Picks(picks))
        }
        Layer::Shuffle => plain(ops::shuffle(values, pictures(shape, n))),
        Layer::Flatten | Layer::Fold(_) => plain(values.clone()),
    }
}

fn pictures(shape: &[usize], n: usize) -> [usize; 4] {
    [shape[0], shape[1], shape[2], n]
}

fn window(layer: &Layer, n: usize, shape: &[usize]) -> Window {
    let (&Layer::Conv { inputs, outputs, size, stride, pad }, Some(out)) = (layer, layer.shape(shape)) else {
        unreachable!("only convolutions that fit get here")
    };
    Window { inputs, outputs, size, stride, pad, n, from: [shape[1], shape[2]], to: [out[1], out[2]] }
}

/// 1 / (1 + exp(-x)).
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
