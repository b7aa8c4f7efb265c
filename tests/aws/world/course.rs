//! How time goes on, and what people order meanwhile.

use std::{collections::BTreeMap, time::Duration};

use crossfade::{
    engine::OrderFailure,
    rotation::plan::{self, Refusal, Request},
};

use super::{SYNC, World};

impl World {
    /// Turns of all replicas, and seconds that pass, for that long.
    pub(crate) async fn run(&mut self, duration: Duration) {
        for second in 0..duration.as_secs() {
            for n in 0..self.replicas.len() {
                // Each at another second of its sync.
                if (second + n as u64).is_multiple_of(SYNC.as_secs()) {
                    for _ in 0..8 {
                        if self.turn(n).await.is_none() {
                            break;
                        }
                    }
                }
            }
            self.server.advance(Duration::from_secs(1));
            self.check("a second later");
        }
    }

    /// Runs until the labels are so.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&BTreeMap<String, String>) -> bool) {
        for _ in 0..2_000 {
            if holds(&self.labels()) {
                return;
            }
            for n in 0..self.replicas.len() {
                self.turn(n).await;
                if holds(&self.labels()) {
                    return;
                }
            }
            self.server.advance(Duration::from_secs(1));
            self.check("a second later");
        }
        panic!("never came: {what}; {:#?}", self.labels());
    }

    /// A person's order to a replica, repeated until it is known to stand or to be refused, as we tell them to.
    pub(crate) async fn order(&mut self, n: usize, request: Request) -> Result<(), Refusal> {
        for _ in 0..30 {
            let outcome = self.replicas[n].rotator.carry_out(&self.policy, request).await;
            self.check("after an order");
            match outcome {
                Ok(done) => {
                    let finished = done.seen.ring.is_some_and(|ring| plan::finished(&ring, &done.demand));
                    self.replicas[n].standing = (!finished).then_some(done.demand);
                    return Ok(());
                }
                Err(OrderFailure::Refused(refusal)) => return Err(refusal),
                Err(OrderFailure::Failed(_) | OrderFailure::Unknown(_)) => {
                    self.server.advance(Duration::from_secs(1));
                }
            }
        }
        panic!("{request} never stood; {:#?}", self.labels());
    }

    /// The same, once: as the person sees it who does not repeat it.
    pub(crate) async fn try_order(&mut self, n: usize, request: Request) -> Result<(), OrderFailure> {
        let done = self.replicas[n].rotator.carry_out(&self.policy, request).await;
        self.check("after an order");
        let done = done?;
        let finished = done.seen.ring.is_some_and(|ring| plan::finished(&ring, &done.demand));
        self.replicas[n].standing = (!finished).then_some(done.demand);
        Ok(())
    }

    /// No rotation is on, and nothing of an earlier one is left but marks, which stay for days.
    pub(crate) fn is_quiet(&self) -> bool {
        let labels = self.labels();
        let over = |label: &str| {
            ["AWSPENDING", "AWSPREVIOUS"].contains(&label) || label.starts_with("crossfade-until")
        };
        let current = labels.get("AWSCURRENT").cloned().unwrap_or_default();
        let is_marked = self.notes(&current).iter().any(|note| note == "compromised" || note == "ended");
        !labels.keys().any(|label| over(label)) && !is_marked
    }

    /// Until nothing is left of any rotation, which it has to come to; in long strides, for verifiers may grow unsure.
    pub(crate) async fn settle(&mut self) {
        self.replicas.iter_mut().for_each(|replica| replica.standing = None);
        let paused = |world: &Self| world.labels().keys().any(|label| label.starts_with("crossfade-paused"));
        for _ in 0..120 {
            for n in 0..self.replicas.len() {
                for _ in 0..12 {
                    if self.turn(n).await.is_none() {
                        break;
                    }
                }
            }
            if self.is_quiet() || (paused(self) && self.holder("AWSPENDING").is_some()) {
                self.nothing_came_back();
                return;
            }
            self.server.advance(Duration::from_secs(15));
            self.check("later");
        }
        panic!("it never came to rest: {:#?}\n{:#?}", self.labels(), self.replicas[0].last);
    }
}
