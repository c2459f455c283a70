//! `lookalike dream map`: real digits or the gallery in; their map, newcomers on it, and the projector's files out.

use super::{Common, Net, Outcome, Ready, Shared, input::Input, json, line, out};
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use lookalike::generate::map::{Export, Map, Sprite};
use lookalike::generate::{Kind, Tiles};
use lookalike::screen::{Canvas, Surface};
use lookalike::setup;
use lookalike::types::Chip;
use lookalike::ui::dream::{self, CLASSES, map};
use serde::Serialize;
use std::path::PathBuf;

/// Puts real digits or the gallery's faces on a map, by PCA or t-SNE, and exports it for the TensorFlow Embedding Projector
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike dream map --method t-sne --out map.png --export projector
         lookalike dream map --what gallery --space --out turning.gif")]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// What is put on the map
    #[arg(long, value_enum, default_value = "digits", value_name = "WHAT")]
    what: What,
    /// How vectors become points
    #[arg(long, value_enum, default_value = "pca", value_name = "METHOD")]
    method: Method,
    /// In space and not flat; a GIF turns
    #[arg(long)]
    space: bool,
    /// Which net encodes digits
    #[arg(long, value_enum, default_value = "vae", value_name = "NET")]
    of: Net,
    /// So many digits at most
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(2..=2000))]
    count: u64,
    /// A digit that was not there when the map was made: a picture file of the nets' size or the number of a real digit
    #[arg(long, value_name = "INPUT")]
    probe: Vec<Input>,
    /// Folder for vectors.tsv, metadata.tsv, sprite.png, and what joins them: `tensorboard --logdir DIR` opens it
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Gallery file; without it, the board file's
    #[arg(long, value_name = "FILE")]
    gallery: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Digits,
    Gallery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Method {
    Pca,
    #[value(name = "t-sne", alias = "tsne")]
    Tsne,
}

/// One vector.
#[derive(Serialize)]
struct Line<'a> {
    label: &'a str,
    place: [f32; 3],
}

/// One newcomer.
#[derive(Serialize)]
struct Probe<'a> {
    probe: String,
    place: [f32; 3],
    nearest: Vec<Near<'a>>,
}

#[derive(Serialize)]
struct Near<'a> {
    label: &'a str,
    index: usize,
    distance: f32,
}

/// What is put on the map.
struct Items {
    length: usize,
    vectors: Vec<f32>,
    column: &'static str,
    labels: Vec<String>,
    groups: Vec<usize>,
    thumbnails: Vec<Chip>,
}

/// A line for each vector, then one for each newcomer.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    ensure!(options.probe.is_empty() || options.what == What::Digits, "--probe takes digits: the booth's map shows faces live");
    let mut ready = options.shared.open(&common)?;
    let items = match options.what {
        What::Digits => digits(&mut ready, &options)?,
        What::Gallery => gallery(&mut ready, &options)?,
    };
    let map = match options.method {
        Method::Pca => Map::pca(items.vectors.clone(), items.length),
        Method::Tsne => Map::tsne(items.vectors.clone(), items.length, !options.space, options.shared.seed),
    };
    let map = map.context("there is no map")?;
    for (label, place) in items.labels.iter().zip(map.places()).filter(|_| options.shared.json) {
        line(&json::to_line(&Line { label, place: place.map(super::short) })?)?;
    }
    if !options.shared.json {
        line(&format!("{} on a map by {}", super::super::count(items.labels.len(), "vector"), map.method().name()))?;
    }
    let failed = probe(&mut ready, &options, &items, &map)?;
    if let Some(folder) = &options.export {
        export(folder, options.what, &items)?;
    }
    if let Some(out) = &ready.out {
        picture(out, &options, &items, &map)?;
    }
    Ok(Outcome::of(failed))
}

fn digits(ready: &mut Ready, options: &Options) -> Result<Items> {
    let known = ready.family.known()?.clone();
    let count = known.count().min(options.count as usize);
    let length = known.pictures.shape.length();
    let some = Tiles::new(known.pictures.shape, known.pictures.values[..count * length].to_vec())?;
    let spreads = ready.family.coder(Kind::from(options.of))?.encode(&some)?;
    Ok(Items {
        length: spreads.first().map_or(0, |s| s.mean.len()),
        vectors: spreads.into_iter().flat_map(|s| s.mean).collect(),
        column: "digit",
        labels: known.labels[..count].iter().map(u8::to_string).collect(),
        groups: known.labels[..count].iter().map(|&label| label.into()).collect(),
        thumbnails: (0..count).map(|i| some.chip(i)).collect(),
    })
}

fn gallery(ready: &mut Ready, options: &Options) -> Result<Items> {
    let file = options.gallery.as_ref().unwrap_or(&ready.board.gallery.file);
    let gallery = setup::gallery(&ready.models, &ready.board.recognise, file)?;
    let faces = setup::faces(&gallery);
    ensure!(
        faces.names.len() >= 2,
        "{} has {}, a map needs two or more: lookalike enroll --name NAME photo.jpg",
        file.display(),
        super::super::count(faces.names.len(), "photo")
    );
    // Names follow each other in order, each as often as it has photos.
    let is_next = faces.names.iter().zip(faces.names.iter().skip(1)).map(|(name, next)| usize::from(name != next));
    let groups = std::iter::once(0).chain(is_next).scan(0, |group, step| {
        *group += step;
        Some(*group)
    });
    let groups = groups.collect();
    let lookalike::play::map::Faces { length, vectors, names, thumbnails } = faces;
    Ok(Items { length, vectors, column: "name", labels: names, groups, thumbnails })
}

fn probe(ready: &mut Ready, options: &Options, items: &Items, map: &Map) -> Result<usize> {
    let mut failed = 0;
    for input in &options.probe {
        let vector = match input.latent(&mut ready.family, options.of.into()) {
            Ok(vector) => vector,
            Err(error) => {
                eprintln!("lookalike: {error:#}");
                failed += 1;
                continue;
            }
        };
        let near = |(index, distance): (usize, f32)| Near {
            label: items.labels[index].as_str(),
            index,
            distance: super::short(distance),
        };
        let nearest: Vec<Near> = map.nearest(&vector, 3).into_iter().map(near).collect();
        let place = map.place(&vector).unwrap_or_default().map(super::short);
        if options.shared.json {
            line(&json::to_line(&Probe { probe: input.to_string(), place, nearest })?)?;
        } else {
            let names: Vec<&str> = nearest.iter().map(|n| n.label).collect();
            line(&format!("{input}: nearest {}", names.join(" ")))?;
        }
    }
    Ok(failed)
}

/// Thumbnails of the projector, in pixels.
const THUMBNAIL_PX: u32 = 28;

fn export(folder: &std::path::Path, what: What, items: &Items) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let labels: Vec<Vec<String>> = items.labels.iter().map(|label| vec![label.clone()]).collect();
    let export = Export { length: items.length, vectors: &items.vectors, columns: &[items.column], labels: &labels };
    let thumbnails: Vec<Chip> = items.thumbnails.iter().map(small).collect();
    let name = match what {
        What::Digits => "digits",
        What::Gallery => "gallery",
    };
    let text = [
        ("vectors.tsv", export.vectors_tsv()),
        ("metadata.tsv", export.metadata_tsv()),
        ("config.json", export.config_json(name, THUMBNAIL_PX)),
        ("projector_config.pbtxt", export.config_pbtxt(name, THUMBNAIL_PX)),
    ];
    for (name, text) in text {
        out::atomically(&folder.join(name), text.as_bytes())?;
    }
    out::Out::open(&folder.join("sprite.png"), 1)?.picture(&Sprite::of(&thumbnails, THUMBNAIL_PX).picture)
}

/// A thumbnail of the projector's size.
fn small(chip: &Chip) -> Chip {
    let mut canvas = Canvas::new(Surface { width: THUMBNAIL_PX, height: THUMBNAIL_PX, cells: false });
    canvas.picture(chip, canvas.area(), false);
    drawn(&canvas)
}

fn drawn(canvas: &Canvas) -> Chip {
    let pixels = canvas.pixels().iter().flat_map(|p| [(p >> 16) as u8, (p >> 8) as u8, *p as u8]).collect();
    Chip { width: canvas.width(), height: canvas.height(), pixels }
}

/// Pictures of a film that turns once.
const TURN: usize = 48;

/// As the booth draws it, without its buttons.
fn picture(out: &out::Out, options: &Options, items: &Items, map: &Map) -> Result<()> {
    let side = (160 * options.shared.zoom as u32).clamp(160, 2048);
    let mut canvas = Canvas::new(Surface { width: side * 4 / 3, height: side, cells: false });
    let point = |(i, &place): (usize, &[f32; 3])| map::Point {
        place: if options.space { place } else { [place[0], place[1], 0.0] },
        color: CLASSES[items.groups[i] % CLASSES.len()],
        label: &items.labels[i],
        thumbnail: items.thumbnails.get(i),
    };
    let points: Vec<map::Point> = map.places().iter().enumerate().map(point).collect();
    let views = if options.space && out.is_film() { TURN } else { 1 };
    let view = |turn: usize| {
        let yaw = std::f32::consts::TAU * turn as f32 / TURN as f32 + 0.6;
        let view = map::View {
            points: &points,
            turned: options.space.then_some([yaw, 0.35]),
            newcomer: None,
            face: None,
            nearest: &[],
            chosen: None,
            empty: "",
        };
        let dims = dream::Dims::of(&canvas);
        let area = canvas.area();
        map::draw_plot(&mut canvas, &view, area, dims);
        drawn(&canvas)
    };
    out.as_it_is().film(&(0..views).map(view).collect::<Vec<_>>(), 80)
}
