//! Digits in, trained nets out; each epoch leaves a PNG of what the nets make.
//!
//! The PNG: of a classifier, digits of its own choice, a row per answer; of an autoencoder, digits, what comes back, and what
//! its decoder makes of normal noise; of a GAN, samples from noise that never changes, of a conditional one a column per class.

use super::Kind;
use super::net::{self, Student};
use crate::learning::course::{Course, End, Shown};
use crate::learning::data::Pictures;
use crate::learning::options::Options;
use anyhow::{Context, Result};
use lookalike_learn::classifier::largest;
use lookalike_learn::digits::{CLASSES, LATENT, NOISE};
use lookalike_learn::memory::one_hot;
use lookalike_learn::{Dice, Learner, Net};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const COLUMNS: usize = 10;

/// Digits in a batch.
const BATCH: usize = 64;

/// Trains, or goes on training, in the folder `out`.
pub fn train(
    kind: Kind,
    options: &Options,
    digits: &Pictures,
    out: &Path,
    stop: Arc<AtomicBool>,
) -> Result<(Vec<(&'static str, Net)>, End)> {
    let mut student = net::new(kind, options.seed, options.rate, options.d_steps.into(), options.g_steps.into());
    let batch = options.batch(BATCH);
    let course = Course {
        what: format!("digits {}", kind.name()),
        settings: options.settings(batch),
        seed: options.seed,
        batch,
        epochs: options.epochs as usize,
        out,
        resume: options.resume,
        stop,
    };
    let end = course.run(&mut student, digits, |student, _| samples(kind, student, digits))?;
    Ok((student.nets(), end))
}

fn samples(kind: Kind, student: &Student, digits: &Pictures) -> Result<Shown> {
    let nets = student.nets();
    let net = |name: &str| nets.iter().find(|(n, _)| *n == name).map(|(_, net)| net).context("a net is missing");
    let dice = &mut Dice::new(0);
    let some = digits.floats(dice.order(digits.len()).into_iter().take(200));
    let (pictures, drawn) = match kind {
        Kind::Classifier => {
            let answers = net("classifier")?.run(&some);
            let mut rows = vec![Vec::new(); CLASSES];
            for (picture, answer) in some.chunks_exact(digits.length()).zip(answers.chunks_exact(CLASSES)) {
                let row: &mut Vec<f32> = &mut rows[largest(answer)];
                if row.len() < COLUMNS * digits.length() {
                    row.extend(picture);
                }
            }
            rows.iter_mut().for_each(|row| row.resize(COLUMNS * digits.length(), 0.0));
            (rows.concat(), 0)
        }
        Kind::Ae | Kind::Dae | Kind::Vae => {
            let shown = &some[..(2 * COLUMNS * digits.length()).min(some.len())];
            let (encoder, decoder) = (net("encoder")?, net("decoder")?);
            let width = encoder.output().and_then(|shape| shape.first().copied()).context("the encoder does not fit")?;
            let codes: Vec<f32> = encoder.run(shown).chunks_exact(width).flat_map(|c| &c[..LATENT]).copied().collect();
            let drawn = decoder.run(&dice.normals(4 * COLUMNS * LATENT));
            ([shown, &decoder.run(&codes), &drawn].concat(), 4 * COLUMNS)
        }
        Kind::Gan => (net("generator")?.run(&dice.normals(COLUMNS * COLUMNS * NOISE)), COLUMNS * COLUMNS),
        Kind::Cgan => {
            let labels: Vec<u8> = (0..COLUMNS * CLASSES).map(|i| (i % CLASSES) as u8).collect();
            let noise = dice.normals(labels.len() * NOISE);
            let rows = one_hot(&labels, CLASSES);
            let both = noise.chunks_exact(NOISE).zip(rows.chunks_exact(CLASSES));
            let inputs: Vec<f32> = both.flat_map(|(n, c)| [n, c].concat()).collect();
            (net("generator")?.run(&inputs), COLUMNS * CLASSES)
        }
    };
    Ok(Shown { pictures, columns: COLUMNS, drawn })
}
