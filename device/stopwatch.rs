//! Laps in, milliseconds per stage out. The pipeline's clock; no other room between the doors has one.

use std::time::{Duration, Instant};

/// The stages of the walk, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// From the camera's time stamp to pixels in memory.
    Capture,
    /// Pyramid, P-, R- and O-Net, tracking; where a Haar cascade finds the faces, that.
    Detect,
    /// A Haar cascade beside them.
    Haar,
    /// Cutting chips.
    Align,
    /// The embedder.
    Embed,
    /// The gallery's answers, smoothed.
    Match,
    /// Drawing the canvas and handing it to the screen.
    Draw,
}

impl Stage {
    /// Every stage.
    pub const ALL: [Stage; 7] =
        [Stage::Capture, Stage::Detect, Stage::Haar, Stage::Align, Stage::Embed, Stage::Match, Stage::Draw];
    /// Those of the recognition worker.
    pub const WALK: [Stage; 5] = [Stage::Detect, Stage::Haar, Stage::Align, Stage::Embed, Stage::Match];

    /// Its name on the screen and in JSON.
    pub fn name(self) -> &'static str {
        ["capture", "detect", "haar", "align", "embed", "match", "draw"][self as usize]
    }
}

/// Milliseconds per stage of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stages([Option<f32>; 7]);

impl Stages {
    /// Notes what a stage took.
    pub fn set(&mut self, stage: Stage, took: Duration) {
        self.0[stage as usize] = Some(took.as_secs_f32() * 1e3);
    }

    /// What a stage took, if it ran.
    pub fn get(&self, stage: Stage) -> Option<f32> {
        self.0[stage as usize]
    }

    /// Takes over the stages that `newer` knows.
    pub fn merge(&mut self, newer: &Stages) {
        for (mine, newer) in self.0.iter_mut().zip(newer.0) {
            *mine = newer.or(*mine);
        }
    }

    /// Names and milliseconds of the stages that ran, in their order.
    pub fn list(&self) -> Vec<(&'static str, f32)> {
        Stage::ALL.iter().filter_map(|&s| Some((s.name(), self.get(s)?))).collect()
    }
}

/// Measures stage after stage.
pub struct Stopwatch {
    last: Instant,
    stages: Stages,
}

impl Stopwatch {
    /// Starts the first stage.
    pub fn start() -> Self {
        Self { last: Instant::now(), stages: Stages::default() }
    }

    /// Ends a stage and starts the next.
    pub fn lap(&mut self, stage: Stage) {
        let now = Instant::now();
        self.stages.set(stage, now.duration_since(self.last));
        self.last = now;
    }

    /// What was measured.
    pub fn stages(&self) -> Stages {
        self.stages
    }
}

/// The last [`History::KEPT`] measurements of every stage.
#[derive(Default)]
pub struct History([Vec<f32>; 7], usize);

impl History {
    /// Measurements kept per stage: enough for a median, and the memory of a day stays that of a minute.
    pub const KEPT: usize = 4096;

    /// Adds one stage of a frame.
    pub fn add(&mut self, stage: Stage, stages: &Stages) {
        if let Some(ms) = stages.get(stage) {
            let list = &mut self.0[stage as usize];
            if list.len() < Self::KEPT {
                list.push(ms);
            } else {
                self.1 = (self.1 + 1) % Self::KEPT;
                list[self.1] = ms;
            }
        }
    }

    /// Name, minimum and median in milliseconds of the stages that ran.
    pub fn figures(&self) -> Vec<(&'static str, f32, f32)> {
        Stage::ALL.iter().filter_map(|&s| minimum_and_median(&self.0[s as usize]).map(|(a, b)| (s.name(), a, b))).collect()
    }
}

/// The smallest and the middle one.
pub fn minimum_and_median(values: &[f32]) -> Option<(f32, f32)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    Some((*sorted.first()?, sorted[sorted.len() / 2]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_come_in_the_order_of_the_walk() {
        let mut stages = Stages::default();
        stages.set(Stage::Draw, Duration::from_millis(3));
        stages.set(Stage::Detect, Duration::from_millis(20));
        assert_eq!(stages.list(), [("detect", 20.0), ("draw", 3.0)]);
    }

    #[test]
    fn history_gives_minimum_and_median_and_stays_small() {
        let mut history = History::default();
        for i in 0..3 * History::KEPT {
            let mut stages = Stages::default();
            stages.set(Stage::Embed, Duration::from_millis(if i % 3 == 0 { 5 } else { 9 }));
            history.add(Stage::Embed, &stages);
        }
        assert_eq!(history.figures(), [("embed", 5.0, 9.0)]);
        assert_eq!(history.0[Stage::Embed as usize].len(), History::KEPT);
    }
}
