//! Logs go to stderr. Whatever filter is set, nobody but us and our scheduler speaks below INFO: what AWS's SDK,
//! hyper, h2 and rustls say there can show requests and answers, and so tokens. It is a list of who may, so that a
//! new dependency may not.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::{
    Layer,
    filter::{FilterFn, Targets},
    fmt::writer::BoxMakeWriter,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use super::{context::environment, exit::UsageError, log_writer::LogWriter};

const FILTER: &str = "CROSSFADE_LOG";
/// Crates that see no token, or none that they could show.
const DETAILED: [&str; 3] = ["crossfade", "crossfade_verify", "tokio_cron_scheduler"];

/// How logs are written.
#[derive(Copy, Clone, Debug, ValueEnum)]
pub(super) enum LogFormat {
    Text,
    Json,
}

/// The daemon's writer has to be flushed at the end; a command has none, and writes by itself.
pub(super) fn init(daemon: bool, format: Option<LogFormat>) -> Result<Option<LogWriter>> {
    // What AWS's chain of credentials finds or misses is in our own messages, once.
    let default =
        if daemon { "info,tokio_cron_scheduler=warn,aws_config=error,aws_runtime=error" } else { "error" };
    let filter = environment(FILTER).unwrap_or_else(|| default.to_owned());
    let filter = filter.parse::<Targets>().map_err(|error| {
        UsageError(format!("{FILTER}={filter:?} is no filter ({error}); try `debug` or `crossfade=trace`"))
    })?;
    let discreet = FilterFn::new(|meta| may_be_told(meta.target(), *meta.level()));
    let json = match format {
        Some(format) => matches!(format, LogFormat::Json),
        None => !std::io::stderr().is_terminal(),
    };
    if daemon {
        // By itself a panic is written to stderr by the thread that it befell, which then waits for a reader that may
        // have stopped: and with it whatever that thread was to do.
        std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    }
    let log = daemon.then(LogWriter::start).transpose().context("the log's thread could not be started")?;
    let writer = match log.clone() {
        Some(log) => BoxMakeWriter::new(move || log.clone()),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    // Without colours, also on a terminal: the crate's feature for them is left out, and asking for them without it is
    // answered by a complaint of the crate's on every command.
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let layer =
        if json { layer.json().flatten_event(true).boxed() } else { layer.with_target(false).boxed() };
    tracing_subscriber::registry()
        .with(layer.with_filter(discreet))
        .with(filter)
        .try_init()
        .context("logging could not be set up")?;
    Ok(log)
}

fn may_be_told(target: &str, level: Level) -> bool {
    let of = target.split("::").next().unwrap_or_default();
    level <= Level::INFO || DETAILED.contains(&of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_we_and_our_scheduler_speak_below_info() {
        for quiet in [
            "aws_smithy_runtime::client::orchestrator",
            "aws_sigv4::http_request::sign",
            "aws_sdk_secretsmanager::operation::get_secret_value",
            "hyper_util::client::legacy::pool",
            "hyper::proto::h1::io",
            "h2::codec::framed_read",
            "rustls::client::hs",
            "a_crate_of_tomorrow",
            "crossfaded",
            "",
        ] {
            assert!(!may_be_told(quiet, Level::DEBUG) && !may_be_told(quiet, Level::TRACE), "{quiet}");
            assert!(may_be_told(quiet, Level::INFO) && may_be_told(quiet, Level::ERROR), "{quiet}");
        }
        for ours in ["crossfade::engine", "crossfade", "tokio_cron_scheduler::job_scheduler"] {
            assert!(may_be_told(ours, Level::TRACE), "{ours}");
        }
    }
}
