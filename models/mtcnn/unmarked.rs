//! Photos with faces in; the same out, and of each the faces that stock nets are sure of and nobody marked, as faces that are no example.
//!
//! Who marks the one who speaks leaves out the people behind. Taken for "no face", these would be the hardest examples of all: stages
//! would learn not to find small and blurred faces. Of a photo that is said to have no face, nothing is believed but that.

use super::each::each;
use super::nets::Files;
use super::truth::{Photo, Truth};
use super::vary;
use anyhow::Result;
use lookalike::detect::Detector;
use lookalike::picture;
use std::sync::atomic::AtomicBool;

/// How sure the stock nets have to be.
const SURE: f32 = 0.9;

/// Smallest face sought in a photo as large as copies of it are.
const SOUGHT_PX: f32 = 16.0;

/// What overlaps a marked face by so much is that one.
const SAME: f32 = 0.3;

/// Adds such faces as ignored ones, and returns how many there are; None where it was stopped, and nothing is added.
pub fn ignore(photos: &mut [Photo], stock: &Files, stop: &AtomicBool) -> Result<Option<usize>> {
    let what = "looking for faces that nobody marked";
    let tool = || stock.detector(SOUGHT_PX, [0.6, 0.7, SURE], 0.0);
    let Some(found) = each(what, photos, stop, tool, |detector, _, photo| unmarked(photo, detector))? else { return Ok(None) };
    let count = found.iter().map(Vec::len).sum();
    photos.iter_mut().zip(found).for_each(|(photo, found)| photo.faces.extend(found));
    Ok(Some(count))
}

fn unmarked(photo: &Photo, detector: &mut Detector) -> Result<Vec<Truth>> {
    if photo.faces.is_empty() {
        return Ok(vec![]);
    }
    // One that cannot be read is told of when it is to be learned from.
    let Ok(frame) = picture::read(&photo.path) else { return Ok(vec![]) };
    detector.set_min_face(SOUGHT_PX / vary::fit(frame.width, frame.height));
    let marked = vary::faces(&photo.faces);
    let seen = detector.detect(&frame)?.into_iter();
    let seen = seen.filter(|face| marked.iter().all(|other| other.rect.iou(&face.rect) < SAME));
    Ok(seen.map(|face| Truth { rect: Some(face.rect), landmarks: None, ignored: true }).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Stage;
    use super::*;
    use lookalike::types::Rect;
    use std::path::PathBuf;

    #[test]
    fn a_face_that_nobody_marked_is_no_example_unless_the_photo_is_said_to_have_none() {
        let stock = Files(Stage::ALL.map(|stage| format!("out/mtcnn/{}.float32.onnx", stage.name()).into()));
        let path = PathBuf::from("out/samples/gallery/Eileen Collins/astronaut.png");
        let astronaut = picture::read(&path).expect("`make models` writes it");
        let seen = stock.detector(SOUGHT_PX, [0.6, 0.7, SURE], 0.0).unwrap().detect(&astronaut).unwrap();
        let [face] = &seen[..] else { panic!("{seen:?}") };
        let marked = |rect: Rect| Truth { rect: Some(rect), landmarks: None, ignored: false };
        let elsewhere = Rect { x: 0.0, y: 0.0, w: 40.0, h: 40.0 };
        let of = |faces: Vec<Truth>| Photo { path: path.clone(), faces };
        let mut photos = [of(vec![marked(elsewhere)]), of(vec![marked(face.rect)]), of(vec![])];
        let before = photos.clone();
        assert_eq!(ignore(&mut photos, &stock, &AtomicBool::new(true)).unwrap(), None);
        assert_eq!(photos, before);
        assert_eq!(ignore(&mut photos, &stock, &AtomicBool::new(false)).unwrap(), Some(1));
        assert_eq!(photos[0].faces, [marked(elsewhere), Truth { ignored: true, ..marked(face.rect) }]);
        assert_eq!(photos[1..], before[1..]);
    }
}
