//! Small adapters between what is observed and who observes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{drift::Drift, observations::Observations};
use crate::{
    audit::{self, Action, AuditLog, Event},
    http::telemetry::{BeforeScrape, Readiness},
    metrics::Metrics,
    store::decorators::{AuditEntry, AuditSink, Operation, Outcome, StoreMeter},
    time::Timestamp,
};

/// Makes the series of each operation of a store exist.
pub(super) fn know_operations(metrics: &Metrics) {
    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    for operation in Operation::ALL {
        metrics.know_store_operation(operation.as_str(), &outcomes);
    }
}

/// Counts calls of the store.
impl StoreMeter for Metrics {
    fn observe(&self, operation: Operation, outcome: Outcome, took: Duration) {
        self.store_called(operation.as_str(), outcome.as_str(), took);
    }
}

/// Writes steps of the store into the audit log.
pub(super) struct Steps {
    log: Arc<AuditLog>,
    /// Who makes them: the daemon, or a user with a command.
    actor: String,
}

impl Steps {
    pub(super) fn new(log: Arc<AuditLog>, actor: String) -> Arc<Self> {
        Arc::new(Self { log, actor })
    }
}

#[async_trait]
impl AuditSink for Steps {
    async fn record(&self, now: Timestamp, entry: &AuditEntry) {
        let Some(action) = action(entry.action) else { return };
        let outcome = match entry.outcome {
            Outcome::Done => audit::Outcome::Done,
            Outcome::Conflict | Outcome::Denied | Outcome::Rejected => audit::Outcome::Refused,
            _ => audit::Outcome::Failed,
        };
        let event = Event {
            secret: Some(entry.secret.to_string()),
            version: entry.version.map(|version| version.to_string()),
            detail: Some(told(entry)),
            ..Event::new(action, &*self.actor, outcome)
        };
        // The entry is on the disk before the next step is decided, unless the disk is slow. Callers' entries are in
        // another queue, and no thread waits.
        self.log.recorded(now, event).await;
    }
}

/// What exactly was done, and why.
fn told(entry: &AuditEntry) -> String {
    let AuditEntry { detail, why, .. } = entry;
    detail.as_ref().map_or_else(|| format!("because {why}"), |detail| format!("{detail}; because {why}"))
}

fn action(operation: Operation) -> Option<Action> {
    Some(match operation {
        Operation::Read | Operation::Reveal => return None,
        Operation::Create => Action::Created,
        Operation::Stage => Action::Staged,
        Operation::Note => Action::Noted,
        Operation::Promote => Action::Promoted,
        Operation::Drop => Action::Dropped,
        Operation::Retire => Action::Retired,
        Operation::End | Operation::EndAll => Action::Ended,
        Operation::Pause => Action::Paused,
        Operation::Unpause => Action::Resumed,
        Operation::Keep => Action::Kept,
        Operation::Tidy => Action::Tidied,
    })
}

pub(super) fn telemetry(
    observations: &Arc<Observations>,
    audit: &Arc<AuditLog>,
    drift: &Arc<Drift>,
) -> (BeforeScrape, Readiness) {
    let (scraped, ready, audit) = (Arc::clone(observations), Arc::clone(observations), Arc::clone(audit));
    let drift = Arc::clone(drift);
    let before_scrape: BeforeScrape = Arc::new(move |metrics| {
        scraped.before_scrape(metrics);
        metrics.audit_failures(audit.failures());
    });
    (before_scrape, Arc::new(move || drift.not_ready().or_else(|| ready.not_ready())))
}
