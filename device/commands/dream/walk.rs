//! `lookalike dream walk`: a seed in, a walk through the latent space out that comes back to where it began.

use super::{Common, Net, Outcome, Shared, json, line};
use anyhow::Result;
use lookalike::generate::{Dice, Kind, Tiles, path::Path};
use lookalike::types::Chip;
use serde::Serialize;

/// Walks through the latent space in a loop
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike dream walk --seed 3 --frames 120 --side 4 --out walk.gif")]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Which net
    #[arg(long, value_enum, default_value = "vae", value_name = "NET")]
    of: Net,
    /// Pictures of the film
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u64).range(2..=2000))]
    frames: u64,
    /// So many walks by so many at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=16))]
    side: u64,
}

#[derive(Serialize)]
struct Line {
    net: &'static str,
    seed: u64,
    frames: usize,
    /// What the classifier takes each picture of the first walk for; null without a classifier.
    judged: Option<Vec<usize>>,
}

/// As PNG, all pictures of the first walk side by side.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let mut ready = options.shared.open(&common)?;
    let kind = Kind::from(options.of);
    let (frames, side) = (options.frames as usize, options.side as usize);
    let net = ready.family.generator(kind)?;
    let (shape, length) = (net.shape(), net.length());
    let walks: Vec<Path> =
        (0..(side * side) as u64).map(|i| Path::closed(&mut Dice::new(options.shared.seed.wrapping_add(i)), length)).collect();
    let (mut first, mut film, mut points) = (Tiles::empty(shape), Vec::<Chip>::new(), Vec::new());
    for frame in 0..frames {
        points.clear();
        walks.iter().for_each(|walk| walk.at(frame as f64 / frames as f64, &mut points));
        let drawn = net.draw(&points, |place| place)?;
        first.push(drawn.get(0));
        film.push(drawn.sheet(side, usize::from(side > 1)));
    }
    let verdicts = ready.family.verdicts(&first)?;
    let judged = verdicts.map(|all| all.iter().map(|v| v.best().0).collect::<Vec<_>>());
    if options.shared.json {
        line(&json::to_line(&Line { net: kind.name(), seed: options.shared.seed, frames, judged })?)?;
    } else {
        let words = judged.map_or("no classifier looked at them".into(), |mut seen| {
            seen.dedup();
            format!("by the classifier's eye {}", seen.iter().map(usize::to_string).collect::<Vec<_>>().join(" "))
        });
        line(&format!("{}: {frames} pictures, {words}", kind.name()))?;
    }
    match ready.out {
        Some(out) if out.is_film() => out.film(&film, 50)?,
        Some(out) => out.sheet(&first, (frames as f32).sqrt().ceil() as usize)?,
        None => {}
    }
    Ok(Outcome::Fine)
}
