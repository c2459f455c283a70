//! Embeddings of real people in, as many strangers as one likes out, who lie as those do.
//!
//! A stranger is a blend of two real people, `mean + cos(turn) * (one - mean) + sin(turn) * (other - mean)`: mean and covariance
//! are those of the real people, whatever the turn, and so is, nearly, how many lie near to whom. Normal noise of the same
//! covariance does less well: its nearest are too far away, for real faces are alike in more ways than a covariance says.

use crate::dice::Dice;
use std::f32::consts::PI;

/// How real people lie.
pub struct Spread {
    mean: Vec<f32>,
    /// Real people, less the mean.
    people: Vec<Vec<f32>>,
}

impl Spread {
    /// Of one embedding each of some people, a thousand or more.
    pub fn of(people: &[&[f32]]) -> Self {
        let length = people.first().map_or(0, |p| p.len());
        let mean = |i: usize| people.iter().map(|p| f64::from(p[i])).sum::<f64>() / people.len() as f64;
        let mean: Vec<f32> = (0..length).map(|i| mean(i) as f32).collect();
        let people = people.iter().map(|p| p.iter().zip(&mean).map(|(v, m)| v - m).collect()).collect();
        Self { mean, people }
    }

    /// One more stranger, who is nobody real: the turn is from an eighth to three eighths of half a turn.
    pub fn stranger(&self, dice: &mut Dice) -> Vec<f32> {
        let [one, other] = [0, 1].map(|_| &self.people[dice.below(self.people.len())]);
        let (sin, cos) = (PI * (1.0 + 2.0 * dice.share()) / 8.0).sin_cos();
        self.mean.iter().zip(one.iter().zip(other)).map(|(m, (a, b))| m + cos * a + sin * b).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean of each number, and of each product of two, less the mean.
    fn moments(vectors: &[Vec<f32>]) -> Vec<f32> {
        let mean = |of: &dyn Fn(&Vec<f32>) -> f32| vectors.iter().map(of).sum::<f32>() / vectors.len() as f32;
        let means: Vec<f32> = (0..3).map(|i| mean(&|v| v[i])).collect();
        let products = (0..9).map(|k| mean(&|v| (v[k / 3] - means[k / 3]) * (v[k % 3] - means[k % 3])));
        means.iter().copied().chain(products).collect()
    }

    #[test]
    fn strangers_have_the_mean_and_covariance_of_the_real_and_are_none_of_them() {
        let mut dice = Dice::new(1);
        let number = |dice: &mut Dice| dice.share() + dice.share() - 1.0;
        let real: Vec<Vec<f32>> = (0..500)
            .map(|_| {
                let (a, b) = (number(&mut dice), number(&mut dice));
                vec![1.0 + a, 0.5 * a + 0.2 * b, 3.0]
            })
            .collect();
        let spread = Spread::of(&real.iter().map(|p| &p[..]).collect::<Vec<_>>());
        let strangers: Vec<Vec<f32>> = (0..40_000).map(|_| spread.stranger(&mut dice)).collect();
        let (of_real, of_strangers) = (moments(&real), moments(&strangers));
        assert!(of_real.iter().zip(&of_strangers).all(|(a, b)| (a - b).abs() < 0.01), "{of_real:?} {of_strangers:?}");
        assert!(strangers.iter().all(|s| !real.contains(s)));
    }
}
