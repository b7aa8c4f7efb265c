//! The developer commands: `cargo xtask test`, `cargo xtask fuzz`, `cargo xtask bench`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod container;
mod emulators;
mod fuzz;
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
    /// Search for inputs that break what `fuzz/` says of them
    Fuzz {
        /// Only this target
        #[arg(long)]
        target: Option<String>,
        /// How long each one is searched; not 0, which is for ever
        #[arg(long, default_value_t = fuzz::SMOKE_S, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
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
        Command::Fuzz { target, seconds } => fuzz::run(target.as_deref(), seconds),
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
