//! The check of a whole chain, as `crossfade audit verify` does it.

use std::{
    fmt,
    io::{BufRead, Read as _},
};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::chain::{LINE_BYTES, Link, Linked, Rest, hash, hex};
use crate::time::Timestamp;

/// A whole chain.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// How many entries.
    pub entries: u64,
    /// Of the first and the last entry, unix ms.
    pub span: Option<(u64, u64)>,
    /// Places where a crash cut a write short, one at the very end included.
    pub torn: u64,
    /// Of the file before this one, as the first entry names it: compare it with that file's.
    pub continues: Option<String>,
    /// What was ended, in the log's order.
    pub ends: Vec<End>,
    /// Of the last entry: kept elsewhere, it shows later that nothing was cut off the end.
    pub last_hash: String,
}

/// A version that was ended, as an entry has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct End {
    /// Of this secret.
    pub secret: String,
    /// Its id.
    pub version: String,
    /// When, unix ms.
    pub time_ms: u64,
}

/// What of an entry says that a version was ended.
#[derive(Deserialize)]
struct Ended {
    action: String,
    outcome: String,
    secret: String,
    version: String,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entries: {}", self.entries)?;
        if let Some((first, last)) = self.span {
            write!(f, ", from {} to {}", Timestamp::from_millis(first), Timestamp::from_millis(last))?;
        }
        if self.torn > 0 {
            write!(f, "\nwrites that a crash cut short: {}", self.torn)?;
        }
        if let Some(hash) = &self.continues {
            write!(f, "\nlast hash of the file before: {hash}")?;
        }
        write!(f, "\nlast hash: {}", self.last_hash)
    }
}

/// Where a chain breaks. Lines count from 1.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ChainError {
    #[error("line {line} can't be read")]
    Io {
        line: u64,
        #[source]
        source: std::io::Error,
    },
    #[error("line {line} is no entry: it was edited or damaged. Trust what stands before it only")]
    NoEntry { line: u64 },
    #[error(
        "line {line} says that a crash left something before it, and that is not there as it was: it was edited or \
         removed. Compare with a copy"
    )]
    Torn { line: u64 },
    #[error(
        "line {line} is number {found}, where {expected} should stand: entries were removed, inserted or moved. Trust \
         what stands before it only"
    )]
    Number { line: u64, found: u64, expected: u64 },
    #[error(
        "line {line} does not fit the entry before it: that one was edited, or replaced. Trust neither, nor what \
         follows"
    )]
    Link { line: u64 },
}

/// Checks that no entry was changed, removed, inserted or moved.
///
/// What stands after the last entry is not covered by anything: a chain that was cut at its end is
/// whole to the eye, and a last line that is no entry counts as torn. Compare
/// [`Summary::last_hash`] with one that was kept elsewhere.
pub fn verify(mut reader: impl BufRead) -> Result<Summary, ChainError> {
    let mut walk = Walk::default();
    walk.summary.last_hash.clone_from(&walk.last.hash);
    let (mut number, mut within_line) = (1, false);
    loop {
        let mut line = Vec::new();
        // An endless line is read in pieces, so that it can't fill the memory.
        reader
            .by_ref()
            .take(2 * LINE_BYTES as u64)
            .read_until(b'\n', &mut line)
            .map_err(|source| ChainError::Io { line: number, source })?;
        if line.is_empty() {
            walk.summary.torn += u64::from(walk.torn.is_some());
            return Ok(walk.summary);
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        // Without a line feed it is the last one: a crash came after its last byte, so it counts.
        match Linked::parse(text).filter(|_| !within_line) {
            Some(linked) => walk.entry(number, &linked, text)?,
            None => walk.torn.get_or_insert_with(|| Torn::at(number)).push(&line),
        }
        within_line = text.len() == line.len();
        number += u64::from(!within_line);
    }
}

#[derive(Default)]
struct Walk {
    last: Link,
    torn: Option<Torn>,
    summary: Summary,
}

/// What stands after the last entry, and is none.
struct Torn {
    line: u64,
    bytes: u64,
    hash: Sha256,
}

impl Torn {
    fn at(line: u64) -> Self {
        Self { line, bytes: 0, hash: Sha256::new() }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }
}

impl Walk {
    fn entry(&mut self, line: u64, linked: &Linked, text: &[u8]) -> Result<(), ChainError> {
        match (self.torn.take(), linked.torn()) {
            (None, None) => {}
            (Some(torn), None) => return Err(ChainError::NoEntry { line: torn.line }),
            (None, Some(_)) => return Err(ChainError::Torn { line }),
            (Some(torn), Some(said)) => {
                if said != (Rest { torn_bytes: torn.bytes, torn_hash: hex(&torn.hash.finalize()) }) {
                    return Err(ChainError::Torn { line });
                }
                self.summary.torn += 1;
            }
        }
        let expected = self.last.seq.saturating_add(1);
        if linked.seq != expected {
            return Err(ChainError::Number { line, found: linked.seq, expected });
        }
        if linked.prev != self.last.hash {
            return Err(ChainError::Link { line });
        }
        if linked.seq == 1 {
            self.summary.continues.clone_from(&linked.last_hash);
        }
        // The bytes as they stand, not as text: two broken ones could read alike.
        self.last = Link { seq: linked.seq, hash: hash(text) };
        self.summary.entries += 1;
        if let Ok(Ended { action, outcome, secret, version }) = serde_json::from_slice(text)
            && (&*action, &*outcome) == ("ended", "done")
        {
            self.summary.ends.push(End { secret, version, time_ms: linked.time_ms });
        }
        let first = self.summary.span.map_or(linked.time_ms, |(first, _)| first);
        self.summary.span = Some((first, linked.time_ms));
        self.summary.last_hash.clone_from(&self.last.hash);
        Ok(())
    }
}
