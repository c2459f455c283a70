//! A convolution's shape in, the tiles to compute out, in the order that reads weights the fewest times.

/// The shape of a convolution without padding: pad the picture first ([`crate::elements::pad`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Channels of a picture that goes in, without padding.
    pub inputs: usize,
    /// Channels of a picture that comes out, without padding.
    pub outputs: usize,
    /// Rows of the window.
    pub height: usize,
    /// Columns of the window.
    pub width: usize,
    /// Pixels from one window to the next, in both directions.
    pub stride: usize,
}

impl Window {
    /// Height and width of what comes out of a picture; none where the window does not fit.
    pub fn output(&self, [height, width]: [usize; 2]) -> Option<[usize; 2]> {
        Some([height.checked_sub(self.height)? / self.stride + 1, width.checked_sub(self.width)? / self.stride + 1])
    }

    pub(crate) fn shape(&self) -> [usize; 4] {
        [self.outputs, self.inputs, self.height, self.width]
    }
}

/// A tile: some neighbouring pixels of an output row times some blocks of output channels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tile {
    /// First element of the first window, in the input.
    pub input: usize,
    /// First pixel of the output, counted from the start of the batch.
    pub pixel: usize,
    /// Pixels.
    pub pixels: usize,
    /// First block of output channels.
    pub block: usize,
    /// Blocks.
    pub blocks: usize,
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
/// Picks the tile function of a size known at compile time.
macro_rules! pick {
    ($tile:ident, $job:expr, $at:expr, $($blocks:literal: $($pixels:literal)*;)*) => {
        match ($at.blocks, $at.pixels) {
            $($(($blocks, $pixels) => $tile::<$pixels, $blocks>($job),)*)*
            _ => unreachable!("a tile of {} pixels and {} blocks", $at.pixels, $at.blocks),
        }
    };
}
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) use pick;

/// The sums in memory of their own. What follows a tile's loop is too long to be unrolled, so it counts through them, and
/// sums that something counts through would be kept in memory, step by step, by the loop too.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
pub(crate) fn settled<T: Copy, const PIXELS: usize, const BLOCKS: usize>(sums: &[[T; BLOCKS]; PIXELS]) -> [[T; BLOCKS]; PIXELS] {
    std::array::from_fn(|pixel| std::array::from_fn(|block| sums[pixel][block]))
}

/// What is the same for all tiles of a sweep, in elements of the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    /// From one row of the window to the next.
    pub row: usize,
    /// From one output pixel's window to the next one's.
    pub pixel: usize,
    /// Rows of the window.
    pub rows: usize,
    /// Elements of a window's row, which lie side by side.
    pub run: usize,
}

/// A convolution over a batch: count, height and width, with `channels` elements a pixel.
pub(crate) struct Sweep {
    pub steps: Steps,
    image: usize,
    images: usize,
    height: usize,
    width: usize,
    stride: usize,
}

impl Sweep {
    pub(crate) fn new(window: &Window, [count, height, width]: [usize; 3], channels: usize) -> Self {
        let [out_height, out_width] = window.output([height, width]).unwrap_or([0, 0]);
        let image = height * width * channels;
        if (out_height, out_width) == (1, 1) && (height, width) == (window.height, window.width) {
            // The window is the whole picture: a matrix product. The pictures of the batch stand in for a row's pixels.
            let steps = Steps { row: 0, pixel: image, rows: 1, run: image };
            return Self { steps, image: 0, images: 1, height: 1, width: count, stride: 0 };
        }
        let row = width * channels;
        let steps = Steps { row, pixel: window.stride * channels, rows: window.height, run: window.width * channels };
        Self { steps, image, images: count, height: out_height, width: out_width, stride: window.stride * row }
    }

    /// Pixels that come out.
    pub(crate) fn pixels(&self) -> usize {
        self.images * self.height * self.width
    }

    /// Calls `tile` for all of them. `most(n)`: pixels that a tile of n blocks has room for.
    /// Blocks come in `groups` and outermost, so that their weights stay in the cache.
    #[inline(always)]
    pub(crate) fn each(&self, blocks: usize, groups: &[usize], most: impl Fn(usize) -> usize, mut tile: impl FnMut(Tile)) {
        let mut block = 0;
        while block < blocks {
            let group = groups.iter().copied().find(|&g| g <= blocks - block).unwrap_or(1);
            let most = most(group);
            // Tiles of about the same size: a last one of a single pixel would wait for itself.
            let tiles = self.width.div_ceil(most).max(1);
            let (size, larger) = (self.width / tiles, self.width % tiles);
            for image in 0..self.images {
                for y in 0..self.height {
                    let input = image * self.image + y * self.stride;
                    let pixel = (image * self.height + y) * self.width;
                    let mut x = 0;
                    for index in 0..tiles {
                        let pixels = size + usize::from(index < larger);
                        let at = Tile { input: input + x * self.steps.pixel, pixel: pixel + x, pixels, block, blocks: group };
                        tile(at);
                        x += pixels;
                    }
                }
            }
            block += group;
        }
    }
}
