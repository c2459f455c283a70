//! What the user typed, and the one `match` over what it means. One file per command.

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use lookalike::board::{Board, Finder, Runtime};
use lookalike::infer::{self, Patience};
use lookalike::manifest::{Manifest, Precision};
use lookalike::types::Frame;
use lookalike::{picture, setup};
use std::io::Write;
use std::path::{Path, PathBuf};

mod bench;
mod detect;
mod doctor;
mod dream;
mod embed;
mod enroll;
mod gallery;
mod json;
mod matching;
mod run;
#[cfg(feature = "cuda")]
mod warm;

/// How a command ended, when it could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was done.
    Fine,
    /// Some input could not be used; each was named on stderr.
    SomeFailed,
}

impl Outcome {
    fn of(failed: usize) -> Self {
        if failed == 0 { Outcome::Fine } else { Outcome::SomeFailed }
    }
}

/// Says which known faces a face resembles, on this device and offline.
#[derive(Parser)]
#[command(name = "lookalike", version, after_help = "Example: lookalike run --board board-config/desktop.toml")]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Args)]
pub struct Common {
    /// Board file; without one, board-config/desktop.toml, else the installed /etc/lookalike/board.toml, else what is built in
    #[arg(long, global = true, value_name = "FILE", env = "LOOKALIKE_BOARD")]
    board: Option<PathBuf>,
    /// Folder of the model files and their manifest.toml; without it, the board file's
    #[arg(long, global = true, value_name = "DIR", env = "LOOKALIKE_MODELS")]
    models: Option<PathBuf>,
    /// Inner loops of the nets: scalar, avx2, avx512-vnni, neon, neon-dot, or tract for its own operators; without it, the
    /// quickest that this processor has
    #[arg(long, global = true, value_name = "NAME")]
    kernels: Option<String>,
    /// Where nets run; without it, as the board file says
    #[arg(long, global = true, value_enum, value_name = "WHERE")]
    runtime: Option<Runtime>,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Options),
    Detect(detect::Options),
    Embed(embed::Options),
    Enroll(enroll::Options),
    Match(matching::Options),
    Gallery(gallery::Options),
    Dream(dream::Options),
    Bench(bench::Options),
    Doctor(doctor::Options),
    #[cfg(feature = "cuda")]
    Warm(warm::Options),
}

/// Does what was asked.
pub fn run(arguments: Arguments) -> Result<Outcome> {
    let common = arguments.common;
    let done = match arguments.command {
        Command::Run(options) => run::run(common, options),
        Command::Detect(options) => detect::run(common, options),
        Command::Embed(options) => embed::run(common, options),
        Command::Enroll(options) => enroll::run(common, options),
        Command::Match(options) => matching::run(common, options),
        Command::Gallery(options) => gallery::run(common, options),
        Command::Dream(options) => dream::run(common, options),
        Command::Bench(options) => bench::run(common, options),
        Command::Doctor(options) => doctor::run(common, options),
        #[cfg(feature = "cuda")]
        Command::Warm(options) => warm::run(common, options),
    };
    infer::news().sentences.iter().for_each(|text| eprintln!("lookalike: {text}"));
    done
}

impl Common {
    /// The board, with what the command line says in place of it.
    fn board(&self) -> Result<Board> {
        if let Some(name) = &self.kernels {
            infer::force_kernels(name)?;
        }
        let mut board = self.board_file().map_or_else(Board::desktop, |file| Board::read(&file))?;
        if let Some(models) = &self.models {
            board.models = models.clone();
        }
        board.runtime = self.runtime.unwrap_or(board.runtime);
        Ok(board)
    }

    /// What can still be read of the board file where [`Common::board`] fails.
    fn salvaged_board(&self) -> Result<Board> {
        self.board_file().map_or_else(Board::desktop, |file| Board::salvage(&file))
    }

    fn board_file(&self) -> Option<PathBuf> {
        /// In the repository, then where the package puts it.
        const NEAR: [&str; 2] = ["board-config/desktop.toml", "/etc/lookalike/board.toml"];
        self.board.clone().or_else(|| NEAR.iter().map(PathBuf::from).find(|file| file.exists()))
    }

    /// The board and its models' manifest.
    fn open(&self, precision: Option<Precision>) -> Result<(Board, Manifest)> {
        self.open_with(Patience::Wait, precision)
    }

    /// The same for nets that come to a GPU in another way.
    fn open_with(&self, patience: Patience, precision: Option<Precision>) -> Result<(Board, Manifest)> {
        let mut board = self.board()?;
        setup::offload(&board, patience);
        if let Some(precision) = precision {
            setup::force_precision(&mut board, precision);
        }
        let models = setup::manifest(&board)?;
        Ok((board, models))
    }
}

/// Writes one line to stdout. A reader that went away is an error like any other, so that work stops.
fn line(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("cannot write to stdout")
}

/// Whether the reader of our output went away, which is no one's fault (`lookalike ... | head`).
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|e| e.downcast_ref::<std::io::Error>()).any(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Does `work` for every picture that can be read; of the others stderr says why.
fn each_picture(images: &[PathBuf], mut work: impl FnMut(&Path, Frame) -> Result<()>) -> Result<Outcome> {
    let mut failed = 0;
    for path in images {
        match picture::read(path) {
            Ok(frame) => work(path, frame)?,
            Err(error) => {
                eprintln!("lookalike: {error:#}");
                failed += 1;
            }
        }
    }
    Ok(Outcome::of(failed))
}

/// Says of a command that is about vectors and names why it does not find faces as the board does.
fn say_landmarks(board: &Board) {
    if board.detect.detector == Finder::Haar {
        eprintln!("lookalike: the board's detector is haar, which gives no landmarks: here mtcnn finds the faces");
    }
}

/// "1 face", "3 faces".
fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Where a face is, for people.
fn place(rect: lookalike::types::Rect) -> String {
    format!("{:.0}x{:.0} at ({:.0}, {:.0})", rect.w, rect.h, rect.x, rect.y)
}

/// The smallest face that P-Net's window can show is 12 pixels.
fn min_face(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(px) if (12.0..=4096.0).contains(&px) => Ok(px),
        _ => Err("a number of pixels from 12 to 4096 is needed".into()),
    }
}
