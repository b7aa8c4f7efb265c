//! The fake as a process: prints its endpoint, and runs until it is stopped.

use std::{error::Error, net::SocketAddr, process::ExitCode};

use crossfade_testing_secretsmanager::{Clock, Fake};

const USAGE: &str = "usage: secretsmanager-fake [--listen ADDRESS] [--now-ms TIME]

  --listen ADDRESS  where to listen (127.0.0.1:0); whoever reaches it can do everything
  --now-ms TIME     a clock that stands at that time, in milliseconds since 1970, until it is moved";

struct Options {
    listen: SocketAddr,
    clock: Clock,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(options) = options(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("secretsmanager-fake: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let server = Fake::new(options.clock).serve(options.listen).await?;
    println!("{}", server.endpoint());
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}

fn options(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { listen: SocketAddr::from(([127, 0, 0, 1], 0)), clock: Clock::system() };
    while let Some(argument) = arguments.next() {
        let value = arguments.next()?;
        match argument.as_str() {
            "--listen" => options.listen = value.parse().ok()?,
            "--now-ms" => options.clock = Clock::standing_at(value.parse().ok()?),
            _ => return None,
        }
    }
    Some(options)
}
