//! Enrolled embeddings in; for a probe, how far each person is out. Exact: every embedding is looked at.
//!
//! 10,000 embeddings of 128 numbers are 5 MB and 1.3 million multiply-adds, a millisecond on any board; a tree or graph
//! would be slower at these lengths and could miss somebody.

use super::Person;
use crate::types::Metric;

/// How far a probe is from one person.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    /// Distance to the nearest picture.
    pub nearest: f32,
    /// Mean of the distances to all pictures.
    pub mean: f32,
}

/// All enrolled embeddings, side by side.
pub struct Index {
    metric: Metric,
    length: usize,
    /// Pictures x `length`.
    rows: Vec<f32>,
    /// How many rows each person has; rows of a person follow each other.
    pictures: Vec<usize>,
}

impl Index {
    /// Copies the embeddings of `people`, each of `length` numbers.
    pub fn new(people: &[Person], length: usize, metric: Metric) -> Self {
        let pictures = people.iter().map(|p| p.pictures.len()).collect();
        let rows = people.iter().flat_map(|p| &p.pictures).flat_map(|p| p.embedding.0.iter().copied()).collect();
        Self { metric, length, rows, pictures }
    }

    /// How far each person is, in the order of the people. `probe` must have the index's length.
    pub fn distances(&self, probe: &[f32]) -> Vec<Reach> {
        let mut rows = self.rows.chunks_exact(self.length);
        let each = self.pictures.iter().map(|&pictures| {
            let all = rows.by_ref().take(pictures).map(|row| distance(row, probe, self.metric));
            let (nearest, sum) = all.fold((f32::INFINITY, 0.0), |(nearest, sum), d| (d.min(nearest), sum + d));
            Reach { nearest, mean: sum / pictures as f32 }
        });
        each.collect()
    }
}

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
    use crate::gallery::Picture;
    use crate::types::Embedding;

    fn person(name: &str, vectors: &[&[f32]]) -> Person {
        let picture = |v: &&[f32]| Picture { file: String::new(), embedding: Embedding(v.to_vec()), thumbnail: Vec::new() };
        Person { name: name.into(), pictures: vectors.iter().map(picture).collect() }
    }

    #[test]
    fn each_persons_nearest_picture_counts() {
        let people = [person("a", &[&[0.0, 0.0], &[3.0, 4.0]]), person("b", &[&[0.0, 6.0]])];
        let index = Index::new(&people, 2, Metric::L2);
        let near = index.distances(&[0.0, 1.0]);
        assert_eq!((near[0].nearest, near[1].nearest), (1.0, 5.0));
        assert!((near[0].mean - (1.0 + 18f32.sqrt()) / 2.0).abs() < 1e-6 && near[1].mean == 5.0);
    }

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
