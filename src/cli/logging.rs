//! Logs go to stderr. Whatever filter is set, third-party targets that handle credentials never
//! speak below INFO.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use tracing_subscriber::{EnvFilter, Layer, filter::FilterFn, layer::SubscriberExt, util::SubscriberInitExt};

use super::{LogFormat, UsageError, context::environment};

const FILTER: &str = "CROSSFADE_LOG";
const QUIET: [&str; 7] = ["aws", "hyper", "h2", "rustls", "rusqlite", "tower", "axum"];

pub(super) fn init(daemon: bool, format: Option<LogFormat>) -> Result<()> {
    let default = if daemon { "info,tokio_cron_scheduler=warn" } else { "error" };
    let filter = environment(FILTER).unwrap_or_else(|| default.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        UsageError(format!("{FILTER}={filter:?} is no filter ({error}); try `debug` or `crossfade=trace`"))
    })?;
    let discreet = FilterFn::new(|meta| {
        let third_party = QUIET.iter().any(|quiet| meta.target().starts_with(quiet));
        !third_party || *meta.level() <= tracing::Level::INFO
    });
    let terminal = std::io::stderr().is_terminal();
    let json = match format {
        Some(format) => matches!(format, LogFormat::Json),
        None => !terminal,
    };
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(terminal);
    let layer =
        if json { layer.json().flatten_event(true).boxed() } else { layer.with_target(false).boxed() };
    tracing_subscriber::registry()
        .with(layer.with_filter(discreet))
        .with(filter)
        .try_init()
        .context("logging could not be set up")
}
