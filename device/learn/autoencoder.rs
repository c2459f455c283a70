//! Pictures in, an encoder to a few numbers and a decoder back out: plain, denoising or variational.

use crate::adam::Adam;
use crate::memory::{Batch, Learner, Memory};
use crate::net::{Net, Signal, cross_entropy, scalar, tape};
use crate::random::Dice;

/// What is learned besides giving back what came in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// To give back a clean picture: the encoder sees normal noise of that deviation on it (Vincent et al. 2008).
    Denoising(f32),
    /// The encoder gives mean and log variance, and the divergence from the standard normal distribution, times this factor,
    /// is part of the loss (Kingma and Welling 2014; the factor: Higgins et al. 2017).
    Variational(f32),
}

/// An autoencoder in training.
pub struct Autoencoder {
    kind: Kind,
    encoder: Net,
    decoder: Net,
    encoder_adam: Adam,
    decoder_adam: Adam,
    dice: Dice,
}

impl Autoencoder {
    /// The encoder gives as many numbers as the decoder takes, twice as many where variational; the decoder ends in a sigmoid.
    pub fn new(kind: Kind, encoder: Net, decoder: Net, rate: f32, seed: u64) -> Self {
        let adam = |net| Adam::new(net, rate, 0.9, 0.999);
        Self { kind, encoder_adam: adam(&encoder), decoder_adam: adam(&decoder), encoder, decoder, dice: Dice::new(seed) }
    }
}

impl Learner for Autoencoder {
    fn step(&mut self, batch: &Batch) -> Vec<(&'static str, f32)> {
        let device = tape();
        let (encoder, decoder) = (self.encoder.load_for_training(), self.decoder.load_for_training());
        let n = batch.pictures.len() / self.encoder.input.iter().product::<usize>();
        let length = self.decoder.input.iter().product::<usize>();
        let seen_pictures = match self.kind {
            Kind::Denoising(deviation) => {
                let noise = self.dice.normals(batch.pictures.len());
                batch.pictures.iter().zip(noise).map(|(p, n)| (p + deviation * n).clamp(0.0, 1.0)).collect()
            }
            _ => batch.pictures.clone(),
        };
        let (mut seen_encoding, mut seen_decoding) = (vec![], vec![]);
        let signal = Signal::new(&seen_pictures, &self.encoder.input, &device);
        let code = encoder.apply(signal, Some(&mut seen_encoding)).rows();
        let (latent, divergence) = match self.kind {
            Kind::Variational(factor) => {
                let mean = code.clone().slice([0..n, 0..length]);
                let log_variance = code.slice([0..n, length..2 * length]);
                let noise = Signal::new(&self.dice.normals(n * length), &[length], &device).rows();
                let latent = mean.clone() + log_variance.clone().mul_scalar(0.5).exp() * noise;
                let terms = mean.square() + log_variance.clone().exp() - log_variance.add_scalar(1.0);
                (latent, Some((factor, terms.sum().mul_scalar(0.5 / n as f32))))
            }
            _ => (code, None),
        };
        let logits = decoder.logits(Signal::Rows(latent), Some(&mut seen_decoding)).rows();
        let pixels = logits.dims()[1];
        let wanted = Signal::new(&batch.pictures, &[pixels], &device).rows();
        let reconstruction = cross_entropy(logits, wanted);
        let mut losses = vec![("reconstruction", scalar(&reconstruction))];
        let loss = match divergence {
            Some((factor, divergence)) => {
                losses.push(("divergence", scalar(&divergence)));
                reconstruction + divergence.mul_scalar(factor)
            }
            None => reconstruction,
        };
        let mut gradients = loss.backward();
        let (of_encoder, of_decoder) = (encoder.gradients(&mut gradients), decoder.gradients(&mut gradients));
        self.encoder_adam.step(&mut self.encoder, &of_encoder);
        self.decoder_adam.step(&mut self.decoder, &of_decoder);
        self.encoder.follow(seen_encoding);
        self.decoder.follow(seen_decoding);
        losses
    }

    fn memory(&mut self) -> Memory<'_> {
        Memory::default()
            .net("encoder", &mut self.encoder)
            .net("decoder", &mut self.decoder)
            .adam("encoder adam", &mut self.encoder_adam)
            .adam("decoder adam", &mut self.decoder_adam)
            .dice("noise", &mut self.dice)
    }

    fn nets(&self) -> Vec<(&'static str, Net)> {
        vec![("encoder", self.encoder.folded()), ("decoder", self.decoder.folded())]
    }
}
