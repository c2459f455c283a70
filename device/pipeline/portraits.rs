//! The enrolled faces that the screen shows beside the visitors'. Of a small gallery all are there from the start; of a large
//! one those for the wall of faces, and the worker, which has the gallery, lends those of whoever is named.

use crate::gallery::Gallery;
use crate::types::{Chip, Sighting};
use std::collections::{BTreeMap, VecDeque};

/// Names whose portraits are there from the start, the first in order; 30 kB each.
const OWNED: usize = 300;
/// Portraits that are lent at a time.
const LENT: usize = 60;

/// What the screen has.
pub(super) struct Portraits {
    all: BTreeMap<String, Chip>,
    /// The last of those that are there from the start.
    last_owned: Option<String>,
    lent: VecDeque<String>,
}

impl Portraits {
    pub fn of(gallery: &Gallery) -> Self {
        let names = || gallery.first_names(OWNED);
        let all = names().filter_map(|name| Some((name.to_string(), gallery.thumbnail(name)?))).collect();
        Self { all, last_owned: names().last().map(str::to_string), lent: VecDeque::new() }
    }

    /// By name.
    pub fn all(&self) -> &BTreeMap<String, Chip> {
        &self.all
    }

    /// Keeps what the worker lends, and gives back the oldest.
    pub fn take(&mut self, lent: Vec<(String, Chip)>) {
        for (name, chip) in lent {
            if self.last_owned.as_ref().is_none_or(|last| name > *last) {
                self.lent.push_back(name.clone());
                self.all.insert(name, chip);
            }
        }
        while self.lent.len() > LENT {
            self.lent.pop_front().map(|name| self.all.remove(&name));
        }
    }
}

/// What the worker knows of that.
pub(super) struct Lender {
    is_needed: bool,
    lent: VecDeque<String>,
}

impl Lender {
    pub fn of(gallery: &Gallery) -> Self {
        Self { is_needed: gallery.count() > OWNED, lent: VecDeque::new() }
    }

    /// Portraits of those who are named and whose the screen may lack.
    pub fn lend(&mut self, sightings: &[Sighting], gallery: &Gallery) -> Vec<(String, Chip)> {
        let mut portraits = Vec::new();
        for name in sightings.iter().filter_map(|s| Some(&s.answer.as_ref()?.likeness()?.name)) {
            if !self.is_needed || self.lent.contains(name) {
                continue;
            }
            self.lent.push_back(name.clone());
            if self.lent.len() > LENT {
                self.lent.pop_front();
            }
            portraits.extend(gallery.thumbnail(name).map(|chip| (name.clone(), chip)));
        }
        portraits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::{Calibration, EmbedderId};
    use crate::types::{Answer, Embedding, Face, Match, Metric, Rect};

    fn seen(name: &str) -> Sighting {
        let face = Face { rect: Rect { x: 0.0, y: 0.0, w: 9.0, h: 9.0 }, score: 1.0, landmarks: [[0.0; 2]; 5] };
        let matches = vec![Match { name: name.into(), percent: 90.0, distance: 0.3 }];
        Sighting { track: 1, face, chip: None, answer: Some(Answer { matches, nobody_percent: 10.0 }) }
    }

    #[test]
    fn whoever_is_named_has_a_portrait_however_many_are_enrolled() {
        let id = EmbedderId { name: "net".into(), sha256: "ab".repeat(32), length: 2, metric: Metric::L2 };
        let mut gallery = Gallery::empty(id, Calibration::of_distance(0.6));
        for i in 0..OWNED + 200 {
            let chip = Chip { width: 4, height: 4, pixels: vec![128; 48] };
            gallery.enroll(&format!("{i:03}"), "a.jpg", &Embedding(vec![i as f32, 0.0]), &chip).unwrap();
        }
        let (mut portraits, mut lender) = (Portraits::of(&gallery), Lender::of(&gallery));
        assert_eq!(portraits.all().len(), OWNED);
        for i in (0..OWNED + 200).chain([OWNED + 1]) {
            let name = format!("{i:03}");
            portraits.take(lender.lend(&[seen(&name)], &gallery));
            assert!(portraits.all().contains_key(&name), "{name}");
            assert!(lender.lend(&[seen(&name)], &gallery).is_empty(), "once is enough");
        }
        assert_eq!(portraits.all().len(), OWNED + LENT);
    }
}
