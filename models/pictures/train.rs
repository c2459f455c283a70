//! Pictures in, trained nets out; each epoch leaves a PNG: of a VAE, pictures, what comes back, and what is drawn from noise;
//! of a GAN, samples from noise that never changes.

use super::Kind;
use super::net::{self, Student};
use crate::learning::course::{Course, End, Shown};
use crate::learning::data::Pictures;
use crate::learning::options::Options;
use anyhow::{Context, Result};
use lookalike_learn::pictures::LATENT;
use lookalike_learn::{Dice, Learner, Net};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

const COLUMNS: usize = 8;

/// Pictures in a batch. A folder holds some hundred to some thousand: small batches make more steps of them.
const BATCH: usize = 16;

/// Trains, or goes on training, in the folder `out`.
pub fn train(
    kind: Kind,
    options: &Options,
    pictures: &Pictures,
    out: &Path,
    stop: Arc<AtomicBool>,
) -> Result<(Vec<(&'static str, Net)>, End)> {
    let size = pictures.shape[1];
    let mut student = net::new(kind, size, options.seed, options.rate, options.d_steps.into(), options.g_steps.into());
    let batch = options.batch(BATCH).min(pictures.len());
    let course = Course {
        what: format!("pictures {} --size {size}", kind.name()),
        settings: options.settings(batch),
        seed: options.seed,
        batch,
        epochs: options.epochs as usize,
        out,
        resume: options.resume,
        stop,
    };
    let end = course.run(&mut student, pictures, |student, _| samples(kind, student, pictures))?;
    Ok((student.nets(), end))
}

fn samples(kind: Kind, student: &Student, data: &Pictures) -> Result<Shown> {
    let nets = student.nets();
    let net = |name: &str| nets.iter().find(|(n, _)| *n == name).map(|(_, net)| net).context("a net is missing");
    let dice = &mut Dice::new(0);
    let noise = dice.normals(COLUMNS * 4 * LATENT);
    let pictures = match kind {
        Kind::Gan => net("generator")?.run(&noise),
        Kind::Vae => {
            let shown = data.floats(dice.order(data.len()).into_iter().take(COLUMNS));
            let codes = net("encoder")?.run(&shown);
            let means: Vec<f32> = codes.chunks_exact(2 * LATENT).flat_map(|c| &c[..LATENT]).copied().collect();
            let decoder = net("decoder")?;
            [shown, decoder.run(&means), decoder.run(&noise)].concat()
        }
    };
    Ok(Shown { pictures, columns: COLUMNS, drawn: COLUMNS * 4 })
}
