//! `lookalike warm`: what a GPU's first start takes, before the booth needs it. The package runs it when it is installed.

use super::{Common, Outcome, line};
use anyhow::Result;
use lookalike::infer::{self, Patience};
use lookalike::setup;

/// Compiles the GPU's kernels and measures the board's nets, so that the booth's first start is quick
///
/// Says what it found for each net. Without a usable GPU it says what is missing and changes nothing.
#[derive(clap::Args)]
#[command(after_help = "Example: lookalike warm --board board-config/jetson-orin-nano.toml")]
pub struct Options {}

/// A GPU that is missing is no failure: the booth goes on without it.
pub fn run(common: Common, _: Options) -> Result<Outcome> {
    let (board, models) = common.open_with(Patience::Measure, None)?;
    for found in infer::gpu_report() {
        line(&format!("gpu:  {found}"))?;
    }
    for entry in setup::offloadable(&models, &board) {
        setup::warm(&models, entry)?;
        for found in infer::would_choose(&entry.name, &entry.sha256) {
            line(&format!("nets: {found}"))?;
        }
    }
    Ok(Outcome::Fine)
}
