//! When the schedule asks for a rotation.

use super::super::{policy::Policy, ring::Ring, schedule::jitter_of};
use crate::time::{Interval, Timestamp};

/// Whether a slot is due.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Due {
    /// The slot of that time, which is the latest: however many were missed, they are made up for by one rotation.
    Now(Timestamp),
    /// Not before then.
    At(Timestamp),
    /// Rotated only by hand.
    Never,
}

/// Whether a slot is due, were there no pending version and no pause.
///
/// - Due is the latest slot, when it is later than the current version's creation (by a guard:
///   a version made just before a slot counts for it), and not before the secret was adopted or
///   its slots were skipped.
/// - The jitter delays a slot; it never moves it past the next one.
pub fn due(ring: &Ring, policy: &Policy, now: Interval) -> Due {
    let Some(schedule) = &policy.terms().schedule else { return Due::Never };
    let created = ring.current.created;
    let guarded = created + policy.guard();
    let kept = ring.kept.unwrap_or_default();
    let delayed = |slot| slot + jitter_of(&policy.terms().secret, slot, policy.terms().jitter);
    let latest = schedule.latest_slot(created, now.earliest).filter(|slot| *slot > guarded && *slot >= kept);
    match latest.map(|slot| (slot, delayed(slot))) {
        Some((slot, at)) if at <= now.earliest => Due::Now(slot),
        Some((_, at)) => Due::At(at),
        None => {
            let after = now.earliest.max(guarded);
            schedule.next_slot(created, after).map_or(Due::Never, |slot| Due::At(delayed(slot)))
        }
    }
}

/// Whether a slot is due, whichever it is.
pub(super) fn is_due(ring: &Ring, policy: &Policy, now: Interval) -> bool {
    matches!(due(ring, policy, now), Due::Now(_))
}
