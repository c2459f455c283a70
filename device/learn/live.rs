//! Digits in, a GAN small enough to be watched while it learns out: digits appear within two minutes on one core.

use crate::adversary::{Adversary, Rules};
use crate::digits;
use crate::memory::Batch;
use crate::random::Dice;

pub use crate::adversary::{DiscriminatorStep, GeneratorStep};

/// How the watched GAN learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Learning rate of the generator.
    pub g_rate: f32,
    /// Learning rate of the discriminator.
    pub d_rate: f32,
    /// Pictures that the generator makes in one of its steps.
    pub batch: usize,
    /// Samples shown: how many pictures [`Gan::samples`] gives.
    pub samples: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { g_rate: 1e-3, d_rate: 1e-3, batch: 32, samples: 36 }
    }
}

/// A generator of 28 x 28 digits and its discriminator, stepped by hand.
pub struct Gan {
    seed: u64,
    settings: Settings,
    adversary: Adversary,
    shown: Vec<f32>,
}

impl Gan {
    /// Untrained. The same seed, settings and calls give the same pictures.
    pub fn new(seed: u64, settings: Settings) -> Self {
        let dice = &mut Dice::new(seed);
        let rules = Rules {
            noise: digits::LIVE_NOISE,
            classes: 0,
            d_steps: 1,
            g_steps: 1,
            g_rate: settings.g_rate,
            d_rate: settings.d_rate,
            stretch: f32::INFINITY,
            keep: 0.98,
            calm: 0.0,
            augment: 0.0,
        };
        let (generator, discriminator) = (digits::live_generator(dice), digits::live_discriminator(dice));
        let shown = dice.normals(settings.samples * digits::LIVE_NOISE);
        let adversary = Adversary::new(rules, generator, discriminator, dice.state());
        Self { seed, settings, adversary, shown }
    }

    /// The discriminator looks once at `real` and at as many made pictures.
    /// `real`: [n, 784], 0 (ground) to 1 (ink), n at least 1; fewer numbers than one picture are left unread.
    pub fn step_discriminator(&mut self, real: &[f32]) -> DiscriminatorStep {
        let whole = real.len() / digits::PIXELS * digits::PIXELS;
        self.adversary.step_discriminator(&Batch { pictures: real[..whole].to_vec(), ..Batch::default() })
    }

    /// The generator learns once from what the discriminator says of a batch of its pictures.
    pub fn step_generator(&mut self) -> GeneratorStep {
        self.adversary.step_generator(self.settings.batch)
    }

    /// What the averaged generator makes of noise that never changes: [samples, 784], 0 to 1.
    pub fn samples(&self) -> Vec<f32> {
        self.adversary.averaged().run(&self.shown)
    }

    /// Forgets everything, as if new with the same seed.
    pub fn reset(&mut self) {
        *self = Self::new(self.seed, self.settings);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixteen pictures with one white row each.
    fn stripes() -> Vec<f32> {
        (0..16).flat_map(|i| (0..784).map(move |p| if p / 28 == i + 5 { 1.0 } else { 0.0 })).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_pictures_and_reset_begins_again() {
        let settings = Settings { batch: 4, samples: 2, ..Settings::default() };
        let play = |gan: &mut Gan| {
            let found = gan.step_discriminator(&stripes());
            (found, gan.step_generator(), gan.samples())
        };
        let mut gan = Gan::new(3, settings);
        let first = play(&mut gan);
        assert_eq!(first.2.len(), 2 * 784);
        assert!(first.2.iter().all(|p| (0.0..=1.0).contains(p)));
        assert_ne!(play(&mut gan), first, "it learns");
        gan.reset();
        assert_eq!(play(&mut gan), first);
        assert_ne!(Gan::new(4, settings).samples(), Gan::new(3, settings).samples());
    }

    #[test]
    fn a_discriminator_alone_learns_to_tell_real_from_made() {
        let mut gan = Gan::new(1, Settings { samples: 1, ..Settings::default() });
        let steps: Vec<DiscriminatorStep> = (0..80).map(|_| gan.step_discriminator(&stripes())).collect();
        let last = steps[79];
        assert!(last.real_opinion > 0.9 && last.fake_opinion < 0.1 && last.loss < steps[0].loss, "{last:?}");
    }
}
