//! `lookalike dream interpolate`: two inputs in, the way between them out; or any number with weights in, their blend out.

use super::{Between, Common, Net, Outcome, Ready, Shared, input::Input, json, line};
use anyhow::{Result, ensure};
use lookalike::generate::{Dice, Kind, Tiles, latent};
use lookalike::types::Chip;
use serde::Serialize;

/// Goes from one input to another through the latent space, or blends any number of inputs
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike dream interpolate 3 17 --out way.gif
         lookalike dream interpolate 3 17 28 --weights 1,1,2 --out blend.png")]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Which net; of gan and cgan without inputs: between points drawn by the seed
    #[arg(long, value_enum, default_value = "vae", value_name = "NET")]
    of: Net,
    /// On the straight line or on the arc around the origin
    #[arg(long, value_enum, default_value = "spherical", value_name = "WAY")]
    way: Between,
    /// Pictures from one input to the next, both ends counted
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u64).range(2..=1000))]
    steps: u64,
    /// Blends the inputs by these weights, one for each, instead of going from one to the next
    #[arg(long, value_delimiter = ',', value_name = "W,W,..")]
    weights: Vec<f32>,
    /// Inputs: picture files of the nets' size, numbers of real digits, or all:7 for a class; none: two points drawn by the seed
    #[arg(value_name = "INPUT")]
    inputs: Vec<Input>,
}

#[derive(Serialize)]
struct Line {
    net: &'static str,
    /// Which input the step began at, and how much of the way to the next one is gone; null of a blend.
    from: Option<usize>,
    share: Option<f32>,
    latent: Vec<f32>,
    judged: Option<usize>,
    confidence: Option<f32>,
}

/// A film goes there and back.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    check(&options)?;
    let mut ready = options.shared.open(&common)?;
    let ends = match ends(&mut ready, &options) {
        Ok(ends) => ends,
        Err(error) if options.inputs.is_empty() => return Err(error),
        Err(error) => {
            // A net that is not there is a matter of set-up, not of this input.
            ready.family.coder(options.of.into())?;
            eprintln!("lookalike: {error:#}");
            return Ok(Outcome::SomeFailed);
        }
    };
    let way = options.way.into();
    let points: Vec<(Option<usize>, Option<f32>, Vec<f32>)> = if options.weights.is_empty() {
        let last = options.steps as usize - 1;
        let legs = ends.windows(2).enumerate();
        let leg = |(from, pair): (usize, &[Vec<f32>])| {
            // An end is the next leg's beginning.
            let steps = if from + 2 == ends.len() { last + 1 } else { last };
            let step = |i: usize| {
                let share = i as f32 / last as f32;
                (Some(from), Some(share), latent::between(&pair[0], &pair[1], share, way))
            };
            (0..steps).map(step).collect::<Vec<_>>()
        };
        legs.flat_map(leg).collect()
    } else {
        let ends: Vec<&[f32]> = ends.iter().map(Vec::as_slice).collect();
        vec![(None, None, latent::blend(&ends, &options.weights, way))]
    };
    let all: Vec<f32> = points.iter().flat_map(|(_, _, point)| point.iter().copied()).collect();
    let kind = Kind::from(options.of);
    let drawn = ready.family.generator(kind)?.draw(&all, |_| 0)?;
    let verdicts = ready.family.verdicts(&drawn)?;
    for (place, (from, share, point)) in points.into_iter().enumerate() {
        let best = verdicts.as_ref().map(|all| all[place].best());
        let latent = super::shorts(&point);
        let judged = best.map(|b| b.0);
        let report = Line { net: kind.name(), from, share, latent, judged, confidence: best.map(|b| super::short(b.1)) };
        say(&options, &report)?;
    }
    if let Some(out) = ready.out {
        if out.is_film() {
            out.film(&there_and_back(&drawn), 60)?;
        } else {
            out.sheet(&drawn, options.steps as usize)?;
        }
    }
    Ok(Outcome::Fine)
}

fn check(options: &Options) -> Result<()> {
    let (inputs, weights) = (options.inputs.len(), options.weights.len());
    ensure!(inputs != 1, "one input alone has no way to go: name two or more");
    ensure!(weights == 0 || weights == inputs, "{weights} weights for {inputs} inputs: one for each is needed");
    let are_fine = options.weights.iter().all(|w| w.is_finite() && *w >= 0.0);
    ensure!(weights == 0 || are_fine && options.weights.iter().any(|w| *w > 0.0), "weights must be 0 or more, and one above 0");
    Ok(())
}

fn ends(ready: &mut Ready, options: &Options) -> Result<Vec<Vec<f32>>> {
    let kind = options.of.into();
    if options.inputs.is_empty() {
        let length = ready.family.generator(kind)?.length();
        let points = latent::from_prior(&mut Dice::new(options.shared.seed), length, 2);
        return Ok(points.chunks_exact(length).map(<[f32]>::to_vec).collect());
    }
    options.inputs.iter().map(|input| input.latent(&mut ready.family, kind)).collect()
}

fn there_and_back(drawn: &Tiles) -> Vec<Chip> {
    let count = drawn.count();
    let back = (1..count.saturating_sub(1)).rev();
    (0..count).chain(back).map(|place| drawn.chip(place)).collect()
}

fn say(options: &Options, report: &Line) -> Result<()> {
    if options.shared.json {
        return line(&json::to_line(report)?);
    }
    let place = report.from.zip(report.share).map_or("blend".into(), |(from, share)| format!("{from} + {share:.2}"));
    let judged = report
        .judged
        .zip(report.confidence)
        .map_or(String::new(), |(class, share)| format!(": a {class} ({:.0} %)", share * 100.0));
    line(&format!("{place}{judged}"))
}
