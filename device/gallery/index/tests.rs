//! The search in bytes against looking at every float.

use super::*;
use proptest::prelude::*;

/// Numbers that are the same for the same seed, about normal.
pub struct Numbers(pub u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    pub fn vector(&mut self, length: usize) -> Vec<f32> {
        (0..length).map(|_| self.next() + self.next() + self.next()).collect()
    }
}

/// By floats, every one.
fn by_floats(rows: &[(u32, Vec<f32>)], probe: &[f32], wanted: usize, metric: Metric) -> Vec<u32> {
    let mut all: Vec<(f32, u32)> = rows.iter().map(|(row, vector)| (distance(vector, probe, metric), *row)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().take(wanted).map(|(_, row)| row).collect()
}

fn found(index: &Index, probe: &[f32], wanted: usize, breadth: Breadth) -> Vec<u32> {
    index.nearest(probe, wanted, breadth).iter().map(|near| near.row).collect()
}

#[test]
fn three_nearest_of_thousands_are_those_of_the_floats() {
    for metric in [Metric::L2, Metric::Cosine] {
        let mut numbers = Numbers(1);
        let rows: Vec<(u32, Vec<f32>)> = (0..5000).map(|row| (row, numbers.vector(40))).collect();
        let mut index = Index::new(40, metric);
        rows.iter().for_each(|(row, vector)| index.insert(*row, vector));
        assert!(index.cells() > 5);
        for _ in 0..50 {
            let probe = numbers.vector(40);
            let want = by_floats(&rows, &probe, 3, metric);
            let got = found(&index, &probe, 20, Breadth::All);
            assert!(want.iter().all(|row| got.contains(row)), "{metric:?}: {want:?} {got:?}");
        }
    }
}

#[test]
fn about_the_distance_comes_out() {
    for metric in [Metric::L2, Metric::Cosine] {
        let mut numbers = Numbers(2);
        let (vector, probe) = (numbers.vector(128), numbers.vector(128));
        let mut index = Index::new(128, metric);
        index.insert(0, &vector);
        let want = distance(&vector, &probe, metric);
        let got = index.nearest(&probe, 1, Breadth::All)[0].distance;
        assert!((got - want).abs() < 0.01 * want, "{metric:?}: {got} {want}");
    }
}

#[test]
fn looking_at_some_cells_finds_most() {
    let mut numbers = Numbers(3);
    // Four numbers that count, so that near rows share cells.
    let mut vector = || {
        let (few, mut all) = (numbers.vector(4), numbers.vector(32));
        all.iter_mut().zip(few.iter().cycle()).for_each(|(v, f)| *v = 0.02 * *v + f);
        all
    };
    let rows: Vec<(u32, Vec<f32>)> = (0..20_000).map(|row| (row, vector())).collect();
    let mut index = Index::new(32, Metric::L2);
    rows.iter().for_each(|(row, vector)| index.insert(*row, vector));
    let mut hits = 0;
    for _ in 0..40 {
        let probe = vector();
        let got = found(&index, &probe, 20, Breadth::Rows(3000));
        hits += by_floats(&rows, &probe, 10, Metric::L2).iter().filter(|row| got.contains(row)).count();
    }
    assert!(hits > 380, "{hits} of 400");
}

#[test]
fn faces_that_are_all_alike_are_held_too() {
    let mut index = Index::new(3, Metric::L2);
    (0..4000).for_each(|row| index.insert(row, &[0.5, 0.0, -0.5]));
    assert_eq!(index.nearest(&[0.5, 0.0, -0.5], 5000, Breadth::All).len(), 4000);
    let mut zeros = Index::new(3, Metric::Cosine);
    (0..2000).for_each(|row| zeros.insert(row, &[0.0; 3]));
    assert!(zeros.nearest(&[0.0; 3], 1, Breadth::Rows(10))[0].distance.is_finite());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn whoever_left_is_not_found(seed: u64, leave in prop::collection::vec(0u32..1500, 0..600), length in 1usize..70) {
        let mut numbers = Numbers(seed);
        let mut index = Index::new(length, Metric::L2);
        let mut rows = Vec::new();
        for row in 0..1500 {
            let vector = numbers.vector(length);
            index.insert(row, &vector);
            rows.push((row, vector));
            if let Some(&gone) = leave.get(row as usize).filter(|&&gone| gone <= row) {
                index.remove(gone);
                rows.retain(|(row, _)| *row != gone);
            }
        }
        prop_assert_eq!(index.rows(), rows.len());
        let mut all = found(&index, &numbers.vector(length), 2000, Breadth::All);
        all.sort_unstable();
        prop_assert_eq!(all, rows.iter().map(|(row, _)| *row).collect::<Vec<_>>());
    }
}
