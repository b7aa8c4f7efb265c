//! What the engine may ask of a store.
//!
//! The trait is small and speaks our words: the state with the store's own time, and single steps
//! that are compare-and-swap. It never hands out a token; see [`crate::token::Reveal`].

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
    /// Of the whole state, where the store has one: a step on an older revision is a conflict.
    pub revision: u64,
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

/// The versions of secrets, and the steps that change them.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads all versions of a secret together, with the store's own time.
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError>;

    /// Carries out the step that was decided on `seen`; the reason is for whoever writes it down. A success means that it is durable, and names the version that
    /// was made, of a step that makes one. After any error it may have been carried out or not: read again before
    /// judging.
    async fn apply(
        &self,
        secret: &Secret,
        decided: &Decided,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError>;
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        (**self).read(secret).await
    }

    async fn apply(
        &self,
        secret: &Secret,
        decided: &Decided,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError> {
        (**self).apply(secret, decided, seen).await
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
