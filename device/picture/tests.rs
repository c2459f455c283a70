//! What `picture::read` makes of good, odd and broken files. Small files are made here; those that our own encoder cannot
//! write (CMYK, EXIF, progressive, lossy WebP) lie in `tests/golden/pictures`: 48 x 32 pixels, upper left red, upper right blue,
//! lower quarter green.

use super::*;
use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
use proptest::prelude::*;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/pictures").join(name)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn write(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn encode(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn some_rgb(width: u32, height: u32) -> ImageBuffer<Rgb<u8>, Vec<u8>> {
    ImageBuffer::from_fn(width, height, |x, y| Rgb([(x * 5) as u8, (y * 7) as u8, (x * y) as u8]))
}

fn read_made(picture: impl Into<DynamicImage>, format: ImageFormat) -> Frame {
    let folder = folder();
    read(&write(&folder, "made", &encode(picture, format))).unwrap()
}

fn at(frame: &Frame, x: u32, y: u32) -> [u8; 3] {
    let i = ((y * frame.width + x) * 3) as usize;
    frame.pixels[i..i + 3].try_into().unwrap()
}

fn near(a: [u8; 3], b: [u8; 3], within: u8) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= within)
}

/// The text of the refusal, which must be one line that names the file.
fn refusal(path: &Path) -> String {
    let text = format!("{:#}", read(path).err().expect("the file must be refused"));
    assert!(text.contains(&path.display().to_string()), "{text}");
    assert!(!text.contains('\n'), "{text}");
    text
}

fn is_the_golden_pattern(frame: &Frame, within: u8) {
    assert_eq!((frame.width, frame.height), (48, 32));
    assert_eq!(frame.pixels.len(), 48 * 32 * 3);
    for (x, y, colour) in [(4, 4, [200, 40, 40]), (42, 4, [40, 40, 200]), (4, 29, [40, 200, 40]), (42, 29, [40, 200, 40])] {
        assert!(near(at(frame, x, y), colour, within), "at {x}, {y}: {:?} for {colour:?}", at(frame, x, y));
    }
}

#[test]
fn png_comes_back_exactly() {
    let frame = read_made(some_rgb(31, 17), ImageFormat::Png);
    assert_eq!((frame.width, frame.height), (31, 17));
    assert_eq!(frame.pixels, some_rgb(31, 17).into_raw());
}

#[test]
fn lossless_webp_comes_back_exactly() {
    assert_eq!(read_made(some_rgb(31, 17), ImageFormat::WebP).pixels, some_rgb(31, 17).into_raw());
}

#[test]
fn jpeg_in_its_usual_makes_shows_the_pattern() {
    is_the_golden_pattern(&read(&golden("upright.jpg")).unwrap(), 6);
    is_the_golden_pattern(&read(&golden("progressive.jpg")).unwrap(), 12);
}

/// The PNGs were decoded by libjpeg-turbo 3.2.
#[test]
fn jpeg_pixels_are_those_of_libjpeg() {
    for name in ["chroma-halved", "chroma-halved-across"] {
        let [ours, libjpegs] = ["jpg", "png"].map(|ending| read(&golden(&format!("{name}.{ending}"))).unwrap());
        assert_eq!((ours.width, ours.height), (37, 27));
        assert!(ours.pixels == libjpegs.pixels, "{name}");
    }
}

#[test]
fn lossy_webp_shows_the_pattern() {
    is_the_golden_pattern(&read(&golden("upright-lossy.webp")).unwrap(), 12);
}

#[test]
fn cmyk_jpeg_keeps_its_colours() {
    is_the_golden_pattern(&read(&golden("cmyk.jpg")).unwrap(), 12);
}

#[test]
fn exif_orientation_turns_the_picture_upright() {
    for orientation in [3, 5, 6, 8] {
        is_the_golden_pattern(&read(&golden(&format!("exif-{orientation}.jpg"))).unwrap(), 6);
    }
}

#[test]
fn grey_becomes_three_equal_channels() {
    let frame = read_made(ImageBuffer::from_pixel(3, 2, Luma([77u8])), ImageFormat::Png);
    assert_eq!(frame.pixels, [77; 18]);
}

#[test]
fn grey_jpeg_becomes_three_equal_channels() {
    let frame = read_made(ImageBuffer::from_pixel(9, 9, Luma([77u8])), ImageFormat::Jpeg);
    assert!(near(at(&frame, 4, 4), [77; 3], 2));
}

#[test]
fn sixteen_bits_become_eight() {
    let frame = read_made(ImageBuffer::from_pixel(2, 2, Rgb([0u16, 0x8000, 0xffff])), ImageFormat::Png);
    assert_eq!(at(&frame, 1, 1), [0, 128, 255]);
}

#[test]
fn transparent_parts_become_mid_grey() {
    let mut picture = ImageBuffer::from_pixel(3, 1, Rgba([255u8, 0, 10, 255]));
    picture.put_pixel(1, 0, Rgba([255, 0, 10, 0]));
    picture.put_pixel(2, 0, Rgba([255, 0, 128, 128]));
    let frame = read_made(picture, ImageFormat::Png);
    assert_eq!(frame.pixels, [255, 0, 10, 128, 128, 128, 192, 64, 128]);
}

#[test]
fn transparent_grey_in_sixteen_bits_is_read() {
    let frame = read_made(ImageBuffer::from_pixel(2, 2, LumaA([0xffffu16, 0])), ImageFormat::Png);
    assert_eq!(frame.pixels, [128; 12]);
}

#[test]
fn one_pixel_is_a_picture() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP] {
        let frame = read_made(ImageBuffer::from_pixel(1, 1, Rgb([9u8, 9, 9])), format);
        assert_eq!((frame.width, frame.height, frame.pixels.len()), (1, 1, 3));
    }
}

#[test]
fn a_wrong_extension_does_not_matter() {
    let folder = folder();
    let path = write(&folder, "really-a-png.jpg", &encode(some_rgb(4, 4), ImageFormat::Png));
    assert_eq!(read(&path).unwrap().width, 4);
}

#[test]
fn pictures_cut_anywhere_are_refused() {
    let folder = folder();
    let encoded = [
        encode(some_rgb(64, 48), ImageFormat::Jpeg),
        encode(some_rgb(64, 48), ImageFormat::Png),
        encode(some_rgb(64, 48), ImageFormat::WebP),
        std::fs::read(golden("progressive.jpg")).unwrap(),
        std::fs::read(golden("exif-6.jpg")).unwrap(),
        std::fs::read(golden("upright-lossy.webp")).unwrap(),
    ];
    for bytes in &encoded {
        for percent in [3, 25, 50, 75, 95] {
            let path = write(&folder, "cut.jpg", &bytes[..bytes.len() * percent / 100]);
            let text = refusal(&path);
            assert!(text.contains("copy it again") || text.contains("leave it out"), "{percent} %: {text}");
        }
    }
    let jpeg = &encoded[0];
    assert!(refusal(&write(&folder, "cut.jpg", &jpeg[..jpeg.len() - 2])).contains("cut short"));
}

#[test]
fn bytes_after_the_end_of_a_jpeg_do_not_matter() {
    let folder = folder();
    let mut bytes = std::fs::read(golden("upright.jpg")).unwrap();
    bytes.extend_from_slice(b"maker's notes");
    is_the_golden_pattern(&read(&write(&folder, "long.jpg", &bytes)).unwrap(), 6);
}

#[test]
fn a_thumbnails_end_is_not_the_pictures_end() {
    let mut bytes = std::fs::read(golden("upright.jpg")).unwrap();
    let end = bytes.len() - 2;
    bytes.truncate(end);
    let app1 = [0xff, 0xe1, 0x00, 0x06, 0xff, 0xd8, 0xff, 0xd9];
    bytes.splice(2..2, app1);
    assert!(!jpeg_is_whole(&bytes));
    bytes.extend_from_slice(&[0xff, 0xd9]);
    assert!(jpeg_is_whole(&bytes));
}

#[test]
fn an_empty_file_is_refused() {
    let folder = folder();
    assert!(refusal(&write(&folder, "empty.jpg", b"")).contains("is empty"));
}

#[test]
fn a_text_file_named_jpg_is_refused() {
    let folder = folder();
    assert!(refusal(&write(&folder, "notes.jpg", b"Dear diary, this is no picture.")).contains("neither JPEG, PNG nor WebP"));
}

#[test]
fn other_kinds_of_picture_are_named() {
    let folder = folder();
    assert!(refusal(&write(&folder, "a.jpg", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;")).contains("GIF"));
    assert!(refusal(&write(&folder, "b.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")).contains("HEIC"));
}

#[test]
fn a_folder_is_refused() {
    let folder = folder();
    assert!(refusal(folder.path()).contains("is a folder"));
}

#[test]
fn a_missing_file_is_refused() {
    let folder = folder();
    assert!(refusal(&folder.path().join("nobody.jpg")).contains("no file"));
}

#[test]
fn a_device_is_not_read_for_ever() {
    assert!(refusal(Path::new("/dev/zero")).contains("not an ordinary file"));
}

/// Only headers, no pixels: what would be allocated is what the header says.
#[test]
fn huge_headers_are_refused_by_their_size() {
    let folder = folder();
    let mut png = encode(some_rgb(1, 1), ImageFormat::Png);
    png[16..20].copy_from_slice(&20_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&20_000u32.to_be_bytes());
    let checksum = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&checksum.to_be_bytes());

    let mut jpeg = encode(some_rgb(1, 1), ImageFormat::Jpeg);
    let start_of_frame = jpeg.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    jpeg[start_of_frame + 5..start_of_frame + 7].copy_from_slice(&20_000u16.to_be_bytes());
    jpeg[start_of_frame + 7..start_of_frame + 9].copy_from_slice(&20_000u16.to_be_bytes());

    for (name, bytes) in [("huge.png", png), ("huge.jpg", jpeg)] {
        let text = refusal(&write(&folder, name, &bytes));
        assert!(text.contains("20000 x 20000") && text.contains("make it smaller"), "{text}");
    }

    // WebP cannot say 20,000 but in its extended header: a canvas of 16383 x 16383.
    let mut webp = encode(ImageBuffer::from_pixel(1, 1, Rgb([1u8, 2, 3])), ImageFormat::WebP);
    let bits = webp.windows(5).position(|w| &w[..4] == b"VP8L").unwrap() + 9;
    webp[bits..bits + 4].copy_from_slice(&(16_382u32 | 16_382 << 14).to_le_bytes());
    let text = refusal(&write(&folder, "huge.webp", &webp));
    assert!(text.contains("16383 x 16383"), "{text}");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |s: u32, _| if s & 1 == 1 { s >> 1 ^ 0xedb8_8320 } else { s >> 1 })
    })
}

#[test]
fn only_pictures_are_listed_and_in_order() {
    let folder = folder();
    for name in ["b.JPG", "a.png", "c.webp", "d.jpeg", "notes.txt", "jpg", "e.jpg.part"] {
        write(&folder, name, b"x");
    }
    std::fs::create_dir(folder.path().join("f.jpg")).unwrap();
    let names: Vec<String> =
        list_pictures(folder.path()).unwrap().iter().map(|p| p.file_name().unwrap().to_str().unwrap().into()).collect();
    assert_eq!(names, ["a.png", "b.JPG", "c.webp", "d.jpeg"]);
}

#[test]
fn a_missing_folder_is_named() {
    let folder = folder();
    let missing = folder.path().join("gone");
    assert!(format!("{:#}", list_pictures(&missing).unwrap_err()).contains("gone"));
    let file = write(&folder, "file", b"x");
    assert!(format!("{:#}", list_pictures(&file).unwrap_err()).contains("not a folder"));
}

proptest! {
    /// Whatever happened to a file, reading it ends in a frame of the promised shape or in a refusal.
    #[test]
    fn damaged_files_never_panic(which in 0usize..5, flips in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..8)) {
        let names = ["upright.jpg", "progressive.jpg", "cmyk.jpg", "exif-6.jpg", "upright-lossy.webp"];
        let mut bytes = std::fs::read(golden(names[which])).unwrap();
        for (place, value) in flips {
            let place = usize::from(place) % bytes.len();
            bytes[place] = value;
        }
        let folder = folder();
        if let Ok(frame) = read(&write(&folder, "damaged", &bytes)) {
            prop_assert_eq!(frame.pixels.len(), frame.width as usize * frame.height as usize * 3);
        }
    }
}
