//! A kind of training and a seed in, fresh nets out. The nets themselves are in `lookalike_learn::digits`, which the booth
//! shares.

use super::Kind;
use crate::learning::int8::Facts;
use lookalike_learn::adversary::{Adversary, Rules};
use lookalike_learn::autoencoder::{Autoencoder, Kind as Code};
use lookalike_learn::classifier::Classifier;
use lookalike_learn::digits::{CLASSES, LATENT, NOISE, classifier, decoder, discriminator, encoder, generator};
use lookalike_learn::{Batch, Dice, Learner, Memory, Net};

/// Deviation of the noise that the denoising autoencoder sees through.
const GRAIN: f32 = 0.4;

/// Any learner of this family.
pub enum Student {
    /// [`Kind::Classifier`].
    Classifier(Classifier),
    /// [`Kind::Ae`], [`Kind::Dae`], [`Kind::Vae`].
    Autoencoder(Autoencoder),
    /// [`Kind::Gan`], [`Kind::Cgan`].
    Adversary(Adversary),
}

/// A beginner. `rate`: factor on the learning rates; `d_steps`, `g_steps`: periods of a GAN.
pub fn new(kind: Kind, seed: u64, rate: f32, d_steps: u64, g_steps: u64) -> Student {
    let dice = &mut Dice::new(seed);
    let rate = 1e-3 * rate;
    let coder = |code: Code, outputs: usize, dice: &mut Dice| {
        let (encoder, decoder) = (encoder(outputs, dice), decoder(dice));
        Student::Autoencoder(Autoencoder::new(code, encoder, decoder, rate, dice.state()))
    };
    let gan = |classes: usize, dice: &mut Dice| {
        let rules = Rules {
            noise: NOISE,
            classes,
            d_steps,
            g_steps,
            g_rate: rate,
            d_rate: rate,
            stretch: f32::INFINITY,
            keep: 0.999,
            calm: 0.1,
            augment: 0.0,
        };
        let (generator, discriminator) = (generator(classes, dice), discriminator(classes, dice));
        Student::Adversary(Adversary::new(rules, generator, discriminator, dice.state()))
    };
    match kind {
        Kind::Classifier => Student::Classifier(Classifier::new(classifier(dice), rate)),
        Kind::Ae => coder(Code::Plain, LATENT, dice),
        Kind::Dae => coder(Code::Denoising(GRAIN), LATENT, dice),
        // A whole divergence costs so much sharpness that the judge no longer knows some digits again.
        Kind::Vae => coder(Code::Variational(0.5), 2 * LATENT, dice),
        Kind::Gan => gan(0, dice),
        Kind::Cgan => gan(CLASSES, dice),
    }
}

/// What its nets are quantized by.
pub fn facts(kind: Kind) -> Facts {
    let latent = if matches!(kind, Kind::Gan | Kind::Cgan) { NOISE } else { LATENT };
    let classes = if kind == Kind::Cgan { CLASSES } else { 0 };
    Facts { latent, classes, grain: (kind == Kind::Dae).then_some(GRAIN) }
}

impl Student {
    fn learner(&mut self) -> &mut dyn Learner {
        match self {
            Student::Classifier(learner) => learner,
            Student::Autoencoder(learner) => learner,
            Student::Adversary(learner) => learner,
        }
    }
}

impl Learner for Student {
    fn step(&mut self, batch: &Batch, pace: f32) -> Vec<(&'static str, f32)> {
        self.learner().step(batch, pace)
    }

    fn memory(&mut self) -> Memory<'_> {
        self.learner().memory()
    }

    fn nets(&self) -> Vec<(&'static str, Net)> {
        match self {
            Student::Classifier(learner) => learner.nets(),
            Student::Autoencoder(learner) => learner.nets(),
            Student::Adversary(learner) => learner.nets(),
        }
    }
}
