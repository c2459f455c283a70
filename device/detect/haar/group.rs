//! Boxes that a cascade sees in, one for each cluster of alike boxes out: OpenCV's `groupRectangles`.

/// Boxes are alike whose edges differ by less than this share of their size.
const EPS: f64 = 0.2;

/// A box in whole pixels, and from how many it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Square {
    pub x: i32,
    pub y: i32,
    pub w: i32,
    pub h: i32,
    pub neighbours: u32,
}

/// Groups boxes, keeping its buffers.
#[derive(Default)]
pub(super) struct Grouper {
    labels: Vec<usize>,
    clusters: Vec<Square>,
}

impl Grouper {
    /// Leaves the mean of every cluster of more than `least` boxes, but for those inside a cluster of more boxes. With 0 all
    /// boxes stay as they are.
    pub fn group(&mut self, boxes: &mut Vec<Square>, least: u32) {
        if least == 0 || boxes.is_empty() {
            return;
        }
        self.label(boxes);
        let Self { labels, clusters } = self;
        clusters.clear();
        for (one, &label) in boxes.iter().zip(&*labels) {
            if label == clusters.len() {
                clusters.push(Square { x: 0, y: 0, w: 0, h: 0, neighbours: 0 });
            }
            let all = &mut clusters[label];
            (all.x, all.y, all.w, all.h) = (all.x + one.x, all.y + one.y, all.w + one.w, all.h + one.h);
            all.neighbours += 1;
        }
        for all in clusters.iter_mut() {
            let share = 1.0 / all.neighbours as f32;
            let mean = |sum: i32| round(sum as f32 * share);
            (all.x, all.y, all.w, all.h) = (mean(all.x), mean(all.y), mean(all.w), mean(all.h));
        }
        clusters.retain(|all| all.neighbours > least);
        boxes.clear();
        let is_covered = |(i, one): (usize, &Square)| clusters.iter().enumerate().any(|(j, other)| i != j && one.is_part(other));
        boxes.extend(clusters.iter().enumerate().filter(|&one| !is_covered(one)).map(|(_, one)| *one));
    }

    /// Gives each box the number of its cluster. Clusters are what alikeness connects, numbered as their first boxes come.
    fn label(&mut self, boxes: &[Square]) {
        let labels = &mut self.labels;
        labels.clear();
        labels.extend(0..boxes.len());
        // Each box points to an earlier one of its cluster, the first to itself.
        fn first(labels: &mut [usize], mut at: usize) -> usize {
            while labels[at] != at {
                labels[at] = labels[labels[at]];
                at = labels[at];
            }
            at
        }
        for (i, one) in boxes.iter().enumerate() {
            for (j, other) in boxes[..i].iter().enumerate() {
                if one.is_alike(other) {
                    let (a, b) = (first(labels, i), first(labels, j));
                    labels[a.max(b)] = a.min(b);
                }
            }
        }
        let mut count = 0;
        for at in 0..labels.len() {
            labels[at] = match labels[at] {
                own if own == at => {
                    count += 1;
                    count - 1
                }
                earlier => labels[earlier],
            };
        }
    }
}

impl Square {
    fn is_alike(&self, other: &Square) -> bool {
        let delta = EPS * f64::from(self.w.min(other.w) + self.h.min(other.h)) * 0.5;
        let edges =
            [self.x - other.x, self.y - other.y, self.x + self.w - other.x - other.w, self.y + self.h - other.y - other.h];
        edges.iter().all(|difference| f64::from(difference.abs()) <= delta)
    }

    /// Whether it lies in `other`, or nearly, and that has more boxes.
    fn is_part(&self, other: &Square) -> bool {
        let [dx, dy] = [other.w, other.h].map(|side| (f64::from(side) * EPS).round_ties_even() as i32);
        self.x >= other.x - dx
            && self.y >= other.y - dy
            && self.x + self.w <= other.x + other.w + dx
            && self.y + self.h <= other.y + other.h + dy
            && (other.neighbours > self.neighbours.max(3) || self.neighbours < 3)
    }
}

/// To the nearest whole number, halves to the even one, as processors round.
pub(super) fn round(value: f32) -> i32 {
    value.round_ties_even() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: i32, y: i32, side: i32) -> Square {
        Square { x, y, w: side, h: side, neighbours: 1 }
    }

    fn grouped(boxes: &[Square], least: u32) -> Vec<(i32, i32, i32, u32)> {
        let mut boxes = boxes.to_vec();
        Grouper::default().group(&mut boxes, least);
        boxes.iter().map(|b| (b.x, b.y, b.w, b.neighbours)).collect()
    }

    #[test]
    fn alike_boxes_become_their_mean_and_lone_ones_vanish() {
        let boxes = [square(10, 10, 20), square(200, 0, 30), square(12, 11, 20), square(13, 10, 21)];
        assert_eq!(grouped(&boxes, 2), [(12, 10, 20, 3)]);
        assert_eq!(grouped(&boxes, 3), []);
        assert_eq!(grouped(&boxes, 1), [(12, 10, 20, 3)]);
    }

    #[test]
    fn halves_are_rounded_to_the_even_neighbour() {
        assert_eq!(grouped(&[square(10, 11, 20), square(11, 12, 21)], 1), [(10, 12, 20, 2)]);
    }

    #[test]
    fn boxes_that_are_alike_through_others_are_one_cluster() {
        let chain: Vec<Square> = [40, 0, 20, 10, 30].map(|x| square(x, 0, 50)).to_vec();
        assert_eq!(grouped(&chain, 2), [(20, 0, 50, 5)]);
    }

    #[test]
    fn clusters_come_in_the_order_of_their_first_boxes() {
        let boxes = [100, 0, 101, 1].map(|x| square(x, 0, 30));
        assert_eq!(grouped(&boxes, 1), [(100, 0, 30, 2), (0, 0, 30, 2)]);
    }

    #[test]
    fn a_small_cluster_inside_a_larger_one_is_part_of_it() {
        let outer = [square(0, 0, 100); 5];
        let inner = [square(40, 40, 20); 4];
        assert_eq!(grouped(&[&outer[..], &inner].concat(), 2), [(0, 0, 100, 5)]);
        // As many boxes: both stay.
        assert_eq!(grouped(&[&outer[..4], &inner].concat(), 2).len(), 2);
    }

    #[test]
    fn without_a_least_count_all_boxes_stay() {
        assert_eq!(grouped(&[square(1, 2, 3), square(1, 2, 3)], 0), [(1, 2, 3, 1), (1, 2, 3, 1)]);
        assert_eq!(grouped(&[], 3), []);
    }
}
