//! What a rotation would do, step by step: played through on a copy of the store, by the function that decides on a real
//! one.

use super::translate;
use crate::{
    causes::chain,
    config::SecretConfig,
    http::operator::{OrderError, PlannedStep, Preview},
    rotation::{
        plan::{self, Decided, Demand, Next, Refusal, Request, Step},
        ring::VersionId,
    },
    store::{ReadError, Store, Versions as _, decorators::DryRun},
    time::{Timestamp, millis},
};

/// Far more than a rotation takes, whatever is left over from others and however often it looks again meanwhile.
const TURNS: usize = 10_000;

pub(super) async fn of(
    store: &dyn Store,
    secret: &SecretConfig,
    compromised: bool,
) -> Result<Preview, OrderError> {
    let (subject, terms) = (translate::secret(secret), secret.policy.terms());
    let mut copy = DryRun::new(store, subject, terms.store.notes).with_lag(terms.store.store_lag);
    let unknown =
        |why: &str| OrderError::Unknown(format!("{}: no current version is known: {why}", secret.name));
    let first = copy.read().await.map_err(|error| match error {
        ReadError::Unavailable(_) => unknown(&chain(&error)),
        _ => OrderError::Refused(format!("{}: {}", secret.name, chain(&error))),
    })?;
    let ring = first.ring.ok_or_else(|| unknown("the secret has no version yet"))?;
    let current = ring.current.id;
    let named = None;
    let request = if compromised { Request::Compromised { named } } else { Request::Rotate { named } };
    let demand = match request.bind(&ring, first.now) {
        Ok(bound) => bound.demand,
        // What nobody may promote is taken back first, and the plan says so; the order is for afterwards.
        Err(Refusal::Orphaned(_)) => Demand::Rotate { current },
        Err(refusal) => return Err(OrderError::Refused(refusal.to_string())),
    };
    let (mut steps, mut made) = (Vec::new(), None);
    for _ in 0..TURNS {
        let seen = copy.read().await.map_err(|error| unknown(&chain(&error)))?;
        let now = seen.now.latest;
        match plan::next(seen.ring.as_ref(), &secret.policy, Some(&demand), seen.now) {
            Next::Do(decided @ Decided { step, .. }) => {
                steps.push(planned(&step, now.since(first.now.latest), made));
                let done = copy.apply(&decided).await;
                done.map_err(|error| OrderError::Unknown(chain(&error)))?;
                if let Step::Stage { .. } = step {
                    let after = copy.read().await.map_err(|error| unknown(&chain(&error)))?;
                    made = after.ring.and_then(|ring| ring.pending).map(|pending| pending.id);
                }
            }
            Next::Idle { until } => {
                let Some(ring) = &seen.ring else { break };
                let over = ring.current.id != current && ring.previous.is_empty();
                let later = until.filter(|until: &Timestamp| *until > now);
                let stuck = later.is_none() && ring.pending.is_none() && ring.current.id == current;
                let held = ring.findings.held.filter(|_| stuck);
                if over || held.is_some() {
                    return Ok(Preview { steps, waits_for: held.map(|held| held.to_string()) });
                }
                // Where nothing says when, a daemon looks again each `sync`.
                copy.advance_to(later.unwrap_or(now + terms.sync));
            }
        }
    }
    Err(OrderError::Unknown(format!("{}: the rotation would not end", secret.name)))
}

/// The id of a version that is not made yet is nobody's to know.
fn planned(step: &Step, after: std::time::Duration, made: Option<VersionId>) -> PlannedStep {
    let text = step.to_string();
    let step = made.map_or_else(|| text.clone(), |made| text.replace(&made.to_string(), "the new version"));
    PlannedStep { after_ms: millis(after), step }
}
