//! Vectors in, the three directions out in which they differ most.

/// A middle and three directions of length 1, at right angles to each other.
#[derive(Clone, Debug)]
pub struct Axes {
    middle: Vec<f32>,
    directions: [Vec<f32>; 3],
}

/// Rounds of the iteration; each brings a direction nearer by the ratio of neighbouring variances.
const ROUNDS: usize = 200;

impl Axes {
    /// The eigenvectors of the covariance with the largest eigenvalues, by orthogonal iteration (Golub and Van Loan, "Matrix
    /// computations", 7.3.2). `vectors` of `length` numbers lie one behind the other; there is at least one. The sign is such that
    /// a direction's largest number is positive.
    pub fn of(vectors: &[f32], length: usize) -> Self {
        let count = (vectors.len() / length) as f32;
        let mut middle = vec![0.0; length];
        for vector in vectors.chunks_exact(length) {
            middle.iter_mut().zip(vector).for_each(|(sum, v)| *sum += v / count);
        }
        let covariance = covariance(vectors, &middle);
        // Any start that is at right angles to no eigenvector serves; this one is the same at every run.
        let mut directions = [1u32, 2, 3].map(|axis| {
            let mix = |i: u32| (i.wrapping_mul(2_654_435_761).wrapping_mul(axis) >> 8) as f32 / (1 << 23) as f32 - 1.0;
            (1..=length as u32).map(mix).collect::<Vec<f32>>()
        });
        for _ in 0..ROUNDS {
            for axis in 0..3 {
                let product = covariance.chunks_exact(length).map(|row| dot(row, &directions[axis]));
                let mut next: Vec<f32> = product.collect();
                // Twice, for what rounding left.
                for before in directions[..axis].iter().chain(&directions[..axis]) {
                    let along = dot(before, &next);
                    next.iter_mut().zip(before).for_each(|(v, b)| *v -= along * b);
                }
                let long = dot(&next, &next).sqrt();
                // No difference is left in any other direction.
                let scale = if long > 1e-12 { 1.0 / long } else { 0.0 };
                next.iter_mut().for_each(|v| *v *= scale);
                directions[axis] = next;
            }
        }
        for direction in &mut directions {
            let largest = direction.iter().fold(0f32, |most, v| if v.abs() > most.abs() { *v } else { most });
            if largest < 0.0 {
                direction.iter_mut().for_each(|v| *v = -*v);
            }
        }
        Self { middle, directions }
    }

    /// The coordinates of a vector of the same length.
    pub fn project(&self, vector: &[f32]) -> [f32; 3] {
        let along = |d: &Vec<f32>| vector.iter().zip(&self.middle).zip(d).map(|((v, m), d)| (v - m) * d).sum();
        [0, 1, 2].map(|axis: usize| along(&self.directions[axis]))
    }
}

fn covariance(vectors: &[f32], middle: &[f32]) -> Vec<f32> {
    let length = middle.len();
    let mut sums = vec![0.0; length * length];
    for vector in vectors.chunks_exact(length) {
        let off: Vec<f32> = vector.iter().zip(middle).map(|(v, m)| v - m).collect();
        for (row, &of) in sums.chunks_exact_mut(length).zip(&off) {
            row.iter_mut().zip(&off).for_each(|(sum, v)| *sum += of * v);
        }
    }
    let count = (vectors.len() / length) as f32;
    sums.iter_mut().for_each(|v| *v /= count);
    sums
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::super::super::Dice;
    use super::*;

    #[test]
    fn the_longest_axes_of_a_cloud_are_found_in_their_order() {
        let mut dice = Dice::new(1);
        let long = [1.0, 5.0, 0.1, 3.0];
        let vectors: Vec<f32> = (0..500).flat_map(|_| long.map(|l| l * dice.normal() + 7.0)).collect();
        let axes = Axes::of(&vectors, 4);
        for (direction, axis) in axes.directions.iter().zip([1, 3, 0]) {
            assert!(direction[axis] > 0.99, "{:?}", axes.directions);
        }
        for (i, a) in axes.directions.iter().enumerate() {
            for (j, b) in axes.directions.iter().enumerate() {
                assert!((dot(a, b) - f32::from(u8::from(i == j))).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn fewer_differences_than_axes_leave_the_rest_at_0() {
        let axes = Axes::of(&[1.0, 1.0, 1.0, 3.0], 2);
        assert_eq!(axes.project(&[1.0, 2.0]), [0.0; 3]);
        assert!((axes.project(&[1.0, 3.0])[0].abs() - 1.0).abs() < 1e-6);
        assert!(axes.project(&[1.0, 3.0])[1..].iter().all(|v| v.abs() < 1e-6));
    }
}
