//! The way to the GPU and back, with a stand-in for the GPU that can be slow, wrong, broken, and can panic.

use super::judge::{Device, Running};
use super::office::Office;
use super::probe::{self, Place};
use super::record::{Finding, Record};
use super::seat::{Numbers, Pictures};
use super::{News, Notes, Patience, Wish};
use crate::infer::{FloatModel, Model, Normalise, Tensor, engine::Engine, floats::Floats};
use anyhow::{Result, bail};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tract_onnx::prelude::{Tensor as TractTensor, *};
use tract_onnx::tract_core::floats::FloatPrecisionTranslator;
use tract_onnx::tract_core::transform::ModelTransform;

/// What the stand-in does wrong.
#[derive(Clone, Copy, Debug, Default)]
struct Faults {
    /// Takes so long for each run.
    slow_ms: u64,
    /// Is off by this share of each number; in float16 only where `half_only`.
    off: f32,
    half_only: bool,
    /// Fails from this run on, counted over all nets after they were judged; by a panic where `panics`.
    fails_at: Option<usize>,
    panics: bool,
    /// Cannot make a net ready.
    refuses: bool,
}

/// Runs graphs for the GPU by tract on the processor: those in float16 with their weights in float16 and sums in float32, for which
/// processors have instructions.
struct Stand {
    faults: Faults,
    runs: Arc<AtomicUsize>,
}

struct StandRun {
    plan: Arc<TypedSimplePlan>,
    input: DatumType,
    faults: Faults,
    runs: Arc<AtomicUsize>,
}

impl Device for Stand {
    fn prepare(&self, mut graph: TypedModel) -> Result<Box<dyn Running>> {
        if self.faults.refuses {
            bail!("out of memory\non the device");
        }
        let input = graph.input_fact(0)?.datum_type;
        FloatPrecisionTranslator::new(f16::datum_type(), f32::datum_type()).transform(&mut graph)?;
        let (plan, runs) = (graph.into_optimized()?.into_runnable()?, self.runs.clone());
        Ok(Box::new(StandRun { plan, input, faults: self.faults, runs }))
    }
}

impl Running for StandRun {
    fn run(&mut self, shape: &[usize], input: &[f32], outputs: &mut Vec<Tensor>) -> Result<()> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(self.faults.slow_ms));
        if self.faults.fails_at.is_some_and(|first| run >= first) {
            assert!(!self.faults.panics, "Expected symbol in library");
            bail!("CUDA_ERROR_LAUNCH_FAILED");
        }
        let input = TractTensor::from_shape(shape, input)?.cast_to_dt(self.input)?.cast_to_dt(f32::datum_type())?.into_owned();
        let results = self.plan.run(tvec!(input.into_tvalue()))?;
        let is_off = !self.faults.half_only || self.input == f16::datum_type();
        let factor = if is_off { 1.0 + self.faults.off } else { 1.0 };
        outputs.clear();
        for result in &results {
            let floats = result.cast_to::<f32>()?;
            let data = floats.try_as_plain_ram()?.as_slice::<f32>()?.iter().map(|v| v * factor).collect();
            outputs.push(Tensor { shape: result.shape().to_vec(), data });
        }
        Ok(())
    }
}

/// An office with a machine of its own, and how often the stand-in's nets ran.
struct Bench {
    folder: tempfile::TempDir,
    runs: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
    notes: Notes,
}

impl Bench {
    fn new() -> Self {
        let (runs, opened) = Default::default();
        Self { folder: tempfile::tempdir().unwrap(), runs, opened, notes: Notes::default() }
    }

    fn place(&self) -> Place {
        probe::tests::whole(self.folder.path())
    }

    fn office(&self, wish: Wish, patience: Patience, faults: Faults) -> Arc<Office> {
        self.office_at(self.place(), wish, patience, faults)
    }

    fn office_at(&self, place: Place, wish: Wish, patience: Patience, faults: Faults) -> Arc<Office> {
        let (runs, opened) = (self.runs.clone(), self.opened.clone());
        let open = move || {
            opened.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(Stand { faults, runs }) as Box<dyn Device>)
        };
        Office::open(wish, patience, place, Box::new(open), self.notes.clone()).unwrap()
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }

    fn sentences(&self) -> Vec<String> {
        self.notes.take().sentences
    }
}

const NOISE: usize = 64;

fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../models/digits/nets/digits-{name}.onnx"))
}

fn sha256(file: &Path) -> String {
    Sha256::digest(std::fs::read(file).unwrap()).iter().map(|b| format!("{b:02x}")).collect()
}

fn generator() -> (Floats, String) {
    let file = committed("gan-generator");
    let sha256 = sha256(&file);
    (Floats::open(&file, &sha256, &[NOISE]).unwrap(), sha256)
}

fn seated(office: &Arc<Office>) -> Numbers {
    let (net, sha256) = generator();
    Numbers::new(net, &sha256, office.clone())
}

fn noise(count: usize) -> Vec<f32> {
    (0..count * NOISE).map(|i| ((i * 7 + i / 41 * 13) % 97) as f32 / 48.0 - 1.0).collect()
}

/// What the processor gives.
fn plain(count: usize) -> Vec<Tensor> {
    generator().0.run(count, &noise(count)).unwrap().to_vec()
}

fn near(found: &[Tensor], wanted: &[Tensor], tolerance: f32) -> bool {
    super::judge::apart(found, wanted).unwrap() <= tolerance
}

#[test]
fn a_net_goes_over_and_answers_batches_of_any_size() {
    let bench = Bench::new();
    let mut net = seated(&bench.office(Wish::Cuda, Patience::Measure, Faults::default()));
    for count in [1, 3, 37, 64, 100, 1] {
        let before = bench.runs();
        let found = net.run(count, &noise(count)).unwrap().to_vec();
        let apart = super::judge::apart(&found, &plain(count)).unwrap();
        // Of so many pictures some are farther off in float16 than those of the sample; rows in the wrong place would be others.
        assert!(bench.runs() > before && apart <= 5.0 * super::judge::HALF_TOLERANCE, "{count}: {apart}");
    }
    assert_eq!((bench.opened.load(Ordering::SeqCst), bench.sentences()), (1, vec![]));
    // Batches of 1, 4 and 64; 37 are a batch of 64, 100 one of 64 and one of 64.
    let record = Record::read(&bench.place());
    let known = |batch| record.find(&generator().1, &[batch, NOISE]).is_some();
    assert!([1, 4, 64].into_iter().all(known) && ![2, 32, 100].into_iter().any(known));
}

#[test]
fn a_gpu_that_fails_or_panics_in_the_middle_leaves_the_processor_with_its_own_answers() {
    for panics in [false, true] {
        let bench = Bench::new();
        let office = bench.office(Wish::Cuda, Patience::Measure, Faults::default());
        seated(&office).run(4, &noise(4)).unwrap();
        // It is known by now, so that its first run is the booth's.
        let first = bench.runs() + 3;
        let faults = Faults { fails_at: Some(first), panics, ..Faults::default() };
        let mut net = seated(&bench.office(Wish::Cuda, Patience::Wait, faults));
        for run in 0..6 {
            let found = net.run(4, &noise(4)).unwrap().to_vec();
            match run {
                0..3 => assert!(near(&found, &plain(4), super::judge::HALF_TOLERANCE)),
                _ => assert_eq!(found, plain(4)),
            }
        }
        assert_eq!(bench.runs(), first + 1, "it is not asked again");
        let said = bench.sentences();
        let why = if panics { "Expected symbol in library" } else { "CUDA_ERROR_LAUNCH_FAILED" };
        assert_eq!(said, [format!("digits-gan-generator.onnx failed on the GPU ({why}); the processor goes on")]);
    }
}

#[test]
fn whatever_is_missing_is_said_once_and_the_processor_answers() {
    let messages = ["CUDA driver library not found.", "\"cudart (runtime)\"", "\"nvrtc\"", "\"cublas\"", "\"cudnn\""];
    for message in messages {
        let bench = Bench::new();
        let place = Place { opens: Arc::new(move || Err(message.into())), ..bench.place() };
        let office = bench.office_at(place, Wish::Cuda, Patience::Measure, Faults::default());
        let mut nets = [seated(&office), seated(&office)];
        for net in &mut nets {
            assert_eq!(net.run(2, &noise(2)).unwrap(), plain(2));
            assert_eq!(net.run(1, &noise(1)).unwrap(), plain(1));
        }
        let said = bench.sentences();
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].ends_with("; the processor goes on") && said[0].contains("install"), "{said:?}");
        assert_eq!(bench.opened.load(Ordering::SeqCst), 0, "it is not touched");
    }
}

#[test]
fn a_gpu_that_cannot_be_opened_is_said_once() {
    let bench = Bench::new();
    let open = || -> Result<Box<dyn Device>> { panic!("Could not create CUDA context: cuDNN\nis of another version") };
    let office = Office::open(Wish::Auto, Patience::Measure, bench.place(), Box::new(open), bench.notes.clone()).unwrap();
    let mut net = seated(&office);
    assert_eq!(net.run(2, &noise(2)).unwrap(), plain(2));
    assert_eq!(net.run(1, &noise(1)).unwrap(), plain(1));
    assert_eq!(bench.sentences(), ["the GPU cannot be used: Could not create CUDA context: cuDNN; the processor goes on"]);
}

#[test]
fn without_a_gpu_auto_says_nothing() {
    let bench = Bench::new();
    std::fs::remove_file(bench.place().root.join("dev/nvidia0")).unwrap();
    let place = Place { opens: Arc::new(|| Err("CUDA driver library not found.".into())), ..bench.place() };
    std::fs::remove_file(place.root.join("dev/nvidia0")).unwrap();
    let mut net = seated(&bench.office_at(place, Wish::Auto, Patience::Background, Faults::default()));
    assert_eq!(net.run(2, &noise(2)).unwrap(), plain(2));
    settle(&bench);
    assert_eq!(bench.notes.take(), News::default());
}

/// Waits until nothing is being made ready.
fn settle(bench: &Bench) {
    let began = Instant::now();
    while bench.notes.take().progress.is_some() {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn auto_keeps_a_net_where_it_is_quicker_and_remembers_it() {
    let bench = Bench::new();
    let slow = Faults { slow_ms: 30, ..Faults::default() };
    let mut net = seated(&bench.office(Wish::Auto, Patience::Measure, slow));
    assert_eq!(net.run(1, &noise(1)).unwrap(), plain(1));
    let found = Record::read(&bench.place()).find(&generator().1, &[1, NOISE]).cloned();
    let Some(Finding::Measured(verdict)) = found else { panic!("{found:?}") };
    assert!(verdict.gpu_ms >= 30.0 && verdict.cpu_ms < 30.0 && verdict.half, "{verdict:?}");
    // The next start neither measures nor opens the GPU.
    let again = Bench { folder: bench.folder, ..Bench::new() };
    let mut net = seated(&again.office(Wish::Auto, Patience::Measure, Faults::default()));
    assert_eq!(net.run(1, &noise(1)).unwrap(), plain(1));
    assert_eq!(again.opened.load(Ordering::SeqCst), 0);
    // Whoever asks for the GPU gets it.
    seated(&again.office(Wish::Cuda, Patience::Wait, Faults::default())).run(1, &noise(1)).unwrap();
    assert_eq!(again.runs(), 1);
}

#[test]
fn auto_takes_the_gpu_where_it_was_quicker_and_measures_nothing_in_passing() {
    let bench = Bench::new();
    let mut net = seated(&bench.office(Wish::Auto, Patience::Wait, Faults::default()));
    assert_eq!(net.run(1, &noise(1)).unwrap(), plain(1));
    assert_eq!(bench.opened.load(Ordering::SeqCst), 0);
    let quicker = super::judge::Verdict { half: false, apart: 0.0, cpu_ms: 2.0, gpu_ms: 1.0 };
    Record::read(&bench.place()).put(&generator().1, &[1, NOISE], Finding::Measured(quicker)).unwrap();
    let mut net = seated(&bench.office(Wish::Auto, Patience::Wait, Faults::default()));
    assert!(near(net.run(1, &noise(1)).unwrap(), &plain(1), super::judge::TOLERANCE));
    assert_eq!(bench.runs(), 1);
}

#[test]
fn behind_the_picture_the_processor_answers_until_the_gpu_is_ready() {
    let bench = Bench::new();
    let slow = Faults { slow_ms: 20, ..Faults::default() };
    let office = bench.office(Wish::Cuda, Patience::Background, slow);
    let mut net = seated(&office);
    assert_eq!(net.run(1, &noise(1)).unwrap(), plain(1));
    assert!(office.is_busy());
    let (began, mut words) = (Instant::now(), Vec::new());
    while office.is_busy() {
        assert!(began.elapsed() < Duration::from_secs(60));
        words.extend(bench.notes.take().progress);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(words.iter().any(|w| w == "the GPU gets ready: digits-gan-generator.onnx"), "{words:?}");
    let before = bench.runs();
    assert!(near(net.run(1, &noise(1)).unwrap(), &plain(1), super::judge::HALF_TOLERANCE));
    assert_eq!((bench.runs(), bench.notes.take()), (before + 1, News::default()));
}

#[test]
fn answers_that_are_off_in_float16_are_had_in_float32_or_not_at_all() {
    let bench = Bench::new();
    let half = Faults { off: 0.1, half_only: true, ..Faults::default() };
    seated(&bench.office(Wish::Cuda, Patience::Measure, half)).run(1, &noise(1)).unwrap();
    let found = Record::read(&bench.place()).find(&generator().1, &[1, NOISE]).cloned();
    assert!(matches!(&found, Some(Finding::Measured(verdict)) if !verdict.half && verdict.apart < 1e-4), "{found:?}");
    let bench = Bench::new();
    let both = Faults { off: 0.1, ..Faults::default() };
    assert_eq!(seated(&bench.office(Wish::Cuda, Patience::Measure, both)).run(1, &noise(1)).unwrap(), plain(1));
    let said = bench.sentences();
    assert!(said.len() == 1 && said[0].contains("stays on the processor: its answers are 1.0e-1"), "{said:?}");
}

#[test]
fn a_net_that_cannot_be_made_ready_stays_and_says_so_in_one_line() {
    let bench = Bench::new();
    let mut net = seated(&bench.office(Wish::Auto, Patience::Measure, Faults { refuses: true, ..Faults::default() }));
    assert_eq!(net.run(1, &noise(1)).unwrap(), plain(1));
    assert_eq!(bench.sentences(), ["digits-gan-generator.onnx stays on the processor: out of memory on the device"]);
}

#[test]
fn findings_that_cannot_be_kept_are_a_sentence_and_no_fault() {
    let bench = Bench::new();
    std::fs::write(bench.place().root.join("a-file"), "").unwrap();
    let place = Place { record: Some(bench.place().root.join("a-file/gpu.json")), ..bench.place() };
    let mut net = seated(&bench.office_at(place, Wish::Cuda, Patience::Measure, Faults::default()));
    assert!(near(net.run(1, &noise(1)).unwrap(), &plain(1), super::judge::HALF_TOLERANCE));
    let said = bench.sentences();
    assert!(said.len() == 1 && said[0].contains("gpu.json cannot be written"), "{said:?}");
}

#[test]
fn pictures_are_read_once_and_answered_alike() {
    let Some((file, normalise)) = embedder() else { return };
    let sha256 = sha256(&file);
    let mut plain = Engine::open(&file, &sha256).unwrap();
    let bench = Bench::new();
    // In float32: half of it takes the processor minutes.
    let known = super::judge::Verdict { half: false, apart: 0.0, cpu_ms: 2.0, gpu_ms: 1.0 };
    Record::read(&bench.place()).put(&sha256, &[2, 3, 150, 150], Finding::Measured(known)).unwrap();
    let office = bench.office(Wish::Cuda, Patience::Measure, Faults::default());
    let mut net = Pictures::new(Engine::open(&file, &sha256).unwrap(), &sha256, office);
    assert_eq!(net.at_once(), 1);
    let shape = [2, 150, 150];
    let pixel = |i: usize| (i * 31 % 255) as u8;
    let mut fills = 0;
    let mut fill = |pixels: &mut [u8]| {
        fills += 1;
        pixels.iter_mut().enumerate().for_each(|(i, p)| *p = pixel(i));
    };
    let found = net.run(shape, &normalise, &mut fill).unwrap().to_vec();
    assert_eq!(fills, 1);
    let wanted = plain.run(shape, &normalise, &mut |pixels| pixels.iter_mut().enumerate().for_each(|(i, p)| *p = pixel(i)));
    assert!(near(&found, wanted.unwrap(), super::judge::TOLERANCE));
    assert!(net.at_once() > 1);
}

/// The embedder that `make models` builds, with a word on stderr where it is not there.
fn embedder() -> Option<(PathBuf, Normalise)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/out");
    let Ok(manifest) = crate::manifest::Manifest::read(&folder) else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"the embedder on the GPU's way: SKIPPED, no models/out\n");
        return None;
    };
    let entry = manifest.find(crate::manifest::Role::Embedder, "dlib-resnet", Default::default()).unwrap();
    Some((manifest.path(entry), Normalise { mean: entry.mean, scale: entry.scale }))
}
