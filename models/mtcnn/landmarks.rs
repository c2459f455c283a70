//! O-Net after it was taught in; the same with landmarks that fit best out.
//!
//! Its last layer is linear in what the layers before make of a crop, and so the best one can be computed: ridge regression, drawn to the
//! layer that is there, on other copies of the photos. Distances count, not their squares, which weighing the faces anew some times
//! brings about (iteratively reweighted least squares): one face with landmarks far off does not move it.
//!
//! It is fitted to what O-Net gets at a second look: two squares around its own box, which lie nearer to where the face is than what
//! R-Net lets through.

use lookalike_learn::Net;
use lookalike_learn::faces::{BEFORE, POINTS, eyes_apart};

/// Epochs of copies that it is fitted to.
pub const COPIES: usize = 12;

/// How strongly the layer is drawn to the one that is there, for inputs of variance 1, and where there are fewer faces than inputs
/// so many times as strongly.
const RIDGE: f64 = 1.0;

/// Times that faces are weighed.
const ROUNDS: usize = 8;

/// A face weighs as one over its mean distance, but for those nearer than this share of the median.
const NEAR: f64 = 0.5;

const NUMBERS: usize = 2 * POINTS;

/// What the layer is fitted to.
#[derive(Default)]
pub struct Fit {
    /// What the layer gets, a row for each face.
    inputs: Vec<f32>,
    /// What it should add to what it says.
    off: Vec<[f32; NUMBERS]>,
    /// Distances of the eyes, in shares of the crop.
    apart: Vec<f32>,
}

impl Fit {
    /// Crops, [n, 3, 48, 48], and the landmarks in them: every x, then every y, in shares of the crop.
    pub fn add(&mut self, net: &Net, crops: &[f32], wanted: &[[f32; NUMBERS]]) {
        let (matrix, bias, trunk) = parts(net);
        let inputs = trunk.run(crops);
        let length = inputs.len() / wanted.len().max(1);
        for (input, wanted) in inputs.chunks_exact(length.max(1)).zip(wanted) {
            let row = |k: usize| &matrix[(BEFORE + k) * length..][..length];
            let said = |k: usize| bias[BEFORE + k] + row(k).iter().zip(input).map(|(w, x)| w * x).sum::<f32>();
            self.off.push(std::array::from_fn(|k| wanted[k] - said(k)));
            self.apart.push(eyes_apart(wanted));
        }
        self.inputs.extend(inputs);
    }

    /// Faces that were added.
    pub fn count(&self) -> usize {
        self.off.len()
    }

    /// Changes the last layer. Returns the median distance of the landmarks before and after, in distances of the eyes; nothing where
    /// there are no faces.
    pub fn apply(&self, net: &mut Net) -> Option<[f64; 2]> {
        let count = self.off.len();
        let length = self.inputs.len() / count.max(1);
        if count == 0 {
            return None;
        }
        let mut weights = vec![1.0; count];
        let mut best = Layer { means: vec![0.0; length], matrix: vec![[0.0; NUMBERS]; length], bias: [0.0; NUMBERS] };
        let before = median(self.distances(&best));
        for _ in 0..ROUNDS {
            best = self.solved(&weights)?;
            let distances = self.distances(&best);
            let least = NEAR * median(distances.clone());
            for ((weight, distance), apart) in weights.iter_mut().zip(distances).zip(&self.apart) {
                *weight = 1.0 / distance.max(least).max(1e-9) / f64::from(apart * apart);
            }
            let mean = weights.iter().sum::<f64>() / count as f64;
            weights.iter_mut().for_each(|weight| *weight /= mean);
        }
        let after = median(self.distances(&best));
        let [.., matrix, bias] = net.weights.as_mut_slice() else { return None };
        for k in 0..NUMBERS {
            let row = &mut matrix.values[(BEFORE + k) * length..][..length];
            row.iter_mut().zip(&best.matrix).for_each(|(value, add)| *value += add[k] as f32);
            let shift = best.means.iter().zip(&best.matrix).map(|(mean, add)| mean * add[k]).sum::<f64>();
            bias.values[BEFORE + k] += (best.bias[k] - shift) as f32;
        }
        Some([before, after])
    }

    fn rows(&self) -> impl Iterator<Item = (&[f32], &[f32; NUMBERS])> {
        self.inputs.chunks_exact((self.inputs.len() / self.off.len()).max(1)).zip(&self.off)
    }

    /// Mean distances of faces' landmarks, in distances of the eyes, after what the layer adds.
    fn distances(&self, layer: &Layer) -> Vec<f64> {
        let of = |((input, off), apart): ((&[f32], &[f32; NUMBERS]), &f32)| {
            let mut rest: [f64; NUMBERS] = std::array::from_fn(|k| f64::from(off[k]) - layer.bias[k]);
            for ((x, mean), add) in input.iter().zip(&layer.means).zip(&layer.matrix) {
                let x = f64::from(*x) - mean;
                rest.iter_mut().zip(add).for_each(|(rest, add)| *rest -= x * add);
            }
            (0..POINTS).map(|p| rest[p].hypot(rest[POINTS + p])).sum::<f64>() / POINTS as f64 / f64::from(*apart)
        };
        self.rows().zip(&self.apart).map(of).collect()
    }

    /// The layer to add that has the least squares with these weights, whose mean is 1.
    fn solved(&self, weights: &[f64]) -> Option<Layer> {
        let count = self.off.len() as f64;
        let length = self.inputs.len() / self.off.len();
        let (mut means, mut bias) = (vec![0.0; length], [0.0; NUMBERS]);
        for ((input, off), weight) in self.rows().zip(weights) {
            means.iter_mut().zip(input).for_each(|(mean, x)| *mean += weight * f64::from(*x) / count);
            bias.iter_mut().zip(off).for_each(|(mean, y)| *mean += weight * f64::from(*y) / count);
        }
        let (mut squares, mut right) = (vec![0.0; length * length], vec![[0.0; NUMBERS]; length]);
        let mut x = vec![0.0; length];
        for ((input, off), weight) in self.rows().zip(weights) {
            x.iter_mut().zip(input).zip(&means).for_each(|((x, input), mean)| *x = f64::from(*input) - mean);
            for i in 0..length {
                let by = weight * x[i];
                squares[i * length..][..=i].iter_mut().zip(&x).for_each(|(sum, x)| *sum += by * x);
                (0..NUMBERS).for_each(|k| right[i][k] += by * (f64::from(off[k]) - bias[k]));
            }
        }
        let ridge = RIDGE * (length as f64 / count).max(1.0);
        for i in 0..length {
            squares[i * length + i] += ridge * squares[i * length + i].max(1e-9);
        }
        solve(&mut squares, &mut right)?;
        Some(Layer { means, matrix: right, bias })
    }
}

/// What is added to a layer: bias + matrix^T (input - means).
struct Layer {
    means: Vec<f64>,
    matrix: Vec<[f64; NUMBERS]>,
    bias: [f64; NUMBERS],
}

/// Numbers and bias of the last layer, and the net before it.
fn parts(net: &Net) -> (&[f32], &[f32], Net) {
    let (before, last) = net.weights.split_at(net.weights.len() - 2);
    let layers = net.layers[..net.layers.len() - 1].to_vec();
    (&last[0].values, &last[1].values, Net { input: net.input.clone(), layers, weights: before.to_vec() })
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Cholesky: the lower half of a symmetric matrix and right sides in, the solutions out, in the place of the right sides. `None` where
/// the matrix is not positive definite.
fn solve(matrix: &mut [f64], right: &mut [[f64; NUMBERS]]) -> Option<()> {
    let n = right.len();
    for i in 0..n {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|k| matrix[i * n + k] * matrix[j * n + k]).sum();
            let rest = matrix[i * n + j] - sum;
            matrix[i * n + j] = if i == j { (rest > 0.0).then(|| rest.sqrt())? } else { rest / matrix[j * n + j] };
        }
        let (solved, rest) = right.split_at_mut(i);
        eliminate(&mut rest[0], solved.iter().zip((0..i).map(|k| matrix[i * n + k])), matrix[i * n + i]);
    }
    for i in (0..n).rev() {
        let (rest, solved) = right.split_at_mut(i + 1);
        eliminate(&mut rest[i], solved.iter().zip((i + 1..n).map(|k| matrix[k * n + i])), matrix[i * n + i]);
    }
    Some(())
}

/// A row of right sides, less those that are solved times their factors, over its own factor.
fn eliminate<'r>(row: &mut [f64; NUMBERS], solved: impl Iterator<Item = (&'r [f64; NUMBERS], f64)>, own: f64) {
    for (solved, by) in solved {
        row.iter_mut().zip(solved).for_each(|(value, solved)| *value -= by * solved);
    }
    row.iter_mut().for_each(|value| *value /= own);
}

#[cfg(test)]
mod tests {
    use super::*;
    use lookalike_learn::Dice;
    use lookalike_learn::layer::dense;

    const INPUTS: usize = 6;

    /// A net of rows, inputs for it, and what it says of their landmarks.
    fn net(count: usize) -> (Net, Vec<f32>, Vec<[f32; NUMBERS]>) {
        let dice = &mut Dice::new(5);
        let net = Net::new(&[INPUTS], vec![dense(INPUTS, 8), dense(8, BEFORE + NUMBERS)], dice);
        let inputs = dice.normals(count * INPUTS);
        let said = said(&net, &inputs);
        (net, inputs, said)
    }

    fn said(net: &Net, inputs: &[f32]) -> Vec<[f32; NUMBERS]> {
        net.run(inputs).chunks_exact(BEFORE + NUMBERS).map(|row| row[BEFORE..].try_into().unwrap()).collect()
    }

    /// Largest distance of a coordinate from where it should be.
    fn farthest(net: &Net, inputs: &[f32], wanted: &[[f32; NUMBERS]]) -> f32 {
        let pairs = said(net, inputs).into_iter().zip(wanted).flat_map(|(said, wanted)| said.into_iter().zip(*wanted));
        pairs.map(|(said, wanted)| (said - wanted).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn the_layer_is_moved_to_where_landmarks_are_and_faces_that_are_far_off_do_not_matter() {
        let (net, inputs, mut wanted) = net(400);
        for row in &mut wanted {
            row.iter_mut().enumerate().for_each(|(k, value)| *value += 0.03 * (k as f32 - 4.0));
        }
        let right = wanted.clone();
        wanted.iter_mut().step_by(5).for_each(|row| row.iter_mut().for_each(|value| *value += 3.0));
        let mut fit = Fit::default();
        for (inputs, wanted) in inputs.chunks(150 * INPUTS).zip(wanted.chunks(150)) {
            fit.add(&net, inputs, wanted);
        }
        let mut fitted = net.clone();
        let [before, after] = fit.apply(&mut fitted).unwrap();
        assert!(after < 0.1 * before, "{before} {after}");
        let [before, after] = [&net, &fitted].map(|net| farthest(net, &inputs, &right));
        assert!(before > 0.1 && after < 0.03, "{before} {after}");
        assert!(fitted.run(&inputs).iter().zip(net.run(&inputs)).enumerate().all(|(i, (a, b))| i % 16 >= BEFORE || *a == b));
    }

    #[test]
    fn it_is_ridge_regression_where_all_faces_count_the_same() {
        let (net, inputs, mut wanted) = net(64);
        wanted.iter_mut().zip(inputs.chunks(INPUTS)).for_each(|(row, input)| row[0] += 0.5 * input[2] * input[2]);
        let mut fit = Fit::default();
        fit.add(&net, &inputs, &wanted);
        let layer = fit.solved(&[1.0; 64]).unwrap();
        // At the least, the slope along every number is none.
        let rest = |layer: &Layer| {
            let squares = |((input, off), _): ((&[f32], &[f32; NUMBERS]), usize)| {
                let add: f64 =
                    input.iter().zip(&layer.means).zip(&layer.matrix).map(|((x, mean), m)| (f64::from(*x) - mean) * m[0]).sum();
                (f64::from(off[0]) - layer.bias[0] - add).powi(2)
            };
            let variance = |i: usize| fit.rows().map(|(input, _)| (f64::from(input[i]) - layer.means[i]).powi(2)).sum::<f64>();
            fit.rows().zip(0..).map(squares).sum::<f64>()
                + layer.matrix.iter().enumerate().map(|(i, m)| RIDGE * variance(i) * m[0] * m[0]).sum::<f64>()
        };
        let least = rest(&layer);
        for i in 0..layer.matrix.len() {
            for by in [-1e-3, 1e-3] {
                let mut moved = Layer { means: layer.means.clone(), matrix: layer.matrix.clone(), bias: layer.bias };
                moved.matrix[i][0] += by;
                assert!(rest(&moved) > least, "{i} {by}");
            }
        }
    }

    #[test]
    fn two_faces_move_the_layer_by_less_than_they_ask_for_and_none_not_at_all() {
        let (net, inputs, mut wanted) = net(2);
        let before = wanted.clone();
        wanted[0].iter_mut().for_each(|value| *value += 0.1);
        wanted[1].iter_mut().for_each(|value| *value -= 0.1);
        let (mut fit, mut fitted) = (Fit::default(), net.clone());
        fit.add(&net, &inputs, &wanted);
        fit.apply(&mut fitted).unwrap();
        let after = said(&fitted, &inputs);
        for k in 0..NUMBERS {
            let share = (after[0][k] - before[0][k] - after[1][k] + before[1][k]) / 0.2;
            // Of 8 inputs, drawn back four times as strongly; else it were 8 / 9.
            assert!((share - 8.0 / 12.0).abs() < 0.02, "{k}: {share}");
        }
        let mut fitted = net.clone();
        assert!(Fit::default().apply(&mut fitted).is_none() && fitted == net);
    }
}
