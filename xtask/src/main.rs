//! The developer commands: `cargo xtask test`, `cargo xtask bench`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod container;
mod emulators;
mod python;
mod test;
mod tools;
mod typescript;

#[derive(Parser)]
#[command(about = "Crossfade's developer commands")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure, and print each figure beside its goal
    Bench {
        /// Only the parts whose names begin with this
        #[arg(default_value = "")]
        part: String,
    },
    /// Set up what the tests need, then run them
    Test {
        /// The long runs too
        #[arg(long)]
        full: bool,
        /// Not the image: it needs root
        #[arg(long)]
        without_container: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench { part } => bench::run(&part),
        Command::Test { full, without_container } => test::run(full, !without_container),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
