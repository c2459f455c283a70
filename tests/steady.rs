//! A promise about memory, in a program of its own because it counts what the whole program allocates: in its steady state
//! the walk allocates nothing, whether it follows a face, searches the frame or embeds, on any number of threads. What the
//! gallery says of a new vector is not part of it: a settled face gets one every `refresh_every` frames.
//!
//! First with stand-ins for the nets, which keep what they give out, then with the real ones.
#![allow(unsafe_code)]

use anyhow::Result;
use lookalike::board::{self, Board};
use lookalike::detect::{self, Detector, Follower, Heads, Net, Nets, Settings};
use lookalike::embed::{Embedder, Facts};
use lookalike::gallery::{Calibration, EmbedderId, Gallery};
use lookalike::infer::{self, Model, Normalise, Tensor};
use lookalike::manifest::{Entry, Manifest, Precision, Role};
use lookalike::pipeline::{self, Walk, Walked};
use lookalike::types::{Chip, Embedding, Frame, Metric};
use lookalike::{picture, setup};
use lookalike_tests::{models, root, sample};
use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::io::Write;
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

/// A walk of stand-ins, on so many threads.
fn walk(threads: usize, search_every: u32) -> Walk {
    let (thresholds, heads) = ([0.6, 0.7, 0.7], Heads::Upright);
    let settings = Settings { min_face_px: 40.0, factor: 0.709, thresholds, heads, second_look: true, agreement: 0.5 };
    let nets = |_| Nets { pnet: fixed(pnet), rnet: fixed(rnet), onet: fixed(onet) };
    let detector = Detector::new((0..threads).map(nets).collect(), settings).unwrap();
    let Net { model, normalise } = fixed(embedder);
    let template = [[38.0, 52.0], [74.0, 52.0], [56.0, 72.0], [42.0, 92.0], [71.0, 92.0]];
    let facts = Facts { width: 112, height: 112, template, normalise, length: 8, mirrored: true, metric: Metric::Cosine };
    walk_of(detector, search_every, Embedder::new(model, facts).unwrap())
}

/// A walk that knows Ada and Bob, and embeds a settled face no more.
fn walk_of(detector: Detector, search_every: u32, embedder: Embedder) -> Walk {
    let Facts { length, metric, .. } = *embedder.facts();
    let id = EmbedderId { name: "fixed".into(), sha256: "ab".repeat(32), length, metric };
    let mut gallery = Gallery::empty(id, Calibration::of_distance(0.6));
    let chip = Chip { width: 4, height: 4, pixels: vec![128; 48] };
    for (name, sign) in [("Ada", 1.0), ("Bob", -1.0)] {
        gallery.enroll(name, "a.jpg", &Embedding(vec![sign; length]), &chip).unwrap();
    }
    let settings = pipeline::Settings { top: 3, faces_most: 4, refresh_every: 1000 };
    Walk::new(Follower::new(detector, search_every, 4), embedder, gallery, settings)
}

fn counted(work: impl FnOnce()) -> usize {
    let start = ALLOCATIONS.load(Ordering::Relaxed);
    work();
    ALLOCATIONS.load(Ordering::Relaxed) - start
}

/// Allocations in each of `rounds` rounds through the frames, after `before` others. There is a face in every frame.
fn allocations(walk: &mut Walk, frames: &[Frame], before: usize, rounds: usize) -> Vec<usize> {
    let mut walked = Walked::default();
    for frame in frames {
        // Searched, whatever the walk does: lists grow and nets are planned.
        walk.forget();
        walk.frame(frame, &mut walked).unwrap();
    }
    let mut round = || {
        counted(|| {
            for frame in frames {
                walk.frame(frame, &mut walked).unwrap();
                assert!(!walked.sightings.is_empty());
            }
        })
    };
    for _ in 0..before {
        round();
    }
    let counts = (0..rounds).map(|_| round()).collect();
    assert!(walked.sightings[0].answer.is_some());
    counts
}

/// One test, so that nothing else allocates meanwhile.
#[test]
fn a_walk_in_its_steady_state_allocates_nothing() {
    let grey = [Frame { width: 640, height: 480, pixels: vec![90; 640 * 480 * 3], ..Frame::empty() }];
    for threads in [1, 2, 3] {
        for search_every in [1000, 1] {
            let counts = allocations(&mut walk(threads, search_every), &grey, 12, 100);
            assert_eq!(counts, [0; 100], "stand-ins on {threads} threads, searching every {search_every} frames");
        }
    }
    if !root().join("models/out/manifest.toml").exists() {
        // Not eprintln!, which the test runner swallows: a skip must be seen.
        let _ = writeln!(std::io::stderr(), "steady: the real nets are SKIPPED, there are no models: run `make models`");
        return;
    }
    let mut board = Board::read(&root().join("board-config/desktop.toml")).unwrap();
    board.models = models();
    let manifest = setup::manifest(&board).unwrap();
    // Nets that take floats are no part of the walk.
    let walked = manifest.models.iter().filter(|entry| !entry.role.takes_floats() && entry.role != Role::Cascade);
    walked.for_each(|entry| a_net_allocates_nothing(&manifest, entry));
    for precision in [Precision::Float32, Precision::Int8] {
        setup::force_precision(&mut board, precision);
        for threads in [1, 2] {
            board.detect.threads = threads;
            a_real_walk_allocates_nothing(&manifest, &board);
        }
    }
}

/// At the sizes at which a walk runs it.
fn a_net_allocates_nothing(manifest: &Manifest, entry: &Entry) {
    let [_, height, width] = entry.input;
    let shapes = match entry.role {
        Role::Pnet => detect::level_sizes(640, 480, 40.0, 0.709).into_iter().map(|(w, h)| [1, h, w]).collect(),
        Role::Rnet | Role::Onet => [1, 4, 16].map(|count| [count, height, width]).to_vec(),
        _ => vec![[1, height, width]],
    };
    let mut net = infer::open(&manifest.path(entry), &entry.sha256).unwrap();
    let normalise = setup::normalise(entry);
    for round in 0..3 {
        for &shape in &shapes {
            let count = counted(|| assert!(net.run(shape, &normalise, &mut |pixels| pixels.fill(90)).is_ok()));
            // The first makes the plan.
            assert!(round == 0 || count == 0, "{}, {shape:?}: {count}", entry.file);
        }
    }
}

/// A face that moves: followed, sought in every frame, embedded.
fn a_real_walk_allocates_nothing(manifest: &Manifest, board: &Board) {
    let photo = picture::read(&sample("gallery/Eileen Collins/astronaut.png")).unwrap();
    let frames = [(0, 0), (8, 3), (15, 9), (7, 14)].map(|at| window(&photo, at, [480, 400]));
    for search_every in [1000, 1] {
        let detector = setup::detector(manifest, &board.detect).unwrap();
        let mut walk = walk_of(detector, search_every, setup::embedder(manifest, &board.recognise).unwrap());
        let counts = allocations(&mut walk, &frames, 6, 5);
        let board::Detect { threads, precision, .. } = board.detect;
        assert_eq!(counts, [0; 5], "{precision} on {threads} threads, searching every {search_every} frames");
        let Facts { width, height, .. } = *walk.embedder.facts();
        let chip = Chip { width, height, pixels: vec![90; (width * height * 3) as usize] };
        let mut embedding = Embedding(vec![0.0; walk.embedder.facts().length]);
        assert_eq!(counted(|| walk.embedder.embed_into(&chip, &mut embedding).unwrap()), 0, "the embedder in {precision}");
    }
}

/// A part of a picture.
fn window(picture: &Frame, (x, y): (usize, usize), [width, height]: [usize; 2]) -> Frame {
    let rows = picture.pixels.chunks_exact(picture.width as usize * 3).skip(y).take(height);
    let pixels = rows.flat_map(|row| &row[x * 3..(x + width) * 3]).copied().collect();
    Frame { width: width as u32, height: height as u32, pixels, ..Frame::empty() }
}
