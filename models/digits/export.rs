//! Trained nets in; ONNX files, and what the manifest says of them, out.

use super::Kind;
use crate::files;
use crate::learning::graph;
use anyhow::{Context, Result};
use lookalike::manifest::{Entry, Precision, Role};
use lookalike_learn::Net;
use lookalike_learn::digits::{CLASSES, LATENT, NOISE, PICTURE};
use std::path::{Path, PathBuf};

/// A net that the booth shows: trained by these recipes, committed, copied by the set-up.
pub struct Shipped {
    /// As the manifest calls it.
    pub name: &'static str,
    /// Its part.
    pub role: Role,
    /// [channels, height, width], of a vector [numbers, 1, 1].
    pub input: [usize; 3],
    /// The bytes of `nets/NAME.onnx`; `None`: not trained yet, and the set-up leaves it out.
    pub onnx: Option<&'static [u8]>,
}

macro_rules! trained {
    ($name:literal, $role:expr, $input:expr) => {
        Shipped { name: $name, role: $role, input: $input, onnx: Some(include_bytes!(concat!("nets/", $name, ".onnx"))) }
    };
}

const CODE: [usize; 3] = [LATENT, 1, 1];

/// Every net that the booth knows.
pub static SHIPPED: [Shipped; 10] = [
    trained!("digits-classifier", Role::Classifier, PICTURE),
    trained!("digits-ae-encoder", Role::Encoder, PICTURE),
    trained!("digits-ae-decoder", Role::Decoder, CODE),
    trained!("digits-dae-encoder", Role::Encoder, PICTURE),
    trained!("digits-dae-decoder", Role::Decoder, CODE),
    trained!("digits-vae-encoder", Role::Encoder, PICTURE),
    trained!("digits-vae-decoder", Role::Decoder, CODE),
    trained!("digits-gan-generator", Role::Generator, [NOISE, 1, 1]),
    trained!("digits-gan-discriminator", Role::Discriminator, PICTURE),
    trained!("digits-cgan-generator", Role::Generator, [NOISE + CLASSES, 1, 1]),
];

/// Those that are trained, with their bytes.
pub fn trained() -> impl Iterator<Item = (&'static Shipped, &'static [u8])> {
    SHIPPED.iter().filter_map(|net| Some((net, net.onnx?)))
}

impl Shipped {
    /// Path below the output folder.
    pub fn file(&self) -> String {
        format!("digits/{}.onnx", self.name)
    }

    /// Path of its quantized file below the output folder.
    pub fn int8_file(&self) -> String {
        format!("digits/{}.int8.onnx", self.name)
    }

    /// What the manifest says of its quantized file, with those bytes.
    pub fn int8_entry(&self, onnx: &[u8]) -> Entry {
        Entry { precision: Precision::Int8, file: self.int8_file(), ..self.entry(onnx) }
    }

    /// What the manifest says of it, with those bytes.
    pub fn entry(&self, onnx: &[u8]) -> Entry {
        Entry {
            name: self.name.into(),
            role: self.role,
            precision: Precision::Float32,
            file: self.file(),
            sha256: files::sha256(onnx),
            input: self.input,
            mean: [0.0; 3],
            scale: 1.0,
            embedding: None,
            licence: "MIT OR Apache-2.0".into(),
            source: "trained by `lookalike-models train digits` on MNIST: see models/digits/nets/README.md".into(),
        }
    }
}

/// What a file's description says of its input and output.
fn notes(net: &Net) -> String {
    let words = |shape: &[usize]| match shape {
        [n] => format!("[batch, {n}]"),
        [c, h, w] => format!("[batch, {c}, {h}, {w}], 0 (ground) to 1 (ink)"),
        _ => String::new(),
    };
    format!("Floats in: {}. Out: {}.", words(&net.input), words(&net.output().unwrap_or_default()))
}

/// Writes the ONNX files of trained nets into a folder and compares each with the learner. Returns their paths with the difference.
pub fn write(prefix: &str, nets: &[(&'static str, Net)], folder: &Path) -> Result<Vec<(PathBuf, f32)>> {
    let mut written = Vec::new();
    for (part, net) in nets {
        let name = if prefix.ends_with(part) { prefix.to_string() } else { format!("{prefix}-{part}") };
        let bytes = graph::onnx(&name, &notes(net), net)?;
        let far = graph::compare(net, &bytes).with_context(|| format!("{name} is not exported"))?;
        let path = folder.join(format!("{name}.onnx"));
        files::write(&path, &bytes)?;
        written.push((path, far));
    }
    Ok(written)
}

/// What a kind's files begin with.
pub fn prefix(kind: Kind) -> String {
    format!("digits-{}", kind.name())
}
