//! Frames in, faces out: MT-CNN, the cascade of Zhang et al. 2016 (arXiv 1604.02878).
//!
//! P-Net looks for faces at every place of a pyramid of the frame, R-Net sifts what it proposes, O-Net decides and
//! gives the five landmarks. Boxes are corrected by regression after each stage and thinned by suppression.

use crate::infer::{Model, Normalise, Tensor};
use crate::types::{Face, Frame, Landmarks, Rect};
use anyhow::{Result, ensure};

mod area;
mod boxes;
mod pyramid;
mod track;

use boxes::{Candidate, Overlap, suppress};
use pyramid::{Level, Scaler};
pub use track::Tracks;

const RNET_SIDE_PX: u32 = 24;
const ONET_SIDE_PX: u32 = 48;
/// P-Net gives one answer every two pixels of a level.
const STRIDE_PX: f32 = 2.0;
/// A net gets at most so many crops at a time; batches are powers of two, so that few plans serve any number.
const BATCH_MOST: usize = 64;

/// What the board file says about detection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Width of the smallest face sought, in frame pixels.
    pub min_face_px: f32,
    /// Ratio of neighbouring pyramid levels, between 0 and 1.
    pub factor: f32,
    /// Lowest score that passes P-Net, R-Net and O-Net.
    pub thresholds: [f32; 3],
}

/// One of the three nets, with how it wants its input.
pub struct Net {
    /// The net itself.
    pub model: Box<dyn Model>,
    /// Bytes to numbers.
    pub normalise: Normalise,
}

/// Width and height of the pyramid's levels for a frame, largest first.
pub fn level_sizes(width: u32, height: u32, min_face_px: f32, factor: f32) -> Vec<(usize, usize)> {
    pyramid::levels(width, height, min_face_px, factor).iter().map(|l| (l.width as usize, l.height as usize)).collect()
}

/// Finds faces.
pub struct Detector {
    pnet: Net,
    rnet: Net,
    onet: Net,
    settings: Settings,
    scaler: Scaler,
}

impl Detector {
    /// A detector around three nets.
    ///
    /// P-Net: [1, 3, h, w] to scores [1, 2, h', w'] (face second) and edge shifts [1, 4, h', w'].
    /// R-Net: [n, 3, 24, 24] to [n, 2], [n, 4]. O-Net: [n, 3, 48, 48] to [n, 2], [n, 4] and [n, 10]: five x, then five y.
    pub fn new(pnet: Net, rnet: Net, onet: Net, settings: Settings) -> Result<Self> {
        let mut detector = Self { pnet, rnet, onet, settings, scaler: Scaler::new() };
        detector.check()?;
        Ok(detector)
    }

    /// The smallest face sought from now on, in pixels.
    pub fn set_min_face(&mut self, min_face_px: f32) {
        self.settings.min_face_px = min_face_px;
    }

    /// All faces of a frame, best first. None is an empty list.
    pub fn detect(&mut self, frame: &Frame) -> Result<Vec<Face>> {
        let proposed = self.propose(frame)?;
        let sifted = self.sift(frame, &proposed)?;
        self.decide(frame, &sifted)
    }

    /// Stage one, P-Net: the whole pyramid.
    fn propose(&mut self, frame: &Frame) -> Result<Vec<Candidate>> {
        let mut all = Vec::new();
        for level in pyramid::levels(frame.width, frame.height, self.settings.min_face_px, self.settings.factor) {
            all.extend(thin(self.propose_at(frame, level)?, 0.5));
        }
        Ok(thin(all, 0.7).into_iter().map(|c| c.regressed(1.0).squared()).collect())
    }

    fn propose_at(&mut self, frame: &Frame, level: Level) -> Result<Vec<Candidate>> {
        let bytes = self.scaler.level(frame, level)?;
        let shape = [1, level.height as usize, level.width as usize];
        let outputs = self.pnet.model.run(shape, &self.pnet.normalise, &mut |pixels| pixels.copy_from_slice(bytes))?;
        let [scores, shifts] = outputs_of("P-Net", outputs)?;
        let (rows, columns) = map_size(scores, shifts)?;
        let (area, threshold) = (rows * columns, self.settings.thresholds[0]);
        let mut found = Vec::new();
        for (index, &score) in scores.data[area..].iter().enumerate() {
            if score >= threshold {
                let (row, column) = ((index / columns) as f32, (index % columns) as f32);
                let ((x, w), (y, h)) = (window(column, level.scale), window(row, level.scale));
                let shift = std::array::from_fn(|k| shifts.data[k * area + index]);
                found.push(Candidate { rect: Rect { x, y, w, h }, score, shift });
            }
        }
        Ok(found)
    }

    /// Stage two, R-Net.
    fn sift(&mut self, frame: &Frame, proposed: &[Candidate]) -> Result<Vec<Candidate>> {
        let mut found = Vec::new();
        for batch in batches(proposed) {
            let outputs = look(&mut self.rnet, &mut self.scaler, frame, batch, RNET_SIDE_PX)?;
            let [scores, shifts] = outputs_of("R-Net", outputs)?;
            for (index, candidate) in batch.iter().enumerate() {
                let score = scores.data[index * 2 + 1];
                if score >= self.settings.thresholds[1] {
                    found.push(Candidate { score, shift: four(&shifts.data[index * 4..]), ..*candidate });
                }
            }
        }
        Ok(thin(found, 0.7).into_iter().map(|c| c.regressed(0.0).squared()).collect())
    }

    /// Stage three, O-Net: the last word and the landmarks.
    fn decide(&mut self, frame: &Frame, sifted: &[Candidate]) -> Result<Vec<Face>> {
        let mut faces = Vec::new();
        for batch in batches(sifted) {
            let outputs = look(&mut self.onet, &mut self.scaler, frame, batch, ONET_SIDE_PX)?;
            let [scores, shifts, points] = outputs_of("O-Net", outputs)?;
            for (index, candidate) in batch.iter().enumerate() {
                let score = scores.data[index * 2 + 1];
                if score >= self.settings.thresholds[2] {
                    let landmarks = landmarks_in(candidate.rect, &points.data[index * 10..]);
                    let rect = Candidate { shift: four(&shifts.data[index * 4..]), ..*candidate }.regressed(0.0).rect;
                    faces.push(Face { rect, score, landmarks });
                }
            }
        }
        let boxes: Vec<(Rect, f32)> = faces.iter().map(|f| (f.rect, f.score)).collect();
        Ok(suppress(&boxes, 0.7, Overlap::Smaller).into_iter().map(|i| faces[i]).collect())
    }

    /// Runs each net once, so that a net of another shape is found at start and not in front of a visitor.
    fn check(&mut self) -> Result<()> {
        let frame = Frame { width: 48, height: 48, pixels: vec![128; 48 * 48 * 3], ..Frame::empty() };
        self.propose_at(&frame, Level { width: 24, height: 24, scale: 0.5 })?;
        let whole = Candidate { rect: Rect { x: 0.0, y: 0.0, w: 48.0, h: 48.0 }, score: 1.0, shift: [0.0; 4] };
        self.sift(&frame, &[whole])?;
        self.decide(&frame, &[whole])?;
        Ok(())
    }
}

/// Start and length, in frame pixels, of the window that P-Net looked at for a row or column of its answer. Cut to whole
/// pixels as in training, where the first pixel of a frame is called 1 and both ends belong to the window.
fn window(index: f32, scale: f32) -> (f32, f32) {
    let first = ((STRIDE_PX * index + 1.0) / scale).floor();
    let last = ((STRIDE_PX * index + pyramid::WINDOW_PX) / scale).floor();
    (first - 1.0, last - first + 1.0)
}

fn thin(candidates: Vec<Candidate>, limit: f32) -> Vec<Candidate> {
    let boxes: Vec<(Rect, f32)> = candidates.iter().map(|c| (c.rect, c.score)).collect();
    suppress(&boxes, limit, Overlap::Union).into_iter().map(|i| candidates[i]).collect()
}

/// Cuts a list into runs of 64, 32, 16, ... 1.
fn batches(mut list: &[Candidate]) -> impl Iterator<Item = &[Candidate]> {
    std::iter::from_fn(move || {
        let size = (1usize << list.len().checked_ilog2()?).min(BATCH_MOST);
        let (batch, rest) = list.split_at(size);
        list = rest;
        Some(batch)
    })
}

/// Runs a net on crops of the frame, all in one batch.
fn look<'n>(net: &'n mut Net, scaler: &mut Scaler, frame: &Frame, batch: &[Candidate], side_px: u32) -> Result<&'n [Tensor]> {
    let side = side_px as usize;
    let mut fault = None;
    let outputs = net.model.run([batch.len(), side, side], &net.normalise, &mut |pixels| {
        for (candidate, crop) in batch.iter().zip(pixels.chunks_exact_mut(3 * side * side)) {
            match scaler.crop(frame, candidate.rect, side_px) {
                Ok(bytes) => crop.copy_from_slice(bytes),
                Err(error) => fault = Some(error),
            }
        }
    })?;
    fault.map_or(Ok(outputs), Err)
}

/// The first N outputs of a net, checked against what the cascade reads from them (per crop 2, 4 and 10 numbers).
fn outputs_of<'a, const N: usize>(net: &str, outputs: &'a [Tensor]) -> Result<[&'a Tensor; N]> {
    const CHANNELS: [usize; 3] = [2, 4, 10];
    ensure!(outputs.len() >= N, "{net} has {} outputs, {N} are needed: is its manifest entry right?", outputs.len());
    for (output, channels) in outputs.iter().zip(CHANNELS).take(N) {
        let fits = output.shape.get(1) == Some(&channels) && output.data.len() == output.shape.iter().product::<usize>();
        ensure!(fits, "{net} gives {:?} where [n, {channels}, ..] is needed: is its manifest entry right?", output.shape);
    }
    Ok(std::array::from_fn(|i| &outputs[i]))
}

fn map_size(scores: &Tensor, shifts: &Tensor) -> Result<(usize, usize)> {
    match (&scores.shape[..], &shifts.shape[..]) {
        (&[1, 2, rows, columns], &[1, 4, r, c]) if (rows, columns) == (r, c) => Ok((rows, columns)),
        (a, b) => anyhow::bail!("P-Net gives {a:?} and {b:?} where [1, 2, h, w] and [1, 4, h, w] are needed"),
    }
}

fn four(data: &[f32]) -> [f32; 4] {
    std::array::from_fn(|k| data[k])
}

fn landmarks_in(rect: Rect, points: &[f32]) -> Landmarks {
    std::array::from_fn(|k| [rect.x + rect.w * points[k], rect.y + rect.h * points[5 + k]])
}

#[cfg(test)]
mod tests;
