//! Tuned weights beside the stock ones, on people and photos that they have not seen. `--split DIR` writes what they may learn from:
//! `DIR/faces.csv`, every other person of ytf, with landmarks, every other photo of wider, with boxes, every other of nonface, without.
//! The others are kept for the comparison; `--kept even` keeps the first, the third and so on, and not the second.

use crate::detection::face_of_rect;
use crate::rotation::{error, turned};
use crate::truth::{Row, rows};
use crate::{Lab, percent};
use anyhow::{Context, Result};
use lookalike::board::{Heads, Weights};
use lookalike::picture;
use lookalike::types::{Face, Rect};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::Path;

/// Rolls, in degrees clockwise.
const ROLLS: [i32; 11] = [-75, -60, -45, -30, -15, 0, 15, 30, 45, 60, 75];

/// Numbers of false detections that recall is told at, beside that of the stock nets at their own threshold.
const ALARMS: [usize; 4] = [5, 10, 20, 40];

/// The same in the mean, which a single box moves less.
const ALARMS_MEAN: RangeInclusive<usize> = 3..=60;

/// Boxes sought have this width at least, in pixels.
const LEAST_PX: f32 = 20.0;

/// Which people and photos are kept for the comparison, by their places among all.
#[derive(Clone, Copy, PartialEq)]
pub enum Kept {
    Even,
    Odd,
}

impl Kept {
    fn has(self, place: usize) -> bool {
        place.is_multiple_of(2) == (self == Kept::Even)
    }
}

/// People of ytf and photos of wider by their place among all, in the order of their names.
fn places<'r>(rows: &'r [Row], column: &str) -> Result<BTreeMap<&'r str, usize>> {
    let mut places = BTreeMap::new();
    for row in rows {
        places.insert(row.text(column)?, 0);
    }
    places.values_mut().enumerate().for_each(|(place, value)| *value = place);
    Ok(places)
}

pub fn split(lab: &Lab, folder: &Path, kept: Kept) -> Result<()> {
    let data = lab.data.canonicalize()?;
    let points = ["lex", "ley", "rex", "rey", "nx", "ny", "lmx", "lmy", "rmx", "rmy"];
    let mut text = format!("image,x,y,w,h,invalid,{}\n", points.join(","));
    let (ytf, wider) = (rows(&lab.data.join("ytf/truth.csv"))?, rows(&lab.data.join("wider/truth.csv"))?);
    let (people, photos) = (places(&ytf, "person")?, places(&wider, "image")?);
    for row in &ytf {
        if !kept.has(people[row.text("person")?]) {
            let points = points.map(|name| row.text(name)).into_iter().collect::<Result<Vec<_>>>()?;
            // Its boxes end at the chin and the brow, MT-CNN's do not: they come from the landmarks.
            text += &format!("{},,,,,,{}\n", data.join("ytf").join(row.text("image")?).display(), points.join(","));
        }
    }
    for row in &wider {
        if !kept.has(photos[row.text("image")?]) {
            let mut rect = ["x", "y", "w", "h", "invalid"].map(|name| row.text(name)).into_iter().collect::<Result<Vec<_>>>()?;
            let Rect { w, h, .. } = row.rect()?;
            if w <= 0.0 || h <= 0.0 {
                rect = vec![""; 5];
            }
            text += &format!("{},{},,,,,,,,,,\n", data.join("wider").join(row.text("image")?).display(), rect.join(","));
        }
    }
    for (place, path) in picture::list_pictures(&data.join("nonface"))?.iter().enumerate() {
        if !kept.has(place) {
            text += &format!("{},,,,,,,,,,,,,,,\n", path.display());
        }
    }
    let file = folder.join("faces.csv");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&file, text))
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!("written: {}", file.display());
    Ok(())
}

pub fn print(lab: &Lab, kept: Kept) -> Result<()> {
    let labs = [Weights::Stock, Weights::Tuned].map(|weights| {
        let mut board = lab.board.clone();
        (board.detect.weights, board.detect.heads) = (weights, Heads::Upright);
        Lab { data: lab.data.clone(), board, models: lab.models.clone() }
    });
    println!("tuned weights on what they have not seen, without any probe             stock    tuned");
    wider(&labs, kept)?;
    alarms(&labs, kept)?;
    rolls(&labs, kept)
}

/// Found, and how near landmarks and boxes are, against roll.
fn rolls(labs: &[Lab; 2], kept: Kept) -> Result<()> {
    let truth = rows(&labs[0].data.join("ytf/truth.csv"))?;
    let people = places(&truth, "person")?;
    let mut some = Vec::new();
    for row in &truth {
        if kept.has(people[row.text("person")?]) {
            some.push(row);
        }
    }
    for degrees in ROLLS {
        let seen = |lab: &Lab| {
            lab.each(&some, |nets, row| {
                let photo = lab.picture(&format!("ytf/{}", row.text("image")?))?;
                let (frame, rect, wanted) = turned(&photo, degrees as f32, row.rect()?, row.landmarks()?)?;
                let face = face_of_rect(&rect, nets.detector.detect(&frame)?);
                Ok(face.map(|face| [error(&face, &wanted), rect.iou(&face.rect)]))
            })
        };
        let [stock, tuned] = [seen(&labs[0])?, seen(&labs[1])?];
        let found = |seen: &[Option<[f32; 2]>]| percent(seen.iter().flatten().count(), seen.len());
        let middle = |seen: &[Option<[f32; 2]>], which: usize| {
            let mut values: Vec<f32> = seen.iter().flatten().map(|both| both[which]).collect();
            values.sort_by(f32::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f32::NAN)
        };
        let what = format!("ytf, {} faces turned by {degrees} degrees: found at IoU .3", some.len());
        println!("{what:69} {:>7}  {:>7}", found(&stock), found(&tuned));
        for (which, what) in ["  median landmark error / eyes", "  median overlap with the marked box"].into_iter().enumerate() {
            println!("{what:70} {:.4}   {:.4}", middle(&stock, which), middle(&tuned, which));
        }
    }
    Ok(())
}

fn alarms(labs: &[Lab; 2], kept: Kept) -> Result<()> {
    let all = picture::list_pictures(&labs[0].data.join("nonface"))?;
    let some: Vec<_> = all.iter().enumerate().filter(|(place, _)| kept.has(*place)).map(|(_, path)| path).collect();
    let seen = |lab: &Lab| -> Result<usize> {
        let seen = lab.each(&some, |nets, path| Ok(!nets.detector.detect(&picture::read(path)?)?.is_empty()))?;
        Ok(seen.iter().filter(|seen| **seen).count())
    };
    let what = format!("nonface, of {} images with a detection", some.len());
    println!("{what:69} {:7}  {:7}", seen(&labs[0])?, seen(&labs[1])?);
    Ok(())
}

/// Recall at the same number of false detections.
fn wider(labs: &[Lab; 2], kept: Kept) -> Result<()> {
    let truth = rows(&labs[0].data.join("wider/truth.csv"))?;
    let photos = places(&truth, "image")?;
    let mut some: BTreeMap<&str, Vec<(Rect, bool)>> = BTreeMap::new();
    for row in &truth {
        if kept.has(photos[row.text("image")?]) {
            some.entry(row.text("image")?).or_default().push((row.rect()?, row.text("invalid")? == "0"));
        }
    }
    let some: Vec<_> = some.into_iter().collect();
    stages(labs, &some)?;
    let curves = [curve(&labs[0], &some)?, curve(&labs[1], &some)?];
    let usual = labs[0].board.detect.thresholds[2];
    let alarms = curves[0].false_scores.iter().filter(|score| **score >= usual).count();
    for most in [alarms].into_iter().chain(ALARMS) {
        let [stock, tuned] = curves.each_ref().map(|curve| curve.recall(most));
        let what = format!("wider, recall of {} boxes >= {LEAST_PX} px at {most} false detections", curves[0].found.len());
        println!("{what:71} {stock:.3}    {tuned:.3}{}", if most == alarms { "   stock's own threshold" } else { "" });
    }
    let mean = |curve: &Curve| {
        let recalls: Vec<f32> = ALARMS_MEAN.map(|most| curve.recall(most)).collect();
        recalls.iter().sum::<f32>() / recalls.len() as f32
    };
    let what = format!("  in the mean, at {} to {}", ALARMS_MEAN.start(), ALARMS_MEAN.end());
    println!("{what:71} {:.3}    {:.3}", mean(&curves[0]), mean(&curves[1]));
    Ok(())
}

/// What each stage lets through: shares of the boxes that one of its squares lies on, and squares in a photo.
fn stages(labs: &[Lab; 2], photos: &[(&str, Vec<(Rect, bool)>)]) -> Result<()> {
    for (name, second) in [("P-Net", false), ("R-Net", true)] {
        let seen = |lab: &Lab| -> Result<[f32; 2]> {
            let squares = lab.each(photos, |nets, (image, _)| {
                let frame = lab.picture(&format!("wider/{image}"))?;
                if second { nets.detector.sifted(&frame) } else { nets.detector.proposed(&frame) }
            })?;
            let mut hits = Vec::new();
            for ((_, boxes), squares) in photos.iter().zip(&squares) {
                let wanted = boxes.iter().filter(|(rect, valid)| *valid && rect.w >= LEAST_PX);
                hits.extend(wanted.map(|(rect, _)| squares.iter().any(|square| square.iou(rect) >= 0.4)));
            }
            let squares = squares.iter().map(Vec::len).sum::<usize>() as f32 / photos.len().max(1) as f32;
            Ok([hits.iter().filter(|hit| **hit).count() as f32 / hits.len().max(1) as f32, squares])
        };
        let [[stock, stock_squares], [tuned, tuned_squares]] = [seen(&labs[0])?, seen(&labs[1])?];
        println!("{:71} {stock:.3}    {tuned:.3}", format!("wider, recall of boxes >= {LEAST_PX} px that {name} leaves"));
        println!("{:71} {stock_squares:5.1}    {tuned_squares:5.1}", "  in squares a photo");
    }
    Ok(())
}

/// What a detector finds, surest first.
struct Curve {
    /// Scores of what is no face, surest first.
    false_scores: Vec<f32>,
    /// Of each box the surest score that found it.
    found: Vec<f32>,
}

impl Curve {
    /// The share of boxes found where so many false detections are let through.
    fn recall(&self, most: usize) -> f32 {
        let least = self.false_scores.get(most).copied().unwrap_or(0.0);
        self.found.iter().filter(|score| **score > least).count() as f32 / self.found.len().max(1) as f32
    }
}

fn curve(lab: &Lab, photos: &[(&str, Vec<(Rect, bool)>)]) -> Result<Curve> {
    let mut board = lab.board.clone();
    board.detect.thresholds[2] = 0.05;
    let lab = Lab { data: lab.data.clone(), board, models: lab.models.clone() };
    let seen: Vec<Vec<Face>> =
        lab.each(photos, |nets, (image, _)| nets.detector.detect(&lab.picture(&format!("wider/{image}"))?))?;
    let (mut false_scores, mut found) = (Vec::new(), Vec::new());
    for ((_, boxes), faces) in photos.iter().zip(&seen) {
        let hits =
            |wanted: &Rect| faces.iter().filter(|face| face.rect.iou(wanted) >= 0.4).map(|face| face.score).fold(0.0, f32::max);
        found.extend(boxes.iter().filter(|(rect, valid)| *valid && rect.w >= LEAST_PX).map(|(rect, _)| hits(rect)));
        let is_false = |face: &&Face| boxes.iter().all(|(rect, _)| face.rect.iou(rect) < 0.4);
        false_scores.extend(faces.iter().filter(is_false).map(|face| face.score));
    }
    false_scores.sort_by(|a, b| b.total_cmp(a));
    Ok(Curve { false_scores, found })
}
