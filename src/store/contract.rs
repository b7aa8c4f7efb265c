//! What the engine may ask of a store.
//!
//! The traits are small and speak our words: the state with the store's own time, and single steps
//! that are compare-and-swap. They never hand out a token; see [`crate::token::Reveal`].

use std::{error::Error, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use crate::{
    rotation::{
        plan::Decided,
        ring::{Ring, VersionId},
    },
    time::Interval,
};

/// What a store needs to know of a secret.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Secret {
    /// Its name in the store.
    pub name: Arc<str>,
    /// What new tokens begin with.
    pub token_prefix: Arc<str>,
    /// How its value is written.
    pub format: Format,
    /// How long a version is accepted that somebody else has replaced, without a note of ours.
    pub grace: Duration,
}

impl Secret {
    /// A bare token, and four hours of grace.
    pub fn new(name: &str, token_prefix: &str) -> Self {
        let grace = Duration::from_secs(4 * 3600);
        Self { name: name.into(), token_prefix: token_prefix.into(), format: Format::Plain, grace }
    }
}

/// How a store's value holds the token.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub enum Format {
    /// It is the token.
    #[default]
    Plain,
    /// It is a JSON object; the token is its member `token`, and the others are kept.
    Json,
}

/// What one read of the store showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The versions; none where the secret does not exist, or is empty.
    pub ring: Option<Ring>,
    /// The store's own time, at some moment of the read.
    pub now: Interval,
    /// What could not be read, where the rest could; the ring's findings say so too.
    pub unread: Option<Unread>,
}

/// A part of a secret that could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unread {
    /// Whether the store refuses us; else it may pass.
    pub denied: bool,
    /// Which part, and why.
    pub message: Arc<str>,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Where secrets live.
pub trait Store: Send + Sync {
    /// A handle on one secret, which has read nothing yet. Several on the same secret are as several replicas.
    fn secret(&self, secret: Secret) -> Box<dyn Versions>;
}

/// The versions of one secret, and the steps that change them. Whoever has the handle is the only one who does, so it
/// remembers what it needs between reads, behind no lock.
#[async_trait]
pub trait Versions: Send {
    /// Reads all versions together, with the store's own time.
    async fn read(&mut self) -> Result<Reading, ReadError>;

    /// Carries out one step that was decided on the last read, for a reason that is for whoever writes it down. Where the
    /// store has changed since then so that the step no longer fits, that is a conflict. A success means that the step is
    /// durable, and names the version that was made, of a step that makes one. After any error it may have been carried
    /// out or not: read again before judging.
    async fn apply(&mut self, decided: &Decided) -> Result<Option<VersionId>, WriteError>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        (**self).secret(secret)
    }
}

/// What lies behind an error of a store.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a secret could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// For now: nothing is known, and what was known ages. Try again.
    #[error("the store can't be read right now")]
    Unavailable(#[source] Cause),
    /// The store refuses us. Nothing is known, and what was known ages.
    #[error("the store does not let us read the secret")]
    Denied(#[source] Cause),
    /// Nobody was asked: something is missing, or can't be right, in what we were told of the store. Nothing is known,
    /// and what was known ages.
    #[error("the store is not set up")]
    Misconfigured(#[source] Cause),
    /// The record is damaged, was edited, or was sealed with another key. Nothing of it is believed.
    #[error("the secret's record in the store is damaged")]
    Damaged(#[source] Cause),
    /// The secret is not in the store, or is being deleted, and we are not to create it. The store was read
    /// all the same.
    #[error("the secret is missing")]
    Missing {
        /// The store's own time.
        now: Interval,
        /// What is the case, and what to do.
        #[source]
        cause: Cause,
    },
}

/// Why a step was not carried out, or may not have been.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The store has moved on since the read: read again.
    #[error("the store has changed since it was read")]
    Conflict,
    /// For now; the step may have been carried out. Read again, later.
    #[error("the store can't be written right now")]
    Unavailable(#[source] Cause),
    /// The store refuses us.
    #[error("the store does not let us write the secret")]
    Denied(#[source] Cause),
    /// This step can't succeed by being repeated.
    #[error("the store rejects the step")]
    Rejected(#[source] Cause),
}
