use super::*;
use crate::infer::Tensor;
use std::sync::{Arc, Mutex};

/// A P-Net whose score is the mean brightness under each window's centre pixel: a white spot is a "face".
#[derive(Default)]
pub(super) struct BrightP(Vec<Tensor>);

impl Model for BrightP {
    fn run(&mut self, [_, h, w]: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        let mut input = vec![0; 3 * h * w];
        fill(&mut input);
        let (rows, columns) = ((h - 10).div_ceil(2) - 1, (w - 10).div_ceil(2) - 1);
        let mut scores = vec![0.0; 2 * rows * columns];
        for row in 0..rows {
            for column in 0..columns {
                scores[rows * columns + row * columns + column] =
                    f32::from(input[3 * ((row * 2 + 6) * w + column * 2 + 6)]) / 255.0;
            }
        }
        let shifts = vec![0.0; 4 * rows * columns];
        self.0 = vec![tensor(&[1, 2, rows, columns], scores), tensor(&[1, 4, rows, columns], shifts)];
        Ok(&self.0)
    }
}

/// Passes every crop with the given score; remembers the batch sizes that it saw.
struct Pass {
    score: f32,
    landmarks: bool,
    batches: Arc<Mutex<Vec<usize>>>,
    outputs: Vec<Tensor>,
}

impl Model for Pass {
    fn run(&mut self, [n, h, w]: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        fill(&mut vec![0; 3 * n * h * w]);
        self.batches.lock().unwrap().push(n);
        self.outputs = vec![tensor(&[n, 2], [1.0 - self.score, self.score].repeat(n)), tensor(&[n, 4], vec![0.0; 4 * n])];
        if self.landmarks {
            self.outputs.push(tensor(&[n, 10], [0.3, 0.7, 0.5, 0.35, 0.65, 0.4, 0.4, 0.6, 0.8, 0.8].repeat(n)));
        }
        Ok(&self.outputs)
    }
}

pub(super) fn tensor(shape: &[usize], data: Vec<f32>) -> Tensor {
    Tensor { shape: shape.to_vec(), data }
}

pub(super) fn net(model: impl Model + 'static) -> Net {
    Net { model: Box::new(model), normalise: Normalise { mean: [0.0; 3], scale: 1.0 / 255.0 } }
}

pub(super) fn settings() -> Settings {
    let thresholds = [0.6, 0.7, 0.7];
    Settings { min_face_px: 24.0, factor: 0.5, thresholds, heads: Heads::Upright, second_look: false, agreement: 0.0 }
}

fn detector(r_score: f32, o_score: f32) -> (Detector, Arc<Mutex<Vec<usize>>>) {
    detector_on(1, r_score, o_score)
}

fn detector_on(threads: usize, r_score: f32, o_score: f32) -> (Detector, Arc<Mutex<Vec<usize>>>) {
    let batches = Arc::new(Mutex::new(Vec::new()));
    let nets = |_| {
        let r = Pass { score: r_score, landmarks: false, batches: batches.clone(), outputs: vec![] };
        let o = Pass { score: o_score, landmarks: true, batches: Arc::default(), outputs: vec![] };
        Nets { pnet: net(BrightP::default()), rnet: net(r), onet: net(o) }
    };
    (Detector::new((0..threads).map(nets).collect(), settings()).unwrap(), batches)
}

/// A grey frame.
pub(super) fn frame_of(width: u32, height: u32, paint: impl Fn(u32, u32) -> u8) -> Frame {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| [paint(x, y); 3]).collect();
    Frame { width, height, pixels, ..Frame::empty() }
}

/// A black frame with white squares of 13 pixels around the given centres.
fn spots(width: u32, height: u32, centres: &[(u32, u32)]) -> Frame {
    let is_lit = |x: u32, y: u32| centres.iter().any(|&(cx, cy)| x.abs_diff(cx) <= 6 && y.abs_diff(cy) <= 6);
    frame_of(width, height, |x, y| if is_lit(x, y) { 255 } else { 0 })
}

#[test]
fn a_spot_becomes_a_face_at_its_place() {
    let (mut detector, _) = detector(0.9, 0.95);
    let faces = detector.detect(&spots(160, 120, &[(80, 60)])).unwrap();
    let best = faces[0];
    let (x, y) = (best.rect.x + best.rect.w / 2.0, best.rect.y + best.rect.h / 2.0);
    assert!((x - 80.0).abs() < 8.0 && (y - 60.0).abs() < 8.0, "{best:?}");
    assert_eq!(best.score, 0.95);
    let [eye, other, ..] = best.landmarks;
    assert!((eye[0] - (best.rect.x + 0.3 * best.rect.w)).abs() < 1e-3 && other[0] > eye[0]);
}

#[test]
fn each_later_net_has_a_veto() {
    let frame = spots(160, 120, &[(80, 60)]);
    assert!(detector(0.6, 0.95).0.detect(&frame).unwrap().is_empty());
    assert!(detector(0.9, 0.6).0.detect(&frame).unwrap().is_empty());
}

#[test]
fn black_tiny_and_empty_frames_have_no_faces() {
    let (mut detector, _) = detector(0.9, 0.9);
    for (w, h) in [(160, 120), (1, 1), (23, 500), (0, 0)] {
        assert_eq!(detector.detect(&spots(w, h, &[])).unwrap(), [], "{w}x{h}");
    }
}

#[test]
fn crops_go_in_batches_of_powers_of_two() {
    let centres: Vec<(u32, u32)> = (0..30).map(|i| (30 + 60 * (i % 6), 30 + 60 * (i / 6))).collect();
    let (mut detector, batches) = detector(0.9, 0.9);
    batches.lock().unwrap().clear();
    detector.detect(&spots(400, 400, &centres)).unwrap();
    let seen = batches.lock().unwrap().clone();
    assert!(seen.iter().sum::<usize>() >= 30, "{seen:?}");
    assert!(seen.iter().all(|n| n.is_power_of_two() && *n <= BATCH_MOST), "{seen:?}");
}

#[test]
fn a_net_that_gives_other_shapes_is_refused_at_start() {
    let pass = |landmarks| Pass { score: 0.9, landmarks, batches: Arc::default(), outputs: vec![] };
    let complaint = |pnet: Net, onet| {
        let nets = Nets { pnet, rnet: net(pass(false)), onet: net(pass(onet)) };
        Detector::new(vec![nets], settings()).err().unwrap().to_string()
    };
    let error = complaint(net(BrightP::default()), false);
    assert!(error.contains("O-Net"), "{error}");
    let error = complaint(net(pass(false)), true);
    assert!(error.contains("P-Net"), "{error}");
}

#[test]
fn any_number_of_threads_gives_the_same_faces() {
    let centres: Vec<(u32, u32)> = (0..30).map(|i| (30 + 60 * (i % 6), 30 + 60 * (i / 6))).collect();
    let (few, many) = (spots(400, 400, &centres[..2]), spots(400, 400, &centres));
    let mut alone = detector(0.9, 0.9).0;
    let expected = [&few, &many, &few].map(|frame| alone.detect(frame).unwrap());
    assert!(expected[1].len() >= 30);
    for threads in [2, 3, 5] {
        let mut detector = detector_on(threads, 0.9, 0.9).0;
        assert_eq!([&few, &many, &few].map(|frame| detector.detect(frame).unwrap()), expected, "{threads} threads");
    }
}

/// O-Net whose box is the middle half of a crop, and whose landmarks are the crop's first corner.
struct Corner(Vec<Tensor>);

impl Model for Corner {
    fn run(&mut self, [n, h, w]: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        fill(&mut vec![0; 3 * n * h * w]);
        let shifts = [0.25, 0.25, -0.25, -0.25].repeat(n);
        self.0 = vec![tensor(&[n, 2], [0.1, 0.9].repeat(n)), tensor(&[n, 4], shifts), tensor(&[n, 10], vec![0.0; 10 * n])];
        Ok(&self.0)
    }
}

#[test]
fn at_a_second_look_landmarks_are_the_mean_of_two_squares_around_the_box_turned_as_the_search() {
    let frame = spots(160, 120, &[(80, 60)]);
    for turn in [Turn::None, Turn::Quarter, Turn::Half] {
        let [once, twice] = [false, true].map(|second_look| {
            let pass = Pass { score: 0.9, landmarks: false, batches: Arc::default(), outputs: vec![] };
            let nets = Nets { pnet: net(BrightP::default()), rnet: net(pass), onet: net(Corner(vec![])) };
            let mut detector = Detector::new(vec![nets], Settings { second_look, ..settings() }).unwrap();
            let mut faces = vec![];
            detector.propose(&frame, turn, 0).unwrap();
            detector.sift(&frame).unwrap();
            detector.decide(&frame, &mut faces).unwrap();
            faces
        });
        assert!(!once.is_empty() && once.len() == twice.len());
        for (once, twice) in once.iter().zip(&twice) {
            assert_eq!((once.rect, once.score), (twice.rect, twice.score), "{turn:?}");
            let [square, narrower] =
                squares::around(once.rect).map(|rect| Candidate { roll: roll::radians(turn), ..Candidate::at(rect) });
            assert!(narrower.rect.w < 0.95 * square.rect.w);
            let [a, b] = [square, narrower].map(|square| square.turned([square.rect.x, square.rect.y]));
            let corner = [0, 1].map(|axis| (a[axis] + b[axis]) / 2.0);
            let far = |face: &Face| (face.landmarks[0][0] - corner[0]).hypot(face.landmarks[0][1] - corner[1]);
            assert!(far(twice) < 1e-3 && far(once) > 0.3 * square.rect.w, "{turn:?}: {once:?} {twice:?}");
        }
    }
}

#[test]
fn where_agreement_counts_a_face_that_r_net_sees_in_more_squares_is_surer() {
    // Spots of 13 and of 45 pixels, of which O-Net thinks the same.
    let near = |x: u32, y: u32, cx: u32, cy: u32, most: u32| x.abs_diff(cx) <= most && y.abs_diff(cy) <= most;
    let frame = frame_of(320, 240, |x, y| if near(x, y, 60, 60, 6) || near(x, y, 220, 130, 22) { 255 } else { 0 });
    let of = |agreement: f32, weight: f32| {
        let (mut detector, _) = detector(0.9, weight);
        (detector.settings.agreement, detector.settings.factor) = (agreement, 0.8);
        detector.detect(&frame).unwrap()
    };
    let is_large = |face: &&Face| near(face.rect.x as u32 + face.rect.w as u32 / 2, face.rect.y as u32, 220, 120, 40);
    let best = |faces: &[Face], large: bool| {
        faces.iter().filter(|face| is_large(face) == large).map(|face| face.score).fold(0.0, f32::max)
    };
    let [alone, agreed] = [0.0, 2.0].map(|agreement| of(agreement, 0.8));
    assert_eq!((best(&alone, true), best(&alone, false)), (0.8, 0.8));
    assert!(best(&agreed, true) > 0.8 && best(&agreed, false) < best(&agreed, true), "{agreed:?}");
    assert!(agreed.iter().all(|face| face.score >= 0.7) && agreed.is_sorted_by(|a, b| a.score >= b.score), "{agreed:?}");
    let covered = |faces: &[Face]| {
        let pairs =
            faces.iter().enumerate().flat_map(|(i, a)| faces[..i].iter().map(move |b| Overlap::Smaller.of(&a.rect, &b.rect)));
        pairs.fold(0.0, f32::max)
    };
    assert!(covered(&alone) > 0.6 && covered(&agreed) <= 0.6, "{} {}", covered(&alone), covered(&agreed));
    // What O-Net doubts may be seen often enough.
    assert!(of(0.0, 0.6).is_empty() && best(&of(2.0, 0.6), true) >= 0.7);
}
