//! Numbers that a result took in, the scale and zero point of its bytes out.
//!
//! A byte q stands for `(q - zero_point) * scale`; zero always has a byte of its own, for padding and Relu.

use clap::ValueEnum;

/// How a range is chosen from the numbers seen.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Choice {
    /// Everything seen has a place.
    MinMax,
    /// A ten-thousandth at either end is cut off.
    Percentile,
    /// The range whose bytes lie nearest to the numbers, in mean square.
    Mse,
}

/// How bytes stand for numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bytes {
    /// One step.
    pub scale: f32,
    /// The byte of zero.
    pub zero_point: u8,
}

impl Bytes {
    /// The byte of a number: QuantizeLinear of ONNX.
    pub fn byte(self, value: f32) -> u8 {
        ((value / self.scale).round_ties_even() + f32::from(self.zero_point)).clamp(0.0, 255.0) as u8
    }

    /// The number that a byte stands for: DequantizeLinear of ONNX.
    pub fn value(self, byte: u8) -> f32 {
        (f32::from(byte) - f32::from(self.zero_point)) * self.scale
    }
}

/// Smallest and largest of the numbers seen; not-a-number is not seen. Both are 0 before anything was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extremes {
    /// Smallest, at most 0.
    pub low: f32,
    /// Largest, at least 0.
    pub high: f32,
}

impl Extremes {
    /// Sees these too.
    pub fn see(&mut self, values: &[f32]) {
        for &v in values {
            self.low = self.low.min(v);
            self.high = self.high.max(v);
        }
    }
}

const BINS: usize = 1024;

/// How often which numbers were seen, in equal steps between their extremes. Zero is not counted: it has its own byte.
#[derive(Clone, Debug)]
pub struct Histogram {
    extremes: Extremes,
    counts: Vec<u32>,
}

impl Histogram {
    /// Nothing seen yet, between extremes that are known.
    pub fn new(extremes: Extremes) -> Self {
        Self { extremes, counts: vec![0; BINS] }
    }

    /// Sees these too.
    pub fn see(&mut self, values: &[f32]) {
        let (low, factor) = (self.extremes.low, 1.0 / self.width().max(f32::MIN_POSITIVE));
        for &v in values.iter().filter(|v| **v != 0.0) {
            self.counts[(((v - low) * factor) as usize).min(BINS - 1)] += 1;
        }
    }

    /// The ends of the range: all of it, or without a ten-thousandth at either end.
    fn ends(&self, choice: Choice) -> Extremes {
        if choice != Choice::Percentile {
            return self.extremes;
        }
        let cut = self.counts.iter().map(|&c| u64::from(c)).sum::<u64>() / 10_000;
        let first = passing(cut, self.counts.iter()) as f32 * self.width();
        let last = passing(cut, self.counts.iter().rev()) as f32 * self.width();
        Extremes { low: (self.extremes.low + first).min(0.0), high: (self.extremes.high - last).max(0.0) }
    }

    fn width(&self) -> f32 {
        (self.extremes.high - self.extremes.low) / BINS as f32
    }
}

/// How many bins, in the order given, hold no more than `cut` numbers together.
fn passing<'c>(cut: u64, counts: impl Iterator<Item = &'c u32>) -> usize {
    let mut sum = 0;
    let fits = |c: &&u32| {
        sum += u64::from(**c);
        sum <= cut
    };
    counts.take_while(fits).count()
}

/// The bytes that serve several groups of numbers best, each of which may have a step of its own but not a zero point:
/// that zero point, and each group's step. `weights`: how much an error in each group matters.
pub fn choose(groups: &[Histogram], weights: &[f64], choice: Choice) -> (u8, Vec<f32>) {
    let groups: Vec<Sums> = groups.iter().map(|group| Sums::of(group, choice)).collect();
    let mut best = (f64::INFINITY, 0, Vec::new());
    for zero in 0..=255 {
        let found: Vec<(f32, f64)> = groups.iter().map(|group| group.step(zero, choice)).collect();
        let error = found.iter().zip(weights).map(|((_, error), weight)| error * weight).sum();
        if error < best.0 {
            best = (error, zero, found.into_iter().map(|(step, _)| step).collect());
        }
    }
    let (_, zero, steps) = best;
    (zero, steps)
}

/// A histogram summed up from either end, so that the error of a range is quickly told.
struct Sums {
    ends: Extremes,
    low: f32,
    width: f32,
    /// Count, sum and sum of squares of the numbers in the bins before each place.
    before: Vec<[f64; 3]>,
}

impl Sums {
    fn of(histogram: &Histogram, choice: Choice) -> Self {
        let (low, width) = (histogram.extremes.low, histogram.width());
        let mut sum = [0.0; 3];
        let mut before = vec![sum];
        for (bin, &count) in histogram.counts.iter().enumerate() {
            let centre = f64::from(low + (bin as f32 + 0.5) * width);
            for (power, sum) in sum.iter_mut().enumerate() {
                *sum += f64::from(count) * centre.powi(power as i32);
            }
            before.push(sum);
        }
        Self { ends: histogram.ends(choice), low, width, before }
    }

    /// The step for this zero point, and the error that it leaves. Infinite where a range does not fit.
    fn step(&self, zero: u8, choice: Choice) -> (f32, f64) {
        /// Neighbours among the steps tried.
        const RATIO: f32 = 1.03;
        let Extremes { low, high } = self.ends;
        let sides = [(-low, f32::from(zero)), (high, f32::from(255 - zero))];
        let needed = |(reach, bytes): (f32, f32)| if reach > 0.0 { reach / bytes } else { 0.0 };
        let whole = sides.into_iter().map(needed).fold(0.0, f32::max);
        if whole == 0.0 {
            return (0.0, 0.0);
        }
        if choice != Choice::Mse {
            return (whole, if whole.is_finite() { self.error(whole, zero) } else { f64::INFINITY });
        }
        let least = low.abs().max(high) / 255.0 / 8.0;
        let most = sides.into_iter().map(needed).filter(|s| s.is_finite()).fold(0.0, f32::max);
        let mut best = (most, self.error(most, zero));
        let mut step = most / RATIO;
        while step > least {
            let error = self.error(step, zero);
            if error < best.1 {
                best = (step, error);
            }
            step /= RATIO;
        }
        best
    }

    /// Sum of squared distances between numbers and their bytes; rounding counts as spread evenly over a step.
    fn error(&self, step: f32, zero: u8) -> f64 {
        let [low, high] = [-f32::from(zero) * step, f32::from(255 - zero) * step];
        let bin = |end: f32| (((end - self.low) / self.width).round().max(0.0) as usize).min(BINS);
        let beyond = |[count, sum, squares]: [f64; 3], end: f32| {
            let end = f64::from(end);
            (squares - 2.0 * end * sum + end * end * count).max(0.0)
        };
        let all = self.before[BINS];
        let above = self.before[bin(high)];
        let above = [0, 1, 2].map(|k| all[k] - above[k]);
        let below = self.before[bin(low)];
        let rounded = all[0] - above[0] - below[0];
        beyond(above, high) + beyond(below, low) + rounded * f64::from(step).powi(2) / 12.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: &[f32]) -> Histogram {
        let mut extremes = Extremes::default();
        extremes.see(values);
        let mut histogram = Histogram::new(extremes);
        histogram.see(values);
        histogram
    }

    fn bytes(values: &[f32], choice: Choice) -> Bytes {
        let (zero_point, steps) = choose(&[histogram(values)], &[1.0], choice);
        Bytes { scale: steps[0], zero_point }
    }

    #[test]
    fn zero_has_a_byte_of_its_own_and_the_ends_have_theirs() {
        let cases = [([0.1, 6.0], 0), ([-1.0, 3.0], 64), ([-2.5, -0.1], 255), ([0.5, 1.0], 0), ([-3.0, -1.0], 255)];
        for (values, zero_point) in cases {
            let bytes = bytes(&values, Choice::MinMax);
            assert_eq!(bytes.zero_point, zero_point, "{values:?}");
            assert!(values.iter().all(|&v| (bytes.value(bytes.byte(v)) - v).abs() <= 0.51 * bytes.scale), "{bytes:?}");
        }
    }

    #[test]
    fn groups_share_the_zero_point_and_have_steps_of_their_own() {
        let values: Vec<f32> = (1..1000).map(|i| i as f32 / 1000.0 - 0.2).collect();
        let times = |factor: f32| histogram(&values.iter().map(|v| v * factor).collect::<Vec<_>>());
        for choice in [Choice::MinMax, Choice::Percentile, Choice::Mse] {
            let (zero, steps) = choose(&[times(1.0), times(100.0)], &[1.0, 1e-4], choice);
            assert!((50..=52).contains(&zero), "{zero}");
            assert!((steps[1] / steps[0] - 100.0).abs() < 1.0 && (steps[0] * 255.0 - 1.0).abs() < 0.02, "{steps:?}");
        }
        // What matters decides the zero point.
        let minus = histogram(&values.iter().map(|v| -v).collect::<Vec<_>>());
        assert!(choose(&[times(1.0), minus.clone()], &[1.0, 1e-3], Choice::Mse).0 < 60);
        assert!(choose(&[times(1.0), minus], &[1e-3, 1.0], Choice::Mse).0 > 195);
    }

    #[test]
    fn halves_go_to_the_even_byte_and_beyond_the_ends_bytes_stay() {
        let bytes = Bytes { scale: 0.5, zero_point: 10 };
        assert_eq!([0.25, 0.75, -0.25, 1.0].map(|v| bytes.byte(v)), [10, 12, 10, 12]);
        assert_eq!([-100.0, 1000.0, f32::INFINITY].map(|v| bytes.byte(v)), [0, 255, 255]);
    }

    #[test]
    fn min_max_holds_an_outlier_and_percentile_cuts_it_off() {
        let mut values: Vec<f32> = (0..100_000).map(|i| i as f32 / 100_000.0).collect();
        values.push(50.0);
        assert!((bytes(&values, Choice::MinMax).value(255) - 50.0).abs() < 0.2);
        assert!(bytes(&values, Choice::Percentile).value(255) < 1.1);
    }

    #[test]
    fn mse_gives_up_a_rare_outlier_and_keeps_a_frequent_one() {
        let spread = (0..1_000_000).map(|i| (i % 1000) as f32 / 1000.0 - 0.3);
        let rare: Vec<f32> = spread.clone().chain([2.0]).collect();
        let often: Vec<f32> = spread.chain([2.0; 20_000]).collect();
        let found = bytes(&rare, Choice::Mse);
        assert!(found.value(255) < 1.2 && found.value(0) < -0.28, "{found:?}");
        assert!(bytes(&often, Choice::Mse).value(255) > 1.9);
    }

    #[test]
    fn nothing_but_zeros_is_no_division_by_zero() {
        for choice in [Choice::MinMax, Choice::Percentile, Choice::Mse] {
            assert_eq!(choose(&[histogram(&[0.0; 9])], &[1.0], choice), (0, vec![0.0]));
        }
    }
}
