//! Bots that play by the rules: read the current token, use it for one run, read again.

use std::{sync::Arc, time::Duration};

use super::{tally::Phase, world::World};
use crate::{Kind, clock::now};

/// After a run that was hurt.
const DISMAY: Duration = Duration::from_secs(1);

/// Lives until the world is over. The same number draws the same runs at every server.
pub(super) async fn live(world: Arc<World>, kind: Kind, bot: u64) {
    let mut call = 0;
    for run in 0.. {
        if world.is_over() {
            return;
        }
        let was_hurt = run_once(&world, kind, bot, run, &mut call).await;
        if was_hurt {
            tokio::time::sleep(DISMAY).await;
        }
    }
}

/// Whether its token was refused though it was rightful: a run that is refused ends.
async fn run_once(world: &World, kind: Kind, bot: u64, run: u64, call: &mut u64) -> bool {
    let (Some(token), read) = (world.read(kind), now()) else { return false };
    let Some(caller) = world.callers.get(&kind) else { return false };
    let lasts = world.plan.run(bot, run);
    while read.elapsed() < lasts && !world.is_over() {
        let status = caller.ask(&token).await;
        // What it was answered once the time was up, or the token had been ended, is no wrong.
        let rightful = read.elapsed() < world.plan.rightful() && !world.is_condemned(&token);
        let was_refused = status.is_some_and(|status| status.as_u16() == 401);
        let (phase, since) = world.phase();
        if rightful && phase != Phase::Quiet {
            world.tallies.count(kind, phase, |tally| {
                tally.calls += 1;
                if was_refused {
                    tally.refused_at.push(since);
                    tally.hurt += 1;
                } else if status.is_none_or(|status| !status.is_success()) {
                    tally.unsure += 1;
                }
            });
        }
        if was_refused {
            return rightful;
        }
        *call += 1;
        tokio::time::sleep(world.plan.pause(bot, *call)).await;
    }
    false
}
