//! Signals, what the service manager is told, and what a process that holds tokens must not do.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, setrlimit};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What a signal asks for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Signal {
    /// SIGTERM, SIGINT.
    Stop,
    /// SIGHUP.
    Reload,
}

/// The signals of a daemon, and its words to systemd (where there is one).
#[derive(Debug)]
pub struct Lifecycle {
    term: Stream,
    int: Stream,
    hup: Stream,
}

impl Lifecycle {
    /// Takes the signals over. Before this, they end the process.
    pub fn install() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.term.recv() => Signal::Stop,
            _ = self.int.recv() => Signal::Stop,
            _ = self.hup.recv() => Signal::Reload,
        }
    }

    /// Everything is bound and started.
    pub fn ready(&self) {
        notify(sd_notify::NotifyState::Ready);
    }

    /// The drain has begun.
    pub fn stopping(&self) {
        notify(sd_notify::NotifyState::Stopping);
    }
}

fn notify(state: sd_notify::NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::debug!("the service manager could not be told: {error}");
    }
}

/// No core dumps, no debugger of another process, and no file of ours that others can read.
pub fn harden() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    Ok(())
}
