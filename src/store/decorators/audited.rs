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
        ring::{Ring, VersionId},
    },
    store::{ReadError, Reading, Secret, Store, Versions, WriteError},
    time::Timestamp,
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

impl<S: Store> Store for Audited<S> {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        let (name, sink) = (Arc::clone(&secret.name), Arc::clone(&self.sink));
        let inner = self.inner.secret(secret);
        Box::new(AuditedVersions { inner, sink, name, now: Timestamp::default(), standing: Box::default() })
    }
}

/// A handle whose steps are written down.
struct AuditedVersions {
    inner: Box<dyn Versions>,
    sink: Arc<dyn AuditSink>,
    name: Arc<str>,
    /// The store's time at the last read, by which the next step was decided.
    now: Timestamp,
    /// What that read showed, but for what is ended already.
    standing: Box<[VersionId]>,
}

#[async_trait]
impl Versions for AuditedVersions {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        let reading = self.inner.read().await?;
        self.now = reading.now.latest;
        let versions = reading.ring.iter().flat_map(Ring::versions);
        self.standing =
            versions.filter(|version| version.ended.is_none()).map(|version| version.id).collect();
        Ok(reading)
    }

    async fn apply(&mut self, decided: &Decided) -> Result<Option<VersionId>, WriteError> {
        let Decided { step, why } = decided;
        let result = self.inner.apply(decided).await;
        let entry = AuditEntry {
            action: Operation::of(step),
            secret: Arc::clone(&self.name),
            version: result.as_ref().ok().copied().flatten().or_else(|| about(step)),
            outcome: Outcome::of_write(&result),
            why: *why,
            detail: detail(step, result.as_ref().err()),
        };
        self.sink.record(self.now, &entry).await;
        // One step ends them all, and each of them is named: whoever looks for it in the log later finds it.
        if let (Step::EndAll { current }, Ok(_)) = (step, &result) {
            for other in self.standing.iter().filter(|other| *other != current) {
                self.sink.record(self.now, &AuditEntry { version: Some(*other), ..entry.clone() }).await;
            }
        }
        result
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
