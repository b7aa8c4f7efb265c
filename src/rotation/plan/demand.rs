//! What a person can order, and what an order asks of the store.

use super::super::{
    policy::{Notes, Policy},
    ring::{Held, Ring, Version, VersionId},
};
use super::{
    due::is_due,
    hold::{holds_an_order, is_rolled_back, stands},
    step::Step,
};
use crate::time::{Interval, Timestamp};

/// An order, bound to what a read has shown that began after it was given (see [`super::Request`]).
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Demand {
    /// Replace that version, if it is still current. Lifts a pause.
    Rotate {
        /// Seen as current.
        current: VersionId,
    },
    /// End all versions that were made before the order; if one of them is current, when its replacement has soaked.
    Compromised {
        /// The last moment that counts as before the order.
        until: Timestamp,
    },
    /// End all versions that were made before the order; if one of them is current, it is replaced at once.
    RevokeAll {
        /// The last moment that counts as before the order.
        until: Timestamp,
    },
    /// End every previous version, while that one is current.
    RevokePrevious {
        /// Seen as current.
        current: VersionId,
    },
    /// End one version, which must not be current.
    Revoke {
        /// That version.
        version: VersionId,
    },
    /// Take back a pending version, and skip the slot.
    Abort {
        /// Seen as pending.
        pending: VersionId,
    },
    /// Put the schedule on hold.
    Pause,
    /// Lift the hold, and skip the slots that it covered.
    Resume,
}

/// Why an order can't be carried out.
#[derive(Copy, Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Bots hold it, and would be left without a token.
    #[error(
        "version {0} is current: bots hold it. To end it, replace it: `revoke --all` (at once), or \
         `rotate --compromised` (after the soak, so that nobody is refused)"
    )]
    IsCurrent(VersionId),
    /// Not in the store any more, or never was.
    #[error("version {0} is not in the store: it was retired, or never existed; see `status`")]
    NoSuchVersion(VersionId),
    /// The order is about another version.
    #[error("version {named} is not current: version {current} is")]
    NotCurrent {
        /// The version that the order is about.
        named: VersionId,
        /// What is current now.
        current: VersionId,
    },
    /// Nothing is pending.
    #[error("no pending version stands: there is nothing to abort")]
    NothingPending,
    /// It was promoted before it could be taken back.
    #[error("version {0} was promoted before it could be taken back: it is current. To replace it, `rotate`")]
    Promoted(VersionId),
    /// It was to follow a version that a person has replaced.
    #[error(
        "version {0} is pending, and was to follow a version that a person has replaced: it is taken back first, once no \
         late write can promote it (`store.write_lag`). Repeat the order then; see `status`"
    )]
    Orphaned(VersionId),
    /// No rotation can begin.
    #[error(transparent)]
    Held(#[from] Held),
    /// It replaces a version that is ended.
    #[error("the current version is marked as ended: version {0} has to replace it, and can't be aborted")]
    Replaces(VersionId),
}

/// Whether the order is one that may be carried out on this ring.
pub fn refusal(ring: &Ring, demand: &Demand) -> Option<Refusal> {
    let bots_hold = |id: VersionId| ring.version(id).is_some_and(|v| v.digest == ring.current.digest);
    match *demand {
        _ if ring.is_replica() => ring.findings.held.map(Refusal::Held),
        // Also where another version has its token: a person has put that back.
        Demand::Revoke { version } if bots_hold(version) => Some(Refusal::IsCurrent(ring.current.id)),
        Demand::Revoke { version } if ring.version(version).is_none() => {
            Some(Refusal::NoSuchVersion(version))
        }
        Demand::Abort { pending } => match ring.pending {
            Some(p) if p.id == pending && ring.current.ended.is_some() => Some(Refusal::Replaces(pending)),
            Some(p) if p.id == pending => None,
            _ => Some(Refusal::NothingPending),
        },
        Demand::Rotate { .. } if !settled(ring, demand) => {
            let orphan = ring.pending.filter(|_| ring.findings.orphaned);
            let held = holds_an_order(ring).map(Refusal::Held);
            held.or_else(|| orphan.map(|orphan| Refusal::Orphaned(orphan.id)))
        }
        _ => None,
    }
}

/// Whether the order stands in the store, so that it outlives the daemon that took it.
pub fn settled(ring: &Ring, demand: &Demand) -> bool {
    match *demand {
        Demand::Rotate { current } => {
            let follows = ring.pending.as_ref().is_some_and(stands) && !ring.findings.orphaned;
            ring.current.id != current || (follows && ring.paused.is_none())
        }
        Demand::Compromised { until } | Demand::RevokeAll { until } => end_all(ring, until).is_none(),
        Demand::RevokePrevious { .. } => end_previous(ring).is_none(),
        Demand::Revoke { version } => ring.version(version).is_none_or(|v| v.ended.is_some()),
        Demand::Abort { pending } => ring.pending.is_none_or(|p| p.id != pending),
        Demand::Pause => ring.paused.is_some(),
        Demand::Resume => ring.paused.is_none(),
    }
}

/// Whether the daemon that took the order has nothing left to remember of it.
pub fn finished(ring: &Ring, demand: &Demand) -> bool {
    let replaced = match *demand {
        Demand::RevokeAll { until } => ring.current.created > until,
        _ => true,
    };
    replaced && settled(ring, demand)
}

/// The next step of an order; none once there is nothing left that only the order asks for.
pub(super) fn step(ring: &Ring, policy: &Policy, now: Interval, demand: &Demand) -> Option<Step> {
    let current = ring.current.id;
    match *demand {
        Demand::Rotate { current: seen } if seen != current => None,
        Demand::Rotate { .. } if is_rolled_back(ring) => Some(Step::Keep { current }),
        Demand::Rotate { .. } => ring.paused.is_some().then_some(Step::Unpause { current }),
        Demand::Compromised { until } | Demand::RevokeAll { until } => end_all(ring, until),
        Demand::RevokePrevious { current: seen } if seen != current => None,
        Demand::RevokePrevious { .. } => end_previous(ring),
        Demand::Revoke { version } => {
            let stands = ring.version(version).filter(|v| v.ended.is_none());
            stands.map(|v| Step::End { version: v.id })
        }
        Demand::Abort { .. } if is_due(ring, policy, now) => Some(Step::Keep { current }),
        Demand::Abort { pending } => match policy.terms().store.notes {
            Notes::BeforePromotion if ring.pending.as_ref().is_some_and(stands) => {
                let until = policy.taken_back_until(now.latest);
                Some(Step::Note { version: pending, until })
            }
            _ => Some(Step::Drop { pending }),
        },
        Demand::Pause => ring.paused.is_none().then_some(Step::Pause { current }),
        Demand::Resume if ring.paused.is_none() => None,
        Demand::Resume if is_due(ring, policy, now) || is_rolled_back(ring) => Some(Step::Keep { current }),
        Demand::Resume => Some(Step::Unpause { current }),
    }
}

/// The mark on everything that was made until then; one by one, where what is current was made since.
fn end_all(ring: &Ring, until: Timestamp) -> Option<Step> {
    let open = |version: &&Version| version.created <= until && version.ended.is_none();
    let first = ring.versions().find(open)?;
    let current = ring.current;
    let all = current.created <= until;
    Some(if all { Step::EndAll { current: current.id } } else { Step::End { version: first.id } })
}

/// The mark on a previous version that bears none; not on one whose token is current, for bots hold that.
fn end_previous(ring: &Ring) -> Option<Step> {
    let versions = ring.previous.iter().map(|previous| previous.version);
    let mut open = versions.filter(|v| v.ended.is_none() && v.digest != ring.current.digest);
    open.next().map(|version| Step::End { version: version.id })
}
