//! `cargo xtask demo`: questions to a Slack bot before, during and after a rotation of the token that it works with.

#![expect(clippy::disallowed_methods, reason = "a command of developers, on the machine's own clock")]

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Result, anyhow};
use clap::{Parser, ValueEnum};
use crossfade_testing_fleet::servers::Kind as ServerKind;
use crossfade_testing_slack::bot::Kind as BotKind;
use tokio::{signal::unix::SignalKind, time::timeout};

mod act;
mod started;

use started::Started;

#[derive(Parser)]
#[command(about = "The Slack bot's system on this machine; `cargo xtask demo` builds what it needs")]
struct Options {
    /// The program `crossfade`
    #[arg(long)]
    daemon: PathBuf,
    /// What the MCP server is written in
    #[arg(long)]
    server: Language,
    /// The program, the built script, or the Python that it is run with
    #[arg(long)]
    server_program: PathBuf,
    /// What the bot is written in
    #[arg(long)]
    bot: Language,
    /// The built script, or the Python that it is run with
    #[arg(long)]
    bot_program: PathBuf,
}

#[derive(Copy, Clone, ValueEnum)]
enum Language {
    Rust,
    Typescript,
    Python,
}

impl Options {
    fn server(&self) -> ServerKind {
        let program = self.server_program.clone().into_os_string();
        match self.server {
            Language::Rust => ServerKind::rust(program),
            Language::Typescript => ServerKind::typescript(program),
            Language::Python => ServerKind::python(program),
        }
    }

    fn bot(&self) -> Result<BotKind> {
        let program = self.bot_program.clone().into_os_string();
        match self.bot {
            Language::Rust => Err(anyhow!("there is no bot in Rust: typescript or python")),
            Language::Typescript => Ok(BotKind::typescript(program)),
            Language::Python => Ok(BotKind::python(program)),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<()> {
    let started = Arc::new(Started::default());
    let (server, bot) = (options.server(), options.bot()?);
    let of_it = Arc::clone(&started);
    let mut act = tokio::task::spawn_blocking(move || act::play(&options.daemon, &server, &bot, &of_it));
    let mut terminated = tokio::signal::unix::signal(SignalKind::terminate())?;
    tokio::select! {
        ended = &mut act => return ended?,
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    println!("\nstopped: ending what was started");
    started.end();
    // Without them it can't go on, and takes down the rest.
    let _ = timeout(Duration::from_secs(5), act).await;
    Err(anyhow!("interrupted"))
}
