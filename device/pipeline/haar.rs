//! A frame in, a Haar cascade's boxes out: in place of the walk, or beside its first stage.

use super::{Walk, Walked};
use crate::detect::haar::Haar;
use crate::detect::versus;
use crate::stopwatch::{Stage, Stopwatch};
use crate::types::{Frame, Tally};
use crate::ui::live;
use anyhow::{Result, bail};

/// Whether there is a cascade, and what for.
pub enum Cascade {
    /// There is none.
    None,
    /// For comparing; opened when it is first asked.
    Later(Box<dyn FnMut() -> Result<Haar> + Send>),
    /// For comparing, opened.
    Beside(Haar),
    /// It finds the faces, so that nobody is named.
    Instead(Haar),
}

impl Cascade {
    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        !matches!(self, Cascade::None)
    }

    fn open(&mut self) -> Result<&mut Haar> {
        if let Cascade::Later(open) = self {
            *self = Cascade::Beside(open()?);
        }
        match self {
            Cascade::Beside(haar) | Cascade::Instead(haar) => Ok(haar),
            Cascade::None | Cascade::Later(_) => bail!("there is no cascade to compare with: run `make models`"),
        }
    }
}

impl Walk {
    /// The walk of a frame where a cascade finds the faces. It ends there: without landmarks nothing can be aligned.
    pub(super) fn outline(&mut self, frame: &Frame, walked: &mut Walked) -> Result<()> {
        let haar = self.cascade.open()?;
        walked.clear();
        walked.embedding.0.clear();
        let mut watch = Stopwatch::start();
        haar.detect_into(frame, walked.outlines.get_or_insert_default());
        watch.lap(Stage::Detect);
        walked.stages = watch.stages();
        Ok(())
    }

    /// Lets MT-CNN and the cascade both search the whole frame, one after the other, and says which boxes both have.
    pub fn duel(&mut self, frame: &Frame, walked: &mut Walked) -> Result<()> {
        let haar = self.cascade.open()?;
        walked.clear();
        walked.embedding.0.clear();
        walked.outlines = None;
        let duel = walked.duel.get_or_insert_default();
        let mut watch = Stopwatch::start();
        duel.faces = self.follower.search_only(frame)?;
        watch.lap(Stage::Detect);
        haar.detect_into(frame, &mut duel.outlines);
        watch.lap(Stage::Haar);
        versus::pair(duel);
        walked.stages = watch.stages();
        let took = |stage| walked.stages.get(stage).unwrap_or_default();
        (duel.mtcnn_ms, duel.haar_ms) = (took(Stage::Detect), took(Stage::Haar));
        Ok(())
    }
}

impl Walked {
    /// Takes out all that was found.
    pub(super) fn clear(&mut self) {
        self.sightings.clear();
        self.outlines.iter_mut().for_each(Vec::clear);
        self.duel = None;
    }

    /// Whether anybody is there, in whatever way it was found.
    pub(super) fn has_anybody(&self) -> bool {
        self.count() > 0 || self.duel.as_ref().is_some_and(|duel| !duel.faces.is_empty())
    }

    /// Faces that were found.
    pub(super) fn count(&self) -> usize {
        self.sightings.len() + self.outlines.as_ref().map_or(0, Vec::len)
    }
}

/// What the screen is to show of a frame beside its sightings.
pub(super) fn found<'a>(seen: &'a Walked, tally: &'a Tally) -> live::Found<'a> {
    match (&seen.duel, &seen.outlines) {
        (Some(duel), _) => live::Found::Duel(duel, tally),
        (None, Some(outlines)) => live::Found::Outlines(outlines),
        (None, None) => live::Found::Faces,
    }
}
