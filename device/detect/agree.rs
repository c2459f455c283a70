//! A face and what R-Net said of the squares around it in, how sure the cascade is of it out.
//!
//! P-Net proposes a face again and again, a little to the side or a level of the pyramid on, and R-Net sees it in most of these
//! squares; a hand or a fold of cloth that O-Net takes for a face stands alone. Viola and Jones (2004, section 5.5) count such
//! agreement to tell detections from noise; here each square counts by R-Net's score, and the sum moves O-Net's log-odds.

use super::boxes::{Candidate, Overlap};
use crate::types::{Face, Rect};

/// [`super::Settings::agreement`] of tuned nets: chosen on stock ones, of which each half of the photos of docs/tuning.md is
/// served best by 2 to 4.
pub const AGREEMENT: f32 = 2.0;

/// A square speaks for the face whose own square it overlaps by more than this.
const NEAR: f32 = 0.4;
/// Scores that sum up to so much leave O-Net's as it is. Half of the faces in photos of crowds have 5 or more, half of what is taken
/// for one less than 2; from this middle on stock nets let as many false detections through as without agreement.
const USUAL: f32 = 2.6;
/// A score counts as if so much were missing to 0 and to 1.
const LEAST_DOUBT: f32 = 1e-6;

/// O-Net's score, 0 to 1, for a face around which R-Net's scores add up to `sum`. `weight`: see [`super::Settings::agreement`].
pub(super) fn agreed(score: f32, sum: f32, weight: f32) -> f32 {
    let score = score.clamp(LEAST_DOUBT, 1.0 - LEAST_DOUBT);
    let odds = score / (1.0 - score) * ((1.0 + sum) / (1.0 + USUAL)).powf(weight);
    odds / (1.0 + odds)
}

/// The sum of the scores of the squares around a face.
pub(super) fn around(face: &Face, seen: &[(Rect, f32)]) -> f32 {
    let square = Candidate::at(face.rect).squared().rect;
    seen.iter().filter(|(rect, _)| Overlap::Union.of(rect, &square) > NEAR).map(|(_, score)| score).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, y: f32, w: f32, h: f32) -> Face {
        Face { rect: Rect { x, y, w, h }, score: 0.9, landmarks: [[0.0; 2]; 5] }
    }

    #[test]
    fn as_many_as_usual_change_nothing_fewer_speak_against_and_more_for_a_face() {
        for score in [0.1, 0.5, 0.9] {
            let scores = [0.0, 1.0, 2.6, 12.0].map(|sum| agreed(score, sum, 2.0));
            assert!((scores[2] - score).abs() < 1e-4 && scores.is_sorted_by(|a, b| a < b), "{scores:?}");
            assert!((agreed(score, 0.0, 0.0) - score).abs() < 1e-6);
        }
        // Odds of 9, and a quarter of them: (1 + 0.8) / 3.6, squared.
        assert!((agreed(0.9, 0.8, 2.0) - 2.25 / 3.25).abs() < 1e-6);
    }

    #[test]
    fn scores_stay_between_0_and_1() {
        for (score, sum) in [(0.0, 0.0), (1.0, 1e6), (1.0, 0.0), (0.0, 1e6)] {
            assert!((0.0..=1.0).contains(&agreed(score, sum, 2.0)), "{score} {sum}");
        }
    }

    #[test]
    fn squares_count_that_overlap_the_faces_own() {
        // Its square is 100 wide, from 10 on.
        let tall = face(20.0, 10.0, 80.0, 100.0);
        let square = |x, side| Rect { x, y: 10.0, w: side, h: side };
        let seen =
            [(square(10.0, 100.0), 0.75), (square(50.0, 100.0), 0.125), (square(60.0, 100.0), 1.0), (square(10.0, 60.0), 1.0)];
        assert_eq!(around(&tall, &seen), 0.875);
        assert_eq!(around(&tall, &[]), 0.0);
    }
}
