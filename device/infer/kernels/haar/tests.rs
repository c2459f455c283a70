use super::*;
use crate::fence::{Fence, Side};
use proptest::prelude::*;

/// Numbers of the table that are between a window's corners at most.
const REACH: u32 = 90;

fn here() -> impl Iterator<Item = Kernels> {
    Kernels::ALL.into_iter().filter(|k| k.runs_here())
}

fn part() -> impl Strategy<Value = Part> {
    (prop::array::uniform4(0..REACH), prop::sample::select(vec![0.0f32, 0.0, -1.0, 2.0, 3.0, 0.37]))
        .prop_map(|(corners, weight)| Part { corners, weight })
}

/// A tree of 1 to 6 nodes, each leading to the next one on one side.
fn tree() -> impl Strategy<Value = Vec<Node>> {
    let node = (prop::array::uniform3(part()), -50.0..50.0f32, -1.0..1.0f32, -1.0..1.0f32, any::<bool>());
    prop::collection::vec(node, 1..=6).prop_map(|nodes| {
        let count = nodes.len();
        let lead = |(index, (parts, threshold, leaf, other, is_below)): (usize, ([Part; 3], f32, f32, f32, bool))| {
            let next = if index + 1 < count { Next::Node(index + 1) } else { Next::Leaf(other) };
            let (below, above) = if is_below { (next, Next::Leaf(leaf)) } else { (Next::Leaf(leaf), next) };
            Node { parts, threshold, below, above }
        };
        nodes.into_iter().enumerate().map(lead).collect()
    })
}

/// The same by definition.
fn told(trees: &[Vec<Node>], sums: &[i32], norm: f32) -> f64 {
    let feature = |node: &Node| {
        let weighed = node.parts.iter().map(|part| {
            let [a, b, c, d] = part.corners.map(|corner| i64::from(sums[corner as usize]));
            part.weight * (a - b - c + d) as i32 as f32
        });
        weighed.sum::<f32>() * norm
    };
    let leaf = |tree: &Vec<Node>| {
        let mut node = &tree[0];
        loop {
            match if feature(node) < node.threshold { node.below } else { node.above } {
                Next::Node(next) => node = &tree[next],
                Next::Leaf(leaf) => return f64::from(leaf),
            }
        }
    };
    trees.iter().map(leaf).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 200 }))]
    #[test]
    fn windows_together_are_told_the_same_as_each_by_itself(
        trees in prop::collection::vec(tree(), 0..5),
        seed in prop::collection::vec(-3000..3000i32, 997),
        norms in prop::array::uniform16(0.0..0.2f32),
        at_start: bool,
    ) {
        let side = || Fence::new(if at_start { Side::Start } else { Side::End });
        let stage = Trees::new(&trees);
        let fence = side();
        let sums: Vec<i32> = seed.iter().copied().take(stage.reach + LANES - 1).collect();
        drop(fence);
        for (lane, norm) in norms.iter().enumerate() {
            prop_assert_eq!(stage.of_one(&sums[lane..], *norm), told(&trees, &sums[lane..], *norm));
        }
        let wanted: Lanes<f64> = std::array::from_fn(|lane| told(&trees, &sums[lane..], norms[lane]));
        for kernels in here() {
            prop_assert_eq!(stage.of_row(kernels, &sums, &norms), wanted, "{}", kernels.name());
        }
    }

    #[test]
    fn flat_windows_have_no_norm_and_others_one_over_area_times_deviation(
        pixels in prop::collection::vec(prop_oneof![Just(7u8), any::<u8>()], 40),
        count in 1usize..30,
    ) {
        // A table of one row: the sum up to each pixel, and that of the squares. A window is four pixels.
        let table = |power: u32| -> Vec<i32> {
            let mut sum = 0;
            let below = pixels.iter().map(|p| { sum += i32::from(*p).pow(power); sum });
            let row: Vec<i32> = [0].into_iter().chain(below).collect();
            [vec![0; row.len()], row].concat()
        };
        let row = pixels.len() as u32 + 1;
        let corners = [0, 4, row, row + 4];
        for kernels in here() {
            let mut out = vec![9.0; count];
            norms(kernels, &table(1), &table(2), corners, 4.0, &mut out);
            for (window, norm) in pixels.windows(4).zip(&out) {
                let mean = window.iter().map(|p| f64::from(*p)).sum::<f64>() / 4.0;
                let spread = window.iter().map(|p| (f64::from(*p) - mean).powi(2)).sum::<f64>() / 4.0;
                let wanted = 1.0 / (4.0 * spread.sqrt());
                if spread == 0.0 || 4.0 * wanted > 0.1001 {
                    prop_assert_eq!(*norm, 0.0);
                } else if 4.0 * wanted < 0.0999 {
                    prop_assert!((f64::from(*norm) / wanted - 1.0).abs() < 1e-5, "{norm} for {wanted}");
                }
            }
        }
    }
}

fn stump(corner: u32) -> Trees {
    let part = Part { corners: [corner; 4], weight: 1.0 };
    Trees::new(&[vec![Node { parts: [part; 3], threshold: 0.0, below: Next::Leaf(0.0), above: Next::Leaf(1.0) }]])
}

#[test]
#[should_panic(expected = "windows beyond the table")]
fn a_table_too_short_for_all_windows_is_refused() {
    stump(84).of_row(Kernels::best(), &[0; 99], &[1.0; LANES]);
}

#[test]
#[should_panic(expected = "a window beyond the table")]
fn a_table_too_short_for_one_window_is_refused() {
    stump(99).of_one(&[0; 99], 1.0);
}

#[test]
#[should_panic(expected = "a node that leads nowhere")]
fn a_tree_that_turns_back_is_refused() {
    let parts = [Part::default(); 3];
    let node = Node { parts, threshold: 0.0, below: Next::Node(0), above: Next::Leaf(1.0) };
    Trees::new(&[vec![node]]);
}
