//! A seed in, a smooth way through the latent space out. Every point of it is one that the prior could have given.
//!
//! Each coordinate is a sum of waves with normally distributed heights whose variances add to 1, so that for every moment the
//! point is normally distributed, as the net was trained to expect.

use super::Dice;

/// Waves in each coordinate.
const WAVES: usize = 3;

/// A way through the latent space.
pub struct Path {
    length: usize,
    /// Turns in a unit of time, of each coordinate's waves.
    speeds: Vec<[f32; WAVES]>,
    /// Heights of the cosine and the sine of each wave.
    heights: Vec<[[f32; 2]; WAVES]>,
}

impl Path {
    /// A loop: after 1 it is where it was at 0.
    pub fn closed(dice: &mut Dice, length: usize) -> Self {
        let speeds = vec![std::array::from_fn(|wave| (wave + 1) as f32); length];
        Self::of(dice, length, speeds)
    }

    /// A way without end: no two waves have the same speed, about one turn in a unit of time.
    pub fn endless(dice: &mut Dice, length: usize) -> Self {
        let speeds =
            (0..length).map(|_| std::array::from_fn(|wave| (0.6 + 0.8 * dice.share()) * (wave + 1) as f32 / 2.0)).collect();
        Self::of(dice, length, speeds)
    }

    fn of(dice: &mut Dice, length: usize, speeds: Vec<[f32; WAVES]>) -> Self {
        // Slower waves are higher, or the way would be all haste.
        let variance = |wave: usize| [0.7, 0.22, 0.08][wave];
        let height = |dice: &mut Dice, wave| [dice.normal(), dice.normal()].map(|v| v * f32::sqrt(variance(wave)));
        let heights = (0..length).map(|_| std::array::from_fn(|wave| height(dice, wave))).collect();
        Self { length, speeds, heights }
    }

    /// Numbers in a point.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Appends the point at `time`.
    pub fn at(&self, time: f64, points: &mut Vec<f32>) {
        points.extend(self.speeds.iter().zip(&self.heights).map(|(speeds, heights)| {
            let wave = |(speed, [cosine, sine]): (&f32, &[f32; 2])| {
                // In double precision and without whole turns: a booth that runs for weeks walks as smoothly as at first.
                let (sin, cos) = ((time * f64::from(*speed)).fract() as f32 * std::f32::consts::TAU).sin_cos();
                cosine * cos + sine * sin
            };
            speeds.iter().zip(heights).map(wave).sum::<f32>()
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::super::latent::distance;
    use super::*;

    fn point(path: &Path, time: f64) -> Vec<f32> {
        let mut point = Vec::new();
        path.at(time, &mut point);
        point
    }

    #[test]
    fn a_loop_comes_back_and_an_endless_way_does_not() {
        let [closed, endless] = [Path::closed(&mut Dice::new(2), 16), Path::endless(&mut Dice::new(2), 16)];
        assert!(distance(&point(&closed, 0.0), &point(&closed, 1.0)) < 1e-3);
        assert!(distance(&point(&closed, 0.0), &point(&closed, 0.5)) > 1.0);
        assert!((1..50).all(|turn| distance(&point(&endless, 0.0), &point(&endless, f64::from(turn))) > 0.5));
    }

    #[test]
    fn small_steps_move_little_for_weeks() {
        let path = Path::endless(&mut Dice::new(4), 16);
        for start in [0.0, 100.0, 1e6] {
            let steps = (0..200)
                .map(|i| start + f64::from(i) / 400.0)
                .map(|t| distance(&point(&path, t), &point(&path, t + 1.0 / 400.0)));
            assert!(steps.fold(0.0, f32::max) < 0.2, "from {start}");
        }
    }

    #[test]
    fn its_points_are_as_normal_as_the_prior() {
        let points: Vec<f32> = (0..400).flat_map(|seed| point(&Path::endless(&mut Dice::new(seed), 16), 0.37)).collect();
        let mean = points.iter().sum::<f32>() / points.len() as f32;
        let variance = points.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / points.len() as f32;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.08, "{mean} {variance}");
    }
}
