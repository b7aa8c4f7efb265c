//! When a secret is due for rotation.
//!
//! A slot is a function of the schedule and the current version's creation alone, so every replica
//! finds the same ones. There is deliberately no `now` here, no local time zone, and no zone file
//! of the machine: zones come from the database that is compiled in.

mod cron;
mod error;

use std::{sync::Arc, time::Duration};

use sha2::{Digest as _, Sha256};

use self::cron::Cron;
pub use self::error::ScheduleError;
use crate::time::{Timestamp, millis};

/// When a secret is due for rotation: at its slots, all of which lie after the creation of the
/// current version.
///
/// - **Cron** slots are wall-clock times in a time zone. A pattern that names its hours has a slot
///   once for each time it matches: where the clock jumps over that time, at the first moment after
///   the jump; where the clock shows it twice, at the first of the two. A pattern that matches all
///   24 hours (`*/15 * * * *`) goes by elapsed time: nothing for a time that was jumped over,
///   and a slot for both showings of one that was repeated. Whoever wants neither takes UTC.
/// - **Every** slots are at n × period, n ≥ 1, after the creation.
///
/// The cost of a question does not depend on how much time lies between its arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Every { period_ms: u64 },
    Cron(Arc<Cron>),
}

impl Schedule {
    /// The shortest period.
    pub const SHORTEST_PERIOD: Duration = Duration::from_secs(1);
    /// The longest period.
    pub const LONGEST_PERIOD: Duration = Duration::from_secs(36_500 * 24 * 60 * 60);

    /// Slots by a cron pattern of 5 or 6 fields (with the second first), on the wall clock of an
    /// IANA time zone. Days are also `L`, `15W` and `MON#1`; if both day fields are given, either
    /// one is enough, unless the day of week begins with `+`.
    pub fn cron(pattern: &str, timezone: &str) -> Result<Self, ScheduleError> {
        Cron::new(pattern, timezone).map(|cron| Self(Kind::Cron(Arc::new(cron))))
    }

    /// Slots at n × period, n ≥ 1, after the current version's creation. What the period has beyond
    /// whole milliseconds is dropped.
    pub fn every(period: Duration) -> Result<Self, ScheduleError> {
        if (Self::SHORTEST_PERIOD..=Self::LONGEST_PERIOD).contains(&period) {
            Ok(Self(Kind::Every { period_ms: millis(period) }))
        } else {
            Err(ScheduleError::Period { period })
        }
    }

    /// The latest slot at or before `now`, if there is one after `created`. However many slots have
    /// gone by, it is one.
    pub fn latest_slot(&self, created: Timestamp, now: Timestamp) -> Option<Timestamp> {
        match &self.0 {
            Kind::Every { period_ms } => {
                let age = now.as_millis().checked_sub(created.as_millis())?;
                let slot = now.as_millis() - age % period_ms;
                Some(Timestamp::from_millis(slot))
            }
            Kind::Cron(cron) => cron.latest(now),
        }
        .filter(|slot| *slot > created)
    }

    /// The first slot strictly after `after`. There is none where the calendar ends: for cron, with
    /// the year 4999.
    pub fn next_slot(&self, created: Timestamp, after: Timestamp) -> Option<Timestamp> {
        let after = after.max(created);
        match &self.0 {
            Kind::Every { period_ms } => {
                let slots = (after.as_millis() - created.as_millis()) / period_ms + 1;
                let slot = slots.checked_mul(*period_ms)?.checked_add(created.as_millis())?;
                Some(Timestamp::from_millis(slot))
            }
            Kind::Cron(cron) => cron.next(after),
        }
    }

    /// No two slots are nearer to each other than this, be it over a change of the clock.
    pub fn shortest_gap(&self) -> Duration {
        match &self.0 {
            Kind::Every { period_ms } => Duration::from_millis(*period_ms),
            Kind::Cron(cron) => cron.shortest_gap(),
        }
    }
}

/// By how much a secret's slot is delayed: whole milliseconds in `[0, jitter)`, zero where there
/// is none.
///
/// It comes from a hash of the secret's name and the slot, so that replicas agree on it, secrets
/// with one schedule spread, and none is always the last.
pub fn jitter_of(secret: &str, slot: Timestamp, jitter: Duration) -> Duration {
    let hash = Sha256::new().chain_update(slot.as_millis().to_be_bytes()).chain_update(secret).finalize();
    let number = hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte));
    Duration::from_millis(number.checked_rem(millis(jitter)).unwrap_or(0))
}

#[cfg(test)]
mod tests;
