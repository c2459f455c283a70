//! `lookalike enroll`: portraits in, people in the gallery file, and what became of each picture out.

use super::{Common, Outcome, json, line};
use anyhow::{Context, Result, bail, ensure};
use lookalike::board::Weights;
use lookalike::detect::Detector;
use lookalike::embed::Embedder;
use lookalike::gallery::Gallery;
use lookalike::{picture, portrait, setup};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Adds people to a gallery, one or more photos each
///
/// DIR holds one folder per person, named as the person, with that person's photos. A photo must show one face
/// (people in the background, less than half as high, do not count), not too small and not blurred; others are
/// reported and skipped. Only what is reported as enrolled is kept, and it is on disk before it is reported.
#[derive(clap::Args)]
#[command(after_help = "Examples: lookalike enroll --gallery booth.gallery people/\n          \
    lookalike enroll --gallery booth.gallery --name \"Ada Lovelace\" ada.jpg")]
pub struct Options {
    /// One JSON object a line on stdout
    #[arg(long)]
    json: bool,
    /// Gallery file; without it, the board file's. Made where it does not exist
    #[arg(long, value_name = "FILE")]
    gallery: Option<PathBuf>,
    /// Enrols the pictures under this name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Width of the smallest face sought, in pixels; without it, the board file's
    #[arg(long, value_name = "PX", value_parser = super::min_face)]
    min_face: Option<f32>,
    /// Weights of the detector's nets; without it, the board file's
    #[arg(long, value_enum, value_name = "WEIGHTS")]
    detector_weights: Option<Weights>,
    /// A folder of people (NAME/*.jpg), or with --name pictures
    #[arg(required = true, value_name = "DIR|IMAGE")]
    sources: Vec<PathBuf>,
}

/// What became of a picture.
#[derive(Serialize)]
struct Entry {
    image: String,
    name: String,
    enrolled: bool,
    reason: Option<String>,
}

struct Person {
    name: String,
    pictures: Vec<PathBuf>,
}

/// Person after person: all pictures of one are embedded, saved, and then reported.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let people = match &options.name {
        Some(name) => vec![Person { name: name.clone(), pictures: options.sources.clone() }],
        None => people_in(&options.sources)?,
    };
    let (mut board, models) = common.open(None)?;
    super::say_landmarks(&board);
    board.detect.min_face_px = options.min_face.unwrap_or(board.detect.min_face_px);
    board.detect.weights = options.detector_weights.unwrap_or(board.detect.weights);
    let file = options.gallery.unwrap_or(board.gallery.file.clone());
    let mut gallery = setup::gallery(&models, &board.recognise, &file)?;
    let mut detector = setup::detector(&models, &board.detect)?;
    let mut embedder = setup::embedder(&models, &board.recognise)?;
    if let Some(folder) = file.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let total: usize = people.iter().map(|p| p.pictures.len()).sum();
    let progress = Progress::new(total);
    let (mut done, mut failed) = (0, 0);
    for person in people {
        let mut entries = Vec::new();
        for path in &person.pictures {
            let refused = enroll(&mut gallery, &mut detector, &mut embedder, &person.name, path).err();
            let reason = refused.map(|error| format!("{error:#}"));
            entries.push(Entry {
                image: path.display().to_string(),
                name: person.name.clone(),
                enrolled: reason.is_none(),
                reason,
            });
            done += 1;
            progress.show(done);
        }
        if entries.iter().any(|e| e.enrolled) {
            gallery.save()?;
        }
        progress.clear();
        for entry in entries {
            failed += usize::from(!entry.enrolled);
            report(&entry, options.json)?;
        }
    }
    if !options.json {
        let enrolled = done - failed;
        let people = super::count(gallery.count(), "name");
        line(&format!("{enrolled} of {} enrolled; {} knows {people}", super::count(done, "picture"), file.display()))?;
    }
    Ok(Outcome::of(failed))
}

fn enroll(gallery: &mut Gallery, detector: &mut Detector, embedder: &mut Embedder, name: &str, path: &Path) -> Result<()> {
    let frame = picture::read(path)?;
    let faces = detector.detect(&frame)?;
    let face = *portrait::only_face(&faces).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let chips = super::embed::chips(embedder, &frame, &[face]);
    portrait::sharp_enough(&chips[0]).map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    let embedding = embedder.embed(&chips)?.remove(0);
    let file = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    gallery.enroll(name, &file, &embedding, &chips[0])
}

fn report(entry: &Entry, as_json: bool) -> Result<()> {
    if as_json {
        return line(&json::to_line(entry)?);
    }
    match &entry.reason {
        None => line(&format!("{}: enrolled as {}", entry.image, entry.name)),
        Some(reason) if reason.contains(&entry.image) => line(&format!("skipped: {reason}")),
        Some(reason) => line(&format!("{}: skipped: {reason}", entry.image)),
    }
}

/// The folders in each source, each a person; in the order of their names.
fn people_in(sources: &[PathBuf]) -> Result<Vec<Person>> {
    let mut people = Vec::new();
    for source in sources {
        let advice = "lay the photos out as DIR/NAME/photo.jpg, or name one person with --name NAME";
        ensure!(source.is_dir(), "{} is not a folder: {advice}", source.display());
        let listing = std::fs::read_dir(source).with_context(|| format!("cannot read the folder {}", source.display()))?;
        let mut folders: Vec<PathBuf> = listing.filter_map(|e| Some(e.ok()?.path())).filter(|p| p.is_dir()).collect();
        folders.sort();
        let before = people.len();
        for folder in folders {
            let pictures = picture::list_pictures(&folder)?;
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if pictures.is_empty() {
                eprintln!("lookalike: {} holds no pictures", folder.display());
                continue;
            }
            people.push(Person { name, pictures });
        }
        if people.len() == before {
            bail!("no pictures of anybody in {}: {advice}", source.display());
        }
    }
    Ok(people)
}

/// A counter on a terminal's stderr.
struct Progress {
    total: usize,
    shown: bool,
}

impl Progress {
    fn new(total: usize) -> Self {
        Self { total, shown: std::io::stderr().is_terminal() && total > 3 }
    }

    fn show(&self, done: usize) {
        if self.shown {
            eprint!("\r{done} of {} pictures ", self.total);
            let _ = std::io::stderr().flush();
        }
    }

    fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}
