//! A manifest and the name of a family in, its nets and real pictures out.

use crate::generate::{Coder, Family, Generator, Judge, Kind, Shape, idx::Digits};
use crate::infer::{self, FloatModel};
use crate::manifest::{Entry, Manifest, Precision, Role};
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Classes that a conditional generator is asked for: its input is the noise and then so many numbers.
const CLASSES: usize = 10;

/// The family's nets, as far as the manifest has them, in that precision where it has both. What it has must open; what it lacks is
/// `None`.
pub fn family(models: &Manifest, name: &str, precision: Precision) -> Result<Family> {
    let entry = |models, role, name: &str| entry(models, role, name, precision);
    let judge = |role, part: &str| -> Result<Option<Judge>> {
        let Some(entry) = entry(models, role, &format!("{name}-{part}")) else { return Ok(None) };
        named(entry, Judge::new(open(models, entry)?, entry.input.into())).map(Some)
    };
    let mut family = Family {
        name: name.to_string(),
        classifier: judge(Role::Classifier, "classifier")?,
        discriminator: judge(Role::Discriminator, "gan-discriminator")?,
        ..Family::default()
    };
    for kind in [Kind::Autoencoder, Kind::Denoising, Kind::Variational] {
        let part = |role, part: &str| entry(models, role, &format!("{name}-{}-{part}", kind.name()));
        if let (Some(encoder), Some(decoder)) = (part(Role::Encoder, "encoder"), part(Role::Decoder, "decoder")) {
            let net = named(decoder, Generator::new(open(models, decoder)?, decoder.input[0], 0))?;
            let coder = Coder::new(open(models, encoder)?, Shape::from(encoder.input), net);
            family.coders[kind as usize] = Some(named(encoder, coder)?);
        }
    }
    for (place, kind) in [Kind::Gan, Kind::Conditional].into_iter().enumerate() {
        if let Some(entry) = entry(models, Role::Generator, &format!("{name}-{}-generator", kind.name())) {
            let classes = if kind == Kind::Conditional { CLASSES } else { 0 };
            let length = entry.input[0].saturating_sub(classes);
            let net = || {
                ensure!(length > 0, "its input of {} numbers has no room for noise and {classes} classes", entry.input[0]);
                Generator::new(open(models, entry)?, length, classes)
            };
            family.generators[place] = Some(named(entry, net())?);
        }
    }
    family.known = known(&models.folder, name)?;
    Ok(family)
}

/// Which kinds of net the manifest has of a family, in the order of [`Kind::ALL`]. Nothing is opened.
pub fn kinds(models: &Manifest, name: &str) -> [bool; 5] {
    Kind::ALL.map(|kind| {
        let has = |role, part: &str| {
            let name = format!("{name}-{}-{part}", kind.name());
            models.models.iter().any(|e| e.role == role && e.name == name)
        };
        match kind {
            Kind::Gan | Kind::Conditional => has(Role::Generator, "generator"),
            _ => has(Role::Encoder, "encoder") && has(Role::Decoder, "decoder"),
        }
    })
}

/// The real pictures beside the models, where there are any.
pub fn known(folder: &Path, name: &str) -> Result<Option<Arc<Digits>>> {
    let [images, labels] = known_files(folder, name);
    if !images.exists() && !labels.exists() {
        return Ok(None);
    }
    let read =
        |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read {}: run `make models` again", path.display()));
    let digits = Digits::parse(&read(&images)?, &read(&labels)?);
    digits.with_context(|| format!("{} and its labels cannot be used", images.display())).map(|digits| Some(Arc::new(digits)))
}

/// Where real pictures and their labels lie.
pub fn known_files(folder: &Path, name: &str) -> [PathBuf; 2] {
    ["images.idx3", "labels.idx1"].map(|end| folder.join(name).join(format!("{name}-{end}")))
}

/// The net of that role and name: of that precision if there is one, else in floats.
pub(super) fn entry<'m>(models: &'m Manifest, role: Role, name: &str, precision: Precision) -> Option<&'m Entry> {
    let of = |precision| models.models.iter().find(|e| e.role == role && e.name == name && e.precision == precision);
    of(precision).or_else(|| of(Precision::Float32))
}

fn open(models: &Manifest, entry: &Entry) -> Result<Box<dyn FloatModel>> {
    let input = if entry.role.takes_vectors() { &entry.input[..1] } else { &entry.input[..] };
    infer::open_floats(&models.path(entry), &entry.sha256, input)
}

fn named<T>(entry: &Entry, made: Result<T>) -> Result<T> {
    made.with_context(|| format!("the net `{}` does not fit its entry in the manifest", entry.name))
}
