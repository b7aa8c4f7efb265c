//! One state: all that is so, and beside it what the observer has taken down to judge it by.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

use crossfade::{
    rotation::{
        plan::{Bound, Request},
        ring::{Marks, Ring, VersionId},
    },
    store::aws::SecretMemory,
    time::{Interval, Timestamp},
};
use crossfade_verify::{Digest, Moment, View};

use crate::{
    rules::Ticks,
    store::{Store, Write},
};

/// A moment of the model.
#[derive(Clone, Hash, Debug)]
#[expect(
    clippy::derived_hash_with_manual_eq,
    reason = "two are equal by their hash, as the checker takes them"
)]
pub struct State {
    pub(crate) tick: Ticks,
    /// Nobody has done anything in this tick.
    pub(crate) begun: bool,
    pub(crate) store: Store,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) verifiers: Vec<Verifier>,
    /// Writes on their way, each with the last tick in which it lands.
    pub(crate) late: Vec<(Ticks, Write)>,
    pub(crate) left: Left,
    /// What has become of each version of each secret.
    pub(crate) fates: Vec<Arc<Fates>>,
    /// What broke the promise at a step, where no later look would show it.
    pub(crate) wrong: Option<&'static str>,
}

/// Of everything that goes wrong or is asked for, how much may still come.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Left {
    /// Faults.
    pub faults: u8,
    /// Orders.
    pub orders: u8,
    /// Edits by hand.
    pub edits: u8,
}

/// A daemon.
#[derive(Clone, Hash, Debug)]
pub(crate) struct Replica {
    pub(crate) parts: Vec<Part>,
}

/// What a daemon has of one secret.
#[derive(Clone, Default, Hash, Debug)]
pub(crate) struct Part {
    pub(crate) marks: Arc<Marks>,
    pub(crate) memory: Arc<SecretMemory>,
    pub(crate) order: Option<Order>,
    pub(crate) known: Option<Arc<LastRead>>,
    /// It has nothing more to do in this tick.
    pub(crate) done: bool,
    /// It does not reach the store before then.
    pub(crate) cut_until: Ticks,
    /// It can't read values before then.
    pub(crate) dark_until: Ticks,
    /// The observer's: when the store last told the daemon of the secret's labels, whatever it made of that.
    pub(crate) heard: Ticks,
    /// When it wrote last.
    pub(crate) wrote: Option<Ticks>,
    /// The observer's: tokens that the daemon has seen to be ended since it was started.
    pub(crate) learnt: Arc<BTreeSet<Digest>>,
    /// Of a broken one: a deadline that is still to be written.
    pub(crate) owes: Option<(VersionId, Timestamp)>,
}

/// A person's order, while it is carried out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Order {
    pub(crate) request: Request,
    /// What its first read has bound it to.
    pub(crate) bound: Option<Bound>,
    /// What it is to end, where that is all: whatever stood when it was given.
    pub(crate) stood: Arc<BTreeSet<VersionId>>,
    /// A mark of its own is on everything that was made before it, also on what no read has shown.
    pub(crate) marked: bool,
    /// The person was told that it stands.
    pub(crate) told: bool,
    /// When it was given.
    pub(crate) since: Ticks,
}

/// What a daemon's last read showed: what it publishes.
#[derive(Clone, Hash, Debug)]
pub(crate) struct LastRead {
    pub(crate) ring: Option<Arc<Ring>>,
    pub(crate) at: Moment,
    pub(crate) now: Interval,
    /// The same of the last read in which each value was known.
    pub(crate) whole: Option<(Moment, Interval)>,
    /// When that was, in truth.
    pub(crate) read: Ticks,
    /// Tokens that the daemon knows to be ended, and that were not current.
    pub(crate) ended: BTreeSet<Digest>,
}

/// Whatever decides on requests.
#[derive(Clone, Hash, Debug)]
pub(crate) struct Verifier {
    pub(crate) done: bool,
    /// It reaches no daemon before then.
    pub(crate) cut_until: Ticks,
    /// Its machine is suspended until then.
    pub(crate) asleep_until: Ticks,
    /// By how much a clock that stops in suspend has fallen behind.
    pub(crate) stopped: Ticks,
    pub(crate) held: Option<Arc<HeldView>>,
    /// The newest read of each secret that any of its views has rested on.
    pub(crate) newest: Vec<Ticks>,
}

/// A view, and what is true of it.
#[derive(Clone, Debug)]
pub(crate) struct HeldView {
    pub(crate) view: View,
    /// When it was taken in, and when its oldest part was read.
    pub(crate) read: Ticks,
    pub(crate) ended: BTreeSet<Digest>,
}

impl Hash for HeldView {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let View { set, now_ms, age_ms, taken, complete } = &self.view;
        (now_ms, age_ms, taken, complete, self.read, &self.ended).hash(hasher);
        for entry in set.entries() {
            (entry.digest, entry.stage, entry.not_after_ms).hash(hasher);
        }
    }
}

/// What has become of a secret's versions, and of what was ordered about it.
#[derive(Clone, Default, Hash, Debug)]
pub(crate) struct Fates {
    pub(crate) versions: BTreeMap<VersionId, Fate>,
    /// A person was told that the schedule is on hold, then.
    pub(crate) paused: Option<Ticks>,
    /// `revoke --all` was ordered.
    pub(crate) hasty: bool,
    /// A person was told that these are ended.
    pub(crate) told_ended: BTreeSet<VersionId>,
    /// Until one soak after a person's edit, the first sentence of the promise does not hold.
    pub(crate) excused_until: Ticks,
}

/// What has become of one version.
#[derive(Copy, Clone, Default, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Fate {
    /// Since when it was current; and since when it is not any more.
    pub(crate) current: Option<Ticks>,
    pub(crate) replaced: Option<Ticks>,
    pub(crate) ended: Option<Ticks>,
    /// A person did that.
    pub(crate) by_hand: bool,
    /// It was marked before it became current.
    pub(crate) ended_first: bool,
    pub(crate) deadline: Option<Timestamp>,
    /// Until then a verifier may refuse it: it became current without a soak.
    pub(crate) hasty_until: Ticks,
}

/// By what makes a difference; a path is made of states that are looked for again.
impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        stateright_fingerprint(self) == stateright_fingerprint(other)
    }
}

fn stateright_fingerprint(state: &State) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    state.hash(&mut hasher);
    hasher.finish()
}

impl State {
    /// For a table of states.
    pub(crate) fn fingerprint(&self) -> u64 {
        stateright_fingerprint(self)
    }
}
