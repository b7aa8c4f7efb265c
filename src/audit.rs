//! The audit log: who did what to which version, as JSON lines that are numbered and chained by
//! hash, each on the disk before the call returns.
//!
//! It observes. A log that fails is loud, and stops neither a rotation nor an end. No token type
//! enters here. Several processes (the daemon and commands) write one log: each entry is appended
//! under an exclusive lock, after a look at the last line.

use std::{
    fmt,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use serde::Serialize;

use crate::time::Timestamp;

mod chain;
mod file;

pub use chain::{ChainError, Summary, verify};

/// A line is at most this long.
const LINE_BYTES: usize = 4 * 1024;

/// Where entries go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// A file that is appended to.
    File(PathBuf),
    /// Standard error; then the chain holds within one process.
    Stderr,
}

/// What was done.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they say what they are")]
pub enum Action {
    Created,
    Staged,
    Noted,
    Promoted,
    Dropped,
    Retired,
    Ended,
    Paused,
    Resumed,
    Kept,
    TokenHandedOut,
    Order,
}

/// What came of it.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not, and will not be.
    Refused,
    /// It was not, or nobody knows.
    Failed,
}

/// An entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Event {
    /// What was done.
    pub action: Action,
    /// To which secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// To which version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// By whom: `daemon`, `uid:1000`, `client:slack-bot`.
    pub actor: String,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, or what exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
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
    Stderr(std::sync::Mutex<chain::Link>),
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
            Target::Stderr => Sink::Stderr(std::sync::Mutex::default()),
            Target::File(path) => Sink::File(
                file::Log::open(path)
                    .map_err(|source| AuditError { path: path.display().to_string(), source })?,
            ),
        };
        Ok(Self { sink, failures: AtomicU64::new(0) })
    }

    /// Appends an entry. It blocks until the entry is on the disk. Where that fails, it says so, and
    /// counts; the caller goes on.
    pub fn record(&self, now: Timestamp, mut event: Event) {
        // A long text is cut rather than the entry lost; the rest of an entry is bounded by the config.
        event.detail = event.detail.map(|detail| detail.chars().take(LINE_BYTES / 8).collect());
        event.secret = event.secret.map(|secret| secret.chars().take(512).collect());
        let result = match &self.sink {
            Sink::File(log) => log.append(now, &event),
            Sink::Stderr(last) => {
                let mut last = last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                last.next(now, &event).map(|line| {
                    eprintln!("{line}");
                    *last = last.after(&line);
                })
            }
        };
        if let Err(error) = result {
            self.failures.fetch_add(1, Ordering::Relaxed);
            tracing::error!(?event, "the audit log could not be written: {error}");
        }
    }

    /// How many entries could not be written.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }
}
