//! Tables of sums in, which windows pass all stages of a cascade out.

use super::cascade::{self, Cascade, Feature, Stage};
use super::sums::{Layout, Tables};
use lookalike_kernels::Kernels;
use lookalike_kernels::haar::{LANES, Node, Part, Trees, norms};

/// Windows of those looked at together that must be left for it to go on so: of fewer, each is looked at by itself.
const FEW: u32 = 2;

/// A cascade made ready for tables of one layout.
pub(super) struct Judge {
    kernels: Kernels,
    layout: Layout,
    stages: Vec<Ready>,
    /// Of the rectangle whose deviation windows are measured by.
    corners: [u32; 4],
    area: f64,
    norms: Vec<f32>,
}

struct Ready {
    trees: Trees,
    threshold: f64,
}

impl Judge {
    pub fn new(cascade: &Cascade, layout: Layout, kernels: Kernels) -> Self {
        let [width, height] = cascade.window;
        let stages = cascade.stages.iter().map(|stage| Ready::new(stage, &cascade.features, layout)).collect();
        Self {
            kernels,
            layout,
            stages,
            corners: corners(1, 1, width - 2, height - 2, layout),
            area: ((width - 2) * (height - 2)) as f64,
            norms: Vec::new(),
        }
    }

    /// Calls `found` with the place of each window of a row that passes: `count` windows, the first at the left border. As
    /// OpenCV does, the one behind a window that fails the first stage is passed over.
    pub fn row(&mut self, tables: &Tables, y: usize, count: usize, mut found: impl FnMut(usize)) {
        let Self { kernels, layout, stages, corners, area, norms: row_norms } = self;
        let begin = layout.place(0, y);
        row_norms.clear();
        row_norms.resize(count.next_multiple_of(LANES), 0.0);
        norms(*kernels, &tables.sums[begin..], &tables.squares[begin..], *corners, *area, &mut row_norms[..count]);
        let mut passes_over = false;
        let (blocks, _) = row_norms.as_chunks::<LANES>();
        for (block, norms) in blocks.iter().enumerate() {
            let first = block * LANES;
            let sums = &tables.sums[begin + first..];
            let passing = stages[0].of_row(*kernels, sums, norms);
            let mut left = 0u32;
            for (lane, norm) in norms.iter().enumerate() {
                let is_passing = passing >> lane & 1 == 1;
                if std::mem::take(&mut passes_over) || *norm == 0.0 {
                    continue;
                }
                left |= u32::from(is_passing) << lane;
                passes_over = !is_passing;
            }
            let mut next = 1;
            while left.count_ones() > FEW && next < stages.len() {
                left &= stages[next].of_row(*kernels, sums, norms);
                next += 1;
            }
            while left != 0 {
                let lane = left.trailing_zeros() as usize;
                left &= left - 1;
                if stages[next..].iter().all(|stage| stage.is_passed(&sums[lane..], norms[lane])) {
                    found(first + lane);
                }
            }
        }
    }
}

impl Ready {
    fn new(stage: &Stage, features: &[Feature], layout: Layout) -> Self {
        let node = |node: &cascade::Node| {
            let cascade::Node { feature, threshold, below, above } = *node;
            Node { parts: parts(&features[feature], layout), threshold, below, above }
        };
        let trees: Vec<Vec<Node>> = stage.trees.iter().map(|tree| tree.iter().map(node).collect()).collect();
        Self { trees: Trees::new(&trees), threshold: f64::from(stage.threshold) }
    }

    /// Which windows pass, a bit for each.
    fn of_row(&self, kernels: Kernels, sums: &[i32], norms: &[f32; LANES]) -> u32 {
        let totals = self.trees.of_row(kernels, sums, norms);
        (0..).zip(totals).fold(0, |passing, (lane, total)| passing | u32::from(total >= self.threshold) << lane)
    }

    fn is_passed(&self, sums: &[i32], norm: f32) -> bool {
        self.trees.of_one(sums, norm) >= self.threshold
    }
}

fn parts(feature: &Feature, layout: Layout) -> [Part; 3] {
    let mut parts = [Part::default(); 3];
    for (out, part) in parts.iter_mut().zip(&feature.parts) {
        *out = Part { corners: corners(part.x, part.y, part.w, part.h, layout), weight: part.weight };
    }
    parts
}

/// Where a rectangle's sum is read.
fn corners(x: usize, y: usize, w: usize, h: usize, layout: Layout) -> [u32; 4] {
    [(x, y), (x + w, y), (x, y + h), (x + w, y + h)].map(|(x, y)| layout.place(x, y) as u32)
}
