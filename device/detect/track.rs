//! Which face of this frame is which of the last ones. Positions only: nothing is remembered once a face is gone.

use crate::types::{Face, Rect};

/// Two boxes that overlap less are different faces.
const SAME_FACE_IOU: f32 = 0.3;

/// Follows faces from frame to frame.
pub struct Tracks {
    live: Vec<Live>,
    next: u64,
    patience: u32,
}

struct Live {
    track: u64,
    rect: Rect,
    missed: u32,
}

impl Tracks {
    /// `patience`: for how many frames a face may be missed before it counts as gone.
    pub fn new(patience: u32) -> Self {
        Self { live: Vec::new(), next: 1, patience }
    }

    /// The track of each face, in the faces' order. The best overlap is matched first; a face without a partner starts a track.
    pub fn follow(&mut self, faces: &[Face]) -> Vec<u64> {
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (f, face) in faces.iter().enumerate() {
            for (l, live) in self.live.iter().enumerate() {
                let overlap = face.rect.iou(&live.rect);
                if overlap >= SAME_FACE_IOU {
                    pairs.push((overlap, f, l));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut partner: Vec<Option<usize>> = vec![None; faces.len()];
        let mut taken = vec![false; self.live.len()];
        for (_, f, l) in pairs {
            if partner[f].is_none() && !taken[l] {
                partner[f] = Some(l);
                taken[l] = true;
            }
        }
        for (live, taken) in self.live.iter_mut().zip(&taken) {
            live.missed = if *taken { 0 } else { live.missed + 1 };
        }
        let mut tracks = Vec::with_capacity(faces.len());
        for (face, partner) in faces.iter().zip(partner) {
            match partner {
                Some(l) => {
                    self.live[l].rect = face.rect;
                    tracks.push(self.live[l].track);
                }
                None => {
                    self.live.push(Live { track: self.next, rect: face.rect, missed: 0 });
                    tracks.push(self.next);
                    self.next += 1;
                }
            }
        }
        let patience = self.patience;
        self.live.retain(|l| l.missed <= patience);
        tracks
    }

    /// Whether a track is still followed, seen or missed for a short while.
    pub fn is_live(&self, track: u64) -> bool {
        self.live.iter().any(|l| l.track == track)
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
    fn another_face_at_another_place_is_another_track() {
        let mut tracks = Tracks::new(2);
        tracks.follow(&[at(0.0)]);
        assert_eq!(tracks.follow(&[at(200.0)]), [2]);
    }
}
