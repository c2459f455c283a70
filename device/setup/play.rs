//! A manifest and a gallery in, what the generative modes are made of out.

use crate::gallery::Gallery;
use crate::generate::idx::Digits;
use crate::manifest::Manifest;
use crate::play::{Parts, map::Faces};
use anyhow::Result;
use std::sync::{Arc, Mutex, PoisonError};

/// Everything but the nets themselves, which are opened when they are first asked.
pub fn play(models: &Manifest, name: &str, gallery: &Gallery, seed: u64) -> Parts {
    let has_digits = [".idx3", ".idx1"].iter().zip(["images", "labels"]);
    let has_digits =
        has_digits.into_iter().all(|(end, what)| models.folder.join(name).join(format!("{name}-{what}{end}")).exists());
    let (manifest, family, shelf) = (models.clone(), name.to_string(), Shelf::default());
    let theirs = shelf.clone();
    let open = move || {
        let mut opened = super::family(&manifest, &family)?;
        // In memory once, whoever else looks at them.
        opened.known = theirs.keep(opened.known.take());
        Ok(opened)
    };
    let _ = shelf;
    Parts { open: Box::new(open), has: super::kinds(models, name), has_digits, faces: faces(gallery), learner: None, seed }
}

/// The gallery as a map wants it: each enrolled photo's vector, with its person's name and picture.
pub fn faces(gallery: &Gallery) -> Faces {
    let mut faces = Faces::default();
    for person in gallery.people() {
        let Some(thumbnail) = gallery.thumbnail(&person.name) else { continue };
        for picture in &person.pictures {
            faces.length = picture.embedding.0.len();
            faces.vectors.extend_from_slice(&picture.embedding.0);
            faces.names.push(person.name.clone());
            faces.thumbnails.push(thumbnail.clone());
        }
    }
    faces
}

/// The real digits, once somebody opened them.
#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Option<Arc<Digits>>>>);

impl Shelf {
    /// What lies there already, else what is given.
    fn keep(&self, digits: Option<Arc<Digits>>) -> Option<Arc<Digits>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = kept.take().or(digits);
        kept.clone()
    }
}
