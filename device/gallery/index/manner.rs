//! An index in, how it is best searched on this machine out: found by trying, with rows of its own as probes.

use super::{Breadth, Index};
use std::time::{Duration, Instant};

/// How an index is searched, and what that was measured to be worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manner {
    /// The quicker one.
    pub breadth: Breadth,
    /// Looking at all rows, the middle of some times.
    pub all: Duration,
    /// Looking at the nearest cells only, until enough is found; `None` where no part is enough.
    pub part: Option<Part>,
}

/// Looking at the nearest cells.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Rows looked at.
    pub rows: usize,
    /// The middle of some times.
    pub takes: Duration,
    /// The share of the ten nearest that is found.
    pub recall: f32,
}

/// Below so many rows all are looked at in a twentieth of a millisecond.
pub const FEW: usize = 1 << 14;
/// Probes that are tried.
const PROBES: usize = 24;
/// The nearest that must be found.
const NEAREST: usize = 10;
/// What share of them is enough.
const ENOUGH: f32 = 0.98;

impl Manner {
    /// Without trying.
    pub const ALL: Self = Self { breadth: Breadth::All, all: Duration::ZERO, part: None };

    /// At how many rows both ways take the same time on this machine, if this many rows take so much longer.
    pub fn crossing(&self, rows: usize) -> Option<usize> {
        let part = self.part?;
        Some((rows as f64 * part.takes.as_secs_f64() / self.all.as_secs_f64().max(1e-9)) as usize)
    }
}

impl Index {
    /// Tries both ways. `now` is a clock.
    pub fn manner(&self, now: fn() -> Instant) -> Manner {
        let probes: Vec<(u32, Vec<f32>)> = self.some_rows(PROBES);
        if self.rows < FEW || probes.is_empty() {
            return Manner::ALL;
        }
        let timed = |breadth: Breadth| -> (Duration, Vec<Vec<u32>>) {
            let mut times = Vec::new();
            let search = |(own, probe): &(u32, Vec<f32>)| {
                let start = now();
                let near = self.nearest(probe, NEAREST + 1, breadth);
                times.push(now() - start);
                // That a row finds itself says nothing.
                near.iter().map(|near| near.row).filter(|row| row != own).take(NEAREST).collect()
            };
            let found = probes.iter().map(search).collect();
            times.sort_unstable();
            (times[times.len() / 2], found)
        };
        let (all, wanted) = timed(Breadth::All);
        let mut manner = Manner { all, ..Manner::ALL };
        let mut rows = self.rows / 256;
        while rows < self.rows / 2 {
            let (takes, found) = timed(Breadth::Rows(rows));
            let hits: usize = found.iter().zip(&wanted).map(|(f, w)| w.iter().filter(|row| f.contains(row)).count()).sum();
            let recall = hits as f32 / wanted.iter().map(Vec::len).sum::<usize>().max(1) as f32;
            if recall >= ENOUGH {
                manner.part = Some(Part { rows, takes, recall });
                if takes < all {
                    manner.breadth = Breadth::Rows(rows);
                }
                break;
            }
            rows += rows / 3;
        }
        manner
    }
}
