//! `lookalike match`: pictures and a gallery in, names with percentages out.

use super::{Common, Outcome, each_picture, json, line};
use anyhow::{Result, ensure};
use lookalike::board::Weights;
use lookalike::setup;
use lookalike::types::Answer;
use std::path::PathBuf;

/// Says whom the faces in pictures resemble
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike match --gallery booth.gallery --top 3 photo.jpg")]
pub struct Options {
    /// One JSON object a line on stdout
    #[arg(long)]
    json: bool,
    /// Gallery file; without it, the board file's
    #[arg(long, value_name = "FILE")]
    gallery: Option<PathBuf>,
    /// Names per face, best first; without it, the board file's
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..))]
    top: Option<u16>,
    /// Width of the smallest face sought, in pixels; without it, the board file's
    #[arg(long, value_name = "PX", value_parser = super::min_face)]
    min_face: Option<f32>,
    /// Weights of the detector's nets; without it, the board file's
    #[arg(long, value_enum, value_name = "WEIGHTS")]
    detector_weights: Option<Weights>,
    /// Pictures: JPEG, PNG or WebP
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

/// Faces as `detect` gives them, each with the gallery's answer.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let (mut board, models) = common.open(None)?;
    super::say_landmarks(&board);
    board.detect.min_face_px = options.min_face.unwrap_or(board.detect.min_face_px);
    board.detect.weights = options.detector_weights.unwrap_or(board.detect.weights);
    let file = options.gallery.unwrap_or(board.gallery.file);
    ensure!(
        file.exists(),
        "there is no gallery {}: enrol somebody first with `lookalike enroll --gallery {0} DIR`",
        file.display()
    );
    let gallery = setup::gallery(&models, &board.recognise, &file)?;
    let top = options.top.map_or(board.recognise.top, usize::from);
    let mut detector = setup::detector(&models, &board.detect)?;
    let mut embedder = setup::embedder(&models, &board.recognise)?;
    each_picture(&options.images, |path, frame| {
        let faces = detector.detect(&frame)?;
        let embeddings = embedder.embed(&super::embed::chips(&embedder, &frame, &faces))?;
        let answers = embeddings.iter().map(|e| gallery.answer(e, top));
        if options.json {
            let faces = faces.iter().zip(answers);
            let faces = faces.map(|(face, a)| json::Face { answer: Some(a.into()), ..json::Face::new(face) }).collect();
            return line(&json::to_line(&json::Picture::new(path, &frame, faces))?);
        }
        line(&format!("{}: {}", path.display(), super::count(faces.len(), "face")))?;
        for (face, answer) in faces.iter().zip(answers) {
            line(&format!("  {}: {}", super::place(face.rect), in_words(&answer)))?;
        }
        Ok(())
    })
}

fn in_words(answer: &Answer) -> String {
    let names: Vec<String> = answer.matches.iter().map(|m| format!("{} {:.0} %", m.name, m.percent)).collect();
    let nobody = format!("nobody here {:.0} %", answer.nobody_percent);
    if names.is_empty() { nobody } else { format!("{}; {nobody}", names.join(", ")) }
}
