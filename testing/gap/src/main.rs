//! `crossfade-gap serve` is one of the servers; `crossfade-gap run` starts them all (by `cargo xtask gap`).

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::{Parser, Subcommand};
use crossfade_testing_gap::{Plan, Settings, report, run, serve};

#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One of the servers
    Serve(Settings),
    /// All of them, bots and rotations
    Run {
        /// Crossfade's program
        #[arg(long)]
        daemon: PathBuf,
        /// For the text
        #[arg(long)]
        date: String,
        /// Which run of numbers the bots draw from
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How much longer each call of AWS takes
        #[arg(long, default_value_t = 10)]
        aws_delay_ms: u64,
        /// A few seconds
        #[arg(long)]
        short: bool,
        /// The folder of results.md, to be written
        #[arg(long)]
        write: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    match Cli::parse().command {
        Command::Serve(settings) => serve(settings).await,
        Command::Run { daemon, date, seed, aws_delay_ms, short, write } => {
            let plan = if short { Plan::short() } else { Plan::whole() };
            let plan = Plan { seed, aws_delay: Duration::from_millis(aws_delay_ms), ..plan };
            let results = run(&plan, &std::env::current_exe()?, &std::path::absolute(daemon)?).await?;
            print!("{}", report::text(&plan, &results, &date));
            write.map_or(Ok(()), |docs| report::write(&docs, &plan, &results, &date))
        }
    }
}
