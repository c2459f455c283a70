//! Crops in; whether each is a face, where its edges and its landmarks lie out: the three nets of MT-CNN (Zhang et al. 2016, arXiv
//! 1604.02878), and how they learn.
//!
//! An answer is a row: the logits of "no face" and of "face", four edges, of O-Net ten numbers of landmarks more. What is wanted of it
//! is a row, too: 1 for a face and 0 for none, then the edges and the landmarks; not-a-number stands for what nobody knows, and is not
//! learned from.

use crate::adam::{Adam, average};
use crate::layer::{Layer, dense};
use crate::memory::{Batch, Learner, Memory};
use crate::net::Net;
use crate::random::Dice;
use crate::way::Way;

/// The average of the weights reaches back to about this part of all steps: polynomial-decay averaging (Shamir and Zhang 2013), whose
/// window grows with the training. What each epoch's copies were by chance counts less in it than in the last weights.
const REACH: f32 = 1.0 / 3.0;

/// Of the crops that are a face or none, this share is learned from: the hardest (section II.C).
const HARD: f32 = 0.7;

/// What the mean squared error of edges, and the mean distance of landmarks in eye distances, count beside the cross entropy of faces.
const WEIGHTS: [f32; 2] = [4.0, 0.5];

/// Eyes of heads seen from the side are nearly one behind the other; in shares of the crop.
const LEAST_APART: f32 = 0.15;

/// Logits of an answer.
const LOGITS: usize = 2;

/// Numbers of edges.
const EDGES: usize = 4;

/// Points among the landmarks: every x, then every y.
pub const POINTS: usize = 5;

/// Numbers of an answer before its landmarks.
pub const BEFORE: usize = LOGITS + EDGES;

/// The distance of the eyes, which the landmarks' distances are told in, in shares of the crop; `landmarks`: every x, then every y.
pub fn eyes_apart(landmarks: &[f32]) -> f32 {
    (landmarks[1] - landmarks[0]).hypot(landmarks[POINTS + 1] - landmarks[POINTS]).max(LEAST_APART)
}

/// P-Net at one place: 12 x 12 pixels to a row.
pub fn pnet(dice: &mut Dice) -> Net {
    let mut layers = trunk(&[(3, 10, 3), (10, 16, 3), (16, 32, 3)]);
    layers.insert(2, pool(2));
    layers.extend([plain(32, LOGITS + EDGES, 1), Layer::Flatten]);
    Net::new(&[3, 12, 12], layers, dice)
}

/// R-Net: 24 x 24 pixels to a row.
pub fn rnet(dice: &mut Dice) -> Net {
    let mut layers = trunk(&[(3, 28, 3), (28, 48, 3), (48, 64, 2)]);
    layers.insert(4, pool(3));
    layers.insert(2, pool(3));
    layers.extend(rows(64 * 3 * 3, 128, LOGITS + EDGES));
    Net::new(&[3, 24, 24], layers, dice)
}

/// O-Net: 48 x 48 pixels to a row.
pub fn onet(dice: &mut Dice) -> Net {
    let mut layers = trunk(&[(3, 32, 3), (32, 64, 3), (64, 64, 3), (64, 128, 2)]);
    layers.insert(6, pool(2));
    layers.insert(4, pool(3));
    layers.insert(2, pool(3));
    layers.extend(rows(128 * 3 * 3, 256, BEFORE + 2 * POINTS));
    Net::new(&[3, 48, 48], layers, dice)
}

fn trunk(convs: &[(usize, usize, usize)]) -> Vec<Layer> {
    convs
        .iter()
        .flat_map(|&(inputs, outputs, size)| [plain(inputs, outputs, size), Layer::Slopes { channels: outputs }])
        .collect()
}

fn plain(inputs: usize, outputs: usize, size: usize) -> Layer {
    Layer::Conv { inputs, outputs, size, stride: 1, pad: 0 }
}

fn pool(size: usize) -> Layer {
    Layer::MaxPool { size, beyond: true }
}

fn rows(inputs: usize, between: usize, outputs: usize) -> [Layer; 4] {
    [Layer::Flatten, dense(inputs, between), Layer::Slopes { channels: between }, dense(between, outputs)]
}

/// One of the three nets in training. Its product is the average of its weights over some steps.
pub struct Teacher {
    net: Net,
    slow: Net,
    adam: Adam,
    /// What it began with.
    first: Net,
    hold: f32,
}

impl Teacher {
    /// `frozen`: so many layers that have weights, the first ones, stay as they are. `hold`: how strongly the others are drawn back to
    /// what they were, so that the net keeps what these crops do not show (L2-SP, Li et al. 2018; apart from the gradient, as weight
    /// decay in Loshchilov and Hutter 2019): each step they go this times the learning rate of the way.
    pub fn new(mut net: Net, rate: f32, frozen: usize, hold: f32) -> Self {
        let mut at = 0;
        for layer in net.layers.iter().filter(|layer| layer.arrays() > 0).take(frozen) {
            net.weights[at..at + layer.arrays()].iter_mut().for_each(|array| array.trained = false);
            at += layer.arrays();
        }
        Self { adam: Adam::new(&net, rate, 0.9, 0.999), slow: net.clone(), first: net.clone(), net, hold }
    }
}

impl Learner for Teacher {
    fn step(&mut self, batch: &Batch, pace: f32) -> Vec<(&'static str, f32)> {
        let pass = Way::new(&self.net, &batch.pictures);
        let (told, gradient) = losses(&pass.output(), &batch.wanted, self.net.output().map_or(0, |shape| shape[0]));
        let (gradients, _) = pass.back(&gradient, false);
        self.adam.pace = pace;
        self.adam.step(&mut self.net, &gradients);
        average(&mut self.net, &self.first, 1.0 - self.hold * self.adam.rate * pace);
        let steps = self.adam.steps as f32;
        average(&mut self.slow, &self.net, steps / (steps + 1.0 / REACH));
        told
    }

    fn memory(&mut self) -> Memory<'_> {
        Memory::default().net("net", &mut self.net).net("slow", &mut self.slow).adam("adam", &mut self.adam)
    }

    fn nets(&self) -> Vec<(&'static str, Net)> {
        vec![("net", self.slow.clone())]
    }
}

/// What to show, and the gradient of `answers`, rows of `width`.
fn losses(answers: &[f32], wanted: &[f32], width: usize) -> (Vec<(&'static str, f32)>, Vec<f32>) {
    let mut gradient = vec![0.0; answers.len()];
    let rows: Vec<(&[f32], &[f32])> = answers.chunks_exact(width).zip(wanted.chunks_exact(width - 1)).collect();
    let mut faces: Vec<(usize, f32, f32)> = Vec::new();
    for (index, (answer, wanted)) in rows.iter().enumerate().filter(|(_, (_, wanted))| !wanted[0].is_nan()) {
        // The chance of a face is the sigmoid of the logits' difference.
        let sign = if wanted[0] > 0.5 { 1.0 } else { -1.0 };
        let apart = sign * (answer[1] - answer[0]);
        let loss = (-apart).max(0.0) + (-apart.abs()).exp().ln_1p();
        faces.push((index, loss, -sign / (1.0 + apart.exp())));
    }
    let count = faces.len().max(1) as f32;
    let face_loss = faces.iter().map(|(_, loss, _)| loss).sum::<f32>() / count;
    let right = faces.iter().filter(|(_, loss, _)| *loss < std::f32::consts::LN_2).count() as f32 / count;
    faces.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    faces.truncate((HARD * count).ceil() as usize);
    for &(index, _, slope) in &faces {
        let slope = slope / faces.len() as f32;
        gradient[index * width..][..LOGITS].copy_from_slice(&[-slope, slope]);
    }
    let mut told = vec![("face", face_loss), ("right", right)];
    let edges: Vec<usize> = (0..rows.len()).filter(|&index| !rows[index].1[1].is_nan()).collect();
    let count = (edges.len() * EDGES).max(1) as f32;
    let mut squares = 0.0;
    for (index, k) in edges.iter().flat_map(|&index| (0..EDGES).map(move |k| (index, k))) {
        let off = rows[index].0[LOGITS + k] - rows[index].1[1 + k];
        squares += off * off;
        gradient[index * width + LOGITS + k] = 2.0 * WEIGHTS[0] * off / count;
    }
    told.push(("edges", (squares / count).sqrt()));
    if width == BEFORE + 2 * POINTS {
        told.push(("landmarks", landmarks(&rows, width, &mut gradient)));
    }
    (told, gradient)
}

/// The mean distance of landmarks from where they should be, in distances of the eyes, and its slope. Distances, not their squares:
/// what people or programs say of landmarks is sometimes far off.
fn landmarks(rows: &[(&[f32], &[f32])], width: usize, gradient: &mut [f32]) -> f32 {
    let known: Vec<usize> = (0..rows.len()).filter(|&index| !rows[index].1[1 + EDGES].is_nan()).collect();
    let count = (known.len() * POINTS).max(1) as f32;
    let mut sum = 0.0;
    for index in known {
        let (answer, wanted) = (&rows[index].0[BEFORE..], &rows[index].1[1 + EDGES..]);
        let apart = eyes_apart(wanted);
        for point in 0..POINTS {
            let off = [point, POINTS + point].map(|k| answer[k] - wanted[k]);
            let far = off[0].hypot(off[1]).max(1e-4);
            sum += far / apart / count;
            for (k, off) in [point, POINTS + point].into_iter().zip(off) {
                gradient[index * width + BEFORE + k] = WEIGHTS[1] * off / far / apart / count;
            }
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOT_KNOWN: f32 = f32::NAN;

    #[test]
    fn the_nets_fit_together_as_the_paper_has_them() {
        let dice = &mut Dice::new(1);
        for (net, numbers, parameters) in [(pnet(dice), 6, 6_632), (rnet(dice), 6, 100_178), (onet(dice), 16, 389_040)] {
            assert_eq!((net.output(), net.parameters()), (Some(vec![numbers]), parameters));
        }
    }

    #[test]
    fn gradients_are_slopes_and_what_nobody_knows_has_none() {
        let answers = [0.3, -0.2, 0.1, 0.2, -0.1, 0.4, 1.0, 0.5, 0.0, 0.0, 0.0, 0.0];
        let wanted = [1.0, 0.0, 0.1, 0.2, 0.3, NOT_KNOWN, 0.3, 0.1, 0.0, 0.0];
        let sum = |answers: &[f32]| {
            let (told, _) = losses(answers, &wanted, 6);
            told[0].1 + WEIGHTS[0] * told[2].1 * told[2].1
        };
        let (_, gradient) = losses(&answers, &wanted, 6);
        for index in 0..answers.len() {
            let moved = |by: f32| {
                let mut answers = answers;
                answers[index] += by;
                sum(&answers)
            };
            let slope = (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - gradient[index]).abs() < 1e-3, "{index}: {slope} {}", gradient[index]);
        }
        assert_eq!(gradient[6..8], [0.0, 0.0]);
    }

    #[test]
    fn landmarks_have_slopes_too() {
        let dice = &mut Dice::new(4);
        let answers = dice.normals(2 * 16);
        let mut wanted = dice.normals(2 * 15);
        wanted[15..].fill(NOT_KNOWN);
        let far = |answers: &[f32]| losses(answers, &wanted, 16).0[3].1;
        let (_, gradient) = losses(&answers, &wanted, 16);
        for index in (0..32).filter(|index| index % 16 >= 6) {
            let moved = |by: f32| {
                let mut answers = answers.clone();
                answers[index] += by;
                far(&answers)
            };
            let slope = WEIGHTS[1] * (moved(1e-2) - moved(-1e-2)) / 2e-2;
            assert!((slope - gradient[index]).abs() < 1e-3, "{index}: {slope} {}", gradient[index]);
        }
        assert!(gradient[6..16].iter().all(|slope| *slope != 0.0) && gradient[16..] == [0.0; 16]);
    }

    #[test]
    fn the_easiest_crops_are_not_learned_from() {
        let answers: Vec<f32> = (0..10).flat_map(|i| [0.0, i as f32, 0.0, 0.0, 0.0, 0.0]).collect();
        let wanted = [1.0, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN, NOT_KNOWN].repeat(10);
        let (_, gradient) = losses(&answers, &wanted, 6);
        let learned: Vec<bool> = gradient.chunks_exact(6).map(|row| row[1] != 0.0).collect();
        assert_eq!(learned, [[true; 7].as_slice(), &[false; 3]].concat());
    }

    #[test]
    fn it_learns_and_frozen_layers_stay() {
        let dice = &mut Dice::new(2);
        let net = rnet(dice);
        let mut teacher = Teacher::new(net.clone(), 1e-3, 4, 0.0);
        let pictures = dice.normals(8 * 3 * 24 * 24);
        let wanted = (0..8).flat_map(|i| [(i % 2) as f32, 0.1, -0.1, 0.0, 0.2]).collect();
        let batch = Batch { pictures, wanted, ..Batch::default() };
        let first = teacher.step(&batch, 1.0);
        let last = (0..40).map(|_| teacher.step(&batch, 1.0)).last().unwrap();
        assert!(last[0].1 < 0.2 * first[0].1 && last[2].1 < 0.5 * first[2].1, "{first:?} {last:?}");
        let (_, learned) = teacher.nets().remove(0);
        assert!(learned.weights[..6].iter().zip(&net.weights).all(|(a, b)| a.values == b.values));
        assert!(learned.weights[6..].iter().zip(&net.weights[6..]).all(|(a, b)| a.values != b.values));
    }

    #[test]
    fn a_net_that_is_held_stays_nearer_to_what_it_was() {
        let dice = &mut Dice::new(3);
        let net = pnet(dice);
        let batch = Batch {
            pictures: dice.normals(8 * 3 * 12 * 12),
            wanted: (0..8).flat_map(|i| [(i % 2) as f32, 0.1, -0.1, 0.0, 0.2]).collect(),
            ..Batch::default()
        };
        let moved = |hold: f32| {
            let mut teacher = Teacher::new(net.clone(), 1e-3, 0, hold);
            (0..60).for_each(|_| drop(teacher.step(&batch, 1.0)));
            let (_, learned) = teacher.nets().remove(0);
            let pairs = learned.weights.iter().zip(&net.weights).flat_map(|(a, b)| a.values.iter().zip(&b.values));
            pairs.map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt()
        };
        assert!(moved(100.0) < 0.5 * moved(0.0), "{} {}", moved(100.0), moved(0.0));
    }
}
