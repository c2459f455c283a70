//! A frame in, the squares that R-Net or O-Net would look at out, and their crops as the nets get them: what a recipe mines its
//! examples from.

use super::boxes::Candidate;
use super::pyramid::{Scaler, part_of};
use super::{Detector, Turn};
use crate::types::{Frame, Rect};
use anyhow::Result;

impl Detector {
    /// The squares that R-Net looks at: P-Net's proposals.
    pub fn proposed(&mut self, frame: &Frame) -> Result<Vec<Rect>> {
        self.propose(frame, Turn::None, 0)?;
        Ok(self.candidates.iter().map(|c| c.rect).collect())
    }

    /// The squares that O-Net looks at: what R-Net leaves of them.
    pub fn sifted(&mut self, frame: &Frame) -> Result<Vec<Rect>> {
        self.propose(frame, Turn::None, 0)?;
        self.sift(frame)?;
        Ok(self.candidates.iter().map(|c| c.rect).collect())
    }
}

/// The second of the two squares, as a share of the first.
const NARROWER: f32 = 0.9;

/// Two squares around a box, one as large as it is and a narrower one, at whole pixels, so that landmarks are shares of what is cut: at
/// them O-Net looks a second time ([`super::Settings::second_look`]).
pub fn around(rect: Rect) -> [Rect; 2] {
    let Rect { x, y, w, .. } = Candidate::at(rect).squared().rect;
    [1.0, NARROWER].map(|share| {
        let side = (share * w).round().max(1.0);
        let [x, y] = [x, y].map(|from| (from + (w - side) / 2.0).round());
        Rect { x, y, w: side, h: side }
    })
}

/// Cuts squares out of frames, keeping its buffers.
pub struct Cutter(Scaler);

impl Cutter {
    /// A cutter for frames and squares of any size.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(Scaler::new())
    }

    /// The square as it is cut: at whole pixels. `None` for one that no frame of this size can have.
    pub fn whole(frame: &Frame, square: Rect) -> Option<Rect> {
        let part = part_of(square, frame)?;
        Some(Rect { x: part.x as f32, y: part.y as f32, w: part.w as f32, h: part.h as f32 })
    }

    /// Writes the square at `side_px` x `side_px`, RGB, rows from the top, black where it reaches beyond the frame. An error for one
    /// that no frame of this size can have.
    pub fn cut(&mut self, frame: &Frame, square: Rect, side_px: u32, into: &mut [u8]) -> Result<()> {
        self.0.turned_crop(frame, &Candidate::at(square), side_px, into)
    }
}
