//! A stage after it was taught in; the same, as free with its "yes" as the stock one, out.
//!
//! What a net learned from was chosen to be hard, and so its scores are others than the authors' thresholds want them. On photos that
//! it did not learn from it gets the bias with which it lets as much through as the stock nets do: P-Net and R-Net as many squares, so
//! that a frame costs the same, O-Net as many false detections.

use super::each::each;
use super::nets::Files;
use super::truth::Photo;
use super::{Stage, nets, vary};
use anyhow::{Context, Result};
use lookalike::detect::{AGREEMENT, Detector};
use lookalike::picture;
use lookalike::types::{Frame, Rect};
use lookalike_learn::Net;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Faces as small as a demanding booth seeks.
const SOUGHT_PX: f32 = 20.0;

/// False detections are counted from this score on: those above the booth's own threshold are too few to go by, and where agreement
/// counts those far below it are spread otherwise than the stock nets'.
const COUNTED: f32 = 0.5;

/// A detection that overlaps a face by less is a false one.
const HIT: f32 = 0.3;

/// One photo of so many is kept apart.
const KEPT: usize = 10;

/// The bias is looked for within so much, in so many halvings.
const MOST: f32 = 3.0;
const HALVINGS: usize = 7;

/// The photos to learn from, and those kept apart; of very few all are both.
pub fn apart(photos: &[Photo]) -> [Vec<Photo>; 2] {
    if photos.len() < 2 * KEPT {
        return [photos.to_vec(), photos.to_vec()];
    }
    let part =
        |kept: bool| photos.iter().enumerate().filter(|(i, _)| (i % KEPT == KEPT - 1) == kept).map(|(_, p)| p.clone()).collect();
    [part(false), part(true)]
}

/// The bytes of the stage's file; None where it was stopped. `onnx`: that it began with; `now`: files of all stages, those before this
/// one tuned; `trial`: a file that is written on the way.
pub fn even(
    stage: Stage,
    (net, onnx): (&Net, &[u8]),
    [stock, now]: [&Files; 2],
    kept: &[Photo],
    trial: &Path,
    stop: &AtomicBool,
) -> Result<Option<Vec<u8>>> {
    // A photo that cannot be read was told of when it was to be learned from.
    let rects = |photo: &Photo| vary::faces(&photo.faces).into_iter().map(|face| face.rect).collect();
    let shown: Vec<(Frame, Vec<Rect>)> =
        kept.iter().filter_map(|photo| Some((picture::read(&photo.path).ok()?, rects(photo)))).collect();
    let Some(wanted) = passed(stage, "looking as the stock net", stock, 0.0, &shown, stop)? else { return Ok(None) };
    let name = format!("mtcnn-tuned-{}", stage.name());
    let with = |bias: f32| -> Result<Vec<u8>> {
        let mut net = net.clone();
        let last = net.weights.last_mut().context("a net without weights")?;
        last.values[1] += bias;
        nets::write(stage, &net, onnx, &name)
    };
    let mut files = now.clone();
    files.0[stage.index()] = trial.into();
    let (mut low, mut high) = (-MOST, MOST);
    for halving in 1..=HALVINGS {
        let middle = (low + high) / 2.0;
        crate::files::write(trial, &with(middle)?)?;
        let what = format!("weighing yes and no, {halving}/{HALVINGS}");
        let passed = passed(stage, &what, &files, AGREEMENT, &shown, stop);
        let _ = std::fs::remove_file(trial);
        let Some(passed) = passed? else { return Ok(None) };
        *(if passed > wanted { &mut high } else { &mut low }) = middle;
    }
    let what = if stage == Stage::Onet { "false detections in" } else { "squares of" };
    eprintln!(
        "{}: {low:+.2} to its \"yes\", as the stock one it lets {wanted} {what} {} photos through",
        stage.name(),
        shown.len()
    );
    with(low).map(Some)
}

/// How many squares, or of O-Net false detections, a stage lets through. `agreement`: see
/// [`Settings::agreement`](lookalike::detect::Settings::agreement).
fn passed(
    stage: Stage,
    what: &str,
    files: &Files,
    agreement: f32,
    shown: &[(Frame, Vec<Rect>)],
    stop: &AtomicBool,
) -> Result<Option<usize>> {
    let tool = || files.detector(SOUGHT_PX, [0.6, 0.7, COUNTED], agreement);
    let work = |detector: &mut Detector, _, (frame, faces): &(Frame, Vec<Rect>)| {
        Ok(match stage {
            Stage::Pnet => detector.proposed(frame)?.len(),
            Stage::Rnet => detector.sifted(frame)?.len(),
            Stage::Onet => {
                let found = detector.detect(frame)?;
                found.iter().filter(|face| faces.iter().all(|rect| face.rect.iou(rect) < HIT)).count()
            }
        })
    };
    Ok(each(what, shown, stop, tool, work)?.map(|passed| passed.iter().sum()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tenth_photo_is_kept_apart_and_of_few_all_are_both() {
        let photos = |count: usize| -> Vec<Photo> {
            (0..count).map(|i| Photo { path: format!("{i}.jpg").into(), faces: vec![] }).collect()
        };
        let [learned, kept] = apart(&photos(45));
        assert_eq!((learned.len(), kept.len()), (41, 4));
        assert!(kept.iter().all(|photo| !learned.contains(photo)));
        let [learned, kept] = apart(&photos(5));
        assert_eq!((learned.len(), kept.len()), (5, 5));
    }
}
