//! OpenCV's wheel in, its cascade of Haar features for frontal faces out, as it is, with its licence in its head.

use crate::{archive, fetch, files};
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use lookalike::detect::haar::{Haar, Settings};
use lookalike::manifest::{Entry, Precision, Role};
use lookalike::types::Frame;
use std::path::Path;

/// Path of the product below the output folder.
pub const FILE: &str = "haar/frontalface_default.xml";

/// The file in the package.
const MEMBER: &str = "cv2/data/haarcascade_frontalface_default.xml";

/// What the manifest calls it.
const NAME: &str = "haar-frontalface";

/// Copies the cascade below `out`. The package is in the cache; the caller holds both locks.
pub fn lay_out(cache: &Path, out: &Path) -> Result<()> {
    let xml = archive::read(&cache.join(fetch::OPENCV.file), &[MEMBER])?.remove(0);
    files::write(&out.join(FILE), &xml)
}

/// Reads the cascade below `out` and lets it look at the photo of one face. The manifest's entry, and how it went in words.
pub fn check(out: &Path, photo: &RgbImage) -> Result<(Entry, String)> {
    let path = out.join(FILE);
    let xml = std::fs::read(&path).with_context(|| format!("cannot read {}: run `lookalike-models convert`", path.display()))?;
    let entry = check_xml(&xml, photo).with_context(|| format!("the cascade {} cannot be used", path.display()))?;
    Ok((entry, format!("{NAME}: sees the one face of the astronaut")))
}

fn check_xml(xml: &[u8], photo: &RgbImage) -> Result<Entry> {
    let settings = Settings { min_face_px: 60.0, factor: 1.1, neighbours: 3 };
    let mut haar = Haar::new(std::str::from_utf8(xml)?, settings)?;
    let (width, height) = photo.dimensions();
    let found = haar.detect(&Frame { width, height, pixels: photo.as_raw().clone(), ..Frame::empty() });
    ensure!(found.len() == 1, "it sees {} faces in the photo of one", found.len());
    let [width, height] = haar.window();
    Ok(Entry {
        name: NAME.into(),
        role: Role::Cascade,
        precision: Precision::Float32,
        file: FILE.into(),
        sha256: files::sha256(xml),
        input: [1, height, width],
        mean: [0.0; 3],
        scale: 1.0,
        embedding: None,
        licence: "BSD-3-Clause, in Intel's words: in the file's head".into(),
        source: format!("{} {}, {MEMBER}", fetch::OPENCV.name, fetch::OPENCV.version),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cascade_that_cannot_be_read_or_sees_nothing_never_reaches_the_manifest() {
        let photo = RgbImage::new(100, 100);
        assert!(check_xml(b"<opencv_storage>", &photo).is_err());
        let folder = tempfile::tempdir().unwrap();
        let error = format!("{:#}", check(folder.path(), &photo).unwrap_err());
        assert!(error.contains(FILE) && error.contains("convert"), "{error}");
    }
}
