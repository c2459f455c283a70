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
        // To look is cheaper than to paint: a stage has half the pixels that the painter's has.
        let after = 2 * channels(pixels);
        // Four by two: every pixel is seen by as many windows, so that no gradient has a grid in it.
        layers.extend([conv(before, after, 4, 2), act]);
        before = after;
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

/// [`LATENT`] numbers to a picture.
pub fn decoder(size: usize, dice: &mut Dice) -> Net {
    painter(size, false, dice)
}

/// [`LATENT`] numbers of noise to a picture, with batch normalisation and, at the end, a smoothing that never learns: what
/// alternates from pixel to pixel, which shuffles tend to, is not in its pictures.
pub fn generator(size: usize, dice: &mut Dice) -> Net {
    let mut net = painter(size, true, dice);
    let sigmoid = net.layers.pop();
    let smooth = Layer::Conv { inputs: 3, outputs: 3, size: 3, stride: 1, pad: 1 };
    let mut arrays = smooth.weights(dice);
    for (i, weight) in arrays[0].values.iter_mut().enumerate() {
        let [outputs, inputs, y, x] = [i / 27, i / 9 % 3, i / 3 % 3, i % 3];
        *weight = if outputs == inputs { SMOOTH[y] * SMOOTH[x] } else { 0.0 };
    }
    arrays.iter_mut().for_each(|array| array.trained = false);
    net.weights.extend(arrays);
    net.layers.push(smooth);
    net.layers.extend(sigmoid);
    net
}

/// What a pixel keeps and takes of its neighbours along one axis.
const SMOOTH: [f32; 3] = [0.25, 0.5, 0.25];

fn painter(size: usize, norm: bool, dice: &mut Dice) -> Net {
    let (mut pixels, mut before) = (BASE, channels(BASE));
    let mut layers = vec![dense(LATENT, BASE * BASE * before), Layer::Fold([before, BASE, BASE])];
    layers.extend(norm.then_some(Layer::Norm { channels: before }));
    while pixels < size {
        pixels *= 2;
        let after = channels(pixels);
        layers.extend([Layer::Relu, conv(before, 4 * after, 3, 1)]);
        layers.extend(norm.then_some(Layer::Norm { channels: 4 * after }));
        layers.push(Layer::Shuffle);
        before = after;
    }
    layers.extend([Layer::Relu, conv(before, 3, 3, 1), Layer::Sigmoid]);
    let mut net = Net::new(&[LATENT], layers, dice);
    start_even(&mut net);
    net
}

/// The four channels that a shuffle makes one of begin alike, so that a beginner paints no chequers (Aitken et al. 2017).
fn start_even(net: &mut Net) {
    for weights in net.weights.iter_mut().filter(|w| w.shape.len() == 4 && w.shape[0] % 4 == 0) {
        let each = weights.values.len() / weights.shape[0];
        for four in weights.values.chunks_exact_mut(4 * each) {
            let (first, others) = four.split_at_mut(each);
            others.chunks_exact_mut(each).for_each(|other| other.copy_from_slice(first));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginner_paints_no_chequers() {
        let dice = &mut Dice::new(2);
        let net = decoder(32, dice);
        // All but the last convolution, which smooths: after a shuffle each 2 x 2 pixels are alike, for its inputs are.
        let mut shuffled = net.clone();
        shuffled.layers.truncate(4);
        shuffled.weights.truncate(4);
        shuffled.layers.push(Layer::Shuffle);
        let made = shuffled.run(&dice.normals(LATENT));
        for rows in made.chunks_exact(16) {
            for x in (0..8).step_by(2) {
                assert!([rows[x + 1], rows[8 + x], rows[9 + x]].iter().all(|v| *v == rows[x]));
            }
        }
        assert!(made.iter().any(|v| *v != made[0]));
    }

    #[test]
    fn a_generator_cannot_paint_what_alternates_from_pixel_to_pixel() {
        let dice = &mut Dice::new(3);
        let mut net = generator(32, dice);
        // The smoothing alone, and the sigmoid after it.
        net.layers.drain(..net.layers.len() - 2);
        net.weights.drain(..net.weights.len() - 2);
        net.input = vec![3, 32, 32];
        let chequers: Vec<f32> = (0..3 * 32 * 32).map(|i| if (i / 32 + i) % 2 == 0 { 5.0 } else { -5.0 }).collect();
        let inside = |i: usize| (1..31).contains(&(i % 32)) && (1..31).contains(&(i / 32 % 32));
        let smoothed = net.run(&chequers);
        assert!(smoothed.iter().enumerate().all(|(i, v)| !inside(i) || (v - 0.5).abs() < 1e-6));
        let even = net.run(&vec![2.0; 3 * 32 * 32]);
        assert!(even.iter().enumerate().all(|(i, v)| !inside(i) || (v - crate::pass::sigmoid(2.0)).abs() < 1e-6));
    }

    #[test]
    fn every_net_fits_together_at_both_sizes() {
        let dice = &mut Dice::new(1);
        for size in [32, 64] {
            assert_eq!(encoder(size, 2 * LATENT, dice).output(), Some(vec![2 * LATENT]));
            assert_eq!(discriminator(size, dice).output(), Some(vec![1]));
            assert_eq!(decoder(size, dice).output(), Some(vec![3, size, size]));
            assert_eq!(generator(size, dice).output(), Some(vec![3, size, size]));
        }
    }
}
