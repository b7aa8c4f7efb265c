//! What is known of each secret, and what of that is accepted. Behind the distribution's lock.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crossfade_verify::{AcceptSet, Entry, Moment, Stage, View};
use tokio::sync::Notify;

use super::members::{Bounds, Member};
use crate::{
    rotation::ring::{Ring, Version, VersionId},
    time::{Interval, Timestamp, millis},
};

pub(super) struct State {
    pub(super) bounds: Bounds,
    /// Of the newest publication.
    serial: u64,
    /// By secret.
    pub(super) members: BTreeMap<Arc<str>, Member>,
    audiences: BTreeMap<Arc<str>, Audience>,
    known: BTreeMap<Arc<str>, SecretState>,
    refresh: BTreeMap<Arc<str>, Arc<Notify>>,
}

/// The secrets of an audience.
#[derive(Default)]
struct Audience {
    secrets: Vec<Arc<str>>,
    /// Those that were read wholly, by when that read began: the first one is the oldest.
    reads: BTreeSet<(u64, Arc<str>)>,
    /// Those that never were, and of which a part was read.
    parts: BTreeSet<(u64, Arc<str>)>,
    /// Those that are copies of a secret elsewhere: they lag without a bound, and nothing is refused by them.
    replicas: BTreeSet<Arc<str>>,
    /// Of the first change that is in no publication yet.
    changed: Option<Moment>,
}

/// A secret's versions, and when the read that showed them began.
pub(super) struct SecretState {
    ring: Option<Arc<Ring>>,
    read: Read,
    /// The last read in which each value was known: no other one makes a refusal younger.
    whole: Whole,
}

/// Which read it was. The one before the last is in a box, since there hardly ever is one.
#[derive(Clone)]
enum Whole {
    Last,
    Before(Box<Read>),
    None,
}

/// When a read began, and the store's time then.
#[derive(Copy, Clone)]
pub(super) struct Read {
    at: Moment,
    now: Interval,
}

/// The place in time of an audience's view.
pub(super) struct ViewTime {
    pub(super) taken: Moment,
    pub(super) now_ms: u64,
    /// How long before that the store had been read: long ago, where it does not say how much later it is.
    pub(super) age_ms: u64,
    pub(super) complete: bool,
}

impl State {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            serial: 0,
            members: BTreeMap::new(),
            audiences: BTreeMap::new(),
            known: BTreeMap::new(),
            refresh: BTreeMap::new(),
        }
    }

    /// Takes the members of a config. Returns the versions of each that is no longer in it.
    pub(super) fn configure(&mut self, bounds: Bounds, members: Vec<Member>) -> Vec<Vec<VersionId>> {
        self.bounds = bounds;
        self.members = members.into_iter().map(|m| (Arc::clone(&m.secret), m)).collect();
        let Self { members, known, refresh, .. } = self;
        let gone = known.extract_if(.., |secret, _| !members.contains_key(secret));
        let gone = gone.map(|(_, known)| known.versions()).collect();
        refresh.retain(|secret, _| members.contains_key(secret));
        let mut audiences = BTreeMap::<_, Audience>::new();
        for (secret, member) in members {
            let audience = audiences.entry(Arc::clone(&member.audience)).or_default();
            audience.secrets.push(Arc::clone(secret));
            if let Some(known) = known.get(secret) {
                audience.reads_of(known).insert((known.counts().at.boot_ms, Arc::clone(secret)));
                audience.replicas.extend(known.is_replica().then(|| Arc::clone(secret)));
            }
        }
        self.audiences = audiences;
        gone
    }

    /// The audiences that are configured, in order.
    pub(super) fn audiences(&self) -> Vec<Arc<str>> {
        self.audiences.keys().cloned().collect()
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Whether a newer read of that secret is known.
    pub(super) fn is_late(&self, secret: &str, at: Moment) -> bool {
        self.known.get(secret).is_some_and(|last| last.read.at.boot_ms > at.boot_ms)
    }

    /// Takes what a read of that member's secret showed. Returns what was known before.
    pub(super) fn take_in(
        &mut self,
        member: &Member,
        ring: Option<&Arc<Ring>>,
        at: Moment,
        now: Interval,
    ) -> Option<SecretState> {
        let secret = &member.secret;
        let last = self.known.get(secret);
        let audience = self.audiences.entry(Arc::clone(&member.audience)).or_default();
        if let Some(last) = last {
            audience.reads_of(last).remove(&(last.counts().at.boot_ms, Arc::clone(secret)));
        }
        let read = Read { at, now };
        let whole = match ring.filter(|ring| ring.findings.unread) {
            Some(ring) => {
                last.filter(|last| !last.loses_a_token(ring)).map_or(Whole::None, SecretState::before)
            }
            None => Whole::Last,
        };
        let known = SecretState { ring: ring.cloned(), read, whole };
        audience.reads_of(&known).insert((known.counts().at.boot_ms, Arc::clone(secret)));
        match known.is_replica() {
            true => audience.replicas.insert(Arc::clone(secret)),
            false => audience.replicas.remove(secret),
        };
        self.known.insert(Arc::clone(secret), known)
    }

    /// When that secret was last read, be it in part.
    pub(super) fn last_read(&self, secret: &str) -> Option<(Moment, u64)> {
        let Read { at, now } = self.known.get(secret)?.read;
        Some((at, now.latest.as_millis()))
    }

    /// What an audience accepts is no longer what was published.
    pub(super) fn changed(&mut self, audience: &str, at: Moment) {
        if let Some(audience) = self.audiences.get_mut(audience) {
            audience.changed.get_or_insert(at);
        }
    }

    /// It is about to be published: since when it was another.
    pub(super) fn take_change(&mut self, audience: &str) -> Option<Moment> {
        self.audiences.get_mut(audience)?.changed.take()
    }

    /// As old as the audience's oldest secret, and complete once each was read wholly. None before any was read. With a
    /// replica among them it is never young enough to refuse.
    pub(super) fn place(&self, audience: &str) -> Option<ViewTime> {
        let Audience { secrets, reads, parts, replicas, .. } = self.audiences.get(audience)?;
        let (_, secret) = reads.first().into_iter().chain(parts.first()).min()?;
        let Read { at, now } = self.known.get(secret)?.counts();
        let age_ms = if replicas.is_empty() { 0 } else { millis(self.bounds.freshness) };
        let (now_ms, complete) = (now.latest.as_millis(), reads.len() == secrets.len());
        Some(ViewTime { taken: at, now_ms, age_ms, complete })
    }

    /// The view of an audience, made anew.
    pub(super) fn view(&self, audience: &str) -> Option<View> {
        let ViewTime { taken, now_ms, age_ms, complete } = self.place(audience)?;
        let secrets = &self.audiences.get(audience)?.secrets;
        let members = secrets.iter().filter_map(|secret| self.members.get(secret));
        let members = members.filter_map(|m| Some((m, self.known.get(&m.secret)?.ring.as_ref()?)));
        let mut entries: Vec<Entry> = members.flat_map(|(m, ring)| entries_of(m, ring)).collect();
        // The same token in two secrets: the entry that accepts it for longer speaks for both.
        entries.sort_by_key(|e| (e.digest, Reverse(e.not_after_ms.unwrap_or(u64::MAX))));
        entries.dedup_by_key(|e| e.digest);
        let Bounds { freshness, hold, accept_within } = self.bounds;
        let set = AcceptSet::new(audience, millis(freshness), millis(hold), entries)
            .and_then(|set| set.with_accept_within(millis(accept_within)));
        let set =
            set.inspect_err(|error| tracing::error!(audience, "no accept set can be made: {error}")).ok()?;
        Some(View { set, now_ms, age_ms, taken, complete })
    }

    /// What wakes the reader of a secret.
    pub(super) fn refresh_signal(&mut self, secret: &str) -> Arc<Notify> {
        Arc::clone(self.refresh.entry(Arc::from(secret)).or_default())
    }

    /// The signals of those secrets of these audiences that were not read since.
    pub(super) fn stale(&self, audiences: &[Arc<str>], since_boot_ms: u64) -> Vec<Arc<Notify>> {
        let of = audiences.iter().filter_map(|audience| self.audiences.get(audience));
        let stale = of.flat_map(|audience| &audience.secrets).filter(|secret| {
            self.known.get(*secret).is_none_or(|known| known.counts().at.boot_ms < since_boot_ms)
        });
        stale.map(|secret| self.refresh.get(secret).cloned().unwrap_or_default()).collect()
    }

    /// Whether there is any of them.
    pub(super) fn is_stale(&self, audiences: &[Arc<str>], since_boot_ms: u64) -> bool {
        let mut of = audiences.iter().filter_map(|audience| self.audiences.get(audience));
        of.any(|Audience { secrets, reads, .. }| {
            reads.len() < secrets.len() || reads.first().is_some_and(|(at, _)| *at < since_boot_ms)
        })
    }
}

impl Audience {
    /// Where that secret's read is counted.
    fn reads_of(&mut self, known: &SecretState) -> &mut BTreeSet<(u64, Arc<str>)> {
        if matches!(known.whole, Whole::None) { &mut self.parts } else { &mut self.reads }
    }
}

impl SecretState {
    /// The read by which its age counts.
    fn counts(&self) -> Read {
        match &self.whole {
            Whole::Before(before) => **before,
            Whole::Last | Whole::None => self.read,
        }
    }

    /// The same for the read after it, in which not each value was known.
    fn before(&self) -> Whole {
        match &self.whole {
            Whole::Last => Whole::Before(Box::new(self.read)),
            whole => whole.clone(),
        }
    }

    fn is_replica(&self) -> bool {
        self.ring.as_deref().is_some_and(Ring::is_replica)
    }

    /// Whether a token that was known is not any more, though its version stands: then no refusal may rest on a set
    /// without it.
    fn loses_a_token(&self, ring: &Ring) -> bool {
        let was_known =
            |id| self.ring.as_ref().and_then(|old| old.version(id)).is_some_and(Version::has_token);
        ring.versions().any(|version| version.is_unread() && was_known(version.id))
    }

    /// Those that stood.
    pub(super) fn versions(&self) -> Vec<VersionId> {
        self.ring.iter().flat_map(|ring| ring.versions()).map(|version| version.id).collect()
    }

    /// Whether a member's entries are the same with that ring.
    pub(super) fn accepts_the_same(&self, member: &Member, ring: Option<&Arc<Ring>>) -> bool {
        let entries = |ring: Option<&Arc<Ring>>| ring.map_or(Vec::new(), |ring| entries_of(member, ring));
        self.ring.as_ref() == ring || entries(self.ring.as_ref()) == entries(ring)
    }
}

/// What of a ring is accepted, as far as its token is known: the current version always, the others unless they are ended.
fn entries_of(member: &Member, ring: &Ring) -> Vec<Entry> {
    let counts = |version: &Version| version.ended.is_none() && version.has_token();
    let pending = ring.pending.iter().filter(|p| counts(p)).map(|p| entry(member, p, Stage::Pending, None));
    let previous = ring.previous.iter().filter(|p| counts(&p.version));
    let previous = previous.map(|p| entry(member, &p.version, Stage::Previous, Some(p.deadline)));
    let current = Some(&ring.current).filter(|current| current.has_token());
    let current = current.map(|current| entry(member, current, Stage::Current, None));
    current.into_iter().chain(pending).chain(previous).collect()
}

/// The latest deadline that every reader of JSON holds: some 285,000 years on.
const FAR: u64 = (1 << 53) - 1;

fn entry(member: &Member, version: &Version, stage: Stage, deadline: Option<Timestamp>) -> Entry {
    Entry {
        digest: version.digest,
        secret: Arc::clone(&member.secret),
        version: version.id.to_string().into(),
        stage,
        client_id: Arc::clone(&member.client_id),
        scopes: Arc::clone(&member.scopes),
        created_ms: version.created.as_millis(),
        grace_ms: millis(member.grace),
        // Whoever can write notes must not be able to make a set that nobody can read.
        not_after_ms: deadline.map(|deadline| deadline.as_millis().min(FAR)),
    }
}
