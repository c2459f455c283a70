//! `manifest.toml` in, checked model facts out. The app believes nothing else about a model.
//!
//! The file lies beside the model files. `lookalike-models` writes it; an owner may add entries for own networks.

use crate::types::Metric;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version of the file format that this build reads.
pub const VERSION: u32 = 1;

/// Everything the models folder holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format version, [`VERSION`].
    pub version: u32,
    /// One entry per model file.
    #[serde(rename = "model", default)]
    pub models: Vec<Entry>,
    /// The folder that it was read from; `file` entries are relative to it.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// One model file and what must be known to use it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What board files and options call it: `mtcnn-pnet`, `dlib-resnet`, `digits-vae-decoder`, an owner's own name. Unique
    /// together with `precision`.
    pub name: String,
    /// What it does in the walk.
    pub role: Role,
    /// Arithmetic of the file.
    pub precision: Precision,
    /// File name relative to the manifest, with forward slashes.
    pub file: String,
    /// SHA-256 of the file, 64 hex digits.
    pub sha256: String,
    /// Input as [channels, height, width]; a height and width of 0 mean "any" (P-Net). The batch axis comes first and is free.
    /// Nets that take a vector of L numbers (decoders, generators) say [L, 1, 1].
    pub input: [usize; 3],
    /// Subtracted from each channel (R, G, B; 0 to 255) ...; without meaning for nets that take floats ([`Role::takes_floats`]).
    pub mean: [f32; 3],
    /// ... then multiplied by this.
    pub scale: f32,
    /// Embedders only: how faces are cut and compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<EmbeddingFacts>,
    /// Licence of the weights, as an SPDX expression or in words.
    pub licence: String,
    /// Where the weights come from: package, version, file.
    pub source: String,
}

/// How an embedder's chips are cut and its vectors compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingFacts {
    /// Where the five landmarks lie in the chip, in chip pixels, in the order of [`crate::types::Landmarks`].
    pub template: [[f32; 2]; 5],
    /// Numbers in an embedding.
    pub length: usize,
    /// An embedding is the mean of those of the chip and of its mirror image: steadier, at twice the time.
    #[serde(default)]
    pub mirrored: bool,
    /// How embeddings are compared.
    pub metric: MetricName,
    /// Two faces nearer than this are the same person more often than not.
    pub same_person_distance: f32,
    /// Fitted by `make eval`; absent for a network that nobody calibrated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
}

/// How distances of this embedder turn into chances: the fitted numbers of `gallery::calibration`, whose rule they serve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Log-odds per unit of distance; positive.
    pub slope: f32,
    /// The distance at which a lone enrolled person is as likely as not.
    pub midpoint: f32,
    /// What the head's log shares are divided by; positive.
    pub temperature: f32,
    /// The rule among thousands; absent where nobody fitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub among: Option<Among>,
}

/// As `gallery::calibration::Among`, all positive.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Among {
    pub slope: f32,
    pub midpoint: f32,
    pub trust: f32,
}

/// A model's part in the walk, beside it, or in the generative modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Role {
    Pnet,
    Rnet,
    Onet,
    Embedder,
    /// No net: a cascade of Haar features, OpenCV's XML. Its input is the window, [1, height, width].
    Cascade,
    /// A picture in, one logit per class out.
    Classifier,
    /// A picture in, a latent vector of L numbers out; of a variational encoder 2L, the mean and then the log variance.
    Encoder,
    /// A latent vector in, a picture out.
    Decoder,
    /// Noise in, a picture out; of a class-conditional one, noise and then the class as one-hot numbers.
    Generator,
    /// A picture in, one logit out: real where it is positive.
    Discriminator,
}

impl Role {
    /// Whether the net takes floats as they are, pictures from 0 to 1 or vectors, and not bytes of a camera's picture.
    pub fn takes_floats(self) -> bool {
        !matches!(self, Role::Pnet | Role::Rnet | Role::Onet | Role::Embedder | Role::Cascade)
    }

    /// Whether the net takes a vector and gives a picture.
    pub fn takes_vectors(self) -> bool {
        matches!(self, Role::Decoder | Role::Generator)
    }
}

/// Arithmetic of a model file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Precision {
    #[default]
    Float32,
    Int8,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(match self {
            Precision::Float32 => "float32",
            Precision::Int8 => "int8",
        })
    }
}

/// The manifest's spelling of [`Metric`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum MetricName {
    L2,
    Cosine,
}

impl From<MetricName> for Metric {
    fn from(name: MetricName) -> Self {
        match name {
            MetricName::L2 => Metric::L2,
            MetricName::Cosine => Metric::Cosine,
        }
    }
}

impl Manifest {
    /// Reads and checks `manifest.toml` in `folder`. Model files themselves are not opened.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("manifest.toml");
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("no models in {}: run `make models`, or name their folder with --models DIR", folder.display())
        })?;
        let mut manifest: Manifest =
            toml::from_str(&text).with_context(|| format!("{} is not a valid manifest", path.display()))?;
        ensure!(
            manifest.version == VERSION,
            "{} has version {}, this program reads version {VERSION}: run `make models` again",
            path.display(),
            manifest.version
        );
        manifest.folder = folder.to_path_buf();
        for entry in &manifest.models {
            entry.check().with_context(|| format!("{}: model `{}`", path.display(), entry.name))?;
        }
        Ok(manifest)
    }

    /// The entry of that role, name and precision.
    pub fn find(&self, role: Role, name: &str, precision: Precision) -> Result<&Entry> {
        let found = self.models.iter().find(|e| e.role == role && e.name == name && e.precision == precision);
        found.with_context(|| {
            let there: Vec<String> =
                self.models.iter().filter(|e| e.role == role).map(|e| format!("{} ({})", e.name, e.precision)).collect();
            format!(
                "the manifest in {} has no {role:?} model `{name}` in {precision}; it has: {}",
                self.folder.display(),
                if there.is_empty() { "none".into() } else { there.join(", ") }
            )
        })
    }

    /// Where an entry's file lies.
    pub fn path(&self, entry: &Entry) -> PathBuf {
        self.folder.join(&entry.file)
    }
}

impl Entry {
    fn check(&self) -> Result<()> {
        ensure!(self.sha256.len() == 64 && self.sha256.bytes().all(|b| b.is_ascii_hexdigit()), "sha256 must be 64 hex digits");
        let plain = Path::new(&self.file).components().all(|c| matches!(c, std::path::Component::Normal(_)));
        ensure!(plain && !self.file.is_empty(), "file `{}` must be a path below the manifest's folder", self.file);
        match self.role {
            role if role.takes_vectors() => {
                let [length, ..] = self.input;
                ensure!(
                    (1..=4096).contains(&length) && self.input[1..] == [1, 1],
                    "input of a net that takes vectors must be [length, 1, 1], with a length of 1 to 4096"
                );
            }
            role if role.takes_floats() => {
                ensure!(matches!(self.input[0], 1 | 3), "input must have 1 or 3 channels");
                ensure!(self.input[1..].iter().all(|&d| (1..=4096).contains(&d)), "input needs a height and width of 1 to 4096");
            }
            Role::Cascade => {
                ensure!(self.input[0] == 1, "a cascade's input has 1 channel");
                ensure!(
                    self.input[1..].iter().all(|&d| (1..=4096).contains(&d)),
                    "a cascade's window has 1 to 4096 pixels a side"
                );
                ensure!(self.precision == Precision::Float32, "a cascade has float32 as its precision");
            }
            _ => {
                ensure!(self.input[0] == 3, "input must have 3 channels");
                ensure!(self.input[1..].iter().all(|&d| d <= 4096), "input is larger than 4096 pixels");
            }
        }
        ensure!(self.scale.is_finite() && self.scale > 0.0, "scale must be a positive number");
        ensure!(self.mean.iter().all(|m| m.is_finite()), "mean must be numbers");
        match (&self.embedding, self.role) {
            (Some(facts), Role::Embedder) => facts.check(self.input),
            (None, Role::Embedder) => bail!("an embedder needs a [model.embedding] table"),
            (Some(_), _) => bail!("only an embedder has a [model.embedding] table"),
            (None, _) => Ok(()),
        }
    }
}

impl EmbeddingFacts {
    fn check(&self, input: [usize; 3]) -> Result<()> {
        ensure!(input[1] > 0 && input[2] > 0, "an embedder's input needs a fixed height and width");
        ensure!(self.length > 0 && self.length <= 65536, "length must be 1 to 65536");
        ensure!(
            self.same_person_distance.is_finite() && self.same_person_distance > 0.0,
            "same_person_distance must be a positive number"
        );
        ensure!(self.template.iter().flatten().all(|v| v.is_finite()), "template must be numbers");
        let [left, right] = [self.template[0], self.template[1]];
        ensure!(right[0] - left[0] > 1.0, "template: the eye on the left of the picture comes first");
        if let Some(c) = self.calibration {
            let fine = |numbers: [f32; 3]| numbers.iter().all(|v| v.is_finite() && *v > 0.0);
            let is_fine = fine([c.slope, c.midpoint, c.temperature]);
            ensure!(is_fine, "calibration: slope, midpoint and temperature must be positive numbers");
            let is_fine = c.among.is_none_or(|a| fine([a.slope, a.midpoint, a.trust]));
            ensure!(is_fine, "calibration: slope, midpoint and trust among thousands must be positive numbers");
        }
        Ok(())
    }
}
