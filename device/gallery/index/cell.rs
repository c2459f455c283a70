//! Rows of bytes side by side, and what turns their products with a probe into distances.

use super::best::{Best, Near};
use lookalike_kernels::Kernels;
use lookalike_kernels::search::{Probe, REST, width};

/// A vector as bytes: number = byte * scale.
pub struct Row {
    bytes: Vec<i8>,
    fact: Fact,
}

/// What a row's bytes do not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fact {
    /// What one step of a byte is worth.
    pub scale: f32,
    /// The square of the vector's length.
    pub square: f32,
}

impl Fact {
    /// Of no row.
    pub const NONE: Self = Self { scale: 0.0, square: 0.0 };
}

/// A probe with its scale.
pub struct Scaled {
    probe: Probe,
    scale: f32,
}

impl Row {
    pub fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0f32, |largest, v| largest.max(v.abs()));
        // A vector of zeros, and one too small to be divided by.
        let scale = (largest / 127.0).max(f32::MIN_POSITIVE);
        let bytes = vector.iter().map(|v| (v / scale).round_ties_even().clamp(-127.0, 127.0) as i8).collect();
        Self { bytes, fact: Fact { scale, square: vector.iter().map(|v| v * v).sum() } }
    }

    pub fn square(&self) -> f32 {
        self.fact.square
    }

    pub fn probe(&self, kernels: Kernels) -> Scaled {
        Scaled { probe: Probe::new(kernels, &self.bytes), scale: self.fact.scale }
    }
}

/// Some rows.
#[derive(Clone)]
pub struct Cell {
    /// Numbers in a row.
    length: usize,
    ids: Vec<u32>,
    facts: Vec<Fact>,
    bytes: Vec<u8>,
}

/// Rows that a cell gets room for at a time: doubling would leave a quarter of all memory empty.
const ROOM: usize = 16;
/// Rows whose products are made at a time.
const BLOCK: usize = 256;
/// Steps of the search for two middles; it has settled by then.
const STEPS: usize = 8;

impl Cell {
    pub fn new(length: usize) -> Self {
        Self { length, ids: Vec::new(), facts: Vec::new(), bytes: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    pub fn push(&mut self, id: u32, row: &Row) {
        let width = width(self.length);
        let start = self.bytes.len();
        self.make_room();
        self.ids.push(id);
        self.facts.push(row.fact);
        self.bytes.extend(row.bytes.iter().map(|&b| (b as u8) ^ 128));
        self.bytes.resize(start + width, REST);
    }

    /// As [`Cell::push`], of bytes as they lie here.
    pub fn push_raw(&mut self, id: u32, fact: Fact, bytes: &[u8]) {
        self.make_room();
        self.ids.push(id);
        self.facts.push(fact);
        self.bytes.extend_from_slice(bytes);
    }

    fn make_room(&mut self) {
        if self.ids.len() == self.ids.capacity() {
            self.reserve(ROOM);
        }
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, rows: usize) {
        self.ids.reserve_exact(rows);
        self.facts.reserve_exact(rows);
        self.bytes.reserve_exact(rows * width(self.length));
    }

    /// Where a row lies here.
    pub fn find(&self, id: u32) -> Option<usize> {
        self.ids.iter().position(|&other| other == id)
    }

    /// A row's facts and bytes.
    pub fn row(&self, at: usize) -> (Fact, &[u8]) {
        let width = width(self.length);
        (self.facts[at], &self.bytes[at * width..(at + 1) * width])
    }

    /// Puts another row in the place of one.
    pub fn replace(&mut self, at: usize, row: &Row) {
        let width = width(self.length);
        self.facts[at] = row.fact;
        for (to, &byte) in self.bytes[at * width..].iter_mut().zip(&row.bytes) {
            *to = (byte as u8) ^ 128;
        }
    }

    /// Takes a row out, if it is here.
    pub fn remove(&mut self, id: u32) -> bool {
        self.find(id).map(|at| self.take(at)).is_some()
    }

    /// Takes the row at a place out; the last takes its place.
    pub fn take(&mut self, at: usize) -> (u32, Fact, Vec<u8>) {
        let width = width(self.length);
        let last = self.ids.len() - 1;
        let bytes = self.row(at).1.to_vec();
        self.bytes.copy_within(last * width.., at * width);
        self.bytes.truncate(last * width);
        (self.ids.swap_remove(at), self.facts.swap_remove(at), bytes)
    }

    /// Shows `best` every row, with its squared distance less the square of the probe.
    pub fn search(&self, probe: &Scaled, best: &mut Best) {
        let mut products = [0; BLOCK];
        let blocks = self.bytes.chunks(BLOCK * width(self.length)).zip(self.facts.chunks(BLOCK).zip(self.ids.chunks(BLOCK)));
        let gain = -2.0 * probe.scale;
        for (bytes, (facts, ids)) in blocks {
            let products = &mut products[..ids.len()];
            probe.probe.products(bytes, products);
            for ((&product, fact), &row) in products.iter().zip(facts).zip(ids) {
                let distance = fact.square + gain * fact.scale * product as f32;
                if distance < best.limit {
                    best.take(Near { row, distance });
                }
            }
        }
    }

    /// The nearest rows, nearest first, with distances as [`Cell::search`] has them.
    pub fn ranked(&self, probe: &Scaled, wanted: usize) -> Vec<Near> {
        let mut best = Best::new(wanted);
        self.search(probe, &mut best);
        best.sorted()
    }

    /// Its rows by which of two middles they are nearer to, and those middles: the means of both halves, found step by step
    /// (k-means with two means).
    pub fn halves(&self, kernels: Kernels) -> ([Cell; 2], [Vec<f32>; 2]) {
        let far = |from: &[f32]| -> usize {
            let probe = Row::of(from).probe(kernels);
            let distances = self.distances(&probe);
            (0..distances.len()).max_by(|&a, &b| distances[a].total_cmp(&distances[b])).unwrap_or(0)
        };
        let first = self.vector(far(&self.mean(|_| true)));
        let mut middles = [self.vector(far(&first)), first];
        let mut side = vec![false; self.len()];
        for _ in 0..STEPS {
            let [a, b] = [0, 1].map(|i| self.distances(&Row::of(&middles[i]).probe(kernels)));
            let squares = [0, 1].map(|i: usize| middles[i].iter().map(|v| v * v).sum::<f32>());
            let mut sides: Vec<bool> = a.iter().zip(&b).map(|(a, b)| a + squares[0] > b + squares[1]).collect();
            if sides.iter().all(|&s| s == sides[0]) {
                // All alike: any half will do.
                sides.iter_mut().enumerate().for_each(|(at, side)| *side = at % 2 == 1);
            }
            let is_settled = sides == side;
            side = sides;
            middles = [self.mean(|at| !side[at]), self.mean(|at| side[at])];
            if is_settled {
                break;
            }
        }
        let mut halves = [Cell::new(self.length), Cell::new(self.length)];
        for at in 0..self.len() {
            let (fact, bytes) = self.row(at);
            halves[usize::from(side[at])].push_raw(self.ids[at], fact, bytes);
        }
        (halves, middles)
    }

    /// Of each row, less the square of the probe.
    pub fn distances(&self, probe: &Scaled) -> Vec<f32> {
        let mut products = vec![0; self.len()];
        probe.probe.products(&self.bytes, &mut products);
        let each = products.iter().zip(&self.facts).map(|(&p, fact)| fact.square - 2.0 * probe.scale * fact.scale * p as f32);
        each.collect()
    }

    /// A row's numbers.
    pub fn vector(&self, at: usize) -> Vec<f32> {
        let (fact, bytes) = self.row(at);
        bytes[..self.length].iter().map(|&b| (f32::from(b) - 128.0) * fact.scale).collect()
    }

    /// The mean of its rows.
    pub fn middle(&self) -> Option<Vec<f32>> {
        (self.len() > 0).then(|| self.mean(|_| true))
    }

    fn mean(&self, counts: impl Fn(usize) -> bool) -> Vec<f32> {
        let mut sum = vec![0f32; self.length];
        let mut rows = 0f32;
        for at in (0..self.len()).filter(|&at| counts(at)) {
            let (fact, bytes) = self.row(at);
            sum.iter_mut().zip(bytes).for_each(|(sum, &b)| *sum += (f32::from(b) - 128.0) * fact.scale);
            rows += 1.0;
        }
        sum.iter_mut().for_each(|sum| *sum /= rows.max(1.0));
        sum
    }
}
