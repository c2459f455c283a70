//! Walked frames in, what the kiosk saw all in all out.

use super::Walked;
use crate::stopwatch::{History, Stage};
use std::collections::BTreeMap;
use std::time::Instant;

/// What the kiosk saw, and how long things took.
#[derive(Default)]
pub struct Summary {
    /// Frames shown.
    pub frames: u64,
    /// Frames that went the whole way.
    pub walked: u64,
    /// Faces in those frames.
    pub faces: u64,
    /// How often each name came first, with a larger share than "nobody".
    pub names: BTreeMap<String, u64>,
    /// Of every stage.
    pub stages: History,
    /// When the first frame with a name had been shown.
    pub first_name: Option<Instant>,
}

impl Summary {
    /// Enters a frame into the books.
    pub(super) fn take(&mut self, walked: &Walked) {
        self.walked += 1;
        self.faces += walked.count() as u64;
        for name in walked.names() {
            match self.names.get_mut(name) {
                Some(times) => *times += 1,
                None => drop(self.names.insert(name.to_string(), 1)),
            }
        }
        for stage in Stage::WALK {
            self.stages.add(stage, &walked.stages);
        }
    }
}

impl Walked {
    /// Whom the faces resemble, those that resemble somebody.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.sightings.iter().filter_map(|seen| Some(seen.answer.as_ref()?.likeness()?.name.as_str()))
    }
}
