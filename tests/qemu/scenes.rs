//! `scenes SAMPLES OUT`: sample photos in, what the emulated cameras show out.
//!
//! For each photo a JPEG and raw YUYV and YU12 frames (BT.601, limited range) of 640 x 480, as the replay camera shows it. Besides
//! `number-00.jpg` to `number-63.jpg`: the first photo with its number at the lower edge, from the left a white block, a black
//! one, then six bits, the highest first.

use anyhow::{Context, Result, ensure};
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use lookalike::camera::{self, Kind, Settings};
use lookalike::types::Frame;
use std::fs;
use std::path::Path;

/// Who is shown: the sample's file below SAMPLES, and the name of what comes of it.
const PHOTOS: [(&str, &str); 3] =
    [("camera/1-obama.jpg", "obama"), ("camera/5-biden.jpg", "biden"), ("camera/3-astronaut.png", "collins")];
const NUMBERS: u32 = 64;
const BLOCK_PX: u32 = 40;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    ensure!(words.len() == 2, "usage: scenes SAMPLES OUT");
    let (samples, out) = (Path::new(&words[0]), Path::new(&words[1]));
    fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    for (file, name) in PHOTOS {
        let frame = frame(&samples.join(file))?;
        let picture = RgbImage::from_raw(frame.width, frame.height, frame.pixels.clone()).context("a frame without pixels")?;
        write_jpeg(&picture, &out.join(format!("{name}.jpg")))?;
        let raw = yuyv(&frame);
        fs::write(out.join(format!("{name}.yu12")), yu12(&raw, frame.width as usize))?;
        fs::write(out.join(format!("{name}.yuyv")), raw)?;
        if name == PHOTOS[0].1 {
            for number in 0..NUMBERS {
                write_jpeg(&numbered(&picture, number), &out.join(format!("number-{number:02}.jpg")))?;
            }
        }
    }
    Ok(())
}

/// The photo as the replay camera shows it.
fn frame(photo: &Path) -> Result<Frame> {
    let folder = tempfile::tempdir()?;
    let name = photo.file_name().context("a photo without a name")?;
    fs::copy(photo, folder.path().join(name)).with_context(|| format!("cannot copy {}", photo.display()))?;
    let settings = Settings { kind: Kind::Replay, folder: folder.path().into(), ..Settings::default() };
    let mut frame = Frame::empty();
    camera::open(&settings)?.read(&mut frame)?;
    Ok(frame)
}

fn write_jpeg(picture: &RgbImage, path: &Path) -> Result<()> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(picture)?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn numbered(picture: &RgbImage, number: u32) -> RgbImage {
    let mut picture = picture.clone();
    let top = picture.height() - BLOCK_PX;
    for block in 0..8 {
        let is_white = match block {
            0 => true,
            1 => false,
            bit => number >> (7 - bit) & 1 == 1,
        };
        for (x, y) in (0..BLOCK_PX).flat_map(|x| (0..BLOCK_PX).map(move |y| (x, y))) {
            picture.put_pixel(block * BLOCK_PX + x, top + y, image::Rgb([if is_white { 255 } else { 0 }; 3]));
        }
    }
    picture
}

fn yuyv(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frame.pixels.len() / 3 * 2);
    for pair in frame.pixels.chunks_exact(6) {
        let [a, b] = [&pair[..3], &pair[3..]].map(|p| [p[0], p[1], p[2]].map(f32::from));
        let luma = |[r, g, b]: [f32; 3]| 16.0 + 0.257 * r + 0.504 * g + 0.098 * b;
        let [r, g, blue] = [0, 1, 2].map(|c| (a[c] + b[c]) / 2.0);
        let u = 128.0 - 0.148 * r - 0.291 * g + 0.439 * blue;
        let v = 128.0 + 0.439 * r - 0.368 * g - 0.071 * blue;
        bytes.extend([luma(a), u, luma(b), v].map(|value| value.round() as u8));
    }
    bytes
}

/// Every second row's U and V, for both rows.
fn yu12(yuyv: &[u8], width: usize) -> Vec<u8> {
    let every = |from: usize, step: usize, rows: usize| {
        let rows = yuyv.chunks_exact(width * 2).step_by(rows);
        rows.flat_map(move |row| row.iter().skip(from).step_by(step).copied()).collect::<Vec<u8>>()
    };
    [every(0, 2, 1), every(1, 4, 2), every(3, 4, 2)].concat()
}
