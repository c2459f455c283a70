//! Names, pictures and embeddings in; for each new embedding, who it is and how sure that is, out.
//!
//! A gallery belongs to one embedder: vectors of another network mean nothing here, and [`Gallery::open`] refuses them.
//! Changes live in memory until [`Gallery::save`]; only then is anything on disk, in the one file that `store` writes.
//!
//! ```text
//! enroll -> people -> save -> store, format (the file)
//!             |
//!             +-> index (distances) --+
//!             +-> head (linfa) -------+-> calibration -> Answer
//! ```

pub mod calibration;
mod format;
mod head;
mod index;
mod store;
mod thumbnail;

pub use calibration::Calibration;

use crate::types::{Answer, Chip, Embedding, Match, Metric};
use anyhow::{Context, Result, ensure};
use head::Head;
use index::Index;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Characters in a name at most.
pub const LONGEST_NAME: usize = 100;
/// Bytes in a picture's file name at most.
const LONGEST_FILE: usize = 4096;

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
    /// In the order of their names.
    people: Vec<Person>,
    /// What happened since the file was read, to be done again on what the file holds when it is written.
    unsaved: Vec<Change>,
    /// Made from `people` at the first question after a change.
    learned: OnceLock<Learned>,
}

#[derive(Clone)]
enum Change {
    Enroll { name: String, picture: Picture },
    Remove { name: String },
}

struct Learned {
    index: Index,
    /// `None` for fewer than two people, or where training failed: distances alone answer then.
    head: Option<Head>,
}

impl Gallery {
    /// A gallery without people and without a file: [`Gallery::save`] fails on it.
    pub fn empty(embedder: EmbedderId, calibration: Calibration) -> Self {
        Self { path: None, embedder, calibration, people: Vec::new(), unsaved: Vec::new(), learned: OnceLock::new() }
    }

    /// Reads a gallery and trains its head; embeds nothing. Fails where there is no file, where it is damaged, newer than
    /// this program, or of another embedder. The file is never changed by this.
    pub fn open(path: &Path, embedder: &EmbedderId, calibration: Calibration) -> Result<Self> {
        let people = store::read(path, embedder)?;
        let people = people.with_context(|| {
            format!("there is no gallery {}: enrol somebody first with `lookalike enroll --gallery {0}`", path.display())
        })?;
        Ok(Self::of(path, embedder, calibration, people))
    }

    /// As [`Gallery::open`], but where there is no file: an empty gallery that [`Gallery::save`] will write there.
    pub fn open_or_new(path: &Path, embedder: &EmbedderId, calibration: Calibration) -> Result<Self> {
        let people = store::read(path, embedder)?.unwrap_or_default();
        Ok(Self::of(path, embedder, calibration, people))
    }

    fn of(path: &Path, embedder: &EmbedderId, calibration: Calibration, people: Vec<Person>) -> Self {
        let gallery = Self { path: Some(path.to_path_buf()), people, ..Self::empty(embedder.clone(), calibration) };
        gallery.learned();
        gallery
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
        self.change(Change::Enroll { name, picture });
        Ok(())
    }

    /// Forgets a person wholly and says how many pictures that was: 0 where nobody has that name.
    pub fn remove(&mut self, name: &str) -> usize {
        let pictures = self.person(name).map_or(0, |p| p.pictures.len());
        if pictures > 0 {
            self.change(Change::Remove { name: name.trim().into() });
        }
        pictures
    }

    /// Everybody, in the order of their names.
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    /// The first enrolled picture of a person, for the screen.
    pub fn thumbnail(&self, name: &str) -> Option<Chip> {
        thumbnail::open(&self.person(name)?.pictures.first()?.thumbnail).ok()
    }

    /// Who this is: at most `top` names, best first. Percentages of all names, also of those not among the `top`, and
    /// `nobody_percent` add to 100. An empty gallery answers 100 % nobody.
    pub fn answer(&self, embedding: &Embedding, top: usize) -> Answer {
        let learned = self.learned();
        if embedding.0.len() != self.embedder.length {
            return Answer { matches: Vec::new(), nobody_percent: 100.0 };
        }
        let distances = learned.index.distances(&embedding.0);
        let means: Vec<f32> = distances.iter().map(|d| d.mean).collect();
        let log_shares = learned.head.as_ref().map(|head| head.log_shares(&embedding.0));
        let percents = self.calibration.percents(&means, log_shares.as_deref());
        let all = self.people.iter().zip(&percents.names).zip(&distances);
        let mut matches: Vec<(&str, f32, f32)> = all.map(|((p, &percent), &d)| (p.name.as_str(), percent, d.nearest)).collect();
        matches.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.2.total_cmp(&b.2)));
        matches.truncate(top);
        let matches = matches.into_iter().map(|(name, percent, distance)| Match { name: name.into(), percent, distance });
        Answer { matches: matches.collect(), nobody_percent: percents.nobody }
    }

    /// Writes the changes since opening to the file, whole or not at all. What another process enrolled or removed
    /// meanwhile is kept so, and is in this gallery afterwards.
    pub fn save(&mut self) -> Result<()> {
        let path = self.path.as_ref().context("this gallery has no file")?;
        self.people = store::update(path, &self.embedder, |people| {
            for change in &self.unsaved {
                apply(people, change.clone());
            }
        })?;
        self.unsaved.clear();
        self.learned = OnceLock::new();
        Ok(())
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.people, change.clone());
        self.unsaved.push(change);
        self.learned = OnceLock::new();
    }

    fn person(&self, name: &str) -> Option<&Person> {
        let found = self.people.binary_search_by(|p| p.name.as_str().cmp(name.trim()));
        found.ok().map(|i| &self.people[i])
    }

    fn learned(&self) -> &Learned {
        self.learned.get_or_init(|| {
            let EmbedderId { length, metric, .. } = self.embedder;
            let index = Index::new(&self.people, length, metric);
            let head = Head::train(&self.people, length, metric, self.calibration.same_person_distance).unwrap_or(None);
            Learned { index, head }
        })
    }
}

fn apply(people: &mut Vec<Person>, change: Change) {
    match change {
        Change::Enroll { name, picture } => {
            let at = people.binary_search_by(|p| p.name.cmp(&name)).unwrap_or_else(|free| {
                people.insert(free, Person { name, pictures: Vec::new() });
                free
            });
            let pictures = &mut people[at].pictures;
            match pictures.iter_mut().find(|p| p.file == picture.file) {
                Some(same) => *same = picture,
                None => pictures.push(picture),
            }
        }
        Change::Remove { name } => people.retain(|p| p.name != name),
    }
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    ensure!(!name.is_empty(), "a name must have at least one letter");
    ensure!(!name.chars().any(char::is_control), "the name {name:?} has control characters: leave them out");
    ensure!(name.chars().count() <= LONGEST_NAME, "the name {name:?} is longer than {LONGEST_NAME} characters: shorten it");
    Ok(name.to_owned())
}
