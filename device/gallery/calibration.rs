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
//! sizes were least surprising; see [`fit`]. For the dlib network on lfw112: 28.23, .6230 and .7492.
//!
//! Among thousands nobody is compared with everybody. There the second rule says what the head's share said, how many others
//! are as near: [`crowd`] knows how many bystanders are to be expected at that distance, of as many people as there are.
//!
//! ```text
//! evidence[i] = slope * (midpoint - distance[i])        how likely the person looks like that: slope and midpoint of [`Among`]
//!             - trust * ln(density(distance[i]))        how many others do
//!             + ln((1 - strangers) / strangers)
//! ```
//!
//! Whoever is farther than the nearest that were looked at may be it, too. Everybody beyond the farthest weighs together
//! `exp(evidence[farthest]) * density * 1 / (slope + (trust - 1) * growth of ln(density))`, the integral of the same: with `trust` 1 the
//! chance that the person himself looks like that. It belongs to no name, and not to nobody.
//!
//! With `trust` 1 this is Bayes' rule for one person among N of whom each is as likely to come: `N` times the density of
//! bystanders' distances stands against that of the person's own, whose logarithm is taken as a line. `trust` is fitted, for the
//! density is an estimate from 64 people; it comes out at 1.14.

pub mod crowd;
mod fit;
mod reliability;
mod smoothed;

use crowd::Crowd;
pub use fit::{Sample, fit};
pub use reliability::{Bin, curve, error};
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
    /// The rule among thousands.
    pub among: Among,
}

/// How distances of one embedder turn into chances where nobody is compared with everybody.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Among {
    /// Log-odds per unit of distance, for what the person's own distances say; positive.
    pub slope: f32,
    /// Where that says nothing.
    pub midpoint: f32,
    /// What the logarithm of the bystanders' density counts; positive.
    pub trust: f32,
}

/// What is expected where nobody said anything else: one visitor of four is not enrolled.
pub const STRANGERS: f32 = 0.25;

/// The chances of everybody and nobody, which add to 100.
pub struct Percents {
    /// In the order of the people.
    pub names: Vec<f32>,
    /// Somebody enrolled who is farther than all of them; 0 where everybody was looked at.
    pub farther: f32,
    /// Nobody who is enrolled.
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
            among: Among { slope: 9.0 / same_person_distance, midpoint: 1.1 * same_person_distance, trust: 1.25 },
        }
    }

    /// The second rule above, for the nearest of many. `distances` are mean distances to each person's pictures.
    pub fn percents_among(&self, distances: &[f32], crowd: &Crowd) -> Percents {
        let [slope, midpoint, trust] = [self.among.slope, self.among.midpoint, self.among.trust].map(f64::from);
        let near = |d: f32| slope * (midpoint - f64::from(d)) - trust * crowd.ln_density(d);
        let farther = near(crowd.farthest()) + crowd.ln_beyond(slope, trust);
        self.weighed(distances.iter().map(|&d| near(d)).collect(), farther)
    }

    /// The first rule above. `distances` are mean distances to each person's pictures; `log_shares` are the head's, of the same
    /// length, or `None` without a head.
    pub fn percents(&self, distances: &[f32], log_shares: Option<&[f32]>) -> Percents {
        let [slope, midpoint, temperature] = [self.slope, self.midpoint, self.temperature].map(f64::from);
        let stand_in = match log_shares {
            Some(_) => Vec::new(),
            None => log_softmax(distances.iter().map(|d| -self.slope / 4.0 * d).collect()),
        };
        let evidence = distances.iter().enumerate().map(|(i, &distance)| {
            let share = f64::from(log_shares.map_or_else(|| stand_in[i], |shares| shares[i]));
            slope * (midpoint - f64::from(distance)) + share / temperature
        });
        self.weighed(evidence.collect(), f64::NEG_INFINITY)
    }

    /// From what was seen, with what one expects before looking.
    fn weighed(&self, seen: Vec<f64>, farther: f64) -> Percents {
        let strangers = f64::from(self.strangers);
        let expected = ((1.0 - strangers) / strangers).ln();
        // Nobody's evidence is 0. Subtracting the largest keeps exp() in range.
        let largest = seen.iter().chain([&farther]).fold(0.0, |a: f64, &b| a.max(b + expected));
        let weight = |evidence: f64| (evidence + expected - largest).exp();
        let weights: Vec<f64> = seen.into_iter().map(weight).collect();
        let (farther, nobody) = (weight(farther), (-largest).exp());
        let total = nobody + farther + weights.iter().sum::<f64>();
        let percent = |weight: f64| (100.0 * weight / total) as f32;
        Percents { names: weights.into_iter().map(percent).collect(), farther: percent(farther), nobody: percent(nobody) }
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

    const AMONG: Among = Among { slope: 13.0, midpoint: 0.5, trust: 0.9 };
    const PLAIN: Calibration =
        Calibration { same_person_distance: 0.6, slope: 40.0, midpoint: 0.6, temperature: 1.0, strangers: 0.5, among: AMONG };

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

    /// 64 nearest of so many in a ball of 20 dimensions, the first of them at `near`.
    fn around(people: f32, near: f32) -> Vec<f32> {
        (0..64).map(|i| if i == 0 { near } else { 0.85 * ((i + 1) as f32 / people).powf(0.05) }).collect()
    }

    #[test]
    fn the_same_distance_says_less_the_more_people_there_are() {
        let named = [1e4, 1e5, 1e6].map(|people| {
            let distances = around(people, 0.35);
            PLAIN.percents_among(&distances, &Crowd::of(&distances).unwrap()).names[0]
        });
        assert!(named.is_sorted_by(|a, b| a > b) && named[0] > 80.0, "{named:?}");
        // Bayes' rule with trust 1: ten times the people take the odds down to a tenth.
        let whole = Calibration { among: Among { trust: 1.0, ..AMONG }, ..PLAIN };
        let odds = [1e4, 1e5].map(|people| {
            let distances = around(people, 0.35);
            let percents = whole.percents_among(&distances, &Crowd::of(&distances).unwrap());
            percents.names[0] / percents.nobody
        });
        assert!((odds[0] / odds[1] - 10.0).abs() < 0.5, "{odds:?}");
    }

    #[test]
    fn the_nearest_of_a_million_strangers_is_nobody() {
        let distances = around(1e6, 0.85 * 1e-6f32.powf(0.05));
        let percents = PLAIN.percents_among(&distances, &Crowd::of(&distances).unwrap());
        assert!(percents.nobody > 50.0 && percents.names[0] < 20.0, "{} {}", percents.nobody, percents.names[0]);
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
            let rule = Calibration { slope, midpoint, temperature, strangers, ..PLAIN };
            let mut nearest = distances.clone();
            nearest.sort_by(f32::total_cmp);
            let among = Crowd::of(&nearest).map(|crowd| rule.percents_among(&nearest, &crowd));
            for percents in [Some(rule.percents(&distances, Some(&shares))), among].into_iter().flatten() {
                let total = percents.nobody + percents.farther + percents.names.iter().sum::<f32>();
                prop_assert!((total - 100.0).abs() < 0.01, "{total}");
                prop_assert!(percents.names.iter().all(|p| (0.0..=100.0).contains(p)));
            }
        }
    }
}
