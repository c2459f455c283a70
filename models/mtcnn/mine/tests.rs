use super::*;

fn miner(stage: Stage) -> Miner {
    Miner {
        photos: vec![],
        stage,
        files: Files(Stage::ALL.map(|stage| stage.name().into())),
        roll_most: 0.0,
        seed: 1,
        stop: Arc::default(),
        hash: String::new(),
        second_look: false,
        told: true,
        crops: vec![],
        wanted: vec![],
    }
}

fn square(x: f32, y: f32, side: f32) -> Rect {
    Rect { x, y, w: side, h: side }
}

fn face(rect: Rect, ignored: bool) -> Face {
    Face { rect, landmarks: Some([[10.0, 20.0], [30.0, 20.0], [20.0, 30.0], [12.0, 40.0], [28.0, 40.0]]), ignored }
}

#[test]
fn what_overlaps_is_a_face_or_a_part_of_one_and_what_does_not_is_none() {
    let faces = [face(square(0.0, 0.0, 50.0), false), face(square(200.0, 0.0, 50.0), true)];
    let wanted = |x: f32, side: f32| miner(Stage::Rnet).wanted(&square(x, 0.0, side), &square(x, 0.0, side), &faces);
    assert_eq!(wanted(0.0, 50.0), Some(vec![1.0, 0.0, 0.0, 0.0, 0.0]));
    let part = wanted(20.0, 50.0).unwrap();
    assert!(part[0].is_nan() && part[1..] == [-0.4, 0.0, -0.4, 0.0], "{part:?}");
    assert_eq!(wanted(25.0, 50.0), None);
    let none = wanted(100.0, 50.0).unwrap();
    assert!(none[0] == 0.0 && none[1..].iter().all(|edge| edge.is_nan()));
    assert_eq!(wanted(200.0, 50.0), None);
    let edges = miner(Stage::Pnet).wanted(&square(5.0, 0.0, 50.0), &square(5.0, 0.0, 50.0), &faces).unwrap();
    assert!((edges[1] + 5.0 / 49.0).abs() < 1e-6);
}

#[test]
fn landmarks_are_shares_of_the_square_and_those_of_small_faces_are_not_learned_from() {
    let miner = miner(Stage::Onet);
    let wanted = |side: f32| {
        let cut = square(0.0, 0.0, side);
        miner.wanted(&Rect { x: 0.5, ..cut }, &cut, &[face(square(0.0, 0.0, 0.96 * side), false)]).unwrap()
    };
    let far = |a: &[f32], b: [f32; 10]| a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let points = [0.095, 0.295, 0.195, 0.115, 0.275, 0.2, 0.2, 0.3, 0.4, 0.4];
    assert!(far(&wanted(100.0)[5..], points) < 1e-6);
    let small = wanted(60.0);
    assert!(small[0] == 1.0 && small[5..].iter().all(|point| point.is_nan()));
}

#[test]
fn squares_around_a_face_are_examples_of_it() {
    let rect = Rect { x: 100.0, y: 50.0, w: 40.0, h: 52.0 };
    let dice = &mut Dice::new(3);
    for stage in Stage::ALL {
        let overlaps: Vec<f32> = (0..400).map(|_| near(&rect, stage, dice).iou(&rect)).collect();
        let share = |least: f32| overlaps.iter().filter(|overlap| **overlap >= least).count() as f32 / 400.0;
        assert!(share(FACE) > 0.15 && share(PART) > 0.8, "{stage:?}: {} {}", share(FACE), share(PART));
    }
}
