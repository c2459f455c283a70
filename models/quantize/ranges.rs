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
    /// Bytes that reach from `low` to `high`, widened to hold zero.
    pub fn spanning(low: f32, high: f32) -> Self {
        let (low, high) = (f64::from(low.min(0.0)), f64::from(high.max(0.0)));
        let scale = ((high - low) / 255.0).max(f64::from(f32::MIN_POSITIVE) * 1e6);
        Self { scale: scale as f32, zero_point: (-low / scale).round_ties_even().clamp(0.0, 255.0) as u8 }
    }

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

const BINS: usize = 4096;

/// How often which numbers were seen, in equal steps between their extremes.
#[derive(Clone, Debug)]
pub struct Histogram {
    extremes: Extremes,
    counts: Vec<u64>,
}

impl Histogram {
    /// Nothing seen yet, between extremes that are known.
    pub fn new(extremes: Extremes) -> Self {
        Self { extremes, counts: vec![0; BINS] }
    }

    /// Sees these too.
    pub fn see(&mut self, values: &[f32]) {
        let (low, factor) = (self.extremes.low, 1.0 / self.width().max(f32::MIN_POSITIVE));
        for &v in values {
            self.counts[(((v - low) * factor) as usize).min(BINS - 1)] += 1;
        }
    }

    /// The bytes for these numbers.
    pub fn choose(&self, choice: Choice) -> Bytes {
        let Extremes { low, high } = self.extremes;
        match choice {
            Choice::MinMax => Bytes::spanning(low, high),
            Choice::Percentile => {
                let cut = self.counts.iter().sum::<u64>() / 10_000;
                let first = self.passing(cut, self.counts.iter());
                let last = self.passing(cut, self.counts.iter().rev());
                Bytes::spanning(low + first as f32 * self.width(), high - last as f32 * self.width())
            }
            Choice::Mse => self.nearest(),
        }
    }

    /// How many bins, in the order given, hold no more than `cut` numbers together.
    fn passing<'c>(&self, cut: u64, counts: impl Iterator<Item = &'c u64>) -> usize {
        let mut sum = 0;
        counts
            .take_while(|&&c| {
                sum += c;
                sum <= cut
            })
            .count()
    }

    /// Draws the two ends in by turns while that lessens the error.
    fn nearest(&self) -> Bytes {
        const STEPS: usize = 64;
        let Extremes { mut low, mut high } = self.extremes;
        for _ in 0..3 {
            let end = |part: usize, whole: f32| whole * part as f32 / STEPS as f32;
            let error = |low: f32, high: f32| self.error(Bytes::spanning(low, high));
            let highs = (STEPS / 4..=STEPS).map(|k| end(k, self.extremes.high));
            high = highs.min_by(|&a, &b| error(low, a).total_cmp(&error(low, b))).unwrap_or(high);
            let lows = (0..=STEPS).map(|k| end(k, self.extremes.low));
            low = lows.min_by(|&a, &b| error(a, high).total_cmp(&error(b, high))).unwrap_or(low);
        }
        Bytes::spanning(low, high)
    }

    /// Sum of squared distances between numbers and their bytes; rounding counts as spread evenly over a step.
    fn error(&self, bytes: Bytes) -> f64 {
        let (low, high) = (bytes.value(0), bytes.value(255));
        let rounding = f64::from(bytes.scale).powi(2) / 12.0;
        let width = self.width();
        let mut sum = 0.0;
        for (bin, &count) in self.counts.iter().enumerate().filter(|(_, c)| **c > 0) {
            let centre = self.extremes.low + (bin as f32 + 0.5) * width;
            let beyond = f64::from((centre - high).max(low - centre).max(0.0));
            sum += count as f64 * (beyond * beyond + rounding);
        }
        sum
    }

    fn width(&self) -> f32 {
        (self.extremes.high - self.extremes.low) / BINS as f32
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

    #[test]
    fn zero_has_a_byte_of_its_own() {
        for (low, high) in [(0.0, 6.0), (-1.0, 3.0), (-2.5, 0.0), (0.5, 1.0), (-3.0, -1.0), (0.0, 0.0)] {
            let bytes = Bytes::spanning(low, high);
            assert_eq!(bytes.value(bytes.byte(0.0)), 0.0, "{low} {high}");
            assert!(bytes.scale > 0.0 && bytes.scale.is_normal());
        }
        assert_eq!(Bytes::spanning(0.0, 6.0).zero_point, 0);
        assert_eq!(Bytes::spanning(-3.0, -1.0).zero_point, 255);
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
        let histogram = histogram(&values);
        assert!((histogram.choose(Choice::MinMax).value(255) - 50.0).abs() < 0.2);
        assert!(histogram.choose(Choice::Percentile).value(255) < 1.1);
    }

    #[test]
    fn mse_gives_up_a_rare_outlier_and_keeps_a_frequent_one() {
        let spread = (0..1_000_000).map(|i| (i % 1000) as f32 / 1000.0 - 0.3);
        let rare: Vec<f32> = spread.clone().chain([2.0]).collect();
        let often: Vec<f32> = spread.chain([2.0; 20_000]).collect();
        let bytes = histogram(&rare).choose(Choice::Mse);
        assert!(bytes.value(255) < 1.2 && bytes.value(0) < -0.28, "{bytes:?}");
        assert!(histogram(&often).choose(Choice::Mse).value(255) > 1.9);
    }

    #[test]
    fn nothing_but_zeros_is_no_division_by_zero() {
        for choice in [Choice::MinMax, Choice::Percentile, Choice::Mse] {
            assert_eq!(histogram(&[0.0; 9]).choose(choice).byte(0.0), 0);
        }
    }
}
