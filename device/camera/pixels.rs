//! Bytes as cameras send them in, RGB frames out.

use crate::picture::jpeg_is_whole;
use crate::types::Frame;
use anyhow::{Result, bail, ensure};
use std::io::Cursor;
use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvPackedImage, YuvPlanarImage, YuvRange, YuvStandardMatrix};
use zune_jpeg::zune_core::{colorspace::ColorSpace, options::DecoderOptions};

/// How a camera packs its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Y U Y V: two pixels in four bytes.
    #[cfg_attr(not(feature = "v4l"), allow(dead_code, reason = "only V4L2 cameras give it"))]
    Yuyv,
    /// A plane of Y, then one of U V pairs at half the width and height.
    Nv12,
    /// A plane of Y, then one of U and one of V, each at half the width and height.
    Yuv420,
    /// A JPEG a picture.
    Mjpeg,
}

/// How Y, U and V mean colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colours {
    /// Y 0 to 255; otherwise 16 to 235 (and U, V 16 to 240), as video has it.
    pub full_range: bool,
    /// ITU-R BT.709; otherwise BT.601.
    pub bt709: bool,
}

/// What a buffer of the camera holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// How its pixels are packed.
    pub packing: Packing,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from one row of Y (or of Y U Y V) to the next; no meaning for MJPEG.
    pub stride: u32,
    /// How Y, U and V mean colours; a JPEG knows that itself.
    pub colours: Colours,
}

impl Layout {
    /// Bytes of a picture that is not compressed.
    pub fn picture_bytes(&self) -> usize {
        let [stride, height, chroma] = [self.stride, self.height, self.height.div_ceil(2)].map(|n| n as usize);
        match self.packing {
            Packing::Yuyv | Packing::Mjpeg => stride * height,
            Packing::Nv12 => stride * (height + chroma),
            Packing::Yuv420 => stride * height + stride / 2 * chroma * 2,
        }
    }
}

/// Larger pictures than any camera of a booth sends.
const LARGEST: usize = 16_384;

/// Turns a camera's buffers into frames.
#[derive(Default)]
pub struct Converter {
    seen_whole_jpeg: bool,
    /// The JPEG with what it lacks.
    completed: Vec<u8>,
}

impl Converter {
    /// Fills `frame`'s size and pixels, reusing its buffer; `taken` is left alone. A buffer that is too short for its layout, or
    /// no whole JPEG, is an error, and then the frame's content has no meaning.
    ///
    /// A JPEG without its end mark is taken for cut off, unless this camera never sent one: a few never do.
    pub fn convert(&mut self, layout: &Layout, bytes: &[u8], frame: &mut Frame) -> Result<()> {
        match layout.packing {
            Packing::Mjpeg => self.convert_jpeg(bytes, frame),
            Packing::Yuyv => yuyv(layout, bytes, frame),
            Packing::Nv12 => nv12(layout, bytes, frame),
            Packing::Yuv420 => yuv420(layout, bytes, frame),
        }
    }

    fn convert_jpeg(&mut self, bytes: &[u8], frame: &mut Frame) -> Result<()> {
        let whole = jpeg_is_whole(bytes);
        ensure!(whole || !self.seen_whole_jpeg, "the JPEG is cut off after {} bytes", bytes.len());
        let bytes = if lacks_huffman_tables(bytes) {
            // By this mark the decoder knows that it is to use the standard's tables.
            const AVI1: [u8; 10] = *b"\xff\xe0\x00\x08AVI1\0\0";
            self.completed.clear();
            self.completed.extend_from_slice(&bytes[..2]);
            self.completed.extend_from_slice(&AVI1);
            self.completed.extend_from_slice(&bytes[2..]);
            &self.completed
        } else {
            bytes
        };
        let options = DecoderOptions::default()
            .jpeg_set_out_colorspace(ColorSpace::RGB)
            .set_strict_mode(false)
            .set_max_width(LARGEST)
            .set_max_height(LARGEST);
        let mut decoder = zune_jpeg::JpegDecoder::new_with_options(Cursor::new(bytes), options);
        decoder.decode_headers()?;
        let Some((width, height)) = decoder.dimensions() else { bail!("the JPEG has no size") };
        ensure!(width * height > 0 && width * height <= 64 << 20, "the JPEG says {width} x {height} pixels");
        resize(frame, width as u32, height as u32);
        decoder.decode_into(&mut frame.pixels)?;
        self.seen_whole_jpeg |= whole;
        Ok(())
    }
}

/// Many webcams leave out the segments that define them (ITU-T T.81, B.2.4.2), as motion JPEG may.
fn lacks_huffman_tables(jpeg: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, code, high, low]) = jpeg.get(at..at + 4) {
        match code {
            0xc4 => return false,
            0xda => return true,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    false
}

fn yuyv(layout: &Layout, bytes: &[u8], frame: &mut Frame) -> Result<()> {
    let rows = plane(layout, layout.width.div_ceil(2) as usize * 4, layout.height as usize, bytes)?;
    resize(frame, layout.width, layout.height);
    let image = YuvPackedImage { yuy: rows, yuy_stride: layout.stride, width: layout.width, height: layout.height };
    let (range, matrix) = colours(layout);
    yuv::yuyv422_to_rgb(&image, &mut frame.pixels, layout.width * 3, range, matrix)?;
    Ok(())
}

fn nv12(layout: &Layout, bytes: &[u8], frame: &mut Frame) -> Result<()> {
    let row_bytes = layout.width.next_multiple_of(2) as usize;
    let (height, chroma_height) = (layout.height as usize, layout.height.div_ceil(2) as usize);
    let both = plane(layout, row_bytes, height + chroma_height, bytes)?;
    let (luma, chroma) = both.split_at(layout.stride as usize * height);
    resize(frame, layout.width, layout.height);
    let image = YuvBiPlanarImage {
        y_plane: luma,
        y_stride: layout.stride,
        uv_plane: chroma,
        uv_stride: layout.stride,
        width: layout.width,
        height: layout.height,
    };
    let (range, matrix) = colours(layout);
    yuv::yuv_nv12_to_rgb(&image, &mut frame.pixels, layout.width * 3, range, matrix, YuvConversionMode::Balanced)?;
    Ok(())
}

fn yuv420(layout: &Layout, bytes: &[u8], frame: &mut Frame) -> Result<()> {
    ensure!(layout.stride.is_multiple_of(2), "rows of {} bytes have no half", layout.stride);
    let (height, chroma_height) = (layout.height as usize, layout.height.div_ceil(2) as usize);
    // Two rows of U or V are as long as one of Y.
    let all = plane(layout, layout.width.next_multiple_of(2) as usize, height + chroma_height, bytes)?;
    let (luma, chroma) = all.split_at(layout.stride as usize * height);
    let (u, v) = chroma.split_at(layout.stride as usize / 2 * chroma_height);
    resize(frame, layout.width, layout.height);
    let image = YuvPlanarImage {
        y_plane: luma,
        y_stride: layout.stride,
        u_plane: u,
        u_stride: layout.stride / 2,
        v_plane: v,
        v_stride: layout.stride / 2,
        width: layout.width,
        height: layout.height,
    };
    let (range, matrix) = colours(layout);
    yuv::yuv420_to_rgb(&image, &mut frame.pixels, layout.width * 3, range, matrix)?;
    Ok(())
}

/// The first `rows` rows of the buffer, if they are there.
fn plane<'a>(layout: &Layout, row_bytes: usize, rows: usize, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let (width, height, stride) = (layout.width, layout.height, layout.stride as usize);
    ensure!(
        width > 0 && height > 0 && width as usize <= LARGEST && height as usize <= LARGEST,
        "the camera says {width} x {height} pixels"
    );
    ensure!(stride >= row_bytes && stride <= LARGEST * 8, "rows of {stride} bytes do not hold {width} pixels");
    let Some(plane) = bytes.get(..stride * rows) else { bail!("{} bytes came where {} were due", bytes.len(), stride * rows) };
    Ok(plane)
}

fn resize(frame: &mut Frame, width: u32, height: u32) {
    (frame.width, frame.height) = (width, height);
    frame.pixels.resize(width as usize * height as usize * 3, 0);
}

fn colours(layout: &Layout) -> (YuvRange, YuvStandardMatrix) {
    let range = if layout.colours.full_range { YuvRange::Full } else { YuvRange::Limited };
    let matrix = if layout.colours.bt709 { YuvStandardMatrix::Bt709 } else { YuvStandardMatrix::Bt601 };
    (range, matrix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{DynamicImage, ImageFormat, RgbImage};
    use proptest::prelude::*;

    /// What webcams send: BT.601, limited range.
    const WEBCAM: Colours = Colours { full_range: false, bt709: false };

    /// The fast paths round their coefficients to 1/64. At worst that is off by 239/128 from Y, 1 each from U and V, and 1 from
    /// rounding twice.
    const TOLERANCE: u8 = 4;

    /// ITU-R BT.601-7 and BT.709-6, in floating point, a pixel at a time.
    fn oracle([y, u, v]: [u8; 3], colours: Colours) -> [u8; 3] {
        let (kr, kb) = if colours.bt709 { (0.2126, 0.0722) } else { (0.299, 0.114) };
        let (y, half) = match colours.full_range {
            true => (f64::from(y) / 255.0, 255.0),
            false => ((f64::from(y) - 16.0) / 219.0, 224.0),
        };
        let (u, v) = ((f64::from(u) - 128.0) / half, (f64::from(v) - 128.0) / half);
        let (r, b) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
        let g = (y - kr * r - kb * b) / (1.0 - kr - kb);
        [r, g, b].map(|c| (c * 255.0).round().clamp(0.0, 255.0) as u8)
    }

    fn oracle_frame(layout: &Layout, bytes: &[u8]) -> Vec<u8> {
        let stride = layout.stride as usize;
        let mut pixels = Vec::new();
        for y in 0..layout.height as usize {
            for x in 0..layout.width as usize {
                let pair = x / 2;
                let yuv = match layout.packing {
                    Packing::Yuyv => {
                        let four = &bytes[y * stride + pair * 4..][..4];
                        [four[x % 2 * 2], four[1], four[3]]
                    }
                    Packing::Nv12 => {
                        let chroma = &bytes[(layout.height as usize + y / 2) * stride + pair * 2..][..2];
                        [bytes[y * stride + x], chroma[0], chroma[1]]
                    }
                    Packing::Yuv420 => {
                        let (chroma, rows) = (layout.height as usize * stride, layout.height.div_ceil(2) as usize);
                        let u = chroma + y / 2 * (stride / 2) + pair;
                        [bytes[y * stride + x], bytes[u], bytes[u + rows * (stride / 2)]]
                    }
                    Packing::Mjpeg => unreachable!(),
                };
                pixels.extend(oracle(yuv, layout.colours));
            }
        }
        pixels
    }

    fn raw_layout() -> impl Strategy<Value = Layout> {
        let colours = (any::<bool>(), any::<bool>()).prop_map(|(full_range, bt709)| Colours { full_range, bt709 });
        let packing = prop_oneof![Just(Packing::Yuyv), Just(Packing::Nv12), Just(Packing::Yuv420)];
        (1u32..150, 1u32..20, 0u32..70, packing, colours).prop_map(|(width, height, more, packing, colours)| {
            let stride = match packing {
                Packing::Yuyv => width.div_ceil(2) * 4 + more,
                _ => (width + more).next_multiple_of(2),
            };
            Layout { packing, width, height, stride, colours }
        })
    }

    proptest! {
        #[test]
        fn raw_pixels_agree_with_the_slow_formula(layout in raw_layout(), seed in any::<u64>()) {
            // In video range Y below 16 is blacker than black: some of the fast paths cut it off early, some late.
            let lowest = if layout.colours.full_range { 0 } else { 16 };
            let mut state = seed;
            let bytes: Vec<u8> = (0..layout.picture_bytes())
                .map(|_| {
                    state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    ((state >> 56) as u8).max(lowest)
                })
                .collect();
            let mut frame = Frame::empty();
            Converter::default().convert(&layout, &bytes, &mut frame).unwrap();
            prop_assert_eq!((frame.width, frame.height), (layout.width, layout.height));
            let expected = oracle_frame(&layout, &bytes);
            prop_assert_eq!(frame.pixels.len(), expected.len());
            for (i, (&got, want)) in frame.pixels.iter().zip(expected).enumerate() {
                prop_assert!(got.abs_diff(want) <= TOLERANCE, "byte {}: {} for {}", i, got, want);
            }
        }

        #[test]
        fn short_buffers_are_errors(layout in raw_layout(), missing in 1usize..5000) {
            let bytes = vec![0; layout.picture_bytes().saturating_sub(missing)];
            prop_assert!(Converter::default().convert(&layout, &bytes, &mut Frame::empty()).is_err());
        }

        #[test]
        fn odd_layouts_never_panic(
            which in 0usize..3, width in any::<u32>(), height in 0u32..40_000, stride in any::<u32>(), narrow in any::<bool>(),
            bytes in proptest::collection::vec(any::<u8>(), 0..500),
        ) {
            let packing = [Packing::Yuyv, Packing::Nv12, Packing::Mjpeg][which];
            let (width, stride) = if narrow { (width % 40, stride % 90) } else { (width, stride) };
            let layout = Layout { packing, width, height, stride, colours: WEBCAM };
            let _ = Converter::default().convert(&layout, &bytes, &mut Frame::empty());
        }

        #[test]
        fn damaged_jpegs_never_panic(flips in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8)) {
            let mut bytes = some_jpeg();
            for (place, value) in flips {
                let place = usize::from(place) % bytes.len();
                bytes[place] = value;
            }
            let mut frame = Frame::empty();
            if Converter::default().convert(&mjpeg(), &bytes, &mut frame).is_ok() {
                prop_assert_eq!(frame.pixels.len(), frame.width as usize * frame.height as usize * 3);
            }
        }
    }

    fn mjpeg() -> Layout {
        Layout { packing: Packing::Mjpeg, width: 64, height: 48, stride: 0, colours: WEBCAM }
    }

    fn some_picture() -> RgbImage {
        RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, 100]))
    }

    fn some_jpeg() -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(some_picture()).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
        bytes.into_inner()
    }

    /// Without the segments that define Huffman tables, as most webcams send it.
    fn without_tables(jpeg: &[u8]) -> Vec<u8> {
        let mut out = jpeg[..2].to_vec();
        let mut at = 2;
        while jpeg[at + 1] != 0xda {
            let next = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
            if jpeg[at + 1] != 0xc4 {
                out.extend_from_slice(&jpeg[at..next]);
            }
            at = next;
        }
        out.extend_from_slice(&jpeg[at..]);
        out
    }

    fn far_off(frame: &Frame) -> u8 {
        frame.pixels.iter().zip(some_picture().into_raw()).map(|(a, b)| a.abs_diff(b)).max().unwrap()
    }

    #[test]
    fn grey_of_video_range_is_black_and_white() {
        let layout = Layout { packing: Packing::Yuyv, width: 2, height: 1, stride: 4, colours: WEBCAM };
        let mut frame = Frame::empty();
        Converter::default().convert(&layout, &[16, 128, 235, 128], &mut frame).unwrap();
        assert_eq!(frame.pixels, [0, 0, 0, 255, 255, 255]);
    }

    #[test]
    fn jpegs_of_webcams_are_decoded() {
        let mut frame = Frame::empty();
        Converter::default().convert(&mjpeg(), &some_jpeg(), &mut frame).unwrap();
        assert_eq!((frame.width, frame.height), (64, 48));
        assert!(far_off(&frame) < 40, "{}", far_off(&frame));
    }

    #[test]
    fn jpegs_without_huffman_tables_are_decoded_alike() {
        let (mut with, mut without) = (Frame::empty(), Frame::empty());
        Converter::default().convert(&mjpeg(), &some_jpeg(), &mut with).unwrap();
        let bare = without_tables(&some_jpeg());
        assert!(bare.len() < some_jpeg().len());
        Converter::default().convert(&mjpeg(), &bare, &mut without).unwrap();
        assert_eq!(with.pixels, without.pixels);
    }

    #[test]
    fn a_cut_jpeg_is_an_error_once_the_camera_has_sent_a_whole_one() {
        let (whole, mut frame, mut converter) = (some_jpeg(), Frame::empty(), Converter::default());
        let cut = &whole[..whole.len() - 2];
        assert!(converter.convert(&mjpeg(), cut, &mut frame).is_ok(), "a camera may never send the end mark");
        converter.convert(&mjpeg(), &whole, &mut frame).unwrap();
        assert!(converter.convert(&mjpeg(), cut, &mut frame).unwrap_err().to_string().contains("cut off"));
        assert!(converter.convert(&mjpeg(), &[], &mut frame).is_err());
        assert!(converter.convert(&mjpeg(), &whole, &mut frame).is_ok(), "the next picture is fine again");
    }

    #[test]
    fn the_frames_buffer_is_kept() {
        let layout = Layout { packing: Packing::Yuyv, width: 64, height: 48, stride: 128, colours: WEBCAM };
        let (bytes, mut frame, mut converter) = (vec![99; 128 * 48], Frame::empty(), Converter::default());
        converter.convert(&layout, &bytes, &mut frame).unwrap();
        let place = frame.pixels.as_ptr();
        converter.convert(&layout, &bytes, &mut frame).unwrap();
        converter.convert(&mjpeg(), &some_jpeg(), &mut frame).unwrap();
        assert_eq!(place, frame.pixels.as_ptr());
    }
}
