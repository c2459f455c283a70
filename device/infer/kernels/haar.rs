//! Tables of sums in, what the trees of a Haar cascade say of many windows at once out.
//!
//! A table of sums holds, for each pixel, the sum of all pixels above it and at its left, so that any rectangle's sum is
//! made of four of its numbers. Windows beside each other lie beside each other in the table: [`LANES`] of them are judged
//! together, all nodes of a tree for all of them, since asking costs less than to find out whom to ask. Every kernel gives
//! the very same numbers, which are OpenCV's: features in 32 bits, sums over trees in 64.

use crate::Kernels;

/// Windows that are looked at together.
pub const LANES: usize = 16;

/// Pixels of a window's side at most: sums of so many bytes, and of their squares, fit.
pub const SIDE_MOST: usize = 256;

/// Nodes of a tree at most that is asked for all windows together; of larger ones each window asks its own.
const SHALLOW: usize = 4;

/// A number for each window.
type Lanes<T> = [T; LANES];

/// A rectangle, by its corners' places in the table of sums, seen from the window's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Part {
    /// Upper left, upper right, lower left, lower right.
    pub corners: [u32; 4],
    /// What its pixels count; 0 in a third part that is not there.
    pub weight: f32,
}

/// Asks whether a feature is below a threshold.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// The feature.
    pub parts: [Part; 3],
    /// What it is compared with.
    pub threshold: f32,
    /// Where it leads to if so.
    pub below: Next,
    /// And if not.
    pub above: Next,
}

/// Behind a node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Another of the tree's nodes, a later one.
    Node(usize),
    /// What the tree adds.
    Leaf(f32),
}

/// A stage: trees whose leaves are added up.
#[derive(Clone, Debug)]
pub struct Trees {
    /// One tree's nodes behind the other's.
    nodes: Vec<Node>,
    /// How many nodes each has.
    counts: Vec<usize>,
    /// Numbers of the table that one window reaches.
    reach: usize,
    is_shallow: bool,
}

impl Trees {
    /// # Panics
    /// Where a tree has no node, or a node leads to itself, an earlier or a missing one.
    pub fn new(trees: &[Vec<Node>]) -> Self {
        for tree in trees {
            assert!(!tree.is_empty(), "a tree without nodes");
            for (index, node) in tree.iter().enumerate() {
                let is_fine = |next| !matches!(next, Next::Node(other) if other <= index || other >= tree.len());
                assert!(is_fine(node.below) && is_fine(node.above), "a node that leads nowhere");
            }
        }
        let corners = trees.iter().flatten().flat_map(|node| node.parts).flat_map(|part| part.corners);
        Self {
            reach: corners.max().map_or(0, |last| last as usize + 1),
            nodes: trees.concat(),
            counts: trees.iter().map(Vec::len).collect(),
            is_shallow: trees.iter().all(|tree| tree.len() <= SHALLOW),
        }
    }

    /// What they add up to for each of the windows that begin at the first numbers of `sums`. `norms`: what features are
    /// multiplied by. `kernels` must run here.
    ///
    /// # Panics
    /// Where a window reaches beyond `sums`.
    pub fn of_row(&self, kernels: Kernels, sums: &[i32], norms: &Lanes<f32>) -> Lanes<f64> {
        assert!(sums.len() >= self.reach + LANES - 1, "windows beyond the table");
        if !self.is_shallow {
            return std::array::from_fn(|lane| self.of_one(&sums[lane..], norms[lane]));
        }
        match kernels {
            // SAFETY: the processor has the instructions, and the table was measured.
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx512 => unsafe { row_avx512(self, sums, norms) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx2 => unsafe { row_avx2(self, sums, norms) },
            // SAFETY: the table was measured.
            _ => unsafe { row(self, sums, norms) },
        }
    }

    /// The same for the one window at the beginning of `sums`.
    ///
    /// # Panics
    /// Where the window reaches beyond `sums`.
    pub fn of_one(&self, sums: &[i32], norm: f32) -> f64 {
        assert!(sums.len() >= self.reach, "a window beyond the table");
        let part = |part: &Part| {
            // SAFETY: the table was measured.
            let [a, b, c, d] = part.corners.map(|corner| unsafe { *sums.get_unchecked(corner as usize) });
            part.weight * a.wrapping_sub(b).wrapping_sub(c).wrapping_add(d) as f32
        };
        let mut total = 0.0;
        let mut rest = &self.nodes[..];
        for &count in &self.counts {
            let (tree, others) = rest.split_at(count);
            rest = others;
            let mut node = &tree[0];
            total += loop {
                let mut value = part(&node.parts[0]) + part(&node.parts[1]);
                if node.parts[2].weight != 0.0 {
                    value += part(&node.parts[2]);
                }
                match if value * norm < node.threshold { node.below } else { node.above } {
                    Next::Node(other) => node = &tree[other],
                    Next::Leaf(leaf) => break f64::from(leaf),
                }
            };
        }
        total
    }
}

/// Windows are looked at through a table of sums and one of squares: for each of the windows beside each other, one over
/// `area` times the deviation of the pixels within the corners; 0 where they are too flat to tell. `kernels` must run here.
///
/// # Panics
/// Where a window reaches beyond a table.
pub fn norms(kernels: Kernels, sums: &[i32], squares: &[i32], corners: [u32; 4], area: f64, out: &mut [f32]) {
    match kernels {
        // SAFETY: the processor has the instructions.
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx512 => unsafe { norms_avx512(sums, squares, corners, area, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => unsafe { norms_avx2(sums, squares, corners, area, out) },
        _ => norms_of(sums, squares, corners, area, out),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn norms_avx512(sums: &[i32], squares: &[i32], corners: [u32; 4], area: f64, out: &mut [f32]) {
    norms_of(sums, squares, corners, area, out);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn norms_avx2(sums: &[i32], squares: &[i32], corners: [u32; 4], area: f64, out: &mut [f32]) {
    norms_of(sums, squares, corners, area, out);
}

#[inline(always)]
fn norms_of(sums: &[i32], squares: &[i32], corners: [u32; 4], area: f64, out: &mut [f32]) {
    let count = out.len();
    let [a, b, c, d] = corners.map(|corner| &sums[corner as usize..][..count]);
    let [e, f, g, h] = corners.map(|corner| &squares[corner as usize..][..count]);
    for i in 0..count {
        let sum = f64::from(a[i].wrapping_sub(b[i]).wrapping_sub(c[i]).wrapping_add(d[i]));
        let square = f64::from(e[i].wrapping_sub(f[i]).wrapping_sub(g[i]).wrapping_add(h[i]) as u32);
        let spread = area * square - sum * sum;
        let norm = (1.0 / spread.sqrt()) as f32;
        // Not-a-number and infinity fail the second question.
        out[i] = if spread > 0.0 && area * f64::from(norm) < 0.1 { norm } else { 0.0 };
    }
}

/// # Safety
/// As [`row`], and the processor has the instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn row_avx512(trees: &Trees, sums: &[i32], norms: &Lanes<f32>) -> Lanes<f64> {
    // SAFETY: as the caller promises.
    unsafe { row(trees, sums, norms) }
}

/// # Safety
/// As [`row`], and the processor has the instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn row_avx2(trees: &Trees, sums: &[i32], norms: &Lanes<f32>) -> Lanes<f64> {
    // SAFETY: as the caller promises.
    unsafe { row(trees, sums, norms) }
}

/// # Safety
/// All corners and the lanes behind them are in the table.
#[inline(always)]
unsafe fn row(trees: &Trees, sums: &[i32], norms: &Lanes<f32>) -> Lanes<f64> {
    let mut total = [0f64; LANES];
    if trees.counts.len() == trees.nodes.len() {
        for node in &trees.nodes {
            let (Next::Leaf(below), Next::Leaf(above)) = (node.below, node.above) else { continue };
            // SAFETY: as the caller promises.
            let value = unsafe { feature(node, sums, norms) };
            for i in 0..LANES {
                total[i] += f64::from(if value[i] < node.threshold { below } else { above });
            }
        }
        return total;
    }
    let mut rest = &trees.nodes[..];
    for &count in &trees.counts {
        let (tree, others) = rest.split_at(count);
        rest = others;
        // From the last node to the first: where a node leads to is known by then.
        let mut known = [[0f32; LANES]; SHALLOW];
        for (index, node) in tree.iter().enumerate().take(SHALLOW).rev() {
            // SAFETY: as the caller promises.
            let value = unsafe { feature(node, sums, norms) };
            let (below, above) = (behind(node.below, &known), behind(node.above, &known));
            for i in 0..LANES {
                known[index][i] = if value[i] < node.threshold { below[i] } else { above[i] };
            }
        }
        for i in 0..LANES {
            total[i] += f64::from(known[0][i]);
        }
    }
    total
}

/// What a node leads to, for every window.
#[inline(always)]
fn behind(next: Next, known: &[Lanes<f32>; SHALLOW]) -> Lanes<f32> {
    match next {
        Next::Leaf(leaf) => [leaf; LANES],
        Next::Node(other) => known[other % SHALLOW],
    }
}

/// A node's feature of every window.
///
/// # Safety
/// As [`row`].
#[inline(always)]
unsafe fn feature(node: &Node, sums: &[i32], norms: &Lanes<f32>) -> Lanes<f32> {
    // SAFETY: as the caller promises.
    let (mut value, second) = unsafe { (weighed(&node.parts[0], sums), weighed(&node.parts[1], sums)) };
    for i in 0..LANES {
        value[i] += second[i];
    }
    if node.parts[2].weight != 0.0 {
        // SAFETY: as above.
        let third = unsafe { weighed(&node.parts[2], sums) };
        for i in 0..LANES {
            value[i] += third[i];
        }
    }
    for i in 0..LANES {
        value[i] *= norms[i];
    }
    value
}

/// # Safety
/// As [`row`].
#[inline(always)]
unsafe fn weighed(part: &Part, sums: &[i32]) -> Lanes<f32> {
    // No closures here: they would be compiled without the processor's instructions.
    let mut out = [0f32; LANES];
    for i in 0..LANES {
        let at = sums.as_ptr().wrapping_add(i);
        // SAFETY: as the caller promises.
        let sum = unsafe {
            let upper = (*at.add(part.corners[0] as usize)).wrapping_sub(*at.add(part.corners[1] as usize));
            let lower = (*at.add(part.corners[3] as usize)).wrapping_sub(*at.add(part.corners[2] as usize));
            upper.wrapping_add(lower)
        };
        out[i] = part.weight * sum as f32;
    }
    out
}

#[cfg(test)]
mod tests;
