//! Moments in, how many come in a second out.

use std::time::Instant;

/// Frames a second, over about the last half second.
#[derive(Default)]
pub(super) struct Rate {
    last: Option<Instant>,
    seconds: f32,
}

impl Rate {
    /// One more.
    pub fn tick(&mut self) {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            let step = now.duration_since(last).as_secs_f32();
            self.seconds = if self.seconds == 0.0 { step } else { self.seconds + 0.1 * (step - self.seconds) };
        }
    }

    /// 0 before the second.
    pub fn per_second(&self) -> f32 {
        if self.seconds > 0.0 { 1.0 / self.seconds } else { 0.0 }
    }
}
