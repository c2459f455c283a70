//! A layer's weights and what it reads and should answer in; the whole numbers that answer nearest to that, out.
//!
//! Rounding each weight to the nearest whole number is not what keeps a layer's answers: inputs go together (neighbouring
//! pixels are alike), so errors of rounding add up or cancel. So weights are rounded one after the other, and those to come
//! make up for those that were (Frantar et al. 2022, arXiv 2210.17323, in the form of Babai's nearest plane). The bias
//! takes what is left in the mean.

use super::inputs::Inputs;
use super::net::{Layer, Net};
use super::run;
use super::write::Rows;
use crate::onnx::Tensor;
use anyhow::{Result, ensure};
use tract_onnx::pb;

/// As many pixels, and no fewer inputs, tell enough of a layer.
const ENOUGH_PX: usize = 600_000;
const FEWEST_INPUTS: usize = 16;
/// Places looked at for each weight of a row, and at least.
const PLACES: usize = 8;
const FEWEST_PLACES: usize = 6000;
/// Errors that the inputs do not show count as if every input had this part of the mean power.
const UNSEEN: f64 = 0.01;
/// Parts of a row's largest weight that 127 may stand for.
const REACH: [f32; 6] = [1.0, 0.96, 0.92, 0.88, 0.8, 0.7];

/// The inputs that layers are fitted on.
pub(super) fn enough(inputs: Inputs) -> Inputs {
    inputs.thinned((ENOUGH_PX / inputs.area()).max(FEWEST_INPUTS))
}

/// What a layer should answer, at every so many-th place of all pictures.
pub struct Wanted {
    every: usize,
    /// A number for each row for each place.
    values: Vec<f32>,
}

impl Wanted {
    /// Of each of these layers what the float network answers.
    pub(super) fn of(net: &Net, layers: &[Layer], plain: &pb::ModelProto, inputs: Inputs) -> Result<Vec<Self>> {
        let names: Vec<String> = layers.iter().map(|l| l.name.clone()).collect();
        let columns = |layer: &Layer| net.weights[&layer.weight].shape[1..].iter().product::<usize>();
        let places: Vec<usize> = layers.iter().map(|l| (columns(l) * PLACES).max(FEWEST_PLACES)).collect();
        let mut wanted: Vec<Self> = layers.iter().map(|_| Self { every: 0, values: vec![] }).collect();
        let mut seen_before = vec![0; layers.len()];
        run::run(plain, inputs, &names, &mut |seen| {
            let (rows, area) = (seen.shape[1], seen.shape[2..].iter().product::<usize>());
            let Self { every, values } = &mut wanted[seen.index];
            // An odd step walks through all columns of a picture of even width.
            *every = (inputs.count() * area / places[seen.index]).max(1) | 1;
            let before = &mut seen_before[seen.index];
            for picture in seen.values.chunks_exact(rows * area) {
                for place in chosen(*before, area, *every) {
                    values.extend((0..rows).map(|row| picture[row * area + place]));
                }
                *before += area;
            }
        })?;
        Ok(wanted)
    }
}

/// Of the places of a picture those that are looked at; `before`: places of the pictures before it.
fn chosen(before: usize, area: usize, every: usize) -> impl Iterator<Item = usize> {
    (before.next_multiple_of(every) - before..area).step_by(every)
}

/// What a layer reads and what it should answer, at some places of all pictures.
pub struct Samples {
    /// Weights of a row.
    columns: usize,
    /// Rows of the layer.
    rows: usize,
    /// `columns` numbers for each place.
    inputs: Vec<f32>,
    /// `rows` numbers for each place.
    wanted: Vec<f32>,
}

impl Samples {
    /// `bytes`: a network in which what the layer reads is bytes.
    pub(super) fn take(net: &Net, layer: &Layer, wanted: Wanted, bytes: &pb::ModelProto, inputs: Inputs) -> Result<Self> {
        let shape = &net.weights[&layer.weight].shape;
        let Wanted { every, values } = wanted;
        let mut samples = Self { columns: shape[1..].iter().product(), rows: shape[0], inputs: vec![], wanted: values };
        let window = net.window(layer)?;
        let mut before = 0;
        run::run(bytes, inputs, &[format!("{}.dq", layer.reads)], &mut |seen| {
            let size: usize = seen.shape[1..].iter().product();
            let [height, width] = window.output(seen.shape);
            for picture in seen.values.chunks_exact(size) {
                for place in chosen(before, height * width, every) {
                    window.unfold(picture, seen.shape, [place / width, place % width], &mut samples.inputs);
                }
                before += height * width;
            }
        })?;
        ensure!(
            samples.inputs.len() / samples.columns == samples.wanted.len() / samples.rows,
            "`{}` reads something else than its weights say",
            layer.name
        );
        Ok(samples)
    }

    fn means(values: &[f32], width: usize) -> Vec<f64> {
        let mut sums = vec![0.0; width];
        for place in values.chunks_exact(width) {
            sums.iter_mut().zip(place).for_each(|(s, &v)| *s += f64::from(v));
        }
        let count = (values.len() / width.max(1)).max(1) as f64;
        sums.iter_mut().for_each(|s| *s /= count);
        sums
    }

    /// The bias with which these weights answer right in the mean (Nagel et al. 2019, arXiv 1906.04721, section 4.2).
    pub fn bias(&self, weights: &[f32]) -> Vec<f32> {
        let (inputs, wanted) = (Self::means(&self.inputs, self.columns), Self::means(&self.wanted, self.rows));
        let answers = weights.chunks_exact(self.columns).map(|row| row.iter().zip(&inputs).map(|(&w, x)| f64::from(w) * x).sum());
        wanted.iter().zip(answers).map(|(wanted, answer): (_, f64)| (wanted - answer) as f32).collect()
    }

    /// Whole numbers for the weights and a scale for each row; no bias yet. `bias`: about what it will be; `step`: the scale
    /// of the layer's input.
    pub fn round(&self, weight: &Tensor, bias: &[f32], step: f32) -> Rows {
        let squares = Triangle::of(self.squares(), self.columns);
        let mut rows = Rows::default();
        for (row, &bias) in weight.values.chunks_exact(self.columns).zip(bias) {
            let most = row.iter().fold(0f32, |m, w| m.max(w.abs()));
            let scales = REACH.map(|reach| (most * reach / 127.0).max(Rows::least_scale(bias, step)));
            let (mut best, mut least) = (f32::MAX, f64::INFINITY);
            for scale in scales {
                let (weights, error) = nearest_plane(row, &squares, scale);
                if error < least {
                    least = error;
                    best = scale;
                    rows.weights.truncate(rows.scales.len() * self.columns);
                    rows.weights.extend(weights);
                }
            }
            rows.scales.push(best);
        }
        rows
    }

    /// The inputs' mean products, lower triangle: of deviations from the means only, for the bias takes care of those.
    fn squares(&self) -> Vec<f64> {
        let n = self.columns;
        let middle = Self::means(&self.inputs, n);
        let mut squares = vec![0f32; n * n];
        let mut deviations = vec![0f32; n];
        let share = 1.0 / (self.inputs.len() / n).max(1) as f32;
        for place in self.inputs.chunks_exact(n) {
            deviations.iter_mut().zip(place).zip(&middle).for_each(|((d, &x), &m)| *d = x - m as f32);
            for (i, &d) in deviations.iter().enumerate() {
                add(&mut squares[i * n..=i * n + i], d * share, &deviations);
            }
        }
        let mean = (0..n).map(|i| f64::from(squares[i * n + i])).sum::<f64>() / n as f64;
        let unseen = (mean * UNSEEN).max(f64::MIN_POSITIVE.sqrt());
        let mut squares: Vec<f64> = squares.into_iter().map(f64::from).collect();
        (0..n).for_each(|i| squares[i * n + i] += unseen);
        squares
    }
}

/// row += factor * other, as far as `row` goes.
fn add(row: &mut [f32], factor: f32, other: &[f32]) {
    row.iter_mut().zip(other).for_each(|(r, o)| *r += factor * o);
}

/// The lower triangle L of a symmetric matrix L * Lt.
struct Triangle {
    side: usize,
    rows: Vec<f64>,
}

impl Triangle {
    /// Of the matrix only the lower triangle is read. It is positive: the caller has added to its diagonal.
    fn of(mut rows: Vec<f64>, side: usize) -> Self {
        for i in 0..side {
            let (above, here) = rows.split_at_mut(i * side);
            for j in 0..i {
                let other = &above[j * side..=j * side + j];
                here[j] = (here[j] - dot(&here[..j], &other[..j])) / other[j];
            }
            here[i] = (here[i] - dot(&here[..i], &here[..i])).max(f64::MIN_POSITIVE.sqrt()).sqrt();
        }
        Self { side, rows }
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.side..=i * self.side + i]
    }
}

/// Four sums side by side.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    let mut sums = [0.0; 4];
    for (a, b) in a.0.iter().zip(b.0) {
        (0..4).for_each(|k| sums[k] += a[k] * b[k]);
    }
    sums.iter().sum::<f64>() + a.1.iter().zip(b.1).map(|(a, b)| a * b).sum::<f64>()
}

/// Rounds the last weight, lets those before make up for its error, and so on. Returns the error that is left, too.
fn nearest_plane(row: &[f32], squares: &Triangle, scale: f32) -> (Vec<i8>, f64) {
    let step = f64::from(scale);
    let mut weights = vec![0; row.len()];
    // What the errors so far ask of each weight, times the diagonal.
    let mut asked = vec![0.0; row.len()];
    let mut error = 0.0;
    for i in (0..row.len()).rev() {
        let line = squares.row(i);
        let centre = f64::from(row[i]) - asked[i] / line[i];
        let whole = (centre / step).round_ties_even().clamp(-127.0, 127.0);
        weights[i] = whole as i8;
        error += (line[i] * (whole * step - centre)).powi(2);
        let amiss = whole * step - f64::from(row[i]);
        asked[..i].iter_mut().zip(line).for_each(|(a, l)| *a += amiss * l);
    }
    (weights, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three inputs of which the first two are nearly the same, and a layer of two rows.
    fn samples(weights: &[f32], bias: [f32; 2]) -> Samples {
        let mut samples = Samples { columns: 3, rows: 2, inputs: vec![], wanted: vec![] };
        for i in 0..500u32 {
            let noise = |k: u32| (i.wrapping_mul(2_654_435_761).wrapping_mul(k) >> 8) as f32 / (1 << 24) as f32;
            let x = [10.0 + noise(1), 10.0 + noise(1) + 0.01 * noise(3), noise(5)];
            let dot = |row: &[f32]| row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>();
            samples.wanted.extend(weights.chunks_exact(3).zip(bias).map(|(row, b)| dot(row) + b));
            samples.inputs.extend(x);
        }
        samples
    }

    /// Mean square of what the rows answer amiss.
    fn error(samples: &Samples, weights: &[f32]) -> f32 {
        let bias = samples.bias(weights);
        let places = samples.inputs.chunks_exact(3).zip(samples.wanted.chunks_exact(2));
        let squares = places.flat_map(|(x, wanted)| {
            [0, 1].map(|r| weights[3 * r..3 * r + 3].iter().zip(x).map(|(w, x)| w * x).sum::<f32>() + bias[r] - wanted[r])
        });
        squares.map(|e| e * e).sum::<f32>() / 1000.0
    }

    #[test]
    fn rounding_errors_cancel_where_inputs_go_together() {
        // Both of the first two are rounded down by nearly half a step if each goes to the nearest.
        let weights = [99.45, 40.45, 127.0, 0.495, 0.495, 127.0];
        let samples = samples(&weights, [0.0, 1.0]);
        let weight = Tensor::new(&[2, 3], weights.to_vec()).unwrap();
        let nearest = Rows::quantize(&weight, &Tensor::new(&[2], vec![0.0, 1.0]).unwrap(), 1.0).weight_values();
        let fitted = samples.round(&weight, &[0.0; 2], 1.0).weight_values();
        assert!(error(&samples, &fitted) < error(&samples, &nearest) / 4.0, "{fitted:?} {nearest:?}");
    }

    #[test]
    fn whole_weights_stay_as_they_are() {
        let weights = [127.0, -5.0, 3.0, 1.0, 0.0, -127.0];
        let rows = samples(&weights, [0.0; 2]).round(&Tensor::new(&[2, 3], weights.to_vec()).unwrap(), &[0.0; 2], 1.0);
        assert_eq!(rows.weight_values(), weights);
    }

    #[test]
    fn a_bias_makes_up_for_the_mean_of_what_weights_lack() {
        let bias = samples(&[2.0, 1.0, 0.0, 0.0, 0.0, 1.0], [0.5, -0.5]).bias(&[1.0, 2.0, 0.0, 0.0, 0.0, 1.0]);
        assert!((bias[0] - 0.5).abs() < 0.01 && (bias[1] + 0.5).abs() < 1e-3, "{bias:?}");
    }

    #[test]
    fn a_triangle_times_itself_is_the_matrix() {
        let l = Triangle::of(vec![4.0, 0.0, 0.0, 2.0, 5.0, 0.0, -2.0, 3.0, 6.0], 3);
        assert_eq!((l.row(0), l.row(1), l.row(2)), (&[2.0][..], &[1.0, 2.0][..], &[-1.0, 2.0, 1.0][..]));
    }

    #[test]
    fn places_go_on_from_picture_to_picture() {
        let of = |picture: usize| chosen(picture * 4, 4, 3).collect::<Vec<_>>();
        assert_eq!([of(0), of(1), of(2)], [vec![0, 3], vec![2], vec![1]]);
    }
}
