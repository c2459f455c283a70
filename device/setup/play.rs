//! A manifest and a gallery in, what the generative modes are made of out.

use crate::board::Dream;
use crate::gallery::Gallery;
use crate::generate::{Shape, idx::Digits};
use crate::manifest::Manifest;
use crate::play::Parts;
use crate::play::map::Faces;
use crate::play::train::{Learner, Student};
use anyhow::{Context, Result, ensure};
use std::sync::{Arc, Mutex, PoisonError};

/// Size of the pictures that the GAN of [`Gan`] learns from.
const DIGIT: Shape = Shape { channels: 1, height: 28, width: 28 };

/// Everything but the nets themselves, which are opened when they are first asked.
pub fn play(models: &Manifest, dream: &Dream, gallery: &Gallery, seed: u64) -> Parts {
    let name = dream.nets.as_str();
    let has_digits = super::family::known_files(&models.folder, name).iter().all(|file| file.exists());
    let shelf = Shelf::default();
    let (manifest, family, precision, kept) = (models.clone(), name.to_string(), dream.precision, shelf.clone());
    let open = move || {
        let mut opened = super::family(&manifest, &family, precision)?;
        opened.known = kept.keep(opened.known.take());
        Ok(opened)
    };
    let (folder, family) = (models.folder.clone(), name.to_string());
    let learn = move || -> Result<(Box<dyn Student>, Arc<Digits>)> {
        let real = shelf.keep(super::known(&folder, &family)?).context("the real digits are gone: run `make models`")?;
        let shape = real.pictures.shape;
        ensure!(shape == DIGIT, "a GAN learns from {DIGIT} pictures on this device, these are {shape}");
        Ok((Box::new(Gan(lookalike_learn::Gan::new(seed, lookalike_learn::Settings::default()))), real))
    };
    let learner = has_digits.then(|| Learner { open: Box::new(learn), shape: DIGIT, seed });
    Parts { open: Box::new(open), has: super::kinds(models, name), has_digits, faces: faces(gallery), learner, seed }
}

/// The GAN of the learning crate, stepped by the booth.
pub struct Gan(pub lookalike_learn::Gan);

impl Student for Gan {
    fn step_discriminator(&mut self, real: &[f32]) -> [f32; 3] {
        let step = self.0.step_discriminator(real);
        [step.loss, step.real_opinion, step.fake_opinion]
    }

    fn step_generator(&mut self) -> f32 {
        self.0.step_generator().loss
    }

    fn samples(&mut self) -> Vec<f32> {
        self.0.samples()
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// People on the map: t-SNE looks at every pair, and nobody tells more points apart.
const MAPPED: usize = 2000;

/// The gallery as a map wants it: each enrolled photo's vector, with its person's name and picture; of the first
/// [`MAPPED`] names.
pub fn faces(gallery: &Gallery) -> Faces {
    let mut faces = Faces::default();
    let names: Vec<&str> = gallery.first_names(MAPPED).collect();
    for person in names.into_iter().filter_map(|name| gallery.person(name).ok().flatten()) {
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

/// The real digits, in memory once for all that look at them.
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
