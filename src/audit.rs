//! The audit log: who did what to which version, as JSON lines that are numbered and chained by
//! hash, each on the disk before the call returns.
//!
//! It observes. A log that fails is loud, and stops neither a rotation nor an end. No token type
//! enters here. Several processes (the daemon and commands) write one log: each entry is appended
//! under an exclusive lock, after a look at the last line.
//!
//! The chain shows that something *within* it was changed. Whoever can write the file can also cut
//! its end off, or write a whole new chain: against that, keep [`Summary::last_hash`] elsewhere.

use std::{
    fmt,
    io::Write as _,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::time::Timestamp;

mod chain;
mod event;
mod file;
mod verify;

pub use event::{Action, Event, Outcome};
pub use verify::{ChainError, Summary, verify};

/// A line is at most this long, its line feed included.
const LINE_BYTES: usize = 4 * 1024;

/// Where entries go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A file that is appended to.
    File(PathBuf),
    /// Standard error; then the chain holds within one process.
    Stderr,
}

/// The log can't be opened.
#[derive(Debug, thiserror::Error)]
#[error("the audit log {path} can't be opened: make its folder writable, or change `audit_log`")]
pub struct AuditError {
    path: String,
    #[source]
    source: std::io::Error,
}

/// The audit log.
pub struct AuditLog {
    sink: Sink,
    failures: AtomicU64,
}

enum Sink {
    File(file::Log),
    Stderr(Mutex<chain::Link>),
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("failures", &self.failures()).finish_non_exhaustive()
    }
}

impl AuditLog {
    /// Opens the log, and makes it where it is missing: 0600, in a folder 0700.
    pub fn open(target: &Target) -> Result<Self, AuditError> {
        let sink = match target {
            Target::Stderr => Sink::Stderr(Mutex::default()),
            Target::File(path) => Sink::File(
                file::Log::open(path)
                    .map_err(|source| AuditError { path: path.display().to_string(), source })?,
            ),
        };
        Ok(Self { sink, failures: AtomicU64::new(0) })
    }

    /// Appends an entry; long texts in it are cut. It never fails its caller: where the entry can't
    /// be written, that is logged and counted.
    ///
    /// It blocks until the entry is on the disk: a few milliseconds, and at most about two seconds
    /// for another process's lock. Async callers accept that, or use `spawn_blocking`.
    pub fn record(&self, now: Timestamp, event: Event) {
        let event = event.bounded();
        let result = match &self.sink {
            Sink::File(log) => log.append(now, &event),
            Sink::Stderr(last) => {
                print(&mut last.lock().unwrap_or_else(PoisonError::into_inner), now, &event)
            }
        };
        if let Err(error) = result {
            self.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(?event, "the audit log lost an entry, which stands here: {error}");
        }
    }

    /// How many entries could not be written.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}

/// Not by `eprintln!`: that panics where standard error is closed, and the caller has to go on.
fn print(last: &mut chain::Link, now: Timestamp, event: &Event) -> std::io::Result<()> {
    let mut link = last.clone();
    let line = link.append(now, event)?;
    std::io::stderr().lock().write_all(line.as_bytes())?;
    *last = link;
    Ok(())
}
