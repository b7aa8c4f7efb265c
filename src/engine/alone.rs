//! A secret's turns without a daemon: a command makes them itself, on the store. Compare-and-swap makes that safe beside
//! running daemons.

use std::time::Duration;

use super::{
    observation::Observation,
    rotator::{Rotator, Seen},
};
use crate::{
    causes::chain,
    clock::elapsed,
    rotation::{
        plan::{Demand, Next, Phase, finished},
        policy::{Notes, Policy},
        ring::Previous,
    },
    store::WriteError,
};

/// Between two turns, where the first one has changed nothing.
const REST: Duration = Duration::from_millis(200);

/// How long a command itself works at replacing what it has ended.
const EMERGENCY_PATIENCE: Duration = Duration::from_secs(50);

/// How long a one-shot run looks again, beyond what a read can be late, before it leaves a conflict to the next run.
const CONFLICT_PATIENCE: Duration = Duration::from_secs(2);

/// How much longer than the soak a promotion is waited for.
const PROMOTION_PATIENCE: Duration = Duration::from_secs(60);

/// A promotion that is late by so much was not only overtaken by the end of a one-shot run: it has failed.
const LATE: Duration = Duration::from_secs(5);

/// What came of one turn.
enum Turn {
    Step,
    Conflict,
    /// The store did not take the step.
    Failed(String),
    Nothing,
}

/// What was ended is marked, and its replacement was not current in time; the last error of the store.
#[derive(Debug)]
pub struct NotReplaced(pub Option<String>);

impl Rotator {
    /// What is known of the secret.
    pub fn known(&self) -> &Observation {
        &self.last
    }

    /// Turns until `over` says so, which is asked after each read with what came of the turn before.
    async fn turns<T>(
        &mut self,
        policy: &Policy,
        demand: Option<&Demand>,
        mut over: impl FnMut(&Self, Option<(&Seen, Next)>, &Turn) -> Option<T> + Send,
    ) -> T {
        let mut last = Turn::Nothing;
        loop {
            let seen = self.observe(policy).await.ok();
            let decided = seen.as_ref().map(|seen| (seen, self.decide(seen, policy, demand)));
            if let Some(over) = over(self, decided, &last) {
                return over;
            }
            last = match decided {
                Some((seen, Next::Do(decided))) => match self.act(seen, decided, policy).await {
                    Ok(()) => Turn::Step,
                    Err(WriteError::Conflict) => Turn::Conflict,
                    Err(error) => Turn::Failed(chain(&error)),
                },
                _ => Turn::Nothing,
            };
            if !matches!(last, Turn::Step) {
                self.clock.sleep(REST).await;
            }
        }
    }

    /// A read, and where `act`, the step that is due, which is read back.
    pub async fn turn(&mut self, policy: &Policy, act: bool) {
        let Ok(seen) = self.observe(policy).await else { return };
        if let Next::Do(decided) = self.decide(&seen, policy, None)
            && act
            && self.act(&seen, decided, policy).await.is_ok()
        {
            // What it shows is known by then, or known not to be.
            drop(self.observe(policy).await);
        }
    }

    /// Turns until nothing is left to do now. Where somebody else was faster, or a read was late, a later read decides.
    pub async fn settle(&mut self, policy: &Policy) {
        let patience = policy.terms().store.store_lag + CONFLICT_PATIENCE;
        let mut from = self.clock.moment();
        self.turns(policy, None, |this, decided, last| {
            let now = this.clock.moment();
            if matches!(last, Turn::Step) {
                from = now;
            }
            let is_left = match last {
                Turn::Step | Turn::Nothing => false,
                Turn::Conflict => elapsed(from, now) >= patience,
                Turn::Failed(_) => true,
            };
            let is_nothing = !matches!(decided, Some((_, Next::Do(_))));
            (is_left || is_nothing).then_some(())
        })
        .await;
    }

    /// Turns until nothing is left of an order that only this process knows of, or until it is known that nothing more can
    /// be done for it: why. (The time of a mark may be rounded up, and what it ends is replaced only after it.)
    pub async fn carry_through(
        &mut self,
        policy: &Policy,
        demand: &Demand,
    ) -> Result<Option<String>, NotReplaced> {
        let (from, mut trouble) = (self.clock.moment(), None);
        self.turns(policy, Some(demand), |this, decided, last| {
            if let Turn::Failed(why) = last {
                trouble = Some(why.clone());
            }
            let seen = decided.map(|(seen, _)| seen);
            let held_up = seen.and_then(|seen| this.held_up(seen, demand));
            let ring = seen.and_then(|seen| seen.ring.as_ref());
            if held_up.is_some() || ring.is_some_and(|ring| finished(ring, demand)) {
                return Some(Ok(held_up));
            }
            let is_late = elapsed(from, this.clock.moment()) > EMERGENCY_PATIENCE;
            is_late.then(|| Err(NotReplaced(trouble.take())))
        })
        .await
    }

    /// Turns until nothing soaks any more; no longer than it should take, and a minute.
    pub async fn wait_for_promotion(&mut self, policy: &Policy) {
        let (from, patience) = (self.clock.moment(), policy.soak() + PROMOTION_PATIENCE);
        let soaks = |this: &Self| this.last.promotes.is_some() && this.last.phase == Phase::Soaking;
        while soaks(self) && elapsed(from, self.clock.moment()) < patience {
            self.clock.sleep(REST).await;
            self.settle(policy).await;
        }
    }

    /// A version that somebody else has replaced gets its deadline once a second read, `store_lag` later, shows none
    /// either: nobody else may come to read it.
    pub async fn note_what_others_replaced(&mut self, policy: &Policy) {
        let store = policy.terms().store;
        let ring = self.last.ring.as_ref().filter(|_| store.notes == Notes::BeforePromotion);
        let unnoted = |p: &Previous| p.version.note.is_none() && p.version.ended.is_none();
        if ring.is_some_and(|ring| ring.previous.iter().any(unnoted)) {
            self.clock.sleep(store.store_lag + Duration::from_secs(2)).await;
            self.settle(policy).await;
        }
    }

    /// Whether a one-shot run has left nothing undone that was due; `waited`: for promotions, too.
    pub fn is_well(&self, waited: bool) -> bool {
        let Observation { phase, overdue, promotes, read, .. } = *self.last;
        let Some((at, then)) = read else { return false };
        let now = then.latest + elapsed(at, self.clock.moment());
        let is_late = promotes.is_some_and(|promotes| promotes + LATE < now);
        let is_left = phase == Phase::Soaking && (waited || is_late);
        phase != Phase::Parked && !overdue && !is_left
    }
}
