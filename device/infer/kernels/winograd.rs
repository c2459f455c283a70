//! Convolution of floats with windows of 3x3, one pixel apart, by fewer multiplications: Winograd's minimal filtering as
//! Lavin and Gray 2015 (arXiv 1509.09308) nest it, with tiles of 4x4 or 2x2 outputs.
//!
//! A tile's input, m + 2 pixels wide and high, is transformed; so are the weights, once. Then each of the (m + 2)² places
//! is a matrix product over the channels, done by the processor's tile of floats, and what comes out is transformed back.
//! Of a tile of 4x4, 36 products take the place of 144.

use crate::Kernels;
use crate::floats::{Job, Kernel};
use crate::pack::{Order, pack_into};
use crate::sweep::{Sweep, Window};
use crate::vector::{Loops, Vector, fit};
use std::cell::RefCell;
use std::marker::PhantomData;
use std::ops::Range;

/// Bytes that the transformed tiles may take before and after the products: half of a small second-level cache.
const ROOM: usize = 192 * 1024;

/// Rows and columns of outputs in a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    Two,
    Four,
}

impl Size {
    /// Rows and columns of outputs.
    fn outputs(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// Rows and columns of inputs.
    fn inputs(self) -> usize {
        self.outputs() + 2
    }

    /// The one that takes the least work for pictures of this shape; none where plain sums take less.
    pub fn best(window: &Window, shape: [usize; 3]) -> Option<Self> {
        [Self::Two, Self::Four].into_iter().filter(|s| s.pays(window, shape)).min_by_key(|s| s.work(window, shape))
    }

    /// Whether this takes less work than plain sums, for pictures of this shape.
    pub fn pays(self, window: &Window, shape: [usize; 3]) -> bool {
        let [count, height, width] = shape;
        let fits = (window.height, window.width, window.stride) == (3, 3, 1);
        let enough = window.inputs >= LEAST_CHANNELS && window.outputs >= LEAST_CHANNELS;
        let Some([rows, columns]) = window.output([height, width]).filter(|_| fits && enough) else { return false };
        self.work(window, shape) < count * rows * columns * 9 * window.inputs * window.outputs
    }

    /// In multiply-adds, for a picture that the window fits in.
    pub fn work(self, window: &Window, [count, height, width]: [usize; 3]) -> usize {
        let (m, places) = (self.outputs(), self.inputs() * self.inputs());
        let tiles = count * (height - 2).div_ceil(m) * (width - 2).div_ceil(m);
        let products = tiles.max(FEW_TILES) * places * window.inputs * window.outputs;
        products + tiles * places * MOVES * (window.inputs + window.outputs)
    }
}

/// With fewer channels there is more to transform than to multiply.
const LEAST_CHANNELS: usize = 16;

/// Weights come from far away in the memory for so few tiles: a product waits as long as for this many.
const FEW_TILES: usize = 6;

/// Multiply-adds that take as long as transforming one number, there and back (measured with AVX2).
const MOVES: usize = 16;

/// A convolution's weights, transformed.
#[derive(Clone, Debug)]
pub(crate) struct Winograd {
    size: Size,
    kernels: Kernels,
    /// Input and output channels, and both padded to whole registers.
    channels: [usize; 2],
    padded: [usize; 2],
    /// One packed matrix after the other.
    weights: Vec<f32>,
    matrix: usize,
    block: usize,
    zeros: Vec<f32>,
    ones: Vec<f32>,
}

/// What the sums get on their way out.
#[derive(Clone, Copy)]
pub(crate) struct Ending<'a> {
    /// Per output channel, padded to whole registers.
    pub bias: &'a [f32],
    pub slope: &'a [f32],
    pub residual: Option<&'a [f32]>,
}

impl Winograd {
    /// `weights`: [out, in, 3, 3].
    pub fn new(kernels: Kernels, size: Size, window: &Window, weights: &[f32]) -> Self {
        let lanes = kernels.lanes();
        let channels = [window.inputs, window.outputs];
        let padded = channels.map(|c| c.next_multiple_of(lanes));
        let places = size.inputs() * size.inputs();
        let order = Order { lanes, group: 1, channels: padded[0], outputs: padded[1] };
        let matrix = padded[0] * padded[1];
        let transformed: Vec<[f32; 36]> = weights.as_chunks::<9>().0.iter().map(|g| transform(size, g)).collect();
        let mut all = vec![0.0; places * matrix];
        let mut plane = vec![0.0; transformed.len()];
        for (place, packed) in all.chunks_exact_mut(matrix).enumerate() {
            plane.iter_mut().zip(&transformed).for_each(|(to, from)| *to = from[place]);
            pack_into(&plane, [window.outputs, window.inputs, 1, 1], order, packed);
        }
        Self {
            size,
            kernels,
            channels,
            padded,
            weights: all,
            matrix,
            block: lanes * padded[0],
            zeros: vec![0.0; padded[1]],
            ones: vec![1.0; padded[1]],
        }
    }

    /// `shape`: count, height and width of the input; see [`crate::FloatConv::run`].
    pub fn run(&self, kernel: &Kernel, input: &[f32], shape: [usize; 3], ending: Ending, out: &mut [f32]) {
        match self.size {
            Size::Two => self.sweep::<Tile2>(kernel, input, shape, ending, out),
            Size::Four => self.sweep::<Tile4>(kernel, input, shape, ending, out),
        }
    }

    fn sweep<T: Tile>(&self, kernel: &Kernel, input: &[f32], shape: [usize; 3], ending: Ending, out: &mut [f32]) {
        let [count, height, width] = shape;
        let [ins, outs] = self.padded;
        let places = self.size.inputs() * self.size.inputs();
        let grid = Grid::new(height, width, self.size.outputs());
        let tiles = count * grid.down * grid.across;
        let most = (ROOM / (places * (ins + outs) * size_of::<f32>())).max(12);
        // Chunks of about the same size.
        let chunk = tiles.div_ceil(tiles.div_ceil(most).max(1)).max(1);
        thread_local!(static SPACE: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) });
        SPACE.with_borrow_mut(|space| {
            let needed = places * chunk * (ins + outs);
            if space.len() < needed {
                space.resize(needed, 0.0);
            }
            let (before, after) = space.split_at_mut(places * chunk * ins);
            for first in (0..tiles).step_by(chunk) {
                let some = first..(first + chunk).min(tiles);
                let length = some.len();
                let [inputs, outputs] = self.channels;
                let there = Side { grid: &grid, tiles: some.clone(), channels: inputs, room: ins, step: chunk * ins };
                fit(self.kernels, There::<T> { side: there, input, to: before, tile: PhantomData });
                let sweep =
                    Sweep::new(&Window { inputs: ins, outputs: outs, height: 1, width: 1, stride: 1 }, [length, 1, 1], ins);
                for place in 0..places {
                    let from = &before[place * chunk * ins..][..length * ins];
                    let to = &mut after[place * chunk * outs..][..length * outs];
                    self.multiply(kernel, &sweep, place, from, to);
                }
                let back = Side { grid: &grid, tiles: some, channels: outputs, room: outs, step: chunk * outs };
                fit(self.kernels, Back::<T> { side: back, from: after, ending, out: &mut *out, tile: PhantomData });
            }
        });
    }

    /// One place of all tiles: a matrix product over the channels.
    fn multiply(&self, kernel: &Kernel, sweep: &Sweep, place: usize, from: &[f32], to: &mut [f32]) {
        let lanes = self.kernels.lanes();
        let weights = &self.weights[place * self.matrix..][..self.matrix];
        let outs = self.padded[1];
        sweep.each(outs / lanes, kernel.groups, kernel.most, |tile| {
            let lane = tile.block * lanes;
            let at = tile.pixel * outs + lane;
            let job = Job {
                input: from[tile.input..].as_ptr(),
                steps: sweep.steps,
                weights: weights[tile.block * self.block..].as_ptr(),
                block: self.block,
                bias: self.zeros[lane..].as_ptr(),
                slope: self.ones[lane..].as_ptr(),
                channels: outs - lane,
                out: to[at..].as_mut_ptr(),
                step: outs,
                residual: std::ptr::null(),
            };
            // SAFETY: the processor has the instructions, and `from`, `weights` and `to` have room for the tile.
            unsafe { (kernel.run)(&job, &tile) };
        });
    }
}

/// How tiles lie on a picture.
pub(crate) struct Grid {
    pub height: usize,
    pub width: usize,
    /// Rows and columns of the output.
    pub rows: usize,
    pub columns: usize,
    /// Tiles in a column and in a row.
    pub down: usize,
    pub across: usize,
    /// Rows of outputs in a tile.
    tile: usize,
}

/// A tile's picture, and its first row and column there.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub image: usize,
    pub y: usize,
    pub x: usize,
}

impl Grid {
    pub fn new(height: usize, width: usize, tile: usize) -> Self {
        let (rows, columns) = (height - 2, width - 2);
        Self { height, width, rows, columns, down: rows.div_ceil(tile), across: columns.div_ceil(tile), tile }
    }

    pub fn place(&self, tile: usize) -> Place {
        let (row, column) = (tile / self.across, tile % self.across);
        Place { image: row / self.down, y: row % self.down * self.tile, x: column * self.tile }
    }
}

/// Tiles to be transformed, and where their numbers lie in the room before or after the products.
struct Side<'a> {
    grid: &'a Grid,
    tiles: Range<usize>,
    channels: usize,
    /// Numbers from one tile to the next.
    room: usize,
    /// Numbers from one place of a tile to the next.
    step: usize,
}

/// The tiles of an input, to be transformed.
struct There<'a, T> {
    side: Side<'a>,
    input: &'a [f32],
    to: &'a mut [f32],
    tile: PhantomData<T>,
}

/// The sums of tiles, to be transformed back and finished.
struct Back<'a, T> {
    side: Side<'a>,
    from: &'a [f32],
    ending: Ending<'a>,
    out: &'a mut [f32],
    tile: PhantomData<T>,
}

/// The transforms of a row or column, of many channels at once.
trait Tile {
    /// Numbers of a row of outputs, and of inputs.
    const OUTPUTS: usize;
    const INPUTS: usize;

    /// The first [`Self::INPUTS`] of `d`: Bᵀd in the paper.
    fn input<V: Vector>(d: [V; 6]) -> [V; 6];

    /// The first [`Self::OUTPUTS`]: Aᵀm in the paper, of the first [`Self::INPUTS`] of `m`.
    fn output<V: Vector>(m: [V; 6]) -> [V; 4];
}

/// Interpolates at 0, 1, -1 and infinity.
struct Tile2;

impl Tile for Tile2 {
    const OUTPUTS: usize = 2;
    const INPUTS: usize = 4;

    #[inline(always)]
    fn input<V: Vector>([a, b, c, d, e, f]: [V; 6]) -> [V; 6] {
        [a.minus(c), b.plus(c), c.minus(b), d.minus(b), e, f]
    }

    #[inline(always)]
    fn output<V: Vector>([a, b, c, d, e, f]: [V; 6]) -> [V; 4] {
        [a.plus(b.plus(c)), d.plus(b.minus(c)), e, f]
    }
}

/// Interpolates at 0, plus and minus [`NEAR`] and [`FAR`], and infinity.
struct Tile4;

/// Their product is 1, which keeps the factors, and so what rounding does, small.
const NEAR: f64 = std::f64::consts::FRAC_1_SQRT_2;
const FAR: f64 = std::f64::consts::SQRT_2;

impl Tile for Tile4 {
    const OUTPUTS: usize = 4;
    const INPUTS: usize = 6;

    #[inline(always)]
    fn input<V: Vector>([a, b, c, d, e, f]: [V; 6]) -> [V; 6] {
        const MINUS_NEAR2: f32 = -(NEAR * NEAR) as f32;
        const MINUS_FAR2: f32 = -(FAR * FAR) as f32;
        const MINUS_SUM: f32 = MINUS_NEAR2 + MINUS_FAR2;
        let (near, far) = (c.times_plus(MINUS_FAR2, e), c.times_plus(MINUS_NEAR2, e));
        let (near_odd, far_odd) = (b.times_plus(MINUS_FAR2, d), b.times_plus(MINUS_NEAR2, d));
        [
            c.times_plus(MINUS_SUM, a.plus(e)),
            near_odd.times_plus(NEAR as f32, near),
            near_odd.times_plus(-NEAR as f32, near),
            far_odd.times_plus(FAR as f32, far),
            far_odd.times_plus(-FAR as f32, far),
            d.times_plus(MINUS_SUM, b.plus(f)),
        ]
    }

    #[inline(always)]
    fn output<V: Vector>([a, b, c, d, e, f]: [V; 6]) -> [V; 4] {
        const NEAR2: f32 = (NEAR * NEAR) as f32;
        const FAR2: f32 = (FAR * FAR) as f32;
        let (near, far) = (b.plus(c), d.plus(e));
        let (near_odd, far_odd) = (b.minus(c).times(NEAR as f32), d.minus(e).times(FAR as f32));
        [
            a.plus(near.plus(far)),
            near_odd.plus(far_odd),
            near.times(NEAR2).plus(far.times(FAR2)),
            near_odd.times_plus(NEAR2, far_odd.times_plus(FAR2, f)),
        ]
    }
}

impl<T: Tile> Loops for There<'_, T> {
    /// What lies beyond the picture is 0.
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Side { grid, tiles, channels, room, step } = self.side;
        let (n, line) = (T::INPUTS, grid.width * channels);
        for (slot, tile) in tiles.enumerate() {
            let Place { image, y, x } = grid.place(tile);
            let inside = y + n <= grid.height && x + n <= grid.width;
            let corner = (image * grid.height + y) * line + x * channels;
            for channel in (0..channels).step_by(V::LANES) {
                let left = V::LANES.min(channels - channel);
                let mut columns = [[V::zero(); 6]; 6];
                for row in 0..n {
                    let from = corner + row * line + channel;
                    let mut pixels = [V::zero(); 6];
                    for column in 0..n {
                        if inside && left == V::LANES {
                            pixels[column] = V::load(&self.input[from + column * channels..]);
                        } else if y + row < grid.height && x + column < grid.width {
                            pixels[column] = V::load_some(&self.input[from + column * channels..], left);
                        }
                    }
                    let done = T::input(pixels);
                    for column in 0..n {
                        columns[column][row] = done[column];
                    }
                }
                for column in 0..n {
                    let done = T::input(columns[column]);
                    for row in 0..n {
                        done[row].store(&mut self.to[(row * n + column) * step + slot * room + channel..]);
                    }
                }
            }
        }
    }
}

impl<T: Tile> Loops for Back<'_, T> {
    #[inline(always)]
    fn run<V: Vector>(self) {
        let Side { grid, tiles, channels, room, step } = self.side;
        let (m, n, line) = (T::OUTPUTS, T::INPUTS, grid.columns * channels);
        for (slot, tile) in tiles.enumerate() {
            let Place { image, y, x } = grid.place(tile);
            let corner = (image * grid.rows + y) * line + x * channels;
            for channel in (0..channels).step_by(V::LANES) {
                let left = V::LANES.min(channels - channel);
                let mut columns = [[V::zero(); 6]; 4];
                for row in 0..n {
                    let mut sums = [V::zero(); 6];
                    for column in 0..n {
                        sums[column] = V::load(&self.from[(row * n + column) * step + slot * room + channel..]);
                    }
                    let done = T::output(sums);
                    for column in 0..m {
                        columns[column][row] = done[column];
                    }
                }
                let bias = V::load(&self.ending.bias[channel..]);
                let slope = V::load(&self.ending.slope[channel..]);
                for column in 0..m.min(grid.columns - x) {
                    let done = T::output(columns[column]);
                    for row in 0..m.min(grid.rows - y) {
                        let at = corner + row * line + column * channels + channel;
                        let mut value = done[row].plus(bias);
                        if let Some(residual) = self.ending.residual {
                            value = value.plus(V::load_some(&residual[at..], left));
                        }
                        value.leaning(slope).store_some(&mut self.out[at..], left);
                    }
                }
            }
        }
    }
}

/// The transform of 3x3 weights, rows first: GgGᵀ in the paper.
fn transform(size: Size, weights: &[f32; 9]) -> [f32; 36] {
    let line = |g: [f64; 3]| -> [f64; 6] {
        let [a, b, c] = g;
        // At point p: (a + bp + cp²) over the product of p's distances from all other points.
        let at = |p: f64, apart: f64| (a + b * p + c * p * p) / apart;
        match size {
            Size::Two => [a, at(1.0, 2.0), at(-1.0, 2.0), c, 0.0, 0.0],
            Size::Four => {
                let (near, far) = (NEAR * NEAR, FAR * FAR);
                let (by_near, by_far) = (2.0 * near * (near - far), 2.0 * far * (far - near));
                [at(0.0, near * far), at(NEAR, by_near), at(-NEAR, by_near), at(FAR, by_far), at(-FAR, by_far), c]
            }
        }
    };
    let n = size.inputs();
    let rows: [[f64; 6]; 3] = std::array::from_fn(|row| line(std::array::from_fn(|k| f64::from(weights[row * 3 + k]))));
    let mut out = [0.0; 36];
    for column in 0..n {
        let done = line(std::array::from_fn(|row| rows[row][column]));
        for row in 0..n {
            out[row * n + column] = done[row] as f32;
        }
    }
    out
}
