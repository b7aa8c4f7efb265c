//! An order as a person gives it, before anybody has read the store for it.
//!
//! An order is about what stands now. So whoever takes one reads the store first, and binds it to what that read shows:
//! what a person saw before that may be over.

use std::fmt;

use super::{
    super::ring::{Ring, VersionId},
    demand::{Demand, Refusal, refusal, settled},
};
use crate::time::{Interval, Timestamp};

/// What is ordered. A version stands in it only where the person has named one.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Request {
    /// Replace the current version. Lifts a pause.
    Rotate {
        /// Only if this version is current.
        named: Option<VersionId>,
    },
    /// End all versions; the current one ends when its replacement has soaked.
    Compromised {
        /// Only if this version is current.
        named: Option<VersionId>,
    },
    /// End all versions; the current one is replaced at once.
    RevokeAll {
        /// Only if this version is current.
        named: Option<VersionId>,
    },
    /// End every previous version.
    RevokePrevious {
        /// Only if this version is current: what it replaces was shown to nobody.
        named: Option<VersionId>,
    },
    /// End one version, which must not be current.
    Revoke {
        /// That version.
        version: VersionId,
    },
    /// Take back the pending version, and skip the slot.
    Abort {
        /// Only if this version is pending.
        named: Option<VersionId>,
    },
    /// Put the schedule on hold.
    Pause,
    /// Lift the hold, and skip the slots that it covered.
    Resume,
}

impl Request {
    /// Whether it condemns a version, and so brooks no delay.
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Compromised { .. }
                | Self::RevokeAll { .. }
                | Self::RevokePrevious { .. }
                | Self::Revoke { .. }
        )
    }

    /// Whether a new version is to take the current one's place.
    pub fn replaces(&self) -> bool {
        matches!(self, Self::Rotate { .. } | Self::Compromised { .. } | Self::RevokeAll { .. })
    }

    /// Binds it to what a read shows that began after the order was given.
    pub fn bind(self, ring: &Ring, now: Interval) -> Result<Bound, Refusal> {
        let current = ring.current.id;
        let named = match self {
            Self::Rotate { named }
            | Self::Compromised { named }
            | Self::RevokeAll { named }
            | Self::RevokePrevious { named } => named,
            Self::Revoke { .. } | Self::Abort { .. } | Self::Pause | Self::Resume => None,
        };
        if let Some(named) = named.filter(|named| *named != current) {
            return Err(Refusal::NotCurrent { named, current });
        }
        // What the read shows was made before the order, whatever the clocks of two of the store's machines say.
        let until = ring.versions().map(|version| version.created).fold(now.latest, Ord::max);
        let pending = ring.pending.map(|pending| pending.id);
        let demand = match self {
            Self::Rotate { .. } => Demand::Rotate { current },
            Self::Compromised { .. } => Demand::Compromised { until },
            Self::RevokeAll { .. } => Demand::RevokeAll { until },
            Self::RevokePrevious { .. } => Demand::RevokePrevious { current },
            Self::Revoke { version } => Demand::Revoke { version },
            Self::Abort { named } => {
                Demand::Abort { pending: named.or(pending).ok_or(Refusal::NothingPending)? }
            }
            Self::Pause => Demand::Pause,
            Self::Resume => Demand::Resume,
        };
        let bound = Bound { demand, current, pending, until };
        refusal(ring, &demand).map_or(Ok(bound), Err)
    }
}

/// An order, bound to what a read has shown.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Bound {
    /// What it asks of the store.
    pub demand: Demand,
    /// What was current.
    pub current: VersionId,
    /// What was pending.
    pending: Option<VersionId>,
    /// The last moment that counts as before the order.
    pub until: Timestamp,
}

impl Bound {
    /// Why the order can't be carried out any more: what it is about has become another thing, and not by the order.
    pub fn overtaken(&self, ring: &Ring) -> Option<Refusal> {
        let now = ring.current.id;
        let moved = match self.demand {
            // What follows was pending then, or was made since. What is older was made current by a person, or the read
            // to which the order was bound was late.
            Demand::Rotate { current } => {
                let follows = self.pending == Some(now) || ring.current.created > self.until;
                (now != current && !follows).then_some(current)
            }
            Demand::RevokePrevious { current } => (now != current).then_some(current),
            Demand::Abort { pending } if now == pending => return Some(Refusal::Promoted(pending)),
            _ => None,
        };
        let moved = moved.map(|named| Refusal::NotCurrent { named, current: now });
        moved.or_else(|| refusal(ring, &self.demand).filter(|_| !settled(ring, &self.demand)))
    }
}

/// In the words of the command.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, named) = match *self {
            Self::Rotate { named } => ("rotate", named),
            Self::Compromised { named } => ("rotate --compromised", named),
            Self::RevokeAll { named } => ("revoke --all", named),
            Self::RevokePrevious { named } => ("revoke --previous", named),
            Self::Revoke { version } => return write!(f, "revoke --version {version}"),
            Self::Abort { named: Some(pending) } => return write!(f, "abort, of version {pending}"),
            Self::Abort { named: None } => ("abort", None),
            Self::Pause => ("pause", None),
            Self::Resume => ("resume", None),
        };
        f.write_str(verb)?;
        named.map_or(Ok(()), |named| write!(f, ", if version {named} is current"))
    }
}
