//! The log as whoever has something to write sees it: where it goes, and what it says of an entry.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    event::{About, Event},
    file::Log,
    printer::Printer,
    writer::{Told, Writer},
};
use crate::time::Timestamp;

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

/// An entry about a caller was not written, and may not be.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the audit log has no room for this now: too many entries wait for its disk")]
pub struct Unwritten;

/// The audit log.
pub struct AuditLog {
    pub(super) writer: Writer,
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
        let account = Arc::default();
        let (writer, path) = match target {
            Target::Stderr => (Writer::start(Printer::default(), &account), "on standard error".into()),
            Target::File(path) => {
                (open(path).and_then(|log| Writer::start(log, &account)), path.display().to_string())
            }
        };
        Ok(Self { writer: writer.map_err(|source| AuditError { path, source })? })
    }

    /// Puts an entry into its queue, and waits for nothing; long texts in it are cut. False: it was not taken, because
    /// the queue is full. An entry about us is lost then, loudly; one about a caller is for the caller to do without.
    pub(super) fn put(&self, about: About, now: Timestamp, event: Event, told: Told) -> bool {
        self.writer.put(about, now, event.bounded(), told)
    }

    /// How many entries could not be written.
    pub fn failures(&self) -> u64 {
        self.writer.account.failures()
    }
}
