//! Which face of this frame is which of the last ones. Positions only: nothing is remembered once a face is gone.

use super::roll;
use crate::types::{Face, Rect};

/// Two boxes that overlap less are different faces.
const SAME_FACE_IOU: f32 = 0.3;

/// A face moves at most this share of its size from one frame to the next, as far as anybody dares to predict.
const FARTHEST_STEP: f32 = 0.5;

/// Follows faces from frame to frame. Lists are kept from frame to frame.
pub struct Tracks {
    live: Vec<Live>,
    next: u64,
    patience: u32,
    pairs: Vec<(f32, usize, usize)>,
    tracks: Vec<u64>,
}

/// A face that is followed.
pub(super) struct Live {
    /// Its number.
    pub track: u64,
    /// Where it was seen last.
    pub rect: Rect,
    /// Where it is looked for now.
    pub near: Rect,
    /// How far its head is turned, clockwise, in radians; 0 where that is next to nothing.
    pub roll: f32,
    /// How far its middle moves from frame to frame, in pixels.
    pub step: [f32; 2],
    /// For how many frames it was not seen.
    pub missed: u32,
    /// How many searches in a row did not find it, though it was seen.
    pub unfound: u32,
    taken: bool,
}

impl Live {
    /// Where the face should be in the next frame.
    pub fn expected(&self) -> Rect {
        if self.missed > 0 {
            return self.rect;
        }
        let most = FARTHEST_STEP * self.rect.w.max(self.rect.h);
        let [dx, dy] = self.step.map(|d| d.clamp(-most, most));
        Rect { x: self.rect.x + dx, y: self.rect.y + dy, ..self.rect }
    }

    fn seen(&mut self, face: &Face) {
        let rect = face.rect;
        let middle = |r: Rect| [r.x + r.w / 2.0, r.y + r.h / 2.0];
        let ([ax, ay], [bx, by]) = (middle(self.rect), middle(rect));
        // After a gap nobody knows how the face moved between.
        self.step = if self.missed > 0 { [0.0; 2] } else { [bx - ax, by - ay] };
        (self.rect, self.near, self.missed, self.taken) = (rect, rect, 0, true);
        self.roll = roll::noticeable(&face.landmarks);
    }
}

impl Tracks {
    /// `patience`: for how many frames a face may be missed before it counts as gone.
    pub fn new(patience: u32) -> Self {
        Self { live: Vec::new(), next: 1, patience, pairs: Vec::new(), tracks: Vec::new() }
    }

    /// The track of each face, in the faces' order. The best overlap is matched first; a face without a partner starts a track.
    pub fn follow(&mut self, faces: &[Face]) -> &[u64] {
        let Self { live, pairs, tracks, .. } = self;
        pairs.clear();
        for (f, face) in faces.iter().enumerate() {
            for (l, live) in live.iter().enumerate() {
                let overlap = face.rect.iou(&live.near);
                if overlap >= SAME_FACE_IOU {
                    pairs.push((overlap, f, l));
                }
            }
        }
        pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        live.iter_mut().for_each(|l| l.taken = false);
        // 0 is no track yet.
        tracks.clear();
        tracks.resize(faces.len(), 0);
        for &(_, f, l) in &*pairs {
            if tracks[f] == 0 && !live[l].taken {
                tracks[f] = live[l].track;
                live[l].seen(&faces[f]);
            }
        }
        for l in live.iter_mut().filter(|l| !l.taken) {
            (l.missed, l.near) = (l.missed + 1, l.rect);
        }
        for (track, face) in tracks.iter_mut().zip(faces).filter(|(t, _)| **t == 0) {
            *track = self.next;
            self.next += 1;
            let (rect, roll) = (face.rect, roll::noticeable(&face.landmarks));
            live.push(Live { track: *track, rect, near: rect, roll, step: [0.0; 2], missed: 0, unfound: 0, taken: true });
        }
        live.retain(|l| l.missed <= self.patience);
        tracks
    }

    /// Whether a track is still followed, seen or missed for a short while.
    pub fn is_live(&self, track: u64) -> bool {
        self.live.iter().any(|l| l.track == track)
    }

    /// All faces that are followed.
    pub(super) fn live(&mut self) -> &mut [Live] {
        &mut self.live
    }

    /// Forgets all faces; their numbers are not used again.
    pub fn forget(&mut self) {
        self.live.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32) -> Face {
        Face { rect: Rect { x, y: 0.0, w: 100.0, h: 100.0 }, score: 1.0, landmarks: [[0.0; 2]; 5] }
    }

    #[test]
    fn a_moving_face_keeps_its_track_and_order_does_not_matter() {
        let mut tracks = Tracks::new(2);
        assert_eq!(tracks.follow(&[at(0.0), at(300.0)]), [1, 2]);
        assert_eq!(tracks.follow(&[at(320.0), at(25.0)]), [2, 1]);
        assert_eq!(tracks.follow(&[at(50.0), at(340.0)]), [1, 2]);
    }

    #[test]
    fn a_face_missed_for_a_moment_comes_back_as_itself() {
        let mut tracks = Tracks::new(2);
        tracks.follow(&[at(0.0)]);
        tracks.follow(&[]);
        tracks.follow(&[]);
        assert_eq!(tracks.follow(&[at(10.0)]), [1]);
    }

    #[test]
    fn a_face_that_left_is_forgotten() {
        let mut tracks = Tracks::new(2);
        tracks.follow(&[at(0.0)]);
        for _ in 0..3 {
            tracks.follow(&[]);
        }
        assert!(!tracks.is_live(1));
        assert_eq!(tracks.follow(&[at(0.0)]), [2]);
    }

    #[test]
    fn a_face_is_expected_where_its_last_step_leads() {
        let mut tracks = Tracks::new(2);
        for x in [0.0, 10.0, 25.0] {
            tracks.follow(&[at(x)]);
        }
        assert_eq!(tracks.live()[0].expected().x, 40.0);
        tracks.follow(&[]);
        assert_eq!(tracks.live()[0].expected().x, 25.0);
    }

    #[test]
    fn after_forgetting_the_same_place_is_another_face() {
        let mut tracks = Tracks::new(2);
        tracks.follow(&[at(0.0)]);
        tracks.forget();
        assert!(!tracks.is_live(1));
        assert_eq!(tracks.follow(&[at(0.0)]), [2]);
    }

    #[test]
    fn another_face_at_another_place_is_another_track() {
        let mut tracks = Tracks::new(2);
        tracks.follow(&[at(0.0)]);
        assert_eq!(tracks.follow(&[at(200.0)]), [2]);
    }
}
