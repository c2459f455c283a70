//! Area averaging as filters: how much of each source pixel lies under a target pixel.
//!
//! The nets were trained on pictures shrunk so; a box filter that takes pixels whole or not at all costs two points of
//! recall. The weight of a source pixel is a trapezoid in its distance: whole where the pixel lies inside, falling to
//! nothing where the edges only touch. Its shape depends on the ratio of the pixel sizes alone, which comes in steps
//! here, because a filter is a plain function.

use fast_image_resize::{Filter, FilterType};

const STEPS: usize = 32;

/// The filter for resizing by `factor` (source pixels per target pixel, either way).
pub(super) fn filter(factor: f64) -> FilterType {
    let ratio = factor.min(1.0 / factor);
    let step = ((ratio * STEPS as f64).round() as usize).clamp(1, STEPS);
    let reach = (1.0 + step as f64 / STEPS as f64) / 2.0;
    // The name has no use but to tell filters apart, which is done by the reach too.
    Filter::new("area", TRAPEZOIDS[step - 1], reach).map_or(FilterType::Box, FilterType::Custom)
}

/// The overlap of an interval of length 1 around 0 with one of length STEP/32 around `x`, as a share of the latter.
fn trapezoid<const STEP: usize>(x: f64) -> f64 {
    let ratio = STEP as f64 / STEPS as f64;
    let overlap = (0.5f64).min(x + ratio / 2.0) - (-0.5f64).max(x - ratio / 2.0);
    (overlap / ratio).max(0.0)
}

macro_rules! trapezoids {
    ($($step:literal)*) => { [$(trapezoid::<$step>),*] };
}

const TRAPEZOIDS: [fn(f64) -> f64; STEPS] =
    trapezoids!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_inside_counts_whole_half_at_the_edge_and_not_beyond() {
        let half = trapezoid::<16>;
        assert_eq!((half(0.0), half(0.25), half(0.5), half(0.75), half(1.0)), (1.0, 1.0, 0.5, 0.0, 0.0));
        assert_eq!((trapezoid::<32>(0.5), trapezoid::<32>(1.0)), (0.5, 0.0));
    }

    #[test]
    fn enlarging_and_shrinking_by_the_same_factor_share_a_filter() {
        assert_eq!(filter(4.0), filter(0.25));
        assert_ne!(filter(4.0), filter(2.0));
    }
}
