//! `lookalike dream draw`: a photo of handwriting, or strokes, in; what the nets see in it out.

use super::{Common, Net, Outcome, Shared, json, line};
use anyhow::{Context, Result, ensure};
use lookalike::generate::{
    Family, Kind, Shape, Tiles,
    ink::{self, Strokes},
    latent,
};
use lookalike::picture;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Encodes, reconstructs and classifies a digit drawn by hand, and finds its neighbours
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike dream draw photo-of-a-seven.jpg --out seen.png
         lookalike dream draw --stroke \"0.2,0.2 0.8,0.2 0.4,0.9\" --json")]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Which net
    #[arg(long, value_enum, default_value = "vae", value_name = "NET")]
    of: Net,
    /// A line of the pen, points from 0,0 (left, above) to 1,1; may be given more than once
    #[arg(long, value_name = "POINTS")]
    stroke: Vec<String>,
    /// Neighbours that are shown
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=50))]
    neighbours: u64,
    /// Photos of one digit each, any size, dark on light or light on dark
    #[arg(value_name = "IMAGE")]
    images: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Line {
    input: String,
    net: &'static str,
    mean: Vec<f32>,
    variance: Option<Vec<f32>>,
    judged: Option<usize>,
    confidence: Option<f32>,
    /// A share for each class; null without a classifier.
    shares: Option<Vec<f32>>,
    /// The real digits nearest in the latent space; none where there are no real digits.
    neighbours: Vec<Neighbour>,
}

#[derive(Serialize)]
struct Neighbour {
    digit: usize,
    label: u8,
    distance: f32,
}

/// Drawing, reconstruction and neighbours in one row per drawing.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    ensure!(!options.images.is_empty() || !options.stroke.is_empty(), "nothing was drawn: name a picture, or a --stroke");
    let mut strokes = Strokes::default();
    options.stroke.iter().try_for_each(|text| add(&mut strokes, text))?;
    let mut ready = options.shared.open(&common)?;
    let kind = Kind::from(options.of);
    let shape = ready.family.coder(kind)?.shape();
    ensure!(shape.channels == 1, "drawings are grey, the nets of `{}` take {shape} pictures", ready.family.name);
    let mut drawings: Vec<(String, Result<Tiles>)> = Vec::new();
    if !strokes.is_empty() {
        drawings.push(("strokes".into(), Ok(strokes.picture(shape))));
    }
    drawings.extend(options.images.iter().map(|path| (path.display().to_string(), photo(path, shape))));
    // Thousands of digits are encoded only where they are asked for.
    let sought = options.neighbours > 0 && drawings.iter().any(|(_, drawing)| drawing.is_ok());
    let places = if sought { Places::of(&mut ready.family, kind)? } else { Places { points: Vec::new() } };
    let (mut sheet, mut failed) = (Tiles::empty(shape), 0);
    for (input, drawing) in drawings {
        let looked = drawing.and_then(|drawing| look(&mut ready.family, &places, input, &drawing, &options, &mut sheet));
        match looked {
            Ok(report) => say(&options, &report)?,
            Err(error) => {
                eprintln!("lookalike: {error:#}");
                failed += 1;
            }
        }
    }
    if let Some(out) = ready.out.filter(|_| sheet.count() > 0) {
        out.sheet(&sheet, 2 + if places.points.is_empty() { 0 } else { options.neighbours as usize })?;
    }
    Ok(Outcome::of(failed))
}

fn add(strokes: &mut Strokes, text: &str) -> Result<()> {
    let point = |word: &str| -> Option<[f32; 2]> {
        let (x, y) = word.split_once(',')?;
        Some([x.parse().ok()?, y.parse().ok()?]).filter(|p| p.iter().all(|v: &f32| (0.0..=1.0).contains(v)))
    };
    let points: Option<Vec<[f32; 2]>> = text.split_whitespace().map(point).collect();
    let points = points.filter(|p| !p.is_empty());
    let points = points.with_context(|| format!("`{text}` is no line of the pen: \"0.2,0.2 0.8,0.2\", each from 0 to 1"))?;
    strokes.begin(points[0]);
    points[1..].iter().for_each(|&p| strokes.go_on(p));
    Ok(())
}

fn photo(path: &Path, shape: Shape) -> Result<Tiles> {
    let frame = picture::read(path)?;
    let size = [frame.width as usize, frame.height as usize];
    let found = ink::from_photo(&frame.pixels, size, shape);
    found.with_context(|| format!("{} shows no ink: write dark on light paper, large", path.display()))
}

/// Where the real digits lie in the latent space.
struct Places {
    points: Vec<f32>,
}

impl Places {
    fn of(family: &mut Family, kind: Kind) -> Result<Self> {
        let Some(known) = family.known.take() else { return Ok(Self { points: Vec::new() }) };
        let spreads = family.coder(kind)?.encode(&known.pictures);
        family.known = Some(known);
        Ok(Self { points: spreads?.into_iter().flat_map(|s| s.mean).collect() })
    }
}

fn look(
    family: &mut Family,
    places: &Places,
    input: String,
    drawing: &Tiles,
    options: &Options,
    sheet: &mut Tiles,
) -> Result<Line> {
    let kind = Kind::from(options.of);
    let (spreads, back) = family.coder(kind)?.reconstruct(drawing)?;
    let near = latent::nearest(&places.points, &spreads[0].mean, options.neighbours as usize);
    let verdict = family.verdicts(drawing)?.map(|mut v| v.remove(0));
    let mut neighbours = Vec::new();
    sheet.push(drawing.get(0));
    sheet.push(back.get(0));
    if let Some(known) = &family.known {
        for (digit, distance) in near {
            sheet.push(known.pictures.get(digit));
            neighbours.push(Neighbour { digit, label: known.labels[digit], distance: super::short(distance) });
        }
    }
    Ok(Line {
        input,
        net: kind.name(),
        mean: super::shorts(&spreads[0].mean),
        variance: spreads[0].variance().map(|v| super::shorts(&v)),
        judged: verdict.as_ref().map(|v| v.best().0),
        confidence: verdict.as_ref().map(|v| super::short(v.best().1)),
        shares: verdict.map(|v| super::shorts(&v.shares)),
        neighbours,
    })
}

fn say(options: &Options, report: &Line) -> Result<()> {
    if options.shared.json {
        return line(&json::to_line(report)?);
    }
    let judged = report
        .judged
        .zip(report.confidence)
        .map_or("no classifier looked at it".into(), |(class, share)| format!("a {class} ({:.0} %)", share * 100.0));
    let near: Vec<String> = report.neighbours.iter().map(|n| n.label.to_string()).collect();
    let near = if near.is_empty() { String::new() } else { format!(", nearest real digits {}", near.join(" ")) };
    line(&format!("{}: {judged}{near}", report.input))
}
