//! A GAN that learns while one looks: its thread takes steps as the buttons and sliders say, and leaves what it saw for the screen.

use super::{Area, Control, Dims, Moment, Piece};
use crate::generate::{Dice, Shape, Tiles, idx::Digits};
use crate::screen::Canvas;
use crate::ui::dream::{draw_words, train};
use anyhow::Result;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
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

/// Who learns, and from what.
pub struct Learner {
    /// Makes the student and opens the real pictures, in the thread in which it learns.
    pub open: Box<dyn FnOnce() -> Result<(Box<dyn Student>, Arc<Digits>)> + Send>,
    /// Size of its pictures.
    pub shape: Shape,
    /// Which of them are looked at when follows from it.
    pub seed: u64,
}

/// Real pictures in a step.
const BATCH: usize = 32;

/// Steps in a period at most.
pub const PERIOD_MOST: u32 = 20;

/// Losses that are kept of each.
const KEPT: usize = 4096;

/// Between two steps, from slow to fast.
const PAUSES_MS: [u64; 5] = [2000, 500, 150, 40, 0];

/// New samples at most so often, in seconds.
const SAMPLES_EVERY_S: f64 = 0.3;

/// What the thread is told.
#[derive(Clone, Debug, PartialEq)]
struct Orders {
    /// Single steps that were asked for and not taken yet: discriminator, generator.
    single: [u32; 2],
    /// Goes on by itself.
    is_running: bool,
    /// Steps of each in a period.
    periods: [u32; 2],
    pause_ms: u64,
    reset: bool,
    wants_samples: bool,
    is_over: bool,
}

impl Orders {
    /// What is done next: 0 or 1 for a step of the discriminator or generator. `done` are the steps of this turn so far.
    fn next(&mut self, done: &mut [u32; 2]) -> Option<usize> {
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
struct Progress {
    samples: Option<Vec<f32>>,
    losses: [Vec<f32>; 2],
    opinions: [f32; 2],
    steps: [u64; 2],
    /// Why nothing is learned.
    complaint: Option<String>,
}

struct Shared {
    orders: Mutex<Orders>,
    wake: Condvar,
    progress: Mutex<Progress>,
}

/// The mode.
pub(super) struct Train {
    learner: Option<Learner>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    shape: Shape,
    /// In [`PAUSES_MS`].
    speed: usize,
    asked: f64,
    shown: Progress,
    samples: Option<Tiles>,
    /// It ran when somebody went on to another mode.
    was_running: bool,
}

impl Train {
    pub fn new(learner: Option<Learner>) -> Self {
        let shape = learner.as_ref().map_or(Shape { channels: 1, height: 28, width: 28 }, |l| l.shape);
        let speed = PAUSES_MS.len() - 1;
        let orders = Orders {
            single: [0; 2],
            is_running: learner.is_some(),
            periods: [1; 2],
            pause_ms: PAUSES_MS[speed],
            reset: false,
            wants_samples: true,
            is_over: false,
        };
        let shared = Shared { orders: Mutex::new(orders), wake: Condvar::new(), progress: Mutex::default() };
        Self {
            was_running: learner.is_some(),
            learner,
            shared: Arc::new(shared),
            thread: None,
            shape,
            speed,
            asked: f64::NEG_INFINITY,
            shown: Progress::default(),
            samples: None,
        }
    }

    fn order(&self, change: impl FnOnce(&mut Orders)) {
        change(&mut lock(&self.shared.orders));
        self.shared.wake.notify_one();
    }

    fn has_learner(&self) -> bool {
        self.learner.is_some() || self.thread.is_some()
    }
}

impl Piece for Train {
    fn title(&self) -> &str {
        "A GAN learns on this device: one net draws, the other tells real from fake"
    }

    fn state(&self) -> String {
        let running = lock(&self.shared.orders).is_running;
        match (self.has_learner(), running) {
            (false, _) => String::new(),
            (true, false) => "paused".into(),
            (true, true) => format!("learning, {} ms between steps", PAUSES_MS[self.speed]),
        }
    }

    fn controls(&self) -> Vec<Control> {
        if !self.has_learner() {
            return Vec::new();
        }
        let orders = lock(&self.shared.orders).clone();
        let button = Control::button;
        let slider = |name: &str, steps: u32| Control::Slider {
            label: format!("{name} x{steps}"),
            share: (steps - 1) as f32 / (PERIOD_MOST - 1) as f32,
        };
        vec![
            button("step D", false),
            button("step G", false),
            button("alternate", orders.is_running),
            button("pause", !orders.is_running),
            button("slower", false),
            button("faster", false),
            button("reset", false),
            slider("D", orders.periods[0]),
            slider("G", orders.periods[1]),
        ]
    }

    fn press(&mut self, control: usize) {
        match control {
            step @ (0 | 1) => self.order(|orders| {
                orders.is_running = false;
                orders.single[step] = orders.single[step].saturating_add(1).min(10);
            }),
            2 => self.order(|orders| orders.is_running = true),
            3 => self.order(|orders| orders.is_running = false),
            4 | 5 => {
                self.speed = if control == 5 { (self.speed + 1).min(PAUSES_MS.len() - 1) } else { self.speed.saturating_sub(1) };
                let pause_ms = PAUSES_MS[self.speed];
                self.order(|orders| orders.pause_ms = pause_ms);
            }
            6 => self.order(|orders| orders.reset = true),
            _ => {}
        }
    }

    fn slide(&mut self, control: usize, share: f32) {
        let steps = 1 + (share.clamp(0.0, 1.0) * (PERIOD_MOST - 1) as f32).round() as u32;
        if let which @ (0 | 1) = control.wrapping_sub(7) {
            self.order(|orders| orders.periods[which] = steps);
        }
    }

    fn tick(&mut self, moment: &Moment) {
        if let Some(learner) = self.learner.take() {
            let shared = self.shared.clone();
            self.thread = std::thread::Builder::new().name("learning".into()).spawn(move || learn(learner, &shared)).ok();
        }
        if self.was_running {
            self.order(|orders| orders.is_running = true);
            self.was_running = false;
        }
        if moment.now - self.asked > SAMPLES_EVERY_S {
            self.asked = moment.now;
            self.order(|orders| orders.wants_samples = true);
        }
        self.shown = lock(&self.shared.progress).clone();
        if let Some(samples) = self.shown.samples.take() {
            self.samples = Tiles::new(self.shape, samples).ok();
        }
    }

    fn leave(&mut self) {
        self.was_running = lock(&self.shared.orders).is_running;
        self.order(|orders| orders.is_running = false);
    }

    fn draw(&self, canvas: &mut Canvas, stage: Area, dims: Dims) {
        if !self.has_learner() {
            let words = "There are no real digits on this device to learn from: run `make models`.";
            return draw_words(canvas, words, stage, dims);
        }
        let Progress { losses: [d, g], opinions, steps, complaint, .. } = &self.shown;
        if let Some(words) = complaint {
            return draw_words(canvas, words, stage, dims);
        }
        let view = train::View { samples: self.samples.as_ref(), losses: [d, g], opinions: *opinions, steps: *steps };
        train::draw(canvas, &view, stage, dims);
    }
}

impl Drop for Train {
    fn drop(&mut self) {
        self.order(|orders| orders.is_over = true);
        // It ends behind the step that it takes now.
        self.thread.take().map(JoinHandle::join);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread: steps and samples, until it is over.
fn learn(learner: Learner, shared: &Shared) {
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

fn note(shared: &Shared, which: usize, loss: f32) {
    let mut progress = lock(&shared.progress);
    progress.steps[which] += 1;
    let losses = &mut progress.losses[which];
    if losses.len() == KEPT {
        losses.drain(..KEPT / 2);
    }
    losses.push(loss);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders() -> Orders {
        let (single, periods) = ([0; 2], [1; 2]);
        Orders { single, is_running: true, periods, pause_ms: 0, reset: false, wants_samples: false, is_over: false }
    }

    fn steps(orders: &mut Orders, count: usize) -> String {
        let mut done = [0; 2];
        (0..count).map(|_| orders.next(&mut done).map_or('-', |which| ['d', 'g'][which])).collect()
    }

    #[test]
    fn periods_alternate_and_single_steps_come_first() {
        assert_eq!(steps(&mut orders(), 6), "dgdgdg");
        assert_eq!(steps(&mut Orders { periods: [3, 2], ..orders() }, 10), "dddggdddgg");
        assert_eq!(steps(&mut Orders { single: [0, 2], is_running: false, ..orders() }, 4), "gg--");
    }

    /// Counts what it was asked for.
    #[derive(Default)]
    struct Counting([f32; 2]);

    impl Student for Counting {
        fn step_discriminator(&mut self, real: &[f32]) -> [f32; 3] {
            assert_eq!(real.len(), BATCH * 4);
            self.0[0] += 1.0;
            [self.0[0], 0.75, 0.25]
        }

        fn step_generator(&mut self) -> f32 {
            self.0[1] += 1.0;
            self.0[1]
        }

        fn samples(&mut self) -> Vec<f32> {
            vec![0.5; 4]
        }

        fn reset(&mut self) {
            *self = Self::default();
        }
    }

    fn train() -> Train {
        let shape = Shape { channels: 1, height: 2, width: 2 };
        let real = Arc::new(Digits { pictures: Tiles::new(shape, vec![1.0; 8]).unwrap(), labels: vec![1, 2] });
        let open = || -> Result<(Box<dyn Student>, Arc<Digits>)> { Ok((Box::new(Counting::default()), real)) };
        Train::new(Some(Learner { open: Box::new(open), shape, seed: 1 }))
    }

    fn until(train: &Train, is_so: impl Fn(&Progress) -> bool) -> Progress {
        loop {
            let progress = lock(&train.shared.progress).clone();
            if is_so(&progress) {
                return progress;
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn buttons_step_run_pause_and_reset() {
        let worker = super::super::Worker::start(|| Ok(Default::default()));
        let mut train = train();
        let at = |now| Moment { now, worker: &worker, visitor: None };
        train.tick(&at(0.0));
        until(&train, |p| p.steps[0] >= 5 && p.steps[1] >= 5);
        train.press(3);
        train.press(6);
        until(&train, |p| p.steps == [0, 0]);
        train.press(0);
        train.press(0);
        train.press(1);
        let progress = until(&train, |p| p.steps == [2, 1]);
        assert_eq!((progress.losses, progress.opinions), ([vec![1.0, 2.0], vec![1.0]], [0.75, 0.25]));
        train.tick(&at(9.0));
        assert!(until(&train, |p| p.samples.is_some()).samples == Some(vec![0.5; 4]) || train.samples.is_some());
        train.slide(7, 1.0);
        assert_eq!(lock(&train.shared.orders).periods, [PERIOD_MOST, 1]);
    }

    #[test]
    fn whoever_goes_on_leaves_it_paused_and_finds_it_running_again() {
        let worker = super::super::Worker::start(|| Ok(Default::default()));
        let mut train = train();
        let at = |now| Moment { now, worker: &worker, visitor: None };
        train.tick(&at(0.0));
        train.leave();
        assert!(!lock(&train.shared.orders).is_running);
        train.tick(&at(1.0));
        assert!(lock(&train.shared.orders).is_running);
    }

    #[test]
    fn losses_keep_the_newest() {
        let train = train();
        (0..KEPT + 10).for_each(|i| note(&train.shared, 0, i as f32));
        let progress = lock(&train.shared.progress);
        assert_eq!((progress.losses[0].last(), progress.steps[0]), (Some(&((KEPT + 9) as f32)), KEPT as u64 + 10));
        assert!(progress.losses[0].len() <= KEPT);
    }
}
