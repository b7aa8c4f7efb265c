//! The accept sets of all audiences, from the reads that come in to the decisions that are asked for.

use std::sync::{Arc, Mutex};

use arc_swap::{ArcSwap, Guard};
use crossfade_verify::{Digest, Moment, Reason, Verdict, View, decide};
use tokio::sync::{Notify, watch};

use super::{
    content::Publication,
    decision::{Accepted, Decision},
    members::{Bounds, Member},
    registry::{KnownVerifier, Registry},
    slot::{Publications, Slot, announce},
    state::{SecretState, State},
    usage::Usage,
};
use crate::{clock::Clock, lock::lock, rotation::ring::Ring, time::Interval};

/// The accept sets of all audiences.
pub struct Distribution {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) published: ArcSwap<Publications>,
    state: Mutex<State>,
    generation: watch::Sender<u64>,
    usage: Usage,
    registry: Registry,
}

impl std::fmt::Debug for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Distribution").finish_non_exhaustive()
    }
}

impl Distribution {
    /// With nothing known yet: every verdict is unsure.
    pub fn new(clock: Arc<dyn Clock>, bounds: Bounds, members: Vec<Member>) -> Self {
        let this = Self {
            clock,
            published: ArcSwap::default(),
            state: Mutex::new(State::new(bounds)),
            generation: watch::Sender::new(0),
            usage: Usage::default(),
            registry: Registry::default(),
        };
        this.configure(bounds, members);
        this
    }

    /// Takes a new config: what is no longer in it is no longer accepted.
    pub fn configure(&self, bounds: Bounds, members: Vec<Member>) {
        let mut state = lock(&self.state);
        for gone in state.configure(bounds, members) {
            self.usage.keep(&gone, &[], 0);
        }
        let audiences = state.audiences();
        self.registry.keep(&audiences);
        let old = self.published.load_full();
        let slots = audiences.into_iter().map(|audience| {
            let slot = Slot::after(old.get(&audience));
            self.renew(&mut state, &audience, &slot);
            (audience, slot)
        });
        let next: Arc<Publications> = Arc::new(slots.collect());
        self.published.store(Arc::clone(&next));
        drop(state);
        announce(&old, &next);
        self.generation.send_modify(|g| *g += 1);
    }

    /// Takes what a read of a secret showed. When this returns, it is in force. Labels count at once, also where a value
    /// could not be read; what refuses gets no younger by that.
    pub fn publish(&self, secret: &str, ring: Option<&Arc<Ring>>, at: Moment, now: Interval) {
        let mut state = lock(&self.state);
        let Some(member) = state.members.get(secret).cloned() else { return };
        // An older read never replaces a newer one.
        if state.is_late(secret, at) {
            return;
        }
        let before = state.take_in(&member, ring, at, now);
        let versions = before.as_ref().map(SecretState::versions).unwrap_or_default();
        let standing: Vec<_> = ring.iter().flat_map(|ring| ring.versions()).map(|v| v.id).collect();
        if versions != standing {
            self.usage.keep(&versions, &standing, now.latest.as_millis());
        }
        let published = self.published.load();
        let slot = published.get(&member.audience);
        let outdated = match before.is_some_and(|before| before.accepts_the_same(&member, ring)) {
            true => {
                if let (Some(slot), Some(place)) = (slot, state.place(&member.audience)) {
                    slot.move_on(place);
                }
                None
            }
            false => {
                state.changed(&member.audience, self.clock.moment());
                slot.and_then(Slot::outdate)
            }
        };
        drop(state);
        // Whoever waits for a change comes back, and finds what is in force now.
        if let Some(publication) = outdated {
            publication.content.replaced.cancel();
        }
        self.generation.send_modify(|g| *g += 1);
    }

    /// Decides on a presented token for any of these audiences.
    pub fn decide(&self, audiences: &[Arc<str>], presented: &[u8]) -> Decision {
        let at = self.clock.moment();
        let published = self.published.load();
        let mut refused = None;
        let mut unsure = audiences.is_empty();
        for audience in audiences {
            let newest = published.get(audience).map(|slot| self.newest(audience, slot));
            let newest = newest.as_ref().and_then(|newest| newest.as_deref());
            let view = newest.map(|newest| &newest.view);
            match (decide(view, presented, at), view) {
                (Verdict::Accepted(grant), Some(view)) => {
                    let accepted = Accepted::of(view, &grant, at);
                    // Where the audience's view is not young, that may be another secret's doing.
                    let own = newest.filter(|_| !accepted.young);
                    let own = own.and_then(|newest| self.by_its_own_secret(newest, presented, at));
                    return Decision::Accepted(Box::new(own.unwrap_or(accepted)));
                }
                // An expired token is known better than an unknown one.
                (Verdict::Refused(reason), _) => {
                    refused = refused.filter(|r| *r == Reason::Expired).or(Some(reason));
                }
                (Verdict::Accepted(_) | Verdict::Unsure, _) => {
                    let own = newest.and_then(|newest| self.by_its_own_secret(newest, presented, at));
                    if let Some(accepted) = own {
                        return Decision::Accepted(Box::new(accepted));
                    }
                    unsure = true;
                }
            }
        }
        match refused {
            Some(Reason::Malformed) => Decision::Refused(Reason::Malformed),
            Some(reason) if !unsure => Decision::Refused(reason),
            _ => Decision::Unsure,
        }
    }

    /// A known token's age is that of its own secret: that another one of the audience can't be read says nothing
    /// against it.
    fn by_its_own_secret(&self, newest: &Publication, presented: &[u8], at: Moment) -> Option<Accepted> {
        let set = &newest.view.set;
        let entry = set.find(&Digest::of(presented))?;
        let (taken, now_ms) = lock(&self.state).last_read(&entry.secret)?;
        let view = View { set: set.clone(), now_ms, age_ms: 0, taken, complete: false };
        let Verdict::Accepted(grant) = decide(Some(&view), presented, at) else { return None };
        Some(Accepted::of(&view, &grant, at))
    }

    /// The newest view of one audience, and what of it is sent.
    pub fn published(&self, audience: &str) -> Option<Arc<Publication>> {
        let published = self.published.load();
        let newest = self.newest(audience, published.get(audience)?);
        Option::clone(&newest)
    }

    /// The publication that is in force. The first to ask after a change makes it: of a thousand changes that nobody
    /// asks for in between, one is made.
    fn newest(&self, audience: &str, slot: &Slot) -> Guard<Option<Arc<Publication>>> {
        if slot.is_outdated() {
            let mut state = lock(&self.state);
            if slot.is_outdated() {
                self.renew(&mut state, audience, slot);
            }
        }
        slot.newest()
    }

    fn renew(&self, state: &mut State, audience: &str, slot: &Slot) {
        let since = state.take_change(audience).unwrap_or_else(|| self.clock.moment());
        let serial = state.next_serial();
        let before = slot.newest();
        let view = state.view(audience);
        slot.replace(view.map(|view| Publication::new(view, before.as_deref(), serial, since)));
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
    pub fn verifiers(&self, audience: &str) -> Vec<KnownVerifier> {
        let bounds = lock(&self.state).bounds;
        let Some(published) = self.published(audience) else { return Vec::new() };
        self.registry.verifiers(audience, &published.content, bounds, self.clock.moment())
    }

    /// What wakes the reader of a secret when somebody needs it fresh.
    pub fn refresh_signal(&self, secret: &str) -> Arc<Notify> {
        lock(&self.state).refresh_signal(secret)
    }

    /// Asks for a new read of every secret of these audiences, one for all who ask, and waits until
    /// each was read since. The caller bounds how long, and by its request's place how many wait here; a read of the
    /// store is made once a second at most, whoever asks.
    pub async fn refreshed(&self, audiences: &[Arc<str>]) {
        let asked = self.clock.moment().boot_ms;
        let mut generation = self.generation.subscribe();
        for signal in lock(&self.state).stale(audiences, asked) {
            signal.notify_one();
        }
        while lock(&self.state).is_stale(audiences, asked) {
            if generation.changed().await.is_err() {
                return;
            }
        }
    }
}
