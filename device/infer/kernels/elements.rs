//! What works on one number at a time, or only moves numbers. Compiled once for each processor's registers.

use crate::Kernels;

/// Calls `work` compiled for the registers of the processor.
#[inline(always)]
pub(crate) fn fit(kernels: Kernels, work: impl FnOnce()) {
    match kernels {
        // SAFETY: kernels are chosen by what the processor has.
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx512 => unsafe { avx512(work) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Kernels::Avx2 => unsafe { avx2(work) },
        _ => work(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,fma")]
fn avx512(work: impl FnOnce()) {
    work();
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2(work: impl FnOnce()) {
    work();
}

/// RGB bytes to pixels of four bytes; the fourth is 0.
pub fn rgb_to_padded(rgb: &[u8], out: &mut [u8]) {
    for (pixel, out) in rgb.chunks_exact(3).zip(out.chunks_exact_mut(4)) {
        out.copy_from_slice(&[pixel[0], pixel[1], pixel[2], 0]);
    }
}

/// RGB bytes to three floats a pixel: `byte * scale + shift[channel]`.
pub fn rgb_to_floats(kernels: Kernels, rgb: &[u8], scale: f32, shift: [f32; 3], out: &mut [f32]) {
    fit(kernels, || {
        // Sixteen pixels at a time: a whole number of registers for three channels.
        let shifts: [f32; 48] = std::array::from_fn(|i| shift[i % 3]);
        let mut chunks = rgb.chunks_exact(48);
        let mut outs = out.chunks_exact_mut(48);
        for (bytes, out) in (&mut chunks).zip(&mut outs) {
            for ((out, &byte), shift) in out.iter_mut().zip(bytes).zip(&shifts) {
                *out = f32::from(byte) * scale + shift;
            }
        }
        for ((out, &byte), shift) in outs.into_remainder().iter_mut().zip(chunks.remainder()).zip(&shifts) {
            *out = f32::from(byte) * scale + shift;
        }
    });
}

/// A frame of `size` pixels of `value` around each picture. `shape`: count, height, width, channels.
pub fn pad<T: Copy>(input: &[T], [count, height, width, channels]: [usize; 4], sides: Sides, value: T, out: &mut [T]) {
    let line = width * channels;
    let wide = (width + sides.left + sides.right) * channels;
    let high = height + sides.top + sides.bottom;
    assert_eq!(input.len(), count * height * line, "an input of another shape");
    assert_eq!(out.len(), count * high * wide, "an output of another shape");
    for (image, out) in input.chunks_exact(height * line).zip(out.chunks_exact_mut(high * wide)) {
        let (above, rest) = out.split_at_mut(sides.top * wide);
        let (inside, below) = rest.split_at_mut(height * wide);
        above.fill(value);
        below.fill(value);
        for (line, out) in image.chunks_exact(line).zip(inside.chunks_exact_mut(wide)) {
            let (left, rest) = out.split_at_mut(sides.left * channels);
            let (middle, right) = rest.split_at_mut(line.len());
            left.fill(value);
            middle.copy_from_slice(line);
            right.fill(value);
        }
    }
}

/// Pixels to be added on each side of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// Rows above.
    pub top: usize,
    /// Columns on the left.
    pub left: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns on the right.
    pub right: usize,
}

/// More channels, of `value`: each pixel of `from` numbers becomes one of `to`.
pub fn widen<T: Copy>(input: &[T], from: usize, to: usize, value: T, out: &mut [T]) {
    for (pixel, out) in input.chunks_exact(from).zip(out.chunks_exact_mut(to)) {
        out[..from].copy_from_slice(pixel);
        out[from..].fill(value);
    }
}

/// Bytes to the numbers they stand for; the padding of the channels goes. A pixel has `channels` numbers.
pub fn dequantise(input: &[u8], channels: usize, scale: f32, zero_point: u8, out: &mut [f32]) {
    let zero = i32::from(zero_point);
    for (pixel, out) in input.chunks_exact(crate::padded(channels)).zip(out.chunks_exact_mut(channels)) {
        for (out, &byte) in out.iter_mut().zip(pixel) {
            *out = (i32::from(byte) - zero) as f32 * scale;
        }
    }
}

/// Numbers to bytes, `zero_point + round(v / scale)`, ties to even; channels are padded with the zero point.
pub fn quantise(input: &[f32], channels: usize, scale: f32, zero_point: u8, out: &mut [u8]) {
    for (pixel, out) in input.chunks_exact(channels).zip(out.chunks_exact_mut(crate::padded(channels))) {
        out.fill(zero_point);
        for (out, &value) in out.iter_mut().zip(pixel) {
            *out = ((value / scale).round_ties_even() + f32::from(zero_point)).clamp(0.0, 255.0) as u8;
        }
    }
}

/// a + b; with `relu`, not below zero.
pub fn add_floats(kernels: Kernels, a: &[f32], b: &[f32], relu: bool, out: &mut [f32]) {
    assert_eq!((a.len(), b.len()), (out.len(), out.len()), "numbers of another shape");
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    fit(kernels, || {
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            let sum = a + b;
            *out = if sum > floor { sum } else { floor };
        }
    });
}

/// The sum of two pictures, of each its scale in steps of the result and its zero point; from `floor` to 255.
pub fn add_bytes(kernels: Kernels, pictures: [&[u8]; 2], parts: [(f32, u8); 2], zero_point: u8, floor: u8, out: &mut [u8]) {
    let [a, b] = pictures;
    assert_eq!((a.len(), b.len()), (out.len(), out.len()), "numbers of another shape");
    let [(a_scale, a_zero), (b_scale, b_zero)] = parts.map(|(scale, zero)| (scale, i32::from(zero)));
    fit(kernels, || {
        for ((out, &a), &b) in out.iter_mut().zip(a).zip(b) {
            let sum = (i32::from(a) - a_zero) as f32 * a_scale + (i32::from(b) - b_zero) as f32 * b_scale;
            let steps = sum.clamp(-1024.0, 1024.0).round_ties_even() as i32 + i32::from(zero_point);
            *out = steps.clamp(floor.into(), 255) as u8;
        }
    });
}

/// Pixels to planes: [count, area, channels] to [count, channels, area].
pub fn to_planes(input: &[f32], [count, area, channels]: [usize; 3], out: &mut [f32]) {
    assert_eq!((input.len(), out.len()), (count * area * channels, count * area * channels), "numbers of another shape");
    for (image, out) in input.chunks_exact(area * channels).zip(out.chunks_exact_mut(area * channels)) {
        for (channel, plane) in out.chunks_exact_mut(area).enumerate() {
            plane.iter_mut().zip(image[channel..].iter().step_by(channels)).for_each(|(out, &v)| *out = v);
        }
    }
}

/// Planes to pixels: [count, channels, area] to [count, area, channels].
pub fn to_pixels(input: &[f32], [count, area, channels]: [usize; 3], out: &mut [f32]) {
    assert_eq!((input.len(), out.len()), (count * area * channels, count * area * channels), "numbers of another shape");
    for (image, out) in input.chunks_exact(area * channels).zip(out.chunks_exact_mut(area * channels)) {
        for (channel, plane) in image.chunks_exact(area).enumerate() {
            out[channel..].iter_mut().step_by(channels).zip(plane).for_each(|(out, &v)| *out = v);
        }
    }
}

/// Four channels beside each other become 2 x 2 pixels, row by row: [count, height, width, 4 c] to [count, 2 height, 2 width, c].
/// `shape`: of the input; `lengths`: of a pixel before and after, padding included. The padding of the result stays as it is.
pub fn shuffle<T: Copy>(kernels: Kernels, input: &[T], shape: [usize; 4], lengths: [usize; 2], out: &mut [T]) {
    let ([count, height, width, channels], [from, to]) = (shape, lengths);
    let pixels = count * height * width;
    assert_eq!((input.len(), out.len()), (pixels * from, pixels * 4 * to), "numbers of another shape");
    fit(kernels, move || {
        for (line, out) in input.chunks_exact(width * from).zip(out.chunks_exact_mut(4 * width * to)) {
            let (upper, lower) = out.split_at_mut(2 * width * to);
            let pairs = upper.chunks_exact_mut(2 * to).zip(lower.chunks_exact_mut(2 * to));
            for (pixel, (upper, lower)) in line.chunks_exact(from).zip(pairs) {
                let [(a, b), (c, d)] = [upper, lower].map(|out| out.split_at_mut(to));
                for ((((four, a), b), c), d) in pixel[..channels].as_chunks::<4>().0.iter().zip(a).zip(b).zip(c).zip(d) {
                    [*a, *b, *c, *d] = *four;
                }
            }
        }
    });
}

/// Negative numbers multiplied by `slope`.
pub fn lean(kernels: Kernels, input: &[f32], slope: f32, out: &mut [f32]) {
    assert_eq!(input.len(), out.len(), "numbers of another shape");
    fit(kernels, move || {
        for (out, &x) in out.iter_mut().zip(input) {
            *out = if x < 0.0 { x * slope } else { x };
        }
    });
}

/// 1 / (1 + e^-x).
pub fn sigmoid(kernels: Kernels, input: &[f32], out: &mut [f32]) {
    assert_eq!(input.len(), out.len(), "numbers of another shape");
    fit(kernels, || {
        for (out, &x) in out.iter_mut().zip(input) {
            let small = exp_of_negative(-x.abs());
            let large = 1.0 / (1.0 + small);
            *out = if x < 0.0 { small * large } else { large };
        }
    });
}

/// Of each row of `input`, as long as `weights`, the sum of its products with them.
pub(crate) fn products(kernels: Kernels, input: &[f32], weights: &[f32], out: &mut [f32]) {
    const SUMS: usize = 64;
    fit(kernels, || {
        for (row, out) in input.chunks_exact(weights.len()).zip(out) {
            let ((some, rest), (some_weights, rest_weights)) = (row.as_chunks::<SUMS>(), weights.as_chunks::<SUMS>());
            let mut sums = [0.0; SUMS];
            for (x, w) in some.iter().zip(some_weights) {
                for i in 0..SUMS {
                    sums[i] += x[i] * w[i];
                }
            }
            let mut half = SUMS / 2;
            while half > 0 {
                for i in 0..half {
                    sums[i] += sums[i + half];
                }
                half /= 2;
            }
            *out = sums[0] + rest.iter().zip(rest_weights).map(|(x, w)| x * w).sum::<f32>();
        }
    });
}

/// Softmax over two classes, which lie side by side: pairs in, pairs out.
pub fn softmax_of_two(kernels: Kernels, input: &[f32], out: &mut [f32]) {
    assert_eq!(input.len(), out.len(), "numbers of another shape");
    fit(kernels, || {
        for (pair, out) in input.chunks_exact(2).zip(out.chunks_exact_mut(2)) {
            // Of the larger class: its share lies from a half to one, so nothing overflows.
            let (first, second) = (pair[0], pair[1]);
            let small = exp_of_negative(-(second - first).abs());
            let large = 1.0 / (1.0 + small);
            let little = small * large;
            let second_leads = second > first;
            out[0] = if second_leads { little } else { large };
            out[1] = if second_leads { large } else { little };
        }
    });
}

/// e^x for x <= 0, within two units in the last place; below -87 it is 0 to the eye.
/// Cody and Waite's reduction to |r| <= ln 2 / 2 and a polynomial of the sixth degree (Cephes' expf).
#[inline(always)]
fn exp_of_negative(x: f32) -> f32 {
    const LOG2_E: f32 = std::f32::consts::LOG2_E;
    let x = if x < -87.0 { -87.0 } else { x };
    // Adding 1.5 * 2^23 rounds to a whole number without a call, and leaves that number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let shifted = x * LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let r = x - whole * 0.693_359_4 + whole * 2.121_944_4e-4;
    let p = 1.987_569_1e-4f32;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    y * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_is_right_at_every_size() {
        for step in -400..=400 {
            let x = step as f32 * 0.5;
            let mut out = [0.0; 2];
            softmax_of_two(Kernels::Scalar, &[x, 0.0], &mut out);
            let want = 1.0 / (1.0 + f64::from(-x).exp());
            assert!((f64::from(out[0]) - want).abs() < 1e-6, "{x}: {out:?} {want}");
            assert!((f64::from(out[0] + out[1]) - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn sigmoid_is_right_at_every_size() {
        let numbers: Vec<f32> = (-400..=400).map(|step| step as f32 * 0.5).collect();
        let mut out = vec![0.0; numbers.len()];
        sigmoid(Kernels::best(), &numbers, &mut out);
        for (x, got) in numbers.iter().zip(out) {
            let want = 1.0 / (1.0 + f64::from(-x).exp());
            assert!((f64::from(got) - want).abs() < 1e-6, "{x}: {got} {want}");
        }
    }

    #[test]
    fn four_channels_become_two_rows_of_two() {
        let numbers: Vec<f32> = (0..16).map(|v| v as f32).collect();
        let mut out = vec![0.0; 16];
        shuffle(Kernels::best(), &numbers, [1, 1, 2, 8], [8, 2], &mut out);
        let wanted = [0, 4, 1, 5, 8, 12, 9, 13, 2, 6, 3, 7, 10, 14, 11, 15].map(|v| v as f32);
        assert_eq!(out, wanted);
    }

    #[test]
    fn bytes_are_shuffled_without_their_padding() {
        let bytes: Vec<u8> = (0..16).collect();
        let mut out = [99; 32];
        shuffle(Kernels::best(), &bytes, [1, 1, 2, 8], [8, 4], &mut out);
        let wanted = [[0, 4], [1, 5], [8, 12], [9, 13], [2, 6], [3, 7], [10, 14], [11, 15]];
        assert!(out.chunks_exact(4).zip(wanted).all(|(pixel, wanted)| pixel == [wanted[0], wanted[1], 99, 99]), "{out:?}");
    }

    #[test]
    fn negative_numbers_lean() {
        let mut out = [0.0; 3];
        lean(Kernels::best(), &[-2.0, 0.0, 3.0], 0.5, &mut out);
        assert_eq!(out, [-1.0, 0.0, 3.0]);
    }

    #[test]
    fn bytes_survive_the_way_there_and_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let (mut floats, mut again) = (vec![0.0; 256], vec![0; 256]);
        dequantise(&bytes, 4, 0.25, 100, &mut floats);
        quantise(&floats, 4, 0.25, 100, &mut again);
        assert_eq!(bytes, again);
    }

    #[test]
    fn planes_and_pixels_are_each_others_way_back() {
        let planes: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let (mut pixels, mut again) = (vec![0.0; 24], vec![0.0; 24]);
        to_pixels(&planes, [2, 4, 3], &mut pixels);
        assert_eq!(pixels[..3], [0.0, 4.0, 8.0]);
        to_planes(&pixels, [2, 4, 3], &mut again);
        assert_eq!(planes, again);
    }
}
