//! One thread's share of the cascade: its own nets, its levels of the pyramid, its batches of crops. Frames in, what the
//! nets say out.

use super::boxes::{Candidate, Overlap, Suppressor};
use super::pyramid::{self, Scaler, Step};
use super::roll;
use super::{Nets, Settings};
use crate::infer::Tensor;
use crate::turn::Turn;
use crate::types::{Frame, Landmarks, Rect};
use anyhow::{Result, ensure};
use std::ops::Range;

/// P-Net gives one answer every two pixels of a level.
const STRIDE_PX: f32 = 2.0;

/// The nets that look at crops.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// Sifts.
    Rnet,
    /// Decides, and gives landmarks.
    Onet,
}

impl Stage {
    /// Side of its crops.
    fn side_px(self) -> u32 {
        match self {
            Stage::Rnet => 24,
            Stage::Onet => 48,
        }
    }
}

/// What a net says of a crop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    /// Of the candidate that it is about.
    pub index: usize,
    /// Confidence that this is a face, 0 to 1.
    pub score: f32,
    /// See [`Candidate::shift`].
    pub shift: [f32; 4],
    /// Five x, then five y, as shares of the crop; O-Net only.
    pub points: [f32; 10],
}

impl Verdict {
    /// The landmarks of a face in the crop of a candidate.
    pub fn landmarks(&self, candidate: &Candidate) -> Landmarks {
        let Rect { x, y, w, h } = candidate.rect;
        std::array::from_fn(|k| candidate.turned([x + w * self.points[k], y + h * self.points[5 + k]]))
    }
}

/// A level of the pyramid and what P-Net proposes there.
pub(super) struct Proposal {
    /// The level's place in the pyramid.
    pub order: usize,
    pub step: Step,
    pub found: Vec<Candidate>,
}

/// One thread's nets and work.
pub(super) struct Lane {
    nets: Nets,
    scaler: Scaler,
    suppressor: Suppressor,
    /// A level before its heads are set upright.
    lying: Vec<u8>,
    /// Its levels.
    pub proposals: Vec<Proposal>,
    /// Its crops: ranges of candidates.
    pub batches: Vec<Range<usize>>,
    /// What came of them.
    pub verdicts: Vec<Verdict>,
}

impl Lane {
    pub fn new(nets: Nets) -> Self {
        let (scaler, suppressor) = (Scaler::new(), Suppressor::default());
        Self { nets, scaler, suppressor, lying: Vec::new(), proposals: Vec::new(), batches: Vec::new(), verdicts: Vec::new() }
    }

    /// Runs P-Net on its levels from the place `first` of the pyramid on, turned so that heads which stand
    /// there so turned are upright.
    pub fn propose(&mut self, frame: &Frame, settings: &Settings, turn: Turn, first: usize) -> Result<()> {
        let Self { nets, scaler, suppressor, proposals, lying, .. } = self;
        for Proposal { step, found, order } in proposals {
            found.clear();
            if *order < first {
                continue;
            }
            let level = step.level;
            let [width, height] = turn.size([level.width, level.height]);
            let mut fill = |pixels: &mut [u8]| match turn {
                Turn::None => scaler.level(frame, step, pixels),
                _ => {
                    lying.resize(pixels.len(), 0);
                    scaler.level(frame, step, lying);
                    roll::set_upright(turn, lying, [level.width, level.height], pixels);
                }
            };
            let outputs = nets.pnet.model.run([1, height as usize, width as usize], &nets.pnet.normalise, &mut fill)?;
            let [scores, shifts] = outputs_of("P-Net", outputs)?;
            let (rows, columns) = map_size(scores, shifts)?;
            let (area, threshold) = (rows * columns, settings.thresholds[0]);
            for (index, &score) in scores.data[area..].iter().enumerate() {
                if score >= threshold {
                    let (row, column) = ((index / columns) as f32, (index % columns) as f32);
                    let ((x, w), (y, h)) = (window(column, level.scale), window(row, level.scale));
                    let shift = std::array::from_fn(|k| shifts.data[k * area + index]);
                    found.push(Candidate { rect: Rect { x, y, w, h }, score, shift, roll: 0.0 });
                }
            }
            suppressor.thin(found, Candidate::scored, 0.5, Overlap::Union);
            if turn != Turn::None {
                found.iter_mut().for_each(|c| *c = roll::turned_back(turn, c, [frame.width, frame.height]));
            }
        }
        Ok(())
    }

    /// Runs a net on its batches of `candidates`.
    pub fn look(&mut self, frame: &Frame, stage: Stage, candidates: &[Candidate]) -> Result<()> {
        let Self { nets, scaler, batches, verdicts, .. } = self;
        let (name, net) = match stage {
            Stage::Rnet => ("R-Net", &mut nets.rnet),
            Stage::Onet => ("O-Net", &mut nets.onet),
        };
        let side = stage.side_px() as usize;
        verdicts.clear();
        for batch in batches {
            let mut fault = None;
            let outputs = net.model.run([batch.len(), side, side], &net.normalise, &mut |pixels| {
                for (candidate, crop) in candidates[batch.clone()].iter().zip(pixels.chunks_exact_mut(3 * side * side)) {
                    if let Err(error) = scaler.turned_crop(frame, candidate, stage.side_px(), crop) {
                        fault = Some(error);
                    }
                }
            })?;
            if let Some(fault) = fault {
                return Err(fault);
            }
            let [scores, shifts] = outputs_of(name, outputs)?;
            let points = match stage {
                Stage::Rnet => None,
                Stage::Onet => Some(outputs_of::<3>(name, outputs)?[2]),
            };
            for (at, index) in batch.clone().enumerate() {
                verdicts.push(Verdict {
                    index,
                    score: scores.data[at * 2 + 1],
                    shift: std::array::from_fn(|k| shifts.data[at * 4 + k]),
                    points: std::array::from_fn(|k| points.map_or(0.0, |p| p.data[at * 10 + k])),
                });
            }
        }
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
