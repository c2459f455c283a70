//! The data that flows from camera to screen. Nothing here does anything.
//!
//! Coordinates are frame pixels: x to the right, y down, the top left corner of the top left pixel is (0, 0).

use std::time::Instant;

/// One picture: RGB, 8 bits a channel, rows from the top without padding (height x width x 3).
#[derive(Clone)]
pub struct Frame {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 3` bytes: R, G, B, R, ...
    pub pixels: Vec<u8>,
    /// When the camera delivered it.
    pub taken: Instant,
}

impl Frame {
    /// A frame without pixels, for a camera to fill.
    pub fn empty() -> Self {
        Self { width: 0, height: 0, pixels: Vec::new(), taken: Instant::now() }
    }

    /// Takes the picture out and keeps the buffer.
    pub fn clear(&mut self) {
        (self.width, self.height) = (0, 0);
        self.pixels.clear();
    }
}

/// An axis-parallel rectangle in frame pixels; it may reach beyond the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width, positive.
    pub w: f32,
    /// Height, positive.
    pub h: f32,
}

impl Rect {
    /// Area of the intersection over area of the union, 0 to 1.
    pub fn iou(&self, other: &Rect) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        let common = w.max(0.0) * h.max(0.0);
        common / (self.w * self.h + other.w * other.h - common).max(f32::MIN_POSITIVE)
    }
}

/// Five points as [x, y]: the eye on the left of the picture, the other eye, nose tip,
/// mouth corner on the left of the picture, the other mouth corner (for an upright face).
pub type Landmarks = [[f32; 2]; 5];

/// A detected face.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Face {
    /// Where it is.
    pub rect: Rect,
    /// The detector's confidence, 0 to 1, high is good.
    pub score: f32,
    /// Its five points.
    pub landmarks: Landmarks,
}

/// A face as a Haar cascade finds it: where, and nothing of what is in it. Without landmarks it cannot be aligned, nor named.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outline {
    /// Where it is, in whole pixels.
    pub rect: Rect,
    /// How many windows at nearby places and sizes saw it: the more, the surer. No share of anything.
    pub neighbours: u32,
}

/// What both ways to find faces see in the same frame.
#[derive(Clone, Debug, Default)]
pub struct Duel {
    /// By MT-CNN.
    pub faces: Vec<Face>,
    /// By the Haar cascade.
    pub outlines: Vec<Outline>,
    /// Which of `faces` and which of `outlines` are the same: no index comes twice.
    pub pairs: Vec<(usize, usize)>,
    /// What each took, in milliseconds.
    pub mtcnn_ms: f32,
    /// See `mtcnn_ms`.
    pub haar_ms: f32,
}

/// Many duels, added up. A box that both have is a hit of both; one that only one has is a miss of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Tally {
    /// Frames.
    pub frames: u64,
    /// Boxes that both had.
    pub hits: u64,
    /// Boxes that only the Haar cascade had.
    pub mtcnn_misses: u64,
    /// Boxes that only MT-CNN had.
    pub haar_misses: u64,
    /// Milliseconds of all frames together.
    pub mtcnn_ms: f64,
    /// See `mtcnn_ms`.
    pub haar_ms: f64,
}

impl Tally {
    /// Enters a frame.
    pub fn add(&mut self, duel: &Duel) {
        let hits = duel.pairs.len() as u64;
        self.frames += 1;
        self.hits += hits;
        self.mtcnn_misses += duel.outlines.len() as u64 - hits;
        self.haar_misses += duel.faces.len() as u64 - hits;
        self.mtcnn_ms += f64::from(duel.mtcnn_ms);
        self.haar_ms += f64::from(duel.haar_ms);
    }
}

/// A face cut out upright, eyes and mouth at the template's places, as an embedder wants it.
/// RGB, 8 bits a channel, rows from the top (height x width x 3).
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `width * height * 3` bytes.
    pub pixels: Vec<u8>,
}

/// What an embedder says of a chip: a vector whose distance to another tells how alike two faces are.
/// Raw where the manifest names L2, unit length where it names cosine.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(pub Vec<f32>);

/// How two embeddings are compared. Low is alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Euclidean distance of the raw vectors.
    L2,
    /// One minus the cosine of the angle between the vectors, 0 to 2.
    Cosine,
}

/// One name of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// The enrolled name.
    pub name: String,
    /// The chance that this is who it is, 0 to 100, calibrated. See `gallery::calibration`.
    pub percent: f32,
    /// Distance to that person's nearest enrolled embedding; low is alike.
    pub distance: f32,
}

/// What the gallery says of one face. All names' percentages and `nobody_percent` add to 100.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Best first, at most as many as were asked for.
    pub matches: Vec<Match>,
    /// The share of "nobody in this gallery", 0 to 100.
    pub nobody_percent: f32,
}

impl Answer {
    /// Whom the face resembles, if anybody: the best name, unless "nobody" has the larger share.
    pub fn likeness(&self) -> Option<&Match> {
        self.matches.first().filter(|best| best.percent >= self.nobody_percent)
    }
}

/// A face that the booth follows from frame to frame.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Stays the same while the face stays in view.
    pub track: u64,
    /// The newest detection.
    pub face: Face,
    /// What was last embedded of it, for the screen.
    pub chip: Option<Chip>,
    /// What the gallery says, smoothed over frames; `None` before the first answer or with an empty gallery.
    pub answer: Option<Answer>,
}
