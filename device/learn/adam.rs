//! Gradients in, changed weights out.

use crate::net::Net;

/// Adam (Kingma and Ba 2015) with its memory of a net's gradients.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub rate: f32,
    /// Factor on the rate for the next steps.
    pub pace: f32,
    /// How much of the old mean gradient stays each step.
    pub keep_mean: f32,
    /// How much of the old mean square stays each step.
    pub keep_square: f32,
    /// Steps so far.
    pub steps: u64,
    /// Means of the gradients: one array per array of the net.
    pub means: Vec<Vec<f32>>,
    /// Means of their squares.
    pub squares: Vec<Vec<f32>>,
}

const EPSILON: f32 = 1e-8;

impl Adam {
    /// Nothing remembered; for a net of that shape only.
    pub fn new(net: &Net, rate: f32, keep_mean: f32, keep_square: f32) -> Self {
        let zeros: Vec<Vec<f32>> =
            net.weights.iter().map(|w| if w.trained { vec![0.0; w.values.len()] } else { vec![] }).collect();
        Self { rate, pace: 1.0, keep_mean, keep_square, steps: 0, means: zeros.clone(), squares: zeros }
    }

    /// One step along `gradients`, one array per array of the net; arrays without a gradient stay.
    pub fn step(&mut self, net: &mut Net, gradients: &[Vec<f32>]) {
        self.steps += 1;
        let steps = self.steps as i32;
        let (a, b) = (self.keep_mean, self.keep_square);
        let rate = self.rate * self.pace / (1.0 - a.powi(steps));
        let square_share = 1.0 / (1.0 - b.powi(steps));
        let memory = self.means.iter_mut().zip(&mut self.squares);
        for ((weights, gradient), (means, squares)) in net.weights.iter_mut().zip(gradients).zip(memory) {
            let numbers = weights.values.iter_mut().zip(gradient).zip(means.iter_mut().zip(squares));
            for ((value, g), (mean, square)) in numbers {
                *mean += (1.0 - a) * (g - *mean);
                *square += (1.0 - b) * (g * g - *square);
                *value -= rate * *mean / ((*square * square_share).sqrt() + EPSILON);
            }
        }
    }
}

/// Moves the slow copy of a net towards it: `keep` of the copy stays (an exponential moving average of the weights).
pub fn average(slow: &mut Net, net: &Net, keep: f32) {
    for (slow, fast) in slow.weights.iter_mut().zip(&net.weights) {
        for (s, f) in slow.values.iter_mut().zip(&fast.values) {
            *s += (1.0 - keep) * (f - *s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::dense;
    use crate::random::Dice;

    #[test]
    fn the_first_step_is_as_long_as_the_rate_whatever_the_gradient() {
        let mut net = Net::new(&[1], vec![dense(1, 1)], &mut Dice::new(1));
        net.weights[0].values[0] = 0.5;
        let mut adam = Adam::new(&net, 0.1, 0.9, 0.999);
        adam.step(&mut net, &[vec![1000.0], vec![-0.01]]);
        assert!((net.weights[0].values[0] - 0.4).abs() < 1e-5 && (net.weights[1].values[0] - 0.1).abs() < 1e-5);
    }

    #[test]
    fn an_array_without_a_gradient_stays() {
        let mut net = Net::new(&[1], vec![dense(1, 1)], &mut Dice::new(1));
        let before = net.clone();
        Adam::new(&net, 0.1, 0.9, 0.999).step(&mut net, &[vec![], vec![]]);
        assert_eq!(net, before);
    }
}
