//! Every kernel that this processor can run against loops that follow the definition, over shapes of all kinds.

use super::fence::{Fence, Side};
use super::*;
use crate::winograd::Size;
use proptest::prelude::*;

fn here() -> Vec<Kernels> {
    Kernels::ALL.into_iter().filter(|k| k.runs_here()).collect()
}

/// Miri takes ten thousand times as long. `LOOKALIKE_KERNEL_CASES` says otherwise.
fn cases_to_try() -> u32 {
    let asked = if cfg!(miri) { None } else { std::env::var("LOOKALIKE_KERNEL_CASES").ok() };
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(if cfg!(miri) { 2 } else { 200 })
}

/// More than the largest tile has, so that there are several of them and rests of all sizes.
fn most_channels() -> usize {
    match () {
        () if cfg!(miri) => 9,
        () if cfg!(target_arch = "aarch64") => 38,
        () => 70,
    }
}

/// A convolution to try: its window, a picture that is large enough, and a seed for the numbers.
#[derive(Clone, Debug)]
struct Case {
    window: Window,
    shape: [usize; 3],
    seed: u64,
}

fn cases(most_channels: usize) -> impl Strategy<Value = Case> {
    let window = (1..=most_channels, 1..=most_channels, 1..=4usize, 1..=4usize, 1..=2usize);
    let picture = (1..=3usize, 0..=9usize, 0..=34usize);
    (window, picture, any::<u64>()).prop_map(|((inputs, outputs, height, width, stride), (count, rows, columns), seed)| Case {
        window: Window { inputs, outputs, height, width, stride },
        shape: [count, height + rows, width + columns],
        seed,
    })
}

/// Numbers that are the same for the same seed (a linear congruence; its high bits).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// Every third number is an extreme one.
    fn byte(&mut self) -> u8 {
        match self.next() % 6 {
            0 => 0,
            1 => 255,
            _ => self.next() as u8,
        }
    }

    /// From `least`, -127 or -128, to 127.
    fn weight(&mut self, least: i8) -> i8 {
        match self.next() % 6 {
            0 => least,
            1 => 127,
            _ => (self.next() as i8).max(least),
        }
    }

    /// Around everything that is allocated until it is dropped.
    fn fence(&mut self) -> Fence {
        Fence::new(if self.next().is_multiple_of(2) { Side::Start } else { Side::End })
    }

    fn float(&mut self) -> f32 {
        self.next() as f32 / (1u32 << 30) as f32 - 1.0
    }
}

/// Calls `visit` with the output's index and, for every number of its window, the input's and the weight's index.
fn by_definition(case: &Case, channels: usize, step: usize, mut visit: impl FnMut(usize, usize, &[(usize, usize)])) {
    let Case { window, shape: [count, height, width], .. } = *case;
    let [rows, columns] = window.output([height, width]).unwrap();
    for pixel in 0..count * rows * columns {
        let (image, y, x) = (pixel / (rows * columns), pixel / columns % rows, pixel % columns);
        for output in 0..window.outputs {
            let mut pairs = Vec::new();
            for channel in 0..window.inputs {
                for row in 0..window.height {
                    for column in 0..window.width {
                        let line = image * height + y * window.stride + row;
                        let input = (line * width + x * window.stride + column) * channels + channel;
                        let weight = ((output * window.inputs + channel) * window.height + row) * window.width + column;
                        pairs.push((input, weight));
                    }
                }
            }
            visit(pixel * step + output, output, &pairs);
        }
    }
}

fn out_pixels(case: &Case) -> usize {
    let [count, height, width] = case.shape;
    let [rows, columns] = case.window.output([height, width]).unwrap();
    count * rows * columns
}

/// `winograd`: by Winograd's way, where these kernels have one for bytes.
fn bytes_equal_the_definition(case: &Case, kernels: Kernels, residual: bool, winograd: bool) -> Result<(), TestCaseError> {
    let Case { window, shape, seed } = *case;
    let mut numbers = Numbers(seed);
    let fence = numbers.fence();
    let channels = padded(window.inputs);
    // What the padding holds must not matter.
    let input: Vec<u8> = (0..shape.iter().product::<usize>() * channels).map(|_| numbers.byte()).collect();
    let per_output = window.inputs * window.height * window.width;
    // One way of computing is there only for weights that are never -128.
    let least = if numbers.next().is_multiple_of(2) { -127 } else { -128 };
    let weights: Vec<i8> = (0..window.outputs * per_output).map(|_| numbers.weight(least)).collect();
    let bias: Vec<i32> = (0..window.outputs).map(|_| numbers.next() as i32 % 100_000 - 50_000).collect();
    let zero_point = numbers.byte();
    let typical = 1.0 / (40.0 * (per_output as f32).sqrt() * 64.0);
    let up: Vec<f32> = (0..window.outputs).map(|_| typical * (numbers.float() + 1.01)).collect();
    let down: Vec<f32> = up.iter().map(|u| u * numbers.float()).collect();
    let requantise = Requantise { up: up.clone(), down: down.clone() };
    let conv = ByteConv::with_way(kernels, window, &weights, &bias, zero_point, &requantise, winograd);
    let step = padded(window.outputs);
    let other: Vec<u8> = (0..out_pixels(case) * step).map(|_| numbers.byte()).collect();
    let added = Residual { bytes: &other, zero_point: numbers.byte(), scale: numbers.float() };
    let zero_out = numbers.byte();
    let floor = if numbers.next().is_multiple_of(2) { zero_out } else { 0 };
    let how = Bytes { zero_point: zero_out, floor, residual: residual.then_some(added) };
    let mut got = vec![7u8; out_pixels(case) * step];
    conv.to_bytes(&input, shape, how, &mut got);
    let mut floats = vec![f32::NAN; out_pixels(case) * window.outputs];
    conv.to_floats(&input, shape, &mut floats);
    drop(fence);
    let mut fault = None;
    by_definition(case, channels, step, |index, output, pairs| {
        let products = pairs.iter().map(|&(i, w)| (i32::from(input[i]) - i32::from(zero_point)) * i32::from(weights[w]));
        let sum: i32 = bias[output] + products.sum::<i32>();
        let value = sum as f32 * if sum < 0 { down[output] } else { up[output] };
        let mut steps = value;
        if residual {
            steps += (i32::from(other[index]) - i32::from(added.zero_point)) as f32 * added.scale;
        }
        let steps = steps.clamp(-1024.0, 1024.0).round_ties_even() as i32;
        let want = (steps + i32::from(zero_out)).clamp(floor.into(), 255) as u8;
        let float = floats[index / step * window.outputs + output];
        if got[index] != want || float.to_bits() != value.to_bits() {
            fault = Some((index, got[index], want, float, value));
        }
    });
    prop_assert!(fault.is_none(), "{} {case:?}: {fault:?}", kernels.name());
    Ok(())
}

/// `size`: by Winograd's way with such tiles.
fn floats_equal_the_definition(case: &Case, kernels: Kernels, residual: bool, size: Option<Size>) -> Result<(), TestCaseError> {
    let Case { window, shape, seed } = *case;
    let mut numbers = Numbers(seed);
    let fence = numbers.fence();
    let per_output = window.inputs * window.height * window.width;
    let mut some = |count: usize| -> Vec<f32> { (0..count).map(|_| numbers.float()).collect() };
    let input = some(shape.iter().product::<usize>() * window.inputs);
    let weights = some(window.outputs * per_output);
    let (bias, slope) = (some(window.outputs), some(window.outputs));
    let other = some(out_pixels(case) * window.outputs);
    // Only the way at half the size is for such windows.
    let halved = (window.height, window.width, window.stride) == (5, 5, 2);
    let conv = match halved {
        true => FloatConv::new(kernels, window, &weights, &bias, &slope, shape),
        false => FloatConv::with_size(kernels, window, &weights, &bias, &slope, size),
    };
    let mut got = vec![f32::NAN; other.len()];
    conv.run(&input, shape, residual.then_some(&other), &mut got);
    drop(fence);
    let mut worst = 0f64;
    by_definition(case, window.inputs, window.outputs, |index, output, pairs| {
        let sum: f64 = pairs.iter().map(|&(i, w)| f64::from(input[i]) * f64::from(weights[w])).sum();
        let value = f64::from(bias[output]) + sum + if residual { f64::from(other[index]) } else { 0.0 };
        let want = if value < 0.0 { value * f64::from(slope[output]) } else { value };
        let difference = (f64::from(got[index]) - want).abs();
        worst = worst.max(if difference.is_nan() { f64::INFINITY } else { difference });
    });
    // n numbers of at most 1 are added and one is multiplied. At worst that errs by n² / 2 roundings of 1, which 2 n^1.5
    // covers up to n = 16; beyond, roundings of random sign stay far below.
    let n = per_output as f64 + 3.0;
    // Winograd's transforms add and take away numbers that are larger than what comes of them.
    let grown = if size.is_some() || halved { 3.0 } else { 1.0 };
    let tolerance = 2.0 * n * n.sqrt() * f64::from(f32::EPSILON) * grown;
    prop_assert!(worst <= tolerance, "{} {size:?} {case:?}: {worst} above {tolerance}", kernels.name());
    Ok(())
}

/// The case with the window that Winograd's way is for.
fn of_three_by_three(case: Case) -> Case {
    let [count, height, width] = case.shape;
    let window = Window { height: 3, width: 3, stride: 1, ..case.window };
    Case { window, shape: [count, height.max(3), width.max(3)], ..case }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases_to_try(), ..ProptestConfig::default() })]

    #[test]
    fn bytes_are_the_same_bit_for_bit(case in cases(most_channels()), residual: bool) {
        for kernels in here() {
            bytes_equal_the_definition(&case, kernels, residual, false)?;
        }
    }

    #[test]
    fn floats_are_the_same_but_for_rounding(case in cases(most_channels()), residual: bool) {
        for kernels in here() {
            floats_equal_the_definition(&case, kernels, residual, None)?;
        }
    }

    /// The only ones that have this way for bytes.
    #[test]
    fn winograds_bytes_are_the_same_bit_for_bit(case in cases(most_channels()), residual: bool) {
        let case = of_three_by_three(case);
        for kernels in here().into_iter().filter(|&k| k == Kernels::Avx2) {
            bytes_equal_the_definition(&case, kernels, residual, true)?;
        }
    }

    #[test]
    fn winograds_floats_are_the_same_but_for_rounding(case in cases(most_channels()), residual: bool) {
        let case = of_three_by_three(case);
        for kernels in here() {
            for size in [Size::Two, Size::Four] {
                floats_equal_the_definition(&case, kernels, residual, Some(size))?;
            }
        }
    }

    #[test]
    fn floats_at_half_the_size_are_the_same_but_for_rounding(case in cases(most_channels()), residual: bool) {
        let [count, height, width] = case.shape;
        let window = Window { height: 5, width: 5, stride: 2, ..case.window };
        let case = Case { window, shape: [count, height.max(5), width.max(5)], ..case };
        for kernels in here() {
            floats_equal_the_definition(&case, kernels, residual, None)?;
        }
    }

    #[test]
    fn one_number_of_a_picture_is_the_same_but_for_rounding(case in cases(most_channels()), residual: bool) {
        let [count, height, width] = case.shape;
        let case = Case { window: Window { outputs: 1, height, width, ..case.window }, shape: [count, height, width], ..case };
        for kernels in here() {
            floats_equal_the_definition(&case, kernels, residual, None)?;
        }
    }

    #[test]
    fn pools_equal_the_definition(
        size in 1..=3usize, stride in 1..=3usize, ceil: bool, more in (0..=7usize, 0..=7usize), channels in prop_oneof![1..=20usize, Just(28), Just(32), Just(48), Just(64)], seed: u64,
    ) {
        let pool = pool::Pool { size, stride, ceil };
        let (height, width) = (size + more.0, size + more.1);
        let mut numbers = Numbers(seed);
        let fence = numbers.fence();
        let input: Vec<u8> = (0..2 * height * width * channels).map(|_| numbers.byte()).collect();
        drop(fence);
        let [rows, columns] = pool.output([height, width]);
        let want: Vec<u8> = (0..2 * rows * columns * channels).map(|index| {
            let (pixel, channel) = (index / channels, index % channels);
            let (image, top, left) = (pixel / (rows * columns), pixel / columns % rows * stride, pixel % columns * stride);
            let inside = (top..(top + size).min(height)).flat_map(|y| (left..(left + size).min(width)).map(move |x| (y, x)));
            inside.map(|(y, x)| input[((image * height + y) * width + x) * channels + channel]).max().unwrap()
        }).collect();
        for kernels in here() {
            let fence = numbers.fence();
            let mut got = vec![0; want.len()];
            drop(fence);
            pool::max_bytes(kernels, pool, &input, [2, height, width, channels], &mut got);
            prop_assert_eq!(&got, &want);
        }
    }
}

/// An emulator that is told which processor to be is told what must be found on it, or the other tests could pass without
/// the kernels that they are for. `LOOKALIKE_KERNELS_HERE`: names, quickest first.
#[test]
fn the_processor_has_what_it_is_known_to_have() {
    let names: Vec<&str> = here().into_iter().map(Kernels::name).collect();
    if let Ok(known) = std::env::var("LOOKALIKE_KERNELS_HERE") {
        assert_eq!(names.join(","), known);
    }
    assert_eq!(Kernels::best().name(), names[0]);
}

#[test]
fn the_least_weight_counts_whole() {
    let window = Window { inputs: 8, outputs: 5, height: 1, width: 1, stride: 1 };
    for kernels in here() {
        let requantise = Requantise { up: vec![1.0; 5], down: vec![1.0; 5] };
        let conv = ByteConv::new(kernels, window, &[i8::MIN; 40], &[0; 5], 128, &requantise, [1, 1, 2]);
        let mut out = [0.0; 10];
        conv.to_floats(&[[0; 8], [255; 8]].concat(), [1, 1, 2], &mut out);
        assert_eq!(out, [[131_072.0; 5], [-130_048.0; 5]].concat()[..], "{}", kernels.name());
    }
}

#[test]
fn sums_at_the_ends_saturate() {
    for kernels in here() {
        for (byte, weight, want) in [(255, 127, 255), (255, -127, 0)] {
            let window = Window { inputs: 64, outputs: 5, height: 3, width: 3, stride: 1 };
            let weights = vec![weight; 64 * 9 * 5];
            let requantise = Requantise { up: vec![1.0; 5], down: vec![1.0; 5] };
            let conv = ByteConv::new(kernels, window, &weights, &[0; 5], 0, &requantise, [1, 3, 3]);
            let mut out = vec![0; 8];
            let how = Bytes { zero_point: 128, floor: 0, residual: None };
            conv.to_bytes(&vec![byte; 64 * 9], [1, 3, 3], how, &mut out);
            assert_eq!(out[..5], [want; 5], "{}", kernels.name());
        }
    }
}

#[test]
fn the_names_lead_back() {
    for kernels in Kernels::ALL {
        assert_eq!(Kernels::from_name(kernels.name()), Some(kernels));
    }
    assert!(Kernels::best().runs_here() && Kernels::from_name("sse9").is_none());
}
