//! Picture files in, upright RGB frames out: the one place where the program opens a picture.
//!
//! JPEG, PNG and WebP, told apart by their content, never by their name. Every refusal is one sentence that names the file
//! and says what to do.

use crate::types::Frame;
use anyhow::{Context, Result, anyhow, bail, ensure};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A picture with more pixels than this is refused by its header alone, before memory is taken for it.
pub const MOST_PIXELS: u64 = 64 << 20;

/// A file larger than this is not read.
const MOST_BYTES: u64 = 256 << 20;

/// Transparent parts show this grey: on black or white, dark or fair hair would melt into the ground.
const GROUND: u32 = 128;

/// Names that [`list_pictures`] takes for pictures, compared without case.
const EXTENSIONS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// Reads a picture as 8-bit RGB, turned upright as its EXIF orientation says.
///
/// Grey, 16-bit, CMYK and palette pictures are converted, transparent parts laid over mid-grey. `taken` is now.
/// A file that is missing, empty, cut short, damaged, not a picture or larger than [`MOST_PIXELS`] is an error.
pub fn read(path: &Path) -> Result<Frame> {
    let name = path.display();
    let bytes = read_bytes(path)?;
    let format = recognise(&bytes).with_context(|| format!("{name} cannot be read as a picture"))?;
    let kind = kind_name(format);
    if format == ImageFormat::Jpeg && !jpeg_is_whole(&bytes) {
        bail!("{name} is a {kind} that is cut short: copy it again from where it came");
    }
    let explain = |e: ImageError| match e {
        ImageError::Unsupported(e) => {
            anyhow!("{name} is a {kind} of an unusual make ({e}): save it again as an ordinary JPEG or PNG")
        }
        ImageError::Limits(_) => anyhow!("{name} needs more memory than a picture should: make it smaller"),
        e => anyhow!("{name} is a {kind} that is cut short or damaged ({e}): copy it again from where it came"),
    };

    let mut reader = ImageReader::with_format(Cursor::new(&bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(explain)?;
    let (width, height) = decoder.dimensions();
    ensure!(
        u64::from(width) * u64::from(height) <= MOST_PIXELS,
        "{name} says that it has {width} x {height} pixels; more than {} million are refused: make it smaller",
        MOST_PIXELS >> 20
    );
    ensure!(width > 0 && height > 0, "{name} is a {kind} without pixels: leave it out");
    // A broken EXIF block is no reason to refuse a good picture.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let exact = if format == ImageFormat::Jpeg { decode_jpeg(&bytes) } else { None };
    let mut picture = match exact {
        Some(picture) => DynamicImage::ImageRgb8(picture),
        None => DynamicImage::from_decoder(decoder).map_err(explain)?,
    };

    if picture.color().has_alpha() {
        picture = over_grey(picture);
    }
    let mut picture = DynamicImage::ImageRgb8(picture.into_rgb8());
    picture.apply_orientation(orientation);
    let picture = picture.into_rgb8();
    Ok(Frame { width: picture.width(), height: picture.height(), pixels: picture.into_raw(), taken: Instant::now() })
}

/// The files in `folder` whose names end like a picture's (jpg, jpeg, png, webp), sorted by name.
/// Sub-folders are not entered. An empty list is not an error; a folder that cannot be listed is.
pub fn list_pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let name = folder.display();
    ensure!(folder.exists(), "there is no folder {name}: check the name");
    ensure!(folder.is_dir(), "{name} is not a folder: name the folder that holds the pictures");
    let hint = || format!("the folder {name} cannot be listed: check its permissions");
    let mut pictures = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(hint)? {
        let path = entry.with_context(hint)?.path();
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        if EXTENSIONS.iter().any(|e| e.eq_ignore_ascii_case(ending)) && !path.is_dir() {
            pictures.push(path);
        }
    }
    pictures.sort();
    Ok(pictures)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let name = path.display();
    let facts = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => anyhow!("there is no file {name}: check the name"),
        _ => anyhow!(e).context(format!("{name} cannot be opened: check the permissions of the file and its folder")),
    })?;
    ensure!(!facts.is_dir(), "{name} is a folder, not a picture: name a picture in it");
    ensure!(facts.is_file(), "{name} is not an ordinary file: name a picture file");
    ensure!(facts.len() > 0, "{name} is empty: copy it again from where it came");
    ensure!(facts.len() <= MOST_BYTES, "{name} has more than {} MB: make it smaller", MOST_BYTES >> 20);
    let mut bytes = Vec::with_capacity(facts.len() as usize);
    std::fs::File::open(path)
        .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
        .with_context(|| format!("{name} cannot be read: check the permissions of the file"))?;
    Ok(bytes)
}

fn recognise(bytes: &[u8]) -> Result<ImageFormat> {
    if bytes.get(4..8) == Some(b"ftyp") {
        bail!("it is a HEIC, AVIF or video file: save it as JPEG");
    }
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP)) => Ok(format),
        Ok(other) => bail!("it is a {}: save it as JPEG, PNG or WebP", kind_name(other)),
        Err(_) => bail!("its content is neither JPEG, PNG nor WebP, whatever its name says: leave it out"),
    }
}

fn kind_name(format: ImageFormat) -> String {
    match format {
        ImageFormat::WebP => "WebP".into(),
        other => format!("{other:?}").to_uppercase(),
    }
}

/// The pixels that libjpeg gives, to the bit: the nets were trained on them. Decoders that round the chroma otherwise make
/// pictures a shade redder and bluer, enough to lose faces near a threshold.
///
/// `None` for four colours, which libjpeg does not convert, and for what it refuses: `image` says then what is wrong.
fn decode_jpeg(bytes: &[u8]) -> Option<image::RgbImage> {
    let mut decoder = libjpeg_turbo_rs::Decoder::new(bytes).ok()?;
    if decoder.header().components.len() > 3 {
        return None;
    }
    decoder.set_max_pixels(MOST_PIXELS as usize);
    decoder.set_output_format(libjpeg_turbo_rs::PixelFormat::Rgb);
    let picture = decoder.decode_image().ok()?;
    image::RgbImage::from_raw(picture.width as u32, picture.height as u32, picture.data)
}

/// Whether the end marker is there. The decoder paints what is missing grey and says nothing, so this is asked first.
///
/// Segments are stepped over by their length, so that the end of a thumbnail in one of them is not taken for the picture's
/// (ITU-T T.81, B.1).
pub(crate) fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[mark, code]) = bytes.get(at..at + 2) {
        match (mark, code) {
            (0xff, 0xd9) => return true,
            // Fill bytes, stuffed zeros, restart marks and coded data.
            (0xff, 0xff) => at += 1,
            (0xff, 0x00 | 0x01 | 0xd0..=0xd8) => at += 2,
            (0xff, _) => match bytes.get(at + 2..at + 4) {
                Some(&[high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2),
                _ => return false,
            },
            _ => at += 1,
        }
    }
    false
}

fn over_grey(picture: DynamicImage) -> DynamicImage {
    let picture = picture.into_rgba8();
    let mut flat = image::RgbImage::new(picture.width(), picture.height());
    for (to, from) in flat.pixels_mut().zip(picture.pixels()) {
        let [r, g, b, a] = from.0.map(u32::from);
        to.0 = [r, g, b].map(|c| ((c * a + GROUND * (255 - a) + 127) / 255) as u8);
    }
    DynamicImage::ImageRgb8(flat)
}

#[cfg(test)]
mod tests;
