//! Points of the latent space in, points out: between two, blended from many, added and subtracted, drawn from the prior.
//!
//! A latent vector of a variational autoencoder or the noise of a GAN is a point drawn from a standard normal distribution of
//! L dimensions. Nearly all of those lie near a sphere of radius sqrt(L): a straight line between two passes far below it, where
//! the net has seen nothing, an arc does not (White, "Sampling generative networks", 2016).

use super::{Dice, Spread};

/// How points between others are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// On the straight line.
    Linear,
    /// On the arc around the origin.
    #[default]
    Spherical,
}

/// The point at `share` (0 to 1) of the way from `a` to `b`.
pub fn between(a: &[f32], b: &[f32], share: f32, way: Way) -> Vec<f32> {
    let [of_a, of_b] = match way {
        Way::Linear => [1.0 - share, share],
        Way::Spherical => arc(a, b, share),
    };
    a.iter().zip(b).map(|(a, b)| of_a * a + of_b * b).collect()
}

/// What the two ends are multiplied by (Shoemake, "Animating rotation with quaternion curves", 1985), so that the length goes
/// evenly from the one's to the other's. Where they point the same or opposite ways there is no arc, and the line is taken.
fn arc(a: &[f32], b: &[f32], share: f32) -> [f32; 2] {
    let [long_a, long_b] = [length(a), length(b)];
    let cos = dot(a, b) / (long_a * long_b);
    let angle = cos.clamp(-1.0, 1.0).acos();
    let sin = angle.sin();
    // At the origin it is no number.
    if sin.is_nan() || sin < 1e-4 {
        return [1.0 - share, share];
    }
    let long = long_a + share * (long_b - long_a);
    [long / long_a * ((1.0 - share) * angle).sin() / sin, long / long_b * (share * angle).sin() / sin]
}

/// The mean of points by weights that are not negative and not all 0. Spherical: stretched to the weighted mean of their lengths,
/// so that it stays where the net knows pictures. Of no points, nothing.
pub fn blend(points: &[&[f32]], weights: &[f32], way: Way) -> Vec<f32> {
    let total: f32 = weights.iter().sum();
    let mut sum = vec![0.0; points.first().map_or(0, |p| p.len())];
    let mut long = 0.0;
    for (point, weight) in points.iter().zip(weights.iter().map(|w| w / total)) {
        sum.iter_mut().zip(*point).for_each(|(sum, v)| *sum += weight * v);
        long += weight * length(point);
    }
    let now = length(&sum);
    if way == Way::Spherical && now > 1e-4 {
        sum.iter_mut().for_each(|v| *v *= long / now);
    }
    sum
}

/// `start` - `minus` + `plus`: what makes `plus` out of `minus`, done to `start`.
pub fn analogy(start: &[f32], minus: &[f32], plus: &[f32]) -> Vec<f32> {
    start.iter().zip(minus).zip(plus).map(|((s, m), p)| s - m + p).collect()
}

/// `count` points of the prior, the standard normal distribution, one behind the other.
pub fn from_prior(dice: &mut Dice, length: usize, count: usize) -> Vec<f32> {
    let mut points = vec![0.0; length * count];
    dice.fill_normal(&mut points);
    points
}

/// `count` points of the distribution that an encoder gave an input, its standard deviation times `reach`.
pub fn around(dice: &mut Dice, spread: &Spread, reach: f32, count: usize) -> Vec<f32> {
    let mut points = Vec::with_capacity(spread.mean.len() * count);
    for _ in 0..count {
        points.extend((0..spread.mean.len()).map(|i| spread.mean[i] + reach * spread.deviation(i) * dice.normal()));
    }
    points
}

/// Indices and distances of the `most` points nearest to `probe`, nearest first. `points` lie one behind the other.
pub fn nearest(points: &[f32], probe: &[f32], most: usize) -> Vec<(usize, f32)> {
    let mut all: Vec<(usize, f32)> =
        points.chunks_exact(probe.len().max(1)).map(|point| distance(point, probe)).enumerate().collect();
    all.sort_by(|a, b| a.1.total_cmp(&b.1));
    all.truncate(most);
    all
}

/// Euclidean distance.
pub fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn length(a: &[f32]) -> f32 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: &[f32], b: &[f32]) -> bool {
        distance(a, b) < 1e-5
    }

    #[test]
    fn both_ways_begin_and_end_at_the_points() {
        let (a, b) = ([3.0, 0.0, 1.0], [-1.0, 2.0, 0.5]);
        for way in [Way::Linear, Way::Spherical] {
            assert!(near(&between(&a, &b, 0.0, way), &a) && near(&between(&a, &b, 1.0, way), &b), "{way:?}");
        }
    }

    #[test]
    fn the_line_passes_below_the_sphere_and_the_arc_stays_on_it() {
        let (a, b) = ([2.0, 0.0], [0.0, 2.0]);
        assert!(near(&between(&a, &b, 0.5, Way::Linear), &[1.0, 1.0]));
        let middle = 2f32.sqrt();
        assert!(near(&between(&a, &b, 0.5, Way::Spherical), &[middle, middle]));
        let third = between(&a, &b, 1.0 / 3.0, Way::Spherical);
        assert!(near(&third, &[3f32.sqrt(), 1.0]), "even steps on the arc: {third:?}");
    }

    #[test]
    fn points_on_one_ray_or_at_the_origin_have_no_arc() {
        for (a, b) in [([1.0, 1.0], [3.0, 3.0]), ([1.0, 0.0], [-1.0, 0.0]), ([0.0, 0.0], [2.0, 0.0]), ([0.0; 2], [0.0; 2])] {
            assert_eq!(between(&a, &b, 0.5, Way::Spherical), between(&a, &b, 0.5, Way::Linear));
        }
    }

    #[test]
    fn a_blend_of_one_is_that_point_and_of_equals_their_middle() {
        let points = [&[4.0, 0.0][..], &[0.0, 4.0], &[-4.0, 0.0]];
        for way in [Way::Linear, Way::Spherical] {
            assert!(near(&blend(&points, &[0.0, 5.0, 0.0], way), points[1]));
        }
        assert!(near(&blend(&points[..2], &[1.0, 1.0], Way::Linear), &[2.0, 2.0]));
        let round = blend(&points[..2], &[1.0, 1.0], Way::Spherical);
        assert!((length(&round) - 4.0).abs() < 1e-5 && near(&[round[0]], &[round[1]]));
        assert!(blend(&[], &[], Way::Linear).is_empty());
    }

    #[test]
    fn an_analogy_carries_a_difference_over() {
        assert_eq!(analogy(&[1.0, 5.0], &[1.0, 1.0], &[2.0, 1.0]), [2.0, 5.0]);
    }

    #[test]
    fn points_around_an_input_have_its_mean_and_deviation() {
        let spread = Spread { mean: vec![3.0, -1.0], log_variance: Some(vec![0.0, (0.25f32).ln()]) };
        let points = around(&mut Dice::new(5), &spread, 2.0, 10_000);
        for (i, (mean, deviation)) in [(3.0, 2.0), (-1.0, 1.0)].into_iter().enumerate() {
            let axis: Vec<f32> = points.iter().skip(i).step_by(2).copied().collect();
            let found = axis.iter().sum::<f32>() / 10_000.0;
            let square = axis.iter().map(|v| (v - found) * (v - found)).sum::<f32>() / 10_000.0;
            assert!((found - mean).abs() < 0.08 && (square.sqrt() - deviation).abs() < 0.06, "{found} {square}");
        }
    }

    #[test]
    fn the_nearest_come_first() {
        let points = [0.0, 0.0, 5.0, 0.0, 1.0, 1.0];
        let order: Vec<usize> = nearest(&points, &[1.0, 0.5], 2).into_iter().map(|(i, _)| i).collect();
        assert_eq!(order, [2, 0]);
    }
}
