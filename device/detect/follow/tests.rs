use super::*;
use crate::detect::Nets;
use crate::detect::tests::{BrightP, frame_of, net, settings, tensor};
use crate::infer::{Model, Normalise, Tensor};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a test sees and does behind the nets' backs.
#[derive(Default)]
struct Strings {
    searches: AtomicUsize,
    blind: AtomicBool,
}

/// P-Net that counts, and that can be struck blind.
struct Counting(BrightP, Arc<Strings>, Vec<Tensor>);

impl Model for Counting {
    fn run(&mut self, shape: [usize; 3], normalise: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        // The first level of every search.
        if shape[2] == 160 {
            self.1.searches.fetch_add(1, Ordering::Relaxed);
        }
        let outputs = self.0.run(shape, normalise, fill)?;
        if !self.1.blind.load(Ordering::Relaxed) {
            return Ok(outputs);
        }
        self.2 = outputs.iter().map(|t| Tensor { data: vec![0.0; t.data.len()], ..t.clone() }).collect();
        Ok(&self.2)
    }
}

/// Sees the white spot in a crop: a face is three times as large as its spot. `N` is 4 (R-Net) or 10 (O-Net).
struct Spot(bool, Vec<Tensor>);

impl Model for Spot {
    fn run(&mut self, [n, h, w]: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        let mut input = vec![0; 3 * n * h * w];
        fill(&mut input);
        let (mut scores, mut shifts, mut points) = (vec![], vec![], vec![]);
        for crop in input.chunks(3 * h * w) {
            let lit: Vec<(usize, usize)> = (0..h * w).filter(|i| crop[3 * i] > 128).map(|i| (i % w, i / w)).collect();
            let edge = |values: &mut dyn Iterator<Item = usize>, side: usize| {
                let (low, high) = values.fold((side, 0), |(low, high), v| (low.min(v), high.max(v + 1)));
                let (low, high) = (low as f32 / side as f32, high as f32 / side as f32);
                (2.0 * low - high, 2.0 * high - low)
            };
            let ((left, right), (top, bottom)) = match lit.is_empty() {
                true => ((0.0, 1.0), (0.0, 1.0)),
                false => (edge(&mut lit.iter().map(|p| p.0), w), edge(&mut lit.iter().map(|p| p.1), h)),
            };
            let score = if lit.is_empty() { 0.05 } else { 0.95 };
            scores.extend([1.0 - score, score]);
            shifts.extend([left, top, right - 1.0, bottom - 1.0]);
            let at = |share: f32, (low, high): (f32, f32)| low + share * (high - low);
            points.extend([0.3, 0.7, 0.5, 0.35, 0.65].map(|x| at(x, (left, right))));
            points.extend([0.4, 0.4, 0.6, 0.8, 0.8].map(|y| at(y, (top, bottom))));
        }
        self.1 = vec![tensor(&[n, 2], scores), tensor(&[n, 4], shifts)];
        if self.0 {
            self.1.push(tensor(&[n, 10], points));
        }
        Ok(&self.1)
    }
}

fn follower(search_every: u32) -> (Follower, Arc<Strings>) {
    let strings = Arc::new(Strings::default());
    let pnet = net(Counting(BrightP::default(), strings.clone(), vec![]));
    let nets = Nets { pnet, rnet: net(Spot(false, vec![])), onet: net(Spot(true, vec![])) };
    let detector = Detector::new(vec![nets], settings()).unwrap();
    (Follower::new(detector, search_every, 2), strings)
}

/// 318 x 238 pixels, so that the largest level of the pyramid is 160 wide.
fn spots(centres: &[(u32, u32)]) -> Frame {
    frame_of(318, 238, |x, y| if centres.iter().any(|c| x.abs_diff(c.0) <= 6 && y.abs_diff(c.1) <= 6) { 255 } else { 0 })
}

fn searches(strings: &Strings) -> usize {
    strings.searches.swap(0, Ordering::Relaxed)
}

/// Tracks and middles.
fn seen(follower: &mut Follower, frame: &Frame) -> Vec<(u64, u32, u32)> {
    let middle = |r: Rect| ((r.x + r.w / 2.0).round() as u32, (r.y + r.h / 2.0).round() as u32);
    let mut all: Vec<_> = follower.follow(frame).unwrap().iter().map(|f| (f.track, middle(f.face.rect))).collect();
    all.sort_unstable();
    all.into_iter().map(|(track, (x, y))| (track, x, y)).collect()
}

fn near(found: &[(u64, u32, u32)], expected: &[(u64, u32, u32)]) {
    let is_near = found.len() == expected.len()
        && found.iter().zip(expected).all(|(a, b)| a.0 == b.0 && a.1.abs_diff(b.1) <= 2 && a.2.abs_diff(b.2) <= 2);
    assert!(is_near, "{found:?} is not {expected:?}");
}

#[test]
fn a_moving_face_is_followed_and_searched_for_at_the_boards_rate() {
    let (mut follower, strings) = follower(8);
    let mut searched = Vec::new();
    for i in 0..24 {
        let (x, y) = (60 + 7 * i, 60 + 3 * i);
        near(&seen(&mut follower, &spots(&[(x, y)])), &[(1, x, y)]);
        searched.push(searches(&strings));
    }
    let at: Vec<usize> = (0..24).filter(|&i| searched[i] > 0).collect();
    assert_eq!(at, [0, 8, 16], "searches");
}

#[test]
fn a_face_that_goes_is_gone_at_once_and_searched_for() {
    let (mut follower, strings) = follower(100);
    (0..3).for_each(|_| near(&seen(&mut follower, &spots(&[(80, 60)])), &[(1, 80, 60)]));
    searches(&strings);
    assert_eq!(seen(&mut follower, &spots(&[])), []);
    assert_eq!(searches(&strings), 1);
    near(&seen(&mut follower, &spots(&[(80, 60)])), &[(1, 80, 60)]);
    assert!(follower.is_live(1));
    (0..4).for_each(|_| assert_eq!(seen(&mut follower, &spots(&[])), []));
    assert!(!follower.is_live(1));
}

#[test]
fn a_face_that_jumps_is_found_by_the_search_of_that_frame() {
    let (mut follower, _) = follower(100);
    near(&seen(&mut follower, &spots(&[(80, 60)])), &[(1, 80, 60)]);
    near(&seen(&mut follower, &spots(&[(230, 160)])), &[(2, 230, 160)]);
}

#[test]
fn something_new_that_moves_is_seen_at_once() {
    let (mut follower, _) = follower(100);
    (0..3).for_each(|_| near(&seen(&mut follower, &spots(&[(80, 60)])), &[(1, 80, 60)]));
    let is_lit = |x: u32, y: u32, cx: u32, side: u32| x.abs_diff(cx) <= side && y.abs_diff(60) <= side;
    let both = frame_of(318, 238, |x, y| match (x, y) {
        (x, y) if is_lit(x, y, 80, 6) || is_lit(x, y, 230, 6) => 255,
        (x, y) if is_lit(x, y, 230, 18) => 100,
        _ => 0,
    });
    near(&seen(&mut follower, &both), &[(1, 80, 60), (2, 230, 60)]);
}

#[test]
fn a_newcomer_whom_motion_misses_is_seen_within_the_boards_frames() {
    for late in 1..8 {
        let (mut follower, strings) = follower(8);
        (0..late).for_each(|_| near(&seen(&mut follower, &spots(&[(80, 60)])), &[(1, 80, 60)]));
        assert_eq!(searches(&strings), 1);
        // Before the known one's body, where motion says nothing.
        let both = spots(&[(80, 60), (80, 160)]);
        let frames = (1..=8).find(|_| seen(&mut follower, &both).len() == 2);
        assert_eq!(frames, Some(9 - late), "after {late} frames");
    }
}

#[test]
fn searching_every_frame_is_plain_detection() {
    let (mut follower, strings) = follower(1);
    let (mut plain, _) = self::follower(1);
    for i in 0..5 {
        let frame = spots(&[(60 + 7 * i, 60), (200, 150 - 5 * i)]);
        let mut faces: Vec<Face> = follower.follow(&frame).unwrap().iter().map(|f| f.face).collect();
        let mut detected = plain.detector.detect(&frame).unwrap();
        let by_place = |a: &Face, b: &Face| a.rect.x.total_cmp(&b.rect.x);
        faces.sort_by(by_place);
        detected.sort_by(by_place);
        assert_eq!(faces, detected);
    }
    assert_eq!(searches(&strings), 5);
}

#[test]
fn what_searches_do_not_find_again_ends() {
    let (mut follower, strings) = follower(4);
    near(&seen(&mut follower, &spots(&[(80, 60)])), &[(1, 80, 60)]);
    strings.blind.store(true, Ordering::Relaxed);
    let shown = (0..20).take_while(|_| !seen(&mut follower, &spots(&[(80, 60)])).is_empty()).count();
    assert_eq!(shown, 7, "the second search after the first frame is in the eighth");
}

#[test]
fn a_restless_background_is_believed_less_and_less() {
    let (mut follower, strings) = follower(16);
    for i in 0..64 {
        let stripes = frame_of(318, 238, |x, y| if (x / 20 + i) % 2 == 0 && y > 100 { 100 } else { 0 });
        assert_eq!(seen(&mut follower, &stripes), []);
    }
    let count = searches(&strings);
    assert!((4..=10).contains(&count), "{count} searches");
}

#[test]
fn after_forgetting_the_same_place_is_another_face() {
    let (mut follower, strings) = follower(100);
    (0..3).for_each(|_| near(&seen(&mut follower, &spots(&[(80, 60)])), &[(1, 80, 60)]));
    follower.forget();
    searches(&strings);
    near(&seen(&mut follower, &spots(&[(80, 60)])), &[(2, 80, 60)]);
    assert_eq!(searches(&strings), 1);
}

#[test]
fn a_face_that_leaves_over_the_edge_costs_one_search() {
    let (mut follower, strings) = follower(100);
    (0..16).for_each(|i| drop(seen(&mut follower, &spots(&[(240 + 6 * i, 60)]))));
    let count = searches(&strings);
    assert!(seen(&mut follower, &spots(&[])).is_empty() && count <= 3, "{count} searches");
}
