//! A board and a manifest in, the rooms' doers out: start-up as a list that can be read.

use crate::board::{self, Board};
use crate::detect::Follower;
use crate::embed::{self, Embedder};
use crate::gallery::calibration::Among;
use crate::gallery::{Calibration, EmbedderId, Gallery};
use crate::infer::{self, Normalise, Patience, Wish};
use crate::manifest::{EmbeddingFacts, Entry, Manifest, Precision, Role};
use crate::pipeline::{self, Walk};
use crate::turn::Turn;
use crate::{camera, input, screen};
use anyhow::{Context, Result};
use std::path::Path;

mod cascade;
mod family;
mod mtcnn;
mod play;
mod warm;

pub use cascade::cascade;
pub use family::{family, kinds, known};
pub use mtcnn::{detector, detector_nets};
pub use play::{Gan, faces, play};
pub use warm::{offloadable, warm};

/// Lets nets that are opened from now on run where the board wants them.
pub fn offload(board: &Board, patience: Patience) {
    let wish = match board.runtime {
        board::Runtime::Auto => Wish::Auto,
        board::Runtime::Cpu => Wish::Cpu,
        board::Runtime::Cuda => Wish::Cuda,
    };
    infer::offload(wish, patience);
}

/// The embedder that the board names.
pub fn embedder(models: &Manifest, board: &board::Recognise) -> Result<Embedder> {
    let entry = models.find(Role::Embedder, &board.embedder, board.precision)?;
    let facts = facts(entry)?;
    let facts = embed::Facts {
        height: entry.input[1] as u32,
        width: entry.input[2] as u32,
        template: facts.template,
        normalise: normalise(entry),
        length: facts.length,
        mirrored: facts.mirrored,
        metric: facts.metric.into(),
    };
    Embedder::new(infer::open(&models.path(entry), &entry.sha256)?, facts)
        .with_context(|| format!("the embedder `{}` does not fit its entry in the manifest", entry.name))
}

/// The gallery in `file`, of the board's embedder. Where there is no file it is empty, and saving will write one.
pub fn gallery(models: &Manifest, board: &board::Recognise, file: &Path) -> Result<Gallery> {
    let entry = models.find(Role::Embedder, &board.embedder, board.precision)?;
    let facts = facts(entry)?;
    let id = EmbedderId {
        name: entry.name.clone(),
        sha256: entry.sha256.to_ascii_lowercase(),
        length: facts.length,
        metric: facts.metric.into(),
    };
    let plain = Calibration::of_distance(facts.same_person_distance);
    let fitted = facts.calibration.map_or(plain, |c| Calibration {
        slope: c.slope,
        midpoint: c.midpoint,
        temperature: c.temperature,
        among: c.among.map_or(plain.among, |a| Among { slope: a.slope, midpoint: a.midpoint, trust: a.trust }),
        ..plain
    });
    let mut gallery = Gallery::open_or_new(file, &id, Calibration { strangers: board.strangers, ..fitted })?;
    gallery.choose_manner(std::time::Instant::now);
    Ok(gallery)
}

/// The whole walk, with the board's gallery.
pub fn walk(models: &Manifest, board: &Board) -> Result<Walk> {
    let Board { detect, recognise, .. } = board;
    let follower = Follower::new(detector(models, detect)?, detect.search_every, detect.patience_frames);
    let gallery = gallery(models, recognise, &board.gallery.file)?;
    let settings =
        pipeline::Settings { top: recognise.top, faces_most: recognise.faces_most, refresh_every: recognise.refresh_every };
    let mut walk = Walk::new(follower, embedder(models, recognise)?, gallery, settings);
    walk.cascade = cascade::of_walk(models, detect)?;
    Ok(walk)
}

/// What the camera room wants to know of the board.
pub fn camera_settings(board: &board::Camera) -> camera::Settings {
    camera::Settings {
        kind: match board.kind {
            board::CameraKind::Auto => camera::Kind::Auto,
            board::CameraKind::V4l => camera::Kind::V4l,
            board::CameraKind::Pipe => camera::Kind::Pipe,
            board::CameraKind::Replay => camera::Kind::Replay,
        },
        device: board.device.clone(),
        width: board.width,
        height: board.height,
        fps: board.fps,
        timeout_ms: board.timeout_ms,
        command: board.command.clone(),
        pipe_format: match board.pipe_format {
            board::PipeFormat::Yuv420 => camera::PipeFormat::Yuv420,
            board::PipeFormat::Nv12 => camera::PipeFormat::Nv12,
            board::PipeFormat::Mjpeg => camera::PipeFormat::Mjpeg,
        },
        folder: board.replay.clone(),
        hold_ms: board.hold_ms,
        repeat: true,
        silent_after: board.silent_after,
        vanish_after: board.vanish_after,
        return_after: board.return_after,
    }
}

/// What the screen room wants to know of the board.
pub fn screen_settings(board: &Board) -> screen::Settings {
    let board::Input { touch, keyboard } = board.input;
    let board = &board.screen;
    screen::Settings {
        kind: match board.kind {
            board::ScreenKind::Auto => screen::Kind::Auto,
            board::ScreenKind::Drm => screen::Kind::Drm,
            board::ScreenKind::Fbdev => screen::Kind::Fbdev,
            board::ScreenKind::Window => screen::Kind::Window,
            board::ScreenKind::Terminal => screen::Kind::Terminal,
            board::ScreenKind::Png => screen::Kind::Png,
        },
        width: board.width,
        height: board.height,
        device: board.device.clone(),
        mode: match board.mode {
            board::PanelMode::Auto => None,
            board::PanelMode::Size { width, height, hz } => Some(screen::ModeWish { width, height, hz }),
        },
        // The board checked that it is one.
        turn: Turn::of_degrees(board.rotate).unwrap_or_default(),
        input: input::Settings { touch: touch == board::Listen::Auto, keyboard: keyboard == board::Listen::Auto },
        png_folder: board.png_folder.clone(),
        every_ms: board.png_every_ms.into(),
        keep: board.png_keep,
    }
}

fn facts(entry: &Entry) -> Result<&EmbeddingFacts> {
    entry.embedding.as_ref().with_context(|| format!("the manifest's `{}` has no embedding facts", entry.name))
}

/// The manifest of the board's models folder.
pub fn manifest(board: &Board) -> Result<Manifest> {
    Manifest::read(&board.models)
}

/// How the net of an entry wants bytes as numbers.
pub fn normalise(entry: &Entry) -> Normalise {
    Normalise { mean: entry.mean, scale: entry.scale }
}

/// Lets one precision stand for all nets, as `--precision` asks.
pub fn force_precision(board: &mut Board, precision: Precision) {
    board.detect.precision = precision;
    board.recognise.precision = precision;
    board.dream.precision = precision;
}
