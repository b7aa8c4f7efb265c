//! One secret's turns: observe, decide, act. Shared by the daemon's loop, by one-shot runs, and by
//! commands that work on the store directly.

use std::{fmt, sync::Arc, time::Duration};

use crossfade_verify::Moment;

use super::{
    observation::{self, Observation, Observer, Outcome, Parked, Reason},
    pause::{self, Pause},
    rejections::{Rejections, TRIES},
};
use crate::{
    causes::chain,
    clock::{Clock, elapsed},
    quiet::Quiet,
    rotation::{
        plan::{self, Decided, Demand, Due, Next, Phase, Step, Why},
        policy::{Notes, OLDEST_READ, Policy, StoreTraits},
        ring::{Marks, Ring, VersionId},
    },
    store::{ReadError, Reading, Secret, Versions, WriteError},
    time::{Interval, Timestamp},
};

/// A step that the store rejects time and again is given up until the next slot, an order, or this much later, so
/// that what was mended meanwhile is noticed.
const REST: Duration = Duration::from_secs(3600);
/// What replaces an ended version is not left alone for that long.
const EMERGENCY_REST: Duration = Duration::from_secs(60);

/// What one read showed.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The versions, with every end that we know of.
    pub ring: Option<Ring>,
    /// The store's time.
    pub now: Interval,
    /// When the read began, on our clocks.
    pub at: Moment,
    pub(super) reading: Reading,
}

/// One secret, its versions in the store, and what has to be remembered between reads.
pub struct Rotator {
    pub(super) secret: Secret,
    versions: Box<dyn Versions>,
    pub(super) clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
    pub(super) marks: Marks,
    /// Shared with whoever was told.
    pub(super) last: Arc<Observation>,
    pub(super) rejections: Rejections,
    pause: Pause,
    /// Lines about reads that went wrong. Callers can have it read once a second, and not more often
    /// (`REFRESH_COOL_DOWN`): a store that is out of order must not let them fill the log. The last message stands in
    /// `status` all the while.
    lines: Quiet,
}

impl fmt::Debug for Rotator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotator").field("secret", &self.secret).finish_non_exhaustive()
    }
}

impl Rotator {
    /// A rotator that has read nothing yet.
    pub fn new(
        secret: Secret,
        versions: Box<dyn Versions>,
        clock: Arc<dyn Clock>,
        observer: Arc<dyn Observer>,
    ) -> Self {
        let (marks, last, rejections, pause, lines) = Default::default();
        Self { secret, versions, clock, observer, marks, last, rejections, pause, lines }
    }

    /// As a process that knows of these ends.
    pub fn remembering(self, marks: Marks) -> Self {
        Self { marks, ..self }
    }

    /// Every end that it knows of.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Reads the secret and publishes what it shows, also where it shows nothing.
    pub async fn observe(&mut self, policy: &Policy) -> Result<Seen, ReadError> {
        let at = self.clock.moment();
        let result = self.versions.read().await;
        let result = result.map(|reading| {
            let mut ring = reading.ring.clone();
            if let Some(ring) = &mut ring {
                ring.remember_ends(&mut self.marks);
            }
            Seen { ring, now: reading.now, at, reading }
        });
        match &result {
            Ok(seen) => self.saw(seen, policy),
            Err(error) => self.saw_nothing(error, at),
        }
        self.observer.observed(&self.secret.name, &self.last);
        result
    }

    /// What to do on that read, beside what was given up.
    pub fn decide(&self, seen: &Seen, policy: &Policy, demand: Option<&Demand>) -> Next {
        let given_up = |step: &Step| self.rejections.given_up(step, seen.now.earliest);
        plan::next_without(seen.ring.as_ref(), policy, demand, seen.now, given_up)
    }

    /// Carries out one step that was decided on the last read, unless that read has grown old.
    pub async fn act(&mut self, seen: &Seen, decided: Decided, policy: &Policy) -> Result<(), WriteError> {
        if elapsed(seen.at, self.clock.moment()) > OLDEST_READ {
            return Err(WriteError::Conflict);
        }
        let result = self.versions.apply(&decided).await;
        match &result {
            Ok(made) => self.did(seen, decided, *made, policy),
            Err(WriteError::Conflict) => {}
            Err(error) => self.failed(seen, decided, error, policy),
        }
        result.map(drop)
    }

    fn saw(&mut self, seen: &Seen, policy: &Policy) {
        let Seen { ring, now, at, reading } = seen;
        let last = Arc::make_mut(&mut self.last);
        let was_parked = last.parked.as_ref().map(|parked| parked.reason);
        let due = ring.as_ref().map_or(Due::Never, |ring| plan::due(ring, policy, *now));
        let pending = ring.as_ref().and_then(|ring| ring.pending);
        last.overdue = pending.is_none() && matches!(due, Due::Now(_));
        last.next_slot = next_slot(due, pending.is_some(), last.next_slot, *now);
        last.promotes = ring.as_ref().and_then(|ring| plan::promotes(ring, policy));
        let missing = ring.is_none() && !policy.terms().store.creates;
        // A secret that we are about to create is not known yet: nobody may be refused on its absence, and what was
        // known before stays, and ages.
        if ring.is_some() || missing {
            last.read = Some((*at, *now));
            if reading.unread.is_none() {
                last.whole = last.read;
            }
            // One ring for all who are told, and the same one while nothing changes in it.
            if last.ring.as_deref() != ring.as_ref() {
                last.ring = ring.clone().map(Arc::new);
            }
        }
        if !self.rejections.any_given_up(now.earliest) {
            last.parked = match ring {
                None => missing.then(Parked::missing),
                Some(ring) => Parked::by(ring, self.secret.format, reading.unread.as_ref()),
            };
        }
        if let Some(parked) = last.parked.as_ref().filter(|parked| Some(parked.reason) != was_parked) {
            tracing::warn!(secret = %self.secret.name, "parked: {}", parked.message);
        } else if let Some(unread) = &reading.unread
            && let Some(left_out) = self.lines.may_write(at.boot_ms)
        {
            tracing::warn!(secret = %self.secret.name, "{unread}{left_out}");
        }
        last.phase = match (ring, &last.parked) {
            (_, Some(_)) => Phase::Parked,
            (Some(ring), None) => plan::phase(ring, policy, *now),
            (None, None) => Phase::Waiting,
        };
        let moves = matches!(last.phase, Phase::Soaking | Phase::Waiting);
        last.why = ring.as_ref().filter(|_| moves).and_then(|ring| plan::began(ring, policy, *now));
        if !last.overdue && self.rejections.is_empty() {
            last.message = None;
        }
        if let Some(ring) = ring {
            // Where a pause is a note that people and tools can take off.
            let StoreTraits { notes, store_lag, .. } = policy.terms().store;
            if self.pause.is_lost(ring, *now, store_lag) && notes == Notes::BeforePromotion {
                tracing::warn!(secret = %self.secret.name, "{}", pause::LOST);
            }
            let unread = reading.unread.as_ref();
            let unread = unread.map(|unread| observation::told_of_unread(ring, self.secret.format, unread));
            last.message = observation::told(ring).or(unread).or(last.message.take());
        }
    }

    fn saw_nothing(&mut self, error: &ReadError, at: Moment) {
        let message = chain(error);
        let last = Arc::make_mut(&mut self.last);
        let reason = match error {
            ReadError::Unavailable(_) => None,
            ReadError::Denied(_) => Some(Reason::Denied),
            ReadError::Misconfigured(_) => Some(Reason::Misconfigured),
            ReadError::Damaged(_) => Some(Reason::Damaged),
            ReadError::Missing { .. } => Some(Reason::Missing),
        };
        let was_parked = last.parked.as_ref().map(|parked| parked.reason);
        if reason.is_some() && reason != was_parked {
            tracing::warn!(secret = %self.secret.name, "parked: {message}");
        } else if let Some(left_out) = self.lines.may_write(at.boot_ms) {
            tracing::warn!(secret = %self.secret.name, "{message}{left_out}");
        }
        if let Some(reason) = reason {
            last.phase = Phase::Parked;
            last.parked = Some(Parked { reason, message: message.clone() });
        }
        // It was read all the same: nobody can hold a token that we don't know.
        if let ReadError::Missing { now, .. } = error {
            (last.read, last.whole) = (Some((at, *now)), Some((at, *now)));
        }
        last.message = Some(message);
    }

    fn did(&mut self, seen: &Seen, decided: Decided, made: Option<VersionId>, policy: &Policy) {
        let Decided { step, why } = decided;
        self.rejections.done(&step);
        match made {
            Some(made) => tracing::info!(secret = %self.secret.name, version = %made, "{decided}"),
            None => tracing::info!(secret = %self.secret.name, "{decided}"),
        }
        let Some(ring) = &seen.ring else { return };
        match step {
            Step::End { version } => {
                self.marks.extend(ring.version(version).map(|v| (v.digest, seen.now.latest)));
            }
            Step::EndAll { .. } => {
                self.marks.extend(ring.versions().map(|v| (v.digest, seen.now.latest)));
            }
            Step::Promote { .. } => self.rotated(seen, &why, policy, Outcome::Done),
            // Whoever takes it back, something else began it.
            Step::Drop { .. } => self.rotated(seen, &Why::TakenBack, policy, Outcome::Aborted),
            Step::Pause { .. } => self.pause.began(),
            Step::Unpause { .. } | Step::Keep { .. } => self.pause.lifted(ring.paused),
            _ => {}
        }
    }

    fn rotated(&self, seen: &Seen, why: &Why, policy: &Policy, outcome: Outcome) {
        if let Some(trigger) = why.trigger(seen.ring.as_ref(), policy, seen.now) {
            self.observer.rotated(&self.secret.name, trigger, outcome);
        }
    }

    fn failed(&mut self, seen: &Seen, decided: Decided, error: &WriteError, policy: &Policy) {
        let Decided { step, why } = decided;
        let message = chain(error);
        tracing::warn!(secret = %self.secret.name, "{message}, at the step {step}");
        Arc::make_mut(&mut self.last).message = Some(message.clone());
        if !matches!(error, WriteError::Rejected(_) | WriteError::Denied(_)) {
            return;
        }
        let tries = self.rejections.add(step, give_up_until(seen, policy));
        if tries >= TRIES {
            let reason = match error {
                WriteError::Denied(_) => Reason::Denied,
                _ => Reason::Rejected,
            };
            let secret = &self.secret.name;
            // What the documentation tells people to look for.
            tracing::error!(%secret, "parked: given up after {tries} tries: {message}, at the step {step}");
            Arc::make_mut(&mut self.last).parked = Some(Parked { reason, message });
            self.rotated(seen, &why, policy, Outcome::Failed);
        }
        self.saw(seen, policy);
        self.observer.observed(&self.secret.name, &self.last);
    }
}

/// When the next slot is due, where nothing stands for it; one that is held up stays where it was `before`.
fn next_slot(due: Due, is_staged: bool, before: Option<Timestamp>, now: Interval) -> Option<Timestamp> {
    match due {
        Due::At(at) => Some(at),
        Due::Now(_) if !is_staged => before.filter(|slot| *slot <= now.latest).or(Some(now.earliest)),
        Due::Now(_) | Due::Never => None,
    }
}

fn give_up_until(seen: &Seen, policy: &Policy) -> Timestamp {
    let now = seen.now.latest;
    match &seen.ring {
        Some(ring) if ring.current.ended.is_some() => now + EMERGENCY_REST,
        Some(ring) => {
            let schedule = policy.terms().schedule.as_ref();
            let slot = schedule.and_then(|schedule| schedule.next_slot(ring.current.created, now));
            slot.map_or(now + REST, |slot| slot.min(now + REST))
        }
        None => now + REST,
    }
}
