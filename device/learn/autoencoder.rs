//! Pictures in, an encoder to a few numbers and a decoder back out: plain, denoising or variational.

use crate::adam::Adam;
use crate::loss::cross_entropy;
use crate::memory::{Batch, Learner, Memory};
use crate::net::Net;
use crate::random::Dice;
use crate::way::Way;

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
    fn step(&mut self, batch: &Batch, pace: f32) -> Vec<(&'static str, f32)> {
        let n = batch.pictures.len() / self.encoder.input.iter().product::<usize>();
        let length = self.decoder.input.iter().product::<usize>();
        let noisy: Option<Vec<f32>> = match self.kind {
            Kind::Denoising(deviation) => {
                let noise = self.dice.normals(batch.pictures.len());
                Some(batch.pictures.iter().zip(noise).map(|(p, n)| (p + deviation * n).clamp(0.0, 1.0)).collect())
            }
            _ => None,
        };
        let encoding = Way::new(&self.encoder, noisy.as_ref().unwrap_or(&batch.pictures));
        let code = encoding.output();
        let drawn = match self.kind {
            Kind::Variational(factor) => Some((factor, self.dice.normals(n * length))),
            _ => None,
        };
        let latent = match &drawn {
            Some((_, noise)) => draw(&code, noise, length),
            None => code.clone(),
        };
        let decoding = Way::to_logits(&self.decoder, &latent);
        let (reconstruction, gradient) = cross_entropy(&decoding.output(), &batch.pictures, n);
        let (of_decoder, of_latent) = decoding.back(&gradient, true);
        let mut losses = vec![("reconstruction", reconstruction)];
        let of_code = match drawn {
            Some((factor, noise)) => {
                let (divergence, of_code) = diverge(&code, &noise, &of_latent, length, factor);
                losses.push(("divergence", divergence));
                of_code
            }
            None => of_latent,
        };
        let (of_encoder, _) = encoding.back(&of_code, false);
        let (seen_encoding, seen_decoding) = (encoding.seen(), decoding.seen());
        (self.encoder_adam.pace, self.decoder_adam.pace) = (pace, pace);
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

/// A draw from each distribution of `code`, [n, mean and log variance]; `noise` [n, length].
fn draw(code: &[f32], noise: &[f32], length: usize) -> Vec<f32> {
    let rows = code.chunks_exact(2 * length).zip(noise.chunks_exact(length));
    let row = |(code, noise): (&[f32], &[f32])| -> Vec<f32> {
        (0..length).map(|i| code[i] + (0.5 * code[length + i]).exp() * noise[i]).collect()
    };
    rows.flat_map(row).collect()
}

/// The mean divergence of the distributions of `code` from the standard normal one (Kingma and Welling 2014, appendix B); and
/// the gradient of the whole loss by the code, from that by the draws.
fn diverge(code: &[f32], noise: &[f32], of_latent: &[f32], length: usize, factor: f32) -> (f32, Vec<f32>) {
    let n = (noise.len() / length) as f32;
    let (mut total, mut gradient) = (0.0, vec![0.0; code.len()]);
    let rows = code.chunks_exact(2 * length).zip(gradient.chunks_exact_mut(2 * length));
    for ((code, out), (noise, above)) in rows.zip(noise.chunks_exact(length).zip(of_latent.chunks_exact(length))) {
        for i in 0..length {
            let (mean, log_variance) = (code[i], code[length + i]);
            let variance = log_variance.exp();
            total += 0.5 * (mean * mean + variance - 1.0 - log_variance) / n;
            out[i] = above[i] + factor * mean / n;
            out[length + i] = 0.5 * (above[i] * noise[i] * variance.sqrt() + factor * (variance - 1.0) / n);
        }
    }
    (total, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_of_a_distribution_is_its_slope() {
        let (noise, pull) = ([0.3, -1.2], [0.7, -0.4]);
        let code = [0.5, -0.2, 0.1, -0.6];
        // A loss that is linear in the draws, and the divergence twice.
        let loss = |code: &[f32]| {
            let drawn = draw(code, &noise, 2);
            let linear: f32 = drawn.iter().zip(pull).map(|(d, p)| d * p).sum();
            linear + 2.0 * diverge(code, &noise, &pull, 2, 2.0).0
        };
        let (_, gradient) = diverge(&code, &noise, &pull, 2, 2.0);
        for i in 0..4 {
            let moved = |by: f32| {
                let mut code = code;
                code[i] += by;
                loss(&code)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - gradient[i]).abs() < 1e-3, "{i}: {slope} {}", gradient[i]);
        }
    }
}
