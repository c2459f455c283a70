//! `lookalike doctor`: what is there, what is missing, what to do.

use super::{Common, Outcome, line};
use anyhow::Result;
use lookalike::board::{Board, Detect, Dream, Finder, Runtime};
use lookalike::gallery::{Breadth, Gallery};
use lookalike::generate::Kind;
use lookalike::manifest::Manifest;
use lookalike::screen::Surroundings;
use lookalike::{camera, infer, input, picture, screen, setup};
use std::time::Duration;

/// Checks camera, display, models and gallery, and says what to do
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike doctor --board board-config/desktop.toml")]
pub struct Options {}

/// Everything fine is 0; something missing that the booth needs is 1.
pub fn run(common: Common, _: Options) -> Result<Outcome> {
    let board = common.board()?;
    let models = match setup::manifest(&board) {
        Ok(models) => Some(models),
        Err(error) => {
            line(&format!("models:  MISSING: {error:#}"))?;
            None
        }
    };
    let mut missing = usize::from(models.is_none());
    if let Some(models) = &models {
        missing += check_models(models)?;
        missing += check_walk(models, &board)?;
        missing += check_dreams(models, &board)?;
    }
    missing += check_camera(&board)?;
    check_screen(&board)?;
    line(&format!("machine: {} {}, {}", std::env::consts::ARCH, std::env::consts::OS, processors()))?;
    line(&format!("kernels: {} (there are {})", infer::kernels_in_use(), infer::kernel_names().join(", ")))?;
    check_gpu(models.as_ref(), &board)?;
    Ok(Outcome::of(missing))
}

fn check_models(models: &Manifest) -> Result<usize> {
    let mut missing = 0;
    for entry in &models.models {
        match infer::read_verified(&models.path(entry), &entry.sha256) {
            Ok(bytes) => line(&format!(
                "models:  {} ({}, {:.1} MB, licence {})",
                entry.name,
                entry.precision,
                bytes.len() as f64 / 1e6,
                entry.licence
            ))?,
            Err(error) => {
                missing += 1;
                line(&format!("models:  MISSING: {error:#}"))?;
            }
        }
    }
    Ok(missing)
}

/// Whether the nets fit together, and the gallery fits them.
fn check_walk(models: &Manifest, board: &Board) -> Result<usize> {
    let mut missing = 0;
    let Detect { weights, precision, .. } = &board.detect;
    match setup::detector(models, &board.detect) {
        Ok(_) => line(&format!("models:  the detector has its {weights} weights, in {precision}"))?,
        Err(error) => {
            missing += 1;
            line(&format!("models:  MISSING: {error:#}"))?;
        }
    }
    if let Err(error) = setup::embedder(models, &board.recognise) {
        missing += 1;
        line(&format!("models:  MISSING: {error:#}"))?;
    }
    missing += check_cascade(models, board)?;
    let file = &board.gallery.file;
    match setup::gallery(models, &board.recognise, file) {
        Ok(gallery) if gallery.count() == 0 => {
            line(&format!("gallery: nobody in {} yet: lookalike enroll --name \"YOUR NAME\" photo.jpg", file.display()))?;
        }
        Ok(gallery) => {
            line(&format!("gallery: {} in {}", super::count(gallery.count(), "name"), file.display()))?;
            line(&format!("gallery: {}", manner(&gallery)))?;
            if let Some(fault) = gallery.index_fault() {
                line(&format!("gallery: {fault}: opening takes longer until the next change, nobody is lost"))?;
            }
        }
        Err(error) => {
            missing += 1;
            line(&format!("gallery: MISSING: {error:#}"))?;
        }
    }
    Ok(missing)
}

/// Whether the cascade can be used. Where it is only compared with, having none is no fault.
fn check_cascade(models: &Manifest, board: &Board) -> Result<usize> {
    let name = &board.detect.cascade;
    match (setup::cascade(models, &board.detect), board.detect.detector) {
        (Ok(haar), finder) => {
            let ([width, height], finds) = (haar.window(), finder == Finder::Haar);
            let use_of = if finds { "finds the faces, so nobody has a name" } else { "to compare with" };
            line(&format!("cascade: {name}, a window of {width}x{height}, {use_of}")).map(|()| 0)
        }
        (Err(error), Finder::Haar) => line(&format!("cascade: MISSING: {error:#}")).map(|()| 1),
        (Err(error), Finder::Mtcnn) => line(&format!("cascade: none to compare with: {error:#}")).map(|()| 0),
    }
}

/// How the nearest faces are found here.
fn manner(gallery: &Gallery) -> String {
    let (manner, faces) = (gallery.manner(), gallery.pictures());
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    match (manner.part, manner.breadth) {
        (Some(part), breadth) => format!(
            "all {faces} faces are searched in {:.2} ms, the {} likeliest in {:.2} ms with {:.0} % of the ten nearest: {} (the \
             same at about {} faces)",
            ms(manner.all),
            part.rows,
            ms(part.takes),
            100.0 * part.recall,
            if breadth == Breadth::All { "all are searched" } else { "only these are searched" },
            manner.crossing(faces).unwrap_or(0)
        ),
        (None, _) if manner.all.is_zero() => {
            "so few faces are all searched; with more than 16384 part of them is tried too".into()
        }
        (None, _) => {
            format!("all {faces} faces are searched, in {:.2} ms: no part of them holds enough of the nearest", ms(manner.all))
        }
    }
}

/// Whether the generative nets that the manifest has can be used. Having none is no fault: the booth has two modes then.
fn check_dreams(models: &Manifest, board: &Board) -> Result<usize> {
    let Dream { nets: name, precision, .. } = &board.dream;
    let family = match setup::family(models, name, *precision) {
        Ok(family) => family,
        Err(error) => return line(&format!("dreams:  MISSING: {error:#}")).map(|()| 1),
    };
    let kinds: Vec<&str> = Kind::ALL.into_iter().filter(|&kind| family.has(kind)).map(Kind::name).collect();
    let known = family.known.as_ref().map_or("no real pictures".into(), |known| super::count(known.count(), "real picture"));
    match kinds.is_empty() {
        true => line(&format!("dreams:  no nets of `{name}`: run `make models`, the booth has two modes until then")),
        false => line(&format!("dreams:  {} of `{name}`, {known}", kinds.join(", "))),
    }
    .map(|()| 0)
}

fn check_camera(board: &Board) -> Result<usize> {
    let listed = camera::list();
    for device in &listed {
        match &device.formats {
            Ok(formats) => line(&format!("camera:  {} {}: {}", device.path.display(), device.name, formats.join(", ")))?,
            Err(why) => line(&format!("camera:  {} {}: not usable: {why}", device.path.display(), device.name))?,
        }
    }
    if listed.is_empty() {
        line("camera:  no video device: plug a USB camera in, or replay pictures")?;
    }
    match picture::list_pictures(&board.camera.replay) {
        Ok(pictures) if !pictures.is_empty() => {
            line(&format!(
                "camera:  replay of {} in {}",
                super::count(pictures.len(), "picture"),
                board.camera.replay.display()
            ))?;
        }
        _ => line(&format!("camera:  no pictures to replay in {}: run `make models`", board.camera.replay.display()))?,
    }
    match camera::open(&setup::camera_settings(&board.camera)) {
        Ok(camera) => line(&format!("camera:  would use {}", camera.describe())).map(|()| 0),
        Err(error) => line(&format!("camera:  MISSING: {error:#}")).map(|()| 1),
    }
}

fn check_screen(board: &Board) -> Result<()> {
    let settings = setup::screen_settings(board);
    let (kind, why) = screen::choices(settings.kind, Surroundings::look())[0];
    let place = if kind == screen::Kind::Png { format!(" into {}", settings.png_folder.display()) } else { String::new() };
    line(&format!("screen:  would try {kind}{place} ({why})"))?;
    say_all("screen: ", screen::list_panels(), "no graphics card and no framebuffer: no panel can be driven without a desktop")?;
    say_all("input:  ", input::list(), "no device in /dev/input: nobody can tap; plug a touchscreen, a mouse or a keyboard in")
}

/// Each in a line, or why it is of no use; `none` where there is none.
fn say_all(what: &str, listed: Vec<Result<String>>, none: &str) -> Result<()> {
    if listed.is_empty() {
        line(&format!("{what} {none}"))?;
    }
    for entry in listed {
        match entry {
            Ok(device) => line(&format!("{what} {device}"))?,
            Err(error) => line(&format!("{what} not usable: {error:#}"))?,
        }
    }
    Ok(())
}

/// What there is of a GPU, and where the nets would run. None is no fault: the processor does it all.
fn check_gpu(models: Option<&Manifest>, board: &Board) -> Result<()> {
    let wish = match board.runtime {
        Runtime::Auto => "each net where it is quicker",
        Runtime::Cpu => "every net on the processor",
        Runtime::Cuda => "on the GPU every net that it can take",
    };
    line(&format!("runtime: {wish}"))?;
    for found in infer::gpu_report() {
        line(&format!("gpu:     {found}"))?;
    }
    for entry in models.iter().flat_map(|models| setup::offloadable(models, board)) {
        for found in infer::would_choose(&entry.name, &entry.sha256) {
            line(&format!("auto:    {found}"))?;
        }
    }
    Ok(())
}

fn processors() -> String {
    super::count(std::thread::available_parallelism().map_or(1, |n| n.get()), "processor")
}
