//! The program: parse, load the board, open the doors, run one command, exit code.
//!
//! Exit codes: 0 fine, 1 some input failed, 2 usage or set-up.

use clap::Parser;
use std::process::ExitCode;

mod commands;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    match commands::run(arguments) {
        Ok(commands::Outcome::Fine) => ExitCode::SUCCESS,
        Ok(commands::Outcome::SomeFailed) => ExitCode::from(1),
        Err(error) => {
            if !commands::is_closed_pipe(&error) {
                eprintln!("lookalike: {error:#}");
            }
            ExitCode::from(2)
        }
    }
}
