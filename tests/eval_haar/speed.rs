//! `haar-speed --cascade XML [--min-face PX] [--factor F] [--neighbours N] [--repeat N] PICTURE...`: pictures in, a line of
//! JSON for each out: what our evaluator finds in it, and the milliseconds of one thread. `tests/bench/peers/haar.py` calls it.

use anyhow::{Context, Result, bail};
use lookalike::detect::haar::{Haar, Settings};
use lookalike::picture;
use std::path::Path;
use std::time::{Duration, Instant};

fn main() -> Result<()> {
    let mut settings = Settings { min_face_px: 30.0, factor: 1.1, neighbours: 3 };
    let (mut cascade, mut repeat, mut pictures) = (None, 3, Vec::new());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value"));
        match word.as_str() {
            "--cascade" => cascade = Some(value()?),
            "--min-face" => settings.min_face_px = value()?.parse()?,
            "--factor" => settings.factor = value()?.parse()?,
            "--neighbours" => settings.neighbours = value()?.parse()?,
            "--repeat" => repeat = value()?.parse()?,
            _ if word.starts_with("--") => bail!("{word} is no option"),
            _ => pictures.push(word),
        }
    }
    let cascade = cascade.context("--cascade XML is missing")?;
    let text = std::fs::read_to_string(&cascade).with_context(|| format!("cannot read {cascade}"))?;
    let mut haar = Haar::new(&text, settings).with_context(|| format!("the cascade {cascade} cannot be used"))?;
    let mut found = Vec::new();
    for path in pictures {
        let frame = picture::read(Path::new(&path))?;
        let mut least = Duration::MAX;
        for _ in 0..repeat.max(1) {
            let start = Instant::now();
            haar.detect_into(&frame, &mut found);
            least = least.min(start.elapsed());
        }
        let boxes: Vec<[i32; 4]> = found.iter().map(|o| [o.rect.x, o.rect.y, o.rect.w, o.rect.h].map(|v| v as i32)).collect();
        println!("{}", serde_json::json!({ "image": path, "ms": least.as_secs_f64() * 1e3, "boxes": boxes }));
    }
    Ok(())
}
