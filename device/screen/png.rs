//! No display: pictures of the screen go into a folder, the newest few are kept.

use super::{Canvas, Event, Screen, Surface};
use anyhow::{Context, Result};
use image::{
    ExtendedColorType, ImageEncoder,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};
use std::{
    collections::VecDeque,
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Writes `frame-000123.png`, numbered by canvases shown, on from what is already in the folder.
pub(super) struct Snapshots {
    folder: PathBuf,
    every: Duration,
    keep: usize,
    surface: Surface,
    next: u64,
    last: Option<Instant>,
    kept: VecDeque<u64>,
    rgb: Vec<u8>,
}

impl Snapshots {
    pub(super) fn open(folder: &Path, every: Duration, keep: usize, surface: Surface) -> Result<Self> {
        let why = || format!("pictures of the screen cannot be kept in {}: choose another folder", folder.display());
        fs::create_dir_all(folder).with_context(why)?;
        let mut kept = Vec::new();
        for entry in fs::read_dir(folder).with_context(why)? {
            let name = entry.with_context(why)?.file_name();
            kept.extend(name.to_str().and_then(number));
        }
        kept.sort_unstable();
        let next = kept.last().map_or(0, |n| n + 1);
        let (folder, kept) = (folder.to_path_buf(), kept.into());
        Ok(Self { folder, every, keep: keep.max(1), surface, next, last: None, kept, rgb: Vec::new() })
    }

    /// Takes the canvas that is shown at `now`; whether it was written.
    fn take(&mut self, canvas: &Canvas, now: Instant) -> Result<bool> {
        let number = self.next;
        self.next += 1;
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < self.every) {
            return Ok(false);
        }
        self.last = Some(now);
        self.write(canvas, number)?;
        self.kept.push_back(number);
        while self.kept.len() > self.keep {
            // One that somebody else removed is no loss.
            let _ = self.kept.pop_front().map(|old| fs::remove_file(self.folder.join(name(old))));
        }
        Ok(true)
    }

    fn write(&mut self, canvas: &Canvas, number: u64) -> Result<()> {
        let path = self.folder.join(name(number));
        let why = || format!("{} cannot be written: is the disk full?", path.display());
        self.rgb.clear();
        self.rgb.extend(canvas.pixels().iter().flat_map(|p| [(p >> 16) as u8, (p >> 8) as u8, *p as u8]));
        // Renamed when complete: whoever looks into the folder never sees half a picture.
        let file = tempfile::Builder::new().prefix(".frame-").suffix(".tmp").tempfile_in(&self.folder).with_context(why)?;
        let mut out = BufWriter::new(file);
        PngEncoder::new_with_quality(&mut out, CompressionType::Fast, FilterType::Sub)
            .write_image(&self.rgb, canvas.width(), canvas.height(), ExtendedColorType::Rgb8)
            .with_context(why)?;
        out.flush().with_context(why)?;
        let file = out.into_inner().with_context(why)?;
        readable_by_all(file.path()).with_context(why)?;
        file.persist(&path).map(drop).with_context(why)
    }
}

impl Screen for Snapshots {
    fn surface(&mut self) -> Surface {
        self.surface
    }

    fn show(&mut self, canvas: &Canvas) -> Result<()> {
        self.take(canvas, Instant::now()).map(drop)
    }

    fn events(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn next_mode_by(&self) -> &'static str {
        ""
    }

    fn describe(&self) -> String {
        format!(
            "PNG pictures in {}, at most one each {} ms, the newest {}",
            self.folder.display(),
            self.every.as_millis(),
            self.keep
        )
    }
}

fn name(number: u64) -> String {
    format!("frame-{number:06}.png")
}

/// The number in a name that [`name`] gave.
fn number(file: &str) -> Option<u64> {
    let number = file.strip_prefix("frame-")?.strip_suffix(".png")?.parse().ok()?;
    (name(number) == file).then_some(number)
}

/// A temporary file is the owner's alone; a web server beside the booth may want to show the picture.
fn readable_by_all(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::Area;
    use embedded_graphics::pixelcolor::Rgb888;

    const SURFACE: Surface = Surface { width: 7, height: 5, cells: false };

    fn open(folder: &Path, keep: usize) -> Snapshots {
        Snapshots::open(folder, Duration::from_millis(500), keep, SURFACE).unwrap()
    }

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_snapshot_is_the_canvas() {
        let folder = tempfile::tempdir().unwrap();
        let mut canvas = Canvas::new(SURFACE);
        canvas.fill(Area::new(2, 1, 3, 3), Rgb888::new(10, 20, 30));
        open(folder.path(), 3).show(&canvas).unwrap();
        let back = image::open(folder.path().join("frame-000000.png")).unwrap().into_rgb8();
        let pixels: Vec<u32> = back.pixels().map(|p| u32::from_be_bytes([0, p[0], p[1], p[2]])).collect();
        assert_eq!(pixels, canvas.pixels());
    }

    #[test]
    fn not_more_often_than_asked_and_only_the_newest() {
        let folder = tempfile::tempdir().unwrap();
        let (mut screen, canvas, start) = (open(folder.path(), 2), Canvas::new(SURFACE), Instant::now());
        for shown in 0..8 {
            screen.take(&canvas, start + Duration::from_millis(250) * shown).unwrap();
        }
        assert_eq!(files(folder.path()), ["frame-000004.png", "frame-000006.png"]);
    }

    #[test]
    fn a_second_run_continues_and_leaves_other_files_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["frame-000041.png", "frame-000007.png", "frame-x.png", "holiday.png"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        open(folder.path(), 2).show(&Canvas::new(SURFACE)).unwrap();
        assert_eq!(files(folder.path()), ["frame-000041.png", "frame-000042.png", "frame-x.png", "holiday.png"]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("file");
        fs::write(&taken, "").unwrap();
        let error = Snapshots::open(&taken, Duration::ZERO, 1, SURFACE).err().unwrap();
        assert!(error.to_string().contains("file: choose another folder"), "{error}");
    }
}
