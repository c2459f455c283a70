//! What the command line says of any training.

use clap::{Args, ValueEnum};

/// Options of every `lookalike-models train`.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Times that every picture is seen; over the second half the learning rates fall to nothing
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub epochs: u32,
    /// Pictures in a batch; without it 64 digits, or 16 of other pictures, for a folder of few makes more steps so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=4096))]
    batch: Option<u32>,
    /// GANs: batches that the discriminator learns from before the generator's turn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub d_steps: u32,
    /// GANs: steps of the generator in its turn
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub g_steps: u32,
    /// Factor on the recipe's learning rates
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = rate)]
    pub rate: f32,
    /// The same seed, data and processor give the same nets
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// What multiplies; a training may go on elsewhere, with other roundings
    #[arg(long, value_enum, value_name = "DEVICE", default_value = "cpu")]
    pub device: Device,
    /// Go on from the checkpoint in --out
    #[arg(long)]
    pub resume: bool,
}

/// What multiplies in a training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Device {
    /// The processor
    Cpu,
    /// The first NVIDIA GPU, in a build with the feature cuda
    Cuda,
}

fn rate(text: &str) -> Result<f32, String> {
    let rate: f32 = text.parse().map_err(|_| "not a number".to_string())?;
    (1e-4..=100.0).contains(&rate).then_some(rate).ok_or("0.0001 to 100".into())
}

impl Options {
    /// Pictures in a batch, where the recipe has `usual`.
    pub fn batch(&self, usual: usize) -> usize {
        self.batch.map_or(usual, |batch| batch as usize)
    }

    /// Everything that decides what a step does, but for the number of epochs; `batch`: pictures in one.
    pub fn settings(&self, batch: usize) -> String {
        let Self { d_steps, g_steps, rate, seed, .. } = self;
        format!("--batch {batch} --d-steps {d_steps} --g-steps {g_steps} --rate {rate} --seed {seed}")
    }
}
