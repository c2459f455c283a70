//! A photo in, the same as the booth's camera would show it out: farther away, out of focus, as motion JPEG.

use anyhow::{Context, Result};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{ImageFormat, RgbImage};
use lookalike::types::Frame;
use std::io::Cursor;

use lookalike_tests::dice::Dice;

/// Sizes, as shares of the photo's: faces of lfw112 become 27 to 80 px wide.
const SIZES: [f32; 2] = [1.0 / 3.0, 1.0];
/// Standard deviation of the blur at most, in pixels of the small picture.
const BLUR_PX: f32 = 1.5;
/// What cameras compress with, and poor ones.
const QUALITIES: [f32; 2] = [40.0, 90.0];

/// The same photo and dice give the same picture.
pub fn seen(frame: &Frame, dice: &mut Dice) -> Result<Frame> {
    let size = SIZES[0] * (SIZES[1] / SIZES[0]).powf(dice.share());
    let photo = RgbImage::from_raw(frame.width, frame.height, frame.pixels.clone()).context("a frame without pixels")?;
    let [width, height] = [frame.width, frame.height].map(|side| (side as f32 * size).round() as u32);
    let small = imageops::resize(&photo, width, height, FilterType::Triangle);
    // Below a tenth of a pixel nothing changes.
    let small = imageops::blur(&small, (BLUR_PX * dice.share()).max(0.1));
    let quality = QUALITIES[0] + (QUALITIES[1] - QUALITIES[0]) * dice.share();
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, quality as u8).encode_image(&small)?;
    let picture = image::load(Cursor::new(jpeg), ImageFormat::Jpeg)?.into_rgb8();
    Ok(Frame { width, height, pixels: picture.into_raw(), taken: frame.taken })
}
