//! Photos in; crops out, each with what a stage should say of it: the mining of Zhang et al. 2016, section II.C.
//!
//! Each epoch sees each photo once, in another copy ([`super::vary`]). Around a face, squares are drawn by chance: one that overlaps it
//! by .65 is a face, one by .4 a part of one, which tells edges alone. Elsewhere, what the stages before let through is no face: the
//! mistakes that they make are what this stage must not. Memory holds one epoch.

use super::Stage;
use super::each::each;
use super::nets::Files;
use super::truth::{self, Photo};
use super::vary::{self, Face};
use crate::learning::course::Lessons;
use anyhow::{Context, Result, ensure};
use lookalike::detect::Detector;
use lookalike::detect::squares::{self, Cutter};
use lookalike::picture;
use lookalike::types::{Frame, Rect};
use lookalike_learn::{Batch, Dice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Smallest face sought in photos, and smallest that is an example, in pixels of a copy.
const SOUGHT_PX: f32 = 16.0;
const LEAST_PX: f32 = 12.0;

/// Landmarks are learned from faces of this width at least: crops are cut at whole pixels of the copy.
const LANDMARKS_PX: f32 = 64.0;

/// What the stages before let through: less sure than at the booth, so that this stage sees what they might let through there.
const THRESHOLDS: [f32; 3] = [0.5, 0.5, 0.3];

/// A square is a face, a part of one, none: by the area that both share, of both together.
const FACE: f32 = 0.65;
const PART: f32 = 0.4;
const NONE: f32 = 0.3;

/// Faces looked at in a photo, and squares drawn around each.
const FACES_MOST: usize = 30;
const AROUND: usize = 10;

/// Squares of a photo that are no face: so many for each of its squares that are one, between these bounds.
const NONES_A_FACE: usize = 2;
const NONES: [usize; 2] = [10, 60];

/// Crops of an epoch, and what to say of them.
pub struct Miner {
    photos: Vec<Photo>,
    stage: Stage,
    files: Files,
    roll_most: f32,
    seed: u64,
    stop: Arc<AtomicBool>,
    hash: String,
    /// Whether a face's squares are those around the box which the files' O-Net gives, at which it looks a second time. Copies are not
    /// from afar then, where landmarks are not learned, and not mirrored: mirror images hide that whoever marked the landmarks put them
    /// too far to one side.
    second_look: bool,
    /// Complaints about photos are told once a stage.
    told: bool,
    crops: Vec<u8>,
    wanted: Vec<f32>,
}

/// What comes of a photo.
#[derive(Default)]
struct Found {
    crops: Vec<u8>,
    wanted: Vec<f32>,
    complaints: Vec<String>,
}

impl Miner {
    /// Examples for a stage. `roll_most`: degrees by which heads may be turned either way.
    pub fn new(photos: Vec<Photo>, stage: Stage, files: Files, roll_most: f32, seed: u64, stop: Arc<AtomicBool>) -> Result<Self> {
        let mut text = format!("{photos:?}");
        for file in &files.0[..=stage.index()] {
            text += &crate::files::sha256_of(file)?.with_context(|| format!("there is no {}", file.display()))?;
        }
        let hash = crate::files::sha256(text.as_bytes());
        Ok(Self {
            photos,
            stage,
            files,
            roll_most,
            seed,
            stop,
            hash,
            second_look: false,
            told: false,
            crops: vec![],
            wanted: vec![],
        })
    }

    /// As [`Miner::new`], for landmarks at O-Net's second look: of photos with landmarks alone, where there are some. Of a face without
    /// any it learns what the first look says.
    pub fn of_second_looks(photos: &[Photo], files: Files, roll_most: f32, seed: u64, stop: Arc<AtomicBool>) -> Result<Self> {
        let has_landmarks = |photo: &&Photo| photo.faces.iter().any(|face| face.landmarks.is_some());
        let marked: Vec<Photo> = photos.iter().filter(has_landmarks).cloned().collect();
        let photos = if marked.is_empty() { photos.to_vec() } else { marked };
        // Complaints about photos were told before.
        Ok(Self { second_look: true, told: true, ..Self::new(photos, Stage::Onet, files, roll_most, seed, stop)? })
    }

    /// Some crops of the epoch, from 0 to 1, [n, 3, side, side]: faces first.
    pub fn shown(&self, most: usize) -> Vec<f32> {
        let width = self.stage.numbers();
        let count = self.wanted.len() / width;
        let faces = |face: bool| (0..count).filter(move |i| (self.wanted[i * width] == 1.0) == face);
        let step = (count / most.max(1)).max(1);
        let some = faces(true).step_by(step).take(most / 2);
        some.chain(faces(false).step_by(step).take(most / 2)).flat_map(|i| self.planes(i, 0.0, 1.0 / 255.0)).collect()
    }

    /// Whether it was told to stop: what it has then is not an epoch.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The epoch's faces with landmarks, some at a time: crops as O-Net gets them, [n, 3, 48, 48]; every x, then every y.
    pub fn landmarks(&self, mut some: impl FnMut(&[f32], &[[f32; 10]])) {
        let width = self.stage.numbers();
        let wanted = |i: &usize| &self.wanted[i * width..][..width];
        let all: Vec<usize> = (0..self.count()).filter(|i| wanted(i)[0] == 1.0 && !wanted(i)[5].is_nan()).collect();
        for chunk in all.chunks(256) {
            let crops: Vec<f32> = chunk.iter().flat_map(|&i| self.planes(i, super::MEAN, super::SCALE)).collect();
            let points: Vec<[f32; 10]> = chunk.iter().filter_map(|i| wanted(i)[5..].try_into().ok()).collect();
            some(&crops, &points);
        }
    }

    /// A crop as three planes of (byte - mean) * scale.
    fn planes(&self, index: usize, mean: f32, scale: f32) -> impl Iterator<Item = f32> + '_ {
        let length = self.length();
        let crop = &self.crops[index * length..][..length];
        (0..3).flat_map(move |c| crop[c..].iter().step_by(3).map(move |byte| (f32::from(*byte) - mean) * scale))
    }

    fn count(&self) -> usize {
        self.wanted.len() / self.stage.numbers()
    }

    fn length(&self) -> usize {
        3 * (self.stage.side_px() * self.stage.side_px()) as usize
    }

    /// What a photo gives in an epoch.
    fn mine(&self, photo: &Photo, index: usize, epoch: usize, detector: &mut Detector) -> Result<Found> {
        let dice = &mut Dice::new(self.seed ^ ((epoch as u64) << 32 | index as u64).wrapping_mul(0x9e6c_63d0_876a_68ad));
        let mut found = Found::default();
        let frame = match picture::read(&photo.path) {
            Ok(frame) => frame,
            Err(error) => {
                found.complaints.push(format!("{error:#}"));
                return Ok(found);
            }
        };
        let (good, bad): (Vec<_>, Vec<_>) = photo
            .faces
            .iter()
            .map(|face| (face, truth::check(face, frame.width, frame.height)))
            .partition(|(_, told)| told.is_ok());
        let complaint = |(_, told): &(_, Result<(), String>)| Some(format!("{}: {}", photo.path.display(), told.as_ref().err()?));
        found.complaints.extend(bad.iter().filter_map(complaint));
        let known: Vec<_> = good.into_iter().map(|(face, _)| face.clone()).collect();
        let image = image::RgbImage::from_raw(frame.width, frame.height, frame.pixels).context("a frame of another size")?;
        let (frame, mut faces) = vary::varied(&image, &vary::faces(&known), self.roll_most, self.second_look, dice);
        faces.iter_mut().for_each(|face| face.ignored |= face.rect.w.max(face.rect.h) < LEAST_PX);
        self.gather(&frame, &faces, detector, dice, &mut found)?;
        Ok(found)
    }

    fn gather(&self, frame: &Frame, faces: &[Face], detector: &mut Detector, dice: &mut Dice, found: &mut Found) -> Result<()> {
        let mut cutter = Cutter::new();
        let mut add = |square: Rect, wanted: &[f32]| -> Result<()> {
            let (at, side) = (found.crops.len(), self.stage.side_px());
            found.crops.resize(at + self.length(), 0);
            cutter.cut(frame, square, side, &mut found.crops[at..])?;
            found.wanted.extend(wanted);
            Ok(())
        };
        if self.second_look {
            for seen in detector.detect(frame)? {
                let marked: Vec<Face> = faces
                    .iter()
                    .map(|face| Face { landmarks: face.landmarks.or(Some(seen.landmarks)), ..face.clone() })
                    .collect();
                for square in squares::around(seen.rect) {
                    match self.wanted(&square, &square, &marked) {
                        Some(wanted) if wanted[0] == 1.0 => add(square, &wanted)?,
                        _ => (),
                    }
                }
            }
            return Ok(());
        }
        let mut positives = 0;
        let order = dice.order(faces.len());
        for face in order.into_iter().map(|i| &faces[i]).filter(|face| !face.ignored).take(FACES_MOST) {
            for _ in 0..AROUND {
                let square = near(&face.rect, self.stage, dice);
                // What the net sees is what edges are told of: copies are smaller than frames, and a pixel is more.
                let Some(cut) = Cutter::whole(frame, square) else { continue };
                if let Some(wanted) = self.wanted(&square, &cut, faces) {
                    positives += usize::from(wanted[0] == 1.0);
                    add(square, &wanted)?;
                }
            }
        }
        let candidates = match self.stage {
            Stage::Pnet | Stage::Rnet => detector.proposed(frame)?,
            Stage::Onet => detector.sifted(frame)?,
        };
        let most = (NONES_A_FACE * positives).clamp(NONES[0], NONES[1]);
        let mut nones = 0;
        for index in dice.order(candidates.len()) {
            let square = candidates[index];
            let Some(cut) = Cutter::whole(frame, square) else { continue };
            let Some(wanted) = self.wanted(&square, &cut, faces) else { continue };
            nones += usize::from(wanted[0] == 0.0);
            if wanted[0] != 0.0 || nones <= most {
                add(square, &wanted)?;
            }
        }
        // Easy ones, too, so that none of these becomes a mistake.
        for _ in 0..most / 4 {
            let side = LEAST_PX.max(frame.width.min(frame.height) as f32 * dice.share() * dice.share());
            let [x, y] = [frame.width, frame.height].map(|length| (length as f32 - side).max(0.0));
            let square = Rect { x: x * dice.share(), y: y * dice.share(), w: side, h: side };
            match self.wanted(&square, &square, faces) {
                Some(wanted) if wanted[0] == 0.0 => add(square, &wanted)?,
                _ => (),
            }
        }
        Ok(())
    }

    /// What to say of a square, if anything is sure; `cut`: what the net sees of it. Landmarks are told of the square, as the walk does.
    fn wanted(&self, square: &Rect, cut: &Rect, faces: &[Face]) -> Option<Vec<f32>> {
        let mut wanted = vec![f32::NAN; self.stage.numbers()];
        let nearest = faces.iter().map(|face| (face, face.rect.iou(cut))).max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((face, overlap)) = nearest.filter(|(_, overlap)| *overlap >= NONE) else {
            wanted[0] = 0.0;
            return Some(wanted);
        };
        if face.ignored || overlap < PART {
            return None;
        }
        if overlap >= FACE {
            wanted[0] = 1.0;
        }
        let (Rect { x, y, w, h }, Rect { x: left, y: upper, w: wide, h: high }) = (face.rect, *cut);
        // P-Net was trained to count a pixel less.
        let less = if self.stage == Stage::Pnet { 1.0 } else { 0.0 };
        let edges = [(x - left) / (wide - less), (y - upper) / (high - less)];
        wanted[1..5].copy_from_slice(&[
            edges[0],
            edges[1],
            (x + w - left - wide) / (wide - less),
            (y + h - upper - high) / (high - less),
        ]);
        if let (Stage::Onet, Some(points)) = (self.stage, face.landmarks.filter(|_| w >= LANDMARKS_PX)) {
            for (k, [x, y]) in points.into_iter().enumerate() {
                (wanted[5 + k], wanted[10 + k]) = ((x - square.x) / square.w, (y - square.y) / square.h);
            }
        }
        Some(wanted)
    }
}

/// A square about as large as a box, and near it: the nearer, the more stages have looked before.
fn near(rect: &Rect, stage: Stage, dice: &mut Dice) -> Rect {
    let longer = rect.w.max(rect.h);
    let far = [1.0, 1.0, 0.6][stage.index()];
    let side = longer * (1.0 + far * 0.5 * (dice.share() - 0.5));
    let mut off = || far * 0.4 * (dice.share() - 0.5);
    let [x, y] = [rect.x + rect.w / 2.0 + off() * rect.w, rect.y + rect.h / 2.0 + off() * rect.h];
    Rect { x: x - side / 2.0, y: y - side / 2.0, w: side, h: side }
}

impl Lessons for &mut Miner {
    fn hash(&self) -> String {
        self.hash.clone()
    }

    fn begin(&mut self, epoch: usize) -> Result<()> {
        let what = if self.second_look { "looking a second time" } else { "looking for examples" };
        let miner = &**self;
        let tool = || miner.files.detector(SOUGHT_PX, THRESHOLDS, 0.0);
        let work = |detector: &mut Detector, index: usize, photo: &Photo| miner.mine(photo, index, epoch, detector);
        let done = each(what, &miner.photos, &miner.stop, tool, work)?;
        (self.crops, self.wanted) = (vec![], vec![]);
        for found in done.into_iter().flatten() {
            self.crops.extend(found.crops);
            self.wanted.extend(found.wanted);
            if !self.told {
                found.complaints.iter().for_each(|complaint| eprintln!("left out: {complaint}"));
            }
        }
        self.told = true;
        let faces = self.wanted.chunks_exact(self.stage.numbers()).filter(|wanted| wanted[0] == 1.0).count();
        ensure!(
            faces > 0 || self.second_look || self.stop.load(Ordering::Relaxed),
            "none of the {} photos has a face to learn from: are boxes or landmarks in pixels of the photos, and faces larger than {LEAST_PX} pixels?",
            self.photos.len()
        );
        Ok(())
    }

    fn count(&self) -> usize {
        Miner::count(self)
    }

    fn batch(&self, order: &[usize], number: usize, size: usize, _: u64) -> Batch {
        let which = &order[number * size..(number + 1) * size];
        let width = self.stage.numbers();
        Batch {
            pictures: which.iter().flat_map(|&i| self.planes(i, super::MEAN, super::SCALE)).collect(),
            wanted: which.iter().flat_map(|&i| &self.wanted[i * width..][..width]).copied().collect(),
            ..Batch::default()
        }
    }

    fn shape(&self) -> [usize; 3] {
        let side = self.stage.side_px() as usize;
        [3, side, side]
    }

    fn real(&self) -> Vec<f32> {
        vec![]
    }
}

#[cfg(test)]
mod tests;
