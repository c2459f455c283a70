//! The program: parse, load the board, open the doors, run one command, exit code.
//!
//! Exit codes: 0 fine, 1 some input failed, 2 usage or set-up.

use clap::Parser;
use std::process::ExitCode;

mod commands;

fn main() -> ExitCode {
    let arguments = commands::Arguments::parse();
    let code = match commands::run(arguments) {
        Ok(commands::Outcome::Fine) => 0,
        Ok(commands::Outcome::SomeFailed) => 1,
        Err(error) => {
            if !commands::is_closed_pipe(&error) {
                eprintln!("lookalike: {error:#}");
            }
            2
        }
    };
    if lookalike::infer::is_busy() {
        // What the GPU's libraries do at an ordinary end would pull them from under the thread that uses them.
        signal_hook::low_level::exit(code.into());
    }
    ExitCode::from(code)
}
