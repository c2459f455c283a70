//! Pictures in, a generator that makes more of their kind out (Goodfellow et al. 2014), with or without asked classes.
//!
//! The discriminator tells real from made; the generator's output is wired straight to its input, and its gradient changes
//! the generator. Periods of the one and of the other alternate. Against forgetting and wild steps: spectral normalisation,
//! the average of the generator's weights as the product, and for small data sets the same random shifts and brightness on
//! real and made pictures (Zhao et al. 2020).

use crate::adam::{Adam, average};
use crate::memory::{Batch, Learner, Memory, one_hot};
use crate::net::{Net, Signal, class_entropy, cpu, mean_softplus, numbers, scalar, tape};
use crate::random::Dice;
use crate::spectral::Directions;
use burn_tensor::Tensor;
use burn_tensor::ops::PadMode;

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
        let device = tape();
        let n = batch.pictures.len() / self.discriminator.input.iter().product::<usize>();
        let (inputs, _) = self.inputs(n);
        let seen = &mut vec![];
        let made = self.generator.load(&cpu()).apply(Signal::new(&inputs, &self.generator.input, &cpu()), Some(seen)).rows();
        let shape = self.discriminator.input.clone();
        let real = augmented(Signal::new(&batch.pictures, &shape, &device), self.rules.augment, &mut self.dice);
        let made = augmented(Signal::new(&numbers(made), &shape, &device), self.rules.augment, &mut self.dice);
        let loaded = self.discriminator.load_for_training();
        let (on_real, on_made) = (loaded.apply(real, None).rows(), loaded.apply(made, None).rows());
        let (real_logit, made_logit) = (first(&on_real), first(&on_made));
        let mut loss = mean_softplus(real_logit.clone().neg()) + mean_softplus(made_logit.clone());
        let told = scalar(&loss);
        if self.rules.classes > 0 {
            loss = loss + self.class_loss(on_real, &one_hot(&batch.labels, self.rules.classes));
        }
        let gradients = loaded.gradients(&mut loss.backward());
        self.d_adam.step(&mut self.discriminator, &gradients);
        if self.rules.stretch.is_finite() {
            self.directions.limit(&mut self.discriminator, self.rules.stretch);
        }
        DiscriminatorStep { loss: told, real_opinion: opinion(real_logit), fake_opinion: opinion(made_logit) }
    }

    /// The generator makes `n` pictures and learns what the discriminator says of them, once.
    pub fn step_generator(&mut self, n: usize) -> GeneratorStep {
        let device = tape();
        let (inputs, classes) = self.inputs(n);
        let loaded = self.generator.load_for_training();
        let mut seen = vec![];
        let made = loaded.apply(Signal::new(&inputs, &self.generator.input, &device), Some(&mut seen));
        let made = augmented(made, self.rules.augment, &mut self.dice);
        let answer = self.discriminator.load(&device).apply(made, None).rows();
        let mut loss = mean_softplus(first(&answer).neg());
        let told = scalar(&loss);
        if self.rules.classes > 0 {
            loss = loss + self.class_loss(answer, &classes);
        }
        let gradients = loaded.gradients(&mut loss.backward());
        self.g_adam.step(&mut self.generator, &gradients);
        self.generator.follow(seen);
        let young = self.g_adam.steps as f32 / (self.g_adam.steps as f32 + 10.0);
        average(&mut self.slow, &self.generator, self.rules.keep.min(young));
        GeneratorStep { loss: told }
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

    /// What the discriminator's class logits are off by.
    fn class_loss(&self, answer: Tensor<2>, classes: &[f32]) -> Tensor<1> {
        let n = answer.dims()[0];
        let logits = answer.slice([0..n, 1..1 + self.rules.classes]);
        class_entropy(logits, Signal::new(classes, &[self.rules.classes], &tape()).rows())
    }
}

impl Learner for Adversary {
    fn step(&mut self, batch: &Batch) -> Vec<(&'static str, f32)> {
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

fn first(answer: &Tensor<2>) -> Tensor<2> {
    let n = answer.dims()[0];
    answer.clone().slice([0..n, 0..1])
}

fn opinion(logits: Tensor<2>) -> f32 {
    let logits = numbers(logits);
    logits.iter().map(|l| 1.0 / (1.0 + (-l).exp())).sum::<f32>() / logits.len().max(1) as f32
}

/// Eight pictures at a time are shifted, by up to `reach` of their size, and lit alike, the next eight otherwise.
fn augmented(signal: Signal, reach: f32, dice: &mut Dice) -> Signal {
    let Signal::Pictures(pictures) = signal else { return signal };
    if reach == 0.0 {
        return Signal::Pictures(pictures);
    }
    let [n, c, h, w] = pictures.dims();
    let reach = (h as f32 * reach) as usize;
    let padded = pictures.pad((reach, reach, reach, reach), PadMode::Constant(0.5));
    let groups = (0..n).step_by(8).map(|start| {
        let (y, x) = (dice.below(2 * reach + 1), dice.below(2 * reach + 1));
        let light = (dice.share() - 0.5) * 0.4;
        padded.clone().slice([start..n.min(start + 8), 0..c, y..y + h, x..x + w]).add_scalar(light)
    });
    Signal::Pictures(Tensor::cat(groups.collect(), 0))
}
