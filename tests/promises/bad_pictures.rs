use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgba};
use lookalike_tests::{lookalike, run, sample};
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// A PNG that claims a size and holds nothing (PNG specification, 5.6 and 11.2.2; the CRC is right).
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut crc = u32::MAX;
    for byte in &chunk {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(13u32.to_be_bytes());
    file.extend(chunk);
    file.extend((!crc).to_be_bytes());
    file
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let file = folder.join(name);
    std::fs::write(&file, bytes).unwrap();
    file
}

#[test]
fn broken_pictures_are_named_and_the_good_one_is_still_done() {
    let folder = tempdir().unwrap();
    let folder = folder.path();
    let photo = std::fs::read(sample("gallery/Barack Obama/obama2.jpg")).unwrap();
    let bad = [
        write(folder, "truncated.jpg", &photo[..photo.len() / 2]),
        write(folder, "empty.jpg", b""),
        write(folder, "huge.png", &png_header(20_000, 20_000)),
        write(folder, "text.jpg", b"Dear visitor, this is no picture.\n"),
        folder.join("missing.jpg"),
        folder.to_path_buf(),
    ];
    for command in ["detect", "embed"] {
        let ran = run(lookalike().args([command, "--json"]).args(&bad).arg(sample("gallery/Eileen Collins/astronaut.png")));
        assert_eq!(ran.code, 1, "{}", ran.err);
        assert_eq!(ran.json().len(), 1, "only the good picture has a line: {}", ran.out);
        assert_eq!(ran.json()[0]["faces"].as_array().unwrap().len(), 1);
        for file in &bad {
            let sentence = ran.err.lines().find(|l| l.contains(&file.display().to_string()));
            assert!(sentence.is_some_and(|s| s.contains(':')), "{} is not named: {}", file.display(), ran.err);
        }
        assert_eq!(ran.err.lines().count(), bad.len(), "one sentence each: {}", ran.err);
    }
}

#[test]
fn unusual_pictures_are_pictures() {
    let folder = tempdir().unwrap();
    let photo = image::open(sample("gallery/Eileen Collins/astronaut.png")).unwrap();
    let save = |name: &str, picture: DynamicImage| {
        let file = folder.path().join(name);
        picture.save_with_format(&file, ImageFormat::Png).unwrap();
        file
    };
    let faces = [
        save("grey.png", DynamicImage::ImageLuma8(photo.to_luma8())),
        save("deep.png", DynamicImage::ImageRgb16(photo.to_rgb16())),
        save("clear.png", DynamicImage::ImageRgba8(photo.to_rgba8())),
    ];
    let ran = run(lookalike().args(["detect", "--json"]).args(&faces));
    assert_eq!(ran.code, 0, "{}", ran.err);
    for line in ran.json() {
        assert_eq!(line["faces"].as_array().unwrap().len(), 1, "{line}");
    }
    let none = [
        save("one.png", DynamicImage::ImageLuma8(ImageBuffer::from_pixel(1, 1, Luma([7])))),
        save("line.png", DynamicImage::ImageRgba8(ImageBuffer::from_pixel(3000, 1, Rgba([1, 2, 3, 4])))),
    ];
    let ran = run(lookalike().args(["detect", "--json"]).args(&none));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.json().iter().all(|l| l["faces"].as_array().unwrap().is_empty()));
}

#[test]
fn a_face_that_fills_the_frame_and_one_at_its_border_are_found() {
    let folder = tempdir().unwrap();
    let photo = image::open(sample("gallery/Eileen Collins/astronaut.png")).unwrap();
    let ran = run(lookalike().args(["detect", "--json"]).arg(sample("gallery/Eileen Collins/astronaut.png")));
    let face = &ran.json()[0]["faces"][0]["box"];
    let [x, y, w, h] = [0, 1, 2, 3].map(|i| face[i].as_f64().unwrap().max(0.0) as u32);
    let full = photo.crop_imm(x, y, w, h);
    let cut = photo.crop_imm(x + w / 8, 0, photo.width() - x - w / 8, photo.height());
    for (name, picture) in [("full.png", full), ("cut.png", cut)] {
        let file = folder.path().join(name);
        picture.save(&file).unwrap();
        let ran = run(lookalike().args(["detect", "--json"]).arg(&file));
        assert_eq!(ran.json()[0]["faces"].as_array().unwrap().len(), 1, "{name}: {}", ran.out);
    }
}

#[test]
fn portraits_that_cannot_serve_are_refused_with_the_reason() {
    let folder = tempdir().unwrap();
    let photo = image::open(sample("gallery/Eileen Collins/astronaut.png")).unwrap();
    let (w, h) = (photo.width(), photo.height());
    let mut twice = image::RgbImage::new(2 * w, h);
    image::imageops::replace(&mut twice, &photo.to_rgb8(), 0, 0);
    image::imageops::replace(&mut twice, &photo.to_rgb8(), i64::from(w), 0);
    let cases = [
        ("two.png", DynamicImage::ImageRgb8(twice), "2 faces"),
        ("blurred.png", photo.blur(w as f32 / 150.0), "blurred"),
        ("none.png", DynamicImage::new_rgb8(200, 200), "no face"),
    ];
    for (name, picture, reason) in cases {
        let file = folder.path().join(name);
        picture.save(&file).unwrap();
        let ran = run(lookalike().args(["enroll", "--json", "--name", "X", "--gallery"]).arg(folder.path().join("g")).arg(&file));
        assert_eq!(ran.code, 1);
        let line = &ran.json()[0];
        assert_eq!(line["enrolled"], false);
        assert!(line["reason"].as_str().unwrap().contains(reason), "{line}");
    }
}

#[test]
fn a_folder_without_pictures_says_how_to_lay_them_out() {
    let folder = tempdir().unwrap();
    let ran = run(lookalike().args(["enroll", "--gallery"]).arg(folder.path().join("g")).arg(folder.path()));
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("DIR/NAME/photo.jpg") && ran.err.lines().count() == 1, "{}", ran.err);
}
