//! Somebody who kept a token that has been replaced, and goes on trying it.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use super::{tally::Phase, world::World};
use crate::{Kind, clock::now};

/// While it is let in.
const OFTEN: Duration = Duration::from_millis(100);
/// Once it is not: strangers should not drive those servers that ask about each unknown token.
const SELDOM: Duration = Duration::from_secs(3);

/// A token, and when it was replaced.
#[derive(Clone)]
pub(super) struct Replaced {
    pub(super) token: String,
    pub(super) since: Instant,
    /// Known a while after an order is given; until then nothing is late.
    pub(super) deadline: Arc<OnceLock<Instant>>,
    pub(super) phase: Phase,
}

/// Tries it until the world is over.
pub(super) async fn watch(world: Arc<World>, kind: Kind, replaced: Replaced) {
    let Some(caller) = world.callers.get(&kind) else { return };
    let (mut refusals, mut let_in) = (0_u32, false);
    while !world.is_over() {
        let sent = now();
        if let Some(status) = caller.ask(&replaced.token).await {
            let_in = status.is_success();
            refusals = if let_in { 0 } else { refusals + 1 };
        }
        if let_in {
            let late = replaced.deadline.get().is_some_and(|deadline| sent >= *deadline);
            world.tallies.count(kind, replaced.phase, |tally| {
                tally.lasted = tally.lasted.max(sent - replaced.since);
                tally.accepted_late += u64::from(late);
            });
        }
        let seldom = refusals > 3;
        let next = sent + if seldom { SELDOM } else { OFTEN };
        while now() < next && !world.is_over() {
            tokio::time::sleep(next.saturating_duration_since(now()).min(OFTEN)).await;
        }
    }
    world.tallies.count(kind, replaced.phase, |tally| tally.is_open |= let_in);
}
