//! What a small gallery promises.

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

fn people(gallery: &Gallery) -> Vec<Person> {
    gallery.people().collect::<Result<_>>().unwrap()
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
    assert_eq!(gallery.count(), 1);
    let ada = &people(&gallery)[0];
    let files: Vec<&str> = ada.pictures.iter().map(|p| p.file.as_str()).collect();
    assert_eq!(files, ["a.jpg", "b.jpg"]);
    assert_eq!(ada.pictures[0].embedding, face(1, 0));
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
    assert_eq!(people(&again), people(&gallery));
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
    let names: Vec<String> = people(&second).into_iter().map(|p| p.name).collect();
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
        prop_assert_eq!(answer.matches.len(), gallery.count());
        prop_assert!(answer.matches.is_sorted_by(|a, b| a.percent >= b.percent));
    }
}
