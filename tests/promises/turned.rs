use lookalike::align::Similarity;
use lookalike::board::{Board, Heads};
use lookalike::detect::{Detector, Follower};
use lookalike::types::{Face, Frame, Landmarks};
use lookalike::{picture, setup};
use lookalike_tests::{lookalike, models, placed, root, run, sample};
use std::f32::consts::TAU;

fn detector(heads: Heads) -> Detector {
    let mut board = Board::read(&root().join("board-config/desktop.toml")).unwrap();
    board.models = models();
    board.detect.heads = heads;
    setup::detector(&setup::manifest(&board).unwrap(), &board.detect).unwrap()
}

fn photo() -> Frame {
    picture::read(&sample("gallery/Eileen Collins/astronaut.png")).unwrap()
}

/// The middle of the photo turned clockwise by `roll` around its face, 640x480, and the way from it to there.
fn turned(photo: &Frame, face: &Face, roll: f32) -> (Frame, Similarity) {
    let nose = face.landmarks[2];
    let (sin, cos) = roll.sin_cos();
    let there =
        Similarity { a: cos, b: sin, tx: 320.0 - (cos * nose[0] - sin * nose[1]), ty: 240.0 - (sin * nose[0] + cos * nose[1]) };
    (placed(photo, &face.landmarks, &there), there)
}

/// Mean distance as a share of that between the eyes.
fn off(found: &Landmarks, wanted: &Landmarks) -> f32 {
    let apart = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    (0..5).map(|k| apart(found[k], wanted[k])).sum::<f32>() / 5.0 / apart(wanted[0], wanted[1])
}

#[test]
fn a_head_is_found_at_every_angle_with_its_landmarks() {
    let photo = photo();
    let face = detector(Heads::Upright).detect(&photo).unwrap()[0];
    let (mut any, mut upright) = (detector(Heads::Any), detector(Heads::Upright));
    assert_eq!(any.detect(&photo).unwrap(), [face], "an upright head is left as it was");
    for degrees in (0..360).step_by(30) {
        let (frame, there) = turned(&photo, &face, (degrees as f32).to_radians());
        let found = any.detect(&frame).unwrap();
        assert_eq!(found.len(), 1, "{degrees} degrees: {found:?}");
        let wanted = face.landmarks.map(|p| there.apply(p));
        assert!(off(&found[0].landmarks, &wanted) < 0.15, "{degrees} degrees: {:?} is not {wanted:?}", found[0].landmarks);
    }
    let (lying, there) = turned(&photo, &face, TAU / 4.0);
    let wanted = face.landmarks.map(|p| there.apply(p));
    let by_itself = upright.detect(&lying).unwrap();
    assert!(by_itself.iter().all(|f| off(&f.landmarks, &wanted) > 0.5), "MT-CNN knows it by itself: the test shows nothing");
}

#[test]
fn a_head_that_lies_is_soon_found_in_a_video_and_followed() {
    let photo = photo();
    let face = detector(Heads::Upright).detect(&photo).unwrap()[0];
    let mut follower = Follower::new(detector(Heads::Any), 8, 4);
    // Lies for three seconds, then sits up.
    let mut first = None;
    for number in 0..90 {
        let roll = TAU / 4.0 * (1.0 - ((number as f32 - 60.0) / 25.0).clamp(0.0, 1.0));
        let (frame, there) = turned(&photo, &face, roll);
        let seen = follower.follow(&frame).unwrap();
        if let Some(seen) = seen.first() {
            let begun = *first.get_or_insert((number, seen.track));
            assert_eq!(seen.track, begun.1, "frame {number}: another track");
            let wanted = face.landmarks.map(|p| there.apply(p));
            assert!(off(&seen.face.landmarks, &wanted) < 0.2, "frame {number}: {:?} is not {wanted:?}", seen.face.landmarks);
        }
        assert!(seen.len() == usize::from(first.is_some()), "frame {number}: {seen:?}");
    }
    assert!(first.is_some_and(|(number, _)| number <= 24), "found at {first:?}");
}

#[test]
fn whoever_lies_is_named() {
    let photo = photo();
    let face = detector(Heads::Upright).detect(&photo).unwrap()[0];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lying.png");
    let (frame, _) = turned(&photo, &face, TAU / 4.0);
    image::RgbImage::from_raw(640, 480, frame.pixels).unwrap().save(&file).unwrap();
    let gallery = folder.path().join("g.gallery");
    for name in ["Barack Obama/obama2.jpg", "Eileen Collins/astronaut.png"] {
        let name = sample(&format!("gallery/{name}"));
        let person = name.parent().unwrap().file_name().unwrap();
        let ran = run(lookalike().args(["enroll", "--name"]).arg(person).arg("--gallery").arg(&gallery).arg(&name));
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let ran = run(lookalike().args(["match", "--json", "--gallery"]).arg(&gallery).arg(&file));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let best = &ran.json()[0]["faces"][0]["matches"][0];
    assert!(best["name"] == "Eileen Collins" && best["percent"].as_f64().unwrap() > 90.0, "{}", ran.out);
    // The head lies on its left ear: from eye to eye is down.
    for (heads, is_down) in [("upright", false), ("any", true)] {
        let ran = run(lookalike().args(["detect", "--json", "--heads", heads]).arg(&file));
        let eyes = [0, 1].map(|eye| [0, 1].map(|axis| ran.json()[0]["faces"][0]["landmarks"][eye][axis].as_f64().unwrap_or(0.0)));
        let (dx, dy) = (eyes[1][0] - eyes[0][0], eyes[1][1] - eyes[0][1]);
        assert_eq!(dy > 3.0 * dx.abs(), is_down, "--heads {heads}: {}", ran.out);
    }
}
