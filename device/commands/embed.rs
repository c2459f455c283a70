//! `lookalike embed`: pictures in, one embedding per face out.

use super::{Common, Outcome, each_picture, json, line};
use anyhow::Result;
use lookalike::board::Weights;
use lookalike::manifest::Precision;
use lookalike::types::{Chip, Face, Frame};
use lookalike::{align, embed::Embedder, setup};
use std::path::PathBuf;

/// Describes the faces in pictures by vectors
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike embed --json photo.jpg")]
pub struct Options {
    /// One JSON object a line on stdout
    #[arg(long)]
    json: bool,
    /// Width of the smallest face sought, in pixels; without it, the board file's
    #[arg(long, value_name = "PX", value_parser = super::min_face)]
    min_face: Option<f32>,
    /// Weights of the detector's nets; without it, the board file's
    #[arg(long, value_enum, value_name = "WEIGHTS")]
    detector_weights: Option<Weights>,
    /// Arithmetic of the nets; without it, the board file's
    #[arg(long, value_name = "P")]
    precision: Option<Precision>,
    /// Pictures: JPEG, PNG or WebP
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

/// Faces as `detect` gives them, each with its embedding as the manifest says that the network compares them.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let (mut board, models) = common.open(options.precision)?;
    super::say_landmarks(&board);
    board.detect.min_face_px = options.min_face.unwrap_or(board.detect.min_face_px);
    board.detect.weights = options.detector_weights.unwrap_or(board.detect.weights);
    let mut detector = setup::detector(&models, &board.detect)?;
    let mut embedder = setup::embedder(&models, &board.recognise)?;
    each_picture(&options.images, |path, frame| {
        let faces = detector.detect(&frame)?;
        let embeddings = embedder.embed(&chips(&embedder, &frame, &faces))?;
        if options.json {
            let faces = faces.iter().zip(embeddings);
            let faces = faces.map(|(face, e)| json::Face { embedding: Some(e.0), ..json::Face::new(face) }).collect();
            return line(&json::to_line(&json::Picture::new(path, &frame, faces))?);
        }
        line(&format!("{}: {}", path.display(), super::count(faces.len(), "face")))?;
        for (face, embedding) in faces.iter().zip(&embeddings) {
            let first: Vec<String> = embedding.0.iter().take(4).map(|v| format!("{v:.3}")).collect();
            let length = embedding.0.len();
            line(&format!("  {}: {length} numbers, {} ... (all with --json)", super::place(face.rect), first.join(" ")))?;
        }
        Ok(())
    })
}

/// Each face cut out as the embedder wants it.
pub fn chips(embedder: &Embedder, frame: &Frame, faces: &[Face]) -> Vec<Chip> {
    let facts = embedder.facts();
    faces.iter().map(|f| align::cut(frame, &f.landmarks, &facts.template, facts.width, facts.height)).collect()
}
