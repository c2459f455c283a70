//! Photos with faces in, tuned nets beside the stock ones out: the stages of the cascade are trained one after the other, each on what
//! the ones before let through (Zhang et al. 2016, section II.C), and begin with the stock weights.

use super::landmarks::{self, Fit};
use super::mine::Miner;
use super::nets::Files;
use super::truth::{self, Photo};
use super::{Stage, even, nets, tuned, unmarked};
use crate::files;
use crate::learning::course::{Course, End, Lessons, Shown};
use crate::learning::options::Device;
use anyhow::{Context, Result, ensure};
use lookalike_learn::faces::Teacher;
use lookalike_learn::{Learner, Net, adam};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// `lookalike-models train mtcnn`.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "mtcnn")]
pub struct Options {
    /// What to learn from: a CSV file of faces, WIDER's or CelebA's own list, or a folder of photos without a face; repeat it for more
    #[arg(long, value_name = "FILE|DIR", required = true)]
    data: Vec<PathBuf>,
    /// Where the stock nets and the manifest lie, and the tuned ones go
    #[arg(long, value_name = "DIR", default_value = "models/out")]
    models: PathBuf,
    /// Stages to train; the others are as an earlier training in --out left them, or else stock. Landmarks are fitted in any case
    #[arg(long, value_enum, value_name = "STAGE", value_delimiter = ',', default_values = ["pnet", "rnet", "onet"])]
    stages: Vec<Stage>,
    /// Times that every stage sees every photo, each time in another copy; over the second half the rate falls to nothing
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    epochs: u32,
    /// Crops in a batch
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch: u32,
    /// Degrees by which copies are turned either way, at most; 0: heads stay as they are
    #[arg(long, value_name = "DEGREES", default_value_t = 75.0, value_parser = degrees)]
    roll: f32,
    /// So many layers with weights, the first ones of every stage, stay as they are: little data spoils less
    #[arg(long, value_name = "N", default_value_t = 0)]
    freeze: usize,
    /// How strongly the nets are held to the stock weights, so that they keep what the photos do not show; 0: not at all
    /// [default: 100, of O-Net 50]
    #[arg(long, value_name = "FACTOR", value_parser = hold)]
    hold: Option<f32>,
    /// Learning rate
    #[arg(long, value_name = "RATE", default_value_t = 3e-4, value_parser = rate)]
    rate: f32,
    /// The same seed, data and processor give the same nets
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// What multiplies; a training may go on elsewhere, with other roundings
    #[arg(long, value_enum, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// Go on from the checkpoints in --out
    #[arg(long)]
    resume: bool,
}

fn degrees(text: &str) -> Result<f32, String> {
    let degrees: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    (0.0..=180.0).contains(&degrees).then_some(degrees).ok_or("0 to 180".into())
}

fn hold(text: &str) -> Result<f32, String> {
    let hold: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    (0.0..=1000.0).contains(&hold).then_some(hold).ok_or("0 to 1000".into())
}

fn rate(text: &str) -> Result<f32, String> {
    let rate: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    (1e-7..=1e-1).contains(&rate).then_some(rate).ok_or("0.0000001 to 0.1".into())
}

/// Trains, or goes on training, in the folder `out`; then makes the nets known to the app.
pub fn train(options: &Options, out: &Path, stop: Arc<AtomicBool>) -> Result<()> {
    let photos = options.data.iter().map(|source| truth::read(source)).collect::<Result<Vec<_>>>()?.concat();
    let faces = photos.iter().map(|photo| photo.faces.len()).sum::<usize>();
    ensure!(
        photos.iter().filter(|photo| !photo.faces.is_empty()).count() > 1,
        "there are fewer than two photos with a face in what --data names: boxes or landmarks are needed, docs/tuning.md shows how"
    );
    eprintln!("{} photos, {faces} faces", photos.len());
    let stock = Files(Stage::ALL.map(|stage| options.models.join(format!("mtcnn/{}.float32.onnx", stage.name()))));
    let Some(nets) = learn(options, &photos, &stock, out, &stop)? else {
        eprintln!("stopped; the checkpoints are in {}: go on with --resume", out.display());
        return Ok(());
    };
    for line in tuned::install(&options.models, &nets, &photos)? {
        println!("{line}");
    }
    println!("tuned weights are in {}: lookalike run --detector-weights tuned", options.models.display());
    Ok(())
}

/// Trains the stages and fits the landmarks. Returns the nets, or nothing where it was stopped.
fn learn(options: &Options, photos: &[Photo], stock: &Files, out: &Path, stop: &Arc<AtomicBool>) -> Result<Option<Files>> {
    let mut now = stock.clone();
    // What leaves nothing to learn is refused before photos are looked at.
    for stage in &options.stages {
        begin(options, *stage, stock)?;
    }
    let [mut learned, kept] = even::apart(photos);
    let Some(unmarked) = unmarked::ignore(&mut learned, stock, stop)? else { return Ok(None) };
    if unmarked > 0 {
        eprintln!("left out: {unmarked} faces that the stock nets are sure of and nobody marked");
    }
    for stage in Stage::ALL {
        let file = out.join(format!("{}.float32.onnx", stage.name()));
        if !options.stages.contains(&stage) {
            if file.exists() {
                now.0[stage.index()] = file;
            }
            continue;
        }
        eprintln!("{}:", stage.name());
        let Some((net, onnx)) = self::stage(options, stage, &learned, &now, out, stop.clone())? else { return Ok(None) };
        let trial = out.join(stage.name()).join("trial.onnx");
        let Some(bytes) = even::even(stage, (&net, &onnx), [stock, &now], &kept, &trial, stop)? else { return Ok(None) };
        files::write(&file, &bytes)?;
        now.0[stage.index()] = file;
    }
    if now.0[Stage::Pnet.index()] != stock.0[Stage::Pnet.index()] {
        // Now, for R-Net and O-Net are to learn from what the freer one proposes.
        let file = out.join("pnet.part-way.float32.onnx");
        files::write(&file, &part_way(stock, &now)?)?;
        now.0[Stage::Pnet.index()] = file;
    }
    let Some(onnx) = fit_landmarks(options, &learned, &now, stop.clone())? else { return Ok(None) };
    now.0[Stage::Onet.index()] = out.join("onet.second-look.float32.onnx");
    files::write(&now.0[Stage::Onet.index()], &onnx)?;
    Ok(Some(now))
}

/// The net that a stage begins with, its file, and how strongly it is held to it; an error where it could learn nothing.
fn begin(options: &Options, stage: Stage, files: &Files) -> Result<(Net, Vec<u8>, f32)> {
    let Options { freeze, hold, rate, .. } = *options;
    let hold = hold.unwrap_or_else(|| stage.hold());
    let from = &files.0[stage.index()];
    let onnx = std::fs::read(from).with_context(|| format!("cannot read {}: run `make models`", from.display()))?;
    let net = nets::read(stage, &onnx).with_context(|| format!("cannot learn from {}", from.display()))?;
    ensure!(hold * rate < 0.5, "--hold {hold} at --rate {rate} leaves nothing to learn: make one of them smaller");
    let layers = net.layers.iter().filter(|layer| layer.arrays() > 0).count();
    ensure!(
        freeze < layers,
        "--freeze {freeze} leaves nothing of {} to learn: it has {layers} layers with weights",
        stage.name()
    );
    Ok((net, onnx, hold))
}

/// Trains a stage; the ones before are in `now`. Returns the net and the file that it began with, or nothing where it was stopped.
fn stage(
    options: &Options,
    stage: Stage,
    photos: &[Photo],
    now: &Files,
    out: &Path,
    stop: Arc<AtomicBool>,
) -> Result<Option<(Net, Vec<u8>)>> {
    let Options { epochs, batch, roll, freeze, rate, seed, resume, .. } = *options;
    let (net, onnx, hold) = begin(options, stage, now)?;
    let mut miner = Miner::new(photos.to_vec(), stage, now.clone(), roll, seed, stop.clone())?;
    let mut teacher = Teacher::new(net, rate, freeze, hold);
    let folder = out.join(stage.name());
    let course = Course {
        what: format!("mtcnn {}", stage.name()),
        settings: format!("--batch {batch} --roll {roll} --freeze {freeze} --hold {hold} --rate {rate} --seed {seed}"),
        seed,
        batch: batch as usize,
        epochs: epochs as usize,
        out: &folder,
        // A stage that was never begun begins.
        resume: resume && folder.join("checkpoint").exists(),
        stop,
    };
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let end = course.run(&mut teacher, &mut miner, |_, miner| Ok(Shown { pictures: miner.shown(160), columns: 16, drawn: 0 }))?;
    if end == End::Stopped {
        return Ok(None);
    }
    Ok(Some((teacher.nets().remove(0).1, onnx)))
}

/// The bytes of a P-Net whose weights lie on the way from the stock one to that in `now` (Wortsman et al. 2022).
fn part_way(stock: &Files, now: &Files) -> Result<Vec<u8>> {
    let read = |files: &Files| -> Result<(Net, Vec<u8>)> {
        let file = &files.0[Stage::Pnet.index()];
        let onnx = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let net = nets::read(Stage::Pnet, &onnx).with_context(|| format!("cannot use {}", file.display()))?;
        Ok((net, onnx))
    };
    let ((stock, _), (mut net, onnx)) = (read(stock)?, read(now)?);
    adam::average(&mut net, &stock, super::PNET_STAYS);
    nets::write(Stage::Pnet, &net, &onnx, "mtcnn-tuned-pnet")
}

/// Fits the landmarks of the O-Net in `now` to its second look. Returns the bytes of its file, or nothing where it was stopped.
fn fit_landmarks(options: &Options, photos: &[Photo], now: &Files, stop: Arc<AtomicBool>) -> Result<Option<Vec<u8>>> {
    let Options { epochs, roll, seed, .. } = *options;
    let file = &now.0[Stage::Onet.index()];
    let onnx = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut net = nets::read(Stage::Onet, &onnx)?;
    let (mut miner, mut fit) = (Miner::of_second_looks(photos, now.clone(), roll, seed, stop)?, Fit::default());
    for epoch in 0..landmarks::COPIES {
        let mut miner = &mut miner;
        // Other copies than it learned from.
        miner.begin(epochs as usize + epoch)?;
        if miner.stopped() {
            return Ok(None);
        }
        miner.landmarks(|crops, wanted| fit.add(&net, crops, wanted));
    }
    match fit.apply(&mut net) {
        Some([before, after]) => eprintln!(
            "landmarks: of a second look, fitted to {} squares of faces: {before:.4} eye distances off at the median before, {after:.4} now",
            fit.count()
        ),
        None => eprintln!("landmarks: not fitted, no face is large enough"),
    }
    Ok(Some(nets::write(Stage::Onet, &net, &onnx, "mtcnn-tuned-onet")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_net_ends_part_of_the_way_from_the_stock_one_to_what_it_learned() {
        let folder = tempfile::tempdir().unwrap();
        let stock = Files(Stage::ALL.map(|stage| format!("out/mtcnn/{}.float32.onnx", stage.name()).into()));
        let onnx = std::fs::read(&stock.0[0]).expect("`make models` writes it");
        let first = nets::read(Stage::Pnet, &onnx).unwrap();
        let mut learned = first.clone();
        learned.weights.iter_mut().flat_map(|array| &mut array.values).for_each(|value| *value += 1.0);
        let mut now = stock.clone();
        now.0[0] = folder.path().join("learned.onnx");
        std::fs::write(&now.0[0], nets::write(Stage::Pnet, &learned, &onnx, "learned").unwrap()).unwrap();
        let between = nets::read(Stage::Pnet, &part_way(&stock, &now).unwrap()).unwrap();
        let values = |net: &Net| net.weights.iter().flat_map(|array| array.values.clone()).collect::<Vec<f32>>();
        let moved: Vec<f32> = values(&between).iter().zip(values(&first)).map(|(now, then)| now - then).collect();
        assert!(moved.iter().all(|way| (way - 0.75).abs() < 1e-5));
        std::fs::write(&now.0[0], b"cut").unwrap();
        assert!(format!("{:#}", part_way(&stock, &now).unwrap_err()).contains("learned.onnx"));
    }
}
