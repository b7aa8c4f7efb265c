//! An order's turns: a person waits for it, so it is carried through or answered for.

use std::time::Duration;

use super::{
    super::{
        plan::{self, Demand, Next, Refusal},
        policy::Policy,
    },
    rejections::TRIES,
    rotator::{Rotator, Seen, chain},
};
use crate::{
    clock::elapsed,
    store::{ReadError, WriteError},
};

/// An order that makes no headway is answered after this long, or this many turns: a read can be late, and a person
/// waits for the answer.
const PATIENCE: Duration = Duration::from_secs(20);
const TURNS: u32 = 64;

/// Why an order was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OrderFailure {
    /// It can't be carried out as things are.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It may or may not stand in the store.
    #[error("it is not known whether the order stands in the store: {0}. Look at `status`, then repeat it")]
    Unknown(String),
}

impl Rotator {
    /// Turns until the order stands in the store, and was read back and published. An end is not put off by a store
    /// that is busy or out of order: it is tried for as long as anybody waits.
    pub async fn carry_out(&mut self, policy: &Policy, demand: &Demand) -> Result<Seen, OrderFailure> {
        self.rejections.clear();
        let started = self.clock.moment();
        let mut trouble = String::from("it made no headway");
        let (mut admitted, mut failures) = (false, 0);
        for turn in 0..TURNS {
            if elapsed(started, self.clock.moment()) > PATIENCE {
                break;
            }
            match self.observe(policy).await {
                Err(ReadError::Unavailable(error)) if demand.is_end() => trouble = chain(&*error),
                Err(error) => return Err(OrderFailure::Unknown(chain(&error))),
                Ok(seen) => {
                    if let Some(ring) = &seen.ring {
                        if !admitted && let Some(refusal) = plan::refusal(ring, demand) {
                            return Err(refusal.into());
                        }
                        admitted = true;
                        if plan::settled(ring, demand) {
                            return Ok(seen);
                        }
                    }
                    if let Next::Do(step) = self.decide(&seen, policy, Some(demand)) {
                        let Err(error) = self.act(&seen, step, policy, Some(demand)).await else { continue };
                        trouble = chain(&error);
                        let again = match error {
                            WriteError::Conflict => true,
                            WriteError::Unavailable(_) if demand.is_end() => true,
                            _ => failures < TRIES,
                        };
                        failures += u32::from(!matches!(error, WriteError::Conflict));
                        if !again {
                            break;
                        }
                    }
                }
            }
            self.clock.sleep(Duration::from_millis(10 << turn.min(6))).await;
        }
        Err(OrderFailure::Unknown(trouble))
    }
}
