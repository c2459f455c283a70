//! Pictures of every generative mode, compared pixel by pixel with those in `tests/golden/screens`. Nets whose arithmetic has a known
//! answer: a latent vector says how much of each of ten drawn digits there is in a picture.

use super::*;
use crate::generate::idx::Digits;
use crate::generate::ink::Strokes;
use crate::generate::{Coder, Generator, Judge, Shape, Tiles, fakes, latent};
use crate::screen::Surface;
use crate::ui::golden::check;
use std::sync::Arc;

const SHAPE: Shape = Shape { channels: 1, height: 28, width: 28 };

/// Digits as a hand draws them, on a sheet of 10 by 10.
const HAND: [&str; 10] = [
    "5,0 2,2 1,5 2,8 5,10 8,8 9,5 8,2 5,0",
    "3,2 5,0 5,10",
    "1,2 3,0 7,0 9,2 8,4 1,10 9,10",
    "1,1 4,0 8,1 8,4 4,5 8,6 8,9 4,10 1,9",
    "7,10 7,0 1,7 9,7",
    "9,0 2,0 2,4 6,4 9,6 8,9 4,10 1,9",
    "8,0 4,2 2,6 3,9 6,10 8,8 7,6 4,6 2,8",
    "1,0 9,0 4,10",
    "5,5 2,3 3,0 7,0 8,3 5,5 1,8 3,10 7,10 9,8 5,5",
    "8,4 5,5 2,3 3,0 7,0 8,4 7,10",
];

fn hand(class: usize, lean: f32) -> Strokes {
    let mut strokes = Strokes::default();
    for point in HAND[class].split(' ') {
        let (x, y) = point.split_once(',').unwrap();
        let [x, y] = [x, y].map(|v| v.parse::<f32>().unwrap() / 10.0);
        strokes.go_on([0.2 + 0.6 * (x + lean * (0.5 - y)), 0.2 + 0.6 * y]);
    }
    strokes
}

/// Eighty digits, each class in eight leans.
fn digits() -> Digits {
    let mut pictures = Tiles::empty(SHAPE);
    let places = (0..8).flat_map(|lean| (0..10).map(move |class| (class, lean as f32 / 10.0 - 0.35)));
    places.for_each(|(class, lean)| pictures.push(&hand(class, lean).picture(SHAPE).values));
    Digits { pictures, labels: (0..80).map(|i| (i % 10) as u8).collect() }
}

/// How near a picture is to each of the ten digits.
fn nearness(known: &Digits, picture: &[f32]) -> Vec<f32> {
    (0..10).map(|class| 3.0 - 0.6 * latent::distance(known.pictures.get(30 + class), picture)).collect()
}

/// The plain one keeps every digit apart less: between its points lie mixtures.
fn coder(variational: bool) -> Option<Coder> {
    let (known, seen) = (digits(), digits());
    let steep = if variational { 4.0 } else { 0.8 };
    let draw = move |point: &[f32]| {
        let raised: Vec<f32> = point.iter().map(|v| (steep * v).exp()).collect();
        let total: f32 = raised.iter().sum();
        let ink = |pixel: usize| (0..10).map(|class| raised[class] / total * known.pictures.get(30 + class)[pixel]).sum();
        (0..784).map(ink).collect()
    };
    let decoder = Generator::new(Box::new(fakes::ByFormula::new(&[1, 28, 28], draw)), 10, 0).unwrap();
    let look = move |picture: &[f32]| {
        let variance = (0..10).map(|i| -1.0 - 0.2 * i as f32).take(if variational { 10 } else { 0 });
        nearness(&seen, picture).into_iter().chain(variance).collect()
    };
    let encoder = fakes::ByFormula::new(&[if variational { 20 } else { 10 }], look);
    Some(Coder::new(Box::new(encoder), SHAPE, decoder).unwrap())
}

/// Sees the class of a picture by the digit that it is most alike.
fn judge() -> Option<Judge> {
    let known = digits();
    let look = move |picture: &[f32]| nearness(&known, picture).into_iter().map(|v| 2.0 * v).collect();
    Some(Judge::new(Box::new(fakes::ByFormula::new(&[10], look)), SHAPE).unwrap())
}

fn family() -> Family {
    Family {
        name: "digits".into(),
        classifier: judge(),
        coders: [coder(false), None, coder(true)],
        generators: [None, None],
        known: Some(Arc::new(digits())),
        ..Family::default()
    }
}

fn faces() -> map::Faces {
    let mut faces = map::Faces { length: 3, ..map::Faces::default() };
    let points = [("Ada", [1.0, 0.2, 0.0]), ("Ada", [0.9, 0.3, 0.1]), ("Émilie", [-0.8, 0.5, 0.2]), ("Софья", [-0.1, -0.9, 0.0])];
    for (i, (name, vector)) in points.into_iter().enumerate() {
        faces.vectors.extend_from_slice(&vector);
        faces.names.push(name.into());
        faces.thumbnails.push(chip(60 * i as u8));
    }
    faces
}

fn chip(shade: u8) -> Chip {
    let pixel = |i: usize| [200u8.wrapping_sub(shade), 120, (40 + shade / 2).wrapping_add((i / 20) as u8)];
    Chip { width: 20, height: 20, pixels: (0..400).flat_map(pixel).collect() }
}

fn play() -> Play {
    let (open, has) = (Box::new(|| Ok(family())), [true, false, true, false, false]);
    Play::new(Parts { open, has, has_digits: true, faces: faces(), learner: None, seed: 5 })
}

/// Draws until all that was asked is answered and shown.
fn settled(play: &mut Play, mode: Mode, canvas: &mut Canvas) {
    let embedding = [0.8, 0.0, 0.1];
    let face = chip(9);
    for _ in 0..4 {
        while play.worker.is_busy() {
            std::thread::yield_now();
        }
        let visitor = Visitor { embedding: &embedding, chip: Some(&face) };
        play.draw(mode, canvas, 2.0, Some(visitor), "tap here or space: the next mode");
    }
}

fn canvas(width: u32, height: u32, cells: bool) -> Canvas {
    Canvas::strict(Surface { width, height, cells })
}

fn shown(mode: Mode, width: u32, height: u32) -> Canvas {
    let mut canvas = canvas(width, height, false);
    settled(&mut play(), mode, &mut canvas);
    canvas
}

/// Presses and lets go.
fn tap(play: &mut Play, mode: Mode, canvas: &Canvas, at: Pixel) -> Option<Wish> {
    let events = [Event::Press(at), Event::Release(at), Event::Tap(at)];
    events.into_iter().filter_map(|event| play.event(mode, event, canvas)).last()
}

/// The middle of a control.
fn control(play: &mut Play, mode: Mode, canvas: &Canvas, index: usize) -> Pixel {
    let area = Layout::of(canvas, &play.piece(mode).controls()).controls[index];
    Pixel { x: (area.x + area.w / 2) as u32, y: (area.y + area.h / 2) as u32 }
}

#[test]
fn a_walk_fills_the_stage() {
    check(&shown(Mode::Walk, 800, 480), "dream-walk-800x480");
    check(&shown(Mode::Walk, 480, 800), "dream-walk-480x800");
}

#[test]
fn two_autoencoders_side_by_side() {
    check(&shown(Mode::Sample, 800, 480), "dream-sample-800x480");
    check(&shown(Mode::Sample, 480, 800), "dream-sample-480x800");
}

#[test]
fn a_digit_comes_back() {
    check(&shown(Mode::Reconstruct, 640, 480), "dream-reconstruct-640x480");
    check(&shown(Mode::Reconstruct, 480, 800), "dream-reconstruct-480x800");
}

#[test]
fn a_finger_blends_three_digits() {
    for (width, height) in [(800, 480), (480, 800)] {
        let mut canvas = canvas(width, height, false);
        let mut play = play();
        settled(&mut play, Mode::Blend, &mut canvas);
        play.event(Mode::Blend, Event::Press(Pixel { x: 240, y: 190 }), &canvas);
        settled(&mut play, Mode::Blend, &mut canvas);
        check(&canvas, &format!("dream-blend-{width}x{height}"));
    }
}

#[test]
fn a_drawn_digit_is_recognised() {
    for (width, height) in [(800, 480), (480, 800), (640, 480)] {
        let mut canvas = canvas(width, height, false);
        let mut play = play();
        let layout = Layout::of(&canvas, &play.piece(Mode::Draw).controls());
        let sheet = dream::sheet::sheet(layout.stage, Dims::of(&canvas));
        let pixel = |p: &[f32; 2]| Pixel {
            x: (sheet.x as f32 + p[0] * sheet.w as f32) as u32,
            y: (sheet.y as f32 + p[1] * sheet.h as f32) as u32,
        };
        let drawn = hand(3, 0.1);
        let line = &drawn.lines()[0];
        play.event(Mode::Draw, Event::Press(pixel(&line[0])), &canvas);
        for point in line {
            play.event(Mode::Draw, Event::Drag(pixel(point)), &canvas);
        }
        settled(&mut play, Mode::Draw, &mut canvas);
        check(&canvas, &format!("dream-draw-{width}x{height}"));
    }
}

#[test]
fn a_gan_at_work() {
    let learner = train::Learner { open: Box::new(|| anyhow::bail!("not in this picture")), shape: SHAPE, seed: 1 };
    let controls = Piece::controls(&train::Train::new(Some(learner)));
    let losses = |start: f32, end: f32| -> Vec<f32> {
        (0..300).map(|i| end + (start - end) * (-i as f32 / 60.0).exp() + 0.15 * (i as f32 * 1.7).sin()).collect()
    };
    let (d, g) = (losses(0.7, 1.2), losses(2.9, 0.9));
    let known = digits();
    let samples = Tiles::new(SHAPE, known.pictures.values[..36 * 784].to_vec()).unwrap();
    let view = dream::train::View { samples: Some(&samples), losses: [&d, &g], opinions: [0.71, 0.34], steps: [300, 300] };
    let title = "A GAN learns here: one net draws, the other tells real from fake";
    let frame = dream::Frame { title, controls: &controls, state: "learning", hint: "tap here or space: the map" };
    for (width, height) in [(800, 480), (480, 800), (640, 480)] {
        let mut canvas = canvas(width, height, false);
        dream::draw(&mut canvas, &frame, |canvas, stage, dims| dream::train::draw(canvas, &view, stage, dims));
        check(&canvas, &format!("dream-train-{width}x{height}"));
    }
}

#[test]
fn a_visitor_among_the_faces_and_a_digit_in_space() {
    check(&shown(Mode::Map, 800, 480), "dream-map-800x480");
    check(&shown(Mode::Map, 480, 800), "dream-map-480x800");
    let (mut canvas, mut play) = (canvas(640, 480, false), play());
    for index in [1, 5] {
        let at = control(&mut play, Mode::Map, &canvas, index);
        tap(&mut play, Mode::Map, &canvas, at);
        settled(&mut play, Mode::Map, &mut canvas);
    }
    tap(&mut play, Mode::Map, &canvas, Pixel { x: 190, y: 200 });
    settled(&mut play, Mode::Map, &mut canvas);
    check(&canvas, "dream-map-digits-640x480");
}

#[test]
fn a_face_that_a_finger_chose_counts_for_more_than_the_visitor() {
    let (mut canvas, mut play) = (canvas(640, 480, false), play());
    settled(&mut play, Mode::Map, &mut canvas);
    let of_visitor = canvas.pixels().to_vec();
    let mut places = (60..400).step_by(40).flat_map(|y| (20..440).step_by(40).map(move |x| Pixel { x, y }));
    let chosen = places.find(|&at| {
        tap(&mut play, Mode::Map, &canvas, at);
        settled(&mut play, Mode::Map, &mut canvas);
        canvas.pixels() != of_visitor
    });
    assert!(chosen.is_some(), "no tap changes what the visitor sees");
    let faces = control(&mut play, Mode::Map, &canvas, 0);
    tap(&mut play, Mode::Map, &canvas, faces);
    settled(&mut play, Mode::Map, &mut canvas);
    assert!(canvas.pixels() == of_visitor, "the choice stays when the faces are asked for anew");
}

#[test]
fn a_terminal_shows_them_too() {
    for mode in [Mode::Blend, Mode::Reconstruct, Mode::Map] {
        let mut canvas = canvas(80, 48, true);
        settled(&mut play(), mode, &mut canvas);
        check(&canvas, &format!("dream-{}-80x24", mode.name()));
    }
}

#[test]
fn what_is_missing_is_said_on_the_stage() {
    let has = [false; 5];
    let empty = || Ok(Family { name: "digits".into(), ..Family::default() });
    let faces = map::Faces::default();
    let mut play = Play::new(Parts { open: Box::new(empty), has, has_digits: false, faces, learner: None, seed: 1 });
    let mut canvas = canvas(800, 480, false);
    settled(&mut play, Mode::Blend, &mut canvas);
    check(&canvas, "dream-missing-800x480");
    assert!(!play.has_nets());
}

#[test]
fn the_bar_below_leads_on_and_the_stage_does_not() {
    let (mut canvas, mut play) = (canvas(800, 480, false), play());
    for mode in Mode::ALL.into_iter().filter(|mode| mode.is_generative()) {
        settled(&mut play, mode, &mut canvas);
        assert_eq!(tap(&mut play, mode, &canvas, Pixel { x: 700, y: 470 }), Some(Wish::Next), "{mode:?}");
        assert_eq!(tap(&mut play, mode, &canvas, Pixel { x: 300, y: 200 }), None, "{mode:?}");
        assert_eq!(play.event(mode, Event::Next, &canvas), Some(Wish::Next));
    }
}

#[test]
fn no_size_draws_out_of_bounds() {
    let mut play = play();
    for (width, height) in [(1, 1), (7, 3), (24, 130), (130, 24), (61, 61), (333, 200), (900, 61)] {
        for cells in [false, true] {
            let mut canvas = canvas(width, height, cells);
            for mode in Mode::ALL.into_iter().filter(|mode| mode.is_generative()) {
                play.draw(mode, &mut canvas, 1.0, None, "tap here or space: the next mode");
                tap(&mut play, mode, &canvas, Pixel { x: width / 2, y: height / 2 });
            }
        }
    }
}
