//! The distances of the nearest of many people in, how many bystanders to expect at any distance out.
//!
//! The nearest of a million strangers is nearer than the nearest of ten, and how near that is depends on the face: some faces
//! are like many. So the gallery is asked itself. Near a face, the number of people within a distance grows as a power of it,
//! as the volume of a ball does (the tail that extreme value theory allows distances: Scheirer et al. 2011, "Meta-Recognition",
//! IEEE TPAMI 33(8)):
//!
//! ```text
//! within(d) = ranks * (d / farthest)^dimension          people nearer than d
//! dimension = sum of ln(ranks / rank) / sum of ln(farthest / distance)      over the nearest (Hill 1975; Amsaleg et al. 2015)
//! density(d) = ranks * dimension / d * (d / farthest)^dimension
//! ```
//!
//! That is `N * f(d)` of N bystanders whose distances have the density `f`; the chance that one of them is nearer than d is
//! `1 - (1 - F(d))^N`, about `1 - exp(-within(d))`. N is in it without being asked for: ten times as many people are ten times
//! as many within any distance.

/// People who are asked at least.
pub const FEWEST: usize = 32;
/// The very nearest are left out: one of them may be who it is, with relatives and doubles, and no bystander.
const SKIPPED: usize = 3;
/// Powers that distances of faces have. Beyond them all are alike, or some are the same.
const DIMENSIONS: [f64; 2] = [1.0, 200.0];

/// The people around one face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crowd {
    ranks: f64,
    farthest: f64,
    dimension: f64,
}

impl Crowd {
    /// Of the distances of the nearest people, nearest first. `None` where they are fewer than [`FEWEST`], or all the same face.
    pub fn of(distances: &[f32]) -> Option<Self> {
        let farthest = f64::from(*distances.last()?);
        if distances.len() < FEWEST || farthest <= 0.0 {
            return None;
        }
        let asked = SKIPPED + 1..distances.len();
        let ranks = distances.len() as f64;
        let volumes: f64 = asked.clone().map(|rank| (ranks / rank as f64).ln()).sum();
        let logs: f64 = asked.map(|rank| (farthest / f64::from(distances[rank - 1]).max(1e-9 * farthest)).ln()).sum();
        let dimension = (volumes / logs.max(1e-9)).clamp(DIMENSIONS[0], DIMENSIONS[1]);
        Some(Self { ranks, farthest, dimension })
    }

    /// The farthest of those who were asked.
    pub fn farthest(&self) -> f32 {
        self.farthest as f32
    }

    /// Logarithm of what everybody beyond the farthest weighs together, each `exp(-slope * d) * density(d)^-trust`, against one at
    /// the farthest: the integral of `density` times that, of a density that goes on growing as it grew there.
    pub fn ln_beyond(&self, slope: f64, trust: f64) -> f64 {
        let growth = (self.dimension - 1.0) / self.farthest;
        let fall = (slope + (trust - 1.0) * growth).max(slope / 4.0);
        self.ln_density(self.farthest()) - fall.ln()
    }

    /// Logarithm of the bystanders per unit of distance at `distance`.
    pub fn ln_density(&self, distance: f32) -> f64 {
        let share = (f64::from(distance) / self.farthest).max(1e-3);
        (self.ranks * self.dimension / (share * self.farthest)).ln() + self.dimension * share.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distances of the nearest `ranks` of `people` who lie evenly in a ball of so many dimensions, radius 1.
    fn even(people: usize, ranks: usize, dimension: f64) -> Vec<f32> {
        (0..ranks).map(|i| ((i + 1) as f64 / people as f64).powf(1.0 / dimension) as f32).collect()
    }

    #[test]
    fn bystanders_are_counted_where_they_are() {
        for dimension in [2.0, 8.0, 30.0] {
            let crowd = Crowd::of(&even(100_000, 64, dimension)).unwrap();
            let wanted = (100_000.0 * dimension).ln() + (dimension - 1.0) * 0.3f64.ln();
            let got = crowd.ln_density(0.3);
            assert!((got - wanted).abs() < 1e-3, "{dimension}: {got} {wanted}");
        }
    }

    #[test]
    fn ten_times_the_people_are_ten_times_as_many_everywhere() {
        let [some, many] = [1e4, 1e5].map(|people| Crowd::of(&even(people as usize, 64, 12.0)).unwrap());
        for distance in [0.2, 0.4, 0.6] {
            assert!((many.ln_density(distance) - some.ln_density(distance) - 10f64.ln()).abs() < 0.01);
        }
    }

    #[test]
    fn everybody_beyond_the_farthest_is_weighed_as_one_by_one() {
        let (distances, slope, trust) = (even(2_000_000, 2_000_000, 12.0), 15.0, 1.2);
        let crowd = Crowd::of(&distances[..64]).unwrap();
        let weight = |d: f32| (-slope * f64::from(d) - trust * crowd.ln_density(d)).exp();
        let wanted = (distances[64..].iter().map(|&d| weight(d)).sum::<f64>() / weight(crowd.farthest())).ln();
        let got = crowd.ln_beyond(slope, trust);
        assert!((got - wanted).abs() < 0.2, "{got} {wanted}");
    }

    #[test]
    fn one_who_is_very_near_is_no_crowd() {
        let far = even(10_000, 64, 12.0);
        let mut with_somebody = far.clone();
        with_somebody[..3].fill(0.01);
        assert_eq!(Crowd::of(&far), Crowd::of(&with_somebody));
    }

    #[test]
    fn few_people_or_the_same_face_over_and_over_are_no_crowd() {
        assert!(Crowd::of(&[0.5; 31]).is_none() && Crowd::of(&[]).is_none() && Crowd::of(&[0.0; 64]).is_none());
        let alike = Crowd::of(&[0.5; 64]).unwrap();
        assert!(alike.ln_density(0.0).is_finite() && alike.ln_density(0.5).is_finite());
        let doubles: Vec<f32> = (0..64).map(|i| if i < 60 { 0.0 } else { 0.5 }).collect();
        assert!(Crowd::of(&doubles).unwrap().ln_density(0.0).is_finite());
    }
}
