//! A net in, the same net with no layer that stretches anything by more than 1 out.
//!
//! Spectral normalisation (Miyato et al. 2018) as a projection: after a step, weights whose largest singular value is above
//! 1 are divided by it. The value comes from power iteration, which goes on where the step before left it.

use crate::layer::Layer;
use crate::net::Net;

/// Guesses at each layer's direction of largest stretch, kept between steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Directions(pub Vec<Vec<f32>>);

impl Directions {
    /// Flat first guesses, one per dense or convolution layer.
    pub fn new(net: &Net) -> Self {
        let rows = matrices(net).into_iter().map(|i| net.weights[i].shape[0]);
        Self(rows.map(|n| vec![1.0 / (n as f32).sqrt(); n]).collect())
    }

    /// Divides each layer's weights, as a matrix [outputs, the rest], by its largest singular value where that is above `most`.
    pub fn limit(&mut self, net: &mut Net, most: f32) {
        for (index, left) in matrices(net).into_iter().zip(&mut self.0) {
            let weights = &mut net.weights[index].values;
            let sigma = stretch(weights, left);
            if sigma > most {
                weights.iter_mut().for_each(|w| *w *= most / sigma);
            }
        }
    }
}

/// Where the weight matrices lie among a net's arrays.
fn matrices(net: &Net) -> Vec<usize> {
    let mut at = 0;
    let mut found = Vec::new();
    for layer in &net.layers {
        if matches!(layer, Layer::Dense { .. } | Layer::Conv { .. }) {
            found.push(at);
        }
        at += layer.arrays();
    }
    found
}

/// One step of power iteration: improves `left`, returns the largest singular value as far as known.
fn stretch(weights: &[f32], left: &mut [f32]) -> f32 {
    let columns = weights.len() / left.len();
    let mut right = vec![0.0; columns];
    for (row, l) in weights.chunks_exact(columns).zip(left.iter()) {
        right.iter_mut().zip(row).for_each(|(r, w)| *r += l * w);
    }
    unit(&mut right);
    for (row, l) in weights.chunks_exact(columns).zip(left.iter_mut()) {
        *l = row.iter().zip(&right).map(|(w, r)| w * r).sum();
    }
    unit(left)
}

fn unit(vector: &mut [f32]) -> f32 {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|v| *v /= length.max(1e-12));
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::dense;
    use crate::random::Dice;

    #[test]
    fn a_matrix_that_stretches_threefold_is_divided_by_three() {
        let mut net = Net::new(&[2], vec![dense(2, 2)], &mut Dice::new(1));
        net.weights[0].values = vec![3.0, 0.0, 0.0, 1.0];
        let mut directions = Directions::new(&net);
        let mut probe = net.clone();
        for _ in 0..20 {
            directions.limit(&mut probe, f32::INFINITY);
        }
        directions.limit(&mut net, 1.0);
        for (got, wanted) in net.weights[0].values.iter().zip([1.0, 0.0, 0.0, 1.0 / 3.0]) {
            assert!((got - wanted).abs() < 1e-4, "{:?}", net.weights[0].values);
        }
    }
}
