//! The chain: each entry bears its number and the hash of the line before it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::time::Timestamp;

/// A line is at most this long, its line feed included.
pub(super) const LINE_BYTES: usize = 4 * 1024;

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

/// An entry about the log itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Marker {
    /// What stands between the entry before and this one is what a crash left.
    Torn(Rest),
    /// The file is new; the chain before it ended so.
    Continued { last_seq: u64, last_hash: String },
}

/// Bytes that are no entry: all of them, with their line feeds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct Rest {
    pub(super) torn_bytes: u64,
    pub(super) torn_hash: String,
}

impl Rest {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { torn_bytes: bytes.len() as u64, torn_hash: hash(bytes) }
    }
}

#[derive(Serialize)]
struct Entry<'a, T> {
    seq: u64,
    time: String,
    time_ms: u64,
    prev: &'a str,
    #[serde(flatten)]
    what: &'a T,
}

/// What the chain needs of a line.
#[derive(Deserialize)]
pub(super) struct Linked {
    pub(super) seq: u64,
    pub(super) time_ms: u64,
    pub(super) prev: String,
    torn_bytes: Option<u64>,
    torn_hash: Option<String>,
    pub(super) last_hash: Option<String>,
}

impl Linked {
    /// None where the line is no entry. The line comes without its line feed.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let short = line.len() < LINE_BYTES;
        short.then(|| serde_json::from_slice(line).ok()).flatten()
    }

    /// What the entry says that a crash left before it.
    pub(super) fn torn(&self) -> Option<Rest> {
        Some(Rest { torn_bytes: self.torn_bytes?, torn_hash: self.torn_hash.clone()? })
    }
}

impl Link {
    /// The next line, with its line feed; the chain now ends with it.
    pub(super) fn append<T: Serialize>(&mut self, now: Timestamp, what: &T) -> std::io::Result<String> {
        let (seq, time_ms) = (self.seq + 1, now.as_millis());
        let entry = Entry { seq, time: now.to_string(), time_ms, prev: &self.hash, what };
        let mut line = serde_json::to_string(&entry)?;
        *self = Self { seq, hash: hash(line.as_bytes()) };
        line.push('\n');
        Ok(line)
    }

    /// The end of a chain whose last line is this one; none where it is no entry.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        Linked::parse(line).map(|linked| Self { seq: linked.seq, hash: hash(line) })
    }
}

pub(super) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
