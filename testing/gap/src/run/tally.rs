//! What is counted, of each server in each phase.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::Kind;

/// What happens meanwhile.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    Quiet,
    Once,
    Twice,
    Throttled,
    Leaked,
    Revoked,
}

/// Of one server in one phase.
#[derive(Clone, Default, Debug)]
pub struct Tally {
    /// Calls with rightful tokens.
    pub calls: u64,
    /// Of these: neither yes nor no (503, or no answer).
    pub unsure: u64,
    /// Of these: 401; when, after the phase's first rotation (0: before it).
    pub refused_at: Vec<Duration>,
    /// Runs in which a rightful token was refused.
    pub hurt: u64,
    /// Tries with a token after its deadline that were let in; there are ten in a second.
    pub accepted_late: u64,
    /// How long after its replacement (or its end) a token was let in for the last time, the longest of the phase.
    pub lasted: Duration,
    /// Whether it was still let in when it was no longer watched.
    pub is_open: bool,
}

impl Tally {
    /// Rightful tokens that were answered 401.
    pub fn wrongly_refused(&self) -> u64 {
        self.refused_at.len() as u64
    }
}

#[derive(Default)]
pub(super) struct Tallies(Mutex<BTreeMap<(Kind, Phase), Tally>>);

impl Tallies {
    pub(super) fn count(&self, kind: Kind, phase: Phase, count: impl FnOnce(&mut Tally)) {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        count(tallies.entry((kind, phase)).or_default());
    }

    pub(super) fn of(&self, kind: Kind, phase: Phase) -> Tally {
        let tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.get(&(kind, phase)).cloned().unwrap_or_default()
    }
}
