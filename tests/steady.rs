//! A promise about memory, in a program of its own because it counts what the whole program allocates: following a known
//! face allocates nothing outside of the nets. The nets are stand-ins that keep what they give out.
#![allow(unsafe_code)]

use anyhow::Result;
use lookalike::detect::{Detector, Follower, Net, Nets, Settings};
use lookalike::embed::{Embedder, Facts};
use lookalike::gallery::{Calibration, EmbedderId, Gallery};
use lookalike::infer::{Model, Normalise, Tensor};
use lookalike::pipeline::{self, Walk, Walked};
use lookalike::types::{Chip, Embedding, Frame, Metric};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is left to the system's allocator; counting touches no memory of its callers.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, old: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(old, layout, size) }
    }

    unsafe fn dealloc(&self, old: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(old, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What a net answers to an input of some shape, kept from the first time on. The same for every picture.
struct Fixed {
    answer: fn([usize; 3]) -> Vec<Tensor>,
    kept: BTreeMap<[usize; 3], (Vec<u8>, Vec<Tensor>)>,
}

impl Model for Fixed {
    fn run(&mut self, shape: [usize; 3], _: &Normalise, fill: &mut dyn FnMut(&mut [u8])) -> Result<&[Tensor]> {
        let make = || (vec![0; 3 * shape.iter().product::<usize>()], (self.answer)(shape));
        let (input, outputs) = self.kept.entry(shape).or_insert_with(make);
        fill(input);
        Ok(outputs)
    }
}

fn fixed(answer: fn([usize; 3]) -> Vec<Tensor>) -> Net {
    let model = Box::new(Fixed { answer, kept: BTreeMap::new() });
    Net { model, normalise: Normalise { mean: [127.5; 3], scale: 1.0 / 128.0 } }
}

fn tensor(shape: &[usize], data: Vec<f32>) -> Tensor {
    Tensor { shape: shape.to_vec(), data }
}

/// A face in the middle of every level that is about twelve pixels high.
fn pnet([_, h, w]: [usize; 3]) -> Vec<Tensor> {
    let (rows, columns) = ((h - 10).div_ceil(2) - 1, (w - 10).div_ceil(2) - 1);
    let mut scores = vec![0.0; 2 * rows * columns];
    if h < 40 {
        scores[rows * columns + rows / 2 * columns + columns / 2] = 0.9;
    }
    vec![tensor(&[1, 2, rows, columns], scores), tensor(&[1, 4, rows, columns], vec![0.0; 4 * rows * columns])]
}

fn rnet([n, ..]: [usize; 3]) -> Vec<Tensor> {
    vec![tensor(&[n, 2], [0.1, 0.9].repeat(n)), tensor(&[n, 4], vec![0.0; 4 * n])]
}

fn onet(shape: [usize; 3]) -> Vec<Tensor> {
    let points = [0.3, 0.7, 0.5, 0.35, 0.65, 0.4, 0.4, 0.6, 0.8, 0.8].repeat(shape[0]);
    let mut outputs = rnet(shape);
    outputs.push(tensor(&[shape[0], 10], points));
    outputs
}

fn embedder(_: [usize; 3]) -> Vec<Tensor> {
    vec![tensor(&[1, 8], vec![0.5; 8])]
}

fn walk(search_every: u32) -> Walk {
    let settings = Settings { min_face_px: 40.0, factor: 0.709, thresholds: [0.6, 0.7, 0.7] };
    let nets = Nets { pnet: fixed(pnet), rnet: fixed(rnet), onet: fixed(onet) };
    let follower = Follower::new(Detector::new(vec![nets], settings).unwrap(), search_every, 4);
    let Net { model, normalise } = fixed(embedder);
    let template = [[38.0, 52.0], [74.0, 52.0], [56.0, 72.0], [42.0, 92.0], [71.0, 92.0]];
    let facts = Facts { width: 112, height: 112, template, normalise, length: 8, mirrored: true, metric: Metric::Cosine };
    let id = EmbedderId { name: "fixed".into(), sha256: "ab".repeat(32), length: 8, metric: Metric::Cosine };
    let mut gallery = Gallery::empty(id, Calibration::of_distance(0.6));
    let chip = Chip { width: 4, height: 4, pixels: vec![128; 48] };
    for (name, sign) in [("Ada", 1.0), ("Bob", -1.0)] {
        gallery.enroll(name, "a.jpg", &Embedding(vec![sign; 8]), &chip).unwrap();
    }
    let settings = pipeline::Settings { top: 3, faces_most: 4, refresh_every: 1000 };
    Walk::new(follower, Embedder::new(model, facts).unwrap(), gallery, settings)
}

/// Allocations in each of some frames, after some others.
fn allocations(walk: &mut Walk, before: usize, frames: usize) -> Vec<usize> {
    let frame = Frame { width: 640, height: 480, pixels: vec![90; 640 * 480 * 3], ..Frame::empty() };
    let mut walked = Walked::default();
    let mut counts = vec![0; before + frames];
    for count in &mut counts {
        let start = ALLOCATIONS.load(Ordering::Relaxed);
        walk.frame(&frame, &mut walked).unwrap();
        *count = ALLOCATIONS.load(Ordering::Relaxed) - start;
        assert!(!walked.sightings.is_empty());
    }
    assert_eq!(walked.sightings[0].answer.as_ref().unwrap().likeness().unwrap().name, "Ada");
    counts.split_off(before)
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn a_followed_face_costs_no_memory_and_a_search_only_the_tables_of_the_resizer() {
    assert_eq!(allocations(&mut walk(1000), 12, 100), [0; 100]);
    let searching = allocations(&mut walk(1), 12, 20);
    let levels = lookalike::detect::level_sizes(640, 480, 40.0, 0.709);
    println!("a search of {} levels allocates {} times", levels.len(), searching[0]);
    // fast_image_resize makes its tables of weights anew at every call, a small one for each row and column of a level.
    let sides: usize = levels.iter().map(|(w, h)| w + h).sum();
    assert!(searching.iter().all(|&n| n <= sides + 16 * levels.len()), "{searching:?}");
}
