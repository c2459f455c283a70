//! Likeness: the pairs of lfw112, and galleries of known people.

use crate::truth::rows;
use crate::{Lab, percent};
use anyhow::{Context, Result};
use lookalike::gallery::Gallery;
use lookalike::picture;
use lookalike::setup;
use lookalike::types::{Embedding, Face, Frame};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Pixels of its own border that each lfw112 photo is padded with, so that the detector finds the face.
const PADDING: u32 = 40;

/// Every lfw112 photo by its path, with its embedding: `None` where no face was found.
pub type Photos = BTreeMap<String, Option<Embedding>>;

/// `view` makes of each photo, padded and by its number, what is looked at.
pub fn embed_lfw(lab: &Lab, view: impl Fn(usize, Frame) -> Result<Frame> + Sync) -> Result<Photos> {
    let folders = folders(&lab.data.join("lfw112"))?;
    let photos = folders.iter().map(|folder| picture::list_pictures(folder)).collect::<Result<Vec<_>>>()?.concat();
    let numbered: Vec<(usize, &PathBuf)> = photos.iter().enumerate().collect();
    let embeddings = lab.each(&numbered, |nets, (number, path)| {
        let frame = view(*number, padded(&picture::read(path)?))?;
        let face = middle_face(nets.detector.detect(&frame)?, &frame);
        face.map(|face| nets.describe(&frame, &face)).transpose()
    })?;
    let root = lab.data.join("lfw112");
    let key = |path: &PathBuf| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    Ok(photos.iter().map(key).zip(embeddings).collect())
}

/// The photo's own face is the one in the middle.
fn middle_face(faces: Vec<Face>, frame: &Frame) -> Option<Face> {
    let middle = [frame.width, frame.height].map(|side| side as f32 / 2.0);
    let far = |f: &Face| (f.rect.x + f.rect.w / 2.0 - middle[0]).hypot(f.rect.y + f.rect.h / 2.0 - middle[1]);
    faces.into_iter().min_by(|a, b| far(a).total_cmp(&far(b)))
}

pub fn print(lab: &Lab, lfw: &Photos) -> Result<()> {
    let Pairs { all, ten_fold, at_six_tenths, missed } = pairs(lab, lfw)?;
    println!("lfw112, {all} pairs, ten-fold threshold: {} (wanted: 98.3 %)", percent(ten_fold, all));
    println!("lfw112 at distance .6: {}; pairs with a face missed: {missed}", percent(at_six_tenths, all));
    println!("five-known, test faces right at top 1:   {}", five_known(lab)?);
    let (top1, top3, all) = ten_leaders(lab)?;
    println!(
        "ten-leaders, other half: top 1 {}, top 3 {} of {all} (wanted: 97 % top 1)\n",
        percent(top1, all),
        percent(top3, all)
    );
    Ok(())
}

/// How many pairs of lfw112 there are, and how many were judged right.
pub struct Pairs {
    pub all: usize,
    /// Each tenth by the threshold that is best on the other nine.
    pub ten_fold: usize,
    pub at_six_tenths: usize,
    /// Of which a face was not found.
    pub missed: usize,
}

pub fn pairs(lab: &Lab, lfw: &Photos) -> Result<Pairs> {
    let mut judged = Vec::new();
    let mut missed = 0;
    for row in rows(&lab.data.join("lfw112/pairs.csv"))? {
        let side = |column| -> Result<Option<&Embedding>> {
            lfw.get(row.text(column)?).map(Option::as_ref).with_context(|| format!("no photo {:?}", row.text(column)))
        };
        let distance = match (side("a")?, side("b")?) {
            (Some(a), Some(b)) => lookalike::gallery::distance(a, b, lookalike::types::Metric::L2),
            _ => {
                missed += 1;
                f32::INFINITY
            }
        };
        judged.push((distance, row.text("same")? == "1"));
    }
    let right = |fold: &dyn Fn(usize) -> bool, threshold: f32| {
        judged.iter().enumerate().filter(|(i, (d, same))| fold(*i) && (*d < threshold) == *same).count()
    };
    let thresholds: Vec<f32> = (400..800).map(|t| t as f32 / 1000.0).collect();
    let mut correct = 0;
    for tenth in 0..10 {
        let others = |i: usize| i % 10 != tenth;
        let best = thresholds.iter().copied().max_by_key(|&t| right(&others, t)).unwrap_or(0.6);
        correct += right(&|i| i % 10 == tenth, best);
    }
    Ok(Pairs { all: judged.len(), ten_fold: correct, at_six_tenths: right(&|_| true, 0.6), missed })
}

fn five_known(lab: &Lab) -> Result<String> {
    let mut nets = lab.nets()?;
    let mut gallery = setup::gallery(&lab.models, &lab.board.recognise, Path::new("/nonexistent/eval.gallery"))?;
    for folder in folders(&lab.data.join("people/five-known/train"))? {
        for path in picture::list_pictures(&folder)? {
            enroll(lab, &mut nets, &mut gallery, &name_of(&folder), &path)?;
        }
    }
    let mut words = Vec::new();
    for path in picture::list_pictures(&lab.data.join("people/five-known/test"))? {
        let frame = picture::read(&path)?;
        let mut answers = Vec::new();
        for face in nets.detector.detect(&frame)? {
            let answer = gallery.answer(&nets.describe(&frame, &face)?, 1);
            let best = &answer.matches[0];
            if best.percent >= answer.nobody_percent {
                answers.push(format!("{} {:.0} %", best.name, best.percent));
            }
        }
        words.push(format!("\n  {}: {}", name_of(&path), answers.join(", ")));
    }
    Ok(words.concat())
}

fn ten_leaders(lab: &Lab) -> Result<(usize, usize, usize)> {
    let mut nets = lab.nets()?;
    let mut gallery = setup::gallery(&lab.models, &lab.board.recognise, Path::new("/nonexistent/eval.gallery"))?;
    let people = folders(&lab.data.join("people/ten-leaders"))?;
    for folder in &people {
        let pictures = picture::list_pictures(folder)?;
        for path in &pictures[..pictures.len() / 2] {
            enroll(lab, &mut nets, &mut gallery, &name_of(folder), path)?;
        }
    }
    let (mut top1, mut top3, mut all) = (0, 0, 0);
    for folder in &people {
        let pictures = picture::list_pictures(folder)?;
        for path in &pictures[pictures.len() / 2..] {
            let frame = picture::read(path)?;
            all += 1;
            if let Some(face) = nets.largest(&frame)? {
                let answer = gallery.answer(&nets.describe(&frame, &face)?, 3);
                let place = answer.matches.iter().position(|m| m.name == name_of(folder));
                top1 += usize::from(place == Some(0));
                top3 += usize::from(place.is_some());
            }
        }
    }
    Ok((top1, top3, all))
}

fn enroll(lab: &Lab, nets: &mut crate::Nets, gallery: &mut Gallery, name: &str, path: &Path) -> Result<()> {
    let frame = picture::read(path)?;
    let face = nets.largest(&frame)?.with_context(|| format!("no face in {}", path.display()))?;
    let _ = lab;
    let blank = lookalike::types::Chip { width: 8, height: 8, pixels: vec![0; 192] };
    gallery.enroll(name, &name_of(path), &nets.describe(&frame, &face)?, &blank)
}

fn padded(frame: &Frame) -> Frame {
    let (width, height) = (frame.width + 2 * PADDING, frame.height + 2 * PADDING);
    let mut pixels = Vec::with_capacity((width * height * 3) as usize);
    for y in 0..height {
        for x in 0..width {
            let inside = |v: u32, size: u32| v.saturating_sub(PADDING).min(size - 1) as usize;
            let at = (inside(y, frame.height) * frame.width as usize + inside(x, frame.width)) * 3;
            pixels.extend_from_slice(&frame.pixels[at..at + 3]);
        }
    }
    Frame { width, height, pixels, taken: frame.taken }
}

/// The sub-folders, sorted.
pub fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let listing = std::fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))?;
    let mut found: Vec<PathBuf> = listing.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect();
    found.sort();
    Ok(found)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
