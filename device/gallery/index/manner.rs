//! An index in, how it is best searched on this machine out: found by trying, with probes that lie beside rows of its own.

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
const PROBES: usize = 32;
/// A probe lies between a row and another: as a new photo of somebody, it is farther from everybody than rows are, and harder to find
/// the neighbours of. So much of the way.
const BESIDE: f32 = 0.45;
/// The nearest that must be found.
const NEAREST: usize = 10;
/// What share of them is enough.
const ENOUGH: f32 = 0.98;

impl Manner {
    /// Without trying.
    pub const ALL: Self = Self { breadth: Breadth::All, all: Duration::ZERO, part: None };

    /// What measurements say: the first of the `tried` parts that finds enough is taken where it is quicker than looking at
    /// `all`. No more are tried then.
    pub fn of(all: Duration, tried: impl IntoIterator<Item = Part>) -> Self {
        let part = tried.into_iter().find(|part| part.recall >= ENOUGH);
        let breadth = part.filter(|part| part.takes < all).map_or(Breadth::All, |part| Breadth::Rows(part.rows));
        Self { breadth, all, part }
    }

    /// At how many rows both ways take the same time on this machine, if this many rows take so much longer.
    pub fn crossing(&self, rows: usize) -> Option<usize> {
        let part = self.part?;
        Some((rows as f64 * part.takes.as_secs_f64() / self.all.as_secs_f64().max(1e-9)) as usize)
    }
}

impl Index {
    /// Tries both ways. `now` is a clock.
    pub fn manner(&self, now: fn() -> Instant) -> Manner {
        if self.rows < FEW {
            return Manner::ALL;
        }
        let rows: Vec<(u32, Vec<f32>)> = self.some_rows(PROBES);
        let others = rows.iter().skip(1).chain(rows.first());
        let probes: Vec<(u32, Vec<f32>)> =
            rows.iter().zip(others).map(|((own, row), (_, other))| (*own, beside(row, other))).collect();
        if probes.is_empty() {
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
        let parts = std::iter::successors(Some(self.rows / 256), |rows| Some(rows + rows / 3));
        let tried = parts.take_while(|&rows| rows < self.rows / 2).map(|rows| {
            let (takes, found) = timed(Breadth::Rows(rows));
            let hits: usize = found.iter().zip(&wanted).map(|(f, w)| w.iter().filter(|row| f.contains(row)).count()).sum();
            Part { rows, takes, recall: hits as f32 / wanted.iter().map(Vec::len).sum::<usize>().max(1) as f32 }
        });
        Manner::of(all, tried)
    }
}

/// A vector as long as `row`, turned towards another.
fn beside(row: &[f32], other: &[f32]) -> Vec<f32> {
    let between: Vec<f32> = row.iter().zip(other).map(|(row, other)| row + BESIDE * (other - row)).collect();
    let length = |vector: &[f32]| vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    let factor = length(row) / length(&between).max(f32::MIN_POSITIVE);
    between.into_iter().map(|x| x * factor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Duration = Duration::from_millis(20);

    fn part(rows: usize, micros: u64, recall: f32) -> Part {
        Part { rows, takes: Duration::from_micros(micros), recall }
    }

    #[test]
    fn a_probe_is_as_long_as_its_row_and_nearer_to_it_than_to_the_other() {
        let probe = beside(&[3.0, 0.0], &[0.0, 5.0]);
        assert!((probe[0].hypot(probe[1]) - 3.0).abs() < 1e-5);
        let far = |row: [f32; 2]| (probe[0] - row[0]).hypot(probe[1] - row[1]);
        assert!(far([3.0, 0.0]) > 0.5 && far([3.0, 0.0]) < far([0.0, 5.0]), "{probe:?}");
        assert_eq!(beside(&[0.0; 2], &[0.0; 2]), [0.0; 2]);
    }

    #[test]
    fn the_first_part_that_finds_enough_is_taken_where_it_is_quicker() {
        let tried = [part(1000, 100, 0.7), part(2000, 200, 0.985), part(3000, 300, 1.0)];
        let manner = Manner::of(ALL, tried);
        assert_eq!(manner, Manner { breadth: Breadth::Rows(2000), all: ALL, part: Some(tried[1]) });
    }

    #[test]
    fn nothing_is_tried_once_enough_is_found() {
        let mut tries = 0;
        Manner::of(ALL, (1..10).map(|i| part(i, 1, 0.5 + 0.1 * i as f32)).inspect(|_| tries += 1));
        assert_eq!(tries, 5);
    }

    #[test]
    fn a_part_that_takes_longer_is_shown_and_not_taken() {
        for micros in [20_000, 30_000] {
            let manner = Manner::of(ALL, [part(1000, micros, 0.99)]);
            assert_eq!((manner.breadth, manner.part), (Breadth::All, Some(part(1000, micros, 0.99))));
        }
    }

    #[test]
    fn where_no_part_finds_enough_all_are_looked_at() {
        for tried in [vec![], vec![part(1000, 1, 0.979), part(2000, 2, 0.0)]] {
            assert_eq!(Manner::of(ALL, tried), Manner { breadth: Breadth::All, all: ALL, part: None });
        }
    }

    #[test]
    fn both_ways_cross_where_a_part_is_all_in_time() {
        assert_eq!(Manner::of(ALL, [part(1000, 5000, 1.0)]).crossing(400_000), Some(100_000));
        assert_eq!(Manner::of(ALL, [part(1000, 40_000, 1.0)]).crossing(30_000), Some(60_000));
        assert_eq!(Manner::of(ALL, []).crossing(30_000), None);
    }
}
