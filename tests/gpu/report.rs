//! `gpu-report`: the nets of the models folder on the processor and on a GPU, their answers and their times, for docs/gpu.md.
//!
//! `measure` runs one side, so that each has a process of its own; `table` holds both against each other and fails where an
//! answer is farther from the processor's than the tolerance.

use anyhow::{Context, Result, bail, ensure};
use lookalike::infer::{self, Normalise, Patience, Tensor, Wish};
use lookalike::manifest::{Entry, Manifest, Precision, Role};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// The farthest that an answer may be from the processor's, as a share of the largest number: float16's.
const TOLERANCE: f64 = 1e-2;

/// Each measurement takes so long, or five runs.
const TIMED: Duration = Duration::from_secs(1);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["measure", side @ ("cpu" | "cuda"), models, out] => measure(side, Path::new(models), Path::new(out)),
        ["table", processor, gpu] => table(&read(processor)?, &read(gpu)?),
        ["table", processor] => table(&read(processor)?, &Value::Null),
        _ => bail!("gpu-report measure cpu|cuda MODELS OUT.json, or gpu-report table CPU.json [GPU.json]"),
    }
}

fn read(file: &str) -> Result<Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?;
    Ok(serde_json::from_str(&text)?)
}

/// Batches that are measured: what the booth asks for, and what issue 6 wants to know.
fn batches(role: Role) -> &'static [usize] {
    match role {
        Role::Embedder => &[1, 8, 64],
        Role::Generator | Role::Decoder => &[1, 64],
        _ => &[1],
    }
}

/// A net of either door, for one batch.
enum Net {
    Pictures(Box<dyn infer::Model>, [usize; 3], Normalise, Vec<u8>),
    Numbers(Box<dyn infer::FloatModel>, usize, Vec<f32>),
}

impl Net {
    fn open(models: &Manifest, entry: &Entry, count: usize) -> Result<Self> {
        let file = models.path(entry);
        let noise = |length: usize| (0..length).map(|i| ((i * 7 + i / 41 * 13 + i / 1009 * 5) % 251) as u8);
        if entry.role.takes_floats() {
            let input = if entry.role.takes_vectors() { &entry.input[..1] } else { &entry.input[..] };
            let numbers = noise(count * input.iter().product::<usize>()).map(|b| f32::from(b) / 125.0 - 1.0).collect();
            return Ok(Net::Numbers(infer::open_floats(&file, &entry.sha256, input)?, count, numbers));
        }
        // P-Net takes any size: one of a camera picture's smaller levels.
        let [_, height, width] = entry.input.map(|length| if length == 0 { 120 } else { length });
        let normalise = Normalise { mean: entry.mean, scale: entry.scale };
        let bytes = noise(count * height * width * 3).collect();
        Ok(Net::Pictures(infer::open(&file, &entry.sha256)?, [count, height, width], normalise, bytes))
    }

    fn run(&mut self) -> Result<&[Tensor]> {
        match self {
            Net::Pictures(net, shape, normalise, bytes) => {
                net.run(*shape, normalise, &mut |pixels| pixels.copy_from_slice(bytes))
            }
            Net::Numbers(net, count, numbers) => net.run(*count, numbers),
        }
    }
}

fn measure(side: &str, folder: &Path, out: &Path) -> Result<()> {
    let models = Manifest::read(folder)?;
    infer::offload(if side == "cuda" { Wish::Cuda } else { Wish::Cpu }, Patience::Measure);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    let mut rows = Vec::new();
    for entry in models.models.iter().filter(|entry| entry.precision == Precision::Float32) {
        for &count in batches(entry.role) {
            let mut net = Net::open(&models, entry, count)?;
            let answers: Vec<Vec<f32>> = net.run()?.iter().map(|t| t.data.clone()).collect();
            let said = infer::news().sentences;
            ensure!(said.is_empty(), "{}", said.join("; "));
            let one = least_ms(&mut [net])?;
            let mut row = json!({ "net": entry.name, "batch": count, "ms": one, "answers": answers });
            if side == "cpu" && count.is_multiple_of(threads) {
                let mut shares = (0..threads).map(|_| Net::open(&models, entry, count / threads)).collect::<Result<Vec<_>>>()?;
                row["all_ms"] = json!(least_ms(&mut shares)?);
            }
            eprintln!("{side}: {} at {count}: {one:.3} ms", entry.name);
            rows.push(row);
        }
    }
    let report =
        json!({ "side": side, "threads": threads, "kernels": infer::kernels_in_use(), "gpu": infer::gpu_report(), "rows": rows });
    std::fs::write(out, serde_json::to_string(&report)?).with_context(|| format!("cannot write {}", out.display()))
}

/// The least time in which all of them, each on a thread of its own where they are several, give their answers.
fn least_ms(nets: &mut [Net]) -> Result<f64> {
    let mut once = || -> Result<f64> {
        let began = Instant::now();
        match &mut *nets {
            [net] => drop(net.run()?),
            nets => std::thread::scope(|threads| {
                let running: Vec<_> = nets.iter_mut().map(|net| threads.spawn(|| net.run().map(drop))).collect();
                running.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| bail!("a net panicked")))
            })?,
        }
        Ok(began.elapsed().as_secs_f64() * 1e3)
    };
    once()?;
    let (began, mut least, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 5 || began.elapsed() < TIMED {
        least = least.min(once()?);
        runs += 1;
    }
    Ok(least)
}

/// The table of docs/gpu.md; without a GPU's side its columns are empty.
fn table(processor: &Value, gpu: &Value) -> Result<()> {
    let threads = &processor["threads"];
    println!("| net | batch | one thread, ms | {threads} threads, ms | GPU, ms | apart | |");
    println!("|---|---:|---:|---:|---:|---:|---|");
    let cell = |value: &Value| value.as_f64().map_or(String::new(), |ms| format!("{ms:.2}"));
    let mut wrong = 0;
    for row in processor["rows"].as_array().context("no rows")? {
        let others = gpu["rows"].as_array().into_iter().flatten();
        let other = others.into_iter().find(|other| other["net"] == row["net"] && other["batch"] == row["batch"]);
        let apart = other.map(|other| apart(&row["answers"], &other["answers"])).transpose()?;
        let verdict = match apart {
            None => "",
            Some(apart) if apart <= TOLERANCE => "equal",
            Some(_) => {
                wrong += 1;
                "NOT equal"
            }
        };
        println!(
            "| {} | {} | {} | {} | {} | {} | {verdict} |",
            row["net"].as_str().unwrap_or_default(),
            row["batch"],
            cell(&row["ms"]),
            cell(&row["all_ms"]),
            other.map_or(String::new(), |other| cell(&other["ms"])),
            apart.map_or(String::new(), |apart| format!("{apart:.0e}"))
        );
    }
    ensure!(wrong == 0, "{wrong} answers are farther than {TOLERANCE} of the largest number from the processor's");
    Ok(())
}

/// The largest difference of two answers, as a share of the largest number of its output.
fn apart(wanted: &Value, found: &Value) -> Result<f64> {
    let numbers = |value: &Value| -> Vec<Vec<f64>> {
        let outputs = value.as_array().into_iter().flatten();
        outputs.map(|output| output.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()).collect()
    };
    let (wanted, found) = (numbers(wanted), numbers(found));
    let lengths = |outputs: &[Vec<f64>]| outputs.iter().map(Vec::len).collect::<Vec<_>>();
    ensure!(lengths(&wanted) == lengths(&found), "answers of {:?} and {:?} numbers", lengths(&wanted), lengths(&found));
    let of = |(wanted, found): (&Vec<f64>, &Vec<f64>)| {
        let size = wanted.iter().fold(f64::MIN_POSITIVE, |most, w| most.max(w.abs()));
        wanted.iter().zip(found).fold(0f64, |most, (w, f)| most.max((w - f).abs() / size))
    };
    Ok(wanted.iter().zip(&found).map(of).fold(0.0, f64::max))
}
