//! A store in memory, whose transitions are the store contract in its shortest form.
//!
//! It serves the tests: a script makes any call fail before or after its effect,
//! and reads late. Its clock is a number that the owner moves.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use crossfade::{
    rotation::{
        plan::{Decided, Step},
        policy::Notes,
        ring::{Ring, VersionId},
        transition::after,
    },
    store::{ReadError, Reading, Secret, Store, Versions, WriteError},
    time::{Interval, Timestamp},
};
use crossfade_verify::Digest;

/// What befalls one call.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It fails, and nothing has happened.
    Before,
    /// It fails, and what was asked for has happened.
    After,
    /// The store will never do it.
    Rejected,
}

/// Secrets in memory. A clone is another handle on the same ones.
#[derive(Clone, Debug)]
pub struct Memory {
    notes: Notes,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    now: Timestamp,
    rings: BTreeMap<String, Record>,
    /// Read faults and write faults to come; none: the call goes well.
    reads: VecDeque<Option<Fault>>,
    writes: VecDeque<Option<Fault>>,
    steps: Vec<Step>,
    lag: Duration,
}

#[derive(Debug, Default)]
struct Record {
    /// Every state that a late read may still show, with the time from which it held; newest last.
    history: Vec<(Timestamp, Option<Ring>)>,
    attempts: BTreeMap<VersionId, u32>,
}

impl Record {
    fn latest(&self) -> Option<&Ring> {
        self.history.last().and_then(|(_, ring)| ring.as_ref())
    }

    fn as_of(&self, at: Timestamp) -> (usize, Option<Ring>) {
        let index = self.history.iter().rposition(|(since, _)| *since <= at);
        index.map_or((0, None), |i| (i + 1, self.history[i].1.clone()))
    }
}

impl Memory {
    /// An empty store at that time.
    pub fn new(notes: Notes, now: Timestamp) -> Self {
        let inner = Inner { now, ..Inner::default() };
        Self { notes, inner: Arc::new(Mutex::new(inner)) }
    }

    /// Puts a ring in place, as a person or another program would.
    pub fn put(&self, secret: &str, ring: Option<Ring>) {
        let mut inner = self.lock();
        let now = inner.now;
        inner.rings.entry(secret.to_owned()).or_default().history.push((now, ring));
    }

    /// The versions as they are, whatever a late read would show.
    pub fn ring(&self, secret: &str) -> Option<Ring> {
        self.lock().rings.get(secret).and_then(|record| record.latest().cloned())
    }

    /// Moves the clock.
    pub fn set_now(&self, now: Timestamp) {
        self.lock().now = now;
    }

    /// The clock.
    pub fn now(&self) -> Timestamp {
        self.lock().now
    }

    /// Reads show the store as it was this long ago.
    pub fn set_lag(&self, lag: Duration) {
        self.lock().lag = lag;
    }

    /// What befalls the next reads and writes, in order.
    pub fn script(&self, reads: &[Option<Fault>], writes: &[Option<Fault>]) {
        let mut inner = self.lock();
        inner.reads = reads.iter().copied().collect();
        inner.writes = writes.iter().copied().collect();
    }

    /// How many reads the script still has something for.
    pub fn reads_to_come(&self) -> usize {
        self.lock().reads.len()
    }

    /// How many writes the script still has something for.
    pub fn writes_to_come(&self) -> usize {
        self.lock().writes.len()
    }

    /// Every step that took effect, in order.
    pub fn steps(&self) -> Vec<Step> {
        self.lock().steps.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        Box::new(Handle { store: self.clone(), name: secret.name, seen: 0 })
    }
}

/// One secret of the store.
struct Handle {
    store: Memory,
    name: Arc<str>,
    /// Which of its states the last read showed.
    seen: usize,
}

#[async_trait]
impl Versions for Handle {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        let mut inner = self.store.lock();
        if inner.reads.pop_front().flatten().is_some() {
            return Err(ReadError::Unavailable("a scripted fault".into()));
        }
        let seen_at = inner.now - inner.lag;
        let record = inner.rings.get(&*self.name);
        let (seen, ring) = record.map_or((0, None), |record| record.as_of(seen_at));
        let reading = Reading { ring, now: Interval::exactly(inner.now), unread: None };
        drop(inner);
        self.seen = seen;
        Ok(reading)
    }

    async fn apply(&mut self, Decided { step, .. }: &Decided) -> Result<Option<VersionId>, WriteError> {
        let mut inner = self.store.lock();
        let fault = inner.writes.pop_front().flatten();
        if fault == Some(Fault::Before) {
            return Err(WriteError::Unavailable("a scripted fault, before".into()));
        }
        if fault == Some(Fault::Rejected) {
            return Err(WriteError::Rejected("a scripted rejection".into()));
        }
        let (now, notes) = (inner.now, self.store.notes);
        let record = inner.rings.entry(self.name.to_string()).or_default();
        if notes == Notes::WithPromotion && record.history.len() != self.seen {
            return Err(WriteError::Conflict);
        }
        let ring = record.latest().cloned();
        let attempt = ring.as_ref().and_then(|r| record.attempts.get(&r.current.id)).copied().unwrap_or(0);
        let id = VersionId::derive(&self.name, ring.as_ref().map(|r| r.current.id), attempt);
        let digest = Digest::of(id.to_string().as_bytes());
        let changed = after(ring.as_ref(), step, notes, (id, digest), now).ok_or(WriteError::Conflict)?;
        if let Step::Drop { .. } = step {
            *record.attempts.entry(changed.current.id).or_default() += 1;
        }
        record.history.push((now, Some(changed)));
        inner.steps.push(*step);
        match fault {
            Some(_) => Err(WriteError::Unavailable("a scripted fault, after".into())),
            None => Ok(step.makes_a_version().then_some(id)),
        }
    }
}
