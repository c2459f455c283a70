//! Two embeddings in, how unlike they are out: what the search in bytes is compared with, and what has the last word.

use crate::types::Metric;

/// How unlike two embeddings of the same length are; see [`Metric`].
pub fn distance(a: &[f32], b: &[f32], metric: Metric) -> f32 {
    match metric {
        Metric::L2 => sum(a, b, |x, y| (x - y) * (x - y)).sqrt(),
        Metric::Cosine => {
            let norms = sum(a, a, |x, y| x * y) * sum(b, b, |x, y| x * y);
            1.0 - sum(a, b, |x, y| x * y) / norms.sqrt().max(f32::MIN_POSITIVE)
        }
    }
}

/// Eight sums side by side, which the compiler keeps in vector registers; one sum may not be reordered.
fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(&x, &y)| term(x, y)).sum();
    for (x, y) in a8.zip(b8) {
        for i in 0..8 {
            lanes[i] += term(x[i], y[i]);
        }
    }
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_looks_at_the_angle_only() {
        assert!(distance(&[2.0, 0.0], &[5.0, 0.0], Metric::Cosine).abs() < 1e-6);
        assert!((distance(&[1.0, 0.0], &[0.0, 3.0], Metric::Cosine) - 1.0).abs() < 1e-6);
        assert!((distance(&[1.0, 1.0], &[-2.0, -2.0], Metric::Cosine) - 2.0).abs() < 1e-6);
        assert!(distance(&[0.0, 0.0], &[1.0, 0.0], Metric::Cosine).is_finite());
    }

    #[test]
    fn lanes_add_up_like_one_sum() {
        for length in [1, 7, 8, 9, 128, 131] {
            let a: Vec<f32> = (0..length).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..length).map(|i| (i as f32 * 0.3).cos()).collect();
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>().sqrt();
            assert!((f64::from(distance(&a, &b, Metric::L2)) - plain).abs() < 1e-5, "{length}");
        }
    }
}
