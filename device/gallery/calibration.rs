//! Distances and the head's shares in, percentages that a person can trust out.
//!
//! The rule, for each enrolled person `i`, in natural logarithms of odds:
//!
//! ```text
//! evidence[i] = slope * (midpoint - distance[i])        how near, whoever else is enrolled (Platt 1999)
//!             + ln(share[i]) / temperature              how much nearer than the others, says the head
//!                                                       (temperature scaling: Guo et al. 2017, arXiv 1706.04599)
//!             + ln((1 - strangers) / strangers)         what one expects before looking
//! percent[i]  = 100 * exp(evidence[i]) / (1 + sum of all exp(evidence))
//! nobody      = 100 / (1 + sum of all exp(evidence))
//! ```
//!
//! `distance[i]` is the mean distance to the person's pictures: unlike the smallest it stays the same however many
//! pictures there are, so that one midpoint serves galleries of one photo a name and of five. `share[i]` is the head's
//! softmax over the enrolled people. Without a head (one person, or thousands) it is the softmax of
//! `-slope / 4 * distance`, which says nearly the same: the logits of the head are about that steep.
//!
//! `slope`, `midpoint` and `temperature` are those under which known and unknown faces held against galleries of many
//! sizes were least surprising; see [`fit`]. For the dlib network on lfw112: 43.39, .6189 and .6349.

mod fit;
mod smoothed;

pub use fit::{Bin, Sample, curve, fit};
pub use smoothed::Smoothed;

/// How distances of one embedder turn into chances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Two faces nearer than this are the same person more often than not: the manifest's `same_person_distance`.
    /// Only scales what the head learns from.
    pub same_person_distance: f32,
    /// Log-odds per unit of distance; positive.
    pub slope: f32,
    /// The distance at which a lone enrolled person is as likely as not, if half of the visitors are enrolled.
    pub midpoint: f32,
    /// What the head's log shares are divided by; above 1 it is trusted less than it trusts itself. Positive.
    pub temperature: f32,
    /// The share of visitors that are expected not to be enrolled, above 0 and below 1. The one number here that is a
    /// choice and not a measurement: a larger one says "nobody" more readily.
    pub strangers: f32,
}

/// What is expected where nobody said anything else: one visitor of four is not enrolled.
pub const STRANGERS: f32 = 0.25;

/// The chances of everybody and nobody, which add to 100.
pub struct Percents {
    /// In the order of the people.
    pub names: Vec<f32>,
    /// None of them.
    pub nobody: f32,
}

impl Calibration {
    /// For a network that nobody calibrated: from the distance below which two faces are the same person more often than
    /// not, with a slope that is less sure of itself than a fitted one.
    pub fn of_distance(same_person_distance: f32) -> Self {
        Self {
            same_person_distance,
            slope: 20.0 / same_person_distance,
            midpoint: same_person_distance,
            temperature: 1.0,
            strangers: STRANGERS,
        }
    }

    /// The rule above. `distances` are mean distances to each person's pictures; `log_shares` are the head's, of the same
    /// length, or `None` without a head.
    pub fn percents(&self, distances: &[f32], log_shares: Option<&[f32]>) -> Percents {
        let [slope, midpoint, temperature, strangers] =
            [self.slope, self.midpoint, self.temperature, self.strangers].map(f64::from);
        let expected = ((1.0 - strangers) / strangers).ln();
        let stand_in = match log_shares {
            Some(_) => Vec::new(),
            None => log_softmax(distances.iter().map(|d| -self.slope / 4.0 * d).collect()),
        };
        let evidence = distances.iter().enumerate().map(|(i, &distance)| {
            let share = f64::from(log_shares.map_or_else(|| stand_in[i], |shares| shares[i]));
            slope * (midpoint - f64::from(distance)) + share / temperature + expected
        });
        let evidence: Vec<f64> = evidence.collect();
        // Nobody's evidence is 0. Subtracting the largest keeps exp() in range.
        let largest = evidence.iter().fold(0.0, |a: f64, &b| a.max(b));
        let weights: Vec<f64> = evidence.iter().map(|e| (e - largest).exp()).collect();
        let nobody = (-largest).exp();
        let total = nobody + weights.iter().sum::<f64>();
        let percent = |weight: f64| (100.0 * weight / total) as f32;
        Percents { names: weights.into_iter().map(percent).collect(), nobody: percent(nobody) }
    }
}

/// Logarithms of shares that add to 1.
pub fn log_softmax(mut logits: Vec<f32>) -> Vec<f32> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total = largest + logits.iter().map(|l| (l - largest).exp()).sum::<f32>().ln();
    logits.iter_mut().for_each(|l| *l -= total);
    logits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Calibration =
        Calibration { same_person_distance: 0.6, slope: 40.0, midpoint: 0.6, temperature: 1.0, strangers: 0.5 };

    #[test]
    fn at_the_midpoint_a_lone_person_is_as_likely_as_not() {
        let percents = PLAIN.percents(&[0.6], None);
        assert!((percents.names[0] - 50.0).abs() < 1e-3 && (percents.nobody - 50.0).abs() < 1e-3);
    }

    #[test]
    fn expecting_strangers_names_fewer() {
        let wary = Calibration { strangers: 0.9, ..PLAIN };
        assert!((wary.percents(&[0.6], None).nobody - 90.0).abs() < 1e-3);
    }

    #[test]
    fn the_head_settles_between_equally_near_people() {
        let percents = PLAIN.percents(&[0.5, 0.5], Some(&[0.8f32.ln(), 0.2f32.ln()]));
        assert!((percents.names[0] / percents.names[1] - 4.0).abs() < 1e-3);
        let doubtful = Calibration { temperature: 2.0, ..PLAIN };
        let percents = doubtful.percents(&[0.5, 0.5], Some(&[0.8f32.ln(), 0.2f32.ln()]));
        assert!((percents.names[0] / percents.names[1] - 2.0).abs() < 1e-3);
    }

    #[test]
    fn thousands_of_far_people_do_not_add_up_to_somebody() {
        let far = vec![0.75; 10_000];
        assert!(PLAIN.percents(&far, None).nobody > 99.0);
    }

    #[test]
    fn nobody_enrolled_is_surely_nobody() {
        assert_eq!(PLAIN.percents(&[], None).nobody, 100.0);
    }

    proptest! {
        #[test]
        fn percentages_add_to_100(
            people in prop::collection::vec((0f32..3.0, -50f32..0.0), 0..200),
            slope in 0.1f32..200.0, midpoint in 0.01f32..2.0, temperature in 0.1f32..10.0, strangers in 0.01f32..0.99,
        ) {
            let (distances, shares): (Vec<f32>, Vec<f32>) = people.into_iter().unzip();
            let percents = Calibration { same_person_distance: 0.6, slope, midpoint, temperature, strangers }
                .percents(&distances, Some(&shares));
            let total = percents.nobody + percents.names.iter().sum::<f32>();
            prop_assert!((total - 100.0).abs() < 0.01, "{total}");
            prop_assert!(percents.names.iter().all(|p| (0.0..=100.0).contains(p)));
        }
    }
}
