//! A seed in, the same numbers out on every machine.

use std::f32::consts::TAU;

/// A small generator whose whole state is one number (SplitMix64, Steele, Lea and Flood 2014).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dice(pub(crate) u64);

impl Dice {
    /// Any seed is good.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The state, to continue from with [`Dice::new`].
    pub fn state(&self) -> u64 {
        self.0
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 up to, not including, 1.
    pub fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1 << 24) as f32
    }

    /// 0 up to, not including, `most`, which is above 0.
    pub fn below(&mut self, most: usize) -> usize {
        ((u128::from(self.next()) * most as u128) >> 64) as usize
    }

    /// Numbers of the standard normal distribution (Box and Muller 1958).
    pub fn normals(&mut self, count: usize) -> Vec<f32> {
        let mut numbers = Vec::with_capacity(count + 1);
        while numbers.len() < count {
            let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
            let (sin, cos) = (TAU * self.share()).sin_cos();
            numbers.extend([radius * cos, radius * sin]);
        }
        numbers.truncate(count);
        numbers
    }

    /// The numbers 0 up to `count`, in random order.
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for i in (1..count).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_state_goes_on_alike() {
        let mut dice = Dice::new(7);
        dice.normals(5);
        let mut again = Dice::new(dice.state());
        assert_eq!(dice.order(10), again.order(10));
        assert_ne!(Dice::new(1).normals(4), Dice::new(2).normals(4));
    }

    #[test]
    fn normal_numbers_have_mean_0_and_variance_1() {
        let numbers = Dice::new(1).normals(40_000);
        let mean = numbers.iter().sum::<f32>() / 4e4;
        let variance = numbers.iter().map(|n| (n - mean).powi(2)).sum::<f32>() / 4e4;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
    }

    #[test]
    fn an_order_holds_every_number_once() {
        let mut order = Dice::new(3).order(100);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
