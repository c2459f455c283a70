//! A grey picture in, its tables of sums out: of the pixels, and of their squares (Crow 1984; Viola and Jones 2001).
//!
//! The number at (x, y) is the sum of all pixels above y and left of x; there is one more row and column than in the
//! picture. Where only every other column has a window, the even columns lie before the odd ones in each row, so that
//! windows beside each other are neighbours in the table as well. Numbers wrap around; differences come out right.

use super::shrink::Grey;

/// Numbers behind the last row that windows which are looked at together may reach.
const SPARE: usize = 64;

/// Where columns lie in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Numbers of a row.
    pub stride: usize,
    /// Columns between windows, 1 or 2.
    pub step: usize,
}

impl Layout {
    /// For pictures of up to `width` pixels.
    pub fn new(width: usize, step: usize) -> Self {
        // Both halves begin at a multiple of 16 numbers.
        Self { stride: (width + 2).next_multiple_of(16 * step), step }
    }

    /// The place of a column in its row. Seen from a window's own column, the same of a column of its own.
    pub fn column(self, x: usize) -> usize {
        if self.step == 1 { x } else { x / 2 + x % 2 * (self.stride / 2) }
    }

    /// The place of a column and row.
    pub fn place(self, x: usize, y: usize) -> usize {
        y * self.stride + self.column(x)
    }
}

/// Both tables, keeping their memory.
#[derive(Default)]
pub(super) struct Tables {
    pub sums: Vec<i32>,
    pub squares: Vec<i32>,
}

impl Tables {
    pub fn fill(&mut self, picture: &Grey, layout: Layout) {
        let length = (picture.height + 1) * layout.stride + SPARE;
        for table in [&mut self.sums, &mut self.squares] {
            table.resize(length.max(table.len()), 0);
            table[..layout.stride].fill(0);
        }
        for (y, row) in picture.pixels.chunks_exact(picture.width.max(1)).enumerate() {
            let [above, below] = [y, y + 1].map(|y| y * layout.stride);
            let (sums_above, sums) = self.sums[above..].split_at_mut(below - above);
            let (squares_above, squares) = self.squares[above..].split_at_mut(below - above);
            let (sums, squares) = (&mut sums[..layout.stride], &mut squares[..layout.stride]);
            if layout.step == 1 {
                add_row(row, sums_above, sums, squares_above, squares);
            } else {
                add_split_row(row, sums_above, sums, squares_above, squares);
            }
        }
    }
}

fn add_row(row: &[u8], sums_above: &[i32], sums: &mut [i32], squares_above: &[i32], squares: &mut [i32]) {
    let (mut sum, mut square) = (0i32, 0i32);
    (sums[0], squares[0]) = (0, 0);
    let above = sums_above[1..].iter().zip(&squares_above[1..]);
    for (((&pixel, out), out_square), (&up, &up_square)) in row.iter().zip(&mut sums[1..]).zip(&mut squares[1..]).zip(above) {
        let pixel = i32::from(pixel);
        sum += pixel;
        square = square.wrapping_add(pixel * pixel);
        *out = up.wrapping_add(sum);
        *out_square = up_square.wrapping_add(square);
    }
}

fn add_split_row(row: &[u8], sums_above: &[i32], sums: &mut [i32], squares_above: &[i32], squares: &mut [i32]) {
    let (half, pairs) = (sums.len() / 2, row.len().div_ceil(2));
    let (mut sum, mut square) = (0i32, 0i32);
    (sums[0], squares[0]) = (0, 0);
    // The first pixel of a pair ends at an odd column, the second at an even one. Behind the last is room for one more.
    let [up, up_square] = [sums_above, squares_above].map(|table| table.split_at(half));
    let [out, out_square] = [sums, squares].map(|table| table.split_at_mut(half));
    let (up, up_square) = ((&up.0[1..=pairs], &up.1[..pairs]), (&up_square.0[1..=pairs], &up_square.1[..pairs]));
    let (out, out_square) =
        ((&mut out.0[1..=pairs], &mut out.1[..pairs]), (&mut out_square.0[1..=pairs], &mut out_square.1[..pairs]));
    for (k, pair) in row.chunks(2).enumerate() {
        let [first, second] = [pair[0], pair.get(1).copied().unwrap_or(0)].map(i32::from);
        sum += first;
        square = square.wrapping_add(first * first);
        out.1[k] = up.1[k].wrapping_add(sum);
        out_square.1[k] = up_square.1[k].wrapping_add(square);
        sum += second;
        square = square.wrapping_add(second * second);
        out.0[k] = up.0[k].wrapping_add(sum);
        out_square.0[k] = up_square.0[k].wrapping_add(square);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_rectangle_is_made_of_four_numbers_in_either_layout() {
        let (width, height) = (11, 6);
        let pixels: Vec<u8> = (0..width * height).map(|i| (i * 37 % 256) as u8).collect();
        let picture = Grey { width, height, pixels };
        let mut tables = Tables::default();
        for step in [1, 2, 1] {
            let layout = Layout::new(width, step);
            tables.fill(&picture, layout);
            for (x, y, w, h) in [(0, 0, 11, 6), (3, 2, 4, 3), (10, 5, 1, 1), (0, 1, 1, 5), (1, 0, 10, 1)] {
                let read = |table: &[i32]| {
                    let [a, b, c, d] = [(x, y), (x + w, y), (x, y + h), (x + w, y + h)].map(|(x, y)| table[layout.place(x, y)]);
                    a - b - c + d
                };
                let inside = (y..y + h).flat_map(|y| &picture.pixels[y * width + x..][..w]).map(|&p| i32::from(p));
                let (sum, square) = inside.fold((0, 0), |(sum, square), p| (sum + p, square + p * p));
                assert_eq!((read(&tables.sums), read(&tables.squares)), (sum, square), "step {step}: {x}, {y}, {w}, {h}");
            }
        }
    }
}
