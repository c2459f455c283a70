//! What is under way, on stderr: a moving bar on a terminal, one plain line a step elsewhere.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;

/// One step, from its beginning to `done`; dropped before, it leaves the terminal clean and claims nothing.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// A step of so many bytes.
    pub fn bytes(what: &str, total: u64) -> Self {
        Self::start(what, &format!("{what}, {:.1} MB", total as f64 / 1e6), total, "{msg} {bar:30} {bytes}/{total_bytes}")
    }

    /// A step of so many pieces.
    pub fn pieces(what: &str, total: u64) -> Self {
        Self::start(what, what, total, "{msg} {bar:30} {pos}/{len}")
    }

    fn start(what: &str, plain: &str, total: u64, template: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            eprintln!("{plain}");
            return Self(None);
        }
        let bar = ProgressBar::new(total).with_message(what.to_string());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.tick();
        Self(Some(bar))
    }

    /// So far, in bytes or pieces.
    pub fn at(&self, position: u64) {
        if let Some(bar) = &self.0 {
            bar.set_position(position);
        }
    }

    /// So far, in pieces, and how it goes.
    pub fn note(&self, position: u64, words: &str) {
        if let Some(bar) = &self.0 {
            bar.set_message(words.to_string());
            bar.set_position(position);
        }
    }

    /// The step has succeeded.
    pub fn done(self) {
        if let Some(bar) = &self.0 {
            bar.finish();
            // indicatif leaves the cursor behind the bar.
            eprintln!();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0
            && !bar.is_finished()
        {
            bar.abandon();
            eprintln!();
        }
    }
}
