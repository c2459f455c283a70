//! `lookalike bench`: how long nets and walk take here, one line per measurement.

use super::{Common, Outcome, json, line};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use lookalike::align::Similarity;
use lookalike::board::{Board, Weights};
use lookalike::gallery::Gallery;
use lookalike::infer::{self, Model};
use lookalike::manifest::{Entry, Manifest, Precision, Role};
use lookalike::pipeline::{Walk, Walked};
use lookalike::screen::{Canvas, Surface};
use lookalike::stopwatch::minimum_and_median;
use lookalike::types::{Chip, Embedding, Face, Frame, Landmarks};
use lookalike::ui::{self, live};
use lookalike::{align, detect, picture, setup};
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

mod peak;

/// Times the nets and the whole walk on this machine
///
/// Milliseconds, minimum and median. The nets get noise; the walk gets a sample photo at 640x480, with decoding,
/// resizing and drawing in it. Last comes the program as a whole: start to the first name on the screen with 100
/// people in the gallery, peak memory, size of the binary.
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike bench --json --threads 2")]
pub struct Options {
    /// One JSON object a line on stdout
    #[arg(long)]
    json: bool,
    /// Threads of the detector in the walk; without it, the board file's. A single net keeps to one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=64))]
    threads: Option<u8>,
    /// Weights of the detector's nets; without it, the board file's
    #[arg(long, value_enum, value_name = "WEIGHTS")]
    detector_weights: Option<Weights>,
    /// Arithmetic of the nets; without it, the board file's
    #[arg(long, value_name = "P")]
    precision: Option<Precision>,
    /// Counted runs of each measurement
    #[arg(long, value_name = "N", default_value = "40", value_parser = clap::value_parser!(u16).range(1..))]
    repeat: u16,
    /// Only the inner loops, layer by layer: which share of this processor's peak they reach
    #[arg(long)]
    peak: bool,
    /// Photo for the walk; without it, the first of the replay folder with a face
    #[arg(long, value_name = "IMAGE")]
    photo: Option<PathBuf>,
}

#[derive(Serialize)]
struct Row {
    net: String,
    precision: String,
    threads: usize,
    min_ms: f32,
    median_ms: f32,
}

/// What the program takes as a whole.
#[derive(Serialize)]
struct Whole {
    program: &'static str,
    gallery_people: usize,
    first_name_ms: f32,
    peak_memory_mb: f32,
    binary_mb: f32,
}

struct Bench {
    board: Board,
    models: Manifest,
    repeat: usize,
    json: bool,
    /// What tells another program of ours to use the same board and arithmetic.
    as_here: Vec<OsString>,
}

const PEOPLE: usize = 100;

/// The nets by the names that other engines' figures go by, then the walk, then the program.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    if options.peak {
        peak::print(options.json, options.repeat.into())?;
        return Ok(Outcome::Fine);
    }
    let (mut board, models) = common.open(options.precision)?;
    let mut as_here: Vec<OsString> = Vec::new();
    if let Some(file) = common.board {
        as_here.extend(["--board".into(), file.into()]);
    }
    if let Some(precision) = options.precision {
        as_here.extend(["--precision".into(), precision.to_string().into()]);
    }
    if let Some(weights) = options.detector_weights {
        board.detect.weights = weights;
        as_here.extend(["--detector-weights".into(), weights.to_string().into()]);
    }
    if let Some(name) = common.kernels {
        as_here.extend(["--kernels".into(), name.into()]);
    }
    if let Some(name) = common.runtime.and_then(|runtime| runtime.to_possible_value()) {
        as_here.extend(["--runtime".into(), name.get_name().into()]);
    }
    board.detect.threads = options.threads.map_or(board.detect.threads, usize::from);
    let bench = Bench { board, models, repeat: options.repeat.into(), json: options.json, as_here };
    let [pnet, rnet, onet] = setup::detector_nets(&bench.models, &bench.board.detect)?;
    if !bench.json {
        line(&format!("{:22} {:>9} {:>8} {:>9} {:>9}", "net", "precision", "threads", "min ms", "median ms"))?;
    }
    let pyramid: Vec<[usize; 3]> = detect::level_sizes(640, 480, 40.0, 0.709).iter().map(|&(w, h)| [1, h, w]).collect();
    bench.net("pnet-240x320", pnet, &[[1, 240, 320]])?;
    bench.net("pnet-pyramid", pnet, &pyramid)?;
    bench.net("rnet-16-crops", rnet, &[[16, 24, 24]])?;
    bench.net("onet-1-crop", onet, &[[1, 48, 48]])?;
    let recognise = &bench.board.recognise;
    let embedder = bench.models.find(Role::Embedder, &recognise.embedder, recognise.precision)?;
    bench.net("embedder", embedder, &[[1, embedder.input[1], embedder.input[2]]])?;
    bench.walk(options.photo)?;
    Ok(Outcome::Fine)
}

impl Bench {
    /// Runs a net on all of the shapes, one after the other, as one measurement.
    fn net(&self, name: &str, entry: &Entry, shapes: &[[usize; 3]]) -> Result<()> {
        let mut model = infer::open(&self.models.path(entry), &entry.sha256)?;
        let normalise = setup::normalise(entry);
        let noise: Vec<u8> = (0..4096u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let once = |model: &mut Box<dyn Model>| -> Result<()> {
            for shape in shapes {
                model.run(*shape, &normalise, &mut |pixels| {
                    pixels.chunks_mut(noise.len()).for_each(|chunk| chunk.copy_from_slice(&noise[..chunk.len()]));
                })?;
            }
            Ok(())
        };
        self.measure(name, &entry.precision.to_string(), 1, || once(&mut model))
    }

    fn measure(&self, name: &str, precision: &str, threads: usize, mut run: impl FnMut() -> Result<()>) -> Result<()> {
        for _ in 0..3 {
            run()?;
        }
        let mut times = Vec::with_capacity(self.repeat);
        for _ in 0..self.repeat {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed().as_secs_f32() * 1e3);
        }
        self.report(name, precision, threads, &times)
    }

    fn report(&self, name: &str, precision: &str, threads: usize, times: &[f32]) -> Result<()> {
        let (min_ms, median_ms) = minimum_and_median(times).context("nothing was measured")?;
        let row = Row { net: name.into(), precision: precision.into(), threads, min_ms, median_ms };
        if self.json {
            return line(&json::to_line(&row)?);
        }
        line(&format!("{:22} {:>9} {:8} {:9.3} {:9.3}", row.net, row.precision, row.threads, row.min_ms, row.median_ms))
    }

    fn walk(&self, photo: Option<PathBuf>) -> Result<()> {
        let mut walk = setup::walk(&self.models, &Board { gallery: nowhere(), ..self.board.clone() })?;
        let folder = tempfile::tempdir().context("cannot make a folder for temporary files")?;
        let replay = folder.path().join("replay");
        std::fs::create_dir(&replay)?;
        let photo_file = replay.join("photo.jpg");
        let (face, chip) = self.find_photo(&mut walk, photo, &photo_file)?;
        let file = folder.path().join("bench.gallery");
        let embedding = walk.embedder.embed(std::slice::from_ref(&chip))?.remove(0);
        walk.gallery = self.crowd(&file, &embedding, &chip)?;
        let mut canvas = Canvas::new(Surface { width: 1280, height: 720, cells: false });
        let thumbnails = [("Sample".to_string(), chip)].into();
        let precision = self.board.detect.precision.to_string();
        let mut walked = Walked::default();
        let threads = self.board.detect.threads;
        self.measure("walk-640x480", &precision, threads, || {
            let frame = picture::read(&photo_file)?;
            // Every time a face that nobody knows yet: searched, and looked at.
            walk.forget();
            walk.frame(&frame, &mut walked)?;
            let view = live::View {
                mode: ui::Mode::Visitor,
                frame: Some(&frame),
                mirror: self.board.screen.mirror,
                sightings: &walked.sightings,
                found: live::Found::Faces,
                thumbnails: &thumbnails,
                gallery_people: PEOPLE,
                how_to_enroll: "",
                stages: &walked.stages.list(),
                fps: 30.0,
                recognised_fps: 30.0,
                next_mode_by: "",
                next_mode: "",
                progress: None,
                notice: None,
            };
            live::draw(&mut canvas, &view);
            Ok(())
        })?;
        self.video(&picture::read(&photo_file)?, &face, walk, &file)?;
        self.program(&file, &replay, folder.path())
    }

    /// A video of the photo's face that moves about: following it, against detecting and embedding it in every frame, as
    /// one of many videos and with a face that is new in each. Milliseconds are per frame, over the whole video.
    fn video(&self, photo: &Frame, face: &Face, mut walk: Walk, gallery: &Path) -> Result<()> {
        let frames = video(photo, &face.landmarks);
        let (repeat, mut walked) = (self.repeat.div_ceil(4), Walked::default());
        let mut every = self.board.clone();
        (every.detect.search_every, every.recognise.refresh_every) = (1, 1);
        let mut plain = setup::walk(&self.models, &Board { gallery: nowhere(), ..every })?;
        plain.gallery = setup::gallery(&self.models, &self.board.recognise, gallery)?;
        let mut play = |walk: &mut Walk| -> Result<f32> {
            let start = Instant::now();
            for frame in &frames {
                walk.frame(frame, &mut walked)?;
                ensure!(walked.sightings.len() == 1, "{} faces in the video of one", walked.sightings.len());
            }
            Ok(start.elapsed().as_secs_f32() * 1e3 / frames.len() as f32)
        };
        let mut times = [const { Vec::new() }; 3];
        for round in 0..=repeat {
            let every = play(&mut plain)?;
            walk.forget();
            let arrived = play(&mut walk)?;
            let tracked = play(&mut walk)?;
            // The first round makes plans and buffers.
            if round > 0 {
                times.iter_mut().zip([every, tracked, arrived]).for_each(|(list, ms)| list.push(ms));
            }
        }
        let precision = self.board.detect.precision.to_string();
        let names = ["walk-video-every-frame", "walk-video-tracked", "walk-video-arrival"];
        for (name, times) in names.iter().zip(&times) {
            self.report(name, &precision, self.board.detect.threads, times)?;
        }
        let [every, tracked, arrived] = times.map(|t| minimum_and_median(&t).map_or(f32::NAN, |(_, median)| median));
        if self.json {
            return Ok(());
        }
        line(&format!(
            "following a face takes {:.3} of detecting it in every frame, {:.3} in its first two seconds",
            tracked / every,
            arrived / every
        ))
    }

    /// Writes the photo as a camera would deliver it, a JPEG of 640x480, and returns a face in it and its chip.
    fn find_photo(&self, walk: &mut Walk, photo: Option<PathBuf>, file: &Path) -> Result<(Face, Chip)> {
        let folder = &self.board.camera.replay;
        let candidates = match photo {
            Some(photo) => vec![photo],
            None => picture::list_pictures(folder)?,
        };
        for path in candidates {
            as_camera_frame(picture::read(&path)?, file)?;
            let mut walked = Walked::default();
            walk.frame(&picture::read(file)?, &mut walked)?;
            if let Some(found) = walked.sightings.into_iter().find_map(|s| Some((s.face, s.chip?))) {
                return Ok(found);
            }
        }
        bail!("no photo with a face for the walk in {}: name one with --photo IMAGE, or run `make models`", folder.display())
    }

    /// A gallery of the photo's face among people made of noise.
    fn crowd(&self, file: &Path, face: &Embedding, chip: &Chip) -> Result<Gallery> {
        let mut gallery = setup::gallery(&self.models, &self.board.recognise, file)?;
        gallery.enroll("Sample", "sample.jpg", face, chip)?;
        for person in 1..PEOPLE as u32 {
            let noise = |i: u32| ((i * 7919 + person * 104_729).wrapping_mul(2_654_435_761) >> 16) as f32 / 32768.0 - 1.0;
            let other = face.0.iter().zip(0u32..).map(|(v, i)| v + 0.3 * noise(i)).collect();
            gallery.enroll(&format!("Noise {person}"), "noise.jpg", &Embedding(other), chip)?;
        }
        gallery.save()?;
        Ok(gallery)
    }

    /// Starts this very program as a kiosk and reads its summary.
    fn program(&self, gallery: &Path, replay: &Path, folder: &Path) -> Result<()> {
        let binary = std::env::current_exe()?;
        let mut first = Vec::new();
        let mut peak: f32 = 0.0;
        for _ in 0..3 {
            let mut command = std::process::Command::new(&binary);
            command.args(["run", "--json", "--frames", "60", "--models"]).arg(&self.models.folder);
            command
                .args(&self.as_here)
                .arg("--gallery")
                .arg(gallery)
                .arg("--replay")
                .arg(replay)
                .arg("--snapshots")
                .arg(folder.join("png"));
            let output = command.output().with_context(|| format!("cannot start {}", binary.display()))?;
            ensure!(output.status.success(), "the kiosk failed: {}", String::from_utf8_lossy(&output.stderr));
            let text = String::from_utf8_lossy(&output.stdout);
            let summary: serde_json::Value = serde_json::from_str(text.lines().last().unwrap_or_default())?;
            let number = |key: &str| summary[key].as_f64().map(|v| v as f32).with_context(|| format!("no {key} in {summary}"));
            first.push(number("first_name_ms")?);
            peak = peak.max(number("peak_memory_mb")?);
        }
        let (first_name_ms, _) = minimum_and_median(&first).context("nothing was measured")?;
        let binary_mb = std::fs::metadata(&binary)?.len() as f32 / 1e6;
        let whole = Whole { program: "run", gallery_people: PEOPLE, first_name_ms, peak_memory_mb: peak, binary_mb };
        if self.json {
            return line(&json::to_line(&whole)?);
        }
        line(&format!(
            "start to first name {first_name_ms:.0} ms ({PEOPLE} people), peak memory {peak:.0} MB, binary {binary_mb:.1} MB"
        ))
    }
}

/// Fits a picture into 640x480, centred on black, and writes it as JPEG.
fn as_camera_frame(frame: Frame, file: &Path) -> Result<()> {
    let picture = image::RgbImage::from_raw(frame.width, frame.height, frame.pixels).context("a frame of another size")?;
    let fitted = image::DynamicImage::ImageRgb8(picture).resize(640, 480, image::imageops::FilterType::Triangle).into_rgb8();
    let mut whole = image::RgbImage::new(640, 480);
    let (x, y) = ((640 - fitted.width()) / 2, (480 - fitted.height()) / 2);
    image::imageops::replace(&mut whole, &fitted, x.into(), y.into());
    whole.save(file).with_context(|| format!("cannot write {}", file.display()))
}

/// Two seconds of the photo as the camera sees it when the face walks in a figure of eight, nods sideways, and comes nearer
/// and goes: 640x480, a closed loop, with a little sensor noise. All of the picture moves, which is the hard case for
/// whoever looks for motion.
fn video(photo: &Frame, landmarks: &Landmarks) -> Vec<Frame> {
    const FRAMES: usize = 60;
    const EYES_APART_PX: f32 = 60.0;
    let [[ax, ay], [bx, by], nose, ..] = *landmarks;
    let size = EYES_APART_PX / (bx - ax).hypot(by - ay).max(1.0);
    let at = |index: usize| {
        let phase = index as f32 / FRAMES as f32 * std::f32::consts::TAU;
        let (lean, scale) = (0.15 * phase.sin(), size * (1.0 + 0.15 * phase.cos()));
        let (x, y) = (320.0 + 120.0 * phase.cos(), 240.0 + 50.0 * (2.0 * phase).sin());
        let (a, b) = (scale * lean.cos(), scale * lean.sin());
        let there = Similarity { a, b, tx: x - (a * nose[0] - b * nose[1]), ty: y - (b * nose[0] + a * nose[1]) };
        let Chip { width, height, mut pixels } = align::cut(photo, landmarks, &landmarks.map(|p| there.apply(p)), 640, 480);
        for (place, byte) in pixels.iter_mut().enumerate() {
            let noise = (place as u32).wrapping_add(index as u32 * 104_729).wrapping_mul(2_654_435_761) >> 29;
            *byte = byte.saturating_add(noise as u8).saturating_sub(4);
        }
        Frame { width, height, pixels, ..Frame::empty() }
    };
    (0..FRAMES).map(at).collect()
}

/// A gallery file that is not there.
fn nowhere() -> lookalike::board::Gallery {
    lookalike::board::Gallery { file: PathBuf::from("/nonexistent/bench.gallery") }
}
