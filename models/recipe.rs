//! What is known of each model before it is built: where its weights come from, how they are converted, what the
//! manifest says of the result.

use crate::fetch::Package;
use crate::{embedder, mtcnn};
use anyhow::Result;
use lookalike::manifest::{EmbeddingFacts, Entry, Precision, Role};

/// One model file to be.
pub struct Recipe {
    /// As the manifest calls it.
    pub name: &'static str,
    /// What it does in the walk.
    pub role: Role,
    /// Path of the product below the output folder, with forward slashes.
    pub file: &'static str,
    /// [channels, height, width]; 0 means any.
    pub input: [usize; 3],
    /// Subtracted from red, green, blue.
    pub mean: [f32; 3],
    /// Multiplied afterwards.
    pub scale: f32,
    /// Embedders only.
    pub embedding: Option<EmbeddingFacts>,
    /// Licence of the weights, SPDX.
    pub licence: &'static str,
    /// The package that brings the weights.
    pub package: &'static Package,
    /// The file of weights in that package.
    pub member: &'static str,
    /// That file's bytes to an ONNX file's.
    pub convert: fn(&[u8]) -> Result<Vec<u8>>,
    /// What the original implementation answers: see `check`.
    pub golden: &'static str,
}

impl Recipe {
    /// The manifest entry of the finished file with that hash.
    pub fn entry(&self, sha256: String) -> Entry {
        Entry {
            name: self.name.into(),
            role: self.role,
            precision: Precision::Float32,
            file: self.file.into(),
            sha256,
            input: self.input,
            mean: self.mean,
            scale: self.scale,
            embedding: self.embedding.clone(),
            licence: self.licence.into(),
            source: format!("{} {}, {}", self.package.name, self.package.version, self.member),
        }
    }
}

/// Every model that the manifest will hold, in its order.
pub fn all() -> Vec<Recipe> {
    let mut recipes = mtcnn::recipes();
    recipes.extend(embedder::recipes());
    recipes
}

/// Changes whenever a recipe does, so that an older output folder is built anew: a hash of the recipes' own text and of
/// what they say.
pub fn fingerprint() -> String {
    let facts = all().iter().map(|r| format!("{:?} {}", r.entry(r.package.sha256.into()), r.golden)).collect::<String>();
    let texts = [
        facts.as_str(),
        include_str!("archive.rs"),
        include_str!("check.rs"),
        include_str!("onnx.rs"),
        include_str!("pickle.rs"),
        include_str!("samples.rs"),
        include_str!("mtcnn/mod.rs"),
        include_str!("mtcnn/weights.rs"),
        include_str!("mtcnn/convert.rs"),
        include_str!("embedder/mod.rs"),
        include_str!("embedder/weights.rs"),
        include_str!("embedder/convert.rs"),
    ];
    crate::files::sha256(texts.concat().as_bytes())
}
