//! Convolution of bytes with windows of 3x3, one pixel apart, by fewer multiplications and still exact: Winograd's way with
//! tiles of 2x2 ([`crate::winograd`]) in words, for AVX2, whose products are of words anyway.
//!
//! With the weights' transform multiplied by 4 everything is a whole number: transformed bytes lie from -510 to 1020,
//! transformed weights within 9 * 128, so both are words. Sums wrap in 32 bits on the way, but four times a sum of the
//! convolution fits, so it is right in the end, and divides by 4.

use crate::avx2::{LANES, SUMS};
use crate::bytes::{Job, Sink};
use crate::pack::{Order, pack_into};
use crate::sweep::{Sweep, Window};
use crate::winograd::{Grid, Place, Size};
use std::arch::x86_64::*;
use std::cell::RefCell;

/// Places of a tile.
const PLACES: usize = 16;
/// Bytes that the transformed tiles may take before and after the products.
const ROOM: usize = 192 * 1024;
/// Words of a register.
const WORDS: usize = 16;

/// Four times the sums of so many channels fit in 32 bits.
const MOST_CHANNELS: usize = 1024;

/// A convolution's weights, transformed.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// Input and output channels, padded to whole registers.
    padded: [usize; 2],
    /// One packed matrix after the other.
    weights: Vec<i16>,
}

impl Words {
    /// Whether this takes less work than plain sums, for pictures of this shape.
    pub fn pays(window: &Window, shape: [usize; 3]) -> bool {
        window.inputs <= MOST_CHANNELS && Size::Two.pays(window, shape)
    }

    /// `weights`: [out, in, 3, 3].
    pub fn new(window: &Window, weights: &[i8]) -> Self {
        assert!(window.inputs <= MOST_CHANNELS, "sums of so many channels do not fit");
        let padded = [window.inputs.next_multiple_of(WORDS), window.outputs.next_multiple_of(LANES)];
        let order = Order { lanes: LANES, group: 2, channels: padded[0], outputs: padded[1] };
        let transformed: Vec<[i16; PLACES]> = weights.as_chunks::<9>().0.iter().map(transform).collect();
        let mut all = vec![0; PLACES * padded[0] * padded[1]];
        let mut plane = vec![0i16; transformed.len()];
        for (place, packed) in all.chunks_exact_mut(padded[0] * padded[1]).enumerate() {
            plane.iter_mut().zip(&transformed).for_each(|(to, from)| *to = from[place]);
            pack_into(&plane, [window.outputs, window.inputs, 1, 1], order, packed);
        }
        Self { padded, weights: all }
    }

    /// `shape`: count, height and width of the input, of which a pixel has `channels` bytes. Calls `finish` with each pixel
    /// of the output, counted from the start of the batch, and its sums: `bias` and those of the convolution.
    pub fn run(&self, input: &[u8], shape: [usize; 3], channels: usize, bias: &[i32], mut finish: impl FnMut(usize, &[i32])) {
        let [count, height, width] = shape;
        let [ins, outs] = self.padded;
        let grid = Grid::new(height, width, 2);
        let tiles = count * grid.down * grid.across;
        let most = (ROOM / (PLACES * (2 * ins + 4 * outs))).max(12);
        // Chunks of about the same size.
        let chunk = tiles.div_ceil(tiles.div_ceil(most).max(1)).max(1);
        thread_local!(static SPACE: RefCell<(Vec<i16>, Vec<i32>)> = const { RefCell::new((Vec::new(), Vec::new())) });
        SPACE.with_borrow_mut(|(before, after)| {
            before.resize(before.len().max(PLACES * chunk * ins), 0);
            after.resize(after.len().max(PLACES * chunk * outs + 4 * outs), 0);
            let (sums, after) = after.split_at_mut(4 * outs);
            for first in (0..tiles).step_by(chunk) {
                let some = first..(first + chunk).min(tiles);
                for (slot, tile) in some.clone().enumerate() {
                    // SAFETY: these are made for processors with AVX2 alone.
                    unsafe { there(input, channels, &grid, grid.place(tile), &mut before[slot * ins..], chunk * ins) };
                }
                for place in 0..PLACES {
                    let from = &before[place * chunk * ins..][..some.len() * ins];
                    self.multiply(place, from, &mut after[place * chunk * outs..][..some.len() * outs]);
                }
                for (slot, tile) in some.enumerate() {
                    // SAFETY: as above.
                    unsafe { back(&after[slot * outs..], chunk * outs, outs, bias, sums) };
                    let Place { image, y, x } = grid.place(tile);
                    for (index, sums) in sums.chunks_exact(outs).enumerate() {
                        let (y, x) = (y + index / 2, x + index % 2);
                        if y < grid.rows && x < grid.columns {
                            finish((image * grid.rows + y) * grid.columns + x, sums);
                        }
                    }
                }
            }
        });
    }

    /// One place of all tiles: a matrix product over the channels.
    fn multiply(&self, place: usize, from: &[i16], to: &mut [i32]) {
        let [ins, outs] = self.padded;
        let weights = &self.weights[place * ins * outs..][..ins * outs];
        let window = Window { inputs: ins, outputs: outs, height: 1, width: 1, stride: 1 };
        let sweep = Sweep::new(&window, [from.len() / ins, 1, 1], ins);
        sweep.each(outs / LANES, SUMS.groups, SUMS.most, |tile| {
            let lane = tile.block * LANES;
            let job = Job {
                input: from[tile.input..].as_ptr().cast(),
                steps: sweep.steps,
                weights: weights[lane * ins..].as_ptr().cast(),
                block: LANES * ins * size_of::<i16>(),
                bias: std::ptr::null(),
                up: std::ptr::null(),
                down: std::ptr::null(),
                channels: outs - lane,
                sink: Sink::Sums { out: to[tile.pixel * outs + lane..].as_mut_ptr(), step: outs },
            };
            // SAFETY: these are made for processors with AVX2 alone; `from`, `weights` and `to` have room for the tile.
            unsafe { (SUMS.run)(&job, &tile) };
        });
    }
}

/// Transforms a tile of the input; what lies beyond the picture is 0. Places lie `step` words apart in `to`.
#[target_feature(enable = "avx2")]
fn there(input: &[u8], channels: usize, grid: &Grid, at: Place, to: &mut [i16], step: usize) {
    let Place { image, y, x } = at;
    let line = grid.width * channels;
    let corner = (image * grid.height + y) * line + x * channels;
    let inside = y + 4 <= grid.height && x + 4 <= grid.width;
    for channel in (0..channels).step_by(WORDS) {
        let left = WORDS.min(channels - channel);
        let mut columns = [[_mm256_setzero_si256(); 4]; 4];
        for row in 0..4 {
            let mut pixels = [_mm256_setzero_si256(); 4];
            for column in 0..4 {
                let from = corner + row * line + column * channels + channel;
                if inside && left == WORDS {
                    pixels[column] = words(&input[from..]);
                } else if y + row < grid.height && x + column < grid.width {
                    let mut all = [0; WORDS];
                    all[..left].copy_from_slice(&input[from..][..left]);
                    pixels[column] = words(&all);
                }
            }
            let done = forth(pixels);
            for column in 0..4 {
                columns[column][row] = done[column];
            }
        }
        for column in 0..4 {
            let done = forth(columns[column]);
            for row in 0..4 {
                let to = &mut to[(row * 4 + column) * step + channel..][..WORDS];
                // SAFETY: the slice was cut to the length.
                unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), done[row]) };
            }
        }
    }
}

/// The first bytes, as words.
#[target_feature(enable = "avx2")]
#[inline]
fn words(from: &[u8]) -> __m256i {
    let from = &from[..WORDS];
    // SAFETY: the slice was cut to the length.
    _mm256_cvtepu8_epi16(unsafe { _mm_loadu_si128(from.as_ptr().cast()) })
}

/// Of a row or column of the input, in words.
#[target_feature(enable = "avx2")]
#[inline]
fn forth([a, b, c, d]: [__m256i; 4]) -> [__m256i; 4] {
    [_mm256_sub_epi16(a, c), _mm256_add_epi16(b, c), _mm256_sub_epi16(c, b), _mm256_sub_epi16(d, b)]
}

/// Transforms a tile's sums, whose places lie `step` apart, and adds the bias: four pixels of `outs` sums each.
#[target_feature(enable = "avx2")]
fn back(from: &[i32], step: usize, outs: usize, bias: &[i32], sums: &mut [i32]) {
    for channel in (0..outs).step_by(LANES) {
        let load = |from: &[i32]| {
            let from = &from[..LANES];
            // SAFETY: the slice was cut to the length.
            unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
        };
        let mut columns = [[_mm256_setzero_si256(); 4]; 2];
        for row in 0..4 {
            let place = |column: usize| load(&from[(row * 4 + column) * step + channel..]);
            let done = ended([place(0), place(1), place(2), place(3)]);
            columns[0][row] = done[0];
            columns[1][row] = done[1];
        }
        let bias = load(&bias[channel..]);
        for column in 0..2 {
            for (row, four_times) in ended(columns[column]).into_iter().enumerate() {
                let to = &mut sums[(row * 2 + column) * outs + channel..][..LANES];
                let sum = _mm256_add_epi32(_mm256_srai_epi32(four_times, 2), bias);
                // SAFETY: the slice was cut to the length.
                unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), sum) };
            }
        }
    }
}

/// Of a row or column of sums.
#[target_feature(enable = "avx2")]
#[inline]
fn ended([a, b, c, d]: [__m256i; 4]) -> [__m256i; 2] {
    let first = _mm256_add_epi32(a, _mm256_add_epi32(b, c));
    [first, _mm256_add_epi32(d, _mm256_sub_epi32(b, c))]
}

/// Of 3x3 weights, rows first, four times as large as in the paper.
fn transform(weights: &[i8; 9]) -> [i16; PLACES] {
    let line = |g: [i16; 3]| [2 * g[0], g[0] + g[1] + g[2], g[0] - g[1] + g[2], 2 * g[2]];
    let rows: [[i16; 4]; 3] = std::array::from_fn(|row| line(std::array::from_fn(|k| weights[row * 3 + k].into())));
    let columns: [[i16; 4]; 4] = std::array::from_fn(|column| line(std::array::from_fn(|row| rows[row][column])));
    std::array::from_fn(|place| columns[place % 4][place / 4])
}
