//! A canvas of cells in, the bytes that bring a terminal up to date out. Only cells that changed are written.

use super::Canvas;
use std::io::Write;

/// A picture cell is written again once a channel is off by more than this: camera noise must not fill the line.
const UNSEEN_STEP: u8 = 5;

/// Every so many pictures all cells are written, in case somebody else wrote on the terminal.
const REPAINT_EVERY: u32 = 150;

/// One character with its colours, 0x00RRGGBB.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cell {
    letter: char,
    front: u32,
    back: u32,
}

/// Knows what the terminal shows.
pub(super) struct Painter {
    true_color: bool,
    shown: Vec<Option<Cell>>,
    columns: usize,
    painted: u32,
    bytes: Vec<u8>,
}

impl Painter {
    pub(super) fn new(true_color: bool) -> Self {
        Self { true_color, shown: Vec::new(), columns: 0, painted: 0, bytes: Vec::new() }
    }

    pub(super) fn true_color(&self) -> bool {
        self.true_color
    }

    /// What must be sent to the terminal so that it shows the canvas.
    pub(super) fn paint(&mut self, canvas: &Canvas) -> &[u8] {
        let (columns, rows) = (canvas.width() as usize, canvas.height() as usize / 2);
        self.bytes.clear();
        // Synchronised output, where known: the terminal shows the picture at once.
        self.bytes.extend_from_slice(b"\x1b[?2026h");
        if (self.columns, self.shown.len()) != (columns, columns * rows) {
            self.columns = columns;
            self.shown.clear();
            self.shown.resize(columns * rows, None);
            self.bytes.extend_from_slice(b"\x1b[0m\x1b[2J");
        } else if self.painted.is_multiple_of(REPAINT_EVERY) {
            self.shown.fill(None);
        }
        self.painted = self.painted.wrapping_add(1);
        for row in 0..rows {
            self.paint_row(canvas, row);
        }
        self.bytes.extend_from_slice(b"\x1b[0m\x1b[?2026l");
        &self.bytes
    }

    fn paint_row(&mut self, canvas: &Canvas, row: usize) {
        let mut cursor = None;
        let mut colors = None;
        for column in 0..self.columns {
            let wanted = cell(canvas, column, row);
            let at = row * self.columns + column;
            if wanted.letter == '\0' {
                // The right half of a wide letter is written with its left half; what was there is gone.
                self.shown[at] = None;
                continue;
            }
            if self.shown[at].is_some_and(|shown| is_near(shown, wanted)) {
                continue;
            }
            if cursor != Some(column) {
                let _ = write!(self.bytes, "\x1b[{};{}H", row + 1, column + 1);
            }
            if colors != Some((wanted.front, wanted.back)) {
                self.set_colors(wanted);
            }
            let _ = write!(self.bytes, "{}", wanted.letter);
            self.shown[at] = Some(wanted);
            colors = Some((wanted.front, wanted.back));
            // Terminals disagree about the width of rare letters: the next cell is addressed anew.
            cursor = (wanted.letter.is_ascii() || wanted.letter == '▀').then_some(column + 1);
        }
    }

    fn set_colors(&mut self, cell: Cell) {
        let [front, back] = [cell.front, cell.back];
        let _ = if self.true_color {
            let [f, b] = [front, back].map(|c| [c >> 16 & 255, c >> 8 & 255, c & 255]);
            write!(self.bytes, "\x1b[38;2;{};{};{};48;2;{};{};{}m", f[0], f[1], f[2], b[0], b[1], b[2])
        } else {
            write!(self.bytes, "\x1b[38;5;{};48;5;{}m", nearest_of_256(front), nearest_of_256(back))
        };
    }
}

/// What a cell must show: its letter on the mean of its two pixels, or the pixels as half blocks.
fn cell(canvas: &Canvas, column: usize, row: usize) -> Cell {
    let width = canvas.width() as usize;
    let (upper, lower) = (canvas.pixels()[row * 2 * width + column], canvas.pixels()[(row * 2 + 1) * width + column]);
    match canvas.letters().get(row * width + column).copied().flatten() {
        Some(glyph) => Cell { letter: glyph.letter, front: glyph.color, back: mean(upper, lower) },
        None if upper == lower => Cell { letter: ' ', front: upper, back: upper },
        None => Cell { letter: '▀', front: upper, back: lower },
    }
}

fn mean(a: u32, b: u32) -> u32 {
    // Without the carries from channel to channel.
    (a & b) + ((a ^ b) >> 1 & 0x007F_7F7F)
}

fn is_near(shown: Cell, wanted: Cell) -> bool {
    let near = |a: u32, b: u32| {
        let pairs = a.to_be_bytes().into_iter().zip(b.to_be_bytes());
        pairs.into_iter().all(|(a, b)| a.abs_diff(b) <= UNSEEN_STEP)
    };
    let blank = wanted.letter == ' ';
    shown.letter == wanted.letter && near(shown.back, wanted.back) && (blank || near(shown.front, wanted.front))
}

/// The nearest of the terminal's 6 x 6 x 6 colours and 24 greys.
fn nearest_of_256(color: u32) -> u8 {
    const STEPS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let rgb = [color >> 16 & 255, color >> 8 & 255, color & 255].map(|c| c as i32);
    let step = |c: i32| (0..6).min_by_key(|&i| (STEPS[i] - c).abs()).unwrap_or(0);
    let cube = rgb.map(step);
    let grey = ((rgb.iter().sum::<i32>() / 3 - 3) / 10).clamp(0, 23);
    let off = |of: [i32; 3]| rgb.iter().zip(of).map(|(a, b)| (a - b) * (a - b)).sum::<i32>();
    match off([8 + 10 * grey; 3]) < off(cube.map(|i| STEPS[i])) {
        true => 232 + grey as u8,
        false => (16 + 36 * cube[0] + 6 * cube[1] + cube[2]) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::{Align, Area, Style, Surface};
    use embedded_graphics::pixelcolor::Rgb888;

    fn canvas() -> Canvas {
        Canvas::strict(Surface { width: 6, height: 4, cells: true })
    }

    fn painted(painter: &mut Painter, canvas: &Canvas) -> String {
        let bytes = String::from_utf8(painter.paint(canvas).to_vec()).unwrap();
        let inner = bytes.strip_prefix("\x1b[?2026h").unwrap().strip_suffix("\x1b[0m\x1b[?2026l").unwrap();
        inner.replace('\x1b', "^")
    }

    #[test]
    fn two_pixels_become_one_half_block() {
        let mut c = canvas();
        c.fill(Area::new(1, 0, 1, 1), Rgb888::new(255, 0, 9));
        let all = painted(&mut Painter::new(true), &c);
        assert!(all.contains("^[38;2;255;0;9;48;2;0;0;0m▀"), "{all}");
    }

    #[test]
    fn only_what_changed_is_written() {
        let (mut c, mut painter) = (canvas(), Painter::new(true));
        painted(&mut painter, &c);
        assert_eq!(painted(&mut painter, &c), "");
        c.fill(Area::new(2, 2, 2, 2), Rgb888::new(0, 99, 0));
        assert_eq!(painted(&mut painter, &c), "^[2;3H^[38;2;0;99;0;48;2;0;99;0m  ");
        c.fill(Area::new(2, 2, 2, 2), Rgb888::new(0, 103, 0));
        assert_eq!(painted(&mut painter, &c), "", "noise is not worth a line");
    }

    #[test]
    fn text_is_written_on_what_lies_beneath() {
        let mut c = canvas();
        let style = Style { px: 1, color: Rgb888::new(1, 2, 3), align: Align::Left };
        c.fill(c.area(), Rgb888::new(9, 8, 7));
        c.write(Area::new(0, 2, 6, 2), "é李x", style);
        let all = painted(&mut Painter::new(true), &c);
        assert!(all.ends_with("^[2;1H^[38;2;1;2;3;48;2;9;8;7mé^[2;2H李^[2;4Hx^[38;2;9;8;7;48;2;9;8;7m  "), "{all}");
    }

    #[test]
    fn a_resized_terminal_is_painted_anew() {
        let (mut c, mut painter) = (canvas(), Painter::new(true));
        painted(&mut painter, &c);
        c.fit(Surface { width: 5, height: 2, cells: true });
        assert!(painted(&mut painter, &c).starts_with("^[0m^[2J^[1;1H"));
    }

    #[test]
    fn without_true_colour_the_nearest_of_256_is_taken() {
        let colors = [0x000000, 0xFFFFFF, 0xFF0000, 0x808080, 0x5F87AF];
        assert_eq!(colors.map(nearest_of_256), [16, 231, 196, 244, 67]);
        let mut c = canvas();
        c.fill(c.area(), Rgb888::new(255, 0, 0));
        assert!(painted(&mut Painter::new(false), &c).contains("^[38;5;196;48;5;196m"));
    }
}
