//! Nets for any folder of colour pictures: a variational autoencoder and a GAN. Pictures in, ONNX files out.
//!
//! `data`: a folder's pictures as squares; `net`: which nets; `train`: how each learns; `export`: their files; `check`: the
//! same input through the learner and tract.

pub mod check;
pub mod data;
pub mod export;
pub mod net;
pub mod train;

use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// What can be trained on pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Variational autoencoder: a picture to a distribution, and back from a draw of it
    Vae,
    /// Generator and discriminator
    Gan,
}

impl Kind {
    /// As the command line and the files call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Vae => "vae",
            Kind::Gan => "gan",
        }
    }
}

/// `lookalike-models train pictures`.
#[derive(Args)]
#[group(id = "pictures")]
pub struct Options {
    /// What to train
    pub kind: Kind,
    /// A folder of pictures of one kind of thing; folders in it are not looked into
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Height and width that pictures are brought to
    #[arg(long, value_name = "PIXELS", default_value = "32", value_parser = ["32", "64"])]
    pub size: String,
    /// What every family of nets has
    #[command(flatten)]
    pub common: crate::learning::options::Options,
}
