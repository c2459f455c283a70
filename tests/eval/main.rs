//! `make eval`: accuracy on the evaluation pictures, as tables. Our own code from end to end, as the app runs it.
//!
//! Pictures are read from `--data DIR` (default `../shared/data`); without them it says so and ends with 0.
//! `--precision int8` takes the nets' int8 files; `--only precision` sets both beside each other. `--heads upright` finds upright
//! heads alone; `--only rotation` sets both beside each other. `--only haar` sets a Haar cascade beside MT-CNN. `--only gallery` draws
//! reliability curves into `--picture FILE`, as rotation does; `--vectors FILE` is where the vectors go that `make bench-gallery` searches.

use anyhow::{Context, Result};
use lookalike::board::{Board, Heads};
use lookalike::manifest::{Manifest, Precision};
use lookalike::types::{Embedding, Face, Frame};
use lookalike::{align, detect::Detector, embed::Embedder, picture, setup};
use std::path::{Path, PathBuf};

mod booth;
mod crowd;
mod detection;
mod haar;
mod likeness;
mod plot;
mod portraits;
mod precision;
mod rotation;
mod strangers;
mod truth;
mod tuning;

/// What every table needs.
struct Lab {
    data: PathBuf,
    board: Board,
    models: Manifest,
}

/// One thread's nets.
struct Nets {
    detector: Detector,
    embedder: Embedder,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|i| arguments.get(i + 1));
    let data = after("--data").map_or(PathBuf::from("../shared/data"), PathBuf::from);
    if !data.is_dir() {
        println!("eval: skipped, there are no evaluation pictures in {}: name their folder with --data DIR", data.display());
        return Ok(());
    }
    let mut board = Board::read(Path::new("board-config/desktop.toml"))?;
    if let Some(models) = after("--models") {
        board.models = models.into();
    }
    if let Some(precision) = after("--precision") {
        let known = [Precision::Float32, Precision::Int8].into_iter().find(|p| p.to_string() == *precision);
        setup::force_precision(&mut board, known.with_context(|| format!("--precision {precision}: float32 or int8"))?);
    }
    if let Some(heads) = after("--heads") {
        board.detect.heads = match heads.as_str() {
            "upright" => Heads::Upright,
            "any" => Heads::Any,
            _ => anyhow::bail!("--heads {heads}: upright or any"),
        };
    }
    board.detect.min_face_px = 20.0;
    let models = setup::manifest(&board)?;
    let lab = Lab { data, board, models };
    let only = after("--only").map(String::as_str);
    let wanted = |table: &str| only.is_none_or(|o| o == table);
    if wanted("detection") {
        detection::print(&lab)?;
    }
    if wanted("portraits") {
        portraits::print(&lab)?;
    }
    let vectors = after("--vectors");
    if wanted("likeness") || wanted("strangers") || wanted("gallery") || vectors.is_some() {
        let photos = likeness::embed_lfw(&lab, |_, photo| Ok(photo))?;
        if wanted("likeness") {
            likeness::print(&lab, &photos)?;
        }
        if wanted("strangers") || wanted("gallery") || vectors.is_some() {
            let samples = strangers::samples(&lab, &photos)?;
            if wanted("strangers") {
                strangers::print(&lab, &samples)?;
            }
            if wanted("gallery") {
                let plot = after("--picture").map_or(PathBuf::from("target/reliability.png"), PathBuf::from);
                crowd::print(&samples, lab.board.recognise.strangers, &plot)?;
            }
            if let Some(file) = vectors {
                crowd::write(&samples, Path::new(file))?;
            }
        }
    }
    // By itself, for milliseconds want a machine to themselves.
    if only == Some("haar") {
        haar::print(&lab)?;
    }
    // By itself, since it is every frame in every position.
    if only == Some("rotation") {
        rotation::print(&lab, after("--picture").map(Path::new))?;
    }
    // By itself, for there may be no tuned weights.
    if only == Some("tuning") {
        let kept = match after("--kept").map(String::as_str) {
            None | Some("odd") => tuning::Kept::Odd,
            Some("even") => tuning::Kept::Even,
            Some(other) => anyhow::bail!("--kept {other}: even or odd"),
        };
        match after("--split") {
            Some(folder) => tuning::split(&lab, Path::new(folder), kept)?,
            None => tuning::print(&lab, kept)?,
        }
    }
    // By itself, since it is every table of the nets twice.
    if only == Some("precision") {
        precision::print(&lab)?;
    }
    Ok(())
}

impl Lab {
    /// The same, where such heads are found.
    fn with_heads(&self, heads: Heads) -> Lab {
        let mut board = self.board.clone();
        board.detect.heads = heads;
        Lab { data: self.data.clone(), board, models: self.models.clone() }
    }

    fn nets(&self) -> Result<Nets> {
        Ok(Nets {
            detector: setup::detector(&self.models, &self.board.detect)?,
            embedder: setup::embedder(&self.models, &self.board.recognise)?,
        })
    }

    /// Does `work` for every item, on as many threads as there are processors; the order stays.
    fn each<I: Sync, O: Send>(&self, items: &[I], work: impl Fn(&mut Nets, &I) -> Result<O> + Sync) -> Result<Vec<O>> {
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
        let share = items.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let workers: Vec<_> = items
                .chunks(share)
                .map(|chunk| {
                    let work = &work;
                    scope.spawn(move || -> Result<Vec<O>> {
                        let mut nets = self.nets()?;
                        chunk.iter().map(|item| work(&mut nets, item)).collect()
                    })
                })
                .collect();
            let mut all = Vec::with_capacity(items.len());
            for worker in workers {
                all.extend(worker.join().map_err(|_| anyhow::anyhow!("a worker failed"))??);
            }
            Ok(all)
        })
    }

    fn picture(&self, path: &str) -> Result<Frame> {
        picture::read(&self.data.join(path))
    }
}

impl Nets {
    fn describe(&mut self, frame: &Frame, face: &Face) -> Result<Embedding> {
        let facts = self.embedder.facts();
        let chip = align::cut(frame, &face.landmarks, &facts.template, facts.width, facts.height);
        self.embedder.embed(&[chip])?.pop().context("no embedding")
    }

    /// The largest face of a picture.
    fn largest(&mut self, frame: &Frame) -> Result<Option<Face>> {
        let faces = self.detector.detect(frame)?;
        Ok(faces.into_iter().max_by(|a, b| (a.rect.w * a.rect.h).total_cmp(&(b.rect.w * b.rect.h))))
    }
}

/// "87.3 %" of a share.
fn percent(part: usize, whole: usize) -> String {
    format!("{:.1} %", 100.0 * part as f64 / whole.max(1) as f64)
}
