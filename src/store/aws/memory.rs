//! What is remembered of one secret between reads.
//!
//! All of it can be lost: it saves calls, and keeps late reads from bringing back what is over.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use crossfade_verify::{Digest, Moment};

use super::{
    calls::Described,
    label::{CURRENT, Cleanup, Kind, Labels, PREVIOUS},
    value::InvalidValue,
};
use crate::{
    rotation::ring::{Ring, VersionId},
    store::{Secret, Unread},
    time::{Interval, Timestamp},
};

/// So many ids are tried for one successor; ids beyond are not looked for either.
pub(super) const ATTEMPTS: u32 = 8;

/// What a process remembers of a secret. Two that are equal by their hash decide alike on the next read.
#[derive(Clone, Default)]
pub struct SecretMemory {
    pub(super) arn: String,
    /// AWS's own spelling of each version's id.
    names: BTreeMap<VersionId, String>,
    /// A version's value never changes.
    pub(super) known: BTreeMap<VersionId, KnownValue>,
    /// Versions whose values can't be read, and when they were made.
    pub(super) unread: BTreeMap<VersionId, Made>,
    /// Ends that we saw or wrote, and when.
    pub(super) ended: BTreeMap<VersionId, Timestamp>,
    /// With the version that bears the mark: everything made before then is ended.
    pub(super) compromised: BTreeMap<VersionId, Timestamp>,
    /// Versions that somebody else has replaced, and since when: no note was written for that. They stay known when
    /// they lose AWS's label too.
    pub(super) unnoted: BTreeMap<VersionId, Timestamp>,
    /// Deadlines that were read on versions, and when: a read that shows none so soon after that is a late one.
    noted: BTreeMap<VersionId, (Timestamp, Timestamp)>,
    /// A current version that is none of ours, and when we first saw it.
    pub(super) adopted: Option<(VersionId, Timestamp)>,
    /// Which versions the ids of pending ones were made from; none: none of ours.
    pub(super) parents: BTreeMap<VersionId, Option<VersionId>>,
    /// Our own last notes.
    pub(super) written: BTreeMap<(Kind, VersionId), Moment>,
    /// How many ids of successors of that version are burnt.
    pub(super) burnt: Option<(VersionId, u32)>,
    /// Since when a secret that was there is not found any more.
    pub(super) gone: Option<Timestamp>,
    /// A time was heard of AWS, to which the next one has to fit.
    pub(super) heard: bool,
    pub(super) seen: Option<Arc<Seen>>,
}

/// Of the last read, the labels alone are hashed: the next step rests on a read that is still to come.
impl Hash for SecretMemory {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let Self { arn, names, known, ended, compromised, unnoted, .. } = self;
        (arn, names, known, ended, compromised, unnoted).hash(hasher);
        self.noted.hash(hasher);
        let Self { adopted, parents, written, burnt, gone, heard, unread, seen, .. } = self;
        (adopted, parents, written, burnt, gone, heard, unread).hash(hasher);
        seen.as_ref().map(|seen| (&seen.state, seen.ring.is_some())).hash(hasher);
    }
}

impl fmt::Debug for SecretMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretMemory")
            .field("ended", &self.ended)
            .field("compromised", &self.compromised)
            .field("unnoted", &self.unnoted)
            .finish_non_exhaustive()
    }
}

/// When a version was made whose value can't be read.
#[derive(Copy, Clone, Hash, Debug)]
pub(super) struct Made {
    pub(super) at: Timestamp,
    /// The list of versions says so; else it was not later.
    pub(super) is_exact: bool,
}

/// A version's value, as far as it is kept: never the token.
#[derive(Clone, Hash, Debug)]
pub(super) struct KnownValue {
    pub(super) created: Timestamp,
    /// Digest, and whether somebody else made the token; or why it is none.
    pub(super) token: Result<(Digest, bool), InvalidValue>,
}

/// A secret's labels.
#[derive(Clone, Hash, Debug, Default)]
pub(super) struct State {
    pub(super) arn: String,
    pub(super) labels: BTreeMap<VersionId, Labels>,
    pub(super) rotates_itself: bool,
    pub(super) is_managed: bool,
    pub(super) is_replica: bool,
    pub(super) replicating: bool,
}

/// One read.
pub(super) struct Seen {
    /// None: there is no such secret.
    pub(super) state: Option<State>,
    pub(super) ring: Option<Ring>,
    pub(super) cleanup: Option<(VersionId, Cleanup)>,
    /// What could not be read.
    pub(super) unread: Option<Unread>,
    pub(super) now: Interval,
    /// When it began.
    pub(super) at: Moment,
}

impl Seen {
    /// Nothing is current.
    pub(super) fn without_current(state: Option<State>, now: Interval, at: Moment) -> Self {
        Self { state, ring: None, cleanup: None, unread: None, now, at }
    }
}

impl State {
    pub(super) fn holder(&self, label: &str) -> Option<VersionId> {
        self.labels.iter().find(|(_, labels)| labels.bears(label)).map(|(id, _)| *id)
    }

    /// The pending version: one that is current or previous too counts for that alone.
    pub(super) fn pending(&self) -> Option<VersionId> {
        let id = self.holder(super::label::PENDING)?;
        let other = [self.holder(super::label::CURRENT), self.holder(PREVIOUS)];
        (!other.contains(&Some(id))).then_some(id)
    }

    /// Neither a label of AWS's nor a deadline is on it.
    pub(super) fn is_done(&self, id: VersionId) -> bool {
        let labels = self.labels.get(&id);
        labels.is_none_or(|labels| !labels.is_staged() && labels.latest(Kind::Until, id).is_none())
    }
}

/// Whether a version's id was derived from that one's.
pub(super) fn follows(arn: &str, parent: VersionId, child: VersionId) -> bool {
    (0..ATTEMPTS * 8).any(|attempt| VersionId::derive(arn, Some(parent), attempt) == child)
}

/// The first version's id, from the name: there is no ARN yet.
pub(super) fn first_id(secret: &Secret, state: Option<&State>) -> VersionId {
    VersionId::derive(state.map_or(&secret.name, |state| &state.arn), None, 0)
}

/// Whether a version's place was taken by promotions of ours, one or several: those promote only what follows, and
/// nothing that was current before.
fn was_promoted(last: &State, state: &State, replaced: VersionId, current: VersionId) -> bool {
    let labels = last.labels.get(&current);
    let was_current = labels.is_some_and(|l| l.bears(PREVIOUS) || l.latest(Kind::Until, current).is_some());
    let mut reached = vec![replaced];
    let mut left: Vec<_> = state.labels.keys().copied().filter(|id| *id != replaced).collect();
    while let Some(parent) = reached.pop() {
        let (children, others) = left.into_iter().partition(|id| follows(&state.arn, parent, *id));
        left = others;
        reached.extend::<Vec<_>>(children);
        if reached.contains(&current) {
            return !was_current;
        }
    }
    false
}

impl SecretMemory {
    /// Takes in what a read shows. A secret that was deleted and made again is another one.
    pub(super) fn take_in(
        &mut self,
        described: Described,
        (grace, store_lag): (Duration, Duration),
        now: Interval,
    ) -> State {
        if self.arn != described.arn {
            *self = Self { arn: described.arn.clone(), seen: self.seen.take(), ..Self::default() };
        }
        let (is_managed, is_replica) = (described.manager().is_some(), described.copied_from().is_some());
        let mut labels = BTreeMap::new();
        for (name, stages) in described.stages {
            let id = VersionId::of_name(&name);
            labels.insert(id, Labels(stages.into_iter().collect()));
            self.names.insert(id, name);
        }
        let state = State {
            arn: described.arn,
            labels,
            rotates_itself: described.rotates_itself,
            is_managed,
            is_replica,
            replicating: described.replicating,
        };
        self.noted.retain(|_, (_, seen)| *seen + store_lag > now.earliest);
        self.see_replaced(&state, grace, now);
        let State { labels, .. } = &state;
        self.names.retain(|id, _| labels.contains_key(id) || self.unnoted.contains_key(id));
        self.known.retain(|id, _| labels.contains_key(id) || self.unnoted.contains_key(id));
        self.unread.retain(|id, _| labels.contains_key(id) || self.unnoted.contains_key(id));
        for (id, labels) in labels {
            if let Some(at) = labels.earliest(Kind::Ended, *id) {
                self.ended.entry(*id).or_insert(at);
            }
            if let Some(at) = labels.latest(Kind::Compromised, *id) {
                let known = self.compromised.entry(*id).or_insert(at);
                *known = at.max(*known);
            }
        }
        state
    }

    /// Which versions somebody else has replaced. Each is known until a note says its deadline, or its grace is over.
    fn see_replaced(&mut self, state: &State, grace: Duration, now: Interval) {
        let current = state.holder(CURRENT);
        let last =
            self.seen.as_ref().and_then(|seen| seen.state.as_ref()).filter(|last| last.arn == state.arn);
        let replaced =
            last.and_then(|last| Some((last, last.holder(CURRENT).filter(|id| Some(*id) != current)?)));
        let by_hand =
            replaced.filter(|(last, id)| current.is_none_or(|next| !was_promoted(last, state, *id, next)));
        // The note that it bears, if it does, was written for another replacement.
        if let Some((_, id)) = by_hand {
            self.unnoted.entry(id).or_insert(now.latest);
        }
        for (id, labels) in &state.labels {
            if let Some(until) = labels.latest(Kind::Until, *id) {
                self.noted.insert(*id, (until, now.latest));
            } else if labels.bears(PREVIOUS) {
                let since = self.noted.get(id).map_or(now.latest, |(until, _)| *until - grace);
                self.unnoted.entry(*id).or_insert(since);
            }
        }
        self.unnoted.retain(|id, since| {
            let note = state.labels.get(id).and_then(|labels| labels.latest(Kind::Until, *id));
            let deadline = *since + grace;
            Some(*id) != current && note.is_none_or(|note| note < deadline) && deadline > now.earliest
        });
    }

    /// The time of that read may be a wrong one: nothing was seen then.
    pub(super) fn disbelieve(&mut self, at: Timestamp) {
        self.unnoted.retain(|_, since| *since != at);
        self.noted.retain(|_, (_, seen)| *seen != at);
    }

    /// A version that replaced another one by hand, with a value of its own, did so when it was made at the earliest:
    /// a note from before says nothing of that. A process that has just been started sees only the two of them.
    pub(super) fn see_put(&mut self, state: &State, grace: Duration, now: Interval) {
        let (Some(current), Some(previous)) = (state.holder(CURRENT), state.holder(PREVIOUS)) else { return };
        let Some(since) = self.made(current).map(|made| made.at) else { return };
        let note = state.labels[&previous].latest(Kind::Until, previous);
        let early = note.is_some_and(|note| note < since + grace) && since + grace > now.earliest;
        if early && !follows(&state.arn, previous, current) {
            self.unnoted.entry(previous).or_insert(since);
        }
    }

    /// A version's value was read.
    pub(super) fn know(&mut self, version: VersionId, known: KnownValue) {
        self.unread.remove(&version);
        self.known.insert(version, known);
    }

    /// As AWS spells it.
    pub(super) fn name(&self, id: VersionId) -> String {
        self.names.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }

    /// The known versions that have the same token, itself included.
    pub(super) fn twins(&self, id: VersionId) -> impl Iterator<Item = (VersionId, &KnownValue)> {
        let token = move |id: VersionId| self.known.get(&id)?.token.as_ref().ok();
        let same =
            move |other: VersionId| other == id || token(id).is_some_and(|own| token(other) == Some(own));
        self.known.iter().filter(move |(other, _)| same(**other)).map(|(other, known)| (*other, known))
    }

    /// When its token was ended, if it was: by a mark on a version that has it, or by one on everything before a time.
    /// Of one that can't be read its own marks tell; what was made later than it is said to be, was not ended by others'.
    pub(super) fn ended(&self, id: VersionId) -> Option<Timestamp> {
        let own = self.marked(id, self.made(id).map(|made| made.at));
        let twins = self.twins(id).filter_map(|(twin, known)| self.marked(twin, Some(known.created)));
        own.into_iter().chain(twins).min()
    }

    /// When it was made, as far as that is known.
    pub(super) fn made(&self, id: VersionId) -> Option<Made> {
        let known = self.known.get(&id).map(|known| Made { at: known.created, is_exact: true });
        known.or_else(|| self.unread.get(&id).copied())
    }

    fn marked(&self, id: VersionId, created: Option<Timestamp>) -> Option<Timestamp> {
        let made_before = |at: Timestamp| created.is_some_and(|created| created < at);
        let all =
            self.compromised.iter().filter(|(on, at)| **on == id || made_before(**at)).map(|(_, at)| *at);
        self.ended.get(&id).copied().into_iter().chain(all).min()
    }

    /// Keeps the read: a step rests on it.
    pub(super) fn keep(&mut self, seen: Seen) -> Arc<Seen> {
        let seen = Arc::new(seen);
        self.seen = Some(Arc::clone(&seen));
        seen
    }
}
