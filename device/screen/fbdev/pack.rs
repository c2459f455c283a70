//! Rows of 0x00RRGGBB pixels in, bytes as a framebuffer wants them out: 32 or 16 bits a pixel, colours in any order.

use crate::ioctl::{Bits, Fixed, Variable};
use anyhow::{Result, ensure};

/// How a framebuffer lies in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    /// Pixels in a row that are seen.
    pub width: u32,
    /// Rows that are seen.
    pub height: u32,
    /// 4 or 2.
    pub bytes_per_pixel: usize,
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Where the first pixel lies that is seen.
    pub first: u64,
    red: Bits,
    green: Bits,
    blue: Bits,
}

impl Geometry {
    /// Checks what the kernel says.
    pub fn of(set: &Variable, fixed: &Fixed) -> Result<Self> {
        let Variable { width, height, bits_per_pixel, red, green, blue, .. } = *set;
        ensure!(matches!(bits_per_pixel, 16 | 32), "it has {bits_per_pixel} bits a pixel; 16 and 32 can be drawn");
        ensure!((1..=16384).contains(&width) && (1..=16384).contains(&height), "it says that it has {width} x {height} pixels");
        for bits in [red, green, blue] {
            let fits = (1..=8).contains(&bits.length) && bits.offset <= bits_per_pixel - bits.length && bits.msb_right == 0;
            ensure!(fits, "its colours are not plain red, green and blue");
        }
        let bytes_per_pixel = bits_per_pixel as usize / 8;
        let row = width as usize * bytes_per_pixel;
        let stride = if fixed.line_length == 0 { row } else { fixed.line_length as usize };
        ensure!(stride >= row, "it says that rows of {row} bytes are {stride} bytes apart");
        let first = u64::from(set.y_offset) * stride as u64 + u64::from(set.x_offset) * bytes_per_pixel as u64;
        Ok(Self { width, height, bytes_per_pixel, stride, first, red, green, blue })
    }

    /// Bytes of a row that are seen.
    pub fn row(&self) -> usize {
        self.width as usize * self.bytes_per_pixel
    }

    /// Fills a row. Pixels beyond it are cut off; places beyond the pixels stay.
    pub fn pack(&self, pixels: &[u32], row: &mut [u8]) {
        let channel = |pixel: u32, from: u32, bits: Bits| ((pixel >> from & 255) >> (8 - bits.length)) << bits.offset;
        let all = |pixel| channel(pixel, 16, self.red) | channel(pixel, 8, self.green) | channel(pixel, 0, self.blue);
        let is_ours = [self.red, self.green, self.blue].map(|bits| (bits.offset, bits.length)) == [(16, 8), (8, 8), (0, 8)];
        match self.bytes_per_pixel {
            4 if is_ours => row.chunks_exact_mut(4).zip(pixels).for_each(|(to, p)| to.copy_from_slice(&p.to_ne_bytes())),
            4 => row.chunks_exact_mut(4).zip(pixels).for_each(|(to, p)| to.copy_from_slice(&all(*p).to_ne_bytes())),
            _ => row.chunks_exact_mut(2).zip(pixels).for_each(|(to, p)| to.copy_from_slice(&(all(*p) as u16).to_ne_bytes())),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn bits(offset: u32, length: u32) -> Bits {
        Bits { offset, length, msb_right: 0 }
    }

    /// What the kernel says of a framebuffer with these colours, each offset and length.
    pub fn said(size: [u32; 2], depth: u32, colors: [(u32, u32); 3], stride: u32) -> (Variable, Fixed) {
        let [red, green, blue] = colors.map(|(offset, length)| bits(offset, length));
        let [width, height] = size;
        let (mut set, mut fixed) = (Variable::default(), Fixed::default());
        (set.width, set.height, set.bits_per_pixel) = (width, height, depth);
        (set.red, set.green, set.blue) = (red, green, blue);
        fixed.line_length = stride;
        (set, fixed)
    }

    pub const XRGB: [(u32, u32); 3] = [(16, 8), (8, 8), (0, 8)];
    pub const XBGR: [(u32, u32); 3] = [(0, 8), (8, 8), (16, 8)];
    pub const RGB565: [(u32, u32); 3] = [(11, 5), (5, 6), (0, 5)];

    fn packed(depth: u32, colors: [(u32, u32); 3], pixels: &[u32]) -> Vec<u8> {
        let (set, fixed) = said([pixels.len() as u32, 1], depth, colors, 0);
        let geometry = Geometry::of(&set, &fixed).unwrap();
        let mut row = vec![0; geometry.row()];
        geometry.pack(pixels, &mut row);
        row
    }

    #[test]
    fn colours_go_where_the_panel_wants_them() {
        assert_eq!(packed(32, XRGB, &[0x112233, 0xFF]), [0x33, 0x22, 0x11, 0, 0xFF, 0, 0, 0]);
        assert_eq!(packed(32, XBGR, &[0x112233]), [0x11, 0x22, 0x33, 0]);
        assert_eq!(packed(32, [(24, 8), (16, 8), (8, 8)], &[0x112233]), [0, 0x33, 0x22, 0x11]);
    }

    #[test]
    fn sixteen_bits_keep_the_highest_of_each_colour() {
        let words = |pixels: &[u32]| {
            let row = packed(16, RGB565, pixels);
            row.chunks(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect::<Vec<_>>()
        };
        assert_eq!(words(&[0xFF0000, 0x00FF00, 0x0000FF, 0xFFFFFF]), [0xF800, 0x07E0, 0x001F, 0xFFFF]);
        assert_eq!(words(&[0x070307, 0x080408]), [0, 0x0821]);
    }

    #[test]
    fn what_is_seen_may_begin_further_down() {
        let (mut set, fixed) = said([10, 4], 16, RGB565, 32);
        (set.x_offset, set.y_offset) = (2, 3);
        let geometry = Geometry::of(&set, &fixed).unwrap();
        assert_eq!((geometry.first, geometry.stride, geometry.row()), (100, 32, 20));
    }

    #[test]
    fn framebuffers_that_we_do_not_know_are_refused() {
        let refused = |(set, fixed): (Variable, Fixed)| Geometry::of(&set, &fixed).unwrap_err().to_string();
        assert!(refused(said([10, 4], 24, XRGB, 0)).contains("24 bits"));
        assert!(refused(said([0, 4], 32, XRGB, 0)).contains("0 x 4"));
        assert!(refused(said([10, 4], 16, XRGB, 0)).contains("colours"));
        assert!(refused(said([10, 4], 32, [(0, 8), (0, 8), (0, 0)], 0)).contains("colours"));
        assert!(refused(said([10, 4], 32, XRGB, 39)).contains("39 bytes"));
    }
}
