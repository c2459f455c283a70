//! Faces in, the same faces set upright out; and faces of heads that a search of upright ones misses.
//!
//! O-Net looks at a face's square turned to eight sides. It is surest of the upright one, and its landmarks tell the head's roll
//! from the sides next to that, too. The roll on which most of what it says agrees is the head's; at a crop turned back by that
//! much it looks again. Where no face is sure, P-Net looks for heads that are turned by quarters, at the smaller levels of the
//! pyramid, and only those that are sure then count.

use super::boxes::{Candidate, Overlap};
use super::lane::Stage;
use super::roll::{NEARLY_UPRIGHT, Quarters, apart, roll_of};
use super::{Detector, face_of, scored};
use crate::types::{Face, Frame};
use anyhow::Result;
use std::f32::consts::{FRAC_PI_4, FRAC_PI_6};

/// To how many sides O-Net looks.
const SIDES: usize = 8;
/// Rolls that lie farther apart do not speak for each other.
const AGREE: f32 = FRAC_PI_6;
/// The least sum of surprises, -ln(1 - score), that makes a face sure: .98 at one side, or .86 at two that agree.
const SURE: f32 = 4.0;
/// A score counts as if so much were missing to 1.
const LEAST_DOUBT: f32 = 1e-5;
/// Looks at the crop that the last look asks for.
const LOOKS_MORE: usize = 2;
/// Levels that are not searched for turned heads: the fourth is an eighth of the first, so that three quarters cost less than half
/// as much as the search of upright heads.
const LEVELS_SKIPPED: usize = 3;

/// What O-Net saw at one side.
#[derive(Clone, Copy)]
pub(super) struct Look {
    side: f32,
    face: Face,
    /// The roll that its landmarks tell.
    roll: f32,
    /// How sure it is, as [`SURE`] counts.
    weight: f32,
}

/// A face that was looked at from all sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Upright {
    pub face: Face,
    pub is_sure: bool,
}

impl Detector {
    /// Sets the faces of a search upright, and where none is sure adds those of heads at the other quarters.
    pub(super) fn turn_heads(&mut self, frame: &Frame, faces: &mut Vec<Face>) -> Result<()> {
        let mut is_sure = false;
        for face in &mut *faces {
            let upright = self.set_upright(frame, *face)?;
            is_sure |= upright.is_sure;
            *face = upright.face;
        }
        if !is_sure {
            for roll in Quarters::TURNED {
                self.probe(frame, roll, faces)?;
            }
        }
        self.suppressor.thin(faces, scored, 0.7, Overlap::Smaller);
        Ok(())
    }

    /// Adds the sure faces of heads whose roll is nearest to those quarters.
    pub(super) fn probe(&mut self, frame: &Frame, roll: Quarters, faces: &mut Vec<Face>) -> Result<()> {
        let levels = self.lanes.iter().map(|lane| lane.proposals.len()).sum::<usize>();
        self.propose(frame, roll, LEVELS_SKIPPED.min(levels.saturating_sub(2)))?;
        self.sift(frame)?;
        let mut found = std::mem::take(&mut self.found);
        let decided = self.decide(frame, &mut found);
        let mut each = found.iter().map(|face| self.set_upright(frame, *face));
        let added = decided.and_then(|()| {
            each.try_for_each(|upright| {
                let Upright { face, is_sure } = upright?;
                faces.extend(is_sure.then_some(face));
                Ok(())
            })
        });
        self.found = found;
        added
    }

    /// Looks at a face from all sides. One that is upright already, or not sure at any, stays as it is.
    pub(super) fn set_upright(&mut self, frame: &Frame, face: Face) -> Result<Upright> {
        let begin = roll_of(&face.landmarks);
        let square = Candidate::at(face.rect).squared();
        self.candidates.clear();
        self.candidates.extend((0..SIDES).map(|k| Candidate { roll: apart(begin + FRAC_PI_4 * k as f32, 0.0), ..square }));
        self.look(frame, Stage::Onet)?;
        let Self { verdicts, candidates, looks, .. } = self;
        looks.clear();
        looks.extend(verdicts.iter().filter_map(|verdict| {
            let candidate = candidates[verdict.index];
            let face = face_of(verdict, candidate, 0.5)?;
            let weight = -(1.0 - face.score).max(LEAST_DOUBT).ln();
            Some(Look { side: candidate.roll, face, roll: roll_of(&face.landmarks), weight })
        }));
        let speaks = |look: &Look, roll: f32| look.weight * (1.0 - apart(look.roll, roll).abs() / AGREE).max(0.0);
        let support = |roll: f32| looks.iter().map(|look| speaks(look, roll)).sum::<f32>();
        let unsure = Upright { face, is_sure: false };
        let Some(roll) = looks.iter().map(|look| look.roll).max_by(|a, b| support(*a).total_cmp(&support(*b))) else {
            return Ok(unsure);
        };
        if support(roll) < SURE {
            return Ok(unsure);
        }
        if roll.abs() < NEARLY_UPRIGHT && begin.abs() < NEARLY_UPRIGHT {
            return Ok(Upright { face, is_sure: true });
        }
        let off = |look: &&Look| apart(look.side, roll).abs();
        let nearest = looks.iter().min_by(|a, b| off(a).total_cmp(&off(b))).map_or(face, |look| look.face);
        let face = self.look_again(frame, nearest)?;
        let is_sure = face.score >= self.settings.thresholds[2];
        Ok(if is_sure { Upright { face, is_sure } } else { unsure })
    }

    /// Looks at crops that are turned back by the roll which the landmarks tell, as long as that helps.
    fn look_again(&mut self, frame: &Frame, mut face: Face) -> Result<Face> {
        for _ in 0..LOOKS_MORE {
            let square = Candidate { roll: roll_of(&face.landmarks), ..Candidate::at(face.rect).squared() };
            self.candidates.clear();
            self.candidates.push(square);
            self.look(frame, Stage::Onet)?;
            let seen = self.verdicts.first().and_then(|verdict| face_of(verdict, square, self.settings.thresholds[2]));
            match seen {
                Some(seen) if apart(roll_of(&seen.landmarks), square.roll).abs() < FRAC_PI_4 => face = seen,
                _ => break,
            }
        }
        Ok(face)
    }
}
