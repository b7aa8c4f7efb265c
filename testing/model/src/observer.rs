//! The observer: it sees the store as it is, and takes down what has to be remembered to judge a later state.

use std::sync::Arc;

use crossfade::rotation::{
    plan::{Request, Step},
    ring::VersionId,
};

use crate::{
    promise::sentence,
    rules::{TICK, at},
    state::{Order, State},
    world::World,
};

impl World {
    /// The observer takes down what is so now. `ours`: no person did it.
    pub(crate) fn look(&self, state: &mut State, ours: bool) {
        let tick = state.tick;
        for n in 0..self.secrets {
            let truth = state.store.truth(n);
            let old = &state.fates[n];
            let mut fates = (**old).clone();
            for id in truth.versions.keys() {
                let (hasty, excused_until) = (fates.hasty, fates.excused_until);
                let fate = fates.versions.entry(*id).or_default();
                let is_current = *id == truth.current;
                if is_current && (fate.current.is_none() || fate.replaced.is_some()) {
                    // A promotion that lands late can undo what a person has just rolled back.
                    let undone = tick <= excused_until;
                    if fate.current.is_some() && ours && !undone {
                        state.wrong = Some(sentence::NOT_TWICE);
                    }
                    fate.ended_first = fate.ended.is_some();
                    if hasty && truth.versions[id] + TICK * self.rules.soak() > at(tick) {
                        fate.hasty_until = tick + self.rules.freshness + self.rules.store_lag;
                    }
                    (fate.current, fate.replaced, fate.deadline) = (Some(tick), None, None);
                }
                if !is_current && fate.current.is_some() && fate.replaced.is_none() {
                    (fate.replaced, fate.by_hand) = (Some(tick), !ours);
                }
                if truth.ended.contains(id) {
                    fate.ended.get_or_insert(tick);
                }
                let deadline = truth.deadlines.get(id).copied().filter(|_| !is_current);
                fate.deadline = fate.deadline.max(deadline);
            }
            if fates.versions != old.versions {
                state.fates[n] = Arc::new(fates);
            }
        }
    }

    /// A pause that a person was told of holds the schedule, once no late read can miss it.
    pub(crate) fn judge_step(&self, state: &mut State, secret: usize, step: Step, is_ordered: bool) {
        let paused = state.fates[secret].paused.is_some_and(|at| at + self.rules.store_lag < state.tick);
        let truth = state.store.truth(secret);
        let replaces_an_ended_one = truth.ended.contains(&truth.current);
        let staged = matches!(step, Step::Stage { current } if current == truth.current);
        if paused && staged && !is_ordered && !replaces_an_ended_one {
            state.wrong = Some(sentence::ON_HOLD);
        }
    }

    /// A person is told that an order is done. What it was to end bears a mark in the store by then, or is over: no
    /// daemon has to remember it.
    pub(crate) fn note_told(&self, state: &mut State, secret: usize, order: Order) {
        let tick = state.tick;
        let truth = state.store.truth(secret);
        let fates = Arc::make_mut(&mut state.fates[secret]);
        let is_open = |id: &VersionId| {
            let noted = truth.deadlines.get(id).is_some_and(|deadline| *deadline > at(tick));
            truth.current == *id || truth.pending == Some(*id) || noted
        };
        if order.stood.iter().any(|id| is_open(id) && !truth.ended.contains(id)) {
            state.wrong = Some(sentence::AS_REPORTED);
        }
        fates.told_ended.extend(order.stood.iter().copied());
        match order.request {
            Request::Pause => fates.paused = Some(tick),
            Request::Revoke { version } => drop(fates.told_ended.insert(version)),
            _ => {}
        }
    }
}
