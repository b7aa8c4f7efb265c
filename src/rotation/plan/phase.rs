//! The phase of a secret, as people see it.

use super::super::{
    policy::Policy,
    ring::{Previous, Ring},
};
use super::due::is_due;
use crate::time::Interval;

labels! {
    /// One at a time; the first that fits, in this order.
    #[derive(Copy, Clone, Default, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    pub enum Phase {
        /// Can't be rotated until something is mended.
        Parked = "parked",
        /// On hold, by a person.
        Paused = "paused",
        /// A pending version stands.
        Soaking = "soaking",
        /// Due, but held up; or nothing is known yet.
        #[default]
        Waiting = "waiting",
        /// A previous version is still accepted.
        Grace = "grace",
        /// Nothing to do.
        Idle = "idle",
    }
}

/// The phase of a secret whose reads succeed (else it is parked, which only the loop that reads it can know).
pub fn phase(ring: &Ring, policy: &Policy, now: Interval) -> Phase {
    let accepted = |p: &Previous| p.version.ended.is_none() && p.deadline > now.latest;
    if ring.findings.held.is_some_and(|held| !held.passes()) {
        Phase::Parked
    } else if ring.paused.is_some() {
        Phase::Paused
    } else if ring.pending.is_some() {
        Phase::Soaking
    } else if ring.current.ended.is_some() || is_due(ring, policy, now) {
        Phase::Waiting
    } else if ring.previous.iter().any(accepted) {
        Phase::Grace
    } else {
        Phase::Idle
    }
}
