//! A GAN that learns while one looks: buttons and sliders in, orders for its thread (`lesson`) out, and what that saw on the screen.

pub use super::lesson::{Learner, Student};
use super::lesson::{Orders, Progress, Shared, learn, lock};
use super::{Area, Control, Dims, Moment, Piece};
use crate::generate::{Shape, Tiles};
use crate::screen::Canvas;
use crate::ui::dream::{draw_words, train};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Steps in a period at most.
pub const PERIOD_MOST: u32 = 20;

/// Between two steps, from slow to fast.
const PAUSES_MS: [u64; 5] = [2000, 500, 150, 40, 0];

/// New samples at most so often, in seconds.
const SAMPLES_EVERY_S: f64 = 0.3;

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
        "A GAN learns here: one net draws, the other tells real from fake"
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

#[cfg(test)]
mod tests;
