//! A folder of pictures in, frames at a camera's pace out: the booth without a camera, and the tests' camera.
//!
//! It is stricter than a device: the settings can make it fall silent, vanish and come back, and after every fault the caller's
//! frame is emptied, so that nobody draws what is no picture.

use super::{Camera, Fault, NAP, Settings};
use crate::picture;
use crate::scale::Scaler;
use crate::types::Frame;
use anyhow::{Context, Result, bail, ensure};
use fast_image_resize::FilterType;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// See the module.
pub struct Replay {
    settings: Settings,
    instead_of: String,
    pictures: VecDeque<PathBuf>,
    shown: usize,
    /// Broken files that were met and not yet told of.
    broken: VecDeque<String>,
    scaler: Scaler,
    /// The picture that is held, in the camera's size.
    canvas: Vec<u8>,
    frames_left: u32,
    due: Instant,
    delivered: u32,
    failed: u32,
}

impl Replay {
    /// Lists the folder and decodes its first readable picture. A missing or empty folder and one without any readable picture
    /// are errors. `instead_of` says why there is no better camera; empty if replay was asked for.
    pub fn open(settings: &Settings, instead_of: &str) -> Result<Self> {
        let folder = settings.folder.display();
        ensure!(!settings.folder.as_os_str().is_empty(), "no folder of pictures to replay: name one as `folder`");
        let pictures: VecDeque<PathBuf> = picture::list_pictures(&settings.folder).context("nothing to replay")?.into();
        ensure!(!pictures.is_empty(), "nothing to replay: {folder} holds no jpg, jpeg, png or webp file");
        let mut replay = Self {
            settings: settings.clone(),
            instead_of: instead_of.into(),
            pictures,
            shown: 0,
            broken: VecDeque::new(),
            scaler: Scaler::default(),
            canvas: Vec::new(),
            frames_left: 0,
            due: Instant::now(),
            delivered: 0,
            failed: 0,
        };
        if !replay.turn_page() {
            let first = replay.broken.pop_front().unwrap_or_default();
            bail!("nothing to replay: no picture in {folder} can be read; the first: {first}");
        }
        Ok(replay)
    }

    /// Takes the next readable picture; broken ones are noted and never tried again. False if there is none left.
    fn turn_page(&mut self) -> bool {
        while let Some(path) = self.pictures.get(self.shown) {
            match picture::read(path).and_then(|picture| self.lay_out(&picture)) {
                Ok(()) => {
                    self.shown += 1;
                    let frames = u64::from(self.settings.hold_ms) * u64::from(self.settings.fps) / 1000;
                    self.frames_left = frames.clamp(1, u32::MAX.into()) as u32;
                    return true;
                }
                Err(e) => {
                    self.broken.push_back(format!("{e:#}"));
                    self.pictures.remove(self.shown);
                }
            }
        }
        if self.settings.repeat && self.shown > 0 && !self.pictures.is_empty() {
            self.shown = 0;
            return self.turn_page();
        }
        false
    }

    /// Scales the picture to fit inside the camera's size and centres it on black.
    fn lay_out(&mut self, picture: &Frame) -> Result<()> {
        let (width, height) = (self.settings.width, self.settings.height);
        let scale = (f64::from(width) / f64::from(picture.width)).min(f64::from(height) / f64::from(picture.height));
        let fit = |side: u32, most: u32| ((f64::from(side) * scale).round() as u32).clamp(1, most);
        let (fit_width, fit_height) = (fit(picture.width, width), fit(picture.height, height));

        let mut fitted = vec![0; fit_width as usize * fit_height as usize * 3];
        let size = [picture.width, picture.height];
        self.scaler.scale(&picture.pixels, size, &mut fitted, [fit_width, fit_height], FilterType::Bilinear)?;

        let (row, fit_row) = (width as usize * 3, fit_width as usize * 3);
        let (left, top) = ((width - fit_width) as usize / 2 * 3, (height - fit_height) as usize / 2);
        self.canvas.clear();
        self.canvas.resize(row * height as usize, 0);
        let rows = self.canvas.chunks_exact_mut(row).skip(top);
        for (to, from) in rows.zip(fitted.chunks_exact(fit_row)) {
            to[left..left + fit_row].copy_from_slice(from);
        }
        Ok(())
    }

    /// The fault that the settings want now. It waits as long as a device would.
    fn staged_fault(&mut self) -> Option<Fault> {
        if self.settings.return_after.is_some_and(|n| self.failed >= n) {
            return None;
        }
        let due = |after: Option<u32>| after.is_some_and(|n| self.delivered >= n);
        let timeout = Duration::from_millis(self.settings.timeout_ms.into());
        let fault = if due(self.settings.vanish_after) {
            std::thread::sleep(NAP.min(timeout));
            Fault::Gone("the camera is gone (as the settings of the replay want it)".into())
        } else if due(self.settings.silent_after) {
            std::thread::sleep(timeout);
            Fault::Silent(format!(
                "the camera has been silent for {} ms (as the settings of the replay want it)",
                self.settings.timeout_ms
            ))
        } else {
            return None;
        };
        self.failed += 1;
        Some(fault)
    }

    fn next(&mut self) -> Result<(), Fault> {
        if let Some(fault) = self.staged_fault() {
            return Err(fault);
        }
        let more = self.frames_left > 0 || self.turn_page();
        if let Some(text) = self.broken.pop_front() {
            return Err(Fault::BadFrame(text));
        }
        if more {
            return Ok(());
        }
        if !self.pictures.is_empty() {
            return Err(Fault::End);
        }
        std::thread::sleep(NAP);
        self.pictures = picture::list_pictures(&self.settings.folder).unwrap_or_default().into();
        self.shown = 0;
        Err(Fault::Gone(format!("no picture in {} can be read any more", self.settings.folder.display())))
    }
}

impl Camera for Replay {
    fn read(&mut self, frame: &mut Frame) -> Result<(), Fault> {
        if let Err(fault) = self.next() {
            frame.clear();
            return Err(fault);
        }
        let now = Instant::now();
        std::thread::sleep(self.due.saturating_duration_since(now));
        // A caller that was slow is not paid back with a burst.
        self.due = self.due.max(now) + Duration::from_secs(1) / self.settings.fps;

        (frame.width, frame.height) = (self.settings.width, self.settings.height);
        frame.pixels.clone_from(&self.canvas);
        frame.taken = Instant::now();
        self.frames_left -= 1;
        self.delivered = self.delivered.saturating_add(1);
        Ok(())
    }

    fn describe(&self) -> String {
        let Settings { folder, width, height, fps, .. } = &self.settings;
        let mut text = format!("replay of {} ({} pictures), {width}x{height}, {fps} fps", folder.display(), self.pictures.len());
        if !self.instead_of.is_empty() {
            text += &format!("; no camera: {}", self.instead_of);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{Rgb, RgbImage};
    use tempfile::TempDir;

    const RED: [u8; 3] = [250, 0, 0];
    const GREEN: [u8; 3] = [0, 250, 0];

    fn folder(pictures: &[(&str, [u8; 3])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, colour) in pictures {
            RgbImage::from_pixel(20, 20, Rgb(*colour)).save(folder.path().join(name)).unwrap();
        }
        folder
    }

    /// Fast, and two frames a picture.
    fn settings(folder: &TempDir) -> Settings {
        Settings {
            width: 32,
            height: 16,
            fps: 200,
            hold_ms: 10,
            timeout_ms: 10,
            folder: folder.path().into(),
            ..Settings::default()
        }
    }

    fn open(settings: &Settings) -> Replay {
        Replay::open(settings, "").unwrap()
    }

    fn middle(frame: &Frame) -> [u8; 3] {
        let at = ((frame.height / 2 * frame.width + frame.width / 2) * 3) as usize;
        frame.pixels[at..at + 3].try_into().unwrap()
    }

    /// What `count` reads bring: the colour in the middle, or the fault.
    fn read(replay: &mut Replay, count: usize) -> Vec<Result<[u8; 3], Fault>> {
        let mut frame = Frame::empty();
        (0..count).map(|_| replay.read(&mut frame).map(|()| middle(&frame))).collect()
    }

    fn kinds(results: &[Result<[u8; 3], Fault>]) -> String {
        let letter = |r: &Result<[u8; 3], Fault>| match r {
            Ok(RED) => 'r',
            Ok(GREEN) => 'g',
            Ok(_) => '?',
            Err(Fault::Silent(_)) => 'S',
            Err(Fault::Gone(_)) => 'G',
            Err(Fault::BadFrame(_)) => 'B',
            Err(Fault::End) => 'E',
        };
        results.iter().map(letter).collect()
    }

    #[test]
    fn pictures_come_by_name_are_held_and_come_again() {
        let folder = folder(&[("b.png", GREEN), ("a.png", RED)]);
        assert_eq!(kinds(&read(&mut open(&settings(&folder)), 7)), "rrggrrg");
    }

    #[test]
    fn without_loop_the_camera_ends() {
        let folder = folder(&[("a.png", RED), ("b.png", GREEN)]);
        let settings = Settings { repeat: false, ..settings(&folder) };
        assert_eq!(kinds(&read(&mut open(&settings), 6)), "rrggEE");
    }

    #[test]
    fn pictures_are_centred_on_black() {
        let folder = folder(&[("a.png", RED)]);
        let mut frame = Frame::empty();
        open(&settings(&folder)).read(&mut frame).unwrap();
        assert_eq!((frame.width, frame.height, frame.pixels.len()), (32, 16, 32 * 16 * 3));
        for row in frame.pixels.chunks(32 * 3) {
            let colours: Vec<&[u8]> = row.chunks(3).collect();
            assert!(colours[..8].iter().chain(&colours[24..]).all(|c| *c == [0, 0, 0]));
            assert!(colours[8..24].iter().all(|c| *c == RED));
        }
    }

    #[test]
    fn long_thin_pictures_keep_their_shape() {
        let folder = folder(&[]);
        RgbImage::from_pixel(3000, 1, Rgb(GREEN)).save(folder.path().join("thin.png")).unwrap();
        let mut frame = Frame::empty();
        open(&settings(&folder)).read(&mut frame).unwrap();
        assert_eq!(frame.pixels.chunks(3).filter(|c| *c == GREEN).count(), 32);
    }

    #[test]
    fn turned_photos_are_upright() {
        let folder = folder(&[]);
        let turned = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/pictures/exif-6.jpg");
        std::fs::copy(turned, folder.path().join("turned.jpg")).unwrap();
        let mut frame = Frame::empty();
        open(&Settings { width: 48, height: 32, ..settings(&folder) }).read(&mut frame).unwrap();
        assert!(frame.pixels[0] > 180 && frame.pixels[2] < 60, "the upper left is red: {:?}", &frame.pixels[..3]);
        assert!(frame.pixels[46 * 3] < 60 && frame.pixels[46 * 3 + 2] > 180, "the upper right is blue");
    }

    #[test]
    fn broken_pictures_are_reported_once_and_skipped() {
        let folder = folder(&[("b.png", GREEN)]);
        std::fs::write(folder.path().join("a.jpg"), "no picture").unwrap();
        std::fs::write(folder.path().join("c.jpg"), "").unwrap();
        let results = read(&mut open(&settings(&folder)), 9);
        assert_eq!(kinds(&results), "BggBggggg");
        assert!(matches!(&results[0], Err(Fault::BadFrame(text)) if text.contains("a.jpg")));
        assert!(matches!(&results[3], Err(Fault::BadFrame(text)) if text.contains("c.jpg")));
    }

    #[test]
    fn no_readable_picture_is_an_error_that_names_one() {
        let folder = folder(&[]);
        std::fs::write(folder.path().join("a.jpg"), "no picture").unwrap();
        let text = format!("{:#}", Replay::open(&settings(&folder), "").err().unwrap());
        assert!(text.contains("a.jpg"), "{text}");
    }

    #[test]
    fn missing_and_empty_folders_are_errors() {
        let folder = folder(&[]);
        let text = format!("{:#}", Replay::open(&settings(&folder), "").err().unwrap());
        assert!(text.contains("holds no") && text.contains(folder.path().to_str().unwrap()), "{text}");
        let missing = Settings { folder: folder.path().join("gone"), ..settings(&folder) };
        assert!(format!("{:#}", Replay::open(&missing, "").err().unwrap()).contains("gone"));
        let unnamed = Settings { folder: PathBuf::new(), ..settings(&folder) };
        assert!(Replay::open(&unnamed, "").is_err());
    }

    #[test]
    fn silent_camera_stays_silent() {
        let folder = folder(&[("a.png", RED)]);
        let settings = Settings { silent_after: Some(3), ..settings(&folder) };
        assert_eq!(kinds(&read(&mut open(&settings), 6)), "rrrSSS");
    }

    #[test]
    fn silent_camera_speaks_again() {
        let folder = folder(&[("a.png", RED)]);
        let settings = Settings { silent_after: Some(1), return_after: Some(2), ..settings(&folder) };
        assert_eq!(kinds(&read(&mut open(&settings), 6)), "rSSrrr");
    }

    #[test]
    fn unplugged_camera_comes_back() {
        let folder = folder(&[("a.png", RED), ("b.png", GREEN)]);
        let settings = Settings { vanish_after: Some(3), return_after: Some(1), ..settings(&folder) };
        assert_eq!(kinds(&read(&mut open(&settings), 6)), "rrgGgr");
    }

    #[test]
    fn a_fault_leaves_no_picture_behind() {
        let folder = folder(&[("a.png", RED)]);
        let mut replay = open(&Settings { vanish_after: Some(1), ..settings(&folder) });
        let mut frame = Frame::empty();
        replay.read(&mut frame).unwrap();
        replay.read(&mut frame).unwrap_err();
        assert_eq!((frame.width, frame.height, frame.pixels.len()), (0, 0, 0));
    }

    #[test]
    fn a_folder_that_is_emptied_and_filled_again_comes_back() {
        let folder = folder(&[("a.png", RED)]);
        let mut replay = open(&settings(&folder));
        std::fs::remove_file(folder.path().join("a.png")).unwrap();
        assert_eq!(kinds(&read(&mut replay, 4)), "rrBG");
        RgbImage::from_pixel(20, 20, Rgb(GREEN)).save(folder.path().join("z.png")).unwrap();
        assert_eq!(kinds(&read(&mut replay, 2)), "Gg");
    }

    #[test]
    fn what_it_replaces_is_told() {
        let folder = folder(&[("a.png", RED)]);
        let replay = Replay::open(&settings(&folder), "no /dev/video0").unwrap();
        assert!(replay.describe().contains("no /dev/video0"));
        assert!(replay.describe().contains("32x16"));
    }
}
