//! A list of layers with its numbers; inputs in, outputs or gradients out.

use crate::layer::{LEAK, Layer, NORM_EPSILON, Weights};
use crate::random::Dice;
use burn_tensor::module;
use burn_tensor::ops::{ConvOptions, MaxPoolOptions};
use burn_tensor::{Device, Gradients, Tensor, TensorData, activation};

/// How far a running mean moves towards each batch's.
const MOMENTUM: f32 = 0.1;

/// At most so many samples go through a net at once in [`Net::run`], so that memory stays small.
const CHUNK: usize = 250;

/// A net: plain data.
#[derive(Clone, Debug, PartialEq)]
pub struct Net {
    /// Shape of one input: [numbers] or [channels, height, width].
    pub input: Vec<usize>,
    /// In the order in which they are applied.
    pub layers: Vec<Layer>,
    /// Every layer's arrays, in the layers' order.
    pub weights: Vec<Weights>,
}

/// What flows between layers.
#[derive(Clone)]
pub(crate) enum Signal {
    Rows(Tensor<2>),
    Pictures(Tensor<4>),
}

impl Signal {
    /// [batch, ...] as tensors; `shape` is one sample's.
    pub(crate) fn new(values: &[f32], shape: &[usize], device: &Device) -> Self {
        let n = values.len() / shape.iter().product::<usize>();
        match *shape {
            [c, h, w] => Signal::Pictures(Tensor::from_data(TensorData::new(values.to_vec(), [n, c, h, w]), device)),
            _ => Signal::Rows(Tensor::from_data(TensorData::new(values.to_vec(), [n, values.len() / n.max(1)]), device)),
        }
    }

    /// As [batch, numbers].
    pub(crate) fn rows(self) -> Tensor<2> {
        match self {
            Signal::Rows(rows) => rows,
            Signal::Pictures(pictures) => pictures.flatten(1, 3),
        }
    }

    fn pictures(self) -> Tensor<4> {
        match self {
            Signal::Pictures(pictures) => pictures,
            Signal::Rows(rows) => {
                let [n, c] = rows.dims();
                rows.reshape([n, c, 1, 1])
            }
        }
    }
}

/// The plain CPU.
pub(crate) fn cpu() -> Device {
    Device::flex()
}

/// The CPU, remembering what gradients need.
pub(crate) fn tape() -> Device {
    Device::flex().autodiff()
}

/// A tensor's numbers, row-major.
pub(crate) fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_into_vec().unwrap_or_default()
}

/// A net's weights on a device.
pub(crate) struct Loaded<'a> {
    net: &'a Net,
    tensors: Vec<Tensor<1>>,
}

/// Batch means and variances that a pass has seen, in the order of the net's `Norm` layers.
pub(crate) type Seen = Vec<(Tensor<1>, Tensor<1>)>;

impl Net {
    /// Fresh weights. The layers must fit each other and the input: [`Net::output`] tells.
    pub fn new(input: &[usize], layers: Vec<Layer>, dice: &mut Dice) -> Self {
        let weights = layers.iter().flat_map(|layer| layer.weights(dice)).collect();
        Self { input: input.to_vec(), layers, weights }
    }

    /// Shape of one output; `None` where the layers do not fit each other.
    pub fn output(&self) -> Option<Vec<usize>> {
        self.layers.iter().try_fold(self.input.clone(), |shape, layer| layer.shape(&shape))
    }

    /// The same answers without `Norm` layers: their factors and offsets, from the running statistics, go into the dense or
    /// convolution layer before them. A norm stands right after one, or after the fold that follows one.
    pub fn folded(&self) -> Net {
        let mut net = Net { input: self.input.clone(), layers: vec![], weights: vec![] };
        let mut weights = self.weights.iter();
        for layer in &self.layers {
            if let Layer::Norm { channels } = *layer {
                let [factor, offset, mean, variance] = [(); 4].map(|()| weights.next().expect("four arrays").values.as_slice());
                let [.., matrix, bias] = net.weights.as_mut_slice() else { continue };
                let (rows, columns) = (bias.values.len(), matrix.values.len() / bias.values.len());
                for row in 0..rows {
                    let c = row / (rows / channels);
                    let scale = factor[c] / (variance[c] + NORM_EPSILON).sqrt();
                    matrix.values[row * columns..][..columns].iter_mut().for_each(|w| *w *= scale);
                    bias.values[row] = (bias.values[row] - mean[c]) * scale + offset[c];
                }
            } else {
                net.layers.push(*layer);
                net.weights.extend(weights.by_ref().take(layer.arrays()).cloned());
            }
        }
        net
    }

    /// How many numbers training changes.
    pub fn parameters(&self) -> usize {
        self.weights.iter().filter(|w| w.trained).map(|w| w.values.len()).sum()
    }

    /// Outputs of a batch, row-major; batches of any length. Running means are used, nothing is learned.
    pub fn run(&self, inputs: &[f32]) -> Vec<f32> {
        let length = self.input.iter().product::<usize>();
        let loaded = self.load(&cpu());
        let run = |chunk: &[f32]| numbers(loaded.apply(Signal::new(chunk, &self.input, &cpu()), None).rows());
        inputs.chunks(CHUNK * length).flat_map(run).collect()
    }

    /// The weights as tensors without gradients.
    pub(crate) fn load(&self, device: &Device) -> Loaded<'_> {
        self.load_as(device, false)
    }

    /// The weights as tensors that gradients are collected for.
    pub(crate) fn load_for_training(&self) -> Loaded<'_> {
        self.load_as(&tape(), true)
    }

    fn load_as(&self, device: &Device, training: bool) -> Loaded<'_> {
        let load = |w: &Weights| {
            let tensor = Tensor::from_data(TensorData::new(w.values.clone(), [w.values.len()]), device);
            if training && w.trained { tensor.require_grad() } else { tensor }
        };
        Loaded { net: self, tensors: self.weights.iter().map(load).collect() }
    }

    /// Moves the running means and variances towards those of a batch.
    pub(crate) fn follow(&mut self, seen: Seen) {
        let mut running = self.weights.iter_mut().filter(|w| !w.trained);
        for (mean, variance) in seen {
            for batch in [mean, variance] {
                let Some(weights) = running.next() else { return };
                for (value, new) in weights.values.iter_mut().zip(numbers(batch)) {
                    *value += MOMENTUM * (new - *value);
                }
            }
        }
    }
}

impl Loaded<'_> {
    /// The net's answer before its last sigmoid, for losses that take it together with its logarithm.
    pub(crate) fn logits(&self, input: Signal, seen: Option<&mut Seen>) -> Signal {
        let layers = match self.net.layers.as_slice() {
            [before @ .., Layer::Sigmoid] => before,
            all => all,
        };
        self.pass(layers, input, seen)
    }

    /// The net's answer. With `seen`, batch normalisation takes the batch's own statistics and notes them there.
    pub(crate) fn apply(&self, input: Signal, seen: Option<&mut Seen>) -> Signal {
        self.pass(&self.net.layers, input, seen)
    }

    fn pass(&self, layers: &[Layer], input: Signal, mut seen: Option<&mut Seen>) -> Signal {
        let mut tensors = self.net.weights.iter().zip(&self.tensors);
        let mut x = input;
        for layer in layers {
            let mut next = || tensors.next().map(|(w, t)| (w.shape.as_slice(), t.clone())).expect("as many arrays as layers say");
            x = match *layer {
                Layer::Dense { inputs, outputs } => {
                    let weights = next().1.reshape([outputs, inputs]);
                    let bias = next().1.reshape([1, outputs]);
                    Signal::Rows(x.rows().matmul(weights.transpose()) + bias)
                }
                Layer::Conv { inputs, outputs, size, stride, pad } => {
                    let weights = next().1.reshape([outputs, inputs, size, size]);
                    let options = ConvOptions::new([stride; 2], [pad; 2], [1; 2], 1);
                    Signal::Pictures(module::conv2d(x.pictures(), weights, Some(next().1), options))
                }
                Layer::Norm { .. } => {
                    let [factor, offset, mean, variance] = [(); 4].map(|()| next().1);
                    let epsilon = f64::from(NORM_EPSILON);
                    Signal::Pictures(match seen.as_deref_mut() {
                        Some(seen) => {
                            let normed = module::batch_norm_train(x.pictures(), factor, offset, epsilon);
                            seen.push((normed.mean, normed.variance));
                            normed.output
                        }
                        None => module::batch_norm(x.pictures(), factor, offset, mean, variance, epsilon),
                    })
                }
                Layer::Relu => each(x, activation::relu, activation::relu),
                Layer::Leaky => {
                    let leak = f64::from(LEAK);
                    each(x, |t| activation::leaky_relu(t, leak), |t| activation::leaky_relu(t, leak))
                }
                Layer::Sigmoid => each(x, activation::sigmoid, activation::sigmoid),
                Layer::MaxPool => {
                    let options = MaxPoolOptions::new([2; 2]);
                    Signal::Pictures(module::max_pool2d(x.pictures(), options))
                }
                Layer::Shuffle => Signal::Pictures(shuffle(x.pictures())),
                Layer::Flatten => Signal::Rows(x.rows()),
                Layer::Fold([c, h, w]) => {
                    let rows = x.rows();
                    let n = rows.dims()[0];
                    Signal::Pictures(rows.reshape([n, c, h, w]))
                }
            };
        }
        x
    }

    /// The gradient of every array, in the weights' order; empty for those that are not trained.
    pub(crate) fn gradients(&self, gradients: &mut Gradients) -> Vec<Vec<f32>> {
        self.tensors.iter().map(|t| t.grad_remove(gradients).map(numbers).unwrap_or_default()).collect()
    }
}

fn each(x: Signal, rows: impl Fn(Tensor<2>) -> Tensor<2>, pictures: impl Fn(Tensor<4>) -> Tensor<4>) -> Signal {
    match x {
        Signal::Rows(t) => Signal::Rows(rows(t)),
        Signal::Pictures(t) => Signal::Pictures(pictures(t)),
    }
}

fn shuffle(x: Tensor<4>) -> Tensor<4> {
    let [n, c, h, w] = x.dims();
    x.reshape([n, c / 4, 2, 2, h, w]).permute([0, 1, 4, 2, 5, 3]).reshape([n, c / 4, 2 * h, 2 * w])
}

/// Mean over a batch of the summed cross entropy between pictures and what sigmoids make of `logits`, [batch, numbers].
pub(crate) fn cross_entropy(logits: Tensor<2>, wanted: Tensor<2>) -> Tensor<1> {
    let n = logits.dims()[0] as f32;
    let spread = logits.clone().abs().neg().exp().add_scalar(1.0).log();
    (activation::relu(logits.clone()) - logits * wanted + spread).sum().div_scalar(n)
}

/// Mean over a batch of softplus(x) = ln(1 + exp(x)), x being [batch, 1].
pub(crate) fn mean_softplus(x: Tensor<2>) -> Tensor<1> {
    let spread = x.clone().abs().neg().exp().add_scalar(1.0).log();
    (activation::relu(x) + spread).mean()
}

/// Mean over a batch of the cross entropy between `logits`, [batch, classes], and rows that hold one 1.
pub(crate) fn class_entropy(logits: Tensor<2>, wanted: Tensor<2>) -> Tensor<1> {
    let n = logits.dims()[0] as f32;
    (activation::log_softmax(logits, 1) * wanted).sum().div_scalar(-n)
}

/// A loss as a number.
pub(crate) fn scalar(loss: &Tensor<1>) -> f32 {
    numbers(loss.clone()).first().copied().unwrap_or(f32::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::{conv, dense};

    fn close(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4)
    }

    #[test]
    fn four_channels_become_a_picture_of_twice_the_size() {
        let net = Net::new(&[4, 1, 2], vec![Layer::Shuffle], &mut Dice::new(1));
        let out = net.run(&[1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0]);
        assert_eq!(out, [1.0, 2.0, 5.0, 6.0, 3.0, 4.0, 7.0, 8.0]);
        assert_eq!(net.output(), Some(vec![1, 2, 4]));
    }

    #[test]
    fn layers_that_do_not_fit_are_noticed() {
        assert_eq!(Net::new(&[3], vec![dense(4, 1)], &mut Dice::new(1)).output(), None);
    }

    #[test]
    fn folded_norms_answer_alike() {
        let dice = &mut Dice::new(5);
        let layers = vec![
            dense(3, 16),
            Layer::Fold([4, 2, 2]),
            Layer::Norm { channels: 4 },
            Layer::Relu,
            conv(4, 8, 3, 1),
            Layer::Norm { channels: 8 },
            Layer::Shuffle,
            Layer::Sigmoid,
        ];
        let mut net = Net::new(&[3], layers, dice);
        for weights in net.weights.iter_mut().filter(|w| w.shape.len() == 1) {
            weights.values.iter_mut().for_each(|v| *v = 0.5 + dice.share());
        }
        let inputs = dice.normals(15);
        let folded = net.folded();
        assert!(!folded.layers.iter().any(|l| matches!(l, Layer::Norm { .. })));
        assert!(close(&net.run(&inputs), &folded.run(&inputs)));
    }

    #[test]
    fn gradients_of_every_layer_are_those_of_finite_differences() {
        let dice = &mut Dice::new(2);
        let layers = vec![
            conv(1, 4, 3, 2),
            Layer::Norm { channels: 4 },
            Layer::Leaky,
            Layer::Shuffle,
            conv(1, 2, 3, 1),
            Layer::MaxPool,
            Layer::Flatten,
            dense(8, 2),
        ];
        let net = Net::new(&[1, 4, 4], layers, dice);
        let inputs = dice.normals(48);
        let wanted = vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0];
        let loss = |net: &Net| {
            let loaded = net.load_for_training();
            let rows = loaded.apply(Signal::new(&inputs, &net.input, &tape()), Some(&mut Seen::new())).rows();
            let loss = cross_entropy(rows, Signal::new(&wanted, &[2], &tape()).rows());
            let value = scalar(&loss);
            (value, loaded.gradients(&mut loss.backward()))
        };
        let (_, gradients) = loss(&net);
        for (index, weights) in net.weights.iter().enumerate().filter(|(_, w)| w.trained) {
            let at = weights.values.len() / 2;
            let moved = |by: f32| {
                let mut net = net.clone();
                net.weights[index].values[at] += by;
                loss(&net).0
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            let gradient = gradients[index][at];
            assert!((slope - gradient).abs() < 0.02 * slope.abs().max(0.2), "array {index}: {slope} {gradient}");
        }
    }
}
