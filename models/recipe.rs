//! What is known of each model before it is built: where its weights come from, how they are converted, what the
//! manifest says of the result.

use crate::fetch::Package;
use crate::quantize::Input;
use crate::quantize::net::Scaling;
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
    /// The quantized file too, where there is one.
    pub int8: Option<Int8>,
}

/// The quantized file of a recipe.
#[derive(Clone, Copy)]
pub struct Int8 {
    /// Path of the product below the output folder, with forward slashes.
    pub file: &'static str,
    /// Subtracted from every channel: the byte that stands for zero, so that the file takes bytes as they are. The
    /// factor is the float file's.
    pub mean: u8,
}

impl Recipe {
    /// How the float file wants bytes.
    pub fn scaling(&self) -> Scaling {
        Scaling { mean: self.mean, scale: self.scale }
    }

    /// How both files want bytes.
    pub fn inputs(&self, int8: Int8) -> Input {
        Input { float: self.scaling(), int8: Scaling { mean: [int8.mean.into(); 3], scale: self.scale } }
    }

    /// The manifest entry of the quantized file with that hash.
    pub fn int8_entry(&self, int8: Int8, sha256: String) -> Entry {
        let mean = [int8.mean.into(); 3];
        Entry { precision: Precision::Int8, file: int8.file.into(), mean, ..self.entry(sha256) }
    }

    /// The manifest entry of the finished float file with that hash.
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
    let facts = |r: &Recipe| {
        let int8 = r.int8.map(|int8| r.int8_entry(int8, String::new()));
        format!("{:?} {int8:?} {}", r.entry(r.package.sha256.into()), r.golden)
    };
    let shipped = crate::digits::export::trained().map(|(net, onnx)| format!("{:?}", net.entry(onnx)));
    let facts = all().iter().map(facts).chain(shipped).collect::<String>();
    let texts = [
        facts.as_str(),
        include_str!("archive.rs"),
        include_str!("check.rs"),
        include_str!("haar.rs"),
        include_str!("onnx.rs"),
        include_str!("pickle.rs"),
        include_str!("samples.rs"),
        include_str!("digits/calibrate.rs"),
        include_str!("digits/check.rs"),
        include_str!("digits/data.rs"),
        include_str!("mtcnn/mod.rs"),
        include_str!("mtcnn/weights.rs"),
        include_str!("mtcnn/convert.rs"),
        include_str!("embedder/mod.rs"),
        include_str!("embedder/weights.rs"),
        include_str!("embedder/convert.rs"),
        include_str!("learning/int8.rs"),
        include_str!("quantize/mod.rs"),
        include_str!("quantize/check.rs"),
        include_str!("quantize/crops.rs"),
        include_str!("quantize/equalise.rs"),
        include_str!("quantize/fit.rs"),
        include_str!("quantize/inputs.rs"),
        include_str!("quantize/net.rs"),
        include_str!("quantize/ranges.rs"),
        include_str!("quantize/report.rs"),
        include_str!("quantize/run.rs"),
        include_str!("quantize/sights.rs"),
        include_str!("quantize/write.rs"),
    ];
    crate::files::sha256(texts.concat().as_bytes())
}
