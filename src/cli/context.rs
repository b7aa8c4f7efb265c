//! What every command needs: the config, and whoever carries orders out.

use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};

use super::{UsageError, connect::Remote, output};
use crate::{
    app::{Local, daemon_socket, unmade},
    config::{Config, StoreConfig},
    http::operator::Operator,
};

/// The environment, read here and nowhere else.
#[expect(clippy::disallowed_methods, reason = "the one place that may")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// With these set, AWS's SDK prints what it signs and what it receives. Their values don't matter.
pub(super) fn refuse_to_print_secrets() -> Result<()> {
    let set =
        ["LOG_SIGNABLE_BODY", "LOG_SENSITIVE_BODIES"].into_iter().find(|name| environment(name).is_some());
    match set {
        Some(name) => {
            let why = format!("{name} is set: it would print secrets. Unset it, then start again");
            Err(UsageError(why).into())
        }
        None => Ok(()),
    }
}

pub(super) struct Context {
    path: PathBuf,
}

/// Whoever carries orders out, and whether that is a daemon.
pub(super) struct Hands {
    pub(super) operator: Arc<dyn Operator>,
    pub(super) daemon: bool,
}

impl Context {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The config; all of its mistakes are one error. No command opens a store without it, so what must not be
    /// set beside AWS is refused here.
    pub(super) fn config(&self) -> Result<Config> {
        let config =
            Config::load(&self.path, &environment).map_err(|errors| UsageError(errors.to_string()))?;
        if matches!(config.store, StoreConfig::Aws(_)) {
            refuse_to_print_secrets()?;
        }
        Ok(config)
    }

    /// Where the config has `/healthz`, whatever else is wrong with it.
    pub(super) fn metrics_listen(&self) -> Result<SocketAddr> {
        Config::metrics_listen(&self.path, &environment)
            .map_err(|errors| UsageError(errors.to_string()).into())
    }

    /// The daemon where one listens, else the store itself; `driving`: then this process promotes.
    pub(super) async fn hands(&self, driving: bool) -> Result<Hands> {
        let config = self.config()?;
        if let Some(socket) = daemon_socket(&config) {
            return Ok(Hands { operator: Arc::new(Remote::new(socket.to_owned())), daemon: true });
        }
        if let Some(operator) = unmade(&config).filter(|_| !driving) {
            return Ok(Hands { operator, daemon: false });
        }
        let socket = config.admin_socket.display();
        output::note(&format!("no daemon on {socket}: working on the store directly"));
        Ok(Hands { operator: Arc::new(Local::open(&config, driving).await?), daemon: false })
    }

    /// Runs a command to its end.
    pub(super) fn block_on<T>(&self, command: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(2)
            .max_blocking_threads(8)
            .build()
            .context("the runtime could not be started")?;
        let result = runtime.block_on(command);
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        result
    }
}
