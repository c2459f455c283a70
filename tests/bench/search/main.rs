//! How quickly the gallery finds the nearest among many, how rightly, and what that takes: `make bench-gallery` calls it.
//!
//! `--vectors FILE` holds floats, 128 a face, the last 1,000 vectors being probes: `eval --only vectors --vectors FILE` writes
//! it.
//! For each of `--faces 10000,100000,1000000` a gallery file is written and opened by a program of its own, whose memory is
//! asked, and which searches on one thread: all faces, and the part that the gallery chooses on this machine. What it finds is
//! compared with the floats of all faces. One JSON object a line; times in milliseconds.

use anyhow::{Context, Result, ensure};
use lookalike::gallery::{Breadth, Calibration, EmbedderId, Gallery};
use lookalike::types::{Chip, Embedding, Metric};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;

mod opened;

/// Numbers in a vector.
const LENGTH: usize = 128;
/// Vectors at the end of the file that visit.
const PROBES: usize = 1000;
/// Of them that are used.
const ASKED: usize = 200;
/// Faces that are enrolled before they are saved.
const BATCH: usize = 20_000;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| arguments.iter().position(|a| a == flag).and_then(|i| arguments.get(i + 1));
    let how = "name the vectors with --vectors FILE: `target/release/eval --only vectors --vectors FILE` writes them";
    let vectors = PathBuf::from(after("--vectors").context(how)?);
    if let Some(file) = after("--opened") {
        return opened::run(Path::new(file), &probes(&vectors)?);
    }
    let counts = after("--faces").map_or("10000,100000,1000000", String::as_str);
    for count in counts.split(',') {
        let count = count.parse().with_context(|| format!("--faces {counts}: numbers with commas between them"))?;
        println!("{}", measure(&vectors, count)?);
    }
    Ok(())
}

/// Writes, opens, asks, compares.
fn measure(vectors: &Path, count: usize) -> Result<Value> {
    let folder = tempfile::tempdir().context("cannot make a folder for the gallery")?;
    let file = folder.path().join("bench.gallery");
    let start = Instant::now();
    build(vectors, count, &file)?;
    let build_s = start.elapsed().as_secs_f32();
    let mut program = std::process::Command::new(std::env::current_exe()?);
    let output = program.arg("--vectors").arg(vectors).arg("--opened").arg(&file).output().context("cannot start again")?;
    ensure!(output.status.success(), "searching failed: {}", String::from_utf8_lossy(&output.stderr));
    let mut row: Value = serde_json::from_slice(&output.stdout).context("the searching program's figures")?;
    let names = |key: &str, probe: usize| -> Vec<String> {
        let list = row[key][probe].as_array();
        list.into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_string())).collect()
    };
    let faces = read(vectors, 0..count)?;
    let (mut same, mut found, mut asked) = (0, 0, 0);
    for (i, probe) in probes(vectors)?.iter().enumerate() {
        let nearest: Vec<String> = by_floats(&faces, probe, 10);
        same += usize::from(nearest.iter().take(3).eq(names("all", i).iter().take(3)));
        let part = names("part", i);
        found += nearest.iter().filter(|name| part.contains(name)).count();
        asked += 1;
    }
    let object = row.as_object_mut().context("figures")?;
    object.retain(|key, _| key != "all" && key != "part");
    object.insert("faces".into(), json!(count));
    object.insert("build_s".into(), json!(build_s));
    object.insert("file_mb".into(), json!(std::fs::metadata(&file)?.len() as f32 / 1e6));
    object.insert("same_top_3".into(), json!(same as f32 / asked as f32));
    object.insert("recall_at_10".into(), json!(found as f32 / (10 * asked) as f32));
    Ok(row)
}

fn build(vectors: &Path, count: usize, file: &Path) -> Result<()> {
    let chip = Chip { width: 8, height: 8, pixels: vec![0; 192] };
    let mut gallery = open(file)?;
    for start in (0..count).step_by(BATCH) {
        for (i, vector) in (start..).zip(read(vectors, start..count.min(start + BATCH))?) {
            gallery.enroll(&i.to_string(), "a.jpg", &vector, &chip)?;
        }
        gallery.save()?;
    }
    Ok(())
}

fn open(file: &Path) -> Result<Gallery> {
    let id = EmbedderId { name: "bench".into(), sha256: "0".repeat(64), length: LENGTH, metric: Metric::L2 };
    Gallery::open_or_new(file, &id, Calibration::of_distance(0.6))
}

/// The names of the nearest, by every float.
fn by_floats(faces: &[Embedding], probe: &Embedding, wanted: usize) -> Vec<String> {
    let far = |face: &Embedding| lookalike::gallery::distance(face, probe, Metric::L2);
    let mut all: Vec<(f32, usize)> = faces.iter().enumerate().map(|(i, face)| (far(face), i)).collect();
    all.select_nth_unstable_by(wanted, |a, b| a.0.total_cmp(&b.0));
    all.truncate(wanted);
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    all.into_iter().map(|(_, i)| i.to_string()).collect()
}

fn probes(vectors: &Path) -> Result<Vec<Embedding>> {
    let all =
        std::fs::metadata(vectors).with_context(|| format!("cannot read {}", vectors.display()))?.len() as usize / (4 * LENGTH);
    ensure!(all > PROBES, "{} holds {all} vectors: the last {PROBES} are probes", vectors.display());
    // From all over, for the first are real people and the last are drawn.
    Ok(read(vectors, all - PROBES..all)?.into_iter().step_by(PROBES / ASKED).collect())
}

/// Some of the vectors.
fn read(vectors: &Path, range: std::ops::Range<usize>) -> Result<Vec<Embedding>> {
    use std::os::unix::fs::FileExt;
    let mut bytes = vec![0; 4 * LENGTH * range.len()];
    let mut whole = || std::fs::File::open(vectors)?.read_exact_at(&mut bytes, (4 * LENGTH * range.start) as u64);
    whole().with_context(|| format!("{} does not hold {} vectors", vectors.display(), range.end))?;
    let numbers = |face: &[u8]| face.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    Ok(bytes.chunks_exact(4 * LENGTH).map(|face| Embedding(numbers(face))).collect())
}
