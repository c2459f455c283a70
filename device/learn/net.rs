//! A list of layers with its numbers: plain data, and its answers.

use crate::layer::{Layer, NORM_EPSILON, Weights};
use crate::pass::{Pass, Statistics};
use crate::random::Dice;

/// How far a running mean moves towards each batch's.
const MOMENTUM: f32 = 0.1;

/// At most so many samples go through a net at once in [`Net::run`], so that memory stays small.
const CHUNK: usize = 64;

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
        inputs.chunks(CHUNK * length).flat_map(|chunk| Pass::forward(self, chunk, Statistics::Running).output()).collect()
    }

    /// Moves the running means and variances towards those that a batch's pass has seen.
    pub(crate) fn follow(&mut self, seen: Vec<[Vec<f32>; 2]>) {
        let (mut weights, mut seen) = (self.weights.as_mut_slice(), seen.into_iter());
        for layer in &self.layers {
            let (own, rest) = weights.split_at_mut(layer.arrays());
            weights = rest;
            let batch = match layer {
                Layer::Norm { .. } => seen.next(),
                _ => None,
            };
            for (running, new) in own.iter_mut().filter(|w| !w.trained).zip(batch.into_iter().flatten()) {
                running.values.iter_mut().zip(new).for_each(|(value, new)| *value += MOMENTUM * (new - *value));
            }
        }
    }
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
}
