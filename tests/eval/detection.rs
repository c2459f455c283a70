//! Detection: recall, landmark error, false alarms.

use crate::truth::{Row, rows};
use crate::{Lab, percent};
use anyhow::Result;
use lookalike::picture;
use lookalike::types::{Face, Rect};
use std::collections::BTreeMap;

/// Least widths of the boxes that recall is told of, in pixels.
pub const LEAST_PX: [f32; 4] = [12.0, 20.0, 24.0, 40.0];

/// What the detector does on the evaluation pictures.
pub struct Figures {
    /// Boxes of at least each of [`LEAST_PX`], and how many of them were found.
    pub wider: [(usize, usize); 4],
    /// Faces of ytf, and how many of them were found.
    pub ytf: (usize, usize),
    /// Median over the found, as a share of the distance between the eyes.
    pub landmark_error: f32,
    /// Pictures without a face in which one was seen.
    pub nonface: usize,
}

pub fn print(lab: &Lab) -> Result<()> {
    println!("detection, smallest face 20 px          ours   reference");
    let figures = measure(lab)?;
    for ((least, (all, hit)), reference) in LEAST_PX.iter().zip(figures.wider).zip([0.534, 0.749, 0.806, 0.868]) {
        println!("wider, recall of {all:3} boxes >= {least:2} px wide  {:.3}   {reference:.3}", hit as f32 / all as f32);
    }
    println!("ytf, face found at IoU .3             {:>6}   99.3 %", percent(figures.ytf.1, figures.ytf.0));
    println!("ytf, median landmark error / eyes      {:.4}   .0711", figures.landmark_error);
    println!("nonface, images with a detection       {:>5}   17 of 300", figures.nonface);
    println!();
    Ok(())
}

pub fn measure(lab: &Lab) -> Result<Figures> {
    let pictures = picture::list_pictures(&lab.data.join("nonface"))?;
    let seen = lab.each(&pictures, |nets, path| Ok(!nets.detector.detect(&picture::read(path)?)?.is_empty()))?;
    let (ytf, landmark_error) = ytf(lab)?;
    Ok(Figures { wider: wider(lab)?, ytf, landmark_error, nonface: seen.iter().filter(|s| **s).count() })
}

/// The photos of wider with their valid boxes.
pub fn boxes_of_wider(lab: &Lab) -> Result<Vec<(String, Vec<Rect>)>> {
    let mut truth: BTreeMap<String, Vec<Rect>> = BTreeMap::new();
    for row in rows(&lab.data.join("wider/truth.csv"))? {
        let boxes = truth.entry(row.text("image")?.to_string()).or_default();
        if row.text("invalid")? == "0" {
            boxes.push(row.rect()?);
        }
    }
    Ok(truth.into_iter().collect())
}

fn wider(lab: &Lab) -> Result<[(usize, usize); 4]> {
    let truth = boxes_of_wider(lab)?;
    let found = lab.each(&truth, |nets, (image, _)| nets.detector.detect(&lab.picture(&format!("wider/{image}"))?))?;
    Ok(LEAST_PX.map(|least| {
        let (mut all, mut hit) = (0, 0);
        for ((_, boxes), faces) in truth.iter().zip(&found) {
            for wanted in boxes.iter().filter(|b| b.w >= least) {
                all += 1;
                hit += usize::from(faces.iter().any(|f| f.rect.iou(wanted) >= 0.4));
            }
        }
        (all, hit)
    }))
}

/// How many faces there are and were found, and [`Figures::landmark_error`].
fn ytf(lab: &Lab) -> Result<((usize, usize), f32)> {
    let truth = rows(&lab.data.join("ytf/truth.csv"))?;
    let faces = lab.each(&truth, |nets, row| {
        Ok(face_of(row, nets.detector.detect(&lab.picture(&format!("ytf/{}", row.text("image")?))?)?))
    })?;
    let mut errors = Vec::new();
    for (row, face) in truth.iter().zip(&faces) {
        if let Some(face) = face {
            let wanted = row.landmarks()?;
            let apart = distance(wanted[0], wanted[1]);
            let sum: f32 = wanted.iter().zip(face.landmarks).map(|(a, b)| distance(*a, b)).sum();
            errors.push(sum / 5.0 / apart);
        }
    }
    errors.sort_by(f32::total_cmp);
    Ok(((truth.len(), errors.len()), errors[errors.len() / 2]))
}

/// The detection that fits the row's box best, if one fits at IoU .3.
pub fn face_of(row: &Row, faces: Vec<Face>) -> Option<Face> {
    face_of_rect(&row.rect().ok()?, faces)
}

/// As [`face_of`], of a box.
pub fn face_of_rect(wanted: &Rect, faces: Vec<Face>) -> Option<Face> {
    let fits = faces.into_iter().filter(|f| f.rect.iou(wanted) >= 0.3);
    fits.max_by(|a, b| a.rect.iou(wanted).total_cmp(&b.rect.iou(wanted)))
}

fn distance(a: [f32; 2], b: [f32; 2]) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}
