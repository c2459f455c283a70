//! Logits in, a loss and its gradient out: by how much it grows with each logit.

use crate::pass::sigmoid;

/// Mean over a batch of `n` of the summed cross entropy between pictures and what sigmoids make of `logits`.
pub(crate) fn cross_entropy(logits: &[f32], wanted: &[f32], n: usize) -> (f32, Vec<f32>) {
    let mut loss = 0.0;
    let gradient = logits.iter().zip(wanted).map(|(l, w)| {
        // With e = exp(-|l|) both the loss and the sigmoid come from one exponential.
        let e = (-l.abs()).exp();
        loss += f64::from(l.max(0.0) - l * w + e.ln_1p());
        let belief = if *l < 0.0 { e } else { 1.0 } / (1.0 + e);
        (belief - w) / n as f32
    });
    let gradient = gradient.collect();
    ((loss / n as f64) as f32, gradient)
}

/// Mean of ln(1 + exp(sign x)).
pub(crate) fn softplus(logits: &[f32], sign: f32) -> (f32, Vec<f32>) {
    let n = logits.len() as f32;
    let loss: f32 = logits.iter().map(|l| (sign * l).max(0.0) + (-l.abs()).exp().ln_1p()).sum();
    (loss / n, logits.iter().map(|l| sign * sigmoid(sign * l) / n).collect())
}

/// Mean over a batch of the cross entropy between rows of `logits`, one number per class, and rows that hold one 1.
pub(crate) fn class_entropy(logits: &[f32], wanted: &[f32], classes: usize) -> (f32, Vec<f32>) {
    let n = (logits.len() / classes) as f32;
    let (mut loss, mut gradient) = (0.0, Vec::with_capacity(logits.len()));
    for (row, wanted) in logits.chunks_exact(classes).zip(wanted.chunks_exact(classes)) {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f32 = row.iter().map(|l| (l - most).exp()).sum();
        for (l, w) in row.iter().zip(wanted) {
            loss -= w * (l - most - total.ln()) / n;
            gradient.push(((l - most).exp() / total - w) / n);
        }
    }
    (loss, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slopes_are_right(logits: &[f32], loss: impl Fn(&[f32]) -> (f32, Vec<f32>)) {
        let (_, gradient) = loss(logits);
        for i in 0..logits.len() {
            let moved = |by: f32| {
                let mut logits = logits.to_vec();
                logits[i] += by;
                loss(&logits).0
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - gradient[i]).abs() < 1e-3, "{i}: {slope} {}", gradient[i]);
        }
    }

    #[test]
    fn gradients_are_slopes() {
        let logits = [1.5, -0.3, 0.2, -2.0];
        slopes_are_right(&logits, |l| cross_entropy(l, &[1.0, 0.0, 0.5, 0.0], 2));
        slopes_are_right(&logits, |l| softplus(l, 1.0));
        slopes_are_right(&logits, |l| softplus(l, -1.0));
        slopes_are_right(&logits, |l| class_entropy(l, &[1.0, 0.0, 0.0, 1.0], 2));
    }

    #[test]
    fn guessing_costs_the_logarithm_of_two() {
        let ln2 = std::f32::consts::LN_2;
        assert!((cross_entropy(&[0.0], &[1.0], 1).0 - ln2).abs() < 1e-6);
        assert!((softplus(&[0.0], -1.0).0 - ln2).abs() < 1e-6);
        assert!((class_entropy(&[3.0, 3.0], &[0.0, 1.0], 2).0 - ln2).abs() < 1e-6);
    }

    #[test]
    fn huge_logits_stay_numbers() {
        for l in [1e4, -1e4] {
            assert!(cross_entropy(&[l], &[0.5], 1).0.is_finite());
            assert!(softplus(&[l], 1.0).1[0].is_finite());
            assert!(class_entropy(&[l, 0.0], &[1.0, 0.0], 2).0.is_finite());
        }
    }
}
