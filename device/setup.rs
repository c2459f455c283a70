//! A board and a manifest in, the rooms' doers out: start-up as a list that can be read.

use crate::board::{self, Board};
use crate::detect::{Detector, Net};
use crate::embed::{self, Embedder};
use crate::infer::{self, Normalise};
use crate::manifest::{Entry, Manifest, Precision, Role};
use anyhow::{Context, Result};

/// MT-CNN with the files of the board's precision.
pub fn detector(models: &Manifest, board: &board::Detect) -> Result<Detector> {
    let net = |role, name: &str| -> Result<Net> {
        let entry = models.find(role, name, board.precision)?;
        Ok(Net { model: infer::open(&models.path(entry), &entry.sha256)?, normalise: normalise(entry) })
    };
    let settings = crate::detect::Settings { min_face_px: board.min_face_px, factor: board.factor, thresholds: board.thresholds };
    Detector::new(net(Role::Pnet, "mtcnn-pnet")?, net(Role::Rnet, "mtcnn-rnet")?, net(Role::Onet, "mtcnn-onet")?, settings)
}

/// The embedder that the board names.
pub fn embedder(models: &Manifest, board: &board::Recognise) -> Result<Embedder> {
    let entry = models.find(Role::Embedder, &board.embedder, board.precision)?;
    let facts = entry.embedding.as_ref().context("an embedder without embedding facts")?;
    let facts = embed::Facts {
        height: entry.input[1] as u32,
        width: entry.input[2] as u32,
        template: facts.template,
        normalise: normalise(entry),
        length: facts.length,
        metric: facts.metric.into(),
    };
    Embedder::new(infer::open(&models.path(entry), &entry.sha256)?, facts)
        .with_context(|| format!("the embedder `{}` does not fit its entry in the manifest", entry.name))
}

/// The manifest of the board's models folder.
pub fn manifest(board: &Board) -> Result<Manifest> {
    Manifest::read(&board.models)
}

/// How an entry wants its input.
pub fn normalise(entry: &Entry) -> Normalise {
    Normalise { mean: entry.mean, scale: entry.scale }
}

/// Lets one precision stand for all nets, as `--precision` asks.
pub fn force_precision(board: &mut Board, precision: Precision) {
    board.detect.precision = precision;
    board.recognise.precision = precision;
}
