//! Pictures in, a generator that makes more of their kind out (Goodfellow et al. 2014), with or without asked classes.
//!
//! The discriminator tells real from made; the generator's output is wired straight to its input, and its gradient changes
//! the generator. Periods of the one and of the other alternate. Against forgetting and wild steps: spectral normalisation,
//! a discriminator that is held to answer real pictures with a little noise on them alike, the average of the generator's
//! weights as the product, and for small data sets the same random shifts and brightness on real and made pictures (Zhao et
//! al. 2020).

use crate::adam::{Adam, average};
use crate::augment::Augmentation;
use crate::loss::{class_entropy, softplus};
use crate::memory::{Batch, Learner, Memory, one_hot};
use crate::net::Net;
use crate::pass::sigmoid;
use crate::random::Dice;
use crate::spectral::Directions;
use crate::way::Way;

/// Deviation of the noise that the flatness of a discriminator is felt with.
pub const TREMBLE: f32 = 0.05;

/// How a generator and a discriminator learn against each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// Numbers of noise that a picture is made from.
    pub noise: usize,
    /// Classes that can be asked for; 0: none. The generator's input is noise, then a row of one 1; the discriminator answers
    /// with one logit more per class (Odena et al. 2017).
    pub classes: usize,
    /// Batches that the discriminator learns from in its period.
    pub d_steps: u64,
    /// Steps of the generator in its period.
    pub g_steps: u64,
    /// Learning rate of the generator.
    pub g_rate: f32,
    /// Learning rate of the discriminator.
    pub d_rate: f32,
    /// The most that a layer of the discriminator may stretch anything; infinite: no limit.
    pub stretch: f32,
    /// How much of the averaged generator stays each step.
    pub keep: f32,
    /// How much the discriminator is held to be flat around real pictures; 0: not. This times the squared length of its
    /// gradient there is added to its loss (R1, Mescheder et al. 2018, whose factor is twice this), as the difference that
    /// normal noise of deviation [`TREMBLE`] makes tells it.
    pub calm: f32,
    /// Real and made pictures are shifted by up to this share of their size, and lit differently; 0: not.
    pub augment: f32,
}

/// What a step of the discriminator found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DiscriminatorStep {
    /// Its loss; 1.39 is guessing.
    pub loss: f32,
    /// Mean belief, 0 to 1, that real pictures are real.
    pub real_opinion: f32,
    /// Mean belief, 0 to 1, that made pictures are real.
    pub fake_opinion: f32,
}

/// What a step of the generator found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GeneratorStep {
    /// Its loss: how little the discriminator believed; 0.69 is undecided.
    pub loss: f32,
}

/// A generator and a discriminator in training.
pub struct Adversary {
    rules: Rules,
    generator: Net,
    slow: Net,
    discriminator: Net,
    g_adam: Adam,
    d_adam: Adam,
    directions: Directions,
    dice: Dice,
    turn: u64,
}

impl Adversary {
    /// The generator takes noise and class and ends in a sigmoid; the discriminator gives one logit and one more per class.
    pub fn new(rules: Rules, generator: Net, discriminator: Net, seed: u64) -> Self {
        Self {
            rules,
            g_adam: Adam::new(&generator, rules.g_rate, 0.5, 0.99),
            d_adam: Adam::new(&discriminator, rules.d_rate, 0.5, 0.99),
            slow: generator.clone(),
            directions: Directions::new(&discriminator),
            generator,
            discriminator,
            dice: Dice::new(seed),
            turn: 0,
        }
    }

    /// The discriminator looks at a batch and at as many made pictures, once.
    pub fn step_discriminator(&mut self, batch: &Batch) -> DiscriminatorStep {
        let Rules { classes, augment, calm, .. } = self.rules;
        let shape = self.discriminator.input.clone();
        let n = batch.pictures.len() / shape.iter().product::<usize>();
        let (inputs, _) = self.inputs(n);
        let made = Way::forward(&self.generator, &inputs).output();
        let mut pictures = [batch.pictures.as_slice(), &made].concat();
        if augment > 0.0 {
            pictures = Augmentation::draw(2 * n, &shape, augment, &mut self.dice).apply(&pictures);
        }
        if calm > 0.0 {
            let noise = self.dice.normals(batch.pictures.len());
            let trembling: Vec<f32> = pictures.iter().zip(noise).map(|(p, noise)| p + TREMBLE * noise).collect();
            pictures.extend(trembling);
        }
        // One batch of real, made and trembling real pictures.
        let pass = Way::new(&self.discriminator, &pictures);
        let answers = pass.output();
        let width = 1 + classes;
        let logits: Vec<f32> = answers.iter().step_by(width).copied().collect();
        let (real, made) = (&logits[..n], &logits[n..2 * n]);
        let ((real_loss, real_slopes), (made_loss, made_slopes)) = (softplus(real, -1.0), softplus(made, 1.0));
        let mut slopes = [real_slopes, made_slopes].concat();
        if calm > 0.0 {
            let factor = 2.0 * calm / (TREMBLE * TREMBLE * n as f32);
            let rises: Vec<f32> = logits[2 * n..].iter().zip(real).map(|(t, r)| factor * (t - r)).collect();
            slopes.iter_mut().zip(&rises).for_each(|(s, rise)| *s -= rise);
            slopes.extend(rises);
        }
        let mut gradient = vec![0.0; answers.len()];
        gradient.iter_mut().step_by(width).zip(slopes).for_each(|(g, s)| *g = s);
        if classes > 0 {
            self.set_class_slopes(&answers[..n * width], &one_hot(&batch.labels, classes), &mut gradient);
        }
        let (gradients, _) = pass.back(&gradient, false);
        self.d_adam.step(&mut self.discriminator, &gradients);
        if self.rules.stretch.is_finite() {
            self.directions.limit(&mut self.discriminator, self.rules.stretch);
        }
        DiscriminatorStep { loss: real_loss + made_loss, real_opinion: opinion(real), fake_opinion: opinion(made) }
    }

    /// The generator makes `n` pictures and learns what the discriminator says of them, once.
    pub fn step_generator(&mut self, n: usize) -> GeneratorStep {
        let Rules { classes, augment, .. } = self.rules;
        let (inputs, wanted) = self.inputs(n);
        let making = Way::new(&self.generator, &inputs);
        let augmentation = (augment > 0.0).then(|| Augmentation::draw(n, &self.discriminator.input, augment, &mut self.dice));
        let made = making.output();
        let shown = augmentation.as_ref().map_or_else(|| made.clone(), |a| a.apply(&made));
        let judging = Way::new(&self.discriminator, &shown);
        let answers = judging.output();
        let width = 1 + classes;
        let logits: Vec<f32> = answers.iter().step_by(width).copied().collect();
        let (loss, slopes) = softplus(&logits, -1.0);
        let mut gradient = vec![0.0; answers.len()];
        gradient.iter_mut().step_by(width).zip(slopes).for_each(|(g, s)| *g = s);
        if classes > 0 {
            self.set_class_slopes(&answers, &wanted, &mut gradient);
        }
        let of_shown = judging.back_to_input(&gradient);
        let of_made = augmentation.as_ref().map_or_else(|| of_shown.clone(), |a| a.back(&of_shown));
        let (gradients, _) = making.back(&of_made, false);
        let seen = making.seen();
        self.g_adam.step(&mut self.generator, &gradients);
        self.generator.follow(seen);
        let young = self.g_adam.steps as f32 / (self.g_adam.steps as f32 + 10.0);
        average(&mut self.slow, &self.generator, self.rules.keep.min(young));
        GeneratorStep { loss }
    }

    /// The averaged generator.
    pub fn averaged(&self) -> &Net {
        &self.slow
    }

    /// Noise for `n` pictures, with random classes where there are classes; and those classes' rows.
    fn inputs(&mut self, n: usize) -> (Vec<f32>, Vec<f32>) {
        let Rules { noise, classes, .. } = self.rules;
        let numbers = self.dice.normals(n * noise);
        if classes == 0 {
            return (numbers, vec![]);
        }
        let labels: Vec<u8> = (0..n).map(|_| self.dice.below(classes) as u8).collect();
        let rows = one_hot(&labels, classes);
        let both = numbers.chunks_exact(noise).zip(rows.chunks_exact(classes));
        (both.flat_map(|(noise, class)| [noise, class].concat()).collect(), rows)
    }

    /// Writes into the gradient of the answers, [n, 1 + classes], what their class logits are off by.
    fn set_class_slopes(&self, answers: &[f32], wanted: &[f32], gradient: &mut [f32]) {
        let classes = self.rules.classes;
        let logits: Vec<f32> = answers.chunks_exact(1 + classes).flat_map(|row| &row[1..]).copied().collect();
        let (_, slopes) = class_entropy(&logits, wanted, classes);
        for (row, slopes) in gradient.chunks_exact_mut(1 + classes).zip(slopes.chunks_exact(classes)) {
            row[1..].copy_from_slice(slopes);
        }
    }
}

impl Learner for Adversary {
    fn step(&mut self, batch: &Batch, pace: f32) -> Vec<(&'static str, f32)> {
        (self.g_adam.pace, self.d_adam.pace) = (pace, pace);
        let n = batch.pictures.len() / self.discriminator.input.iter().product::<usize>();
        let found = self.step_discriminator(batch);
        let mut told = vec![("discriminator", found.loss), ("real", found.real_opinion), ("made", found.fake_opinion)];
        self.turn += 1;
        if self.turn.is_multiple_of(self.rules.d_steps.max(1)) {
            let losses = (0..self.rules.g_steps).map(|_| self.step_generator(n).loss).sum::<f32>();
            told.push(("generator", losses / self.rules.g_steps.max(1) as f32));
        }
        told
    }

    fn memory(&mut self) -> Memory<'_> {
        Memory::default()
            .net("generator", &mut self.generator)
            .net("slow", &mut self.slow)
            .net("discriminator", &mut self.discriminator)
            .adam("generator adam", &mut self.g_adam)
            .adam("discriminator adam", &mut self.d_adam)
            .directions("discriminator", &mut self.directions)
            .dice("noise", &mut self.dice)
            .counter("turn", &mut self.turn)
    }

    fn nets(&self) -> Vec<(&'static str, Net)> {
        vec![("generator", self.slow.folded()), ("discriminator", self.discriminator.clone())]
    }
}

fn opinion(logits: &[f32]) -> f32 {
    logits.iter().map(|l| sigmoid(*l)).sum::<f32>() / logits.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digits;

    /// How far noise of deviation [`TREMBLE`] moves a discriminator's answers to `real`, in the mean of squares, after some steps.
    fn trembling(calm: f32, real: &[f32]) -> f32 {
        let dice = &mut Dice::new(1);
        let (noise, rate) = (digits::LIVE_NOISE, 1e-3);
        let rules = Rules {
            noise,
            classes: 0,
            d_steps: 1,
            g_steps: 1,
            g_rate: rate,
            d_rate: rate,
            stretch: f32::INFINITY,
            keep: 0.9,
            calm,
            augment: 0.0,
        };
        let (generator, discriminator) = (digits::live_generator(dice), digits::live_discriminator(dice));
        let mut adversary = Adversary::new(rules, generator, discriminator, 2);
        let batch = Batch { pictures: real.to_vec(), ..Batch::default() };
        for _ in 0..30 {
            adversary.step_discriminator(&batch);
        }
        let moved: Vec<f32> = real.iter().zip(Dice::new(9).normals(real.len())).map(|(p, n)| p + TREMBLE * n).collect();
        let (still, moved) = (adversary.discriminator.run(real), adversary.discriminator.run(&moved));
        still.iter().zip(moved).map(|(a, b)| (a - b) * (a - b)).sum::<f32>() / still.len() as f32
    }

    #[test]
    fn a_calm_discriminator_is_flatter_around_real_pictures() {
        let real: Vec<f32> = (0..16).flat_map(|i| (0..784).map(move |p| if p / 28 == i + 5 { 1.0 } else { 0.0 })).collect();
        let (wild, calm) = (trembling(0.0, &real), trembling(1.0, &real));
        assert!(calm < 0.5 * wild, "{calm} {wild}");
    }
}
