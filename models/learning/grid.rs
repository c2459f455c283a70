//! Floats from 0 to 1 in, one PNG of many small pictures out.

use crate::files;
use anyhow::Result;
use image::{ImageFormat, RgbImage};
use std::io::Cursor;
use std::path::Path;

/// Writes `pictures`, [n, channels, height, width], as a grid of `columns` columns with a line between.
/// One channel is shown as ink: 1 is black.
pub fn write(path: &Path, pictures: &[f32], shape: [usize; 3], columns: usize) -> Result<()> {
    files::write(path, &png(pictures, shape, columns)?)
}

/// The same as the file's bytes.
pub fn png(pictures: &[f32], [c, h, w]: [usize; 3], columns: usize) -> Result<Vec<u8>> {
    let rows = (pictures.len() / (c * h * w)).div_ceil(columns);
    let mut image = RgbImage::from_pixel((columns * (w + 1)) as u32 + 1, (rows * (h + 1)) as u32 + 1, image::Rgb([200; 3]));
    for (i, picture) in pictures.chunks_exact(c * h * w).enumerate() {
        let (left, top) = (1 + i % columns * (w + 1), 1 + i / columns * (h + 1));
        for (p, _) in picture[..h * w].iter().enumerate() {
            let level = |channel: usize| (picture[channel * h * w + p].clamp(0.0, 1.0) * 255.0).round() as u8;
            let pixel = if c == 1 { [255 - level(0); 3] } else { [level(0), level(1), level(2)] };
            image.put_pixel((left + p % w) as u32, (top + p / w) as u32, image::Rgb(pixel));
        }
    }
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}
