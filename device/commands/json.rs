//! The machine-readable contract: one JSON object a line. Documented in the README; names and meanings stay.

use lookalike::types;
use serde::Serialize;
use std::path::Path;

/// One picture and what was found in it.
#[derive(Serialize)]
pub struct Picture<F> {
    pub image: String,
    pub width: u32,
    pub height: u32,
    pub faces: Vec<F>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub by: Option<ByCascade>,
}

/// Said of boxes that a Haar cascade found, beside them.
#[derive(Serialize)]
pub struct ByCascade {
    pub detector: &'static str,
    pub note: &'static str,
}

/// Why boxes of a cascade have no names.
pub const BY_CASCADE: ByCascade =
    ByCascade { detector: "haar", note: "a Haar cascade gives no landmarks, so no names come of its boxes" };

/// A box that a Haar cascade found.
#[derive(Serialize)]
pub struct Outline {
    #[serde(rename = "box")]
    pub rect: [f32; 4],
    pub neighbours: u32,
    /// Always null: said, not left out.
    pub landmarks: Option<[[f32; 2]; 5]>,
}

/// One face. The fields that a command does not find out are left out.
#[derive(Serialize)]
pub struct Face {
    #[serde(rename = "box")]
    pub rect: [f32; 4],
    pub score: f32,
    pub landmarks: [[f32; 2]; 5],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<Vec<f32>>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// Who it may be.
#[derive(Serialize)]
pub struct Answer {
    pub matches: Vec<Match>,
    pub nobody_percent: f32,
}

/// One name.
#[derive(Serialize)]
pub struct Match {
    pub name: String,
    pub percent: f32,
    pub distance: f32,
}

impl<F> Picture<F> {
    pub fn new(path: &Path, frame: &types::Frame, faces: Vec<F>) -> Self {
        Self { image: path.display().to_string(), width: frame.width, height: frame.height, faces, by: None }
    }
}

impl Outline {
    pub fn new(outline: &types::Outline) -> Self {
        let types::Rect { x, y, w, h } = outline.rect;
        Self { rect: [x, y, w, h], neighbours: outline.neighbours, landmarks: None }
    }
}

impl Face {
    pub fn new(face: &types::Face) -> Self {
        let types::Rect { x, y, w, h } = face.rect;
        Self {
            rect: [x, y, w, h].map(hundredth),
            score: face.score,
            landmarks: face.landmarks.map(|p| p.map(hundredth)),
            embedding: None,
            answer: None,
        }
    }
}

impl From<types::Answer> for Answer {
    fn from(answer: types::Answer) -> Self {
        let matches = answer.matches.into_iter();
        Self {
            matches: matches.map(|m| Match { name: m.name, percent: hundredth(m.percent), distance: m.distance }).collect(),
            nobody_percent: hundredth(answer.nobody_percent),
        }
    }
}

fn hundredth(value: f32) -> f32 {
    (value * 100.0).round() / 100.0
}

/// An object as one line.
pub fn to_line(value: &impl Serialize) -> anyhow::Result<String> {
    Ok(serde_json::to_string(value)?)
}
