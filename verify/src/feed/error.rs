//! What can go wrong, and what is told of it. No text here holds a credential or a token.

use std::{error, fmt, io, sync::Arc};

use crate::{accept_set::SetError, timing::Dropped};

/// What is wrong with the settings of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectError {
    /// Not `http://host:port` or `https://host:port`.
    Url(String),
    /// `http://`, and not on loopback.
    Plaintext(String),
    /// `https://`, and built without the feature `tls`.
    NoTls(String),
    /// Certificates or a key can't be used.
    Tls(String),
    /// The credential is empty, or no visible ASCII.
    Credential,
    /// The instance's name is none.
    Instance,
    /// `max_hold` is no time at all.
    MaxHold,
    /// At the cache's path stands what is not ours: its path, and what it is.
    Cache(String),
    /// Called outside of a tokio runtime.
    NoRuntime,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "{url:?} is no URL of a daemon: write https://host:port"),
            Self::Plaintext(url) => write!(
                f,
                "{url} is plain HTTP off loopback, where whoever listens learns the credential: use https, or \
                 `danger_allow_plaintext`"
            ),
            Self::NoTls(url) => write!(f, "{url} needs the feature `tls` of crossfade-verify"),
            Self::Tls(why) => write!(f, "TLS can't be set up: {why}"),
            Self::Credential => {
                f.write_str("the credential is empty or no visible ASCII: see `crossfade credential`")
            }
            Self::Instance => f.write_str("an instance's name is 1 to 64 of A-Z a-z 0-9 . _ -"),
            Self::MaxHold => f.write_str("`max_hold` has to be a millisecond or more"),
            Self::Cache(what) => write!(f, "the cache file can't be used: {what}"),
            Self::NoRuntime => f.write_str("a verifier that follows a daemon needs a tokio runtime"),
        }
    }
}

impl error::Error for ConnectError {}

/// Why a request to the daemon came to nothing. The last good set stays, at its own age.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FeedError {
    /// There is no connection to be had.
    Connect(Arc<io::Error>),
    /// The connection broke, or what came is no HTTP.
    Http(Arc<hyper::Error>),
    /// It took too long.
    TimedOut,
    /// An answer that is neither a set nor the word that nothing has changed. A redirect is one.
    Status(u16),
    /// A set without an ETag, or a 304 to another one.
    ETag,
    /// The answer's place in time is none that may be used.
    Dropped(Dropped),
    /// What came is no accept set of this audience.
    Set(SetError),
}

impl fmt::Display for FeedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "can't connect: {error}"),
            Self::Http(error) => write!(f, "the request failed: {error}"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Status(401) => {
                f.write_str("401: the daemon does not know this credential; see its `clients`")
            }
            Self::Status(403) => f.write_str("403: this client may not do that; see its role and audiences"),
            Self::Status(503) => f.write_str("503: the daemon can't answer yet"),
            Self::Status(status @ 300..=399) => write!(f, "{status}: a redirect, which is never followed"),
            Self::Status(status) => write!(f, "{status}: an answer that can't be used"),
            Self::ETag => f.write_str("the answer has no ETag, or is to another one"),
            Self::Dropped(why) => write!(f, "{why}"),
            Self::Set(why) => write!(f, "{why}"),
        }
    }
}

impl error::Error for FeedError {}

/// What happens while a daemon is followed: for logs and metrics.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Another set counts from now on.
    Applied {
        /// The replica that sent it.
        replica: &'a str,
        /// How many tokens it knows.
        entries: usize,
    },
    /// A set was read from the cache file.
    Cached {
        /// How many tokens it knows.
        entries: usize,
        /// How long ago the store had been read.
        age_ms: u64,
    },
    /// The set that counts was confirmed.
    Confirmed {
        /// The replica that did.
        replica: &'a str,
    },
    /// A request came to nothing.
    Failed {
        /// The replica that was asked.
        replica: &'a str,
        /// Why.
        error: &'a FeedError,
        /// How many in a row did, this one included.
        in_a_row: u32,
    },
    /// A report did not arrive; it will be sent again.
    NotReported {
        /// The replica that was told.
        replica: &'a str,
        /// Why.
        error: &'a FeedError,
    },
    /// The cache file can't be read or written, or is not for us.
    Cache {
        /// Why.
        error: &'a io::Error,
    },
}

/// What is told of each event.
pub(crate) type Hook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied { replica, entries } => write!(f, "a set of {entries} tokens from {replica}"),
            Self::Cached { entries, age_ms } => {
                write!(f, "a set of {entries} tokens from the cache, {} s old", age_ms / 1000)
            }
            Self::Confirmed { replica } => write!(f, "confirmed by {replica}"),
            Self::Failed { replica, error, in_a_row } => {
                write!(f, "{replica} gave no accept set ({in_a_row} in a row): {error}")
            }
            Self::NotReported { replica, error } => write!(f, "{replica} took no report: {error}"),
            Self::Cache { error } => write!(f, "the cache file is of no use: {error}"),
        }
    }
}

/// What is done with events where nobody asked for them: errors are printed, ever more seldom while they last.
pub(super) fn to_stderr(event: &Event<'_>) {
    let quiet = match event {
        Event::Applied { .. } | Event::Cached { .. } | Event::Confirmed { .. } => true,
        Event::Failed { in_a_row, .. } => !in_a_row.is_power_of_two(),
        Event::NotReported { .. } | Event::Cache { .. } => false,
    };
    if !quiet {
        eprintln!("crossfade-verify: {event}");
    }
}
