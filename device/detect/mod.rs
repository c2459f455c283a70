//! Frames in, faces out: MT-CNN, the cascade of Zhang et al. 2016 (arXiv 1604.02878).
//!
//! P-Net looks for faces at every place of a pyramid of the frame, R-Net sifts what it proposes, O-Net decides and
//! gives the five landmarks. Boxes are corrected by regression after each stage and thinned by suppression.
//! With tuned nets it counts, too, in how many squares R-Net saw a face: `agree`.
//! A [`Follower`] spares most frames most of this: O-Net alone confirms the faces that are known from the last frame.
//! [`haar`] is the other way to find faces, older and without landmarks; [`versus`] sets both beside each other.

use crate::infer::{Model, Normalise};
use crate::turn::Turn;
use crate::types::{Face, Frame, Rect};
use anyhow::{Context, Result, ensure};
use lookalike_kernels::crew::Crew;
use std::sync::{Mutex, PoisonError};

mod agree;
mod area;
mod boxes;
mod follow;
pub mod haar;
mod heads;
mod lane;
mod motion;
mod pyramid;
mod roll;
pub mod squares;
mod track;
mod turned;
pub mod versus;

pub use agree::AGREEMENT;
use boxes::{Candidate, Overlap, Suppressor};
pub use follow::{Followed, Follower};
use lane::{Lane, Proposal, Stage, Verdict};
use pyramid::{Level, Step};

/// A net gets at most so many crops at a time; batches are powers of two, so that few plans serve any number.
const BATCH_MOST: usize = 64;

/// Where it counts that R-Net agrees, a face is weighed from this score of O-Net's on.
const DOUBTFUL: f32 = 0.05;

/// A face of which more than this is covered by a surer one, or that covers so much of that, is the same: as MT-CNN's authors have it,
/// and where agreement counts.
const COVERED: f32 = 0.7;
const COVERED_WHERE_AGREED: f32 = 0.6;

/// What the board file says about detection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Width of the smallest face sought, in frame pixels.
    pub min_face_px: f32,
    /// Ratio of neighbouring pyramid levels, between 0 and 1.
    pub factor: f32,
    /// Lowest score that passes P-Net, R-Net and O-Net.
    pub thresholds: [f32; 3],
    /// Which heads are found.
    pub heads: Heads,
    /// Whether landmarks are those that O-Net tells at a second look, at the two squares around the box that it gave, in the
    /// mean: for nets whose landmarks were fitted to such squares.
    pub second_look: bool,
    /// How heavily it weighs on a face's score in how many squares around it R-Net, too, saw a face: the power of
    /// (1 + the sum of R-Net's scores) / 3.6 that the odds are multiplied by. Faces are thinned by that score, then. 0: O-Net's score is
    /// what counts.
    pub agreement: f32,
}

/// Heads by how they are turned in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heads {
    /// Those that MT-CNN sees by itself: surely within 30 degrees of upright, mostly within 45.
    Upright,
    /// At any angle.
    Any,
}

/// One of the three nets, with how it wants its input.
pub struct Net {
    /// The net itself.
    pub model: Box<dyn Model>,
    /// Bytes to numbers.
    pub normalise: Normalise,
}

/// The three nets of the cascade, for one thread.
pub struct Nets {
    /// [n, h, w] pictures to scores [n, 2, h', w'] (face second) and edge shifts [n, 4, h', w'].
    pub pnet: Net,
    /// [n, 24, 24] pictures to [n, 2] and [n, 4].
    pub rnet: Net,
    /// [n, 48, 48] pictures to [n, 2], [n, 4] and [n, 10]: five x, then five y.
    pub onet: Net,
}

/// Width and height of the pyramid's levels for a frame, largest first.
pub fn level_sizes(width: u32, height: u32, min_face_px: f32, factor: f32) -> Vec<(usize, usize)> {
    pyramid::levels(width, height, min_face_px, factor).iter().map(|l| (l.width as usize, l.height as usize)).collect()
}

/// Finds faces. Buffers are kept from frame to frame.
pub struct Detector {
    lanes: Vec<Lane>,
    /// A thread for each lane but the first.
    crew: Crew,
    settings: Settings,
    /// Frame size and smallest face that the lanes' levels are made for.
    levels_for: Option<(u32, u32, f32)>,
    suppressor: Suppressor,
    candidates: Vec<Candidate>,
    verdicts: Vec<Verdict>,
    looks: Vec<heads::Look>,
    /// R-Net's squares and its scores.
    seen: Vec<(Rect, f32)>,
    /// Of a probe.
    found: Vec<Face>,
}

impl Detector {
    /// A detector that runs levels and batches on as many threads as it is given nets; the answers are the same for any
    /// number. One thread is the caller's own.
    pub fn new(nets: Vec<Nets>, settings: Settings) -> Result<Self> {
        ensure!(!nets.is_empty(), "a detector needs the nets of one thread at least");
        let crew = Crew::new("detector", nets.len() - 1).context("cannot start the detector's threads")?;
        let mut detector = Self {
            lanes: nets.into_iter().map(Lane::new).collect(),
            crew,
            settings,
            levels_for: None,
            suppressor: Suppressor::default(),
            candidates: Vec::new(),
            verdicts: Vec::new(),
            looks: Vec::new(),
            seen: Vec::new(),
            found: Vec::new(),
        };
        detector.check()?;
        Ok(detector)
    }

    /// The smallest face sought from now on, in pixels.
    pub fn set_min_face(&mut self, min_face_px: f32) {
        self.settings.min_face_px = min_face_px;
    }

    /// All faces of a frame, best first. None is an empty list.
    pub fn detect(&mut self, frame: &Frame) -> Result<Vec<Face>> {
        let mut faces = Vec::new();
        self.search(frame, &mut faces)?;
        if self.settings.heads == Heads::Any {
            self.turn_heads(frame, &mut faces)?;
        }
        Ok(faces)
    }

    /// The whole cascade: faces of heads that are upright.
    fn search(&mut self, frame: &Frame, faces: &mut Vec<Face>) -> Result<()> {
        self.propose(frame, Turn::None, 0)?;
        self.sift(frame)?;
        self.decide(frame, faces)
    }

    /// Asks O-Net alone: for each of `squares`, the face that it sees there, if any.
    fn confirm(&mut self, frame: &Frame, squares: &[Candidate], faces: &mut Vec<Option<Face>>) -> Result<()> {
        faces.clear();
        faces.resize(squares.len(), None);
        self.candidates.clear();
        self.candidates.extend(squares);
        self.look(frame, Stage::Onet)?;
        for verdict in &self.verdicts {
            faces[verdict.index] = face_of(verdict, self.candidates[verdict.index], self.settings.thresholds[2]);
        }
        Ok(())
    }

    /// Stage one, P-Net: the whole pyramid.
    fn propose(&mut self, frame: &Frame, turn: Turn, first: usize) -> Result<()> {
        self.share_levels(frame);
        let settings = self.settings;
        self.each_lane(|lane| lane.proposals.len(), |lane| lane.propose(frame, &settings, turn, first))?;
        self.candidates.clear();
        let proposals = || self.lanes.iter().flat_map(|lane| &lane.proposals);
        for order in 0..proposals().count() {
            let level = proposals().filter(|p| p.order == order);
            self.candidates.extend(level.flat_map(|p| &p.found));
        }
        self.suppressor.thin(&mut self.candidates, Candidate::scored, 0.7, Overlap::Union);
        self.candidates.iter_mut().for_each(|c| *c = c.regressed(1.0).squared());
        Ok(())
    }

    /// Stage two, R-Net.
    fn sift(&mut self, frame: &Frame) -> Result<()> {
        self.look(frame, Stage::Rnet)?;
        self.seen.clear();
        if self.settings.agreement != 0.0 {
            self.seen.extend(self.verdicts.iter().map(|v| (self.candidates[v.index].rect, v.score)));
        }
        let threshold = self.settings.thresholds[1];
        let before = self.candidates.len();
        for verdict in self.verdicts.iter().filter(|v| v.score >= threshold) {
            let Verdict { index, score, shift, .. } = *verdict;
            self.candidates.push(Candidate { score, shift, ..self.candidates[index] });
        }
        self.candidates.drain(..before);
        self.suppressor.thin(&mut self.candidates, Candidate::scored, 0.7, Overlap::Union);
        self.candidates.iter_mut().for_each(|c| *c = c.regressed(0.0).squared());
        Ok(())
    }

    /// Stage three, O-Net: the last word and the landmarks.
    fn decide(&mut self, frame: &Frame, faces: &mut Vec<Face>) -> Result<()> {
        self.look(frame, Stage::Onet)?;
        faces.clear();
        let Settings { thresholds: [.., threshold], agreement, .. } = self.settings;
        // Doubtful faces may become sure ones.
        let least = if agreement == 0.0 { threshold } else { threshold.min(DOUBTFUL) };
        faces.extend(self.verdicts.iter().filter_map(|v| face_of(v, self.candidates[v.index], least)));
        let mut covered = COVERED;
        if agreement != 0.0 {
            // First, so that of two boxes of a face the one stays that R-Net, too, sees a face in.
            for face in &mut *faces {
                face.score = agree::agreed(face.score, agree::around(face, &self.seen), agreement);
            }
            faces.retain(|face| face.score >= threshold);
            covered = COVERED_WHERE_AGREED;
        }
        self.suppressor.thin(faces, scored, covered, Overlap::Smaller);
        if self.settings.second_look {
            // A search is of heads that are turned alike.
            let roll = self.candidates.first().map_or(0.0, |candidate| candidate.roll);
            self.look_closer(frame, roll, faces)?;
        }
        Ok(())
    }

    /// Lets O-Net look a second time; see [`Settings::second_look`].
    fn look_closer(&mut self, frame: &Frame, roll: f32, faces: &mut [Face]) -> Result<()> {
        self.candidates.clear();
        let squares = faces.iter().flat_map(|face| squares::around(face.rect));
        self.candidates.extend(squares.map(|square| Candidate { roll, ..Candidate::at(square) }));
        self.look(frame, Stage::Onet)?;
        let (verdicts, candidates) = (self.verdicts.as_chunks().0, self.candidates.as_chunks().0);
        for (face, ([first, second], [wide, narrow])) in faces.iter_mut().zip(verdicts.iter().zip(candidates)) {
            let (a, b) = (first.landmarks(wide), second.landmarks(narrow));
            face.landmarks = std::array::from_fn(|k| [0, 1].map(|axis| f32::midpoint(a[k][axis], b[k][axis])));
        }
        Ok(())
    }

    /// Lets a net look at all candidates. Verdicts come in the candidates' order.
    fn look(&mut self, frame: &Frame, stage: Stage) -> Result<()> {
        self.lanes.iter_mut().for_each(|lane| lane.batches.clear());
        let mut rest = 0..self.candidates.len();
        while let Some(power) = rest.len().checked_ilog2() {
            let batch = rest.start..rest.start + (1 << power).min(BATCH_MOST);
            rest.start = batch.end;
            let load = |lane: &Lane| lane.batches.iter().map(|b| b.len()).sum::<usize>();
            least(&mut self.lanes, load).batches.push(batch);
        }
        let candidates = std::mem::take(&mut self.candidates);
        let looked = self.each_lane(|lane| lane.batches.len(), |lane| lane.look(frame, stage, &candidates));
        self.candidates = candidates;
        looked?;
        self.verdicts.clear();
        let said = self.lanes.iter().filter(|lane| !lane.batches.is_empty());
        self.verdicts.extend(said.flat_map(|lane| &lane.verdicts));
        self.verdicts.sort_unstable_by_key(|v| v.index);
        Ok(())
    }

    /// Gives each lane its levels, once per frame size.
    fn share_levels(&mut self, frame: &Frame) {
        let Settings { min_face_px, factor, .. } = self.settings;
        let wanted = (frame.width, frame.height, min_face_px);
        if self.levels_for.replace(wanted) == Some(wanted) {
            return;
        }
        self.lanes.iter_mut().for_each(|lane| lane.proposals.clear());
        for (order, level) in pyramid::levels(frame.width, frame.height, min_face_px, factor).into_iter().enumerate() {
            let load = |lane: &Lane| lane.proposals.iter().map(|p| p.step.level.area()).sum::<u32>();
            least(&mut self.lanes, load).proposals.push(Proposal { order, step: Step::new(frame, level), found: Vec::new() });
        }
    }

    /// Lets every lane work that has something to do: side by side where that is more than one.
    fn each_lane(&mut self, todo: impl Fn(&Lane) -> usize + Sync, work: impl Fn(&mut Lane) -> Result<()> + Sync) -> Result<()> {
        if self.lanes.iter().filter(|lane| todo(lane) > 0).count() < 2 {
            return self.lanes.iter_mut().filter(|lane| todo(lane) > 0).try_for_each(work);
        }
        let fault = Mutex::new(Ok(()));
        self.crew.each(&mut self.lanes, |lane| {
            if todo(lane) > 0
                && let Err(error) = work(lane)
            {
                *fault.lock().unwrap_or_else(PoisonError::into_inner) = Err(error);
            }
        });
        fault.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs each net once, so that a net of another shape is found at start and not in front of a visitor.
    fn check(&mut self) -> Result<()> {
        let frame = Frame { width: 48, height: 48, pixels: vec![128; 48 * 48 * 3], ..Frame::empty() };
        let whole = Candidate::at(Rect { x: 0.0, y: 0.0, w: 48.0, h: 48.0 });
        for lane in &mut self.lanes {
            let level = Level { width: 24, height: 24, scale: 0.5 };
            lane.proposals = vec![Proposal { order: 0, step: Step::new(&frame, level), found: Vec::new() }];
            lane.propose(&frame, &self.settings, Turn::None, 0)?;
            lane.proposals.clear();
            lane.batches.push(0..1);
            lane.look(&frame, Stage::Rnet, &[whole])?;
            lane.look(&frame, Stage::Onet, &[whole])?;
        }
        Ok(())
    }
}

/// The lane with the least to do, the first of several.
fn least<N: Ord>(lanes: &mut [Lane], load: impl Fn(&Lane) -> N) -> &mut Lane {
    let index = (0..lanes.len()).min_by_key(|&i| load(&lanes[i])).unwrap_or(0);
    &mut lanes[index]
}

/// Box and score, for [`Suppressor::thin`].
fn scored(face: &Face) -> (Rect, f32) {
    (face.rect, face.score)
}

/// The face that O-Net sees in a candidate's crop, if it is sure enough.
fn face_of(verdict: &Verdict, candidate: Candidate, threshold: f32) -> Option<Face> {
    let rect = roll::upright(&Candidate { shift: verdict.shift, ..candidate }.regressed(0.0));
    (verdict.score >= threshold).then(|| Face { rect, score: verdict.score, landmarks: verdict.landmarks(&candidate) })
}

#[cfg(test)]
mod tests;
