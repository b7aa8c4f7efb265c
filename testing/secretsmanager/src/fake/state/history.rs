//! The states that a late read can still show.

use std::collections::VecDeque;

use crate::model::Service;

/// A state that was replaced longer ago than this is forgotten; a later read shows the oldest known.
const KEPT_MS: u64 = 60 * 60 * 1000;
/// And there are never more than this.
const STATES: usize = 4096;

/// Every state with the time from which it stood, the newest last; the first is the empty service.
#[derive(Default, Debug)]
pub(super) struct History {
    latest: Service,
    latest_since_ms: u64,
    older: VecDeque<(u64, Service)>,
}

impl History {
    pub(super) fn latest(&self) -> &Service {
        &self.latest
    }

    /// A new state; one that is no change is not kept.
    pub(super) fn push(&mut self, since_ms: u64, state: Service) {
        if state == self.latest {
            return;
        }
        let replaced = std::mem::replace(&mut self.latest, state);
        self.older.push_back((self.latest_since_ms, replaced));
        self.latest_since_ms = since_ms;
        // An older state stood until the next one did.
        while self.older.len() > STATES
            || self.older.get(1).is_some_and(|(until, _)| until.saturating_add(KEPT_MS) < since_ms)
        {
            self.older.pop_front();
        }
    }

    /// The state that stood at that time: a copy, so that asking it changes nothing.
    pub(super) fn as_of(&self, at_ms: u64) -> Service {
        if self.latest_since_ms <= at_ms {
            return self.latest.clone();
        }
        let stood = self.older.iter().rev().find(|(since, _)| *since <= at_ms);
        stood.or(self.older.front()).map_or_else(|| self.latest.clone(), |(_, state)| state.clone())
    }
}
