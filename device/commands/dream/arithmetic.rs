//! `lookalike dream arithmetic`: three inputs in; the first, less the second, plus the third, out.

use super::{Common, Net, Outcome, Shared, input::Input, json, line};
use anyhow::Result;
use lookalike::generate::{Kind, Tiles, latent};
use serde::Serialize;

/// Calculates with latent vectors: START - MINUS + PLUS
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike dream arithmetic 5 all:3 all:8 --out sum.png")]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Which net
    #[arg(long, value_enum, default_value = "vae", value_name = "NET")]
    of: Net,
    /// An input: a picture file, the number of a real digit, or all:7 for a class
    start: Input,
    /// What is taken away
    minus: Input,
    /// What is added
    plus: Input,
}

#[derive(Serialize)]
struct Line {
    net: &'static str,
    latent: Vec<f32>,
    judged: Option<usize>,
    confidence: Option<f32>,
}

/// The three and their sum, as the decoder draws them, in one row.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let mut ready = options.shared.open(&common)?;
    let kind = Kind::from(options.of);
    let shape = ready.family.coder(kind)?.shape();
    let inputs = [&options.start, &options.minus, &options.plus];
    let points: Result<Vec<Vec<f32>>> = inputs.iter().map(|input| input.latent(&mut ready.family, kind)).collect();
    let points = match points {
        Ok(points) => points,
        Err(error) => {
            eprintln!("lookalike: {error:#}");
            return Ok(Outcome::SomeFailed);
        }
    };
    let sum = latent::analogy(&points[0], &points[1], &points[2]);
    let all = [&points.concat()[..], &sum].concat();
    let drawn = ready.family.generator(kind)?.draw(&all, |_| 0)?;
    let last = Tiles::new(shape, drawn.get(3).to_vec())?;
    let best = ready.family.verdicts(&last)?.map(|v| v[0].best());
    if options.shared.json {
        let (judged, confidence) = (best.map(|b| b.0), best.map(|b| super::short(b.1)));
        line(&json::to_line(&Line { net: kind.name(), latent: super::shorts(&sum), judged, confidence })?)?;
    } else {
        let words =
            best.map_or("no classifier looked at it".into(), |(class, share)| format!("a {class} ({:.0} %)", share * 100.0));
        line(&format!("{} - {} + {}: {words}", options.start, options.minus, options.plus))?;
    }
    if let Some(out) = ready.out {
        out.sheet(&drawn, 4)?;
    }
    Ok(Outcome::Fine)
}
