//! Faces in, the same faces set upright out; and faces of heads that a search of upright ones misses.
//!
//! O-Net looks at a face's square turned to eight sides. It is surest of the upright one, and its landmarks tell the head's roll
//! from the sides next to that, too. The roll on which most of what it says agrees is the head's; at a crop turned back by that
//! much it looks again. Where no face is sure, P-Net looks for heads that are turned by quarters, at the smaller levels of the
//! pyramid, and only those that are sure then count.

use super::boxes::{Candidate, Overlap};
use super::lane::Stage;
use super::roll::{NEARLY_UPRIGHT, TURNED, apart, roll_of};
use super::{Detector, face_of, scored};
use crate::turn::Turn;
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
            for turn in TURNED {
                self.probe(frame, turn, faces)?;
            }
        }
        self.suppressor.thin(faces, scored, 0.7, Overlap::Smaller);
        Ok(())
    }

    /// Adds the sure faces of heads that are turned by about so much.
    pub(super) fn probe(&mut self, frame: &Frame, turn: Turn, faces: &mut Vec<Face>) -> Result<()> {
        let levels = self.lanes.iter().map(|lane| lane.proposals.len()).sum::<usize>();
        self.propose(frame, turn, LEVELS_SKIPPED.min(levels.saturating_sub(1)))?;
        self.sift(frame)?;
        let mut found = std::mem::take(&mut self.found);
        self.decide(frame, &mut found)?;
        for face in found.drain(..) {
            let Upright { face, is_sure } = self.set_upright(frame, face)?;
            faces.extend(is_sure.then_some(face));
        }
        self.found = found;
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::tests::{BrightP, frame_of, net, settings, tensor};
    use crate::detect::{Heads, Nets, Settings};
    use crate::infer::{Model, Normalise, Tensor};
    use crate::types::Rect;

    /// Where the landmarks of an upright face lie in a crop.
    const TEMPLATE: [[f32; 2]; 5] = [[0.3, 0.35], [0.7, 0.35], [0.5, 0.55], [0.35, 0.75], [0.65, 0.75]];

    /// R-Net that passes everything, or O-Net that knows a head by its dark chin: surest, up to `most`, where that is below.
    struct Chin {
        most: Option<f32>,
        outputs: Vec<Tensor>,
    }

    impl Model for Chin {
        fn run(&mut self, [n, h, w]: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
            let mut input = vec![0; 3 * n * h * w];
            fill(&mut input);
            let (mut scores, mut points) = (vec![], vec![]);
            for crop in input.chunks(3 * h * w) {
                let dark = (0..h * w).filter(|i| crop[3 * i] < 60).map(|i| [(i % w) as f32 + 0.5, (i / w) as f32 + 0.5]);
                let [x, y, count] = dark.fold([0.0; 3], |[x, y, count], [dx, dy]| [x + dx, y + dy, count + 1.0]);
                let (x, y) = (x / f32::max(count, 1.0) - w as f32 / 2.0, y / f32::max(count, 1.0) - h as f32 / 2.0);
                let (sin, cos) = (-x).atan2(y).sin_cos();
                let score = self.most.map_or(0.9, |most| if count > 0.0 { most * (0.5 + 0.5 * cos) } else { 0.0 });
                scores.extend([1.0 - score, score]);
                let seen = TEMPLATE.map(|[x, y]| [x - 0.5, y - 0.5]).map(|[x, y]| [x * cos - y * sin, x * sin + y * cos]);
                points.extend(seen.iter().map(|p| p[0] + 0.5).chain(seen.iter().map(|p| p[1] + 0.5)));
            }
            self.outputs = vec![tensor(&[n, 2], scores), tensor(&[n, 4], vec![0.0; 4 * n])];
            self.outputs.extend(self.most.map(|_| tensor(&[n, 10], points)));
            Ok(&self.outputs)
        }
    }

    fn detector(most: f32) -> Detector {
        let chin = |most| net(Chin { most, outputs: vec![] });
        let nets = Nets { pnet: net(BrightP::default()), rnet: chin(None), onet: chin(Some(most)) };
        Detector::new(vec![nets], Settings { heads: Heads::Any, ..settings() }).unwrap()
    }

    /// A grey head on darker grey, its chin black, turned clockwise by so many degrees; and its box.
    fn head(degrees: f32) -> (Frame, Rect) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let chin = [100.0 - 24.0 * sin, 100.0 + 24.0 * cos];
        let within = |x: u32, y: u32, [cx, cy]: [f32; 2], radius: f32| (x as f32 - cx).hypot(y as f32 - cy) < radius;
        let paint = |x, y| match (within(x, y, chin, 9.0), within(x, y, [100.0, 100.0], 36.0)) {
            (true, _) => 0,
            (_, true) => 140,
            _ => 90,
        };
        (frame_of(200, 200, paint), Rect { x: 60.0, y: 60.0, w: 80.0, h: 80.0 })
    }

    /// What a search of upright heads says of it, with upright landmarks.
    fn found(rect: Rect) -> Face {
        let Rect { x, y, w, h } = rect;
        Face { rect, score: 0.95, landmarks: TEMPLATE.map(|[px, py]| [x + px * w, y + py * h]) }
    }

    #[test]
    fn a_head_is_set_upright_from_any_roll() {
        for degrees in [20.0f32, 60.0, 90.0, 135.0, 180.0, -150.0, -90.0, -35.0] {
            let (frame, rect) = head(degrees);
            let upright = detector(0.9999).set_upright(&frame, found(rect)).unwrap();
            let off = apart(roll_of(&upright.face.landmarks), degrees.to_radians()).to_degrees();
            assert!(upright.is_sure && off.abs() < 4.0, "{degrees}: off by {off}, {upright:?}");
        }
    }

    #[test]
    fn a_head_that_is_nearly_upright_stays_as_it_was_found() {
        for degrees in [0.0, 6.0, -6.0] {
            let (frame, rect) = head(degrees);
            let upright = detector(0.9999).set_upright(&frame, found(rect)).unwrap();
            assert!(upright.is_sure && upright.face == found(rect), "{degrees}: {upright:?}");
        }
    }

    #[test]
    fn a_face_that_nothing_speaks_for_stays_and_is_not_sure() {
        let (frame, rect) = head(90.0);
        let upright = detector(0.75).set_upright(&frame, found(rect)).unwrap();
        assert!(!upright.is_sure && upright.face == found(rect), "{upright:?}");
        let empty = frame_of(200, 200, |_, _| 90);
        assert!(!detector(0.9999).set_upright(&empty, found(rect)).unwrap().is_sure);
    }
}
