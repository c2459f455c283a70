//! A kind of training, a size and a seed in, fresh nets out.

use super::Kind;
use crate::learning::int8::Facts;
use lookalike_learn::adversary::{Adversary, Rules};
use lookalike_learn::autoencoder::{Autoencoder, Kind as Code};
use lookalike_learn::pictures::{LATENT, decoder, discriminator, encoder, generator};
use lookalike_learn::{Batch, Dice, Learner, Memory, Net};

/// What its nets are quantized by.
pub const FACTS: Facts = Facts { latent: LATENT, classes: 0, grain: None };

/// Any learner of this family.
pub enum Student {
    /// [`Kind::Vae`].
    Autoencoder(Autoencoder),
    /// [`Kind::Gan`].
    Adversary(Adversary),
}

/// A beginner for pictures of `size` pixels. `rate`: factor on the learning rates; `d_steps`, `g_steps`: periods of a GAN.
pub fn new(kind: Kind, size: usize, seed: u64, rate: f32, d_steps: u64, g_steps: u64) -> Student {
    let dice = &mut Dice::new(seed);
    let rate = 1e-3 * rate;
    match kind {
        Kind::Vae => {
            let (encoder, decoder) = (encoder(size, 2 * LATENT, dice), decoder(size, dice));
            Student::Autoencoder(Autoencoder::new(Code::Variational(1.0), encoder, decoder, rate, dice.state()))
        }
        Kind::Gan => {
            let rules = Rules {
                noise: LATENT,
                classes: 0,
                d_steps,
                g_steps,
                g_rate: rate,
                d_rate: rate,
                stretch: f32::INFINITY,
                keep: 0.999,
                // Colour pictures have more pixels to be flat in than digits: ten times as much leaves no opinion.
                calm: 0.01,
                augment: 0.125,
            };
            let (generator, discriminator) = (generator(size, dice), discriminator(size, dice));
            Student::Adversary(Adversary::new(rules, generator, discriminator, dice.state()))
        }
    }
}

impl Learner for Student {
    fn step(&mut self, batch: &Batch, pace: f32) -> Vec<(&'static str, f32)> {
        match self {
            Student::Autoencoder(learner) => learner.step(batch, pace),
            Student::Adversary(learner) => learner.step(batch, pace),
        }
    }

    fn memory(&mut self) -> Memory<'_> {
        match self {
            Student::Autoencoder(learner) => learner.memory(),
            Student::Adversary(learner) => learner.memory(),
        }
    }

    fn nets(&self) -> Vec<(&'static str, Net)> {
        match self {
            Student::Autoencoder(learner) => learner.nets(),
            Student::Adversary(learner) => learner.nets(),
        }
    }
}
