//! Writes down each step, after its effect.
//!
//! Reads are not written down. Neither are hand-outs of tokens here: whoever hands one to somebody
//! knows to whom, and writes that down with it.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use super::{Operation, Outcome};
use crate::{
    causes::chain,
    rotation::{
        plan::{Decided, Step, Why},
        ring::VersionId,
    },
    store::{ReadError, Reading, Secret, Store, WriteError},
    time::Timestamp,
    token::{Reveal, RevealError, Token},
};

/// One step that was sent to the store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuditEntry {
    /// What was done.
    pub action: Operation,
    /// To which secret.
    pub secret: Arc<str>,
    /// To which version; of a step that makes one, the one that it made. None, where it may have made none.
    pub version: Option<VersionId>,
    /// What came of it. After an error other than a conflict it may have taken effect all the same.
    pub outcome: Outcome,
    /// What it was done for.
    pub why: Why,
    /// The version that a new one follows; the error and its causes.
    pub detail: Option<String>,
}

/// Where entries go. A sink that fails is loud by itself: it stops neither a rotation nor an end.
#[async_trait]
pub trait AuditSink: Send + Sync {
    /// Takes an entry; `now` is the store's time when the step was decided. No thread is held while it is written.
    async fn record(&self, now: Timestamp, entry: &AuditEntry);
}

/// A store whose steps are written down.
pub struct Audited<S> {
    inner: S,
    sink: Arc<dyn AuditSink>,
}

impl<S> Audited<S> {
    /// Writes the steps of `inner` down.
    pub fn new(inner: S, sink: Arc<dyn AuditSink>) -> Self {
        Self { inner, sink }
    }
}

impl<S> fmt::Debug for Audited<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audited").finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: Store> Store for Audited<S> {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        self.inner.read(secret).await
    }

    async fn apply(
        &self,
        secret: &Secret,
        decided: &Decided,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError> {
        let Decided { step, why } = decided;
        let result = self.inner.apply(secret, decided, seen).await;
        let entry = AuditEntry {
            action: Operation::of(step),
            secret: Arc::clone(&secret.name),
            version: result.as_ref().ok().copied().flatten().or_else(|| about(step)),
            outcome: Outcome::of_write(&result),
            why: *why,
            detail: detail(step, result.as_ref().err()),
        };
        self.sink.record(seen.now.latest, &entry).await;
        // One step ends them all, and each of them is named: whoever looks for it in the log later finds it.
        if let (Step::EndAll { current }, Ok(_), Some(ring)) = (step, &result, &seen.ring) {
            for other in ring.versions().filter(|other| other.id != *current && other.ended.is_none()) {
                self.sink
                    .record(seen.now.latest, &AuditEntry { version: Some(other.id), ..entry.clone() })
                    .await;
            }
        }
        result
    }
}

#[async_trait]
impl<S: Reveal> Reveal for Audited<S> {
    async fn reveal(&self, secret: &str) -> Result<(VersionId, Token), RevealError> {
        self.inner.reveal(secret).await
    }
}

/// The version that the step is about. One that is still to be made has no name.
fn about(step: &Step) -> Option<VersionId> {
    Some(match *step {
        Step::Create | Step::Stage { .. } => return None,
        Step::Promote { pending, .. } | Step::Drop { pending } => pending,
        Step::Note { version, .. }
        | Step::Retire { version }
        | Step::End { version }
        | Step::Tidy { version } => version,
        Step::EndAll { current }
        | Step::Pause { current }
        | Step::Unpause { current }
        | Step::Keep { current } => current,
    })
}

/// What the entry's other members leave open. No error of a store's shows a value.
fn detail(step: &Step, error: Option<&WriteError>) -> Option<String> {
    let follows = match step {
        Step::Stage { current } => Some(format!("follows {current}")),
        // Every version that stands, not that one alone.
        Step::EndAll { .. } => Some("every version".to_owned()),
        _ => None,
    };
    let parts: Vec<String> = follows.into_iter().chain(error.map(|error| chain(error))).collect();
    (!parts.is_empty()).then(|| parts.join(": "))
}
