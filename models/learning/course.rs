//! Pictures and a learner in, a trained learner out: epochs, progress, samples, checkpoints.
//!
//! The next step depends on the learner's memory, the seed, the epoch and the batch number of how many alone, so that a training
//! that was stopped, or killed, goes on from its last checkpoint as if nothing had happened. One that goes on to more epochs
//! than were asked for at first learns quicker again.

use super::checkpoint::{self, Place};
use super::data::Pictures;
use super::watch;
use crate::progress::Progress;
use anyhow::{Context, Result, ensure};
use lookalike_learn::{Dice, Learner};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How a training runs.
pub struct Course<'a> {
    /// What is trained: `digits vae`.
    pub what: String,
    /// Everything that decides what a step does, as the command line spells it.
    pub settings: String,
    /// Decides the order of the pictures.
    pub seed: u64,
    /// Pictures in a batch.
    pub batch: usize,
    /// Epochs, those of earlier runs included.
    pub epochs: usize,
    /// Where checkpoint and samples go.
    pub out: &'a Path,
    /// Goes on from the checkpoint there.
    pub resume: bool,
    /// Stops at the next batch, with a checkpoint, when true.
    pub stop: Arc<AtomicBool>,
}

/// What a learner makes at the end of an epoch.
pub struct Shown {
    /// [n, channels, height, width].
    pub pictures: Vec<f32>,
    /// Columns of the grid.
    pub columns: usize,
    /// How many of them, the last ones, were made from noise and should be as unlike each other as real ones are.
    pub drawn: usize,
}

/// Time between checkpoints within an epoch.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// How a training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Finished,
    /// It was asked to stop, and has left a checkpoint.
    Stopped,
}

impl Course<'_> {
    /// Where the checkpoint lies.
    pub fn checkpoint(&self) -> PathBuf {
        self.out.join("checkpoint")
    }

    /// Trains. `samples` gives what the learner makes now.
    pub fn run<L: Learner>(&self, learner: &mut L, data: &Pictures, samples: impl Fn(&L) -> Result<Shown>) -> Result<End> {
        let batches = data.len() / self.batch;
        ensure!(batches > 0, "{} pictures do not fill a batch of {}: take a smaller --batch", data.len(), self.batch);
        let mut place = Place { what: self.what.clone(), settings: self.settings.clone(), data: data.hash(), epoch: 0, batch: 0 };
        let path = self.checkpoint();
        if self.resume {
            place = checkpoint::load(&path, &place, learner.memory())?;
            eprintln!("going on after epoch {}, batch {}", place.epoch, place.batch);
        } else {
            let there = path.exists();
            ensure!(!there, "{} holds a training: go on with --resume, or name another --out", self.out.display());
        }
        let variety = watch::variety(&data.floats(0..data.len().min(64)), data.length());
        let (began, mut saved, mut done) = (Instant::now(), Instant::now(), 0usize);
        while place.epoch < self.epochs {
            let seed = self.seed ^ (place.epoch as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f);
            let order = Dice::new(seed).order(data.len());
            let bar = Progress::pieces(&format!("epoch {}/{}", place.epoch + 1, self.epochs), batches as u64);
            let mut losses = Losses::default();
            while place.batch < batches {
                let share = (place.epoch * batches + place.batch) as f32 / (self.epochs * batches) as f32;
                losses.add(&learner.step(&data.batch(&order, place.batch, self.batch, seed), pace(share)));
                place.batch += 1;
                done += 1;
                ensure!(losses.finite(), "the losses are no numbers any more: go on from the checkpoint before, or begin anew");
                let left = batches * (self.epochs - place.epoch) - place.batch;
                let left = began.elapsed().mul_f64(left as f64 / done as f64);
                bar.note(place.batch as u64, &format!("{losses}, {} left", words(left)));
                let stop = self.stop.load(Ordering::Relaxed);
                if place.batch < batches && (stop || saved.elapsed() > SAVE_EVERY) {
                    checkpoint::save(&path, &place, &learner.memory())?;
                    saved = Instant::now();
                }
                if stop && place.batch < batches {
                    return Ok(End::Stopped);
                }
            }
            bar.done();
            place = Place { epoch: place.epoch + 1, batch: 0, ..place };
            let Shown { pictures, columns, drawn } = samples(learner)?;
            let made = &pictures[pictures.len() - drawn * data.length()..];
            let share = (drawn > 1).then(|| watch::variety(made, data.length()) / variety.max(1e-6));
            let percent = share.map(|s| format!(", variety of samples {:.0} %", s * 100.0)).unwrap_or_default();
            eprintln!("epoch {}/{}: {losses}{percent}, {} s", place.epoch, self.epochs, began.elapsed().as_secs());
            if let Some(words) = watch::collapse(share, &losses.means()) {
                eprintln!("epoch {}: {words}", place.epoch);
            }
            let picture = self.out.join(format!("epoch-{:04}.png", place.epoch));
            checkpoint::save(&path, &place, &learner.memory())?;
            saved = Instant::now();
            super::grid::write(&picture, &pictures, data.shape, columns)?;
            if self.stop.load(Ordering::Relaxed) && place.epoch < self.epochs {
                return Ok(End::Stopped);
            }
        }
        Ok(End::Finished)
    }
}

/// A flag that Ctrl-C and a service's stop raise; a second Ctrl-C ends at once.
pub fn stop_flag() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_shutdown(signal, 130, flag.clone()).context("cannot listen for Ctrl-C")?;
        signal_hook::flag::register(signal, flag.clone()).context("cannot listen for Ctrl-C")?;
    }
    Ok(flag)
}

/// The factor on the learning rates when that share of a training lies behind: over the second half it falls to nothing, so
/// that the weights come to rest.
fn pace(share: f32) -> f32 {
    (2.0 * (1.0 - share)).clamp(0.0, 1.0)
}

fn words(left: Duration) -> String {
    match left.as_secs() {
        seconds @ ..120 => format!("{seconds} s"),
        seconds => format!("{} min", seconds.div_ceil(60)),
    }
}

/// Means of what an epoch's steps told.
#[derive(Default)]
struct Losses(Vec<(&'static str, f64, u32)>);

impl Losses {
    fn add(&mut self, told: &[(&'static str, f32)]) {
        for &(name, value) in told {
            match self.0.iter_mut().find(|(n, ..)| *n == name) {
                Some((_, sum, count)) => (*sum, *count) = (*sum + f64::from(value), *count + 1),
                None => self.0.push((name, f64::from(value), 1)),
            }
        }
    }

    fn means(&self) -> Vec<(&'static str, f32)> {
        self.0.iter().map(|(name, sum, count)| (*name, (sum / f64::from(*count)) as f32)).collect()
    }

    fn finite(&self) -> bool {
        self.0.iter().all(|(_, sum, _)| sum.is_finite())
    }
}

impl std::fmt::Display for Losses {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let means: Vec<String> = self.means().iter().map(|(name, mean)| format!("{name} {mean:.3}")).collect();
        f.write_str(&means.join(", "))
    }
}
