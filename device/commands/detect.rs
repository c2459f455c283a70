//! `lookalike detect`: pictures in, boxes and landmarks out.

use super::{Common, Outcome, each_picture, json, line};
use anyhow::Result;
use lookalike::board::{Finder, Heads, Weights};
use lookalike::detect::haar::Haar;
use lookalike::manifest::Precision;
use lookalike::setup;
use std::path::PathBuf;

/// Finds the faces in pictures
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike detect --json --min-face 20 photo.jpg")]
pub struct Options {
    /// One JSON object a line on stdout
    #[arg(long)]
    json: bool,
    /// Who finds the faces; without it, as the board file says
    #[arg(long, value_enum, value_name = "WHO")]
    detector: Option<Finder>,
    /// Width of the smallest face sought, in pixels; without it, the board file's
    #[arg(long, value_name = "PX", value_parser = super::min_face)]
    min_face: Option<f32>,
    /// Heads that are found; without it, the board file's
    #[arg(long, value_enum, value_name = "HEADS")]
    heads: Option<Heads>,
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

/// Best face first; a picture without a face has an empty list.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let (mut board, models) = common.open(options.precision)?;
    board.detect.min_face_px = options.min_face.unwrap_or(board.detect.min_face_px);
    if options.detector.unwrap_or(board.detect.detector) == Finder::Haar {
        return outline(setup::cascade(&models, &board.detect)?, &options);
    }
    board.detect.heads = options.heads.unwrap_or(board.detect.heads);
    board.detect.weights = options.detector_weights.unwrap_or(board.detect.weights);
    let mut detector = setup::detector(&models, &board.detect)?;
    each_picture(&options.images, |path, frame| {
        let faces = detector.detect(&frame)?;
        if options.json {
            let faces = faces.iter().map(json::Face::new).collect();
            return line(&json::to_line(&json::Picture::new(path, &frame, faces))?);
        }
        line(&format!("{}: {}", path.display(), super::count(faces.len(), "face")))?;
        for face in &faces {
            line(&format!("  {}, score {:.3}", super::place(face.rect), face.score))?;
        }
        Ok(())
    })
}

/// Boxes of most windows first, with the word that they have no landmarks.
fn outline(mut haar: Haar, options: &Options) -> Result<Outcome> {
    if !options.json {
        eprintln!("lookalike: {}", json::BY_CASCADE.note);
    }
    each_picture(&options.images, |path, frame| {
        let found = haar.detect(&frame);
        if options.json {
            let faces = found.iter().map(json::Outline::new).collect();
            let picture = json::Picture { by: Some(json::BY_CASCADE), ..json::Picture::new(path, &frame, faces) };
            return line(&json::to_line(&picture)?);
        }
        line(&format!("{}: {}", path.display(), super::count(found.len(), "face")))?;
        for one in &found {
            line(&format!("  {}, {}", super::place(one.rect), super::count(one.neighbours as usize, "window")))?;
        }
        Ok(())
    })
}
