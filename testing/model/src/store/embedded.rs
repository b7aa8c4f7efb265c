//! The embedded kind: rings, changed by the store contract's own function, `rotation::transition::after`.
//!
//! There is no revision: a turn reads and writes at once, as its transaction does, and one that rests on an older
//! revision changes nothing, as if there had been no turn.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use crossfade::{
    rotation::{
        plan::{Decided, Step},
        policy::Notes,
        ring::{Findings, Previous, Ring, Version, VersionId},
        transition::after,
    },
    store::{ReadError, Reading, Versions, WriteError},
    time::{Interval, Timestamp},
};

use super::{Fault, NAMES, Truth};
use crate::token::digest_of;

/// The secrets of an embedded store.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct EmbeddedState {
    secrets: Vec<Record>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Record {
    ring: Ring,
    attempts: BTreeMap<VersionId, u32>,
}

impl EmbeddedState {
    /// Secrets that have a current version, and perhaps a previous one.
    pub(crate) fn new(secrets: usize, made: Timestamp, previous: Option<Timestamp>) -> Self {
        let record = |n: usize| {
            let version = |id| Version {
                id,
                created: made,
                digest: digest_of(id),
                foreign: false,
                ended: None,
                note: None,
            };
            let first = VersionId::derive(NAMES[n], None, 0);
            let second = VersionId::derive(NAMES[n], Some(first), 0);
            let (current, replaced) = match previous {
                Some(deadline) => (version(second), vec![Previous { version: version(first), deadline }]),
                None => (version(first), Vec::new()),
            };
            let (paused, kept, findings) = (None, None, Findings::default());
            let ring = Ring { current, pending: None, previous: replaced, paused, kept, findings };
            Record { ring, attempts: BTreeMap::new() }
        };
        Self { secrets: (0..secrets).map(record).collect() }
    }

    pub(super) fn truth(&self, secret: usize) -> Truth {
        let ring = &self.secrets[secret].ring;
        Truth {
            current: ring.current.id,
            pending: ring.pending.map(|pending| pending.id),
            versions: ring.versions().map(|v| (v.id, v.created)).collect(),
            ended: ring.versions().filter(|v| v.ended.is_some()).map(|v| v.id).collect(),
            deadlines: ring.previous.iter().map(|p| (p.version.id, p.deadline)).collect(),
            paused: ring.paused.is_some(),
            quiet: ring.pending.is_none() && ring.previous.is_empty() && ring.current.ended.is_none(),
        }
    }
}

/// A turn's hold on the store.
pub(crate) struct Table {
    pub(crate) secret: usize,
    pub(crate) now: Interval,
    pub(crate) fault: Option<Fault>,
    /// The deadline is another write.
    pub(crate) without_deadlines: bool,
    pub(crate) state: Mutex<EmbeddedState>,
}

impl Table {
    /// What the turn has left.
    pub(crate) fn left(&self) -> EmbeddedState {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The deadline of a version that was replaced without one.
    pub(crate) fn write_deadline(&self, id: VersionId, deadline: Timestamp) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let previous = state.secrets[self.secret].ring.previous.iter_mut();
        previous.filter(|p| p.version.id == id).for_each(|p| p.deadline = deadline);
    }
}

/// The table as the turn's rotator has it.
pub(crate) struct TableHandle(pub(crate) Arc<Table>);

#[async_trait]
impl Versions for TableHandle {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        if self.0.fault == Some(Fault::Unread) {
            return Err(ReadError::Unavailable("locked".into()));
        }
        let ring = self.0.left().secrets[self.0.secret].ring.clone();
        Ok(Reading { ring: Some(ring), now: self.0.now, unread: None })
    }

    async fn apply(&mut self, Decided { step, .. }: &Decided) -> Result<Option<VersionId>, WriteError> {
        if self.0.fault == Some(Fault::Unsent) {
            return Err(WriteError::Unavailable("before".into()));
        }
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let record = &mut state.secrets[self.0.secret];
        let current = record.ring.current.id;
        let attempt = record.attempts.get(&current).copied().unwrap_or(0);
        let id = VersionId::derive(NAMES[self.0.secret], Some(current), attempt);
        let now = self.0.now.latest;
        let changed = after(Some(&record.ring), step, Notes::WithPromotion, (id, digest_of(id)), now);
        record.ring = changed.ok_or(WriteError::Conflict)?;
        if let Step::Drop { .. } = step {
            *record.attempts.entry(current).or_default() += 1;
        }
        if self.0.without_deadlines
            && let Step::Promote { current, .. } = step
        {
            let previous = record.ring.previous.iter_mut();
            previous.filter(|p| p.version.id == *current).for_each(|p| p.deadline = now);
        }
        match self.0.fault {
            Some(Fault::Unanswered) => Err(WriteError::Unavailable("after".into())),
            _ => Ok(step.makes_a_version().then_some(id)),
        }
    }
}
