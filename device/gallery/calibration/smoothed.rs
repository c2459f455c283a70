//! Answers of one face, frame after frame, in; a steadier answer out.

use crate::types::{Answer, Match};

/// The running mean of one face's answers: over all frames at first, then over about the last so many.
#[derive(Clone, Debug)]
pub struct Smoothed {
    frames: f32,
    seen: f32,
    mean: Answer,
}

impl Smoothed {
    /// Before the first answer. `frames` is about how many frames the mean looks back, at least 1.
    pub fn over(frames: u32) -> Self {
        Self { frames: frames.max(1) as f32, seen: 0.0, mean: Answer { matches: Vec::new(), nobody_percent: 0.0 } }
    }

    /// Takes in a frame's answer, which must hold every name of the gallery (`top` of `usize::MAX`): a name that it lacks
    /// is no longer enrolled and is dropped at once. Distances are the newest.
    pub fn add(&mut self, newest: &Answer) {
        self.seen = (self.seen + 1.0).min(self.frames);
        let share = 1.0 / self.seen;
        let mix = |before: f32, now: f32| before + share * (now - before);
        let before = |name: &str| self.mean.matches.iter().find(|m| m.name == name).map_or(0.0, |m| m.percent);
        let mixed = newest.matches.iter().map(|m| Match { percent: mix(before(&m.name), m.percent), ..m.clone() });
        let mut matches: Vec<Match> = mixed.collect();
        let mut nobody_percent = mix(self.mean.nobody_percent, newest.nobody_percent);
        let total = nobody_percent + matches.iter().map(|m| m.percent).sum::<f32>();
        if total > 0.0 {
            nobody_percent *= 100.0 / total;
            matches.iter_mut().for_each(|m| m.percent *= 100.0 / total);
        }
        matches.sort_by(|a, b| b.percent.total_cmp(&a.percent));
        self.mean = Answer { matches, nobody_percent };
    }

    /// The mean so far, best name first; `None` before the first answer.
    pub fn mean(&self) -> Option<&Answer> {
        (self.seen > 0.0).then_some(&self.mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(names: &[(&str, f32)]) -> Answer {
        let matches = names.iter().map(|&(name, percent)| Match { name: name.into(), percent, distance: 0.5 });
        Answer { matches: matches.collect(), nobody_percent: 100.0 - names.iter().map(|n| n.1).sum::<f32>() }
    }

    fn total(answer: &Answer) -> f32 {
        answer.nobody_percent + answer.matches.iter().map(|m| m.percent).sum::<f32>()
    }

    #[test]
    fn nothing_seen_is_no_answer() {
        assert!(Smoothed::over(5).mean().is_none());
    }

    #[test]
    fn the_first_frames_count_alike() {
        let mut smoothed = Smoothed::over(10);
        smoothed.add(&answer(&[("Ada", 90.0), ("Bob", 10.0)]));
        smoothed.add(&answer(&[("Bob", 40.0), ("Ada", 30.0)]));
        let mean = smoothed.mean().unwrap();
        assert_eq!(mean.matches[0].name, "Ada");
        assert!((mean.matches[0].percent - 60.0).abs() < 1e-3);
        assert!((mean.matches[1].percent - 25.0).abs() < 1e-3);
        assert!((mean.nobody_percent - 15.0).abs() < 1e-3);
    }

    #[test]
    fn one_odd_frame_does_not_turn_the_answer() {
        let mut smoothed = Smoothed::over(5);
        (0..20).for_each(|_| smoothed.add(&answer(&[("Ada", 90.0), ("Bob", 5.0)])));
        smoothed.add(&answer(&[("Bob", 90.0), ("Ada", 5.0)]));
        assert_eq!(smoothed.mean().unwrap().matches[0].name, "Ada");
        (0..20).for_each(|_| smoothed.add(&answer(&[("Bob", 90.0), ("Ada", 5.0)])));
        assert_eq!(smoothed.mean().unwrap().matches[0].name, "Bob");
    }

    #[test]
    fn totals_stay_100_while_names_come_and_go() {
        let mut smoothed = Smoothed::over(4);
        smoothed.add(&answer(&[]));
        smoothed.add(&answer(&[("Ada", 70.0)]));
        assert!((total(smoothed.mean().unwrap()) - 100.0).abs() < 1e-3);
        smoothed.add(&answer(&[("Ada", 50.0), ("Bob", 30.0)]));
        assert!((total(smoothed.mean().unwrap()) - 100.0).abs() < 1e-3);
        smoothed.add(&answer(&[("Bob", 60.0)]));
        let last = smoothed.mean().unwrap();
        assert!((total(last) - 100.0).abs() < 1e-3);
        assert!(last.matches.iter().all(|m| m.name == "Bob"), "a removed name is forgotten at once");
    }
}
