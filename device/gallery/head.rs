//! The transfer-learning head: a multinomial logistic regression (linfa) on the gallery's embeddings.
//!
//! The embedder was trained elsewhere on millions of faces and stays as it is; only this last layer learns the people of
//! this gallery, in a moment, from one photo each or more. Where the nearest neighbour looks at one picture of one
//! person, the head weighs all pictures of all people against each other.

use super::Person;
use crate::types::Metric;
use anyhow::{Context, Result};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{MultiFittedLogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// Embeddings are scaled so that `same_person_distance` becomes this.
const SPREAD: f64 = 3.0;
/// Weight of the squared weights beside the log loss, for embeddings so scaled.
const ALPHA: f64 = 1.0;
/// Steps of the solver for small galleries ...
const MOST_STEPS: u64 = 25;
/// ... and numbers that all its steps together may touch: what keeps 1,000 people under a second.
const BUDGET: usize = 400_000_000;

/// A trained head.
pub struct Head {
    centre: Array1<f64>,
    scale: f64,
    model: MultiFittedLogisticRegression<f64, usize>,
}

impl Head {
    /// Learns to tell `people` apart by embeddings of `length` numbers; `None` below two people.
    /// `same_person_distance` makes embeddings of all networks equally large.
    pub fn train(people: &[Person], length: usize, metric: Metric, same_person_distance: f32) -> Result<Option<Self>> {
        if people.len() < 2 {
            return Ok(None);
        }
        let pictures = || people.iter().enumerate().flat_map(|(owner, p)| p.pictures.iter().map(move |q| (owner, q)));
        let owners: Array1<usize> = pictures().map(|(owner, _)| owner).collect();
        let numbers = pictures().flat_map(|(_, q)| q.embedding.0.iter().map(|&v| f64::from(v))).collect();
        let mut rows = Array2::from_shape_vec((owners.len(), length), numbers)?;
        let centre = rows.mean_axis(Axis(0)).context("no pictures")?;
        let same = f64::from(same_person_distance);
        // Unit vectors at cosine distance d lie sqrt(2 d) apart.
        let scale = SPREAD / if metric == Metric::Cosine { (2.0 * same).sqrt() } else { same };
        rows -= &centre;
        rows *= scale;
        let steps = (BUDGET / (rows.len() * people.len())).clamp(2, MOST_STEPS as usize) as u64;
        let model = MultiLogisticRegression::default()
            .alpha(ALPHA)
            .max_iterations(steps)
            .fit(&DatasetBase::new(rows, owners))
            .context("the gallery's head could not be trained")?;
        Ok(Some(Self { centre, scale, model }))
    }

    /// Logarithm of each person's share, in the order of the people, as if the face were surely one of them.
    pub fn log_shares(&self, probe: &[f32]) -> Vec<f64> {
        let probe = ArrayView1::from(probe).mapv(f64::from);
        let logits = ((probe - &self.centre) * self.scale).dot(self.model.params()) + self.model.intercept();
        let largest = logits.fold(f64::NEG_INFINITY, |a, &b| a.max(b));
        let total = largest + logits.mapv(|l| (l - largest).exp()).sum().ln();
        logits.iter().map(|l| l - total).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::Picture;
    use crate::types::Embedding;

    fn person(vectors: &[[f32; 3]]) -> Person {
        let picture = |v: &[f32; 3]| Picture { file: String::new(), embedding: Embedding(v.to_vec()), thumbnail: Vec::new() };
        Person { name: String::new(), pictures: vectors.iter().map(picture).collect() }
    }

    fn train(people: &[Person]) -> Option<Head> {
        Head::train(people, 3, Metric::L2, 0.6).unwrap()
    }

    #[test]
    fn one_person_needs_no_head() {
        assert!(train(&[]).is_none());
        assert!(train(&[person(&[[1.0, 0.0, 0.0]])]).is_none());
    }

    #[test]
    fn shares_add_to_one_and_favour_the_right_person() {
        let people = [person(&[[1.0, 0.0, 0.0]]), person(&[[0.0, 1.0, 0.0], [0.1, 0.9, 0.0]]), person(&[[0.0, 0.0, 1.0]])];
        let head = train(&people).unwrap();
        for (i, probe) in [[0.9, 0.1, 0.0], [0.0, 0.8, 0.1], [0.1, 0.1, 0.9]].iter().enumerate() {
            let shares: Vec<f64> = head.log_shares(probe).iter().map(|s| s.exp()).collect();
            assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
            assert!(shares.iter().all(|&s| s <= shares[i]), "{i}: {shares:?}");
        }
    }

    #[test]
    fn identical_faces_of_two_people_share_alike() {
        let head = train(&[person(&[[1.0, 0.0, 0.0]]), person(&[[1.0, 0.0, 0.0]])]).unwrap();
        let shares = head.log_shares(&[1.0, 0.0, 0.0]);
        assert!((shares[0] - shares[1]).abs() < 1e-6, "{shares:?}");
    }

    #[test]
    fn a_thousand_people_are_within_the_budget() {
        let vector = |i: usize| [(i as f32 * 0.37).sin(), (i as f32 * 0.73).cos(), (i as f32 * 1.7).sin()];
        let people: Vec<Person> = (0..1000).map(|i| person(&[vector(i)])).collect();
        assert_eq!(train(&people).unwrap().log_shares(&[0.0; 3]).len(), 1000);
    }
}
