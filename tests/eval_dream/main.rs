//! `make eval-dream`: what the booth's generative nets are worth, on MNIST's test digits, as a table.
//!
//! The shipped files are judged, through tract, in floats and in int8; the judge is the shipped classifier in floats. MNIST's four
//! files are read from `--data DIR` (default `../shared/data/mnist`); without them it says so and ends with 0. `--nets DIR` judges
//! other files of those names (default `models/out/digits`, where the set-up puts them); `--pictures DIR` writes the pictures of
//! docs/dream.md. A bar that either does not meet is marked, and the program ends with 1.

use anyhow::{Context, Result};
use lookalike::manifest::Precision;
use lookalike_learn::Dice;
use lookalike_learn::classifier::{largest, right};
use lookalike_learn::digits::{CLASSES, LATENT, NOISE, PIXELS};
use lookalike_learn::memory::one_hot;
use lookalike_models::digits::data::{Part, read};
use lookalike_models::learning::data::Pictures;
use lookalike_models::learning::graph::Runner;
use lookalike_models::learning::grid;
use numbers::{Spread, principal, projected};
use std::path::PathBuf;
use std::process::ExitCode;

mod numbers;

/// Samples that distributions are compared by.
const MANY: usize = 10_000;
/// Samples that go through a net at once.
const CHUNK: usize = 500;
/// Pairs that are walked between.
const PAIRS: usize = 500;
/// The file of the judge, the shipped classifier.
const JUDGE: &str = "digits-classifier.onnx";
/// What the judge compares pictures by: the layer before its answer.
const FEATURES: &str = "8-relu";
/// Numbers of that layer.
const WIDTH: usize = 64;

struct Lab {
    nets: PathBuf,
    pictures: Option<PathBuf>,
    test: Pictures,
    train: Pictures,
    precision: Precision,
    rows: Vec<Row>,
}

struct Row {
    what: String,
    measured: String,
    bar: String,
    met: Option<bool>,
}

fn main() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|i| arguments.get(i + 1));
    let data = after("--data").map_or(PathBuf::from("../shared/data/mnist"), PathBuf::from);
    if !data.is_dir() {
        println!("eval-dream: skipped, MNIST is not in {}: name its folder with --data DIR", data.display());
        return Ok(ExitCode::SUCCESS);
    }
    let nets = after("--nets").map_or(PathBuf::from("models/out/digits"), PathBuf::from);
    let (test, train) = (read(&data, Part::Test)?, read(&data, Part::Training)?);
    let pictures = after("--pictures").map(PathBuf::from);
    let mut lab = Lab { nets, pictures, test, train, precision: Precision::Float32, rows: Vec::new() };
    let floats = lab.all()?;
    lab.precision = Precision::Int8;
    let folder = lab.pictures.take();
    let int8 = lab.all()?;
    lab.pictures = folder;
    lab.side_by_side()?;
    println!("| what | float32 | int8 | bar | |\n|---|---|---|---|---|");
    let mut failed = false;
    for (float, int8) in floats.iter().zip(&int8) {
        let met = float.met.zip(int8.met).map(|(a, b)| a && b);
        failed |= met == Some(false);
        let mark = met.map_or("", |met| if met { "met" } else { "**not met**" });
        let quick = if float.measured == int8.measured { "the same" } else { &int8.measured };
        println!("| {} | {} | {quick} | {} | {mark} |", float.what, float.measured, float.bar);
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

impl Lab {
    /// All rows, of the files of one precision.
    fn all(&mut self) -> Result<Vec<Row>> {
        self.classifier()?;
        self.reconstruction()?;
        self.sampling()?;
        self.gan()?;
        self.conditional()?;
        self.interpolation()?;
        Ok(std::mem::take(&mut self.rows))
    }

    /// The same noise through the GAN in floats, and under it in int8.
    fn side_by_side(&mut self) -> Result<()> {
        let noise = Dice::new(2).normals(20 * NOISE);
        let mut shown = Vec::new();
        for precision in [Precision::Float32, Precision::Int8] {
            self.precision = precision;
            shown.extend(self.decode("gan-generator", &noise, NOISE)?);
        }
        self.keep("gan-int8.png", &shown, 20)
    }

    fn row(&mut self, what: &str, measured: String, bar: &str, met: Option<bool>) {
        self.rows.push(Row { what: what.into(), measured, bar: bar.into(), met });
    }

    /// A net's answers.
    fn run(&self, name: &str, inputs: &[f32], shape: &[usize]) -> Result<Vec<f32>> {
        let end = if self.precision == Precision::Int8 { ".int8.onnx" } else { ".onnx" };
        self.run_file(&format!("digits-{name}{end}"), inputs, shape, None)
    }

    /// A file's answers, up to a layer or its last.
    fn run_file(&self, file: &str, inputs: &[f32], shape: &[usize], layer: Option<&str>) -> Result<Vec<f32>> {
        let path = self.nets.join(file);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}: run `make models`", path.display()))?;
        let runner = Runner::new(&bytes, &[&[CHUNK], shape].concat(), layer)?;
        let length: usize = shape.iter().product();
        let mut out = Vec::new();
        for chunk in inputs.chunks(CHUNK * length) {
            let mut whole = chunk.to_vec();
            whole.resize(CHUNK * length, 0.0);
            let answer = runner.run(&whole)?;
            out.extend(&answer[..answer.len() / CHUNK * (chunk.len() / length)]);
        }
        Ok(out)
    }

    fn decode(&self, name: &str, latents: &[f32], length: usize) -> Result<Vec<f32>> {
        self.run(name, latents, &[length])
    }

    fn judge(&self, pictures: &[f32]) -> Result<Vec<f32>> {
        self.run_file(JUDGE, pictures, &[1, 28, 28], None)
    }

    fn spread(&self, pictures: &[f32]) -> Result<Spread> {
        Ok(Spread::of(&self.run_file(JUDGE, pictures, &[1, 28, 28], Some(FEATURES))?, WIDTH))
    }

    fn keep(&self, name: &str, pictures: &[f32], columns: usize) -> Result<()> {
        match &self.pictures {
            Some(folder) => grid::write(&folder.join(name), pictures, [1, 28, 28], columns),
            None => Ok(()),
        }
    }

    fn all_test(&self) -> Vec<f32> {
        self.test.floats(0..self.test.len())
    }

    fn classifier(&mut self) -> Result<()> {
        let known = right(&self.run("classifier", &self.all_test(), &[1, 28, 28])?, &self.test.labels);
        self.row("classifier: test digits known", percent(known), "99.0 %", Some(known >= 0.99));
        Ok(())
    }

    /// Mean squared error per pixel.
    fn reconstruction(&mut self) -> Result<()> {
        let test = self.all_test();
        let spread = Spread::of(&self.train.floats(0..5_000), PIXELS);
        let pca = error(&projected(&test, &spread, &principal(&spread, LATENT)), &test);
        self.row(&format!("PCA of {LATENT} numbers: squared error per pixel"), format!("{pca:.4}"), "", None);
        let mut shown = test[..10 * PIXELS].to_vec();
        for (kind, width, bar) in [("ae", LATENT, true), ("dae", LATENT, false), ("vae", 2 * LATENT, true)] {
            let codes = self.encode(kind, &test, width)?;
            let back = self.decode(&format!("{kind}-decoder"), &codes, LATENT)?;
            let off = error(&back, &test);
            let share = format!("{off:.4} ({} of PCA's)", percent((off / pca) as f32));
            let what = format!("{}: squared error per pixel", kind.to_uppercase());
            self.row(&what, share, if bar { "clearly below PCA's: 75 %" } else { "" }, bar.then_some(off < 0.75 * pca));
            shown.extend(&back[..10 * PIXELS]);
        }
        self.keep("reconstructions.png", &shown, 10)
    }

    /// Codes of [`LATENT`] numbers: of a variational encoder the means.
    fn encode(&self, kind: &str, pictures: &[f32], width: usize) -> Result<Vec<f32>> {
        let codes = self.run(&format!("{kind}-encoder"), pictures, &[1, 28, 28])?;
        Ok(codes.chunks_exact(width).flat_map(|code| &code[..LATENT]).copied().collect())
    }

    /// The lesson: normal noise through an autoencoder's decoder is seldom a digit, through a variational one's often.
    fn sampling(&mut self) -> Result<()> {
        let noise = Dice::new(1).normals(MANY * LATENT);
        let mut shares = Vec::new();
        for kind in ["ae", "vae"] {
            let made = self.decode(&format!("{kind}-decoder"), &noise, LATENT)?;
            self.keep(&format!("{kind}-samples.png"), &made[..50 * PIXELS], 10)?;
            shares.push(sure(&self.judge(&made)?));
        }
        let codes = Spread::of(&self.encode("ae", &self.train.floats(0..MANY), LATENT)?, LATENT);
        let deviation = |i: usize| codes.covariance[i * LATENT + i].sqrt();
        let own = noise.iter().enumerate().map(|(at, n)| {
            let i = at % LATENT;
            (codes.mean[i] + deviation(i) * f64::from(*n)) as f32
        });
        let own = sure(&self.judge(&self.decode("ae-decoder", &own.collect::<Vec<_>>(), LATENT)?)?);
        self.row("AE: samples from normal noise recognised (confidence above 0.9)", percent(shares[0]), "", None);
        self.row("AE: the same, noise with the mean and variance of its codes", percent(own), "", None);
        let bar = shares[1] >= 2.0 * shares[0];
        self.row("VAE: samples from normal noise recognised", percent(shares[1]), "twice the AE's", Some(bar));
        Ok(())
    }

    fn gan(&mut self) -> Result<()> {
        let test = self.spread(&self.all_test())?;
        let own = self.spread(&self.train.floats(0..MANY))?.distance(&test);
        let made = self.decode("gan-generator", &Dice::new(2).normals(MANY * NOISE), NOISE)?;
        let far = self.spread(&made)?.distance(&test);
        self.row("Fréchet distance: 10,000 training digits to the test digits", format!("{own:.3}"), "", None);
        let ratio = format!("{far:.3} ({:.1} times)", far / own);
        self.row("Fréchet distance: 10,000 GAN samples to the test digits", ratio, "3 times", Some(far <= 3.0 * own));
        let mut counts = [0; CLASSES];
        self.judge(&made)?.chunks_exact(CLASSES).for_each(|answer| counts[largest(answer)] += 1);
        let shares: Vec<String> = counts.iter().map(|&n| format!("{:.0}", 100.0 * n as f32 / MANY as f32)).collect();
        let fair = counts.iter().all(|&n| n > 0 && n <= MANY / 5);
        let what = "GAN: share of each digit, 0 to 9, in %";
        self.row(what, shares.join(" "), "all there, none above 20", Some(fair));
        self.keep("gan-samples.png", &made[..100 * PIXELS], 20)
    }

    fn conditional(&mut self) -> Result<()> {
        let labels: Vec<u8> = (0..MANY).map(|i| (i % CLASSES) as u8).collect();
        let (noise, rows) = (Dice::new(3).normals(MANY * NOISE), one_hot(&labels, CLASSES));
        let both = noise.chunks_exact(NOISE).zip(rows.chunks_exact(CLASSES));
        let inputs: Vec<f32> = both.flat_map(|(noise, class)| [noise, class].concat()).collect();
        let made = self.decode("cgan-generator", &inputs, NOISE + CLASSES)?;
        let agreed = right(&self.judge(&made)?, &labels);
        self.row("conditional GAN: the judge sees the class asked for", percent(agreed), "98 %", Some(agreed >= 0.98));
        self.keep("cgan-samples.png", &made[..50 * PIXELS], 10)
    }

    /// Between means of the variational encoder; a pair counts where every tenth of the way stays its class.
    fn interpolation(&mut self) -> Result<()> {
        let dice = &mut Dice::new(4);
        let order = dice.order(self.test.len());
        let (mut pairs, mut waiting) = (Vec::new(), [None; CLASSES]);
        for i in order {
            let class = usize::from(self.test.labels[i]);
            match waiting[class].take() {
                Some(other) if pairs.len() < PAIRS => pairs.push((other, i)),
                Some(_) => {}
                None => waiting[class] = Some(i),
            }
        }
        let codes = |which: Vec<usize>| self.encode("vae", &self.test.floats(which), 2 * LATENT);
        let from = codes(pairs.iter().map(|p| p.0).collect())?;
        let to = codes(pairs.iter().map(|p| p.1).collect())?;
        for (name, turning) in [("linear", false), ("spherical", true)] {
            let mut way = Vec::new();
            for (a, b) in from.chunks_exact(LATENT).zip(to.chunks_exact(LATENT)) {
                (0..=10).for_each(|tenth| way.extend(between(a, b, tenth as f32 / 10.0, turning)));
            }
            let made = self.decode("vae-decoder", &way, LATENT)?;
            let answers = self.judge(&made)?;
            let stays = |(walk, &(i, _)): (&[f32], &(usize, usize))| {
                walk.chunks_exact(CLASSES).all(|answer| largest(answer) == usize::from(self.test.labels[i]))
            };
            let stayed = answers.chunks_exact(11 * CLASSES).zip(&pairs).filter(|p| stays(*p)).count();
            let share = stayed as f32 / PAIRS as f32;
            self.row(
                &format!("VAE: {name} ways between two digits of a class stay it"),
                percent(share),
                "95 %",
                Some(share >= 0.95),
            );
            self.keep(&format!("between-{name}.png"), &made[..8 * 11 * PIXELS], 11)?;
        }
        Ok(())
    }
}

/// A point on the way: straight, or along the arc between the two directions.
fn between(a: &[f32], b: &[f32], t: f32, turning: bool) -> Vec<f32> {
    let length = |v: &[f32]| v.iter().map(|x| x * x).sum::<f32>().sqrt();
    let angle = (a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / (length(a) * length(b))).clamp(-1.0, 1.0).acos();
    let (of_a, of_b) = match turning && angle.sin() > 1e-4 {
        true => (((1.0 - t) * angle).sin() / angle.sin(), (t * angle).sin() / angle.sin()),
        false => (1.0 - t, t),
    };
    a.iter().zip(b).map(|(a, b)| of_a * a + of_b * b).collect()
}

fn percent(share: f32) -> String {
    format!("{:.2} %", 100.0 * share)
}

fn error(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / b.len() as f64
}

/// The share of answers whose confidence is above 0.9.
fn sure(logits: &[f32]) -> f32 {
    let confidence = |row: &[f32]| {
        let most = row[largest(row)];
        1.0 / row.iter().map(|l| (l - most).exp()).sum::<f32>()
    };
    let rows = logits.chunks_exact(CLASSES);
    rows.clone().filter(|row| confidence(row) > 0.9).count() as f32 / rows.len() as f32
}
