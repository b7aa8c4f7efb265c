//! The rules by which one secret rotates, checked when they are built.
//!
//! A policy that could break the promise can't exist: [`Policy::new`] returns every broken relation
//! at once, each with the sum that shows it.

use std::{sync::Arc, time::Duration};

use super::schedule::Schedule;
use crate::time::Timestamp;

/// A step is not sent on a read that is older: what it is to change may not be so any more. Margins below rest on it.
pub const OLDEST_READ: Duration = Duration::from_secs(10);

/// Two times of the store's, each of which may be rounded by a second.
const ROUNDING: Duration = Duration::from_secs(2);

/// From a note's own step to the promotion that follows it there are three, each on a read of its own.
const THREE_STEPS: Duration = Duration::from_secs(3 * OLDEST_READ.as_secs());

/// What a policy is built from. Every field is what the config names so.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The secret's name: it seeds the jitter.
    pub secret: Arc<str>,
    /// When rotations are due; none: only by hand.
    pub schedule: Option<Schedule>,
    /// By how much a slot may be delayed.
    pub jitter: Duration,
    /// How long a version stays accepted after it has been replaced.
    pub grace: Duration,
    /// How long a pending version has to stand before it may be promoted; none: the least that is safe.
    pub soak: Option<Duration>,
    /// How old a verifier's view may be when it refuses.
    pub freshness: Duration,
    /// How old it may be when it accepts.
    pub hold: Duration,
    /// How often a replica reads the store.
    pub sync: Duration,
    /// What the store is like.
    pub store: StoreTraits,
}

/// What the rules have to allow for in a store.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct StoreTraits {
    /// How late a read may show a write.
    pub store_lag: Duration,
    /// How late a write that was sent may land.
    pub write_lag: Duration,
    /// When a replaced version gets its deadline.
    pub notes: Notes,
    /// Whether a secret that does not exist is created.
    pub creates: bool,
}

/// When a replaced version gets its deadline.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Notes {
    /// In the same transaction as the promotion.
    WithPromotion,
    /// By a write of its own before it: the store can't change two things at once.
    BeforePromotion,
}

/// The rules for one secret. They hold together; see [`Policy::new`].
#[derive(Clone, Debug)]
pub struct Policy {
    terms: Terms,
    soak: Duration,
}

/// A relation that the rules break.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PolicyError {
    /// A verifier could refuse a token that a bot has just read.
    #[error(
        "soak ({soak:?}) is shorter than freshness + store_lag ({freshness:?} + {store_lag:?} = {least:?}): \
         a verifier could refuse the new token; raise soak or leave it out"
    )]
    SoakTooShort {
        /// As configured.
        soak: Duration,
        /// As configured.
        freshness: Duration,
        /// As configured.
        store_lag: Duration,
        /// The least that is safe.
        least: Duration,
    },
    /// A replica's own view could not stay fresh.
    #[error(
        "sync ({sync:?}) is more than a third of freshness ({freshness:?} / 3 = {most:?}): lower sync or raise freshness"
    )]
    SyncTooSlow {
        /// As configured.
        sync: Duration,
        /// As configured.
        freshness: Duration,
        /// The most that is allowed.
        most: Duration,
    },
    /// A rotation could not end before the next one is due.
    #[error(
        "the schedule's shortest gap ({gap:?}) is not longer than soak + jitter ({soak:?} + {jitter:?} = {sum:?}): \
         rotate less often, or lower soak or jitter"
    )]
    GapTooShort {
        /// Between two slots.
        gap: Duration,
        /// In force.
        soak: Duration,
        /// As configured.
        jitter: Duration,
        /// Of the two.
        sum: Duration,
    },
    /// A token could be read and already be past its grace.
    #[error("grace ({grace:?}) is shorter than 2 × store_lag (2 × {store_lag:?} = {least:?}): raise grace")]
    GraceTooShort {
        /// As configured.
        grace: Duration,
        /// As configured.
        store_lag: Duration,
        /// The least that is safe.
        least: Duration,
    },
}

impl Policy {
    /// Checks the terms against each other. All broken relations are returned, not only the first.
    pub fn new(terms: Terms) -> Result<Self, Vec<PolicyError>> {
        let mut errors = Vec::new();
        let Terms { freshness, sync, jitter, grace, store: StoreTraits { store_lag, .. }, .. } = terms;
        let least = freshness.saturating_add(store_lag);
        let soak = terms.soak.unwrap_or(least);
        if soak < least {
            errors.push(PolicyError::SoakTooShort { soak, freshness, store_lag, least });
        }
        let most = freshness / 3;
        if sync > most {
            errors.push(PolicyError::SyncTooSlow { sync, freshness, most });
        }
        let sum = soak.saturating_add(jitter);
        if let Some(gap) = terms.schedule.as_ref().map(Schedule::shortest_gap).filter(|gap| *gap <= sum) {
            errors.push(PolicyError::GapTooShort { gap, soak, jitter, sum });
        }
        let least = store_lag.saturating_mul(2);
        if grace < least {
            errors.push(PolicyError::GraceTooShort { grace, store_lag, least });
        }
        if errors.is_empty() { Ok(Self { terms, soak }) } else { Err(errors) }
    }

    /// The same rules for a one-shot run, which is started by somebody else's schedule.
    pub fn without_jitter(mut self) -> Self {
        self.terms.jitter = Duration::ZERO;
        self
    }

    /// The terms that it was built from.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How long a pending version has to stand in the store.
    pub fn soak(&self) -> Duration {
        self.soak
    }

    /// How long after its promotion's transaction a replaced version is accepted, where the note is
    /// part of it: the grace, and a margin for a reader that was let in just before.
    pub fn accepted_for(&self) -> Duration {
        self.terms.grace + self.terms.freshness + Duration::from_secs(1)
    }

    /// How much a note must have left when the promotion is sent: it may still land `write_lag`
    /// later, on a read that was as old as it may be.
    pub fn needed(&self) -> Duration {
        self.terms.grace + OLDEST_READ + ROUNDING + self.terms.store.write_lag + self.terms.freshness
    }

    /// The deadline that a note bears: what is needed, and enough for the next turns to see it.
    pub fn note_for(&self, latest: Timestamp) -> Timestamp {
        latest + self.needed() + THREE_STEPS + self.terms.store.store_lag * 2 + self.terms.sync
    }

    /// The deadline of a pending version that is taken back: no promotion of it that is still on
    /// its way can land after it.
    pub fn taken_back_until(&self, latest: Timestamp) -> Timestamp {
        let StoreTraits { store_lag, write_lag, .. } = self.terms.store;
        latest + write_lag * 2 + store_lag * 2 + OLDEST_READ * 2 + ROUNDING + self.terms.freshness
    }

    /// A version made this shortly before a slot counts for it; else it would be rotated twice.
    pub fn guard(&self) -> Duration {
        let tenth = self.terms.schedule.as_ref().map_or(Duration::MAX, |s| s.shortest_gap() / 10);
        tenth.min(Duration::from_secs(120))
    }
}

#[cfg(test)]
mod tests;
