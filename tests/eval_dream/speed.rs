//! `dream-speed`: milliseconds of the generative nets on one thread, as JSON, with their layers so that another program can
//! build the same ones. `tests/bench/peers/dream.py` sets them beside PyTorch's.
//!
//! `run NET N`: N pictures or latent vectors through the app's own door, and the same in `int8`; `train KIND`: one step on 64
//! digits. Each the best of three middles of as many runs as the first argument says.

use anyhow::{Context, Result};
use lookalike_learn::adversary::{Adversary, Rules};
use lookalike_learn::autoencoder::{Autoencoder, Kind};
use lookalike_learn::classifier::Classifier;
use lookalike_learn::digits::{LATENT, NOISE, PIXELS, classifier, decoder, discriminator, encoder, generator};
use lookalike_learn::layer::Layer;
use lookalike_learn::{Batch, Dice, Learner, Net};
use lookalike_models::files::sha256;
use lookalike_models::learning::graph::onnx;
use lookalike_models::quantize::inputs::Floats;
use lookalike_models::quantize::{CalibrationSet, Options, quantize};
use serde_json::{Map, Value, json};
use std::time::Instant;

const BATCH: usize = 64;

fn main() -> Result<()> {
    let repeat = std::env::args().nth(1).unwrap_or("20".into()).parse().context("dream-speed REPEAT: how many runs")?;
    let dice = &mut Dice::new(1);
    let nets: Vec<(&str, Net)> = vec![
        ("classifier", classifier(dice)),
        ("ae-encoder", encoder(LATENT, dice)),
        ("vae-encoder", encoder(2 * LATENT, dice)),
        ("decoder", decoder(dice)),
        ("generator", generator(0, dice)),
        ("discriminator", discriminator(0, dice)),
    ];
    let folder = tempfile::tempdir()?;
    let (mut times, mut int8) = (Map::new(), Map::new());
    for (name, net) in &nets {
        let float = onnx(name, "", &net.folded())?;
        let length: usize = net.input.iter().product();
        // What it is calibrated on changes no time.
        let seen = Floats { shape: net.input.clone(), values: dice.normals(BATCH * length) };
        let quick = quantize(&float, CalibrationSet::Floats(&seen), Options { fit_below_db: 0.0, ..Options::default() })?.onnx;
        for (bytes, times) in [(float, &mut times), (quick, &mut int8)] {
            let file = folder.path().join(name);
            std::fs::write(&file, &bytes)?;
            let mut model = lookalike::infer::open_floats(&file, &sha256(&bytes), &net.input)?;
            for n in [1, BATCH] {
                let input = dice.normals(n * length);
                times.insert(format!("run {name} {n}"), json!(timed(repeat, || model.run(n, &input).map(drop))?));
            }
        }
    }
    let batch = Batch {
        pictures: (0..BATCH * PIXELS).map(|_| dice.share()).collect(),
        labels: (0..BATCH).map(|i| (i % 10) as u8).collect(),
        ..Batch::default()
    };
    let net = |name: &str| nets.iter().find(|(n, _)| *n == name).map(|(_, net)| net.clone()).context("no such net");
    let rules = Rules {
        noise: NOISE,
        classes: 0,
        d_steps: 1,
        g_steps: 1,
        g_rate: 1e-3,
        d_rate: 1e-3,
        stretch: f32::INFINITY,
        keep: 0.99,
        calm: 0.0,
        augment: 0.0,
    };
    let coder = |kind, encoder| -> Result<Autoencoder> { Ok(Autoencoder::new(kind, net(encoder)?, net("decoder")?, 1e-3, 1)) };
    let learners: Vec<(&str, Box<dyn Learner>)> = vec![
        ("classifier", Box::new(Classifier::new(net("classifier")?, 1e-3))),
        ("ae", Box::new(coder(Kind::Plain, "ae-encoder")?)),
        ("vae", Box::new(coder(Kind::Variational(1.0), "vae-encoder")?)),
        ("gan", Box::new(Adversary::new(rules, net("generator")?, net("discriminator")?, 1))),
    ];
    for (name, mut learner) in learners {
        let step = || {
            learner.step(&batch, 1.0);
            Ok(())
        };
        times.insert(format!("train {name}"), json!(timed(repeat, step)?));
    }
    let layers: Map<String, Value> =
        nets.iter().map(|(name, net)| (name.to_string(), net.layers.iter().map(words).collect())).collect();
    println!("{}", json!({ "nets": layers, "times": times, "int8": int8 }));
    Ok(())
}

/// The best of three middles, in milliseconds.
fn timed(repeat: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    for _ in 0..3 {
        work()?;
    }
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let mut times = Vec::new();
        for _ in 0..repeat.max(1) {
            let start = Instant::now();
            work()?;
            times.push(start.elapsed().as_secs_f64() * 1000.0);
        }
        times.sort_by(f64::total_cmp);
        best = best.min(times[times.len() / 2]);
    }
    Ok(best)
}

fn words(layer: &Layer) -> Value {
    match *layer {
        Layer::Dense { inputs, outputs } => json!(["dense", inputs, outputs]),
        Layer::Conv { inputs, outputs, size, stride, pad } => json!(["conv", inputs, outputs, size, stride, pad]),
        Layer::Norm { channels } => json!(["norm", channels]),
        Layer::Relu => json!(["relu"]),
        Layer::Leaky => json!(["leaky"]),
        Layer::Sigmoid => json!(["sigmoid"]),
        Layer::Slopes { channels } => json!(["slopes", channels]),
        Layer::MaxPool { .. } => json!(["pool"]),
        Layer::Shuffle => json!(["shuffle"]),
        Layer::Flatten => json!(["flat"]),
        Layer::Fold([c, h, w]) => json!(["fold", c, h, w]),
    }
}
