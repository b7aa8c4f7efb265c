//! What the engine tells the rest of the daemon: whole values, never deltas.

use std::sync::Arc;

use crossfade_verify::Moment;

use crate::{
    rotation::{
        plan::{Phase, Trigger, Why},
        ring::{Held, Ring, Version},
    },
    store::{Format, Unread},
    time::{Interval, Timestamp},
};

/// A secret as it is known now.
#[derive(Clone, Default, Debug)]
pub struct Observation {
    /// The last versions that were read; they stay when a later read fails.
    pub ring: Option<Arc<Ring>>,
    /// When the last good read *began*, on our clocks, and the store's time then. A read that shows
    /// that there is no usable version counts; one that shows nothing does not.
    pub read: Option<(Moment, Interval)>,
    /// The same of the last one in which every value was known: from then on counts the age of a view that refuses.
    pub whole: Option<(Moment, Interval)>,
    /// What the secret is doing.
    pub phase: Phase,
    /// Why it is being rotated, or is to be.
    pub why: Option<Why>,
    /// Why it can't be rotated.
    pub parked: Option<Parked>,
    /// What holds it up, or what a person should know.
    pub message: Option<String>,
    /// When the next slot is due; in the past where it is held up.
    pub next_slot: Option<Timestamp>,
    /// Whether a slot is due and nothing stands for it.
    pub overdue: bool,
    /// When the pending version may be promoted.
    pub promotes: Option<Timestamp>,
}

/// A secret that can't be rotated until something is mended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parked {
    /// The kind of reason.
    pub reason: Reason,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Parked {
    /// The secret is not in the store, and we may not create it.
    pub(super) fn missing() -> Self {
        let message = "the secret is not in the store: create it there".to_owned();
        Self { reason: Reason::Missing, message }
    }

    /// By what the store shows.
    pub(super) fn by(ring: &Ring, format: Format, unread: Option<&Unread>) -> Option<Self> {
        ring.findings.held.and_then(Self::by_held).or_else(|| Self::by_unread(ring, format, unread?))
    }

    /// What passes by itself only holds a secret up.
    fn by_held(held: Held) -> Option<Self> {
        let reason = match held {
            Held::ForeignPending(_) => Reason::ForeignPending,
            Held::NativeRotation(_) => Reason::NativeRotation,
            Held::Managed(_) => Reason::Managed,
            Held::Replica(_) => Reason::Replica,
            Held::Unusable(_) | Held::Irreplaceable(_) => Reason::Unusable,
            Held::Full(_) | Held::PendingUnread => return None,
        };
        Some(Self { reason, message: held.to_string() })
    }

    /// By what can't be read: nobody can be let in with the current version, and none is promoted unread.
    fn by_unread(ring: &Ring, format: Format, unread: &Unread) -> Option<Self> {
        let needed = std::iter::once(&ring.current).chain(&ring.pending).any(Version::is_unread);
        let message = || told_of_unread(ring, format, unread);
        (needed && unread.denied).then(|| Self { reason: Reason::Denied, message: message() })
    }
}

/// Whether nothing can follow the current version until its value can be read: what else a JSON value holds is kept.
pub(super) fn is_needed(ring: &Ring, format: Format) -> bool {
    format == Format::Json && ring.current.is_unread() && ring.pending.is_none()
}

/// What can't be read, and what waits for it.
pub(super) fn told_of_unread(ring: &Ring, format: Format, unread: &Unread) -> String {
    if !is_needed(ring, format) {
        return unread.to_string();
    }
    format!(
        "{unread}. With `format: json` no new version can be made until it can be read, for it keeps what else the value holds"
    )
}

/// What a person should know of what the store shows.
pub(super) fn told(ring: &Ring) -> Option<String> {
    let rolled_back = ring.findings.rolled_back && ring.paused.is_some();
    let message = "a person has made an older version current again, so the secret was paused: `rotate` to replace it, \
                   or `resume` to go on with it";
    let passing = ring.findings.held.filter(|held| held.passes()).map(|held| held.to_string());
    let copies = ring.findings.replicating.map(str::to_owned);
    passing.or(copies).or_else(|| rolled_back.then(|| message.to_owned()))
}

labels! {
    /// Why secrets are parked.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Reason {
        /// It is not in the store, and we may not create it.
        Missing = "missing",
        /// The store refuses us.
        Denied = "denied",
        /// What we were told of the store is not enough to ask it.
        Misconfigured = "misconfigured",
        /// Its record is damaged or was edited.
        Damaged = "damaged",
        /// Its value is not a token.
        Unusable = "unusable",
        /// The store rejects the new version, time and again.
        Rejected = "rejected",
        /// Somebody else's version is pending.
        ForeignPending = "foreign_pending",
        /// The store's own rotation is on.
        NativeRotation = "native_rotation",
        /// Another service owns it.
        Managed = "managed",
        /// It is a copy of a secret elsewhere.
        Replica = "replica",
    }

    /// How a rotation ended.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Outcome {
        /// Promoted.
        Done = "done",
        /// Given up.
        Failed = "failed",
        /// Taken back by a person.
        Aborted = "aborted",
    }
}

/// Whoever is told. Both calls return once what they were told is in force.
pub trait Observer: Send + Sync {
    /// After each read, before anything is decided on it.
    fn observed(&self, secret: &str, observation: &Arc<Observation>);

    /// A rotation ended, by this process.
    fn rotated(&self, secret: &str, trigger: Trigger, outcome: Outcome);
}
