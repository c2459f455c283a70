//! `lookalike dream sample`: points of the prior in, pictures out, each net's beside the others'.

use super::{Common, Net, Outcome, Shared, json, line, out};
use anyhow::{Result, ensure};
use lookalike::generate::{Dice, Kind, latent};
use serde::Serialize;

/// Draws pictures from noise: several nets side by side show why one does not sample a plain autoencoder
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike dream sample --of ae,vae --seed 7 --out lesson.png")]
pub struct Options {
    #[command(flatten)]
    shared: Shared,
    /// Which nets, one or several with commas between
    #[arg(long, value_enum, value_delimiter = ',', default_value = "vae", value_name = "NET")]
    of: Vec<Net>,
    /// How many pictures
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    count: u64,
    /// Only this class, of a net that can be asked: cgan. Without it, all in turn
    #[arg(long, value_name = "D", value_parser = clap::value_parser!(u64).range(0..10))]
    class: Option<u64>,
}

#[derive(Serialize)]
struct Line {
    net: &'static str,
    seed: u64,
    count: usize,
    /// How often the classifier took a sample for each class; null without a classifier.
    classes: Option<Vec<usize>>,
    /// The share of samples of which the classifier is surer than 0.9.
    recognised: Option<f32>,
}

/// The classifier is sure above this.
const SURE: f32 = 0.9;

/// The same points of the prior for every net of the same length.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    let mut ready = options.shared.open(&common)?;
    let (count, seed) = (options.count as usize, options.shared.seed);
    let mut sheets = Vec::new();
    for kind in options.of.iter().map(|&net| Kind::from(net)) {
        let net = ready.family.generator(kind)?;
        ensure!(options.class.is_none() || net.classes() > 0, "{} cannot be asked for a class: ask cgan", kind.name());
        let latents = latent::from_prior(&mut Dice::new(seed), net.length(), count);
        let (class, classes) = (options.class, net.classes().max(1));
        let drawn = net.draw(&latents, |place| class.map_or(place % classes, |c| c as usize))?;
        let mut report = Line { net: kind.name(), seed, count, classes: None, recognised: None };
        if let Some(judge) = &mut ready.family.classifier {
            let verdicts = judge.classify(&drawn)?;
            let mut classes = vec![0; judge.outputs()];
            verdicts.iter().for_each(|v| classes[v.best().0] += 1);
            let sure = verdicts.iter().filter(|v| v.best().1 > SURE).count();
            (report.classes, report.recognised) = (Some(classes), Some(super::short(sure as f32 / count as f32)));
        }
        say(&options, &report)?;
        sheets.push(drawn.sheet((count as f32).sqrt().ceil() as usize, 1));
    }
    if let Some(out) = ready.out {
        out.picture(&out::beside_each_other(&sheets, 8))?;
    }
    Ok(Outcome::Fine)
}

fn say(options: &Options, report: &Line) -> Result<()> {
    if options.shared.json {
        return line(&json::to_line(report)?);
    }
    let words = report.recognised.map_or("no classifier looked at them".into(), |share| {
        format!("{:.1} % recognised with a confidence above {SURE}", share * 100.0)
    });
    line(&format!("{}: {}, {words}", report.net, super::super::count(report.count, "sample")))
}
