//! Shows what would happen, and lets none of it happen.

use std::{collections::BTreeSet, fmt, time::Duration};

use async_trait::async_trait;
use crossfade_verify::Digest;

use crate::{
    rotation::{
        plan::{Decided, Step},
        policy::Notes,
        ring::{Held, Previous, Ring, VersionId},
        transition::after,
    },
    store::{ReadError, Reading, Secret, Store, Versions, WriteError},
    time::{Interval, Timestamp},
};

/// A copy of one secret: the store is read once, and from then on every step changes the copy alone.
///
/// Its clock is its owner's: it begins at the store's time, and moves when it is told to. The versions
/// that it makes have no token, and their ids are not promised to be those of a real run.
pub struct DryRun {
    inner: Box<dyn Versions>,
    secret: Secret,
    notes: Notes,
    store_lag: Duration,
    now: Timestamp,
    /// None until the store was read.
    copy: Option<Copied>,
}

#[derive(Debug)]
struct Copied {
    ring: Option<Ring>,
    /// Every id that was seen, so that none comes back.
    borne: BTreeSet<VersionId>,
}

impl fmt::Debug for DryRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DryRun")
            .field("secret", &self.secret)
            .field("copy", &self.copy)
            .finish_non_exhaustive()
    }
}

impl DryRun {
    /// Copies the secret from `store`, whose traits say how its promotions are noted.
    pub fn new(store: &dyn Store, secret: Secret, notes: Notes) -> Self {
        let (inner, now) = (store.secret(secret.clone()), Timestamp::default());
        Self { inner, secret, notes, store_lag: Duration::ZERO, now, copy: None }
    }

    /// Where a read of the store can be so late: what has to be seen twice is seen again after that time only.
    pub fn with_lag(self, store_lag: Duration) -> Self {
        Self { store_lag, ..self }
    }

    /// Moves its clock on. It doesn't run back: an earlier time changes nothing.
    pub fn advance_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    fn reading(&self, mut ring: Option<Ring>) -> Reading {
        if let Some(ring) = ring.as_mut().filter(|_| self.notes == Notes::BeforePromotion) {
            // What has no note was replaced by a person, and lives for its grace from when that was first seen. It gets
            // its note once a second read shows none either.
            let seen_twice = |p: &&Previous| p.deadline + self.store_lag <= self.now + self.secret.grace;
            let noted = ring.previous.iter().filter(|p| is_unnoted(p)).find(seen_twice);
            ring.findings.untidy = ring.findings.untidy.or(noted.map(|p| p.version.id));
        }
        Reading { ring, now: Interval::exactly(self.now), unread: None }
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
impl Versions for DryRun {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        let ring = match &self.copy {
            Some(copy) => copy.ring.clone(),
            None => {
                let Reading { ring, now, .. } = self.inner.read().await?;
                self.advance_to(now.latest);
                let borne = ring.iter().flat_map(Ring::versions).map(|version| version.id).collect();
                self.copy = Some(Copied { ring: ring.clone(), borne });
                ring
            }
        };
        Ok(self.reading(ring))
    }

    async fn apply(&mut self, Decided { step, .. }: &Decided) -> Result<Option<VersionId>, WriteError> {
        let copy = self.copy.as_mut().ok_or(WriteError::Conflict)?;
        let current = copy.ring.as_ref().map(|ring| ring.current.id);
        let ids = (0..=u32::MAX).map(|attempt| VersionId::derive(&self.secret.name, current, attempt));
        let Some(id) = ids.into_iter().find(|id| !copy.borne.contains(id)) else {
            return Err(WriteError::Conflict);
        };
        let digest = Digest::of(id.to_string().as_bytes());
        let changed = match (step, &copy.ring) {
            (Step::Tidy { version }, Some(ring)) => tidied(ring, *version),
            _ => after(copy.ring.as_ref(), step, self.notes, (id, digest), self.now),
        };
        let mut changed = changed.ok_or(WriteError::Conflict)?;
        settle(&mut changed, step);
        copy.borne.extend(changed.versions().map(|version| version.id));
        copy.ring = Some(changed);
        Ok(step.makes_a_version().then_some(id))
    }
}
