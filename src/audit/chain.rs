//! The chain: each entry bears its number and the hash of the line before it.

use std::{fmt, io::BufRead};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Event, LINE_BYTES};
use crate::time::Timestamp;

/// Before the first entry.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The end of a chain, to which the next entry is linked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub(super) seq: u64,
    pub(super) hash: String,
}

impl Default for Link {
    fn default() -> Self {
        Self { seq: 0, hash: NOTHING.to_owned() }
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    seq: u64,
    time: String,
    time_ms: u64,
    prev: &'a str,
    /// A line that a crash cut short stands before this one.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    after_torn: bool,
    #[serde(flatten)]
    event: &'a Event,
}

/// What the chain needs of a line.
#[derive(Deserialize)]
struct Linked {
    seq: u64,
    time_ms: u64,
    prev: String,
    #[serde(default)]
    after_torn: bool,
}

impl Link {
    /// The next line, without its line feed.
    pub(super) fn next(&self, now: Timestamp, event: &Event) -> std::io::Result<String> {
        self.line(now, event, false)
    }

    pub(super) fn line(&self, now: Timestamp, event: &Event, after_torn: bool) -> std::io::Result<String> {
        let (seq, time_ms) = (self.seq + 1, now.as_millis());
        let entry = Entry { seq, time: now.to_string(), time_ms, prev: &self.hash, after_torn, event };
        Ok(serde_json::to_string(&entry)?)
    }

    /// The end of the chain once that line is on it.
    pub(super) fn after(&self, line: &str) -> Self {
        Self { seq: self.seq + 1, hash: hash(line) }
    }

    /// The end of a chain whose last line is this one; none where it is no entry.
    pub(super) fn of(line: &str) -> Option<Self> {
        let linked: Linked = serde_json::from_str(line).ok()?;
        Some(Self { seq: linked.seq, hash: hash(line) })
    }
}

fn hash(line: &str) -> String {
    Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A whole chain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// How many entries.
    pub entries: u64,
    /// Of the first and the last entry, unix ms.
    pub span: Option<(u64, u64)>,
    /// Lines that a crash cut short.
    pub torn: u64,
    /// Of the last line: kept elsewhere, it shows later that nothing was cut off the end.
    pub last_hash: String,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entries: {}", self.entries)?;
        if let Some((first, last)) = self.span {
            write!(f, ", from {} to {}", Timestamp::from_millis(first), Timestamp::from_millis(last))?;
        }
        if self.torn > 0 {
            write!(f, "\nlines that a crash cut short: {}", self.torn)?;
        }
        write!(f, "\nlast hash: {}", self.last_hash)
    }
}

/// Where a chain breaks.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The file can't be read.
    #[error("line {line} can't be read")]
    Io {
        /// From 1.
        line: u64,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not an entry, and not what a crash leaves either.
    #[error("line {line} is no entry: it was edited or damaged")]
    NoEntry {
        /// From 1.
        line: u64,
    },
    /// An entry was removed, inserted or moved.
    #[error(
        "line {line} is number {found}, where {expected} should stand: entries were removed, inserted or moved"
    )]
    Number {
        /// From 1.
        line: u64,
        /// As written.
        found: u64,
        /// As the line before has it.
        expected: u64,
    },
    /// The line before was edited.
    #[error("line {line} does not fit the line before it: that one was edited, or replaced")]
    Link {
        /// From 1.
        line: u64,
    },
}

/// Checks that no entry was changed, removed, inserted or moved. A chain that was cut at its end is
/// whole to the eye: compare [`Summary::last_hash`] with one that was kept elsewhere.
pub fn verify(mut reader: impl BufRead) -> Result<Summary, ChainError> {
    let mut last = Link::default();
    let mut summary = Summary { last_hash: last.hash.clone(), ..Summary::default() };
    let mut torn = false;
    for number in 1.. {
        let mut line = Vec::new();
        let limited = &mut std::io::Read::take(&mut reader, 2 * LINE_BYTES as u64);
        let read =
            limited.read_until(b'\n', &mut line).map_err(|source| ChainError::Io { line: number, source })?;
        if read == 0 {
            summary.torn += u64::from(torn);
            return Ok(summary);
        }
        let whole = line.pop_if(|byte| *byte == b'\n').is_some();
        let Some(linked) = serde_json::from_slice::<Linked>(&line).ok().filter(|_| whole) else {
            if torn {
                return Err(ChainError::NoEntry { line: number - 1 });
            }
            torn = true;
            continue;
        };
        // Only the entry right after a torn line says that one stands there.
        if linked.after_torn != torn {
            return Err(ChainError::NoEntry { line: number - u64::from(torn) });
        }
        summary.torn += u64::from(std::mem::take(&mut torn));
        if linked.seq != last.seq + 1 {
            return Err(ChainError::Number { line: number, found: linked.seq, expected: last.seq + 1 });
        }
        if linked.prev != last.hash {
            return Err(ChainError::Link { line: number });
        }
        last = last.after(&String::from_utf8_lossy(&line));
        summary.entries += 1;
        summary.span = Some((summary.span.map_or(linked.time_ms, |(first, _)| first), linked.time_ms));
        summary.last_hash.clone_from(&last.hash);
    }
    Ok(summary)
}
