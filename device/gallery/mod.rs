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

/// How unlike two embeddings of the same length are; see [`Metric`].
pub fn distance(a: &Embedding, b: &Embedding, metric: Metric) -> f32 {
    index::distance(&a.0, &b.0, metric)
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn embedder() -> EmbedderId {
        EmbedderId { name: "net".into(), sha256: "ab".repeat(32), length: 8, metric: Metric::L2 }
    }

    fn empty() -> Gallery {
        Gallery::empty(embedder(), Calibration::of_distance(0.6))
    }

    fn chip() -> Chip {
        Chip { width: 4, height: 4, pixels: vec![128; 48] }
    }

    /// A face of person `who`, as photo `photo` shows it: people lie about 1.4 apart, photos of one about 0.2.
    fn face(who: usize, photo: usize) -> Embedding {
        let mut v = vec![0.0; 8];
        v[who % 8] = 1.0;
        v[(who + 1 + photo) % 8] += 0.1;
        Embedding(v)
    }

    fn total(answer: &Answer) -> f32 {
        answer.nobody_percent + answer.matches.iter().map(|m| m.percent).sum::<f32>()
    }

    #[test]
    fn an_empty_gallery_knows_nobody() {
        assert_eq!(empty().answer(&face(0, 0), 3), Answer { matches: Vec::new(), nobody_percent: 100.0 });
    }

    #[test]
    fn one_photo_of_one_person_is_enough() {
        let mut gallery = empty();
        gallery.enroll("Ada", "a.jpg", &face(0, 0), &chip()).unwrap();
        let answer = gallery.answer(&face(0, 1), 3);
        assert_eq!(answer.matches.len(), 1);
        assert!(answer.matches[0].percent > 90.0, "{answer:?}");
        assert!((answer.matches[0].distance - 0.02f32.sqrt()).abs() < 1e-5);
        assert!(gallery.answer(&face(3, 0), 3).nobody_percent > 99.0);
    }

    #[test]
    fn each_of_several_is_told_apart() {
        let mut gallery = empty();
        for who in 0..6 {
            gallery.enroll(&format!("person {who}"), "a.jpg", &face(who, 0), &chip()).unwrap();
        }
        for who in 0..6 {
            let answer = gallery.answer(&face(who, 2), 3);
            assert_eq!(answer.matches.len(), 3);
            assert_eq!(answer.matches[0].name, format!("person {who}"));
            assert!(answer.matches[0].percent > 90.0, "{answer:?}");
        }
        assert!(gallery.answer(&face(7, 0), 3).nobody_percent > 99.0);
    }

    #[test]
    fn the_same_picture_again_replaces_the_first() {
        let mut gallery = empty();
        gallery.enroll("Ada", "a.jpg", &face(0, 0), &chip()).unwrap();
        gallery.enroll(" Ada ", "a.jpg", &face(1, 0), &chip()).unwrap();
        gallery.enroll("Ada", "b.jpg", &face(1, 1), &chip()).unwrap();
        assert_eq!(gallery.people().len(), 1);
        let files: Vec<&str> = gallery.people()[0].pictures.iter().map(|p| p.file.as_str()).collect();
        assert_eq!(files, ["a.jpg", "b.jpg"]);
        assert_eq!(gallery.people()[0].pictures[0].embedding, face(1, 0));
    }

    #[test]
    fn names_and_vectors_are_checked() {
        let mut gallery = empty();
        let mut refused = |name: &str, vector: &Embedding| gallery.enroll(name, "a.jpg", vector, &chip()).is_err();
        assert!(refused("", &face(0, 0)) && refused(" \t ", &face(0, 0)) && refused("A\nB", &face(0, 0)));
        assert!(refused(&"é".repeat(LONGEST_NAME + 1), &face(0, 0)));
        assert!(!refused(&"é".repeat(LONGEST_NAME), &face(0, 0)));
        assert!(refused("Ada", &Embedding(vec![0.0; 7])) && refused("Ada", &Embedding(vec![f32::NAN; 8])));
    }

    #[test]
    fn a_saved_gallery_opens_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        let calibration = Calibration::of_distance(0.6);
        let absent = Gallery::open(&path, &embedder(), calibration).err().unwrap();
        assert!(format!("{absent:#}").contains(path.to_str().unwrap()));
        let mut gallery = Gallery::open_or_new(&path, &embedder(), calibration).unwrap();
        gallery.enroll("Ada", "a.jpg", &face(0, 0), &chip()).unwrap();
        gallery.enroll("Bob", "b.jpg", &face(1, 0), &chip()).unwrap();
        gallery.save().unwrap();
        let again = Gallery::open(&path, &embedder(), calibration).unwrap();
        assert_eq!(again.people(), gallery.people());
        assert_eq!(again.answer(&face(0, 1), 2), gallery.answer(&face(0, 1), 2));
        assert_eq!(again.thumbnail("Ada").unwrap().width, 4);
        assert!(again.thumbnail("Eve").is_none());
        assert!(empty().save().is_err());
    }

    #[test]
    fn two_programs_enrolling_at_once_keep_both() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        let open = || Gallery::open_or_new(&path, &embedder(), Calibration::of_distance(0.6)).unwrap();
        let (mut first, mut second) = (open(), open());
        first.enroll("Ada", "a.jpg", &face(0, 0), &chip()).unwrap();
        second.enroll("Bob", "b.jpg", &face(1, 0), &chip()).unwrap();
        first.save().unwrap();
        second.save().unwrap();
        first.remove("Ada");
        first.save().unwrap();
        second.save().unwrap();
        let names: Vec<&str> = second.people().iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["Bob"], "and whom one removed the other does not bring back");
    }

    #[test]
    fn a_removed_person_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gallery");
        let mut gallery = Gallery::open_or_new(&path, &embedder(), Calibration::of_distance(0.6)).unwrap();
        gallery.enroll("Ada", "a.jpg", &face(0, 0), &chip()).unwrap();
        gallery.enroll("Ada", "c.jpg", &face(0, 1), &chip()).unwrap();
        gallery.enroll("Zoe", "z.jpg", &Embedding(vec![0.123; 8]), &chip()).unwrap();
        gallery.save().unwrap();
        assert_eq!(gallery.remove("Zoe"), 1);
        assert_eq!(gallery.remove("Zoe"), 0);
        gallery.save().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let contains = |part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
        assert!(!contains(b"Zoe") && !contains(b"z.jpg") && !contains(&0.123f32.to_le_bytes()));
        assert!(contains(b"Ada"));
        assert!(gallery.answer(&Embedding(vec![0.123; 8]), 3).matches.iter().all(|m| m.name == "Ada"));
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_answer_adds_to_100(
            vectors in prop::collection::vec((0usize..5, prop::collection::vec(-10f32..10.0, 8)), 0..12),
            probe in prop::collection::vec(-10f32..10.0, 8),
        ) {
            let mut gallery = empty();
            for (i, (who, vector)) in vectors.into_iter().enumerate() {
                gallery.enroll(&format!("{who}"), &format!("{i}"), &Embedding(vector), &chip()).unwrap();
            }
            let answer = gallery.answer(&Embedding(probe), usize::MAX);
            prop_assert!((total(&answer) - 100.0).abs() < 0.01, "{answer:?}");
            prop_assert_eq!(answer.matches.len(), gallery.people().len());
            prop_assert!(answer.matches.is_sorted_by(|a, b| a.percent >= b.percent));
        }
    }
}
