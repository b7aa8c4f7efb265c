//! Which rule a call falls under.

use super::{Effect, Failure, Rule};
use crate::{log::Call, model::Operation};

/// What the plan says of one call.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(crate) enum PlannedFault {
    LateRead { lag_ms: u64 },
    LateWrite { delay_ms: u64 },
    LostRequest,
    LostReply,
    FailBefore(Failure),
    FailAfter(Failure),
}

/// The rules that stand, and how often each was used.
#[derive(Default, Debug)]
pub(crate) struct Plan {
    rules: Vec<(u64, Rule, u64)>,
    added: u64,
}

impl Plan {
    pub(crate) fn add(&mut self, rule: Rule) -> u64 {
        self.added += 1;
        self.rules.push((self.added, rule, 0));
        self.added
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.rules.retain(|(known, ..)| *known != id);
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// How many rules can still befall a call.
    pub(crate) fn left(&self) -> usize {
        self.rules.iter().filter(|(_, rule, _)| rule.times != Some(0)).count()
    }

    /// The first rule that matches and has no call to skip; the rules after it don't see the call.
    pub(crate) fn befalls(
        &mut self,
        operation: Operation,
        secret: Option<&str>,
        call: &Call,
    ) -> Option<PlannedFault> {
        for (_, rule, used) in &mut self.rules {
            if !rule.matches(operation, secret, call) {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times = rule.times.map(|times| times - 1);
            *used += 1;
            return Some(match &rule.effect {
                Effect::LateRead(delay) => PlannedFault::LateRead { lag_ms: delay.ms(*used, call) },
                Effect::LateWrite(delay) => PlannedFault::LateWrite { delay_ms: delay.ms(*used, call) },
                Effect::LostRequest => PlannedFault::LostRequest,
                Effect::LostReply => PlannedFault::LostReply,
                Effect::FailBefore(failure) => PlannedFault::FailBefore(*failure),
                Effect::FailAfter(failure) => PlannedFault::FailAfter(*failure),
            });
        }
        None
    }
}
