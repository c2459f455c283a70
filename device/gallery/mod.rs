//! Names, pictures and embeddings in; for each new embedding, who it is and how sure that is, out.
//!
//! A gallery belongs to one embedder: vectors of another network mean nothing here, and [`Gallery::open`] refuses them.
//! Changes live in memory until [`Gallery::save`]; only then is anything on disk, in the file that `store` writes. Names and
//! pictures stay there: in memory are the names, and each embedding as bytes, so that a million fit.
//!
//! ```text
//! enroll -> roster (whose) -> save -> store (the file)
//!             |
//!             +-> index (who is near) -+
//!             +-> head (linfa) --------+-> calibration -> Answer
//! ```

pub mod calibration;
mod enrolled;
mod head;
mod index;
mod roster;
mod saving;
mod store;
#[cfg(test)]
mod tests;
mod thumbnail;

pub use calibration::Calibration;
pub use index::{Breadth, Manner};

use crate::types::{Answer, Chip, Embedding, Match, Metric};
use anyhow::{Result, ensure};
use calibration::crowd::Crowd;
use enrolled::Enrolled;
use head::Head;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Instant;

/// How unlike two embeddings of the same length are; see [`Metric`].
pub fn distance(a: &Embedding, b: &Embedding, metric: Metric) -> f32 {
    index::distance(&a.0, &b.0, metric)
}

/// Characters in a name at most.
pub const LONGEST_NAME: usize = 100;
/// Bytes in a picture's file name at most.
const LONGEST_FILE: usize = 4096;
/// Rows that are compared as floats, and people who share the percentages, where not everybody is compared with everything.
const CANDIDATES: usize = 64;
/// Pictures of a person that are allowed for there.
const MOST_PICTURES: usize = 8;

/// The network whose vectors a gallery holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedderId {
    /// The manifest's name of it.
    pub name: String,
    /// SHA-256 of the model file, 64 hex digits.
    pub sha256: String,
    /// Numbers in an embedding.
    pub length: usize,
    /// How its vectors are compared.
    pub metric: Metric,
}

/// One enrolled person.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// As shown.
    pub name: String,
    /// At least one, in the order of enrolment.
    pub pictures: Vec<Picture>,
}

/// One enrolled picture: what is kept of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// File name of the source.
    pub file: String,
    /// What the embedder said.
    pub embedding: Embedding,
    /// The chip, made small, as JPEG.
    pub thumbnail: Vec<u8>,
}

/// The enrolled people, and what was learned from them.
pub struct Gallery {
    path: Option<PathBuf>,
    embedder: EmbedderId,
    calibration: Calibration,
    enrolled: Enrolled,
    /// What happened since the file was read, to be done again should another program have changed it when it is written.
    unsaved: Vec<Change>,
    /// How the nearest are found.
    manner: Manner,
    /// Made at the first question after a change. `None` inside where there is no head: distances alone answer then.
    head: OnceLock<Option<Head>>,
}

#[derive(Clone)]
enum Change {
    Enroll { name: String, picture: Picture },
    Remove { name: String },
}

/// Somebody whom a face may be.
struct Candidate {
    person: u32,
    /// Distance to the nearest picture.
    nearest: f32,
    /// Mean of the distances to all pictures.
    mean: f32,
}

impl Gallery {
    /// A gallery without people and without a file: [`Gallery::save`] fails on it.
    pub fn empty(embedder: EmbedderId, calibration: Calibration) -> Self {
        let enrolled = Enrolled::new(&embedder);
        Self { path: None, embedder, calibration, enrolled, unsaved: Vec::new(), manner: Manner::ALL, head: OnceLock::new() }
    }

    /// Reads a gallery and trains its head; embeds nothing. Fails where there is no file, where it is damaged, newer than
    /// this program, or of another embedder. The file is never changed by this.
    pub fn open(path: &Path, embedder: &EmbedderId, calibration: Calibration) -> Result<Self> {
        let gallery = Self::open_or_new(path, embedder, calibration)?;
        ensure!(
            gallery.enrolled.has_file(),
            "there is no gallery {}: enrol somebody first with `lookalike enroll --gallery {0}`",
            path.display()
        );
        Ok(gallery)
    }

    /// As [`Gallery::open`], but where there is no file: an empty gallery that [`Gallery::save`] will write there.
    pub fn open_or_new(path: &Path, embedder: &EmbedderId, calibration: Calibration) -> Result<Self> {
        // Should nobody be able to say who writes, reading goes on: a file that changes meanwhile is an error, no other people.
        let _lock = store::lock_for_reading(path);
        let enrolled = Enrolled::read(path, embedder)?;
        let gallery = Self { path: Some(path.to_path_buf()), enrolled, ..Self::empty(embedder.clone(), calibration) };
        gallery.head();
        Ok(gallery)
    }

    /// Adds one picture of `name`; the same picture of the same name replaces the earlier one.
    ///
    /// `picture` is the source's file name, by which a person finds it again. The name is trimmed; it must have 1 to
    /// [`LONGEST_NAME`] characters and no control characters. The embedding must be of the embedder's length.
    /// `chip` is what was embedded: it is kept small, for the screen.
    pub fn enroll(&mut self, name: &str, picture: &str, embedding: &Embedding, chip: &Chip) -> Result<()> {
        let name = checked_name(name)?;
        ensure!(picture.len() <= LONGEST_FILE, "the file name of {name}'s picture is longer than {LONGEST_FILE} bytes");
        let length = embedding.0.len();
        ensure!(length == self.embedder.length, "an embedding of {length} numbers, not {}", self.embedder.length);
        ensure!(embedding.0.iter().all(|v| v.is_finite()), "the embedding of {picture} is not finite");
        let picture = Picture { file: picture.into(), embedding: embedding.clone(), thumbnail: thumbnail::shrink(chip)? };
        self.change(Change::Enroll { name, picture })
    }

    /// Forgets a person wholly and says how many pictures that was: 0 where nobody has that name.
    pub fn remove(&mut self, name: &str) -> usize {
        let name = name.trim();
        let pictures = self.enrolled.pictures_of(name);
        if pictures > 0 && self.change(Change::Remove { name: name.into() }).is_err() {
            return 0;
        }
        pictures
    }

    /// How many people there are.
    pub fn count(&self) -> usize {
        self.enrolled.roster.people()
    }

    /// How many pictures of them.
    pub fn pictures(&self) -> usize {
        self.enrolled.roster.pictures()
    }

    /// Who has that name, read from the file; `None` where nobody has.
    pub fn person(&self, name: &str) -> Result<Option<Person>> {
        self.enrolled.roster.find(name.trim()).map(|person| self.enrolled.person(person)).transpose()
    }

    /// Everybody, in the order of their names, read from the file one after the other.
    pub fn people(&self) -> impl Iterator<Item = Result<Person>> + '_ {
        self.enrolled.roster.in_order().into_iter().map(|person| self.enrolled.person(person))
    }

    /// The first so many names, in order.
    pub fn first_names(&self, wanted: usize) -> impl Iterator<Item = &str> {
        let roster = &self.enrolled.roster;
        roster.first_in_order(wanted).into_iter().map(|person| roster.name(person))
    }

    /// The first enrolled picture of a person, for the screen.
    pub fn thumbnail(&self, name: &str) -> Option<Chip> {
        let roster = &self.enrolled.roster;
        let row = roster.rows_of(roster.find(name.trim())?).next()?;
        thumbnail::open(&self.enrolled.picture(row).ok()?.thumbnail).ok()
    }

    /// Who this is: at most `top` names, best first. Percentages of all names, also of those not among the `top`, and
    /// `nobody_percent` add to 100; of thousands only the nearest have a share. An empty gallery answers 100 % nobody.
    pub fn answer(&self, embedding: &Embedding, top: usize) -> Answer {
        if embedding.0.len() != self.embedder.length {
            return Answer { matches: Vec::new(), nobody_percent: 100.0 };
        }
        let (candidates, log_shares) = self.candidates(embedding);
        let means: Vec<f32> = candidates.iter().map(|c| c.mean).collect();
        let around = if log_shares.is_none() && self.count() > CANDIDATES { Crowd::of(&means) } else { None };
        let percents = match around {
            Some(crowd) => self.calibration.percents_among(&means, &crowd),
            None => self.calibration.percents(&means, log_shares.as_deref()),
        };
        let mut all: Vec<(f32, &Candidate)> = percents.names.iter().copied().zip(&candidates).collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.nearest.total_cmp(&b.1.nearest)));
        all.truncate(top);
        let matches = all.into_iter().map(|(percent, candidate)| Match {
            name: self.enrolled.roster.name(candidate.person).into(),
            percent,
            distance: candidate.nearest,
        });
        Answer { matches: matches.collect(), nobody_percent: percents.nobody }
    }

    /// Everybody where there is a head, with its shares; else the nearest, nearest first.
    fn candidates(&self, embedding: &Embedding) -> (Vec<Candidate>, Option<Vec<f32>>) {
        if let Some(head) = self.head() {
            return (self.enrolled.everybody(embedding), Some(head.log_shares(&embedding.0)));
        }
        (self.nearest_candidates(embedding, self.manner.breadth), None)
    }

    fn nearest_candidates(&self, embedding: &Embedding, breadth: Breadth) -> Vec<Candidate> {
        // Whoever has many pictures takes many of the nearest rows, and those of some are near and far on average.
        let rows = CANDIDATES * self.pictures().div_ceil(self.count().max(1)).min(MOST_PICTURES);
        let mut nearest = self.enrolled.nearest(embedding, rows, breadth);
        nearest.sort_by(|a, b| a.mean.total_cmp(&b.mean));
        nearest.truncate(CANDIDATES);
        nearest
    }

    /// The `wanted` nearest people, at most 64, by the mean distance to their pictures: names and those distances, nearest first.
    /// For who measures the search; [`Gallery::answer`] looks as [`Gallery::choose_manner`] found best.
    pub fn nearest(&self, embedding: &Embedding, wanted: usize, breadth: Breadth) -> Vec<(&str, f32)> {
        let mut nearest = self.nearest_candidates(embedding, breadth);
        nearest.truncate(wanted);
        nearest.iter().map(|c| (self.enrolled.roster.name(c.person), c.mean)).collect()
    }

    /// Finds out how this gallery is best searched on this machine, and does so from now on. `now` is a clock.
    pub fn choose_manner(&mut self, now: fn() -> Instant) -> Manner {
        self.manner = self.enrolled.index.manner(now);
        self.manner
    }

    /// What [`Gallery::choose_manner`] found out.
    pub fn manner(&self) -> Manner {
        self.manner
    }

    /// Why the index beside the gallery's file is of no use, if there is one and it is not: then everything was read from the
    /// gallery itself, and the next change makes the index anew.
    pub fn index_fault(&self) -> Option<&str> {
        self.enrolled.index_fault.as_deref()
    }

    fn change(&mut self, change: Change) -> Result<()> {
        self.head = OnceLock::new();
        self.enrolled.apply(&change)?;
        self.unsaved.push(change);
        Ok(())
    }

    fn head(&self) -> Option<&Head> {
        let trained = self.head.get_or_init(|| {
            let people = self.enrolled.as_floats()?;
            let EmbedderId { length, metric, .. } = self.embedder;
            Head::train(&people, length, metric, self.calibration.same_person_distance).unwrap_or(None)
        });
        trained.as_ref()
    }
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    ensure!(!name.is_empty(), "a name must have at least one letter");
    ensure!(!name.chars().any(char::is_control), "the name {name:?} has control characters: leave them out");
    ensure!(name.chars().count() <= LONGEST_NAME, "the name {name:?} is longer than {LONGEST_NAME} characters: shorten it");
    Ok(name.to_owned())
}
