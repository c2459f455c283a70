//! Tuned float files in; their int8 files, and entries beside the stock ones in the manifest, out.
//!
//! All lies in `mtcnn/tuned` of the models' folder, with the entries once more: a set-up that writes the manifest anew keeps them. Files
//! are named after what is in them, so that those of an earlier tuning are whole until the manifest has the new ones.

use super::nets::Files;
use super::truth::Photo;
use super::{MEAN, SCALE, Stage};
use crate::files;
use crate::progress::Progress;
use crate::quantize::check::{Version, compare};
use crate::quantize::crops::{self, Watched};
use crate::quantize::net::Scaling;
use crate::quantize::{self, CalibrationSet, Input, Options};
use crate::setup::{Entries, Folders};
use anyhow::{Context, Result, ensure};
use lookalike::manifest::{Entry, Precision};
use std::path::{Path, PathBuf};

/// Below the models' folder.
const FOLDER: &str = "mtcnn/tuned";
const ENTRIES: &str = "entries.toml";

/// Photos that ranges are measured on, and as many that both files are compared on; crops of each stage.
const PHOTOS: usize = 32;
const CROPS: [usize; 3] = [640, 1024, 384];

/// Subtracted from every channel of an int8 file's input: the byte that stands for zero.
const INT8_MEAN: f32 = 128.0;

/// The entries of tuned nets whose files are there and whole.
pub fn kept(models: &Path) -> Result<Vec<Entry>> {
    let path = models.join(FOLDER).join(ENTRIES);
    let text = match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        text => text.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let entries: Entries =
        toml::from_str(&text).with_context(|| format!("{} is damaged: remove it, and tune again", path.display()))?;
    let mut kept = Vec::new();
    for entry in entries.model {
        if files::sha256_of(&models.join(&entry.file))?.as_ref() == Some(&entry.sha256) {
            kept.push(entry);
        }
    }
    Ok(kept)
}

/// Quantizes three float files, copies all below the folder of the models and adds their entries to its manifest. Returns a line about
/// each int8 file; where one is not good enough, nothing is changed.
pub fn install(models: &Path, floats: &Files, photos: &[Photo]) -> Result<Vec<String>> {
    let scaling = |mean: f32| Scaling { mean: [mean; 3], scale: SCALE };
    let [calibration, check] = sights(floats, photos)?;
    let (mut made, mut lines) = (Vec::new(), Vec::new());
    let bar = Progress::pieces("quantizing", 3);
    for (stage, file) in Stage::ALL.into_iter().zip(&floats.0) {
        let float = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let crops = |watched: &Watched| Ok::<_, anyhow::Error>(watched.crops(stage.role())?.thinned(CROPS[stage.index()]));
        let input = Input { float: scaling(MEAN), int8: scaling(INT8_MEAN) };
        let set = CalibrationSet::Pictures(&crops(&calibration)?, input);
        let int8 = quantize::quantize(&float, set, Options::default())?.onnx;
        let versions = [Version { onnx: &float, scaling: input.float }, Version { onnx: &int8, scaling: input.int8 }];
        let words = compare(stage.role(), &versions[0], &versions[1], &crops(&check)?)
            .with_context(|| format!("the int8 file of the tuned {} is not good enough: learn from more photos", stage.name()))?;
        lines.push(format!("mtcnn-tuned-{} int8: {words}", stage.name()));
        made.extend([(stage, Precision::Float32, float), (stage, Precision::Int8, int8)]);
        bar.at(lines.len() as u64);
    }
    bar.done();
    let mut entries = Entries::default();
    for (stage, precision, bytes) in made {
        let entry = entry(stage, precision, files::sha256(&bytes));
        files::write(&models.join(&entry.file), &bytes)?;
        entries.model.push(entry);
    }
    files::write(&models.join(FOLDER).join(ENTRIES), toml::to_string(&entries)?.as_bytes())?;
    Folders { cache: PathBuf::new(), out: models.into() }.add(&entries.model)?;
    sweep(models, &entries)?;
    Ok(lines)
}

/// Removes the nets of earlier tunings.
fn sweep(models: &Path, entries: &Entries) -> Result<()> {
    for file in std::fs::read_dir(models.join(FOLDER))? {
        let path = file?.path();
        let is_net = path.extension().is_some_and(|ending| ending == "onnx");
        if is_net && !entries.model.iter().any(|entry| models.join(&entry.file) == path) {
            std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    Ok(())
}

fn entry(stage: Stage, precision: Precision, sha256: String) -> Entry {
    let side = if stage == Stage::Pnet { 0 } else { stage.side_px() as usize };
    Entry {
        name: format!("mtcnn-tuned-{}", stage.name()),
        role: stage.role(),
        precision,
        file: format!("{FOLDER}/{}.{precision}.{}.onnx", stage.name(), &sha256[..8]),
        sha256,
        input: [3, side, side],
        mean: [if precision == Precision::Int8 { INT8_MEAN } else { MEAN }; 3],
        scale: SCALE,
        embedding: None,
        licence: "MIT, and as that of the photos allows".into(),
        source: "facenet-pytorch, tuned by `lookalike-models train mtcnn`".into(),
    }
}

/// What the three nets see in some photos with faces, and in others.
fn sights(floats: &Files, photos: &[Photo]) -> Result<[Watched; 2]> {
    let mut sights = [Watched::new(floats.open()?)?, Watched::new(floats.open()?)?];
    let faces: Vec<&Photo> = photos.iter().filter(|photo| !photo.faces.is_empty()).collect();
    let step = (faces.len() / (2 * PHOTOS)).max(1);
    let bar = Progress::pieces("looking at photos", faces.len().div_ceil(step).min(2 * PHOTOS) as u64);
    for (turn, photo) in faces.into_iter().step_by(step).take(2 * PHOTOS).enumerate() {
        // A photo that cannot be read was told of when it was to be learned from.
        if let Ok(frame) = lookalike::picture::read(&photo.path) {
            let image = image::RgbImage::from_raw(frame.width, frame.height, frame.pixels).context("a frame of another size")?;
            for frame in std::iter::once(crops::plain(&image)).chain(crops::shown(&image, turn)) {
                sights[turn % 2].faces(&frame)?;
            }
        }
        bar.at(turn as u64 + 1);
    }
    bar.done();
    ensure!(sights.iter().all(|watched| watched.crops(Stage::Onet.role()).is_ok()), "two photos with faces are needed at least");
    Ok(sights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_up_keeps_the_entries_of_whole_files_alone() {
        let models = tempfile::tempdir().unwrap();
        assert!(kept(models.path()).unwrap().is_empty());
        let entries =
            [Stage::Rnet, Stage::Onet].map(|stage| entry(stage, Precision::Float32, files::sha256(stage.name().as_bytes())));
        for (stage, entry) in ["rnet", "broken"].into_iter().zip(&entries) {
            files::write(&models.path().join(&entry.file), stage.as_bytes()).unwrap();
        }
        let path = models.path().join(FOLDER).join(ENTRIES);
        files::write(&path, toml::to_string(&Entries { model: entries.to_vec() }).unwrap().as_bytes()).unwrap();
        let names: Vec<String> = kept(models.path()).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["mtcnn-tuned-rnet"]);
        files::write(&path, b"model = 3").unwrap();
        let error = format!("{:#}", kept(models.path()).unwrap_err());
        assert!(error.contains("entries.toml is damaged: remove it, and tune again"), "{error}");
    }

    #[test]
    fn nets_of_an_earlier_tuning_go_when_the_new_ones_are_known() {
        let models = tempfile::tempdir().unwrap();
        let old = entry(Stage::Onet, Precision::Int8, files::sha256(b"old"));
        let new = entry(Stage::Onet, Precision::Int8, files::sha256(b"new"));
        assert_ne!(old.file, new.file);
        let path = |entry: &Entry| models.path().join(&entry.file);
        for entry in [&old, &new] {
            files::write(&path(entry), b"net").unwrap();
        }
        sweep(models.path(), &Entries { model: vec![new.clone()] }).unwrap();
        assert!(path(&new).exists() && !path(&old).exists());
    }
}
