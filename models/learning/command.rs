//! `lookalike-models train`: what was typed in, a folder with a checkpoint, samples and ONNX files out.

use super::course::{End, stop_flag};
use super::int8;
use super::options::Device;
use crate::{digits, files, mtcnn, pictures};
use anyhow::{Context, Result, anyhow};
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// What can be learned.
#[derive(Subcommand)]
pub enum Family {
    /// 28 x 28 digits: classifier, autoencoders, GANs
    #[command(
        after_help = "Example:\n  lookalike-models train digits vae --epochs 5\n  lookalike-models train digits gan --data mnist --epochs 20 --out my-gan --resume"
    )]
    Digits(digits::Options),
    /// Any folder of pictures: VAE, GAN
    #[command(after_help = "Example:\n  lookalike-models train pictures gan --data satellite/forest --size 32 --epochs 200")]
    Pictures(pictures::Options),
    /// The face detector's nets, on photos with boxes and landmarks: docs/tuning.md
    #[command(
        after_help = "Example:\n  lookalike-models train mtcnn --data visitors/faces.csv --data empty-booth\n  lookalike detect --detector-weights tuned visitors/1.jpg"
    )]
    Mtcnn(mtcnn::tune::Options),
}

/// Trains. `out`: where to, else a folder of its own below `models/training`.
pub fn train(family: &Family, cache: &Path, out: Option<PathBuf>) -> Result<()> {
    let stop = stop_flag()?;
    learn_on(match family {
        Family::Digits(digits::Options { common, .. }) | Family::Pictures(pictures::Options { common, .. }) => common.device,
        Family::Mtcnn(options) => options.device,
    })?;
    let own = |prefix: &str| out.clone().unwrap_or_else(|| Path::new("models/training").join(prefix));
    let (prefix, out, data, nets, end) = match family {
        Family::Mtcnn(options) => {
            let out = own("mtcnn");
            let _out = files::lock(&out)?;
            return mtcnn::tune::train(options, &out, stop);
        }
        Family::Digits(options) => {
            let prefix = digits::export::prefix(options.kind);
            let data = match &options.data {
                Some(folder) => digits::data::read(folder, digits::data::Part::Training)?,
                None => {
                    let _cache = files::lock(cache)?;
                    digits::data::from_package(cache)?
                }
            };
            let out = own(&prefix);
            let _out = files::lock(&out)?;
            let (nets, end) = digits::train::train(options.kind, &options.common, &data, &out, stop)?;
            (prefix, out, data, nets, end)
        }
        Family::Pictures(options) => {
            let size = options.size.parse()?;
            let prefix = pictures::export::prefix(options.kind, size);
            let data = pictures::data::read(&options.data, size)?;
            let out = own(&prefix);
            let _out = files::lock(&out)?;
            let (nets, end) = pictures::train::train(options.kind, &options.common, &data, &out, stop)?;
            (prefix, out, data, nets, end)
        }
    };
    if end == End::Stopped {
        eprintln!("stopped; the checkpoint is in {}: go on with --resume", out.display());
        return Ok(());
    }
    let written = digits::export::write(&prefix, &nets, &out)?;
    for (path, far) in &written {
        println!("{}: within {far:.1e} of the learner's answers", path.display());
    }
    let paths: Vec<PathBuf> = written.into_iter().map(|(path, _)| path).collect();
    let facts = match family {
        Family::Digits(options) => digits::net::facts(options.kind),
        Family::Pictures(_) | Family::Mtcnn(_) => pictures::net::FACTS,
    };
    for line in int8::write(&nets, &paths, &data, facts)? {
        println!("{line}");
    }
    if let Family::Pictures(options) = family {
        let entries = pictures::export::write_entries(options.kind, &nets, &paths, &out)?;
        println!("{}: for the end of a manifest.toml that the nets are copied beside", entries.display());
    }
    Ok(())
}

/// A training that was to take minutes on a GPU shall not take a night on the processor: it is refused where there is none.
fn learn_on(device: Device) -> Result<()> {
    let device = match device {
        Device::Cpu => return Ok(()),
        Device::Cuda => lookalike_learn::Device::Cuda,
    };
    let chosen = lookalike::guard::guard(|| lookalike_learn::learn_on(device).map_err(|error| anyhow!(error)));
    chosen.context("--device cuda: no GPU that can be learned on; leave it out to learn on the processor")
}
