//! What every command needs: the config, and whoever carries orders out.

use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};

use super::{connect::Remote, exit::UsageError, output};
use crate::{
    app::{Local, is_listened_on, unheard, unmade},
    config::{Config, ConfigErrors},
    http::operator::{Operator, OrderError, Running},
};

const DEFAULT_CONFIG: &str = "./config.yaml";

/// The environment, read here and nowhere else.
#[expect(clippy::disallowed_methods, reason = "the one place that may")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// With these set, AWS's SDK prints what it signs and what it receives. Their values don't matter.
pub(super) fn refuse_to_print_secrets() -> Result<(), UsageError> {
    let set =
        ["LOG_SIGNABLE_BODY", "LOG_SENSITIVE_BODIES"].into_iter().find(|name| environment(name).is_some());
    let why = |name| format!("{name} is set: it would print secrets. Unset it, then start again");
    set.map_or(Ok(()), |name| Err(UsageError(why(name))))
}

#[derive(Clone)]
pub(super) struct Context {
    path: PathBuf,
    /// Whether somebody has named that file.
    is_named: bool,
    /// Where the daemon is, whatever the config says.
    socket: Option<PathBuf>,
}

/// Where a command works.
pub(super) enum Destination {
    /// At the daemon that listens on the socket.
    Daemon(Remote),
    /// On the store itself.
    Store(Box<Config>),
}

/// Whoever carries orders out, and whether that is a daemon.
pub(super) struct Backend {
    pub(super) operator: Arc<dyn Operator>,
    pub(super) daemon: bool,
    /// Those of the config, without a daemon.
    names: Vec<String>,
}

impl Backend {
    /// Every secret.
    pub(super) async fn names(&self) -> Result<Vec<String>> {
        if !self.daemon {
            return Ok(self.names.clone());
        }
        Ok(self.operator.secrets().await?.into_iter().map(|status| status.secret).collect())
    }
}

impl Context {
    pub(super) fn new(config: Option<PathBuf>, socket: Option<PathBuf>) -> Self {
        let is_named = config.is_some();
        Self { path: config.unwrap_or_else(|| DEFAULT_CONFIG.into()), is_named, socket }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The config; all of its mistakes are one error. No command opens a store without it, so what must not be
    /// set beside it is refused here.
    pub(super) fn config(&self) -> Result<Config> {
        self.sound(self.load()).map_err(Into::into)
    }

    fn load(&self) -> Result<Config, ConfigErrors> {
        Config::load(&self.path, &environment)
    }

    fn sound(&self, loaded: Result<Config, ConfigErrors>) -> Result<Config, UsageError> {
        let mut config = loaded.map_err(|errors| UsageError(errors.to_string()))?;
        if let Some(socket) = &self.socket {
            config.admin_socket.clone_from(socket);
        }
        if config.store.limits().prints_secrets {
            refuse_to_print_secrets()?;
        }
        Ok(config)
    }

    /// Where the config has `/healthz`, whatever else is wrong with it.
    pub(super) fn metrics_listen(&self) -> Result<SocketAddr> {
        Config::metrics_listen(&self.path, &environment)
            .map_err(|errors| UsageError(errors.to_string()).into())
    }

    /// The daemon where one listens, else the store. A daemon needs nothing else of the config: what is wrong there, and
    /// that it is another one than the daemon's, is told in a line and stops nobody.
    pub(super) async fn destination(&self) -> Result<Destination> {
        // Whoever names the socket alone has no config in mind.
        let loaded = (self.is_named || self.socket.is_none()).then(|| self.load());
        let socket = match (&self.socket, &loaded) {
            (Some(socket), _) => socket.clone(),
            (None, Some(Ok(config))) => config.admin_socket.clone(),
            (None, _) => Config::admin_socket(&self.path, &environment),
        };
        if !is_listened_on(&socket) {
            let loaded = loaded.unwrap_or_else(|| self.load());
            let config = self.sound(loaded).map_err(|UsageError(why)| {
                let unheard = unheard(&socket);
                UsageError(format!("{unheard} (--socket names another place), and without one: {why}"))
            })?;
            return Ok(Destination::Store(Box::new(config)));
        }
        let daemon = Remote::new(socket);
        let running = match daemon.running().await {
            Err(error @ OrderError::Unknown(_)) => return Err(error.into()),
            // One that can't say it is an older one.
            running => running.ok(),
        };
        if let Some(loaded) = &loaded {
            self.compare(loaded, daemon.socket(), running.as_ref());
        }
        Ok(Destination::Daemon(daemon))
    }

    fn compare(&self, loaded: &Result<Config, ConfigErrors>, socket: &Path, running: Option<&Running>) {
        let socket = socket.display();
        if let Err(errors) = loaded {
            output::note(&format!("warning: {}. The daemon on {socket} needs none of it", errors.first()));
        }
        let Some(running) = running else { return };
        let same_file = is_same_file(&self.path, Path::new(&running.config));
        let same_text = loaded.as_ref().is_ok_and(|config| config.hash == running.hash);
        if !same_file && !same_text {
            let (theirs, ours) = (&running.config, self.path.display());
            output::note(&format!(
                "note: the daemon on {socket} runs {theirs}, not {ours}: what follows is of its secrets"
            ));
        }
    }

    /// Whoever carries orders out; `driving`: without a daemon this process promotes.
    pub(super) async fn backend(&self, driving: bool) -> Result<Backend> {
        let config = match self.destination().await? {
            Destination::Daemon(daemon) => {
                return Ok(Backend { operator: Arc::new(daemon), daemon: true, names: Vec::new() });
            }
            Destination::Store(config) => config,
        };
        let names = config.secrets.iter().map(|secret| secret.name.to_string()).collect();
        if let Some(operator) = unmade(&config).filter(|_| !driving) {
            return Ok(Backend { operator, daemon: false, names });
        }
        output::note(&format!("{}: working on the store directly", unheard(&config.admin_socket)));
        let operator = Arc::new(Local::open(&config, driving).await?);
        Ok(Backend { operator, daemon: false, names })
    }

    /// Runs a command to its end.
    pub(super) fn block_on<T>(&self, command: impl Future<Output = Result<T>>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .worker_threads(2)
            // For what blocks. No request waits here but a hand-out, and those can't fill it: in the embedded store one
            // reads at a time, and three threads are taken in all; at AWS sixteen may look a host's name up, and the
            // engines have as many threads beside them. The comparison of what is held (`app::drift`) takes one. The audit
            // log and the log have threads of their own. A thread that has nothing to do ends after ten seconds.
            .max_blocking_threads(33)
            .build()
            .context("the runtime could not be started")?;
        let result = runtime.block_on(command);
        runtime.shutdown_timeout(std::time::Duration::from_secs(1));
        result
    }
}

/// Whether two names are one file's: spelled alike, or led to alike.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let led_to = |path: &Path| std::fs::canonicalize(path).ok();
    let absolute = std::path::absolute(one).is_ok_and(|one| one == other);
    absolute || led_to(one).is_some_and(|one| Some(one) == led_to(other))
}
