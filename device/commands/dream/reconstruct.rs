//! `lookalike dream reconstruct`: pictures in; what a net keeps of them, and what lies around them, out.

use super::{Common, Net, Outcome, Shared, input::Input, json, line};
use anyhow::Result;
use lookalike::generate::{Dice, Family, Kind, Spread, Tiles, latent};
use serde::Serialize;

/// Shows inputs, their reconstructions, and samples of the distributions that an encoder gives them
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike dream reconstruct 0 1 2 digit.png --around 6 --out seen.png")]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Which net
    #[arg(long, value_enum, default_value = "vae", value_name = "NET")]
    of: Net,
    /// Draws so many samples around each input
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=64))]
    around: u64,
    /// How far around: standard deviations are multiplied by it
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = reach)]
    reach: f32,
    /// Inputs: picture files of the nets' size, numbers of real digits, or all:7 for a class
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<Input>,
}

#[derive(Serialize)]
struct Line {
    input: String,
    net: &'static str,
    /// Mean squared difference of the reconstruction, per pixel.
    error: f32,
    mean: Vec<f32>,
    /// Null of a net that gives points and no distributions.
    variance: Option<Vec<f32>>,
    /// What the input is, where that is known.
    label: Option<u8>,
    /// What the classifier takes the reconstruction for, and how surely; null without a classifier.
    judged: Option<usize>,
    confidence: Option<f32>,
}

fn reach(text: &str) -> Result<f32, String> {
    let reach: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    (0.0..=100.0).contains(&reach).then_some(reach).ok_or("0 to 100".into())
}

/// Input, reconstruction and samples in one row per input.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let mut ready = options.shared.open(&common)?;
    let kind = Kind::from(options.of);
    let shape = ready.family.coder(kind)?.shape();
    let mut sheet = Tiles::empty(shape);
    let (mut dice, mut failed) = (Dice::new(options.shared.seed), 0);
    for input in &options.inputs {
        match one(&mut ready.family, input, &options, &mut dice, &mut sheet) {
            Ok(report) => say(&options, &report)?,
            Err(error) => {
                eprintln!("lookalike: {error:#}");
                failed += 1;
            }
        }
    }
    if let Some(out) = ready.out.filter(|_| sheet.count() > 0) {
        out.sheet(&sheet, 2 + options.around as usize)?;
    }
    Ok(Outcome::of(failed))
}

fn one(family: &mut Family, input: &Input, options: &Options, dice: &mut Dice, sheet: &mut Tiles) -> Result<Line> {
    let kind = Kind::from(options.of);
    let shape = family.coder(kind)?.shape();
    let found = input.find(family, shape)?;
    let coder = family.coder(kind)?;
    let (spreads, back) = coder.reconstruct(&found.picture)?;
    let Spread { mean, .. } = &spreads[0];
    let squares = found.picture.values.iter().zip(&back.values).map(|(a, b)| (a - b) * (a - b));
    let error = squares.sum::<f32>() / shape.length() as f32;
    let mut row = found.picture.values.clone();
    row.extend_from_slice(&back.values);
    if options.around > 0 {
        let points = latent::around(dice, &spreads[0], options.reach, options.around as usize);
        row.extend(coder.decoder.draw(&points, |_| 0)?.values);
    }
    sheet.values.extend(row);
    let best = family.verdicts(&back)?.map(|v| v[0].best());
    Ok(Line {
        input: input.to_string(),
        net: kind.name(),
        error,
        mean: super::shorts(mean),
        variance: spreads[0].variance().map(|v| super::shorts(&v)),
        label: found.label,
        judged: best.map(|b| b.0),
        confidence: best.map(|b| super::short(b.1)),
    })
}

fn say(options: &Options, report: &Line) -> Result<()> {
    if options.shared.json {
        return line(&json::to_line(report)?);
    }
    let label = report.label.map_or(String::new(), |label| format!(", a {label}"));
    let judged = report
        .judged
        .zip(report.confidence)
        .map_or(String::new(), |(class, share)| format!(", comes back as a {class} ({:.0} %)", share * 100.0));
    let deviation = report.variance.as_ref().map_or(String::new(), |variance| {
        let mean = variance.iter().map(|v| v.sqrt()).sum::<f32>() / variance.len().max(1) as f32;
        format!(", mean deviation {mean:.3}")
    });
    line(&format!("{}{label}: squared error {:.4}{judged}{deviation}", report.input, report.error))
}
