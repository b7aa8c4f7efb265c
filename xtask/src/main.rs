//! The developer commands: `cargo xtask test`, `bench`, `chaos`, `demo`, `fuzz`, `gap`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod chaos;
mod container;
mod emulators;
mod fuzz;
mod gap;
mod mcp;
mod proxies;
mod python;
mod slack;
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
    /// Set up what the tests need, then run them
    Test {
        /// The long runs too
        #[arg(long)]
        full: bool,
        /// Not the image, nor systemd's units: they need root
        #[arg(long)]
        without_container: bool,
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
