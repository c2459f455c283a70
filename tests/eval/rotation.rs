//! Heads at any angle: recall and landmarks against roll, false alarms, and what it costs. `--picture FILE` draws the curves.

use crate::Lab;
use crate::detection::face_of_rect;
use crate::plot::{Chart, Curve};
use crate::truth::{Row, rows};
use anyhow::{Context, Result};
use image::RgbImage;
use lookalike::align::Similarity;
use lookalike::board::{Board, Heads};
use lookalike::detect::Follower;
use lookalike::types::{Face, Frame, Landmarks, Rect};
use lookalike::{picture, setup};
use lookalike_models::mtcnn::vary;
use lookalike_tests::placed;
use std::path::Path;
use std::time::Instant;

/// Degrees between the rolls that are tried.
const STEP: usize = 15;
/// Every so many frames of ytf.
const EVERY: usize = 4;
/// Landmarks are right where their mean distance from the truth is at most this share of the distance between the eyes.
const RIGHT: f32 = 0.2;
const HEADS: [Heads; 2] = [Heads::Upright, Heads::Any];

pub fn print(lab: &Lab, drawing: Option<&Path>) -> Result<()> {
    let truth = rows(&lab.data.join("ytf/truth.csv"))?;
    let some: Vec<&Row> = truth.iter().step_by(EVERY).collect();
    println!(
        "heads turned clockwise by so many degrees: {} frames of ytf, found at IoU .3, landmarks right within {RIGHT}",
        some.len()
    );
    println!("roll   stock: found  right   at any angle: found  right");
    let titles = ["stock: found", "stock: landmarks right", "ours: found", "ours: landmarks right"];
    let mut curves = titles.map(|title| Curve { title: title.into(), points: vec![] });
    for degrees in (0..360).step_by(STEP) {
        let mut shares = [0.0; 4];
        for (which, heads) in HEADS.into_iter().enumerate() {
            let seen = lab.with_heads(heads).each(&some, |nets, row| {
                let photo = lab.picture(&format!("ytf/{}", row.text("image")?))?;
                let (frame, rect, wanted) = turned(&photo, degrees as f32, row.rect()?, row.landmarks()?)?;
                let face = face_of_rect(&rect, nets.detector.detect(&frame)?);
                Ok([face.is_some(), face.is_some_and(|face| error(&face, &wanted) <= RIGHT)])
            })?;
            for (k, share) in shares[2 * which..][..2].iter_mut().enumerate() {
                *share = seen.iter().filter(|s| s[k]).count() as f32 / seen.len() as f32;
            }
        }
        println!("{degrees:4}          {:.3}  {:.3}                {:.3}  {:.3}", shares[0], shares[1], shares[2], shares[3]);
        curves.iter_mut().zip(shares).for_each(|(curve, share)| curve.points.push([degrees as f32, 100.0 * share]));
    }
    if let Some(file) = drawing {
        let titles = ["roll, degrees clockwise", "percent of the faces of ytf"];
        let grid = [(0..=360).step_by(45), (0..=100).step_by(20)].map(|lines| lines.map(|v| v as f32).collect());
        // The circle is closed.
        curves.iter_mut().for_each(|curve| curve.points.extend(curve.points.first().map(|p| [360.0, p[1]])));
        Chart { titles, grid, diagonal: false, legend: 0.77 }.draw(file, &curves)?;
        println!("drawn: {}", file.display());
    }
    false_alarms(lab)?;
    costs(lab)
}

fn false_alarms(lab: &Lab) -> Result<()> {
    let pictures = picture::list_pictures(&lab.data.join("nonface"))?;
    let seen = |heads| -> Result<usize> {
        let seen =
            lab.with_heads(heads).each(&pictures, |nets, path| Ok(!nets.detector.detect(&picture::read(path)?)?.is_empty()))?;
        Ok(seen.iter().filter(|s| **s).count())
    };
    let [stock, ours] = [seen(HEADS[0])?, seen(HEADS[1])?];
    println!("nonface, pictures with a detection: stock {stock}, at any angle {ours} of {}", pictures.len());
    Ok(())
}

/// Milliseconds on one thread, a stock one and one of ours in turn.
fn costs(lab: &Lab) -> Result<()> {
    // As the booth has it.
    let board = Board::read(Path::new("board-config/desktop.toml"))?;
    let detector = |heads| setup::detector(&lab.models, &lookalike::board::Detect { heads, threads: 1, ..board.detect.clone() });
    let mut detectors = [detector(HEADS[0])?, detector(HEADS[1])?];
    let pictures = picture::list_pictures(&lab.data.join("nonface"))?;
    let mut empty = [vec![], vec![]];
    for path in pictures.iter().step_by(5) {
        let frame = picture::read(path)?;
        let mut seen = false;
        let mut took = [f64::INFINITY; 2];
        // The first makes plans.
        for _ in 0..4 {
            for (detector, took) in detectors.iter_mut().zip(&mut took) {
                let began = Instant::now();
                seen |= !detector.detect(&frame)?.is_empty();
                *took = took.min(began.elapsed().as_secs_f64() * 1e3);
            }
        }
        empty.iter_mut().zip(took).filter(|_| !seen).for_each(|(all, took)| all.push(took));
    }
    tell("a picture without a face", &empty);
    let row = rows(&lab.data.join("ytf/truth.csv"))?.into_iter().next().context("ytf is empty")?;
    let photo = lab.picture(&format!("ytf/{}", row.text("image")?))?;
    for (what, lean) in
        [("a video of an upright head, a frame", 0.2), ("a video of a head that leans by 40 degrees, a frame", 0.7)]
    {
        let frames = walking(&photo, &row.landmarks()?, lean);
        let mut times = [vec![], vec![]];
        let mut followers =
            HEADS.map(|heads| detector(heads).map(|d| Follower::new(d, board.detect.search_every, board.detect.patience_frames)));
        for frame in frames.iter().cycle().take(6 * frames.len()) {
            for (follower, times) in followers.iter_mut().zip(&mut times) {
                let Ok(follower) = follower else { continue };
                let began = Instant::now();
                follower.follow(frame)?;
                times.push(began.elapsed().as_secs_f64() * 1e3);
            }
        }
        times.iter_mut().for_each(|times| drop(times.drain(..frames.len())));
        tell(what, &times);
    }
    Ok(())
}

fn tell(what: &str, [stock, ours]: &[Vec<f64>; 2]) {
    let sorted = |times: &[f64]| {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    };
    let (stock, ours) = (sorted(stock), sorted(ours));
    let mean = |times: &[f64]| times.iter().sum::<f64>() / times.len() as f64;
    println!(
        "{what}: stock {:.2} ms at best, median {:.2}, mean {:.2}; at any angle {:.2}, {:.2}, {:.2}; {:.2} times in the mean",
        stock[0],
        stock[stock.len() / 2],
        mean(&stock),
        ours[0],
        ours[ours.len() / 2],
        mean(&ours),
        mean(&ours) / mean(&stock)
    );
}

/// A head that walks through a 640 x 480 picture and leans to one side by up to `lean`, in radians.
fn walking(photo: &Frame, landmarks: &Landmarks, lean: f32) -> Vec<Frame> {
    let [[ax, ay], [bx, by], nose, ..] = *landmarks;
    let size = 50.0 / (bx - ax).hypot(by - ay);
    let frame = |index: usize| {
        let phase = index as f32 / 40.0 * std::f32::consts::TAU;
        let (sin, cos) = (lean * (0.75 + 0.25 * phase.sin())).sin_cos();
        let (a, b) = (size * cos, size * sin);
        let (x, y) = (320.0 + 100.0 * phase.cos(), 240.0 + 40.0 * (2.0 * phase).sin());
        let there = Similarity { a, b, tx: x - (a * nose[0] - b * nose[1]), ty: y - (b * nose[0] + a * nose[1]) };
        placed(photo, landmarks, &there)
    };
    (0..40).map(frame).collect()
}

/// Mean distance of landmarks from where they should be, as a share of the distance between the eyes.
pub fn error(face: &Face, wanted: &Landmarks) -> f32 {
    let distance = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let sum: f32 = wanted.iter().zip(face.landmarks).map(|(a, b)| distance(*a, b)).sum();
    sum / 5.0 / distance(wanted[0], wanted[1])
}

/// The picture turned clockwise around its middle, on black that holds all of it, with box and landmarks. A box keeps its middle;
/// of a head that lies the sides are changed, and of one between they lie between.
pub fn turned(photo: &Frame, degrees: f32, rect: Rect, landmarks: Landmarks) -> Result<(Frame, Rect, Landmarks)> {
    let image = RgbImage::from_raw(photo.width, photo.height, photo.pixels.clone()).context("a frame of another size")?;
    let (frame, there) = vary::turned(&image, degrees, true);
    Ok((frame, vary::moved(&there, &rect), landmarks.map(|point| there.apply(point))))
}
