//! The thread in which a GAN learns: orders in, steps taken, what came of them out.

use crate::generate::{Dice, Shape, idx::Digits};
use anyhow::Result;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A GAN that can be stepped by hand.
pub trait Student: Send {
    /// The discriminator looks at `real` pictures, one behind the other, and at as many fakes. Its loss, and how real it takes real
    /// and fake pictures for, 0 to 1.
    fn step_discriminator(&mut self, real: &[f32]) -> [f32; 3];
    /// The generator learns from the discriminator's opinion. Its loss.
    fn step_generator(&mut self) -> f32;
    /// What it makes of noise that stays the same.
    fn samples(&mut self) -> Vec<f32>;
    /// Forgets all that it learned.
    fn reset(&mut self);
}

/// Who learns, and the real pictures.
pub type School = (Box<dyn Student>, Arc<Digits>);

/// Who learns, and from what.
pub struct Learner {
    /// Makes the student and opens the real pictures, in the thread in which it learns.
    pub open: Box<dyn FnOnce() -> Result<School> + Send>,
    /// Size of its pictures.
    pub shape: Shape,
    /// Which of them are looked at when follows from it.
    pub seed: u64,
}

/// Real pictures in a step.
pub const BATCH: usize = 32;

/// Losses that are kept of each.
pub const KEPT: usize = 4096;

/// What the thread is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Orders {
    /// Single steps that were asked for and not taken yet: discriminator, generator.
    pub single: [u32; 2],
    /// Goes on by itself.
    pub is_running: bool,
    /// Steps of each in a period.
    pub periods: [u32; 2],
    pub pause_ms: u64,
    pub reset: bool,
    pub wants_samples: bool,
    pub is_over: bool,
}

impl Orders {
    /// What is done next: 0 or 1 for a step of the discriminator or generator. `done` are the steps of this turn so far.
    pub fn next(&mut self, done: &mut [u32; 2]) -> Option<usize> {
        if let Some(which) = (0..2).find(|&i| self.single[i] > 0) {
            self.single[which] -= 1;
            return Some(which);
        }
        if !self.is_running {
            return None;
        }
        if (0..2).all(|i| done[i] >= self.periods[i]) {
            *done = [0, 0];
        }
        let which = usize::from(done[0] >= self.periods[0]);
        done[which] += 1;
        Some(which)
    }
}

/// What the thread saw.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub samples: Option<Vec<f32>>,
    pub losses: [Vec<f32>; 2],
    pub opinions: [f32; 2],
    pub steps: [u64; 2],
    /// Why nothing is learned.
    pub complaint: Option<String>,
}

pub struct Shared {
    pub orders: Mutex<Orders>,
    pub wake: Condvar,
    pub progress: Mutex<Progress>,
}

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread: steps and samples, until it is over.
pub fn learn(learner: Learner, shared: &Shared) {
    let Learner { open, seed, .. } = learner;
    let (mut student, real) = match open() {
        Ok(opened) => opened,
        Err(error) => return lock(&shared.progress).complaint = Some(format!("{error:#}")),
    };
    let (mut dice, mut done) = (Dice::new(seed), [0; 2]);
    let mut batch = Vec::new();
    loop {
        let mut orders = lock(&shared.orders);
        if orders.is_over {
            return;
        }
        if std::mem::take(&mut orders.reset) {
            drop(orders);
            student.reset();
            (dice, done) = (Dice::new(seed), [0; 2]);
            *lock(&shared.progress) = Progress { samples: Some(student.samples()), ..Progress::default() };
            continue;
        }
        let wants_samples = std::mem::take(&mut orders.wants_samples);
        let step = orders.next(&mut done);
        let pause = Duration::from_millis(orders.pause_ms);
        if step.is_none() && !wants_samples {
            drop(shared.wake.wait(orders));
            continue;
        }
        let is_single = !orders.is_running;
        drop(orders);
        match step {
            Some(0) => {
                batch.clear();
                (0..BATCH).for_each(|_| batch.extend_from_slice(real.pictures.get(dice.below(real.count()))));
                let [loss, on_real, on_fake] = student.step_discriminator(&batch);
                note(shared, 0, loss);
                lock(&shared.progress).opinions = [on_real, on_fake];
            }
            Some(_) => {
                let loss = student.step_generator();
                note(shared, 1, loss);
            }
            None => {}
        }
        if wants_samples || is_single {
            let samples = student.samples();
            lock(&shared.progress).samples = Some(samples);
        }
        if !pause.is_zero() && step.is_some() && !is_single {
            let orders = lock(&shared.orders);
            // A button ends the pause early; what it says is looked at above.
            drop(shared.wake.wait_timeout(orders, pause));
        }
    }
}

pub fn note(shared: &Shared, which: usize, loss: f32) {
    let mut progress = lock(&shared.progress);
    progress.steps[which] += 1;
    let losses = &mut progress.losses[which];
    if losses.len() == KEPT {
        losses.drain(..KEPT / 2);
    }
    losses.push(loss);
}
