//! Pictures in, a PNG or GIF file out. A file is there wholly or not at all.

use anyhow::{Context, Result, bail, ensure};
use image::codecs::gif::{GifEncoder, Repeat};
use image::codecs::png::PngEncoder;
use image::{Delay, ExtendedColorType, ImageEncoder, RgbaImage};
use lookalike::generate::Tiles;
use lookalike::types::Chip;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where pictures go, and how large they are drawn.
pub struct Out {
    path: PathBuf,
    kind: Kind,
    zoom: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Png,
    Gif,
}

/// The most pixels a side of a file may have.
const MOST_PX: usize = 16_384;

/// The most pixels of all pictures of a film together.
const MOST_FILM_PX: usize = 1 << 29;

impl Out {
    /// Looks at the name and the folder, before work is done in vain.
    pub fn open(path: &Path, zoom: usize) -> Result<Self> {
        let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        let kind = match ending.as_str() {
            "png" => Kind::Png,
            "gif" => Kind::Gif,
            _ => bail!("--out {}: its name must end in .png, for a picture, or .gif, for a film", path.display()),
        };
        // What will be written is written beside it first.
        drop(beside(path)?);
        Ok(Self { path: path.to_path_buf(), kind, zoom })
    }

    /// Whether a film is wanted.
    pub fn is_film(&self) -> bool {
        self.kind == Kind::Gif
    }

    /// The same file, for pictures that are large already.
    pub fn as_it_is(&self) -> Self {
        Self { path: self.path.clone(), zoom: 1, ..*self }
    }

    /// Pictures in rows of `columns`, enlarged.
    pub fn sheet(&self, tiles: &Tiles, columns: usize) -> Result<()> {
        self.picture(&tiles.sheet(columns, 1))
    }

    /// One picture, enlarged.
    pub fn picture(&self, picture: &Chip) -> Result<()> {
        self.film(std::slice::from_ref(picture), 1000)
    }

    /// Pictures one after the other, each for `ms`, over and over; as PNG, the first alone.
    pub fn film(&self, pictures: &[Chip], ms: u32) -> Result<()> {
        let pictures = &pictures[..if self.is_film() { pictures.len() } else { pictures.len().min(1) }];
        let Some(first) = pictures.first() else { bail!("there is no picture to write into {}", self.path.display()) };
        // Before anything is enlarged: a few letters typed should not take all memory.
        let [wide, high] = [first.width, first.height].map(|side| side as usize * self.zoom);
        ensure!(
            wide <= MOST_PX && high <= MOST_PX && wide * high * pictures.len() <= MOST_FILM_PX,
            "{} of {wide}x{high} pixels: too large, ask for fewer, smaller ones or a smaller --zoom",
            super::super::count(pictures.len(), "picture")
        );
        let mut bytes = Vec::new();
        let why = || format!("{} cannot be encoded", self.path.display());
        match self.kind {
            Kind::Png => {
                let Chip { width, height, pixels } = self.enlarge(first);
                PngEncoder::new(&mut bytes).write_image(&pixels, width, height, ExtendedColorType::Rgb8).with_context(why)?;
            }
            Kind::Gif => {
                let mut encoder = GifEncoder::new_with_speed(&mut bytes, 10);
                encoder.set_repeat(Repeat::Infinite).with_context(why)?;
                for picture in pictures.iter().map(|picture| self.enlarge(picture)) {
                    let rgba = picture.pixels.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
                    let rgba = RgbaImage::from_raw(picture.width, picture.height, rgba).with_context(why)?;
                    let delay = Delay::from_numer_denom_ms(ms, 1);
                    encoder.encode_frame(image::Frame::from_parts(rgba, 0, 0, delay)).with_context(why)?;
                }
            }
        }
        atomically(&self.path, &bytes)
    }

    /// Every pixel as a square of `zoom` by `zoom`.
    fn enlarge(&self, picture: &Chip) -> Chip {
        let zoom = self.zoom;
        let row = |line: &[u8]| line.chunks_exact(3).flat_map(|p| p.repeat(zoom)).collect::<Vec<u8>>().repeat(zoom);
        let pixels = picture.pixels.chunks_exact((picture.width as usize * 3).max(1)).flat_map(row).collect();
        Chip { width: picture.width * zoom as u32, height: picture.height * zoom as u32, pixels }
    }
}

/// Writes a file under another name and renames it.
pub fn atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let why = || format!("{} cannot be written: is the disk full?", path.display());
    let mut file = beside(path)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).with_context(why)?;
    std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).with_context(why)?;
    file.persist(path).map(drop).with_context(why)
}

fn beside(path: &Path) -> Result<tempfile::NamedTempFile> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(!path.is_dir(), "{} is a folder: name a file", path.display());
    tempfile::Builder::new().prefix(".dream-").suffix(".tmp").tempfile_in(folder).with_context(|| {
        format!("{} cannot be written: is there a folder {} that you may write into?", path.display(), folder.display())
    })
}

/// Pictures of the same height side by side, `gap` pixels apart.
pub fn beside_each_other(pictures: &[Chip], gap: u32) -> Chip {
    let width = pictures.iter().map(|p| p.width + gap).sum::<u32>().saturating_sub(gap);
    let height = pictures.iter().map(|p| p.height).max().unwrap_or(0);
    let mut pixels = vec![0; (width * height * 3) as usize];
    let mut left = 0;
    for picture in pictures {
        for (y, line) in picture.pixels.chunks_exact((picture.width as usize * 3).max(1)).enumerate() {
            let start = (y * width as usize + left as usize) * 3;
            pixels[start..start + line.len()].copy_from_slice(line);
        }
        left += picture.width + gap;
    }
    Chip { width, height, pixels }
}
