//! A panel behind a framebuffer (fbdev), for drivers that know nothing better: small panels on SPI, old kernels.

use super::panel::Display;
use crate::ioctl;
use crate::turn::Turned;
use anyhow::{Context, Result, bail};
use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

mod pack;

use pack::Geometry;

/// A framebuffer. It is written to and not mapped: so its driver hears of every picture, and a file can stand for it.
pub(super) struct Framebuffer {
    file: File,
    geometry: Geometry,
    bytes: Vec<u8>,
    name: String,
}

impl Framebuffer {
    /// Opens `device`: a path, or `auto` for the first that there is.
    pub(super) fn open(device: &str) -> Result<Self> {
        if device != "auto" {
            return Self::open_one(Path::new(device));
        }
        let mut refused = None;
        for path in paths() {
            match Self::open_one(&path) {
                Ok(framebuffer) => return Ok(framebuffer),
                Err(error) => refused = Some(error),
            }
        }
        match refused {
            Some(error) => Err(error),
            None => bail!("there is no framebuffer (/dev/fb0): choose another screen"),
        }
    }

    fn open_one(path: &Path) -> Result<Self> {
        let file = File::options().read(true).write(true).open(path).map_err(|error| ioctl::refused(path, "video", error))?;
        let why = || format!("{} is no framebuffer that can be drawn on", path.display());
        let (set, fixed) = ioctl::framebuffer(&file).with_context(why)?;
        let id: Vec<u8> = fixed.id.into_iter().take_while(|&letter| letter != 0).collect();
        let name = format!("{} ({})", path.display(), String::from_utf8_lossy(&id).trim());
        Ok(Self::on(file, Geometry::of(&set, &fixed).with_context(why)?, name))
    }

    /// On a file that lies as `geometry` says.
    fn on(file: File, geometry: Geometry, name: String) -> Self {
        let bytes = vec![0; geometry.row() * geometry.height as usize];
        Self { file, geometry, bytes, name }
    }

    fn write(&self) -> Result<()> {
        let Geometry { stride, first, .. } = self.geometry;
        let row = self.geometry.row();
        // In one go where nothing lies between the rows.
        let (chunk, step) = if stride == row { (self.bytes.len(), 0) } else { (row, stride as u64) };
        for (y, bytes) in (0u64..).zip(self.bytes.chunks_exact(chunk)) {
            self.file.write_all_at(bytes, first + y * step).with_context(|| format!("{} cannot be drawn on", self.name))?;
        }
        Ok(())
    }
}

impl Display for Framebuffer {
    fn size(&self) -> [u32; 2] {
        [self.geometry.width, self.geometry.height]
    }

    fn show(&mut self, picture: Turned) -> Result<()> {
        let mut rows = self.bytes.chunks_exact_mut(self.geometry.row());
        picture.each_row(|_, pixels| {
            if let Some(row) = rows.next() {
                self.geometry.pack(pixels, row);
            }
        });
        self.write()
    }

    fn describe(&self) -> String {
        let Geometry { width, height, bytes_per_pixel, .. } = self.geometry;
        format!("framebuffer {}, {width} x {height} pixels, {} bits", self.name, bytes_per_pixel * 8)
    }
}

impl Drop for Framebuffer {
    fn drop(&mut self) {
        // The last visitor does not stay on the panel. Nobody is left to be told where this fails.
        self.bytes.fill(0);
        let _ = self.write();
    }
}

/// The framebuffers, in the order of their numbers.
fn paths() -> Vec<PathBuf> {
    let number = |path: &PathBuf| path.file_name()?.to_str()?.strip_prefix("fb")?.parse::<u32>().ok();
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| number(path).is_some()).collect();
    paths.sort_by_key(number);
    paths
}

/// Whether there is one.
pub(super) fn is_there() -> bool {
    !paths().is_empty()
}

/// Every framebuffer in one line, or why it cannot be used.
pub(super) fn list() -> Vec<Result<String>> {
    let describe = |path: &PathBuf| {
        let file = File::options().read(true).write(true).open(path).map_err(|error| ioctl::refused(path, "video", error))?;
        let (set, fixed) = ioctl::framebuffer(&file).with_context(|| format!("{} is no framebuffer", path.display()))?;
        let (name, depth) = (String::from_utf8_lossy(&fixed.id), set.bits_per_pixel);
        let name = name.trim_end_matches('\0');
        Ok(format!("{} {name}: {}x{}, {depth} bits a pixel", path.display(), set.width, set.height))
    };
    paths().iter().map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        pack::tests::{RGB565, XRGB, said},
        *,
    };
    use crate::turn::Turn;
    use std::io::Write;

    /// What a framebuffer of 3 x 2 pixels and this stride holds after the picture was shown, and after it was dropped.
    fn shown(depth: u32, stride: u32, size: [u32; 2], turn: Turn) -> (Vec<u8>, Vec<u8>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![0xEE; stride as usize * 3]).unwrap();
        let (set, fixed) = said([3, 2], depth, if depth == 16 { RGB565 } else { XRGB }, stride);
        let mut panel = Framebuffer::on(file.reopen().unwrap(), Geometry::of(&set, &fixed).unwrap(), "a file".into());
        let pixels: Vec<u32> = (1..=size[0] * size[1]).map(|i| i * 0x08_04_08).collect();
        panel.show(Turned { pixels: &pixels, size, turn, line: &mut Vec::new() }).unwrap();
        let before = fs::read(file.path()).unwrap();
        drop(panel);
        (before, fs::read(file.path()).unwrap())
    }

    fn words(bytes: &[u8]) -> Vec<u16> {
        bytes.chunks(2).map(|b| u16::from_ne_bytes([b[0], b[1]])).collect()
    }

    #[test]
    fn rows_lie_a_stride_apart_and_what_is_between_stays() {
        let (before, after) = shown(16, 8, [3, 2], Turn::None);
        let unit = 0x0821;
        assert_eq!(words(&before[..8]), [unit, 2 * unit, 3 * unit, 0xEEEE]);
        assert_eq!(words(&before[8..16]), [4 * unit, 5 * unit, 6 * unit, 0xEEEE]);
        assert!(before[16..].iter().all(|&b| b == 0xEE), "below the panel's last row");
        assert_eq!(words(&after[..8]), [0, 0, 0, 0xEEEE], "dark at the end");
    }

    #[test]
    fn rows_without_a_gap_are_written_at_once() {
        let (before, after) = shown(32, 12, [3, 2], Turn::None);
        assert_eq!(before[..8], [8, 4, 8, 0, 16, 8, 16, 0]);
        assert!(before[24..].iter().all(|&b| b == 0xEE) && after[..24].iter().all(|&b| b == 0));
    }

    #[test]
    fn an_upright_picture_lies_on_a_panel() {
        let (before, _) = shown(16, 6, [2, 3], Turn::Quarter);
        assert_eq!(words(&before[..12]).iter().map(|w| w / 0x0821).collect::<Vec<_>>(), [5, 3, 1, 6, 4, 2]);
    }

    #[test]
    fn a_picture_of_another_size_is_cut_off() {
        let (before, _) = shown(16, 6, [4, 4], Turn::None);
        assert_eq!(words(&before[..12]).iter().map(|w| w / 0x0821).collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7]);
    }

    #[test]
    fn what_is_no_framebuffer_is_named() {
        let text = format!("{:#}", Framebuffer::open("/dev/null").err().unwrap());
        assert!(text.contains("/dev/null is no framebuffer"), "{text}");
    }
}
