//! The developer commands: `cargo xtask test`, `lint`, `bench`, `chaos`, `demo`, `fuzz`, `gap`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod browser;
mod chaos;
mod container;
mod emulators;
mod fuzz;
mod gap;
mod introspection;
mod lint;
mod mcp;
mod part;
mod proxies;
mod python;
mod scratch;
mod slack;
mod steps;
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
    /// Break everything around real daemons, servers and bots for a while, and count what must not be
    Chaos {
        /// Which plan of events; the interleaving is the machine's
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How long events come
        #[arg(long, default_value_t = 1)]
        minutes: u64,
    },
    /// Run the Slack bot's whole system on this machine, and rotate under it: half a minute, after the build
    Demo {
        /// What the MCP server is written in
        #[arg(long, default_value = "rust", value_parser = ["rust", "typescript", "python"])]
        server: String,
        /// What the bot is written in
        #[arg(long, default_value = "python", value_parser = ["typescript", "python"])]
        bot: String,
    },
    /// Compare ways of guarding a server while tokens are rotated: in five minutes, after the build
    Gap {
        /// Which run of numbers the bots draw from
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many milliseconds a call of AWS takes
        #[arg(long, default_value_t = 10)]
        aws_delay_ms: u64,
        /// Into docs/results.md and docs/gap.svg too
        #[arg(long)]
        write: bool,
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
    /// Check format, lints, documentation and dependencies
    Lint,
    /// Fetch what the tests need, build, and run them all, whichever fails
    #[command(
        after_help = "Needs Rust, a C compiler, Python 3.11 with venv, and Node.js (20.15, 22.2 or newer); no root. Leaves \
                            nothing outside the checkout but what cargo keeps of crates."
    )]
    Test {
        /// The long runs too: 100 minutes more
        #[arg(long)]
        full: bool,
        /// What needs root or packages of the system too, on Debian: the image, systemd's units, HAProxy, promtool
        #[arg(long)]
        system: bool,
        /// Print where the time went: each step and the slowest tests
        #[arg(long)]
        timings: bool,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench { part } => bench::run(&part),
        Command::Chaos { seed, minutes } => chaos::run(seed, minutes),
        Command::Demo { server, bot } => slack::demo(&server, &bot),
        Command::Gap { seed, aws_delay_ms, write } => gap::run(seed, aws_delay_ms, write),
        Command::Fuzz { target, seconds } => {
            fuzz::run(target.as_deref().map_or(fuzz::Scope::All, fuzz::Scope::Target), seconds)
        }
        Command::Lint => lint::run(),
        Command::Test { full, system, timings } => match scratch::again() {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(_)) => return ExitCode::FAILURE,
            Ok(None) => test::run(test::Options { full, system, timings }),
            Err(error) => Err(error),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
