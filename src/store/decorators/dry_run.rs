//! Shows what would happen, and lets none of it happen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use crossfade_verify::Digest;

use crate::{
    rotation::{
        plan::{Decided, Step},
        policy::Notes,
        ring::{Held, Previous, Ring, VersionId},
        transition::after,
    },
    store::{ReadError, Reading, Secret, Store, WriteError},
    time::{Interval, Timestamp},
};

/// A copy of a store: each secret is read once, and from then on every step changes the copy alone.
///
/// Its clock is its owner's: it begins at the store's time, and moves when it is told to. The versions
/// that it makes have no token, and their ids are not promised to be those of a real run.
#[derive(Debug)]
pub struct DryRun<S> {
    inner: S,
    notes: Notes,
    store_lag: Duration,
    copy: Mutex<Copied>,
}

#[derive(Debug, Default)]
struct Copied {
    now: Timestamp,
    secrets: BTreeMap<Arc<str>, State>,
}

#[derive(Debug)]
struct State {
    ring: Option<Ring>,
    revision: u64,
    /// Every id that was seen, so that none comes back.
    borne: BTreeSet<VersionId>,
}

impl<S> DryRun<S> {
    /// Copies from `inner`, whose traits say how its promotions are noted.
    pub fn new(inner: S, notes: Notes) -> Self {
        Self { inner, notes, store_lag: Duration::ZERO, copy: Mutex::default() }
    }

    /// Where a read of `inner` can be so late: what has to be seen twice is seen again after that time only.
    pub fn with_lag(self, store_lag: Duration) -> Self {
        Self { store_lag, ..self }
    }

    /// Moves its clock on. It doesn't run back: an earlier time changes nothing.
    pub fn advance_to(&self, now: Timestamp) {
        let mut copy = self.lock();
        copy.now = copy.now.max(now);
    }

    fn lock(&self) -> MutexGuard<'_, Copied> {
        self.copy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Copied {
    fn reading(&self, secret: &Secret, (notes, store_lag): (Notes, Duration)) -> Option<Reading> {
        let State { ring, revision, .. } = self.secrets.get(&secret.name)?;
        let mut ring = ring.clone();
        if let Some(ring) = ring.as_mut().filter(|_| notes == Notes::BeforePromotion) {
            // What has no note was replaced by a person, and lives for its grace from when that was first seen. It gets
            // its note once a second look shows none either.
            let seen_twice = |p: &&Previous| p.deadline + store_lag <= self.now + secret.grace;
            let noted = ring.previous.iter().filter(|p| is_unnoted(p)).find(seen_twice);
            ring.findings.untidy = ring.findings.untidy.or(noted.map(|p| p.version.id));
        }
        Some(Reading { ring, now: Interval::exactly(self.now), revision: *revision, unread: None })
    }
}

fn is_unnoted(previous: &Previous) -> bool {
    previous.version.note.is_none() && previous.version.ended.is_none()
}

/// What is left over on that version was put in order: the copy does not show what it was, and one step stands for all.
fn tidied(ring: &Ring, version: VersionId) -> Option<Ring> {
    let mut ring = ring.clone();
    let unnoted = ring.previous.iter_mut().find(|p| p.version.id == version && is_unnoted(p));
    if unnoted.is_none() && ring.findings.untidy != Some(version) {
        return None;
    }
    if let Some(previous) = unnoted {
        previous.version.note = Some(previous.deadline);
    }
    ring.findings.untidy = ring.findings.untidy.filter(|untidy| *untidy != version);
    Some(ring)
}

/// What a person has done is over with the version that it was about.
fn settle(ring: &mut Ring, step: &Step) {
    let findings = &mut ring.findings;
    if matches!(step, Step::Drop { .. } | Step::Promote { .. }) {
        findings.orphaned = false;
    }
    if let Step::Promote { .. } = step {
        findings.rolled_back = false;
        findings.held = findings.held.filter(|held| !matches!(held, Held::Unusable(_)));
    }
}

#[async_trait]
impl<S: Store> Store for DryRun<S> {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        if let Some(reading) = self.lock().reading(secret, (self.notes, self.store_lag)) {
            return Ok(reading);
        }
        let reading = self.inner.read(secret).await?;
        let mut copy = self.lock();
        copy.now = copy.now.max(reading.now.latest);
        let borne = reading.ring.iter().flat_map(Ring::versions).map(|version| version.id).collect();
        let state = State { ring: reading.ring.clone(), revision: reading.revision, borne };
        // Where two read at once, the first one's copy stands: steps may have changed it already.
        copy.secrets.entry(Arc::clone(&secret.name)).or_insert(state);
        Ok(copy.reading(secret, (self.notes, self.store_lag)).unwrap_or(reading))
    }

    async fn apply(
        &self,
        secret: &Secret,
        Decided { step, .. }: &Decided,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError> {
        let mut copy = self.lock();
        let now = copy.now;
        let state = copy.secrets.get_mut(&secret.name).filter(|state| state.revision == seen.revision);
        let state = state.ok_or(WriteError::Conflict)?;
        let current = state.ring.as_ref().map(|ring| ring.current.id);
        let ids = (0..=u32::MAX).map(|attempt| VersionId::derive(&secret.name, current, attempt));
        let Some(id) = ids.into_iter().find(|id| !state.borne.contains(id)) else {
            return Err(WriteError::Conflict);
        };
        let digest = Digest::of(id.to_string().as_bytes());
        let changed = match (step, &state.ring) {
            (Step::Tidy { version }, Some(ring)) => tidied(ring, *version),
            _ => after(state.ring.as_ref(), step, self.notes, (id, digest), now),
        };
        let mut changed = changed.ok_or(WriteError::Conflict)?;
        settle(&mut changed, step);
        state.borne.extend(changed.versions().map(|version| version.id));
        state.ring = Some(changed);
        state.revision += 1;
        Ok(step.makes_a_version().then_some(id))
    }
}
