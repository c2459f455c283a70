//! A chip in, a small JPEG out, and back: the enrolled face as the screen shows it beside the visitor's.

use crate::types::Chip;
use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage, imageops};

/// Pixels of the longer side at most.
const SIDE_PX: u32 = 96;
const QUALITY: u8 = 85;

/// Shrinks to [`SIDE_PX`] and packs. Fails on a chip whose pixels do not fit its size.
pub fn shrink(chip: &Chip) -> Result<Vec<u8>> {
    let whole = RgbImage::from_raw(chip.width, chip.height, chip.pixels.clone());
    let whole = whole.filter(|w| w.width() > 0 && w.height() > 0).context("a chip without pixels")?;
    let longer = chip.width.max(chip.height).max(SIDE_PX);
    let side = |length: u32| (length * SIDE_PX / longer).max(1);
    let small = imageops::thumbnail(&whole, side(chip.width), side(chip.height));
    let mut packed = Vec::new();
    JpegEncoder::new_with_quality(&mut packed, QUALITY).encode_image(&small)?;
    Ok(packed)
}

/// Unpacks what [`shrink`] packed.
pub fn open(packed: &[u8]) -> Result<Chip> {
    let image = image::load_from_memory_with_format(packed, ImageFormat::Jpeg)?.into_rgb8();
    Ok(Chip { width: image.width(), height: image.height(), pixels: image.into_raw() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chip_comes_back_small_and_alike() {
        let chip = Chip { width: 150, height: 100, pixels: [200, 100, 50].repeat(150 * 100) };
        let small = open(&shrink(&chip).unwrap()).unwrap();
        assert_eq!((small.width, small.height), (96, 64));
        assert!(small.pixels.chunks(3).all(|p| p[0].abs_diff(200) < 4 && p[1].abs_diff(100) < 4 && p[2].abs_diff(50) < 4));
    }

    #[test]
    fn small_chips_stay_small() {
        let chip = Chip { width: 3, height: 2, pixels: vec![9; 18] };
        let small = open(&shrink(&chip).unwrap()).unwrap();
        assert_eq!((small.width, small.height), (3, 2));
    }

    #[test]
    fn chips_without_their_pixels_are_refused() {
        assert!(shrink(&Chip { width: 10, height: 10, pixels: vec![0; 5] }).is_err());
        assert!(shrink(&Chip { width: 0, height: 0, pixels: Vec::new() }).is_err());
        assert!(open(b"not a picture").is_err());
    }
}
