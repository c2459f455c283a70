//! placeholder
use crate::types::Answer;

/// How distances become percentages. Fields are not settled: make one with [`Calibration::of_distance`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Per unit of distance, positive.
    pub slope: f32,
    /// The distance at which same and different are equally likely.
    pub midpoint: f32,
}

impl Calibration {
    /// For a network that nobody calibrated: from the distance below which two faces are the same person
    /// more often than not.
    pub fn of_distance(same_person_distance: f32) -> Self {
        Self { slope: 20.0 / same_person_distance, midpoint: same_person_distance }
    }
}

/// The running mean of one face's answers over frames.
#[derive(Clone, Debug, Default)]
pub struct Smoothed {
    newest: Option<Answer>,
}

impl Smoothed {
    /// Takes in a frame's answer. `weight` is the newest answer's share in the mean, above 0 to 1.
    pub fn add(&mut self, answer: &Answer, weight: f32) {
        let _ = weight;
        self.newest = Some(answer.clone());
    }

    /// The mean so far, at most `top` names, best first; `None` before the first answer.
    pub fn answer(&self, top: usize) -> Option<Answer> {
        let mut answer = self.newest.clone()?;
        answer.matches.truncate(top);
        Some(answer)
    }
}
