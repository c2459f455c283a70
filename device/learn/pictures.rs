//! The nets for colour pictures of 32 or 64 pixels, whatever they show.

use crate::layer::{Layer, conv, dense};
use crate::net::Net;
use crate::random::Dice;

/// Numbers that a picture is squeezed into or made from.
pub const LATENT: usize = 64;

/// Height and width of the smallest stage.
const BASE: usize = 4;

/// Channels of the stage of that many pixels.
fn channels(pixels: usize) -> usize {
    match pixels {
        ..=8 => 64,
        9..=16 => 32,
        _ => 16,
    }
}

/// A picture of `size` pixels to `outputs` numbers. `size`: 32 or 64.
fn downwards(size: usize, outputs: usize, act: Layer, dice: &mut Dice) -> Net {
    let (mut pixels, mut before) = (size, 3);
    let mut layers = vec![];
    while pixels > BASE {
        pixels /= 2;
        layers.extend([conv(before, channels(pixels), 5, 2), act]);
        before = channels(pixels);
    }
    layers.extend([Layer::Flatten, dense(BASE * BASE * before, outputs)]);
    Net::new(&[3, size, size], layers, dice)
}

/// A picture to `outputs` numbers.
pub fn encoder(size: usize, outputs: usize, dice: &mut Dice) -> Net {
    downwards(size, outputs, Layer::Relu, dice)
}

/// A picture to a logit: real or made.
pub fn discriminator(size: usize, dice: &mut Dice) -> Net {
    downwards(size, 1, Layer::Leaky, dice)
}

/// [`LATENT`] numbers to a picture; `norm`: with batch normalisation, for generators.
pub fn decoder(size: usize, norm: bool, dice: &mut Dice) -> Net {
    let (mut pixels, mut before) = (BASE, channels(BASE));
    let mut layers = vec![dense(LATENT, BASE * BASE * before), Layer::Fold([before, BASE, BASE])];
    layers.extend(norm.then_some(Layer::Norm { channels: before }));
    while pixels < size {
        pixels *= 2;
        let after = if pixels == size { 3 } else { channels(pixels) };
        layers.extend([Layer::Relu, conv(before, 4 * after, 3, 1)]);
        layers.extend((norm && pixels < size).then_some(Layer::Norm { channels: 4 * after }));
        layers.push(Layer::Shuffle);
        before = after;
    }
    layers.push(Layer::Sigmoid);
    Net::new(&[LATENT], layers, dice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_net_fits_together_at_both_sizes() {
        let dice = &mut Dice::new(1);
        for size in [32, 64] {
            assert_eq!(encoder(size, 2 * LATENT, dice).output(), Some(vec![2 * LATENT]));
            assert_eq!(discriminator(size, dice).output(), Some(vec![1]));
            assert_eq!(decoder(size, true, dice).output(), Some(vec![3, size, size]));
        }
    }
}
