//! Boxes with scores: regression, squaring, non-maximum suppression. Pure arithmetic.

use crate::types::Rect;

/// A box that some stage of the cascade proposes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Candidate {
    pub rect: Rect,
    /// The stage's confidence, 0 to 1.
    pub score: f32,
    /// The stage's correction of the edges left, upper, right, lower, as fractions of width and height.
    pub shift: [f32; 4],
    /// By how much the box is turned around its middle, clockwise, in radians: upright in the eyes of the head that it holds.
    pub roll: f32,
}

impl Candidate {
    /// An upright box that nothing is known of yet.
    pub fn at(rect: Rect) -> Self {
        Self { rect, score: 1.0, shift: [0.0; 4], roll: 0.0 }
    }

    /// Where a point of the box lies in the frame; `point`: as if the box were not turned.
    pub fn turned(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        if self.roll == 0.0 {
            return [x, y];
        }
        let Rect { x: left, y: upper, w, h } = self.rect;
        let ([cx, cy], (sin, cos)) = ([left + w / 2.0, upper + h / 2.0], self.roll.sin_cos());
        [cx + (x - cx) * cos - (y - cy) * sin, cy + (x - cx) * sin + (y - cy) * cos]
    }

    /// Bounding box regression: moves each edge by its share of the box's size (Zhang et al. 2016, section II.B).
    /// P-Net was trained to count the size `less` one pixel, the others whole.
    pub fn regressed(self, less: f32) -> Self {
        let Rect { x, y, w, h } = self.rect;
        let [left, upper, right, lower] = self.shift;
        let (x1, y1) = (x + left * (w - less), y + upper * (h - less));
        let (x2, y2) = (x + w + right * (w - less), y + h + lower * (h - less));
        let mut rect = Rect { x: x1, y: y1, w: (x2 - x1).max(1.0), h: (y2 - y1).max(1.0) };
        if self.roll != 0.0 {
            let [cx, cy] = self.turned([rect.x + rect.w / 2.0, rect.y + rect.h / 2.0]);
            (rect.x, rect.y) = (cx - rect.w / 2.0, cy - rect.h / 2.0);
        }
        Self { rect, shift: [0.0; 4], ..self }
    }

    /// The square with the same centre and the longer side, as the next stage's input wants it.
    pub fn squared(self) -> Self {
        let Rect { x, y, w, h } = self.rect;
        let side = w.max(h);
        let rect = Rect { x: x + (w - side) / 2.0, y: y + (h - side) / 2.0, w: side, h: side };
        Self { rect, ..self }
    }

    /// Box and score, for [`Suppressor::thin`].
    pub fn scored(&self) -> (Rect, f32) {
        (self.rect, self.score)
    }
}

/// What overlap is measured against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Overlap {
    /// The area of both together.
    Union,
    /// The smaller of both areas: a box inside another is wholly covered.
    Smaller,
}

/// Non-maximum suppression, keeping its buffers.
#[derive(Default)]
pub(super) struct Suppressor {
    order: Vec<usize>,
    kept: Vec<usize>,
}

impl Suppressor {
    /// Leaves the best first: each item stays unless its box overlaps one that stayed by more than `limit`. `box_of` says an
    /// item's box and score. Equal scores keep their order; a score that is not a number comes last.
    pub fn thin<T: Copy>(&mut self, list: &mut Vec<T>, box_of: impl Fn(&T) -> (Rect, f32), limit: f32, overlap: Overlap) {
        let Self { order, kept } = self;
        order.clear();
        order.extend(0..list.len());
        order.sort_unstable_by(|&a, &b| box_of(&list[b]).1.total_cmp(&box_of(&list[a]).1).then(a.cmp(&b)));
        kept.clear();
        for &index in &*order {
            let (rect, _) = box_of(&list[index]);
            if kept.iter().all(|&k| overlap.of(&box_of(&list[k]).0, &rect) <= limit) {
                kept.push(index);
            }
        }
        let before = list.len();
        for &index in &*kept {
            list.push(list[index]);
        }
        list.drain(..before);
    }
}

impl Overlap {
    /// How much of the area two boxes share, 0 to 1.
    pub fn of(self, a: &Rect, b: &Rect) -> f32 {
        match self {
            Overlap::Union => a.iou(b),
            Overlap::Smaller => {
                let w = (a.x + a.w).min(b.x + b.w) - a.x.max(b.x);
                let h = (a.y + a.h).min(b.y + b.h) - a.y.max(b.y);
                w.max(0.0) * h.max(0.0) / (a.w * a.h).min(b.w * b.h).max(f32::MIN_POSITIVE)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(x: f32, y: f32, w: f32, h: f32) -> Rect {
        Rect { x, y, w, h }
    }

    /// The scores that stay, in tenths.
    fn suppress(boxes: &[(Rect, f32)], limit: f32, overlap: Overlap) -> Vec<u32> {
        let mut list = boxes.to_vec();
        Suppressor::default().thin(&mut list, |b| *b, limit, overlap);
        list.iter().map(|b| (b.1 * 10.0).round() as u32).collect()
    }

    #[test]
    fn the_best_of_overlapping_boxes_stays() {
        let boxes = [(rect(0.0, 0.0, 10.0, 10.0), 0.7), (rect(1.0, 0.0, 10.0, 10.0), 0.9), (rect(50.0, 0.0, 10.0, 10.0), 0.8)];
        assert_eq!(suppress(&boxes, 0.5, Overlap::Union), [9, 8]);
        assert_eq!(suppress(&boxes, 0.9, Overlap::Union), [9, 8, 7]);
    }

    #[test]
    fn a_box_inside_another_is_covered_only_against_the_smaller() {
        let boxes = [(rect(0.0, 0.0, 100.0, 100.0), 0.9), (rect(40.0, 40.0, 10.0, 10.0), 0.8)];
        assert_eq!(suppress(&boxes, 0.7, Overlap::Union), [9, 8]);
        assert_eq!(suppress(&boxes, 0.7, Overlap::Smaller), [9]);
    }

    #[test]
    fn regression_moves_edges_by_shares_of_the_size() {
        let c = Candidate { rect: rect(10.0, 20.0, 100.0, 50.0), score: 1.0, shift: [0.1, -0.2, -0.1, 0.2], roll: 0.0 };
        assert_eq!(c.regressed(0.0).rect, rect(20.0, 10.0, 80.0, 70.0));
        assert_eq!(c.regressed(0.0).squared().rect, rect(20.0, 5.0, 80.0, 80.0));
    }

    #[test]
    fn a_regression_that_turns_a_box_inside_out_leaves_a_pixel() {
        let c = Candidate { rect: rect(0.0, 0.0, 10.0, 10.0), score: 1.0, shift: [2.0, 0.0, -2.0, 0.0], roll: 0.0 };
        assert_eq!(c.regressed(0.0).rect.w, 1.0);
    }
}
