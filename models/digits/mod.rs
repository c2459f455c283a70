//! Nets for 28 x 28 digits: a classifier, autoencoders, GANs. Digits in, ONNX files out.
//!
//! `data`: where digits come from; `net`: which nets; `train`: how each learns; `export`: their files and what the manifest
//! says; `calibrate`: the same in int8; `check`: the same input through the learner and tract. The nets that the booth shows are
//! in `nets/`, trained by these recipes.

pub mod calibrate;
pub mod check;
pub mod data;
pub mod export;
pub mod net;
pub mod train;

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What can be trained on digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Tells the ten digits apart
    Classifier,
    /// Autoencoder: a digit to 32 numbers and back
    Ae,
    /// Denoising autoencoder: a noisy digit to 32 numbers and to a clean one
    Dae,
    /// Variational autoencoder: a digit to a distribution, and back from a draw of it
    Vae,
    /// Generator and discriminator
    Gan,
    /// The same, with the class that is asked for
    Cgan,
}

impl Kind {
    /// As the command line and the files call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Classifier => "classifier",
            Kind::Ae => "ae",
            Kind::Dae => "dae",
            Kind::Vae => "vae",
            Kind::Gan => "gan",
            Kind::Cgan => "cgan",
        }
    }
}

/// `lookalike-models train digits`.
#[derive(Args)]
#[group(id = "digits")]
pub struct Options {
    /// What to train
    pub kind: Kind,
    /// A folder with MNIST's IDX files, packed by gzip or not; without it the 10,000 digits of a pinned package
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// What every family of nets has
    #[command(flatten)]
    pub common: crate::learning::options::Options,
}
