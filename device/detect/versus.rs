//! The boxes of two ways to find faces in, which of them are the same face out.

use crate::types::Duel;

/// Boxes that overlap less are of different faces: the two frame a face differently, MT-CNN from brow to chin, a cascade by
/// the square that its training pictures had.
pub const SAME_FACE_IOU: f32 = 0.3;

/// Finds the pairs of a duel: the best overlap first, no box twice.
pub fn pair(duel: &mut Duel) {
    let mut overlaps = Vec::new();
    for (f, face) in duel.faces.iter().enumerate() {
        for (o, outline) in duel.outlines.iter().enumerate() {
            let overlap = face.rect.iou(&outline.rect);
            if overlap >= SAME_FACE_IOU {
                overlaps.push((overlap, f, o));
            }
        }
    }
    overlaps.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    duel.pairs.clear();
    for (_, f, o) in overlaps {
        if duel.pairs.iter().all(|&(face, outline)| face != f && outline != o) {
            duel.pairs.push((f, o));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Face, Outline, Rect, Tally};

    fn duel(faces: &[f32], outlines: &[f32]) -> Duel {
        let rect = |&x: &f32| Rect { x, y: 0.0, w: 100.0, h: 100.0 };
        let mut duel = Duel {
            faces: faces.iter().map(|x| Face { rect: rect(x), score: 1.0, landmarks: [[0.0; 2]; 5] }).collect(),
            outlines: outlines.iter().map(|x| Outline { rect: rect(x), neighbours: 5 }).collect(),
            mtcnn_ms: 2.0,
            haar_ms: 1.0,
            ..Duel::default()
        };
        pair(&mut duel);
        duel
    }

    #[test]
    fn the_best_overlap_is_paired_first_and_no_box_twice() {
        assert_eq!(duel(&[0.0, 30.0], &[25.0]).pairs, [(1, 0)]);
        assert_eq!(duel(&[0.0, 30.0], &[25.0, 200.0, -40.0]).pairs, [(1, 0), (0, 2)]);
        assert_eq!(duel(&[0.0], &[60.0]).pairs, []);
        assert_eq!(duel(&[], &[1.0]).pairs, []);
    }

    #[test]
    fn what_only_one_has_is_a_miss_of_the_other() {
        let mut tally = Tally::default();
        tally.add(&duel(&[0.0, 300.0], &[5.0]));
        tally.add(&duel(&[], &[0.0, 200.0]));
        let expected = Tally { frames: 2, hits: 1, mtcnn_misses: 2, haar_misses: 1, mtcnn_ms: 4.0, haar_ms: 2.0 };
        assert_eq!(tally, expected);
    }
}
