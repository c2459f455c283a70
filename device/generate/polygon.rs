//! A point in a polygon in, one weight per corner out: at a corner all of it, on an edge a share of its two ends, in the middle
//! the same of all.

/// The corners of a regular polygon in the unit square, x to the right, y down, the first at the top, clockwise. Two corners are
/// the ends of a level line.
pub fn corners(count: usize) -> Vec<[f32; 2]> {
    if count == 2 {
        return vec![[0.0, 0.5], [1.0, 0.5]];
    }
    let turn = |i: usize| std::f32::consts::TAU * i as f32 / count as f32;
    (0..count).map(|i| [0.5 + 0.5 * turn(i).sin(), 0.5 - 0.5 * turn(i).cos()]).collect()
}

/// The weights of the corners, none negative, together 1 (mean value coordinates: Floater 2003). A point outside counts as the
/// nearest one inside.
pub fn weights(corners: &[[f32; 2]], at: [f32; 2]) -> Vec<f32> {
    let count = corners.len();
    if count < 2 {
        return vec![1.0; count];
    }
    let at = inside(corners, at);
    let arms: Vec<[f32; 2]> = corners.iter().map(|c| [c[0] - at[0], c[1] - at[1]]).collect();
    let long: Vec<f32> = arms.iter().map(|a| a[0].hypot(a[1])).collect();
    if let Some(corner) = long.iter().position(|&l| l < EDGE) {
        return (0..count).map(|i| f32::from(u8::from(i == corner))).collect();
    }
    let edges = || (0..if count == 2 { 1 } else { count }).map(|i| (i, (i + 1) % count));
    for (i, j) in edges() {
        let edge = [corners[j][0] - corners[i][0], corners[j][1] - corners[i][1]];
        let off = (arms[i][0] * edge[1] - arms[i][1] * edge[0]).abs() / edge[0].hypot(edge[1]);
        let is_between = long[i].max(long[j]) < edge[0].hypot(edge[1]);
        if off < EDGE && is_between {
            let mut weights = vec![0.0; count];
            (weights[i], weights[j]) = (long[j] / (long[i] + long[j]), long[i] / (long[i] + long[j]));
            return weights;
        }
    }
    // The tangent of half the angle under which each edge is seen.
    let half: Vec<f32> = (0..count)
        .map(|i| {
            let (a, b, j) = (arms[i], arms[(i + 1) % count], (i + 1) % count);
            let (cross, dot) = (a[0] * b[1] - a[1] * b[0], a[0] * b[0] + a[1] * b[1]);
            (long[i] * long[j] - dot) / cross
        })
        .collect();
    let raw: Vec<f32> = (0..count).map(|i| ((half[(i + count - 1) % count] + half[i]) / long[i]).max(0.0)).collect();
    let total: f32 = raw.iter().sum();
    raw.into_iter().map(|w| w / total).collect()
}

/// Nearer than this to a corner or an edge is on it.
const EDGE: f32 = 1e-4;

/// The point itself where it lies in the convex polygon, else the nearest one on its edge.
pub fn inside(corners: &[[f32; 2]], at: [f32; 2]) -> [f32; 2] {
    let count = corners.len();
    let ends = |i: usize| (corners[i], corners[(i + 1) % count]);
    let left_of = |i| {
        let (a, b) = ends(i);
        (b[0] - a[0]) * (at[1] - a[1]) - (b[1] - a[1]) * (at[0] - a[0]) >= 0.0
    };
    if count > 2 && (0..count).all(left_of) {
        return at;
    }
    let foot = |i| {
        let (a, b): ([f32; 2], [f32; 2]) = ends(i);
        let edge = [b[0] - a[0], b[1] - a[1]];
        let along = (edge[0] * (at[0] - a[0]) + edge[1] * (at[1] - a[1])) / (edge[0] * edge[0] + edge[1] * edge[1]);
        let along = along.clamp(0.0, 1.0);
        [a[0] + along * edge[0], a[1] + along * edge[1]]
    };
    let far = |p: &[f32; 2]| (p[0] - at[0]).hypot(p[1] - at[1]);
    (0..count).map(foot).min_by(|a, b| far(a).total_cmp(&far(b))).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_corner_has_all_the_middle_the_same_of_all_an_edge_its_ends() {
        for count in 2..8 {
            let corners = corners(count);
            for (i, &corner) in corners.iter().enumerate() {
                assert!((weights(&corners, corner)[i] - 1.0).abs() < 1e-4);
            }
            let middle = weights(&corners, [0.5, 0.5]);
            assert!(middle.iter().all(|w| (w - 1.0 / count as f32).abs() < 1e-4), "{count}: {middle:?}");
            let quarter = [0, 1].map(|axis| 0.75 * corners[0][axis] + 0.25 * corners[1][axis]);
            let edge = weights(&corners, quarter);
            assert!((edge[0] - 0.75).abs() < 1e-3 && (edge[1] - 0.25).abs() < 1e-3, "{count}: {edge:?}");
        }
    }

    proptest! {
        #[test]
        fn weights_are_shares_and_find_the_point_again(count in 2usize..8, x in -0.5f32..1.5, y in -0.5f32..1.5) {
            let corners = corners(count);
            let weights = weights(&corners, [x, y]);
            prop_assert!(weights.iter().all(|w| (0.0..=1.0001).contains(w)), "{:?}", weights);
            prop_assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
            let at = inside(&corners, [x, y]);
            let sum = |axis: usize| corners.iter().zip(&weights).map(|(c, w)| c[axis] * w).sum::<f32>();
            prop_assert!((sum(0) - at[0]).abs() < 2e-3 && (sum(1) - at[1]).abs() < 2e-3, "{:?} {:?}", at, weights);
        }
    }
}
