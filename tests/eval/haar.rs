//! A Haar cascade beside MT-CNN on the same pictures, from the same smallest face on: recall, false alarms, milliseconds.

use crate::detection::{LEAST_PX, boxes_of_wider};
use crate::truth::rows;
use crate::{Lab, percent};
use anyhow::Result;
use lookalike::board::Heads;
use lookalike::picture;
use lookalike::setup;
use lookalike::types::{Frame, Rect};
use std::time::{Duration, Instant};

/// Boxes of one frame.
type Finder<'a> = dyn FnMut(&Frame) -> Result<Vec<Rect>> + 'a;

/// What one of them does.
#[derive(Default)]
struct Figures {
    /// Boxes of wider of at least each of [`LEAST_PX`], and how many of them were found.
    wider: [(usize, usize); 4],
    /// Boxes of its own in those pictures that are on no true one.
    wider_false: usize,
    /// Faces of ytf, and how many of them were found.
    ytf: (usize, usize),
    /// Pictures without a face in which one was seen.
    nonface: usize,
    /// On the pictures of wider, and how many they are.
    took: (Duration, u32),
}

pub fn print(lab: &Lab) -> Result<()> {
    // A cascade's faces are upright, too.
    let lab = &lab.with_heads(Heads::Upright);
    let board = &lab.board.detect;
    let mut detector = setup::detector(&lab.models, board)?;
    let mut haar = setup::cascade(&lab.models, board)?;
    let ours = measure(lab, &mut |frame| Ok(detector.detect(frame)?.iter().map(|face| face.rect).collect()))?;
    let other = measure(lab, &mut |frame| Ok(haar.detect(frame).iter().map(|outline| outline.rect).collect()))?;
    println!(
        "haar beside mtcnn, smallest face {} px, factor {}, {} neighbours     mtcnn    haar",
        board.min_face_px, board.cascade_factor, board.cascade_neighbours
    );
    for ((least, (all, hit)), (_, hit_other)) in LEAST_PX.iter().zip(ours.wider).zip(other.wider) {
        let [hit, hit_other] = [hit, hit_other].map(|hits| hits as f32 / all as f32);
        println!("wider, recall of {all:3} boxes >= {least:2} px wide                    {hit:.3}   {hit_other:.3}");
    }
    println!("wider, boxes on no true one                             {:7} {:7}", ours.wider_false, other.wider_false);
    println!(
        "ytf, face found at IoU .3                               {:>7} {:>7}",
        percent(ours.ytf.1, ours.ytf.0),
        percent(other.ytf.1, other.ytf.0)
    );
    println!("nonface, images with a detection                        {:7} {:7}", ours.nonface, other.nonface);
    let ms = |(took, count): (Duration, u32)| 1e3 * took.as_secs_f64() / f64::from(count.max(1));
    println!("wider, ms a picture, one thread                         {:7.1} {:7.1}\n", ms(ours.took), ms(other.took));
    Ok(())
}

/// One picture after the other, for the sake of the milliseconds.
fn measure(lab: &Lab, find: &mut Finder) -> Result<Figures> {
    let mut figures = Figures::default();
    for (image, truth) in boxes_of_wider(lab)? {
        let frame = lab.picture(&format!("wider/{image}"))?;
        let mut least = Duration::MAX;
        let mut found = Vec::new();
        for _ in 0..2 {
            let start = Instant::now();
            found = find(&frame)?;
            least = least.min(start.elapsed());
        }
        (figures.took.0, figures.took.1) = (figures.took.0 + least, figures.took.1 + 1);
        for ((all, hit), least) in figures.wider.iter_mut().zip(LEAST_PX) {
            for wanted in truth.iter().filter(|b| b.w >= least) {
                *all += 1;
                *hit += usize::from(found.iter().any(|f| f.iou(wanted) >= 0.4));
            }
        }
        figures.wider_false += found.iter().filter(|f| truth.iter().all(|wanted| f.iou(wanted) < 0.4)).count();
    }
    for row in rows(&lab.data.join("ytf/truth.csv"))? {
        let (frame, wanted) = (lab.picture(&format!("ytf/{}", row.text("image")?))?, row.rect()?);
        figures.ytf.0 += 1;
        figures.ytf.1 += usize::from(find(&frame)?.iter().any(|f| f.iou(&wanted) >= 0.3));
    }
    for path in picture::list_pictures(&lab.data.join("nonface"))? {
        figures.nonface += usize::from(!find(&picture::read(&path)?)?.is_empty());
    }
    Ok(figures)
}
