//! The nets for 28 x 28 digits: what the recipes train, what the booth shows, what other programs are measured against.

use crate::layer::{Layer, conv, dense, halve};
use crate::net::Net;
use crate::random::Dice;

/// Numbers in a picture.
pub const PIXELS: usize = 28 * 28;

/// Shape of a picture: channels, height, width.
pub const PICTURE: [usize; 3] = [1, 28, 28];

/// Numbers that the autoencoders squeeze a digit into.
pub const LATENT: usize = 32;

/// Numbers of noise that the GANs make a digit from.
pub const NOISE: usize = 64;

/// Numbers of noise of the GAN that is watched while it learns.
pub const LIVE_NOISE: usize = 32;

/// Classes of digits.
pub const CLASSES: usize = 10;

/// Tells the ten digits apart: a picture to ten logits. Its last but one layer is what the judge compares pictures by.
pub fn classifier(dice: &mut Dice) -> Net {
    let layers = vec![
        conv(1, 16, 3, 1),
        halve(),
        Layer::Relu,
        conv(16, 32, 3, 1),
        halve(),
        Layer::Relu,
        Layer::Flatten,
        dense(7 * 7 * 32, 64),
        Layer::Relu,
        dense(64, CLASSES),
    ];
    Net::new(&PICTURE, layers, dice)
}

/// A picture to [`LATENT`] numbers, or to as many means and log variances.
pub fn encoder(outputs: usize, dice: &mut Dice) -> Net {
    let layers =
        vec![conv(1, 32, 3, 2), Layer::Relu, conv(32, 64, 3, 2), Layer::Relu, Layer::Flatten, dense(7 * 7 * 64, outputs)];
    Net::new(&PICTURE, layers, dice)
}

/// [`LATENT`] numbers to a picture.
pub fn decoder(dice: &mut Dice) -> Net {
    Net::new(&[LATENT], upwards(LATENT, 64, false), dice)
}

/// Noise, and a class where `classes` are asked for, to a picture.
pub fn generator(classes: usize, dice: &mut Dice) -> Net {
    Net::new(&[NOISE + classes], upwards(NOISE + classes, 32, true), dice)
}

/// A picture to a logit: real or made; and one more per class.
pub fn discriminator(classes: usize, dice: &mut Dice) -> Net {
    let layers = vec![
        conv(1, 32, 5, 2),
        Layer::Leaky,
        conv(32, 64, 5, 2),
        Layer::Leaky,
        conv(64, 64, 3, 1),
        Layer::Leaky,
        Layer::Flatten,
        dense(7 * 7 * 64, 1 + classes),
    ];
    Net::new(&PICTURE, layers, dice)
}

/// A small one to be watched.
pub fn live_generator(dice: &mut Dice) -> Net {
    Net::new(&[LIVE_NOISE], upwards(LIVE_NOISE, 16, true), dice)
}

/// A small one to be watched.
pub fn live_discriminator(dice: &mut Dice) -> Net {
    let layers = vec![conv(1, 8, 5, 2), Layer::Leaky, conv(8, 16, 5, 2), Layer::Leaky, Layer::Flatten, dense(7 * 7 * 16, 1)];
    Net::new(&PICTURE, layers, dice)
}

/// From `inputs` numbers over 7 x 7 and 14 x 14 to 28 x 28, beginning with `channels`.
fn upwards(inputs: usize, channels: usize, norm: bool) -> Vec<Layer> {
    let half = channels / 2;
    let mut layers = vec![dense(inputs, 7 * 7 * channels), Layer::Fold([channels, 7, 7])];
    layers.extend(norm.then_some(Layer::Norm { channels }));
    layers.extend([Layer::Relu, conv(channels, 4 * half, 3, 1)]);
    layers.extend(norm.then_some(Layer::Norm { channels: 4 * half }));
    layers.extend([Layer::Shuffle, Layer::Relu, conv(half, 4, 3, 1), Layer::Shuffle, Layer::Sigmoid]);
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_net_fits_together() {
        let dice = &mut Dice::new(1);
        assert_eq!(classifier(dice).output(), Some(vec![CLASSES]));
        assert_eq!(encoder(2 * LATENT, dice).output(), Some(vec![2 * LATENT]));
        assert_eq!(discriminator(CLASSES, dice).output(), Some(vec![1 + CLASSES]));
        assert_eq!(live_discriminator(dice).output(), Some(vec![1]));
        for net in [decoder(dice), generator(0, dice), generator(CLASSES, dice), live_generator(dice)] {
            assert_eq!(net.output(), Some(PICTURE.to_vec()));
        }
    }
}
