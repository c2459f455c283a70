//! A face in; how it is turned, and whether that is another view than one before, out.

use crate::types::Face;

/// The nose wanders by more than this share of the distance between eyes and mouth: the head turned or nodded. O-Net's
/// own jitter stays below a third of it.
const TURNED: f32 = 0.15;
/// The eyes' line leans more than this, in radians (15 degrees).
const LEANT: f32 = 0.26;
/// Larger or smaller by this factor.
const NEARER: f32 = 1.4;
/// The detector's confidence changed by more.
const SURER: f32 = 0.15;

/// How a face is turned, as far as five landmarks tell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Where the nose lies between the eyes and the mouth: along the eyes' line and across it, in distances from eyes to mouth.
    nose: [f32; 2],
    /// The eyes' line, in radians.
    lean: f32,
    /// Distance from eyes to mouth in pixels.
    size_px: f32,
    score: f32,
}

impl Pose {
    /// Of a face. Landmarks that coincide give a pose that no other resembles.
    pub fn of(face: &Face) -> Self {
        let [left_eye, right_eye, nose, left_mouth, right_mouth] = face.landmarks;
        let middle = |a: [f32; 2], b: [f32; 2]| [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0];
        let (eyes, mouth) = (middle(left_eye, right_eye), middle(left_mouth, right_mouth));
        let lean = (right_eye[1] - left_eye[1]).atan2(right_eye[0] - left_eye[0]);
        let size_px = (mouth[0] - eyes[0]).hypot(mouth[1] - eyes[1]);
        let (x, y) = (nose[0] - (eyes[0] + mouth[0]) / 2.0, nose[1] - (eyes[1] + mouth[1]) / 2.0);
        let (sin, cos) = lean.sin_cos();
        let nose = [(x * cos + y * sin) / size_px, (y * cos - x * sin) / size_px];
        Self { nose, lean, size_px, score: face.score }
    }

    /// Whether a face seen so may look different to an embedder from one seen as `other`.
    pub fn differs(&self, other: &Pose) -> bool {
        let turned = (self.nose[0] - other.nose[0]).hypot(self.nose[1] - other.nose[1]);
        let leant = (self.lean - other.lean).abs();
        let nearer = (self.size_px / other.size_px).max(other.size_px / self.size_px);
        let same = turned <= TURNED
            && leant.min(std::f32::consts::TAU - leant) <= LEANT
            && nearer <= NEARER
            && (self.score - other.score).abs() <= SURER;
        // Numbers that are none compare as different.
        !same
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Landmarks, Rect};

    const FRONT: Landmarks = [[38.0, 52.0], [74.0, 52.0], [56.0, 72.0], [42.0, 92.0], [71.0, 92.0]];

    fn pose(landmarks: Landmarks, score: f32) -> Pose {
        Pose::of(&Face { rect: Rect { x: 0.0, y: 0.0, w: 100.0, h: 120.0 }, score, landmarks })
    }

    fn moved(map: impl Fn([f32; 2]) -> [f32; 2]) -> Pose {
        pose(FRONT.map(map), 0.99)
    }

    #[test]
    fn walking_about_and_jitter_are_no_turn() {
        let front = pose(FRONT, 0.99);
        assert!(!moved(|[x, y]| [x + 200.0, y - 40.0]).differs(&front));
        assert!(!moved(|[x, y]| [1.3 * x, 1.3 * y]).differs(&front));
        assert!(!moved(|[x, y]| [x + (y * 7.0).sin(), y + (x * 5.0).sin()]).differs(&front));
    }

    #[test]
    fn a_turned_head_a_nod_a_lean_a_step_and_doubt_are() {
        let front = pose(FRONT, 0.99);
        let nose = |dx: f32, dy: f32| {
            let mut landmarks = FRONT;
            landmarks[2] = [56.0 + dx, 72.0 + dy];
            pose(landmarks, 0.99)
        };
        assert!(nose(9.0, 0.0).differs(&front) && nose(-9.0, 0.0).differs(&front) && nose(0.0, 9.0).differs(&front));
        let (sin, cos) = 0.4f32.sin_cos();
        assert!(moved(|[x, y]| [x * cos - y * sin, x * sin + y * cos]).differs(&front));
        assert!(moved(|[x, y]| [1.5 * x, 1.5 * y]).differs(&front));
        assert!(pose(FRONT, 0.75).differs(&front));
    }

    #[test]
    fn landmarks_in_one_point_resemble_nothing() {
        let none = pose([[5.0; 2]; 5], 0.99);
        assert!(none.differs(&none));
    }
}
