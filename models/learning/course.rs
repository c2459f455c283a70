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
use lookalike_learn::{Batch, Dice, Learner};
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

/// What a learner learns from.
pub trait Lessons {
    /// A hash of everything that decides what there is to learn.
    fn hash(&self) -> String;

    /// Gets ready for an epoch, counted from 0: the same for the same number. May end early where the training shall stop.
    fn begin(&mut self, epoch: usize) -> Result<()>;

    /// Samples in the epoch that was begun.
    fn count(&self) -> usize;

    /// Batch `number` of `size` samples; `order`: of all samples of the epoch; `seed`: decides what chance decides.
    fn batch(&self, order: &[usize], number: usize, size: usize, seed: u64) -> Batch;

    /// [channels, height, width] of a sample.
    fn shape(&self) -> [usize; 3];

    /// Some real pictures, from 0 to 1, to compare made ones with; empty where none are made.
    fn real(&self) -> Vec<f32>;
}

impl Lessons for &Pictures {
    fn hash(&self) -> String {
        Pictures::hash(self)
    }

    fn begin(&mut self, _: usize) -> Result<()> {
        Ok(())
    }

    fn count(&self) -> usize {
        self.len()
    }

    fn batch(&self, order: &[usize], number: usize, size: usize, seed: u64) -> Batch {
        Pictures::batch(self, order, number, size, seed)
    }

    fn shape(&self) -> [usize; 3] {
        self.shape
    }

    fn real(&self) -> Vec<f32> {
        self.floats(0..self.len().min(64))
    }
}

/// What is to be looked at after an epoch: what a learner makes, or what it learned from.
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

/// What a file that cannot be written means: a checkpoint replaces the one before wholly or not at all.
const STOPS: &str = "the training stops; its last checkpoint is whole: make room and go on from it with --resume";

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

    /// Trains. `samples` gives what to show.
    pub fn run<L: Learner, D: Lessons>(
        &self,
        learner: &mut L,
        mut data: D,
        samples: impl Fn(&L, &D) -> Result<Shown>,
    ) -> Result<End> {
        let mut place = self.begin(learner, &data)?;
        let path = self.checkpoint();
        let length = data.shape().iter().product();
        let variety = watch::variety(&data.real(), length);
        let (began, mut saved, mut done) = (Instant::now(), Instant::now(), 0usize);
        while place.epoch < self.epochs {
            data.begin(place.epoch)?;
            let batches = data.count() / self.batch;
            let stop = self.stop.load(Ordering::Relaxed);
            ensure!(
                stop || batches > 0,
                "{} pictures do not fill a batch of {}: take a smaller --batch",
                data.count(),
                self.batch
            );
            if (place.epoch, place.batch) == (0, 0) {
                // Whether there is room for it is known before time was spent, and a run that is killed at once can go on.
                checkpoint::save(&path, &place, &learner.memory())
                    .context("the training does not begin: make room, or name another --out")?;
            }
            if stop {
                return Ok(End::Stopped);
            }
            let seed = self.seed ^ (place.epoch as u64 + 1).wrapping_mul(0xa076_1d64_78bd_642f);
            let order = Dice::new(seed).order(data.count());
            let title = format!("epoch {}/{}", place.epoch + 1, self.epochs);
            let bar = Progress::pieces(&title, batches as u64);
            let mut losses = Losses::default();
            while place.batch < batches {
                let share = (place.epoch * batches + place.batch) as f32 / (self.epochs * batches) as f32;
                losses.add(&learner.step(&data.batch(&order, place.batch, self.batch, seed), pace(share)));
                place.batch += 1;
                done += 1;
                ensure!(losses.finite(), "the losses are no numbers any more: go on from the checkpoint before, or begin anew");
                let left = left(began.elapsed(), done, batches * (self.epochs - place.epoch) - place.batch);
                bar.note(place.batch as u64, &format!("{title}, {left}: {losses}"));
                let stop = self.stop.load(Ordering::Relaxed);
                if place.batch < batches && (stop || saved.elapsed() > SAVE_EVERY) {
                    checkpoint::save(&path, &place, &learner.memory()).context(STOPS)?;
                    saved = Instant::now();
                }
                if stop && place.batch < batches {
                    return Ok(End::Stopped);
                }
            }
            bar.done();
            place = Place { epoch: place.epoch + 1, batch: 0, ..place };
            let shown = samples(learner, &data)?;
            let time = match batches * (self.epochs - place.epoch) {
                0 => format!("after {}", words(began.elapsed())),
                more => left(began.elapsed(), done, more),
            };
            self.tell(place.epoch, &losses, shown.variety(length).map(|v| v / variety.max(1e-6)), &time);
            // The picture first, so that a run killed between the two draws it again; and no picture is worth a checkpoint.
            let picture = self.out.join(format!("epoch-{:04}.png", place.epoch));
            let drawn = super::grid::write(&picture, &shown.pictures, data.shape(), shown.columns);
            checkpoint::save(&path, &place, &learner.memory()).context(STOPS)?;
            saved = Instant::now();
            drawn.context(STOPS)?;
            if self.stop.load(Ordering::Relaxed) && place.epoch < self.epochs {
                return Ok(End::Stopped);
            }
        }
        Ok(End::Finished)
    }

    /// Goes on from the checkpoint, or begins.
    fn begin(&self, learner: &mut impl Learner, data: &impl Lessons) -> Result<Place> {
        let place = Place { what: self.what.clone(), settings: self.settings.clone(), data: data.hash(), epoch: 0, batch: 0 };
        let path = self.checkpoint();
        if self.resume {
            let place = checkpoint::load(&path, &place, learner.memory())?;
            eprintln!("going on after epoch {}, batch {}", place.epoch, place.batch);
            return Ok(place);
        }
        ensure!(!path.exists(), "{} holds a training: go on with --resume, or name another --out", self.out.display());
        Ok(place)
    }

    /// What an epoch came to. `variety`: of samples, as a share of that of real pictures.
    fn tell(&self, epoch: usize, losses: &Losses, variety: Option<f32>, time: &str) {
        let percent = variety.map(|v| format!(", variety of samples {:.0} %", v * 100.0)).unwrap_or_default();
        eprintln!("epoch {epoch}/{}: {losses}{percent}, {time}", self.epochs);
        if let Some(words) = watch::collapse(variety, &losses.means()) {
            eprintln!("epoch {epoch}: {words}");
        }
    }
}

impl Shown {
    /// Of those that were made from noise, pictures of `length` numbers each.
    fn variety(&self, length: usize) -> Option<f32> {
        let made = &self.pictures[self.pictures.len() - self.drawn * length..];
        (self.drawn > 1).then(|| watch::variety(made, length))
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

/// How long `left` batches take when `done` have taken `spent`.
fn left(spent: Duration, done: usize, left: usize) -> String {
    format!("{} left", words(spent.mul_f64(left as f64 / done.max(1) as f64)))
}

fn words(time: Duration) -> String {
    match time.as_secs() {
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
