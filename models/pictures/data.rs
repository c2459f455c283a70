//! A folder of pictures of any sizes and colour types in, RGB squares of one size out.

use crate::learning::data::Pictures;
use crate::progress::Progress;
use anyhow::{Context, Result, ensure};
use image::RgbImage;
use image::imageops::{FilterType, crop_imm, resize};
use lookalike::picture;
use std::path::Path;

/// Nothing can be learned from fewer.
pub const FEWEST: usize = 32;

/// The middle square of every picture, scaled to `size`. Files that cannot be read are named on stderr and left out.
pub fn read(folder: &Path, size: usize) -> Result<Pictures> {
    ensure!(folder.is_dir(), "there is no folder {}: name one that holds pictures with --data DIR", folder.display());
    let files = picture::list_pictures(folder)?;
    ensure!(
        files.len() >= FEWEST,
        "{} holds {} pictures: at least {FEWEST} are needed to learn from (folders in it are not looked into)",
        folder.display(),
        files.len()
    );
    let mut pictures = Pictures { shape: [3, size, size], mirrors: true, ..Pictures::default() };
    let bar = Progress::pieces("reading pictures", files.len() as u64);
    for (done, path) in files.iter().enumerate() {
        match square(path, size as u32) {
            Ok(square) => (0..3).for_each(|c| pictures.bytes.extend(square.pixels().map(|p| p.0[c]))),
            Err(error) => eprintln!("left out: {error:#}"),
        }
        bar.at(done as u64 + 1);
    }
    bar.done();
    ensure!(
        pictures.len() >= FEWEST,
        "only {} pictures of {} can be read: {FEWEST} are needed",
        pictures.len(),
        folder.display()
    );
    Ok(pictures)
}

fn square(path: &Path, size: u32) -> Result<RgbImage> {
    let frame = picture::read(path)?;
    let (width, height) = (frame.width, frame.height);
    let whole = RgbImage::from_raw(width, height, frame.pixels).with_context(|| format!("{} is too short", path.display()))?;
    let side = width.min(height);
    let middle = crop_imm(&whole, (width - side) / 2, (height - side) / 2, side, side).to_image();
    Ok(resize(&middle, size, size, FilterType::Triangle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageBuffer, Luma, Rgba};

    #[test]
    fn sizes_and_colour_types_may_be_mixed_and_broken_files_are_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..FEWEST as u32 {
            let picture: DynamicImage = match i % 3 {
                0 => RgbImage::from_pixel(20 + i, 40, image::Rgb([9; 3])).into(),
                1 => ImageBuffer::from_pixel(50, 10 + i, Luma([9u8])).into(),
                _ => ImageBuffer::from_pixel(5, 5, Rgba([9u16 * 257, 9 * 257, 9 * 257, u16::MAX])).into(),
            };
            picture.save(folder.path().join(format!("{i}.png"))).unwrap();
        }
        std::fs::write(folder.path().join("broken.png"), "no picture").unwrap();
        let read = read(folder.path(), 32).unwrap();
        assert_eq!((read.len(), read.shape), (FEWEST, [3, 32, 32]));
        assert!(read.bytes.iter().all(|&b| b == 9));
    }

    #[test]
    fn two_pictures_and_no_folder_are_refused_in_words() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.png", "b.png"] {
            RgbImage::new(8, 8).save(folder.path().join(name)).unwrap();
        }
        let error = read(folder.path(), 32).unwrap_err().to_string();
        assert!(error.contains("holds 2 pictures: at least 32"), "{error}");
        assert!(read(Path::new("/nowhere"), 32).unwrap_err().to_string().contains("--data DIR"));
    }
}
