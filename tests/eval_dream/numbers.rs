//! Symmetric matrices in, eigenvalues out; and what is made of them: Fréchet distances and principal components.

/// Means and covariance of rows.
pub struct Spread {
    pub mean: Vec<f64>,
    /// Row-major, symmetric.
    pub covariance: Vec<f64>,
}

impl Spread {
    /// Of rows of `width` numbers.
    pub fn of(rows: &[f32], width: usize) -> Self {
        let count = (rows.len() / width) as f64;
        let mut mean = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(m, v)| *m += f64::from(*v) / count);
        }
        let mut covariance = vec![0.0; width * width];
        let mut centred = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            for i in 0..width {
                centred[i] = f64::from(row[i]) - mean[i];
            }
            for i in 0..width {
                let line = &mut covariance[i * width + i..(i + 1) * width];
                line.iter_mut().zip(&centred[i..]).for_each(|(c, v)| *c += centred[i] * v / (count - 1.0));
            }
        }
        for i in 0..width {
            for j in 0..i {
                covariance[i * width + j] = covariance[j * width + i];
            }
        }
        Self { mean, covariance }
    }

    /// Fréchet distance of two normal distributions, squared (Dowson and Landau 1982), as in FID (Heusel et al. 2017).
    pub fn distance(&self, other: &Self) -> f64 {
        let n = self.mean.len();
        let means: f64 = self.mean.iter().zip(&other.mean).map(|(a, b)| (a - b).powi(2)).sum();
        let root = power(&self.covariance, n, f64::sqrt);
        let (between, _) = eigen(&product(&product(&root, &other.covariance, n), &root, n), n);
        let traces: f64 = (0..n).map(|i| self.covariance[i * n + i] + other.covariance[i * n + i]).sum();
        means + traces - 2.0 * between.iter().map(|v| v.max(0.0).sqrt()).sum::<f64>()
    }
}

fn product(a: &[f64], b: &[f64], n: usize) -> Vec<f64> {
    let mut c = vec![0.0; n * n];
    for i in 0..n {
        for k in 0..n {
            let factor = a[i * n + k];
            c[i * n..][..n].iter_mut().zip(&b[k * n..][..n]).for_each(|(c, b)| *c += factor * b);
        }
    }
    c
}

/// A function of a symmetric matrix, through its eigenvalues, those below 0 taken for 0.
fn power(matrix: &[f64], n: usize, function: fn(f64) -> f64) -> Vec<f64> {
    let (values, vectors) = eigen(matrix, n);
    let mut out = vec![0.0; n * n];
    for (value, vector) in values.iter().zip(vectors.chunks_exact(n)) {
        let value = function(value.max(0.0));
        for i in 0..n {
            out[i * n..][..n].iter_mut().zip(vector).for_each(|(o, v)| *o += value * vector[i] * v);
        }
    }
    out
}

/// Eigenvalues and, a row each, eigenvectors of a symmetric matrix (Jacobi's rotations).
fn eigen(matrix: &[f64], n: usize) -> (Vec<f64>, Vec<f64>) {
    let mut a: Vec<f64> = (0..n * n).map(|at| (matrix[at] + matrix[at % n * n + at / n]) / 2.0).collect();
    let mut vectors: Vec<f64> = (0..n * n).map(|at| if at % n == at / n { 1.0 } else { 0.0 }).collect();
    let size: f64 = a.iter().map(|v| v * v).sum();
    for _ in 0..100 {
        let off: f64 = (0..n * n).filter(|at| at % n != at / n).map(|at| a[at] * a[at]).sum();
        if off <= 1e-24 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                if a[p * n + q] == 0.0 {
                    continue;
                }
                let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * a[p * n + q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..n {
                    let (x, y) = (a[k * n + p], a[k * n + q]);
                    (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
                }
                for k in 0..n {
                    let (x, y) = (a[p * n + k], a[q * n + k]);
                    (a[p * n + k], a[q * n + k]) = (c * x - s * y, s * x + c * y);
                    let (x, y) = (vectors[p * n + k], vectors[q * n + k]);
                    (vectors[p * n + k], vectors[q * n + k]) = (c * x - s * y, s * x + c * y);
                }
            }
        }
    }
    ((0..n).map(|i| a[i * n + i]).collect(), vectors)
}

/// The `count` directions of largest variance, a row each, by repeated multiplication with the covariance.
pub fn principal(spread: &Spread, count: usize) -> Vec<f64> {
    let n = spread.mean.len();
    // Any full set of directions will do to begin with; these are as unlike as waves.
    let mut basis: Vec<f64> = (0..count * n).map(|at| ((at / n + 1) as f64 * (at % n + 1) as f64 * 0.37).sin()).collect();
    for _ in 0..60 {
        let mut next = vec![0.0; count * n];
        for (row, out) in basis.chunks_exact(n).zip(next.chunks_exact_mut(n)) {
            for (value, line) in row.iter().zip(spread.covariance.chunks_exact(n)) {
                out.iter_mut().zip(line).for_each(|(o, c)| *o += value * c);
            }
        }
        for i in 0..count {
            let (before, rest) = next.split_at_mut(i * n);
            let row = &mut rest[..n];
            for other in before.chunks_exact(n) {
                let along: f64 = row.iter().zip(other).map(|(a, b)| a * b).sum();
                row.iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
            let length = row.iter().map(|v| v * v).sum::<f64>().sqrt();
            row.iter_mut().for_each(|v| *v /= length.max(1e-300));
        }
        basis = next;
    }
    basis
}

/// Rows as their projection on the principal directions gives them back.
pub fn projected(rows: &[f32], spread: &Spread, basis: &[f64]) -> Vec<f32> {
    let n = spread.mean.len();
    let mut out = Vec::with_capacity(rows.len());
    for row in rows.chunks_exact(n) {
        let centred: Vec<f64> = row.iter().zip(&spread.mean).map(|(v, m)| f64::from(*v) - m).collect();
        let mut back = spread.mean.clone();
        for direction in basis.chunks_exact(n) {
            let along: f64 = centred.iter().zip(direction).map(|(a, b)| a * b).sum();
            back.iter_mut().zip(direction).for_each(|(o, d)| *o += along * d);
        }
        out.extend(back.iter().map(|v| *v as f32));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_of_known_distributions_is_known() {
        let a = Spread { mean: vec![0.0, 0.0], covariance: vec![4.0, 0.0, 0.0, 1.0] };
        let b = Spread { mean: vec![3.0, 4.0], covariance: vec![1.0, 0.0, 0.0, 1.0] };
        assert!((a.distance(&b) - 26.0).abs() < 1e-9, "25 between the means, (2 - 1)^2 between the deviations");
        assert!(a.distance(&a).abs() < 1e-9);
        let turned = Spread { mean: vec![0.0; 2], covariance: vec![2.0, 1.0, 1.0, 2.0] };
        assert!((eigen(&turned.covariance, 2).0.iter().product::<f64>() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn points_on_a_line_need_one_direction() {
        let rows: Vec<f32> = (0..20).flat_map(|i| [i as f32, 2.0 * i as f32, 5.0]).collect();
        let spread = Spread::of(&rows, 3);
        let back = projected(&rows, &spread, &principal(&spread, 1));
        assert!(rows.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-4));
    }
}
