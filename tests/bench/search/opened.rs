//! A gallery file in, how long searching it and changing it takes out, with what was found.

use super::{Breadth, Chip, Embedding, Gallery, Instant, open};
use anyhow::{Context, Result};
use lookalike::stopwatch::minimum_and_median;
use serde_json::json;
use std::path::Path;

/// People who come and go.
const CHANGES: usize = 9;

pub fn run(file: &Path, probes: &[Embedding]) -> Result<()> {
    let start = Instant::now();
    let mut gallery = open(file)?;
    let open_ms = milliseconds(start);
    let (all, all_ms) = ask(&gallery, probes, Breadth::All)?;
    let memory_mb = memory_mb()?;
    let start = Instant::now();
    let manner = gallery.choose_manner(Instant::now);
    let choose_ms = milliseconds(start);
    let breadth = manner.part.map_or(Breadth::All, |part| Breadth::Rows(part.rows));
    let (part, part_ms) = ask(&gallery, probes, breadth)?;
    let [add_ms, remove_ms] = change(&mut gallery, &probes[0])?;
    let row = json!({
        "open_ms": open_ms, "memory_mb": memory_mb,
        "exact_min_ms": all_ms[0], "exact_median_ms": all_ms[1],
        "part_min_ms": part_ms[0], "part_median_ms": part_ms[1], "part_rows": manner.part.map(|part| part.rows),
        "choose_ms": choose_ms, "add_ms": add_ms, "remove_ms": remove_ms, "all": all, "part": part,
    });
    println!("{row}");
    Ok(())
}

/// Who is found, ten each, and minimum and median of the times.
fn ask(gallery: &Gallery, probes: &[Embedding], breadth: Breadth) -> Result<(Vec<Vec<String>>, [f32; 2])> {
    let mut times = Vec::new();
    let mut found = Vec::new();
    for probe in probes {
        let start = Instant::now();
        let near = gallery.nearest(probe, 10, breadth);
        times.push(milliseconds(start));
        found.push(near.into_iter().map(|(name, _)| name.to_string()).collect());
    }
    let (minimum, median) = minimum_and_median(&times).context("nobody was asked")?;
    Ok((found, [minimum, median]))
}

/// Middle times until somebody more, and somebody less, is on the disk.
fn change(gallery: &mut Gallery, face: &Embedding) -> Result<[f32; 2]> {
    let chip = Chip { width: 8, height: 8, pixels: vec![0; 192] };
    let (mut adding, mut removing) = (Vec::new(), Vec::new());
    for i in 0..CHANGES {
        let name = format!("visitor {i}");
        let start = Instant::now();
        gallery.enroll(&name, "a.jpg", face, &chip)?;
        gallery.save()?;
        adding.push(milliseconds(start));
        let start = Instant::now();
        gallery.remove(&name);
        gallery.save()?;
        removing.push(milliseconds(start));
    }
    let middle = |times: &[f32]| minimum_and_median(times).map(|(_, median)| median).context("nobody came");
    Ok([middle(&adding)?, middle(&removing)?])
}

/// What this program holds now.
fn memory_mb() -> Result<f32> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot ask for this program's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: f32 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1e3)
}

fn milliseconds(since: Instant) -> f32 {
    since.elapsed().as_secs_f32() * 1e3
}
