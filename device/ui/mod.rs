//! What the booth shows: one file per mode, drawn on a canvas. No hardware here.

mod bars;
mod card;
mod compact;
mod engineer;
#[cfg(test)]
mod golden;
mod headline;
pub mod live;
pub mod message;
mod overlay;
mod theme;

/// What the booth shows beside the camera's picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Whom each face resembles, large: for visitors.
    #[default]
    Visitor,
    /// What the networks see, and how long it takes: for engineers.
    Engineer,
}

impl Mode {
    /// The one after it; after the last, the first.
    pub fn next(self) -> Self {
        match self {
            Mode::Visitor => Mode::Engineer,
            Mode::Engineer => Mode::Visitor,
        }
    }

    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Visitor => "visitor",
            Mode::Engineer => "engineer",
        }
    }
}
