//! What becomes of a state once nothing goes wrong any more: within so many ticks everything is at rest, and each order
//! that a person was told of is carried out.
//!
//! This is no `eventually`: the ticks are counted. Rests that were found once are remembered, for most paths lead to
//! the same few.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use crate::{
    promise::sentence,
    rules::Rules,
    state::{Left, State},
    token::token_of,
    verifier::Sort,
    world::World,
};

/// Longer than a whole rotation with its grace, and one that was ordered meanwhile.
const AT_MOST: u32 = 70;

/// From which states everything comes to rest.
#[derive(Debug, Default)]
pub(crate) struct Rests(Mutex<HashSet<u64>>);

impl World {
    /// The sentence that is broken on the way from here to rest.
    pub(crate) fn breaks_at_last(&self, rests: &Rests, state: &State) -> Option<&'static str> {
        if self.last_slot {
            let rules = Rules { every: 1_000_000, ..self.rules };
            return Self { rules, last_slot: false, ..self.clone() }.breaks_at_last(rests, state);
        }
        let mut state = state.clone();
        state.left = Left { faults: 0, orders: 0, edits: 0 };
        let mut passed = Vec::new();
        for _ in 0..AT_MOST {
            let seen = state.fingerprint();
            passed.push(seen);
            let known = rests.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&seen);
            if !known {
                self.round(&mut state);
                if let Some(sentence) = self.breaks(&state) {
                    return Some(sentence);
                }
            }
            if known || self.is_at_rest(&state) {
                rests.0.lock().unwrap_or_else(PoisonError::into_inner).extend(passed);
                return None;
            }
            self.elapse(&mut state);
        }
        Some(sentence::AT_REST)
    }

    /// Nothing is on its way, no rotation has begun, and none that was ordered is left.
    fn is_at_rest(&self, state: &State) -> bool {
        let at_rest = (0..self.secrets).all(|secret| {
            let truth = state.store.truth(secret);
            let told = &state.fates[secret].told_ended;
            let ended = told.iter().all(|id| {
                let accepted = |sort| sort == Sort::Accepted;
                let token = token_of(*id);
                truth.current != *id
                    && !state.verifiers.iter().any(|v| accepted(v.verdict(&token, state.tick, self.broken)))
            });
            let held = truth.paused && !truth.ended.contains(&truth.current);
            let orders = state.replicas.iter().all(|replica| replica.parts[secret].order.is_none());
            (truth.quiet || (held && truth.pending.is_some())) && ended && orders
        });
        at_rest && state.late.is_empty()
    }
}
