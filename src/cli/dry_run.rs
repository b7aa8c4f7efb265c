//! `rotate --dry-run`: the next steps and when, played through on a copy.

use std::sync::Arc;

use anyhow::Result;

use super::{orders, output};
use crate::{
    app::{Local, open_store},
    clock::{Clock, SystemClock},
    config::Config,
    http::operator::Operator,
    rotation::plan::{self, Next, Request},
    store::{Store, decorators::DryRun},
};

/// A rotation has fewer steps than this, whatever is left over from others.
const STEPS: usize = 64;

pub(super) async fn run(config: &Config, name: &str, compromised: bool) -> Result<()> {
    let Some(secret) = config.secrets.iter().find(|secret| *secret.name == *name) else {
        return Err(anyhow::anyhow!("no secret named {name:?} in the config"));
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let store = open_store(config, &clock).await?;
    let status = Local::on(config, &store, Arc::clone(&clock), false).secret(name).await?;
    let current = orders::current(&status)?;
    let named = Some(current);
    let request = if compromised { Request::Compromised { named } } else { Request::Rotate { named } };
    let subject = crate::app::subject(secret);
    let copy = DryRun::new(store, secret.policy.terms().store.notes);
    output::say(&format!("{name}: nothing is changed; what a rotation would do:"));
    let mut start = None;
    let mut demand = None;
    for _ in 0..STEPS {
        let seen = copy.read(&subject).await?;
        if let Some(ring) = seen.ring.as_ref().filter(|_| demand.is_none()) {
            demand = Some(request.bind(ring, seen.now)?.demand);
        }
        let from = *start.get_or_insert(seen.now.earliest);
        let at = format!("after {:>9}", output::span(seen.now.earliest.since(from)));
        match plan::next(seen.ring.as_ref(), &secret.policy, demand.as_ref(), seen.now) {
            Next::Do(step) => {
                output::say(&format!("  {at}  {}", step));
                copy.apply(&subject, &step, &seen).await?;
            }
            Next::Idle { until } => {
                let ring = seen.ring.as_ref();
                let over = ring.is_some_and(|r| r.current.id != current && r.previous.is_empty());
                match until.filter(|_| !over) {
                    Some(until) => copy.advance_to(until),
                    None => return Ok(()),
                }
            }
        }
    }
    Ok(())
}
