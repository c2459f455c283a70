//! Embeddings in, each as a row of bytes; for a probe, the rows that are nearest out.
//!
//! ```text
//! rows     one signed byte a number, a scale and a square for each: 136 bytes for 128 numbers
//! cells    rows that lie near each other, side by side; one that has grown too large becomes two
//! guide    the middle of each cell, a row as well: which cells are near a probe
//! ```
//!
//! All rows are looked at ([`Breadth::All`]), as fast as memory gives them, or those of the nearest cells. What comes out is
//! nearly right: bytes are a little coarse, so ask for more rows than are wanted and compare those as floats.

mod best;
mod cell;
mod distance;
mod manner;
#[cfg(test)]
mod tests;

pub use best::Near;
pub use cell::Fact;
pub use distance::distance;
pub use manner::Manner;

use crate::types::Metric;
use best::Best;
use cell::{Cell, Row};
use lookalike_kernels::Kernels;

/// How many rows are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// All.
    All,
    /// Those of the nearest cells, until it is so many.
    Rows(usize),
}

/// Rows of a cell at most. Fewer make the guide longer, more make the cells coarser.
const MOST: usize = 256;
/// Cells around each of two new ones whose rows are compared with them.
const AROUND: usize = 24;
/// A row that is in no cell.
pub const NOWHERE: u16 = u16::MAX;

/// Embeddings as bytes.
#[derive(Clone)]
pub struct Index {
    metric: Metric,
    length: usize,
    kernels: Kernels,
    cells: Vec<Cell>,
    /// The middles of the cells.
    guide: Cell,
    /// The cell of each row.
    cell_of: Vec<u16>,
    rows: usize,
}

impl Index {
    /// Without rows, for embeddings of `length` numbers.
    pub fn new(length: usize, metric: Metric) -> Self {
        let kernels = Kernels::best();
        let (cells, guide) = (vec![Cell::new(length)], Cell::new(length));
        Self { metric, length, kernels, cells, guide, cell_of: Vec::new(), rows: 0 }
    }

    /// Rows that are there.
    #[cfg(test)]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many cells there are.
    #[cfg(test)]
    pub fn cells(&self) -> usize {
        self.cells.len()
    }

    /// Bytes of a row.
    pub fn width(&self) -> usize {
        lookalike_kernels::search::width(self.length)
    }

    /// A row's cell, facts and bytes, if it is there.
    pub fn row(&self, row: u32) -> Option<(u16, Fact, &[u8])> {
        let cell = self.cell_of.get(row as usize).copied().filter(|&cell| cell != NOWHERE)?;
        let rows = &self.cells[usize::from(cell)];
        let (fact, bytes) = rows.row(rows.find(row)?);
        Some((cell, fact, bytes))
    }

    /// Facts and bytes of the middle of each cell; none where there is one cell only.
    pub fn middles(&self) -> impl Iterator<Item = (Fact, &[u8])> {
        (0..self.guide.len()).map(|cell| self.guide.row(cell))
    }

    /// Without rows yet, but with room for those of `cell_of`, and so many middles. None where that does not fit together.
    pub fn with_cells(length: usize, metric: Metric, middles: usize, cell_of: Vec<u16>) -> Option<Self> {
        let cells = middles.max(1);
        let mut counts = vec![0; cells];
        for &cell in cell_of.iter().filter(|&&cell| cell != NOWHERE) {
            *counts.get_mut(usize::from(cell))? += 1;
        }
        let cells = counts.into_iter().map(|rows| {
            let mut cell = Cell::new(length);
            cell.reserve(rows);
            cell
        });
        Some(Self { cells: cells.collect(), cell_of, ..Self::new(length, metric) })
    }

    /// Puts a row where [`Index::with_cells`] has room for it.
    pub fn restore(&mut self, row: u32, fact: Fact, bytes: &[u8]) {
        let cell = self.cell_of[row as usize];
        if cell != NOWHERE {
            self.cells[usize::from(cell)].push_raw(row, fact, bytes);
            self.rows += 1;
        }
    }

    /// Puts the middle of a cell to those of the cells before.
    pub fn restore_middle(&mut self, cell: usize, fact: Fact, bytes: &[u8]) {
        self.guide.push_raw(cell as u32, fact, bytes);
    }

    /// Adds a row; its number must be larger than all before.
    pub fn insert(&mut self, row: u32, embedding: &[f32]) {
        let prepared = self.prepared(embedding);
        let bytes = Row::of(&prepared);
        let cell = match self.cells.len() {
            1 => 0,
            _ => self.nearest_cell(&prepared),
        };
        self.place(row, cell, &bytes);
        if self.cells[cell].len() > MOST && self.cells.len() < usize::from(NOWHERE) {
            self.split(cell);
        }
    }

    /// Takes a row out.
    pub fn remove(&mut self, row: u32) {
        let cell = self.cell_of.get(row as usize).copied().unwrap_or(NOWHERE);
        if cell != NOWHERE && self.cells[usize::from(cell)].remove(row) {
            self.cell_of[row as usize] = NOWHERE;
            self.rows -= 1;
        }
    }

    /// The `wanted` nearest rows, or all where there are fewer, nearest first, with about their distance.
    pub fn nearest(&self, embedding: &[f32], wanted: usize, breadth: Breadth) -> Vec<Near> {
        let prepared = self.prepared(embedding);
        let row = Row::of(&prepared);
        let probe = row.probe(self.kernels);
        let mut best = Best::new(wanted);
        match breadth {
            Breadth::Rows(most) if most < self.rows => {
                let mut left = most as isize;
                for near in self.guide.ranked(&probe, self.cells.len().min(8 + 4 * most / MOST)) {
                    let cell = &self.cells[near.row as usize];
                    cell.search(&probe, &mut best);
                    left -= cell.len() as isize;
                    if left <= 0 {
                        break;
                    }
                }
            }
            _ => self.cells.iter().for_each(|cell| cell.search(&probe, &mut best)),
        }
        let mut found = best.sorted();
        for near in &mut found {
            let square = (near.distance + row.square()).max(0.0);
            near.distance = match self.metric {
                Metric::L2 => square.sqrt(),
                // Of unit vectors at this distance.
                Metric::Cosine => square / 2.0,
            };
        }
        found
    }

    /// About so many rows from all over, as the cells hold them.
    fn some_rows(&self, wanted: usize) -> Vec<(u32, Vec<f32>)> {
        let step = (self.cells.len() / wanted.max(1)).max(1);
        let full = self.cells.iter().step_by(step).filter(|cell| cell.len() > 0);
        full.map(|cell| (cell.ids()[cell.len() / 2], cell.vector(cell.len() / 2))).collect()
    }

    /// As the cells hold it: for the cosine at length one, where both metrics rank alike.
    fn prepared(&self, embedding: &[f32]) -> Vec<f32> {
        let mut vector = embedding.to_vec();
        if self.metric == Metric::Cosine {
            let norm = vector.iter().map(|v| v * v).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
            vector.iter_mut().for_each(|v| *v /= norm);
        }
        vector
    }

    fn nearest_cell(&self, prepared: &[f32]) -> usize {
        let probe = Row::of(prepared).probe(self.kernels);
        self.guide.ranked(&probe, 1).first().map_or(0, |near| near.row as usize)
    }

    fn place(&mut self, row: u32, cell: usize, bytes: &Row) {
        self.cell_of.resize(row as usize, NOWHERE);
        self.cell_of.push(cell as u16);
        self.cells[cell].push(row, bytes);
        self.rows += 1;
    }

    /// Makes two cells of one, each around its own middle, and lets the rows around go where they are nearest now.
    fn split(&mut self, cell: usize) {
        let (halves, middles) = self.cells[cell].halves(self.kernels);
        let other = self.cells.len();
        let [kept, moved] = halves;
        for &row in moved.ids() {
            self.cell_of[row as usize] = other as u16;
        }
        self.cells[cell] = kept;
        self.cells.push(moved);
        let [at_kept, at_moved] = middles.map(|middle| Row::of(&middle));
        match self.guide.len() {
            0 => self.guide.push(0, &at_kept),
            _ => self.guide.replace(cell, &at_kept),
        }
        self.guide.push(other as u32, &at_moved);
        self.settle([cell, other]);
    }

    /// Moves rows of two new cells to cells around that are nearer, and rows of those to the new ones. Without it a cell stays
    /// what it was when there were few, and half as many rows again must be looked at for the same to be found (the
    /// reassignment of SPFresh: Xu et al. 2023, arXiv 2410.14452).
    fn settle(&mut self, new: [usize; 2]) {
        let mut around: Vec<usize> = new.to_vec();
        for cell in new {
            let probe = Row::of(&self.guide.vector(cell)).probe(self.kernels);
            around.extend(self.guide.ranked(&probe, AROUND).iter().map(|near| near.row as usize));
        }
        around.sort_unstable();
        around.dedup();
        let middles: Vec<_> = around.iter().map(|&cell| Row::of(&self.guide.vector(cell))).collect();
        let probes: Vec<_> = middles.iter().map(|middle| middle.probe(self.kernels)).collect();
        let mut changed = vec![false; around.len()];
        for (own, &cell) in around.iter().enumerate() {
            let is_new = new.contains(&cell);
            let others = (0..around.len()).filter(|&at| at != own && (is_new || new.contains(&around[at])));
            let far = |at: usize| {
                let mut distances = self.cells[cell].distances(&probes[at]);
                distances.iter_mut().for_each(|d| *d += middles[at].square());
                distances
            };
            let mut best: Vec<(f32, usize)> = far(own).into_iter().map(|distance| (distance, own)).collect();
            for other in others {
                best.iter_mut().zip(far(other)).filter(|(best, d)| *d < best.0).for_each(|(best, d)| *best = (d, other));
            }
            let moves: Vec<(usize, usize)> = best.iter().map(|b| b.1).enumerate().filter(|&(_, to)| to != own).collect();
            // From the last on, for the last row takes the place of one that leaves.
            for (at, to) in moves.into_iter().rev() {
                let (row, fact, bytes) = self.cells[cell].take(at);
                self.cells[around[to]].push_raw(row, fact, &bytes);
                self.cell_of[row as usize] = around[to] as u16;
                (changed[own], changed[to]) = (true, true);
            }
        }
        for (&cell, _) in around.iter().zip(changed).filter(|(_, changed)| *changed) {
            if let Some(middle) = self.cells[cell].middle() {
                self.guide.replace(cell, &Row::of(&middle));
            }
        }
    }
}
