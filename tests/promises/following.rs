use lookalike::align::Similarity;
use lookalike::board::Board;
use lookalike::detect::Follower;
use lookalike::types::{Face, Frame};
use lookalike::{picture, setup};
use lookalike_tests::{models, placed, root, sample};

const FRAMES: usize = 40;

/// A sample photo's face that walks a figure of eight, leans, comes nearer and goes, at 640x480. All of the picture moves.
fn video(photo: &Frame, face: &Face) -> Vec<Frame> {
    let [[ax, ay], [bx, by], nose, ..] = face.landmarks;
    let size = 50.0 / (bx - ax).hypot(by - ay);
    let frame = |index: usize| {
        let phase = index as f32 / FRAMES as f32 * std::f32::consts::TAU;
        let (lean, scale) = (0.2 * phase.sin(), size * (1.0 + 0.3 * phase.cos()));
        let (x, y) = (320.0 + 120.0 * phase.cos(), 240.0 + 50.0 * (2.0 * phase).sin());
        let (a, b) = (scale * lean.cos(), scale * lean.sin());
        let there = Similarity { a, b, tx: x - (a * nose[0] - b * nose[1]), ty: y - (b * nose[0] + a * nose[1]) };
        placed(photo, &face.landmarks, &there)
    };
    (0..FRAMES).map(frame).collect()
}

/// With the real nets: where following says that the face is, the whole cascade says so too, for as long as it lasts.
#[test]
fn a_followed_face_stays_where_a_search_finds_it() {
    let mut board = Board::read(&root().join("board-config/desktop.toml")).unwrap();
    board.models = models();
    let manifest = setup::manifest(&board).unwrap();
    let mut searching = setup::detector(&manifest, &board.detect).unwrap();
    let photo = picture::read(&sample("gallery/Eileen Collins/astronaut.png")).unwrap();
    let face = searching.detect(&photo).unwrap()[0];
    let frames = video(&photo, &face);
    let searched: Vec<Face> = frames.iter().map(|frame| searching.detect(frame).unwrap()[0]).collect();
    // Searched once: what follows has to hold for two rounds by itself.
    let mut follower = Follower::new(setup::detector(&manifest, &board.detect).unwrap(), 1000, 4);
    for round in 1..=2 {
        let (mut overlaps, mut off) = (Vec::new(), Vec::new());
        for (index, (frame, found)) in frames.iter().zip(&searched).enumerate() {
            let followed = follower.follow(frame).unwrap();
            assert_eq!(followed.len(), 1, "frame {index}: {followed:?}");
            assert_eq!(followed[0].track, 1, "frame {index}");
            let seen = followed[0].face;
            overlaps.push(seen.rect.iou(&found.rect));
            let apart = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
            let eyes = apart(found.landmarks[0], found.landmarks[1]);
            off.push((0..5).map(|k| apart(seen.landmarks[k], found.landmarks[k])).sum::<f32>() / 5.0 / eyes);
        }
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let least = overlaps.iter().copied().fold(1.0, f32::min);
        println!("round {round}: IoU {:.3} (least {least:.3}), landmarks {:.3}", mean(&overlaps), mean(&off));
        assert!(mean(&overlaps) > 0.9 && least > 0.7 && mean(&off) < 0.04, "round {round}: {overlaps:?} {off:?}");
    }
}

/// With the real nets.
#[test]
fn several_threads_find_what_one_finds() {
    let mut board = Board::read(&root().join("board-config/desktop.toml")).unwrap();
    board.models = models();
    let manifest = setup::manifest(&board).unwrap();
    let photo = picture::read(&sample("gallery/Eileen Collins/astronaut.png")).unwrap();
    let mut find = |threads| {
        board.detect.threads = threads;
        setup::detector(&manifest, &board.detect).unwrap().detect(&photo).unwrap()
    };
    let alone = find(1);
    assert_eq!(alone.len(), 1);
    assert_eq!([2, 3].map(&mut find), [alone.clone(), alone]);
}
