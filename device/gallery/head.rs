//! The transfer-learning head: a multinomial logistic regression (linfa) on the gallery's embeddings.
//!
//! The embedder was trained elsewhere on millions of faces and stays as it is; only this last layer learns the people of
//! this gallery, in a moment, from one photo each or more. Where the nearest neighbour looks at one picture of one
//! person, the head weighs all pictures of all people against each other.

use super::calibration::log_softmax;
use crate::types::Metric;
use anyhow::{Context, Result};
use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::{MultiFittedLogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2, ArrayView1, Axis};

/// Embeddings are scaled so that `same_person_distance` becomes this.
const SPREAD: f32 = 3.0;
/// Weight of the squared weights beside the log loss, for embeddings so scaled.
const ALPHA: f32 = 1.0;
/// Steps of the solver; it has settled after six or so.
const MOST_STEPS: usize = 10;
/// Multiplications that the steps together may take, a second's worth on a small board: 1,000 people get fewer steps ...
const BUDGET: usize = 3_600_000_000;
/// ... and where they do not suffice for so many steps, there is no head.
const FEWEST_STEPS: usize = 3;

/// A trained head.
pub struct Head {
    centre: Array1<f32>,
    scale: f32,
    model: MultiFittedLogisticRegression<f32, usize>,
}

impl Head {
    /// Learns to tell `people` apart by their embeddings of `length` numbers; `None` below two people, and where there are
    /// so many (some 2,500 with one photo each) that it would take more than a second.
    /// `same_person_distance` makes embeddings of all networks equally large.
    pub fn train(people: &[Vec<&[f32]>], length: usize, metric: Metric, same_person_distance: f32) -> Result<Option<Self>> {
        let pictures: usize = people.iter().map(Vec::len).sum();
        // Cost and gradient of a step are three products of this size.
        let steps = (BUDGET / (3 * pictures * people.len() * length).max(1)).min(MOST_STEPS);
        if people.len() < 2 || steps < FEWEST_STEPS {
            return Ok(None);
        }
        let pictures = || people.iter().enumerate().flat_map(|(owner, p)| p.iter().map(move |q| (owner, q)));
        let owners: Array1<usize> = pictures().map(|(owner, _)| owner).collect();
        let numbers = pictures().flat_map(|(_, q)| q.iter().copied()).collect();
        let mut rows = Array2::from_shape_vec((owners.len(), length), numbers)?;
        let centre = rows.mean_axis(Axis(0)).context("no pictures")?;
        let scale = match metric {
            Metric::L2 => SPREAD / same_person_distance,
            // Unit vectors at cosine distance d lie sqrt(2 d) apart.
            Metric::Cosine => SPREAD / (2.0 * same_person_distance).sqrt(),
        };
        rows -= &centre;
        rows *= scale;
        let model = MultiLogisticRegression::default()
            .alpha(ALPHA)
            .max_iterations(steps as u64)
            .fit(&DatasetBase::new(rows, owners))
            .context("the gallery's head could not be trained")?;
        Ok(Some(Self { centre, scale, model }))
    }

    /// Logarithm of each person's share, in the order of the people, as if the face were surely one of them.
    pub fn log_shares(&self, probe: &[f32]) -> Vec<f32> {
        let probe = ArrayView1::from(probe);
        let logits = ((&probe - &self.centre) * self.scale).dot(self.model.params()) + self.model.intercept();
        log_softmax(logits.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train(people: &[Vec<[f32; 3]>]) -> Option<Head> {
        let people: Vec<Vec<&[f32]>> = people.iter().map(|p| p.iter().map(|v| &v[..]).collect()).collect();
        Head::train(&people, 3, Metric::L2, 0.6).unwrap()
    }

    #[test]
    fn one_person_needs_no_head() {
        assert!(train(&[]).is_none());
        assert!(train(&[vec![[1.0, 0.0, 0.0]]]).is_none());
    }

    #[test]
    fn shares_add_to_one_and_favour_the_right_person() {
        let people = [vec![[1.0, 0.0, 0.0]], vec![[0.0, 1.0, 0.0], [0.1, 0.9, 0.0]], vec![[0.0, 0.0, 1.0]]];
        let head = train(&people).unwrap();
        for (i, probe) in [[0.9, 0.1, 0.0], [0.0, 0.8, 0.1], [0.1, 0.1, 0.9]].iter().enumerate() {
            let shares: Vec<f32> = head.log_shares(probe).iter().map(|s| s.exp()).collect();
            assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert!(shares.iter().all(|&s| s <= shares[i]), "{i}: {shares:?}");
        }
    }

    #[test]
    fn identical_faces_of_two_people_share_alike() {
        let head = train(&[vec![[1.0, 0.0, 0.0]], vec![[1.0, 0.0, 0.0]]]).unwrap();
        let shares = head.log_shares(&[1.0, 0.0, 0.0]);
        assert!((shares[0] - shares[1]).abs() < 1e-4, "{shares:?}");
    }

    #[test]
    fn a_thousand_people_have_a_head_and_a_hundred_thousand_do_without() {
        let vector = |i: usize| [(i as f32 * 0.37).sin(), (i as f32 * 0.73).cos(), (i as f32 * 1.7).sin()];
        let people: Vec<Vec<[f32; 3]>> = (0..100_000).map(|i| vec![vector(i)]).collect();
        assert_eq!(train(&people[..1000]).unwrap().log_shares(&[0.0; 3]).len(), 1000);
        assert!(train(&people).is_none());
    }
}
