//! What verifiers are told: for each audience an accept set and its place in time.
//!
//! State flows one way, as whole values: a secret's versions come in, the views of its audience are
//! made anew, and whoever decides on a request reads the newest one without a lock. Nothing here
//! can write to the store, or has ever seen a token. What is counted about use is kept apart from
//! what is accepted, and never flows back.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use crossfade_verify::{AcceptSet, Entry, Moment, Reason, Stage, Verdict, View, decide};
use tokio::sync::{Notify, watch};

use crate::{
    clock::Clock,
    rotation::ring::{NO_TOKEN, Ring, Version},
    time::{Interval, Timestamp, millis},
};

mod content;
mod registry;
mod usage;
pub use content::{Content, Publication, Text};
use content::{Publications, announce};
pub use registry::{Ask, Registry, Standing, Verifier, longest_wait};
pub use usage::{LastUse, Usage, Watched};

/// For whom a secret is; from the config.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The secret's name.
    pub secret: Arc<str>,
    /// Its bot.
    pub client_id: Arc<str>,
    /// Its MCP server.
    pub audience: Arc<str>,
    /// What the bot may do there.
    pub scopes: Arc<[Arc<str>]>,
    /// How long a replaced version stays accepted.
    pub grace: Duration,
}

/// The bounds within which a verifier may rest on a view.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// How old it may be when it refuses.
    pub freshness: Duration,
    /// How old it may be when it accepts.
    pub hold: Duration,
}

/// A decision that several audiences made together.
#[derive(Clone, Debug)]
pub enum Decision {
    /// One of them accepts.
    Accepted(Box<Accepted>),
    /// All of them refuse.
    Refused(Reason),
    /// None accepts, and not all of them know enough to refuse.
    Unsure,
}

/// What an accepted token is.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// The audience that accepts it.
    pub audience: Arc<str>,
    /// Its version and its bot.
    pub entry: Entry,
    /// Until when the acceptance may be relied on, unix ms on the store's clock.
    pub expires_ms: u64,
}

/// The accept sets of all audiences.
pub struct Distribution {
    clock: Arc<dyn Clock>,
    published: ArcSwap<Publications>,
    state: Mutex<State>,
    generation: watch::Sender<u64>,
    usage: Usage,
    registry: Registry,
}

struct State {
    bounds: Bounds,
    /// Of the newest publication.
    serial: u64,
    members: BTreeMap<Arc<str>, Member>,
    known: BTreeMap<Arc<str>, Known>,
    refresh: BTreeMap<Arc<str>, Arc<Notify>>,
}

/// A secret's versions, and when the read that showed them began.
struct Known {
    ring: Option<Ring>,
    at: Moment,
    now: Interval,
}

impl std::fmt::Debug for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Distribution").finish_non_exhaustive()
    }
}

impl Distribution {
    /// With nothing known yet: every verdict is unsure.
    pub fn new(clock: Arc<dyn Clock>, bounds: Bounds, members: Vec<Member>) -> Self {
        let state = State {
            bounds,
            serial: 0,
            members: BTreeMap::new(),
            known: BTreeMap::new(),
            refresh: BTreeMap::new(),
        };
        let this = Self {
            clock,
            published: ArcSwap::default(),
            state: Mutex::new(state),
            generation: watch::Sender::new(0),
            usage: Usage::default(),
            registry: Registry::default(),
        };
        this.configure(bounds, members);
        this
    }

    /// Takes a new config: what is no longer in it is no longer accepted.
    pub fn configure(&self, bounds: Bounds, members: Vec<Member>) {
        let mut state = self.lock();
        state.bounds = bounds;
        state.members = members.into_iter().map(|m| (Arc::clone(&m.secret), m)).collect();
        let State { members, known, refresh, .. } = &mut *state;
        known.retain(|secret, _| members.contains_key(secret));
        refresh.retain(|secret, _| members.contains_key(secret));
        let mut audiences: Vec<_> = state.members.values().map(|m| Arc::clone(&m.audience)).collect();
        audiences.sort();
        audiences.dedup();
        self.registry.keep(&audiences);
        let (old, at) = (self.published.load_full(), self.clock.moment());
        let serial = state.next_serial();
        let next = audiences.into_iter().filter_map(|audience| {
            let before = old.get(&audience).map(Arc::as_ref);
            let publication = Publication::new(state.view(&audience)?, before, serial, at);
            Some((audience, Arc::new(publication)))
        });
        self.replace(&old, next.collect());
        drop(state);
        self.generation.send_modify(|g| *g += 1);
    }

    /// Takes what a read of a secret showed. When this returns, it is in force.
    pub fn publish(&self, secret: &str, ring: Option<&Ring>, at: Moment, now: Interval) {
        let mut state = self.lock();
        let Some(member) = state.members.get(secret) else { return };
        let (secret, audience) = (Arc::clone(&member.secret), Arc::clone(&member.audience));
        // An older read never replaces a newer one.
        if state.known.get(&secret).is_some_and(|known| known.at.boot_ms > at.boot_ms) {
            return;
        }
        if let Some(ring) = ring {
            self.usage.keep(&secret, ring.versions().map(|v| v.id), now.latest.as_millis());
        }
        state.known.insert(secret, Known { ring: ring.cloned(), at, now });
        if let Some(view) = state.view(&audience) {
            let old = self.published.load_full();
            let before = old.get(&audience).map(Arc::as_ref);
            let publication = Publication::new(view, before, state.next_serial(), self.clock.moment());
            let mut next = Publications::clone(&old);
            next.insert(audience, Arc::new(publication));
            self.replace(&old, next);
        }
        drop(state);
        self.generation.send_modify(|g| *g += 1);
    }

    /// Decides on a presented token for any of these audiences.
    pub fn decide(&self, audiences: &[Arc<str>], presented: &[u8]) -> Decision {
        let at = self.clock.moment();
        let published = self.published.load();
        let mut refused = None;
        let mut unsure = audiences.is_empty();
        for audience in audiences {
            match decide(published.get(audience).map(|p| &p.view), presented, at) {
                Verdict::Accepted(grant) => {
                    let accepted = Accepted {
                        audience: Arc::clone(audience),
                        entry: grant.entry.clone(),
                        expires_ms: grant.expires_ms,
                    };
                    return Decision::Accepted(Box::new(accepted));
                }
                // An expired token is known better than an unknown one.
                Verdict::Refused(reason) => {
                    refused = refused.filter(|r| *r == Reason::Expired).or(Some(reason));
                }
                Verdict::Unsure => unsure = true,
            }
        }
        match refused {
            Some(Reason::Malformed) => Decision::Refused(Reason::Malformed),
            Some(reason) if !unsure => Decision::Refused(reason),
            _ => Decision::Unsure,
        }
    }

    /// The newest view of one audience, and what of it is sent.
    pub fn published(&self, audience: &str) -> Option<Arc<Publication>> {
        self.published.load().get(audience).cloned()
    }

    /// Puts these in force, then wakes who waits for a change.
    fn replace(&self, old: &Publications, next: Publications) {
        let next = Arc::new(next);
        self.published.store(Arc::clone(&next));
        announce(old, &next);
    }

    /// Who used what, as far as this process has seen.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Which verifiers follow, as far as this process has seen.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The verifiers of an audience, and how each stands.
    pub fn verifiers(&self, audience: &str) -> Vec<Verifier> {
        let bounds = self.lock().bounds;
        let Some(published) = self.published(audience) else { return Vec::new() };
        self.registry.verifiers(audience, &published.content, bounds, self.clock.moment())
    }

    /// What wakes the reader of a secret when somebody needs it fresh.
    pub fn refresh_signal(&self, secret: &str) -> Arc<Notify> {
        Arc::clone(self.lock().refresh.entry(Arc::from(secret)).or_default())
    }

    /// Asks for a new read of every secret of these audiences, one for all who ask, and waits until
    /// each was read since. The caller bounds how long.
    pub async fn refreshed(&self, audiences: &[Arc<str>]) {
        let asked = self.clock.moment().boot_ms;
        let mut generation = self.generation.subscribe();
        let stale = |state: &State| -> Vec<Arc<Notify>> {
            let members = state.members.values().filter(|m| audiences.contains(&m.audience));
            let stale = members.filter(|m| state.known.get(&m.secret).is_none_or(|k| k.at.boot_ms < asked));
            stale.map(|m| state.refresh.get(&m.secret).cloned().unwrap_or_default()).collect()
        };
        for signal in stale(&self.lock()) {
            signal.notify_one();
        }
        while !stale(&self.lock()).is_empty() {
            if generation.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The view of an audience: as old as its oldest secret, and complete once each was read.
    fn view(&self, audience: &str) -> Option<View> {
        let members: Vec<_> = self.members.values().filter(|m| &*m.audience == audience).collect();
        let known: Vec<_> = members.iter().filter_map(|m| self.known.get(&m.secret)).collect();
        let oldest = known.iter().min_by_key(|k| k.at.boot_ms)?;
        let entries = members.iter().filter_map(|m| Some((m, self.known.get(&m.secret)?.ring.as_ref()?)));
        let mut entries: Vec<Entry> = entries.flat_map(|(m, ring)| entries_of(m, ring)).collect();
        // The same token in two secrets: the entry that accepts it for longer speaks for both.
        entries.sort_by_key(|e| (e.digest, Reverse(e.not_after_ms.unwrap_or(u64::MAX))));
        entries.dedup_by_key(|e| e.digest);
        let Bounds { freshness, hold } = self.bounds;
        let set = AcceptSet::new(audience, millis(freshness), millis(hold), entries);
        let set =
            set.inspect_err(|error| tracing::error!(audience, "no accept set can be made: {error}")).ok()?;
        Some(View {
            set,
            now_ms: oldest.now.latest.as_millis(),
            age_ms: 0,
            taken: oldest.at,
            complete: known.len() == members.len(),
        })
    }
}

/// What of a ring is accepted: the current version always, the others unless they are ended.
fn entries_of(member: &Member, ring: &Ring) -> Vec<Entry> {
    let pending =
        ring.pending.iter().filter(|p| p.ended.is_none()).map(|p| entry(member, p, Stage::Pending, None));
    let previous = ring.previous.iter().filter(|p| p.version.ended.is_none());
    let previous = previous.map(|p| entry(member, &p.version, Stage::Previous, Some(p.deadline)));
    let current = Some(&ring.current).filter(|current| current.digest != NO_TOKEN);
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

#[cfg(test)]
mod tests;
