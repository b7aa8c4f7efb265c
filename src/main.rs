//! The binary: parses the command line, and exits as it says.

use std::process::ExitCode;

use crossfade::cli::Cli;

fn main() -> ExitCode {
    Cli::start()
}
