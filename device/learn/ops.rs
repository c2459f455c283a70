//! What single layers make of numbers, and of gradients.
//!
//! The batch lies innermost, [numbers, batch] or [channels, height, width, batch]: what one weight meets is then a run of memory
//! as long as the batch wherever it lies in the picture, flattening moves nothing, and dense layers and convolutions alike are
//! products of the weights as they are with such matrices.

use crate::layer::NORM_EPSILON;
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

/// So many numbers of unfolded windows are kept at once: what the second-level cache of a small board holds.
const UNFOLDED: usize = 1 << 17;

/// A matrix in memory: rows, columns, numbers from row to row and from column to column.
#[derive(Clone, Copy)]
pub(crate) struct Lie {
    rows: usize,
    columns: usize,
    row: usize,
}

/// `rows` runs of `columns` numbers; the next begins `row` numbers further on.
pub(crate) fn lie(rows: usize, columns: usize, row: usize) -> Lie {
    Lie { rows, columns, row }
}

pub(crate) fn view(values: &[f32], lie: Lie) -> ArrayView2<'_, f32> {
    use ndarray::ShapeBuilder;
    ArrayView2::from_shape((lie.rows, lie.columns).strides((lie.row, 1)), values).expect("a matrix lies inside its numbers")
}

/// c = a b, or c += a b.
pub(crate) fn multiply(a: ArrayView2<f32>, b: ArrayView2<f32>, c: &mut [f32], at: Lie, add: bool) {
    use ndarray::ShapeBuilder;
    let shape = (at.rows, at.columns).strides((at.row, 1));
    let mut c = ArrayViewMut2::from_shape(shape, c).expect("a matrix lies inside its numbers");
    general_mat_mul(1.0, &a, &b, if add { 1.0 } else { 0.0 }, &mut c);
}

/// A convolution over a batch of pictures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub inputs: usize,
    pub outputs: usize,
    pub size: usize,
    pub stride: usize,
    pub pad: usize,
    /// Pictures in the batch.
    pub n: usize,
    /// Height and width of the input.
    pub from: [usize; 2],
    /// Height and width of the output.
    pub to: [usize; 2],
}

impl Window {
    fn depth(&self) -> usize {
        self.inputs * self.size * self.size
    }

    /// Ranges of rows of the output whose unfolded windows are looked at together.
    fn parts(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let rows = self.to[0];
        let step = (UNFOLDED / (self.depth() * self.to[1] * self.n).max(1)).clamp(1, rows.max(1));
        (0..rows).step_by(step).map(move |start| (start, (start + step).min(rows)))
    }

    /// Outputs of `input` [inputs, h, w, n]; `weights` [outputs, inputs, size, size].
    pub(crate) fn apply(&self, input: &[f32], weights: &[f32], bias: &[f32]) -> Vec<f32> {
        let (line, row) = (self.to[1] * self.n, self.to[0] * self.to[1] * self.n);
        let mut out = Vec::with_capacity(self.outputs * row);
        bias.iter().for_each(|b| out.resize(out.len() + row, *b));
        let mut unfolded = vec![];
        for (start, end) in self.parts() {
            let columns = (end - start) * line;
            self.unfold(input, start, end, &mut unfolded);
            let a = view(weights, lie(self.outputs, self.depth(), self.depth()));
            let b = view(&unfolded, lie(self.depth(), columns, columns));
            multiply(a, b, &mut out[start * line..], lie(self.outputs, columns, row), true);
        }
        out
    }

    /// Gradients of the weights and the bias from the output's.
    pub(crate) fn learn(&self, input: &[f32], gradient: &[f32]) -> [Vec<f32>; 2] {
        let (line, row) = (self.to[1] * self.n, self.to[0] * self.to[1] * self.n);
        let mut of_weights = vec![0.0; self.outputs * self.depth()];
        let mut unfolded = vec![];
        for (start, end) in self.parts() {
            let columns = (end - start) * line;
            let above = view(&gradient[start * line..], lie(self.outputs, columns, row));
            self.unfold(input, start, end, &mut unfolded);
            let windows = view(&unfolded, lie(self.depth(), columns, columns));
            multiply(above, windows.t(), &mut of_weights, lie(self.outputs, self.depth(), self.depth()), true);
        }
        [of_weights, sums(gradient, self.outputs)]
    }

    /// The input's gradient from the output's.
    pub(crate) fn back(&self, weights: &[f32], gradient: &[f32]) -> Vec<f32> {
        let (line, row) = (self.to[1] * self.n, self.to[0] * self.to[1] * self.n);
        let mut of_input = vec![0.0; self.inputs * self.from[0] * self.from[1] * self.n];
        let mut unfolded = vec![];
        for (start, end) in self.parts() {
            let columns = (end - start) * line;
            let above = view(&gradient[start * line..], lie(self.outputs, columns, row));
            unfolded.resize(self.depth() * columns, 0.0);
            let weights = view(weights, lie(self.outputs, self.depth(), self.depth()));
            multiply(weights.t(), above, &mut unfolded, lie(self.depth(), columns, columns), false);
            self.runs(start, end, |inside, at, length| {
                let (to, from) = (&mut of_input[inside..][..length], &unfolded[at..][..length]);
                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
            });
        }
        of_input
    }

    /// [inputs, size, size, rows, width of the output, n]: what each weight meets, in the rows of the output from `start`.
    fn unfold(&self, input: &[f32], start: usize, end: usize, unfolded: &mut Vec<f32>) {
        let length = self.depth() * (end - start) * self.to[1] * self.n;
        if self.pad > 0 || unfolded.len() != length {
            unfolded.clear();
            unfolded.resize(length, 0.0);
        }
        self.runs(start, end, |inside, at, length| {
            unfolded[at..][..length].copy_from_slice(&input[inside..][..length]);
        });
    }

    /// Every run of numbers that one weight meets inside the picture: where it lies in the input, where in the unfolded matrix,
    /// and its length.
    fn runs(&self, start: usize, end: usize, mut each: impl FnMut(usize, usize, usize)) {
        let ([h, w], ow, n) = (self.from, self.to[1], self.n);
        let (stride, pad) = (self.stride, self.pad);
        for k in 0..self.depth() {
            let (channel, ky, kx) = (k / (self.size * self.size), k / self.size % self.size, k % self.size);
            // Outputs x with 0 <= x stride + kx - pad < w.
            let first = pad.saturating_sub(kx).div_ceil(stride).min(ow);
            let last = if w + pad > kx { ((w + pad - kx - 1) / stride + 1).min(ow) } else { 0 };
            for y in start..end {
                let Some(from) = (y * stride + ky).checked_sub(pad).filter(|from| *from < h) else { continue };
                let (row, at) = ((channel * h + from) * w, (k * (end - start) + y - start) * ow);
                match stride {
                    1 if first < last => each((row + first + kx - pad) * n, (at + first) * n, (last - first) * n),
                    _ => (first..last).for_each(|x| each((row + x * stride + kx - pad) * n, (at + x) * n, n)),
                }
            }
        }
    }
}

/// The sum of each of so many equal runs.
pub(crate) fn sums(values: &[f32], runs: usize) -> Vec<f32> {
    values.chunks_exact((values.len() / runs).max(1)).map(|run| sum(run, |v| v)).collect()
}

/// Sum of what `term` makes of each number, in several partial sums.
pub(crate) fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    sum_of_two(values, values, |a, _| term(a))
}

/// The same over two runs of numbers of one length.
pub(crate) fn sum_of_two(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0.0; LANES];
    let (a_whole, b_whole) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_whole.remainder().iter().zip(b_whole.remainder()).map(|(a, b)| term(*a, *b)).sum();
    for (a, b) in a_whole.zip(b_whole) {
        for i in 0..LANES {
            lanes[i] += term(a[i], b[i]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

/// Batch normalisation (Ioffe and Szegedy 2015) of [channels, ...] with the batch's own means and variances, which are
/// returned, too.
pub(crate) fn norm(input: &[f32], factor: &[f32], offset: &[f32]) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let length = input.len() / factor.len();
    let (mut out, mut means, mut variances) = (Vec::with_capacity(input.len()), vec![], vec![]);
    for ((line, factor), offset) in input.chunks_exact(length.max(1)).zip(factor).zip(offset) {
        let mean = sum(line, |v| v) / length as f32;
        let variance = sum(line, |v| (v - mean) * (v - mean)) / length as f32;
        let scale = factor / (variance + NORM_EPSILON).sqrt();
        out.extend(line.iter().map(|v| (v - mean) * scale + offset));
        means.push(mean);
        variances.push(variance);
    }
    (out, means, variances)
}

/// Gradients of factor, offset and input.
pub(crate) fn norm_back(
    input: &[f32],
    factor: &[f32],
    (means, variances): (&[f32], &[f32]),
    gradient: &[f32],
) -> ([Vec<f32>; 2], Vec<f32>) {
    let length = input.len() / factor.len();
    let (mut of_factor, mut of_offset, mut of_input) = (vec![], vec![], Vec::with_capacity(input.len()));
    let lines = input.chunks_exact(length.max(1)).zip(gradient.chunks_exact(length.max(1)));
    for (channel, (line, above)) in lines.enumerate() {
        let (mean, spread) = (means[channel], 1.0 / (variances[channel] + NORM_EPSILON).sqrt());
        let total = sum(above, |g| g);
        let along = sum_of_two(line, above, |v, g| (v - mean) * g) * spread;
        let (each, lean) = (total / length as f32, along / length as f32);
        let scale = factor[channel] * spread;
        of_input.extend(line.iter().zip(above).map(|(v, g)| scale * (g - each - (v - mean) * spread * lean)));
        of_factor.push(along);
        of_offset.push(total);
    }
    ([of_factor, of_offset], of_input)
}

/// The largest of each window of [channels, h, w, n], windows of `size` lying two apart, `to` of them; and which place of its window
/// it had. What lies beyond the edge counts as nothing.
pub(crate) fn max_pool(input: &[f32], shape: [usize; 4], to: [usize; 2], size: usize) -> (Vec<f32>, Vec<u8>) {
    let length = shape[0] * to[0] * to[1] * shape[3];
    let n = shape[3];
    let (mut out, mut picks) = (vec![0.0; length], vec![0u8; length]);
    places(shape, to, size, |to, place, from| {
        let runs = out[to..][..n].iter_mut().zip(&mut picks[to..][..n]).zip(&input[from..][..n]);
        for ((most, pick), value) in runs {
            let better = place == 0 || value > most;
            *most = if better { *value } else { *most };
            *pick = if better { place } else { *pick };
        }
    });
    (out, picks)
}

/// The gradient goes to the number that was taken.
pub(crate) fn max_pool_back(gradient: &[f32], picks: &[u8], shape: [usize; 4], to: [usize; 2], size: usize) -> Vec<f32> {
    let n = shape[3];
    let mut out = vec![0.0; shape.iter().product()];
    places(shape, to, size, |from, place, to| {
        let runs = out[to..][..n].iter_mut().zip(&gradient[from..][..n]).zip(&picks[from..][..n]);
        runs.for_each(|((out, g), pick)| *out += if *pick == place { *g } else { 0.0 });
    });
    out
}

/// For each window: where its run lies among the windows, and each place in it, from 0 on, with that place's run.
fn places([c, h, w, n]: [usize; 4], [rows, columns]: [usize; 2], size: usize, mut each: impl FnMut(usize, u8, usize)) {
    for channel in 0..c {
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            let window = ((channel * rows + y) * columns + x) * n;
            for (i, j) in (0..size).flat_map(|i| (0..size).map(move |j| (i, j))) {
                if 2 * y + i < h && 2 * x + j < w {
                    each(window, (i * size + j) as u8, ((channel * h + 2 * y + i) * w + 2 * x + j) * n);
                }
            }
        }
    }
}

/// Each number, where it is negative times the slope of its run of [runs, ...].
pub(crate) fn lean(input: &[f32], slopes: &[f32]) -> Vec<f32> {
    let runs = input.chunks_exact((input.len() / slopes.len()).max(1)).zip(slopes);
    runs.flat_map(|(run, slope)| run.iter().map(move |v| if *v > 0.0 { *v } else { slope * v })).collect()
}

/// Gradients of the slopes and of the input.
pub(crate) fn lean_back(input: &[f32], slopes: &[f32], gradient: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let length = (input.len() / slopes.len()).max(1);
    let (mut of_slopes, mut of_input) = (Vec::with_capacity(slopes.len()), Vec::with_capacity(input.len()));
    for ((run, above), slope) in input.chunks_exact(length).zip(gradient.chunks_exact(length)).zip(slopes) {
        of_slopes.push(sum_of_two(run, above, |v, g| if v > 0.0 { 0.0 } else { v * g }));
        of_input.extend(run.iter().zip(above).map(|(v, g)| if *v > 0.0 { *g } else { slope * g }));
    }
    (of_slopes, of_input)
}

/// Pixel shuffling (Shi et al. 2016): [c, h, w, n] to [c / 4, 2 h, 2 w, n].
pub(crate) fn shuffle(input: &[f32], [c, h, w, n]: [usize; 4]) -> Vec<f32> {
    let mut out = vec![0.0; input.len()];
    shuffled([c, h, w, n], |wide, deep| out[wide..][..n].copy_from_slice(&input[deep..][..n]));
    out
}

/// The way back: the shape is the deep one.
pub(crate) fn unshuffle(gradient: &[f32], [c, h, w, n]: [usize; 4]) -> Vec<f32> {
    let mut out = vec![0.0; gradient.len()];
    shuffled([c, h, w, n], |wide, deep| out[deep..][..n].copy_from_slice(&gradient[wide..][..n]));
    out
}

/// Where each run of n numbers lies in the wide pictures and in the deep ones of [c, h, w, n].
fn shuffled([c, h, w, n]: [usize; 4], mut each: impl FnMut(usize, usize)) {
    for channel in 0..c {
        let (to, i, j) = (channel / 4, channel % 4 / 2, channel % 2);
        for (y, x) in (0..h).flat_map(|y| (0..w).map(move |x| (y, x))) {
            let wide = (to * 2 * h + 2 * y + i) * 2 * w + 2 * x + j;
            each(wide * n, ((channel * h + y) * w + x) * n);
        }
    }
}

/// What `f` makes of each number.
pub(crate) fn each(values: &[f32], f: impl Fn(f32) -> f32) -> Vec<f32> {
    values.iter().map(|v| f(*v)).collect()
}

/// What `f` makes of each pair.
pub(crate) fn each_two(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| f(*a, *b)).collect()
}

/// [a, b] to [b, a].
pub(crate) fn turn(values: &[f32], [a, b]: [usize; 2]) -> Vec<f32> {
    const TILE: usize = 16;
    let mut out = vec![0.0; values.len()];
    for top in (0..a).step_by(TILE) {
        for left in (0..b).step_by(TILE) {
            for i in top..(top + TILE).min(a) {
                for j in left..(left + TILE).min(b) {
                    out[j * a + i] = values[i * b + j];
                }
            }
        }
    }
    out
}
