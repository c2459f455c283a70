//! `lookalike dream train`: real digits in, a GAN that learned from them for a while out, as pictures and numbers.

use super::{Common, Outcome, Shared, json, line};
use anyhow::{Result, ensure};
use lookalike::generate::{Dice, Tiles};
use lookalike::play::train::{PERIOD_MOST, Student};
use lookalike::setup;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Trains a small GAN on this device, as the booth does; Ctrl-C ends it with what it has
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike dream train --steps 600 --d-steps 1 --g-steps 1 --out learning.gif")]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Steps of both nets together
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    steps: u64,
    /// Steps of the discriminator in a period
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=PERIOD_MOST as u64))]
    d_steps: u64,
    /// Steps of the generator in a period
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=PERIOD_MOST as u64))]
    g_steps: u64,
    /// A line and a picture of the film after so many steps
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    every: u64,
}

#[derive(Serialize)]
struct Line {
    step: u64,
    d_loss: Option<f32>,
    g_loss: Option<f32>,
    /// How real the discriminator takes real and fake pictures for, 0 to 1.
    real_opinion: Option<f32>,
    fake_opinion: Option<f32>,
}

/// Real pictures in a step.
const BATCH: usize = 32;

/// As PNG, the last samples; as GIF, how they came to be.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let ready = options.shared.open(&common)?;
    let real = ready.family.known()?.clone();
    ensure!(real.pictures.shape.length() == 784, "a GAN learns from 28x28 grey pictures here, these are {}", real.pictures.shape);
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, stop.clone())?;
    }
    let seed = options.shared.seed;
    let mut student = setup::Gan(lookalike_learn::Gan::new(seed, lookalike_learn::Settings::default()));
    let (mut dice, mut batch, mut film) = (Dice::new(seed), Vec::new(), Vec::new());
    let mut report = Line { step: 0, d_loss: None, g_loss: None, real_opinion: None, fake_opinion: None };
    for step in 0..options.steps {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if step % (options.d_steps + options.g_steps) < options.d_steps {
            batch.clear();
            (0..BATCH).for_each(|_| batch.extend_from_slice(real.pictures.get(dice.below(real.count()))));
            let [loss, on_real, on_fake] = student.step_discriminator(&batch);
            (report.d_loss, report.real_opinion, report.fake_opinion) = (Some(loss), Some(on_real), Some(on_fake));
        } else {
            report.g_loss = Some(student.step_generator());
        }
        report.step = step + 1;
        if report.step.is_multiple_of(options.every) || report.step == options.steps {
            say(&options, &report)?;
            if ready.out.as_ref().is_some_and(|out| out.is_film()) {
                film.push(Tiles::new(real.pictures.shape, student.samples())?.sheet(6, 1));
            }
        }
    }
    if let Some(out) = ready.out {
        film.push(Tiles::new(real.pictures.shape, student.samples())?.sheet(6, 1));
        film.reverse();
        film.truncate(if out.is_film() { usize::MAX } else { 1 });
        film.reverse();
        out.film(&film, 100)?;
    }
    Ok(Outcome::Fine)
}

fn say(options: &Options, report: &Line) -> Result<()> {
    if options.shared.json {
        return line(&json::to_line(report)?);
    }
    let number = |value: Option<f32>| value.map_or("-".into(), |v| format!("{v:.2}"));
    line(&format!(
        "step {}: losses D {} G {}, real looks {} real, fake {}",
        report.step,
        number(report.d_loss),
        number(report.g_loss),
        number(report.real_opinion),
        number(report.fake_opinion)
    ))
}
