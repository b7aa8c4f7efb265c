//! What can be done to a secret in the store.

use std::fmt;

use super::super::ring::VersionId;
use crate::time::Timestamp;

/// One change of the store. Each names the versions that it rests on, can be repeated, and is
/// refused as a conflict where the store has moved on.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// Make the secret, with its first version current at once.
    Create,
    /// Make a pending version with a new token, to follow `current`.
    Stage {
        /// The version that it follows, from which its id is derived.
        current: VersionId,
    },
    /// Write a deadline on a version, before it is replaced or taken back.
    Note {
        /// The version that the note is about.
        version: VersionId,
        /// Its deadline.
        until: Timestamp,
    },
    /// Make the pending version current; the current one becomes previous.
    Promote {
        /// The version that becomes current.
        pending: VersionId,
        /// The version that it takes the place of.
        current: VersionId,
        /// How long from then on the replaced one is accepted (where the note is part of the
        /// promotion); zero where it is ended.
        accepted_for: std::time::Duration,
    },
    /// Take back a pending version.
    Drop {
        /// That version.
        pending: VersionId,
    },
    /// Forget a previous version.
    Retire {
        /// That version.
        version: VersionId,
    },
    /// Mark one version as ended.
    End {
        /// That version: pending or previous.
        version: VersionId,
    },
    /// Mark every version that stands now as ended.
    EndAll {
        /// The version that is current now; it stays accepted until it is replaced.
        current: VersionId,
    },
    /// Put the schedule on hold.
    Pause {
        /// The version that is current now.
        current: VersionId,
    },
    /// Lift the hold.
    Unpause {
        /// The version that is current now.
        current: VersionId,
    },
    /// Skip the slots until now.
    Keep {
        /// The version that is current now.
        current: VersionId,
    },
    /// Put in order what the store says is untidy on a version: one write, that changes nothing of what is
    /// accepted.
    Tidy {
        /// That version.
        version: VersionId,
    },
}

impl Step {
    /// Whether there is a new version after it.
    pub const fn makes_a_version(&self) -> bool {
        matches!(self, Self::Create | Self::Stage { .. })
    }

    /// Whether the other one asks for the same, whatever time it was decided at.
    pub fn is_again(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Note { version, .. }, Self::Note { version: noted, .. }) => version == noted,
            _ => self == other,
        }
    }
}

/// As logs and dry runs say it: the kind, and the version that it is about.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create => f.write_str("create: the secret gets its first version"),
            Self::Stage { current } => {
                write!(f, "stage: a pending version with a new token follows {current}")
            }
            Self::Note { version, until } => write!(f, "note: {version} is accepted until {until}"),
            Self::Promote { pending, current, .. } => {
                write!(f, "promote: {pending} becomes current, {current} previous")
            }
            Self::Drop { pending } => write!(f, "drop: pending {pending} is taken back"),
            Self::Retire { version } => write!(f, "retire: {version} is forgotten"),
            Self::End { version } => write!(f, "end: {version} is marked"),
            Self::EndAll { .. } => f.write_str("end: every version is marked"),
            Self::Pause { .. } => f.write_str("pause: the schedule is on hold"),
            Self::Unpause { .. } => f.write_str("unpause: the schedule goes on"),
            Self::Keep { .. } => f.write_str("keep: the slots until now are skipped"),
            Self::Tidy { version } => write!(f, "tidy: what is left over on {version} is put in order"),
        }
    }
}
