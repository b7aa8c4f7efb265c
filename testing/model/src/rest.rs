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
    /// Whether all comes to rest from here, and nothing breaks the promise on the way.
    pub(crate) fn comes_to_rest(&self, rests: &Rests, state: &State) -> bool {
        if self.last_slot {
            let rules = Rules { every: 1_000_000, ..self.rules };
            return Self { rules, last_slot: false, ..self.clone() }.comes_to_rest(rests, state);
        }
        let mut state = state.clone();
        state.left = Left { faults: 0, orders: 0, edits: 0 };
        let mut passed = Vec::new();
        for _ in 0..AT_MOST {
            let seen = state.fingerprint();
            if rests.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&seen) {
                break;
            }
            passed.push(seen);
            self.round(&mut state);
            let kept = self.refuses_no_rightful_token(&state)
                && self.accepts_none_past_its_deadline(&state)
                && self.accepts_none_that_is_ended(&state)
                && state.wrong.is_none();
            if !kept {
                return false;
            }
            if self.is_at_rest(&state) {
                break;
            }
            self.elapse(&mut state);
        }
        let found = passed.len() < AT_MOST as usize || self.is_at_rest(&state);
        if found {
            rests.0.lock().unwrap_or_else(PoisonError::into_inner).extend(passed);
        }
        found
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
