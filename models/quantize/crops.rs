//! Photos in, what each net really sees of them out: the detector runs, and its nets' inputs are kept.
//!
//! P-Net: tiles of pyramid levels. R-Net and O-Net: the candidates of the stage before, most of them no faces. Embedder:
//! aligned chips and their mirror images. Few photos go far by being shown mirrored, at several sizes, darker, paler,
//! blurred and grey. The same photos give the same crops.

use super::run::BATCH;
use anyhow::{Result, ensure};
use image::RgbImage;
use image::imageops::{self, FilterType};
use lookalike::detect::{Detector, Heads, Net, Nets, Settings};
use lookalike::infer::{Model, Normalise, Tensor};
use lookalike::manifest::Role;
use lookalike::types::{Face, Frame};
use std::sync::{Arc, Mutex};

/// Pictures of one size as a net gets them: interleaved RGB bytes.
#[derive(Clone)]
pub struct Crops {
    /// Rows.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// `height * width * 3` bytes each.
    pub pictures: Vec<Vec<u8>>,
}

/// Side of P-Net's tiles.
const TILE_PX: usize = 40;
const SMALLEST_FACE_PX: f32 = 20.0;
/// Pixels of a photo's longer side when it is shown large, and when small.
const LONGER_PX: [u32; 2] = [480, 240];

impl Crops {
    /// At most so many, spread over the whole list; whole batches, for each size of batch costs a plan.
    pub fn thinned(&self, most: usize) -> Self {
        let whole = |count: usize| if count > BATCH { count - count % BATCH } else { count };
        let most = whole(most.min(self.pictures.len()));
        let pictures = match self.pictures.len() {
            n if n > most => (0..most).map(|i| self.pictures[i * n / most].clone()).collect(),
            _ => self.pictures.clone(),
        };
        Self { pictures, ..*self }
    }
}

/// A detector whose nets remember what they saw while faces were sought.
pub struct Watched {
    detector: Detector,
    seen: Seen,
}

type Seen = Arc<Mutex<[Vec<([usize; 3], Vec<u8>)>; 3]>>;

/// Keeps what its net is given.
struct Witness {
    net: Box<dyn Model>,
    stage: usize,
    seen: Seen,
}

impl Model for Witness {
    fn run(&mut self, shape: [usize; 3], normalise: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        let (seen, stage) = (&self.seen, self.stage);
        self.net.run(shape, normalise, &mut |pixels| {
            fill(pixels);
            if let Ok(mut seen) = seen.lock() {
                seen[stage].push((shape, pixels.to_vec()));
            }
        })
    }
}

impl Watched {
    /// A detector of P-Net, R-Net and O-Net that keeps what they see.
    pub fn new(nets: [Net; 3]) -> Result<Self> {
        let seen = Seen::default();
        let mut stage = 0;
        let [pnet, rnet, onet] = nets.map(|net| {
            let witness = Witness { net: net.model, stage, seen: seen.clone() };
            stage += 1;
            Net { model: Box::new(witness), normalise: net.normalise }
        });
        let settings = Settings {
            min_face_px: SMALLEST_FACE_PX,
            factor: 0.709,
            thresholds: [0.6, 0.7, 0.7],
            heads: Heads::Upright,
            second_look: false,
            agreement: 0.0,
        };
        let detector = Detector::new(vec![Nets { pnet, rnet, onet }], settings)?;
        let watched = Self { detector, seen };
        watched.forget(); // What the detector's own trial showed.
        Ok(watched)
    }

    /// The faces of a frame.
    pub fn faces(&mut self, frame: &Frame) -> Result<Vec<Face>> {
        self.detector.detect(frame)
    }

    /// What the stage of that role has seen. An embedder is none.
    pub fn crops(&self, role: Role) -> Result<Crops> {
        let (stage, side) = match role {
            Role::Pnet => (0, TILE_PX),
            Role::Rnet => (1, 24),
            Role::Onet => (2, 48),
            role => anyhow::bail!("{role:?} is no stage of the detector"),
        };
        let seen = self.seen.lock().map_err(|_| anyhow::anyhow!("a detector failed"))?;
        let mut pictures = Vec::new();
        for ([count, height, width], bytes) in &seen[stage] {
            for picture in bytes.chunks_exact(bytes.len() / count) {
                match role {
                    Role::Pnet => pictures.extend(tiles(picture, *width, *height)),
                    _ => pictures.push(picture.to_vec()),
                }
            }
        }
        ensure!(!pictures.is_empty(), "no stage saw anything: are these photos of people?");
        Ok(Crops { height: side, width: side, pictures })
    }

    fn forget(&self) {
        if let Ok(mut seen) = self.seen.lock() {
            seen.iter_mut().for_each(Vec::clear);
        }
    }
}

/// The tiles of a level, edge to edge from its top left corner.
fn tiles(level: &[u8], width: usize, height: usize) -> impl Iterator<Item = Vec<u8>> {
    let places = (0..height / TILE_PX).flat_map(move |y| (0..width / TILE_PX).map(move |x| (x * TILE_PX, y * TILE_PX)));
    places.map(move |(x, y)| {
        let row = |y: usize| &level[(y * width + x) * 3..(y * width + x + TILE_PX) * 3];
        (y..y + TILE_PX).flat_map(|y| row(y).iter().copied()).collect()
    })
}

/// A photo as it is shown: large and small, and changed in one of several ways each.
pub fn shown(photo: &RgbImage, turn: usize) -> Vec<Frame> {
    LONGER_PX.iter().enumerate().map(|(k, &longer)| frame(&varied(&at_most(photo, longer), turn + 3 * k))).collect()
}

/// The photo itself, no larger than the nets need.
pub fn plain(photo: &RgbImage) -> Frame {
    frame(&at_most(photo, LONGER_PX[0]))
}

fn at_most(photo: &RgbImage, longer: u32) -> RgbImage {
    let factor = (longer as f32 / photo.width().max(photo.height()) as f32).min(1.0);
    let side = |px: u32| ((px as f32 * factor) as u32).max(1);
    imageops::resize(photo, side(photo.width()), side(photo.height()), FilterType::Triangle)
}

/// One of six ways in which a camera might have seen it.
fn varied(photo: &RgbImage, turn: usize) -> RgbImage {
    let contrast = |photo: &RgbImage, factor: f32, shift: f32| {
        let mut photo = photo.clone();
        photo.iter_mut().for_each(|b| *b = ((f32::from(*b) - 128.0) * factor + 128.0 + shift).clamp(0.0, 255.0) as u8);
        photo
    };
    match turn % 6 {
        0 => photo.clone(),
        1 => imageops::flip_horizontal(&contrast(photo, 0.6, -40.0)),
        2 => contrast(photo, 1.4, 20.0),
        3 => imageops::flip_horizontal(photo),
        4 => imageops::blur(photo, 1.2),
        _ => image::DynamicImage::ImageLuma8(imageops::grayscale(photo)).into_rgb8(),
    }
}

fn frame(photo: &RgbImage) -> Frame {
    Frame { width: photo.width(), height: photo.height(), pixels: photo.as_raw().clone(), ..Frame::empty() }
}
