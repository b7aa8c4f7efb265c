//! Signals, what the service manager is told, and what a process that holds tokens must not do.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, setrlimit};
use sd_notify::NotifyState;
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
        notify(&[NotifyState::Ready]);
    }

    /// The config is read again. [`ready`](Self::ready) follows, whatever comes of it.
    pub fn reloading(&self) {
        // By the time, systemd tells this reload from one that it asked for later (sd_notify(3)).
        match NotifyState::monotonic_usec_now() {
            Ok(now) => notify(&[NotifyState::Reloading, now]),
            Err(error) => tracing::debug!("the monotonic clock could not be read: {error}"),
        }
    }

    /// The drain has begun.
    pub fn stopping(&self) {
        notify(&[NotifyState::Stopping]);
    }

    /// The next signal to stop; others are passed over.
    pub async fn stopped(&mut self) {
        while self.next().await != Signal::Stop {}
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
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

/// Has as many files open as the system allows, and says how many that are. Programs that can't have many need the lower
/// limit that most systems start them with; we don't.
pub fn open_files() -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let limit = if raised.is_ok() { maximum } else { current };
    limit.unwrap_or(u64::MAX)
}
