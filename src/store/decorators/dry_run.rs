//! Shows what would happen, and lets none of it happen.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use crossfade_verify::Digest;

use crate::{
    rotation::{
        plan::Step,
        policy::Notes,
        ring::{Ring, VersionId},
    },
    store::{ReadError, Reading, Secret, Store, WriteError, memory::after},
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
        Self { inner, notes, copy: Mutex::default() }
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
    fn reading(&self, secret: &Secret) -> Option<Reading> {
        let State { ring, revision, .. } = self.secrets.get(&secret.name)?;
        Some(Reading {
            ring: ring.clone(),
            now: Interval::exactly(self.now),
            revision: *revision,
            unread: None,
        })
    }
}

#[async_trait]
impl<S: Store> Store for DryRun<S> {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        if let Some(reading) = self.lock().reading(secret) {
            return Ok(reading);
        }
        let reading = self.inner.read(secret).await?;
        let mut copy = self.lock();
        copy.now = copy.now.max(reading.now.latest);
        let borne = reading.ring.iter().flat_map(Ring::versions).map(|version| version.id).collect();
        let state = State { ring: reading.ring.clone(), revision: reading.revision, borne };
        // Where two read at once, the first one's copy stands: steps may have changed it already.
        copy.secrets.entry(Arc::clone(&secret.name)).or_insert(state);
        Ok(copy.reading(secret).unwrap_or(reading))
    }

    async fn apply(&self, secret: &Secret, step: &Step, seen: &Reading) -> Result<(), WriteError> {
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
        let changed = after(state.ring.as_ref(), step, self.notes, (id, digest), now);
        let changed = changed.ok_or(WriteError::Conflict)?;
        state.borne.extend(changed.versions().map(|version| version.id));
        state.ring = Some(changed);
        state.revision += 1;
        Ok(())
    }
}
