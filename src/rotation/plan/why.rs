//! Why a step is taken, and what began the rotation that it is part of.

use std::fmt;

use super::{
    super::{policy::Policy, ring::Ring},
    demand::Demand,
    due::{Due, due},
    step::Step,
};
use crate::time::{Interval, Timestamp};

/// Why a step is taken: one reason for each rule of [`next`](super::next).
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Why {
    /// The secret does not exist, and we may create it.
    Missing,
    /// A person has ordered it.
    Ordered(Demand),
    /// A person has made an older version current again.
    RolledBack,
    /// The pending version is ended, or bears a note.
    TakenBack,
    /// The pending version was to follow another one than the current.
    Orphaned,
    /// The pending version has stood for the soak.
    Soaked,
    /// The slot of that time is due.
    Due(Timestamp),
    /// The current version is ended.
    CurrentEnded,
    /// The previous version is ended.
    Ended,
    /// The previous version's deadline has passed.
    Expired(Timestamp),
    /// Notes and labels are to be put in order.
    Untidy,
}

/// A step, and why it is taken.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Decided {
    /// What is done.
    pub step: Step,
    /// What it is done for.
    pub why: Why,
}

/// As logs say it.
impl fmt::Display for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, because {}", self.step, self.why)
    }
}

impl Step {
    /// The step with the reason for it.
    pub const fn because(self, why: Why) -> Decided {
        Decided { step: self, why }
    }
}

labels! {
    /// What began a rotation.
    #[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
    pub enum Trigger {
        /// A slot.
        Schedule = "schedule",
        /// `rotate`.
        Manual = "manual",
        /// `rotate --compromised`.
        Compromised = "compromised",
        /// `revoke --all`.
        Revoke = "revoke",
    }
}

impl Why {
    /// What began the rotation that a step of this reason is part of; none where no rotation needs the step.
    pub fn trigger(&self, ring: Option<&Ring>, policy: &Policy, now: Interval) -> Option<Trigger> {
        Some(match self {
            Self::Missing | Self::Due(_) => Trigger::Schedule,
            Self::Ordered(Demand::Rotate { .. }) => Trigger::Manual,
            Self::CurrentEnded | Self::Ordered(Demand::Compromised { .. }) => Trigger::Compromised,
            Self::Ordered(Demand::RevokeAll { .. }) => Trigger::Revoke,
            Self::Soaked | Self::TakenBack | Self::Orphaned => {
                return began(ring?, policy, now)?.trigger(ring, policy, now);
            }
            Self::Ordered(_) | Self::RolledBack | Self::Ended | Self::Expired(_) | Self::Untidy => {
                return None;
            }
        })
    }
}

/// Why a rotation is under way, or is to begin; none where neither is the case.
///
/// It follows from the ring alone, so that each replica and each process says the same. What was staged while no slot
/// was due was ordered.
pub fn began(ring: &Ring, policy: &Policy, now: Interval) -> Option<Why> {
    let Ring { current, pending, kept, .. } = ring;
    if current.ended.is_some() {
        return Some(Why::CurrentEnded);
    }
    let staged = pending.map(|pending| pending.created);
    // A slot that was skipped later was not skipped then.
    let kept = kept.filter(|kept| staged.is_none_or(|staged| *kept <= staged));
    let then = Ring { kept, previous: Vec::new(), ..*ring };
    match due(&then, policy, staged.map_or(now, Interval::exactly)) {
        Due::Now(slot) => Some(Why::Due(slot)),
        Due::At(_) | Due::Never => pending.map(|_| Why::Ordered(Demand::Rotate { current: current.id })),
    }
}

/// In the words of the command.
const fn command(demand: &Demand) -> &'static str {
    match demand {
        Demand::Rotate { .. } => "rotate",
        Demand::Compromised { .. } => "rotate --compromised",
        Demand::RevokeAll { .. } => "revoke --all",
        Demand::RevokePrevious { .. } => "revoke --previous",
        Demand::Revoke { .. } => "revoke --version",
        Demand::Abort { .. } => "abort",
        Demand::Pause => "pause",
        Demand::Resume => "resume",
    }
}

/// A clause that follows "because".
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the secret has no version yet",
            Self::Ordered(demand) => return write!(f, "`{}` was ordered", command(demand)),
            Self::RolledBack => "a person has made an older version current again",
            Self::TakenBack => "the pending version is ended or was taken back",
            Self::Orphaned => "the pending version was to follow another one than the current",
            Self::Soaked => "the pending version has stood for the soak",
            Self::Due(slot) => return write!(f, "the slot of {slot} is due"),
            Self::CurrentEnded => "the current version is ended",
            Self::Ended => "the version is ended",
            Self::Expired(deadline) => return write!(f, "its deadline, {deadline}, has passed"),
            Self::Untidy => "a note or label is left over",
        })
    }
}
