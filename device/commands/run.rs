//! `lookalike run`: the kiosk.

use super::{Common, Outcome, json, line};
use anyhow::{Context, Result, ensure};
use lookalike::board::{Board, CameraKind, Finder, ScreenKind, Weights};
use lookalike::infer::{self, Patience};
use lookalike::manifest::Precision;
use lookalike::pipeline::{Kiosk, Summary, Walk, Walked};
use lookalike::play::Play;
use lookalike::screen::{self, Canvas, Screen, Surroundings};
use lookalike::types::Sighting;
use lookalike::ui::{self, Mode};
use lookalike::{camera, setup};
use sd_notify::NotifyState;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// Runs the booth: camera in, named faces on the screen
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike run --board board-config/desktop.toml --frames 60")]
pub struct Options {
    /// One JSON object a line on stdout: each recognised frame, at last a summary
    #[arg(long)]
    json: bool,
    /// Ends by itself after so many frames
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    frames: Option<u64>,
    /// Gallery file; without it, the board file's
    #[arg(long, value_name = "FILE")]
    gallery: Option<PathBuf>,
    /// Where frames come from; without it, as the board file says
    #[arg(long, value_enum, value_name = "KIND")]
    camera: Option<CameraKind>,
    /// Who finds the faces; without it, as the board file says
    #[arg(long, value_enum, value_name = "WHO")]
    detector: Option<Finder>,
    /// Weights of the detector's nets; without it, the board file's
    #[arg(long, value_enum, value_name = "WEIGHTS")]
    detector_weights: Option<Weights>,
    /// Arithmetic of the nets; without it, the board file's
    #[arg(long, value_name = "P")]
    precision: Option<Precision>,
    /// Folder of pictures to replay as a camera; implies --camera replay
    #[arg(long, value_name = "DIR")]
    replay: Option<PathBuf>,
    /// Where pictures go; without it, as the board file says
    #[arg(long, value_enum, value_name = "KIND")]
    screen: Option<ScreenKind>,
    /// What is shown first and come back to; `walk` is the screen that nobody has to touch
    #[arg(long, value_enum, default_value = "visitor", value_name = "MODE")]
    mode: Mode,
    /// What the generative modes draw by chance; without it, something else every time
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder of the PNG screen; implies --screen png
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
}

/// One recognised frame.
#[derive(Serialize)]
struct FrameLine {
    frame: u64,
    #[serde(flatten)]
    found: Found,
    ms: BTreeMap<&'static str, f32>,
}

/// What was found in it.
#[derive(Serialize)]
#[serde(untagged)]
enum Found {
    Faces {
        faces: Vec<FaceLine>,
    },
    Outlines {
        faces: Vec<json::Outline>,
        #[serde(flatten)]
        by: json::ByCascade,
    },
    Compared {
        mtcnn: Vec<json::Face>,
        haar: Vec<json::Outline>,
        pairs: Vec<(usize, usize)>,
        note: &'static str,
    },
}

#[derive(Serialize)]
struct FaceLine {
    track: u64,
    #[serde(flatten)]
    face: json::Face,
}

/// The last line.
#[derive(Serialize)]
struct SummaryLine<'a> {
    summary: bool,
    frames: u64,
    recognised_frames: u64,
    faces: u64,
    names: &'a BTreeMap<String, u64>,
    ms: BTreeMap<&'static str, MinMedian>,
    first_name_ms: Option<f32>,
    peak_memory_mb: Option<f32>,
}

#[derive(Serialize)]
struct MinMedian {
    min: f32,
    median: f32,
}

/// Somebody asked for another mode.
#[derive(Serialize)]
struct ModeLine {
    mode: &'static str,
}

/// Opens the screen first, so that whatever else fails is said there too.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let stop = Arc::new(AtomicBool::new(false));
    end_on_signals(stop.clone())?;
    let here = Surroundings { terminal: !options.json && Surroundings::look().terminal, ..Surroundings::look() };
    let mut board = common.board().inspect_err(|error| explain_board(&common, &options, here, error, &stop))?;
    adjust(&mut board, &options);
    let mut screen = screen::open(&setup::screen_settings(&board), here)?;
    match open(&common, &board, &options, is_looked_at(&*screen)) {
        Ok((walk, camera, play)) => show(&board, &options, screen, camera, walk, play, &stop),
        Err(error) => {
            explain(&mut *screen, &error, &board, &stop);
            Err(error)
        }
    }
}

/// Says on a board's panel why the board file is of no use. Elsewhere stderr is in front of whoever started the booth.
fn explain_board(common: &Common, options: &Options, here: Surroundings, error: &anyhow::Error, stop: &AtomicBool) {
    let Ok(mut board) = common.salvaged_board() else { return };
    adjust(&mut board, options);
    let settings = setup::screen_settings(&board);
    if !matches!(screen::choices(settings.kind, here)[0].0, screen::Kind::Drm | screen::Kind::Fbdev) {
        return;
    }
    if let Ok(mut screen) = screen::open(&settings, here) {
        explain(&mut *screen, error, &board, stop);
    }
}

/// Picture files stay by themselves; all other screens show something only while the booth runs.
fn is_looked_at(screen: &dyn Screen) -> bool {
    !screen.describe().starts_with("PNG")
}

/// The first signal asks the booth to end. A second ends it at once, should the first not get through; the screen is put back.
fn end_on_signals(stop: Arc<AtomicBool>) -> Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals cannot be received")?;
    let wait = move || {
        for _ in signals.forever() {
            if stop.swap(true, Ordering::SeqCst) {
                screen::put_back();
                signal_hook::low_level::exit(130);
            }
        }
    };
    std::thread::Builder::new().name("signals".into()).spawn(wait)?;
    Ok(())
}

fn adjust(board: &mut Board, options: &Options) {
    if let Some(precision) = options.precision {
        setup::force_precision(board, precision);
    }
    board.detect.detector = options.detector.unwrap_or(board.detect.detector);
    board.detect.weights = options.detector_weights.unwrap_or(board.detect.weights);
    board.camera.kind = options.camera.unwrap_or(board.camera.kind);
    if let Some(folder) = &options.replay {
        (board.camera.kind, board.camera.replay) = (CameraKind::Replay, folder.clone());
    }
    board.screen.kind = options.screen.unwrap_or(board.screen.kind);
    if let Some(folder) = &options.snapshots {
        (board.screen.kind, board.screen.png_folder) = (ScreenKind::Png, folder.clone());
    }
    if let Some(file) = &options.gallery {
        board.gallery.file = file.clone();
    }
}

/// A camera that is not there yet is waited for where the screen can say so.
fn open(common: &Common, board: &Board, options: &Options, can_wait: bool) -> Result<(Walk, Box<dyn camera::Camera>, Play)> {
    // Models and camera both take their time; neither waits for the other.
    let settings = setup::camera_settings(&board.camera);
    let open = if can_wait { camera::open_or_await } else { camera::open };
    std::thread::scope(|threads| {
        let camera = threads.spawn(move || open(&settings));
        let (_, models) = common.open_with(Patience::Background, None)?;
        let walk = setup::walk(&models, board)?;
        let seed = options.seed.unwrap_or_else(|| SystemTime::UNIX_EPOCH.elapsed().map_or(1, |since| since.as_secs()));
        let play = Play::new(setup::play(&models, &board.dream, &walk.gallery, seed));
        ensure!(
            options.mode != Mode::Compare || walk.cascade.is_there(),
            "--mode compare needs the cascade `{}`, and the manifest in {} has none of it: run `make models`",
            board.detect.cascade,
            models.folder.display()
        );
        ensure!(
            !options.mode.is_generative() || play.has_nets() || options.mode == Mode::Map,
            "--mode {} needs the nets of `{}`, and the manifest in {} has none of them: run `make models`",
            options.mode.name(),
            board.dream.nets,
            models.folder.display()
        );
        let camera = camera.join().unwrap_or_else(|_| Err(anyhow::anyhow!("opening the camera failed inside")))?;
        Ok((walk, camera, play))
    })
}

fn show(
    board: &Board,
    options: &Options,
    screen: Box<dyn Screen>,
    camera: Box<dyn camera::Camera>,
    walk: Walk,
    play: Play,
    stop: &AtomicBool,
) -> Result<Outcome> {
    // A terminal that shows the booth is no place for messages as well; they are in its picture.
    let quiet = screen.describe().starts_with("terminal") && std::io::stderr().is_terminal();
    let say = |text: String| {
        if !quiet {
            eprintln!("lookalike: {text}");
        }
    };
    say(format!("camera: {}", camera.describe()));
    say(format!("screen: {}", screen.describe()));
    say(format!("gallery: {} of {}", super::count(walk.gallery.count(), "name"), board.gallery.file.display()));
    if board.detect.detector == Finder::Haar {
        say(format!("detector: the cascade {}: {}", board.detect.cascade, json::BY_CASCADE.note));
    }
    let mut on_walked = |frame: u64, walked: &Walked| match options.json {
        true => line(&json::to_line(&frame_line(frame, walked))?),
        false => Ok(()),
    };
    let mut on_notice = |text: &str| say(if text.is_empty() { "the camera is well again".into() } else { text.to_string() });
    let mut first_mode = true;
    let mut on_mode = |mode: Mode| match std::mem::take(&mut first_mode) {
        true => Ok(()),
        false if options.json => line(&json::to_line(&ModeLine { mode: mode.name() })?),
        false => {
            say(format!("mode: {}", mode.name()));
            Ok(())
        }
    };
    let kiosk = Kiosk {
        camera,
        screen,
        play,
        home: options.mode,
        has_cascade: walk.cascade.is_there(),
        attract_s: board.dream.attract_s,
        return_s: board.dream.return_s,
        mirror: board.screen.mirror,
        how_to_enroll: "lookalike enroll --name \"YOUR NAME\" photo.jpg".into(),
        frames_most: options.frames,
        stop,
        on_walked: &mut on_walked,
        on_notice: &mut on_notice,
        on_mode: &mut on_mode,
        on_shown: &mut watchdog(),
        news: &mut infer::news,
    };
    let summary = kiosk.run(walk)?;
    if options.json {
        line(&json::to_line(&summary_line(&summary))?)?
    } else {
        print(&summary)?
    }
    Ok(Outcome::Fine)
}

/// Tells systemd, where it started us, that the booth is ready, and once a second that it still moves (sd_notify(3)).
fn watchdog() -> impl FnMut() {
    let mut last: Option<Instant> = None;
    move || {
        let state = match last {
            Some(told) if told.elapsed() < Duration::from_secs(1) => return,
            Some(_) => NotifyState::Watchdog,
            None => NotifyState::Ready,
        };
        // Where nobody listens, nobody is told.
        let _ = sd_notify::notify(&[state]);
        last = Some(Instant::now());
    }
}

fn frame_line(frame: u64, walked: &Walked) -> FrameLine {
    let found = match (&walked.duel, &walked.outlines) {
        (Some(duel), _) => Found::Compared {
            mtcnn: duel.faces.iter().map(json::Face::new).collect(),
            haar: duel.outlines.iter().map(json::Outline::new).collect(),
            pairs: duel.pairs.clone(),
            note: json::BY_CASCADE.note,
        },
        (None, Some(outlines)) => {
            Found::Outlines { faces: outlines.iter().map(json::Outline::new).collect(), by: json::BY_CASCADE }
        }
        (None, None) => Found::Faces { faces: walked.sightings.iter().map(face_line).collect() },
    };
    FrameLine { frame, found, ms: walked.stages.list().into_iter().collect() }
}

fn face_line(seen: &Sighting) -> FaceLine {
    let face = json::Face { answer: seen.answer.clone().map(Into::into), ..json::Face::new(&seen.face) };
    FaceLine { track: seen.track, face }
}

fn summary_line(summary: &Summary) -> SummaryLine<'_> {
    let ms = summary.stages.figures().into_iter().map(|(name, min, median)| (name, MinMedian { min, median }));
    SummaryLine {
        summary: true,
        frames: summary.frames,
        recognised_frames: summary.walked,
        faces: summary.faces,
        names: &summary.names,
        ms: ms.collect(),
        first_name_ms: summary.first_name.map(since_start_ms),
        peak_memory_mb: peak_memory_mb(),
    }
}

fn print(summary: &Summary) -> Result<()> {
    let frames = super::count(summary.frames as usize, "frame");
    line(&format!("{frames} shown, {} recognised, {} seen", summary.walked, super::count(summary.faces as usize, "face")))?;
    let names: Vec<String> = summary.names.iter().map(|(name, n)| format!("{name} ({n})")).collect();
    line(&format!(
        "names, with the frames they were best in: {}",
        if names.is_empty() { "none".into() } else { names.join(", ") }
    ))?;
    line(&format!("{:>8} {:>9} {:>9}", "ms", "minimum", "median"))?;
    for (name, min, median) in summary.stages.figures() {
        line(&format!("{name:>8} {min:9.2} {median:9.2}"))?;
    }
    if let Some(first) = summary.first_name {
        line(&format!("first name on the screen {:.0} ms after the start", since_start_ms(first)))?;
    }
    peak_memory_mb().map_or(Ok(()), |mb| line(&format!("peak memory {mb:.0} MB")))
}

/// Milliseconds from the start of this process, as the kernel saw it, to `then`.
fn since_start_ms(then: Instant) -> f32 {
    let age = process_age().unwrap_or_default();
    age.saturating_sub(then.elapsed()).as_secs_f32() * 1e3
}

/// How long this process has been there: /proc/uptime less the start time in /proc/self/stat (proc(5), field 22, in ticks
/// of a hundredth of a second).
fn process_age() -> Option<Duration> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let ticks: f64 = stat.rsplit(')').next()?.split_whitespace().nth(19)?.parse().ok()?;
    Duration::try_from_secs_f64(uptime - ticks / 100.0).ok()
}

/// The largest resident size so far (proc(5), `VmHWM`), in MB of a million bytes.
fn peak_memory_mb() -> Option<f32> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: f32 = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// Shows why the booth cannot start, for as long as the board wants or until somebody does something. A picture file stays anyway.
fn explain(screen: &mut dyn Screen, error: &anyhow::Error, board: &Board, stop: &AtomicBool) {
    let mut canvas = Canvas::new(screen.surface());
    let patience = Duration::from_secs(board.screen.explain_s.into());
    let until = Instant::now() + if is_looked_at(screen) { patience } else { Duration::ZERO };
    loop {
        canvas.fit(screen.surface());
        ui::message::draw(&mut canvas, "The booth cannot start", &format!("{error:#}"));
        let shown = screen.show(&canvas).context("showing the message");
        let quit = !screen.events().is_empty() || stop.load(Ordering::Relaxed);
        if shown.is_err() || quit || Instant::now() >= until {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
