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
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::time::Timestamp;

mod chain;
mod event;
mod file;
mod verify;
mod writer;

use file::Log;
use writer::{Account, Writer};

pub use event::{Action, Event, Outcome};
pub use verify::{ChainError, End, Summary, verify};

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
#[error("the audit log {path} can't be used: mend what is named here, or change `audit_log`")]
pub struct AuditError {
    path: String,
    #[source]
    source: std::io::Error,
}

/// The audit log.
pub struct AuditLog {
    sink: Sink,
    account: Arc<Account>,
}

enum Sink {
    File(Writer),
    Stderr(Mutex<chain::Link>),
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("failures", &self.failures()).finish_non_exhaustive()
    }
}

impl AuditLog {
    /// Opens the log, and makes it where it is missing: 0600, in a folder 0700. It has to be a regular file of root or
    /// of our own user that nobody else can change.
    pub fn open(target: &Target) -> Result<Self, AuditError> {
        Self::with(target, Log::open)
    }

    /// The same for whoever has an end to write, which no log may stop: where it can't be used, that is loud and
    /// counted, and each entry tries again.
    pub fn open_or_lose(target: &Target) -> Result<Self, AuditError> {
        Self::with(target, |path| {
            Ok(Log::open(path).unwrap_or_else(|error| {
                tracing::error!("the audit log {} can't be used, and loses entries: {error}", path.display());
                Log::unopened(path)
            }))
        })
    }

    fn with(target: &Target, open: impl Fn(&Path) -> std::io::Result<Log>) -> Result<Self, AuditError> {
        let account = Arc::<Account>::default();
        let sink = match target {
            Target::Stderr => Sink::Stderr(Mutex::default()),
            Target::File(path) => {
                let writer = open(path).and_then(|log| Writer::start(log, &account));
                let failed = |source| AuditError { path: path.display().to_string(), source };
                Sink::File(writer.map_err(failed)?)
            }
        };
        Ok(Self { sink, account })
    }

    /// Appends an entry; long texts in it are cut. It never fails its caller: where the entry can't
    /// be written, that is logged and counted.
    ///
    /// It blocks until the entry is on the disk: a few milliseconds, and at most 200. Where that is not enough, since
    /// another process keeps the log locked, a thread goes on trying for a second. Async callers accept that, or use
    /// `spawn_blocking`.
    pub fn record(&self, now: Timestamp, event: Event) {
        let event = event.bounded();
        match &self.sink {
            Sink::File(writer) => writer.put(now, event),
            Sink::Stderr(last) => {
                let printed = print(&mut last.lock().unwrap_or_else(PoisonError::into_inner), now, &event);
                if let Err(error) = printed {
                    self.account.lost(&event, &error);
                }
            }
        }
    }

    /// How many entries could not be written.
    pub fn failures(&self) -> u64 {
        self.account.failures()
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
