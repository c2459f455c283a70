//! Portraits: what the gate for blurred photos lets through.

use crate::detection::face_of;
use crate::truth::rows;
use crate::{Lab, percent};
use anyhow::Result;
use lookalike::types::{Face, Frame};
use lookalike::{align, portrait};

pub fn print(lab: &Lab) -> Result<()> {
    let truth = rows(&lab.data.join("ytf/truth.csv"))?;
    let some: Vec<_> = truth.iter().step_by(4).collect();
    println!("portraits, every 4th of ytf (video frames): sharpness, and share refused below {}", portrait::SHARPNESS);
    // Blurred by this share of the distance between the eyes.
    for blur in [0.0, 0.05, 0.1, 0.15, 0.2] {
        let mut sharpness = lab.each(&some, |nets, row| {
            let frame = lab.picture(&format!("ytf/{}", row.text("image")?))?;
            let Some(face) = face_of(row, nets.detector.detect(&frame)?) else { return Ok(f32::INFINITY) };
            let facts = nets.embedder.facts();
            let frame = blurred(frame, &face, blur);
            let chip = align::cut(&frame, &face.landmarks, &facts.template, facts.width, facts.height);
            Ok(portrait::sharpness(&chip))
        })?;
        sharpness.sort_by(f32::total_cmp);
        let at = |share: f64| sharpness[((sharpness.len() - 1) as f64 * share) as usize];
        let refused = sharpness.iter().filter(|s| **s < portrait::SHARPNESS).count();
        println!(
            "  blurred by {blur:.2} eye distances: 1 % {:.4}, 10 % {:.4}, median {:.4}, 90 % {:.4}; refused {}",
            at(0.01),
            at(0.1),
            at(0.5),
            at(0.9),
            percent(refused, sharpness.len())
        );
    }
    println!();
    Ok(())
}

fn blurred(frame: Frame, face: &Face, share: f32) -> Frame {
    let [a, b, ..] = face.landmarks;
    let sigma = share * (a[0] - b[0]).hypot(a[1] - b[1]);
    let (width, height, taken) = (frame.width, frame.height, frame.taken);
    match image::RgbImage::from_raw(width, height, frame.pixels) {
        Some(picture) if sigma > 0.1 => Frame { width, height, pixels: image::imageops::blur(&picture, sigma).into_raw(), taken },
        Some(picture) => Frame { width, height, pixels: picture.into_raw(), taken },
        None => Frame::empty(),
    }
}
