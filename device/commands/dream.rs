//! `lookalike dream`: the generative nets from the command line. One file per thing that they do.

use super::{Common, Outcome, json, line};
use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use lookalike::board::Board;
use lookalike::generate::{Family, Kind, latent::Way};
use lookalike::manifest::{Manifest, Precision};
use lookalike::setup;
use std::path::PathBuf;

mod arithmetic;
mod draw;
mod input;
mod interpolate;
mod map;
mod out;
mod reconstruct;
mod sample;
mod train;
mod walk;

use out::Out;

/// Draws, reconstructs, blends and maps with autoencoders and GANs
#[derive(Args)]
#[command(after_help = "Example: lookalike dream sample --seed 7 --out samples.png")]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    Sample(sample::Options),
    Reconstruct(reconstruct::Options),
    Interpolate(interpolate::Options),
    Arithmetic(arithmetic::Options),
    Walk(walk::Options),
    Draw(draw::Options),
    Train(train::Options),
    Map(map::Options),
}

/// What all of them take.
#[derive(Args)]
struct Shared {
    /// Where the picture goes: FILE.png, or FILE.gif for a film; without it, only numbers
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The same seed gives the same pictures
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// One JSON object a line on stdout
    #[arg(long)]
    json: bool,
    /// Which family of nets: what their names in the manifest begin with; without it, the board file's
    #[arg(long, value_name = "NAME")]
    nets: Option<String>,
    /// Arithmetic of the nets; without it, the board file's
    #[arg(long, value_name = "P")]
    precision: Option<Precision>,
    /// Pixels of the file for each pixel of a picture
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=32))]
    zoom: u64,
}

/// The command line's spelling of [`Kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Net {
    /// The plain autoencoder
    Ae,
    /// The denoising autoencoder
    Dae,
    /// The variational autoencoder
    Vae,
    /// The GAN
    Gan,
    /// The GAN that is asked for a class
    Cgan,
}

impl From<Net> for Kind {
    fn from(net: Net) -> Self {
        match net {
            Net::Ae => Kind::Autoencoder,
            Net::Dae => Kind::Denoising,
            Net::Vae => Kind::Variational,
            Net::Gan => Kind::Gan,
            Net::Cgan => Kind::Conditional,
        }
    }
}

/// The command line's spelling of [`Way`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Between {
    /// On the straight line
    Linear,
    /// On the arc around the origin
    Spherical,
}

impl From<Between> for Way {
    fn from(between: Between) -> Self {
        match between {
            Between::Linear => Way::Linear,
            Between::Spherical => Way::Spherical,
        }
    }
}

/// Does what was asked.
pub fn run(common: Common, options: Options) -> Result<Outcome> {
    match options.what {
        What::Sample(options) => sample::run(common, options),
        What::Reconstruct(options) => reconstruct::run(common, options),
        What::Interpolate(options) => interpolate::run(common, options),
        What::Arithmetic(options) => arithmetic::run(common, options),
        What::Walk(options) => walk::run(common, options),
        What::Draw(options) => draw::run(common, options),
        What::Train(options) => train::run(common, options),
        What::Map(options) => map::run(common, options),
    }
}

/// What every one of them begins with.
struct Ready {
    board: Board,
    models: Manifest,
    family: Family,
    out: Option<Out>,
}

impl Shared {
    /// Where the picture shall go is looked at before the nets take their time.
    fn open(&self, common: &Common) -> Result<Ready> {
        let out = self.out.as_deref().map(|path| Out::open(path, self.zoom as usize)).transpose()?;
        let (board, models) = common.open(self.precision)?;
        let name = self.nets.as_deref().unwrap_or(&board.dream.nets);
        let family = setup::family(&models, name, board.dream.precision)?;
        Ok(Ready { family, out, board, models })
    }
}

/// A number with four digits behind the point: a sample is no more exact than that.
fn short(value: f32) -> f32 {
    (value * 1e4).round() / 1e4
}

fn shorts(values: &[f32]) -> Vec<f32> {
    values.iter().copied().map(short).collect()
}
