//! A run: the store, the daemon and the servers are started, then bots use them while tokens are rotated.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use crate::{Kind, Plan};

mod bots;
mod caller;
mod course;
mod load;
mod process;
mod slow;
mod store;
mod tally;
mod watch;
mod world;

pub use load::Load;
pub use tally::Tally;
use tally::{Phase, Tallies};
use world::World;

/// What was found.
#[derive(Debug)]
pub struct Results {
    /// By server.
    pub rows: BTreeMap<Kind, Row>,
    /// How long after its replacement the first token's deadline was.
    pub deadline: Duration,
    /// How long the first rotation was watched: `calls` are those of that time.
    pub watched: Duration,
    /// How long the leaked token had been condemned when the daemon's replacement became current.
    pub replaced_after: Duration,
}

/// Of one server.
#[derive(Debug, Default)]
pub struct Row {
    /// A rotation.
    pub once: Tally,
    /// Two rotations, the second within the first one's grace.
    pub twice: Tally,
    /// AWS throttles, and nothing rotates.
    pub throttled: Tally,
    /// A token that has leaked is replaced (`rotate --compromised`).
    pub leaked: Tally,
    /// The same at once (`revoke --all`).
    pub revoked: Tally,
    /// Calls of AWS in the first rotation's time; ours are the daemon's.
    pub calls: usize,
    /// What requests cost; none in a short run.
    pub load: Option<Load>,
}

impl Row {
    /// All rotations' wrong refusals.
    pub fn wrongly_refused(&self) -> u64 {
        self.once.wrongly_refused() + self.twice.wrongly_refused() + self.leaked.wrongly_refused()
    }

    /// All rotations' late acceptances.
    pub fn accepted_late(&self) -> u64 {
        self.once.accepted_late + self.twice.accepted_late + self.leaked.accepted_late
    }
}

/// Runs it all. `program` serves with the settings as its arguments, after `serve`; `daemon` is Crossfade's program.
pub async fn run(plan: &Plan, program: &Path, daemon: &Path) -> Result<Results> {
    let world = Arc::new(World::start(plan, program, daemon).await?);
    let mut loads = if plan.throttled.is_some() { load::measure(&world).await? } else { BTreeMap::new() };
    let mut bots = JoinSet::new();
    for kind in Kind::guarded() {
        for bot in 0..plan.bots {
            bots.spawn(bots::live(Arc::clone(&world), kind, bot));
        }
    }
    let course = course::run(&world).await;
    world.finish();
    while let Some(ended) = bots.join_next().await {
        ended.context("a bot broke down")?;
    }
    let course = course?;
    let tallies: &Tallies = &world.tallies;
    let mut rows = BTreeMap::new();
    for kind in Kind::ALL {
        let of = |phase| tallies.of(kind, phase);
        let row = Row {
            once: of(Phase::Once),
            twice: of(Phase::Twice),
            throttled: of(Phase::Throttled),
            leaked: of(Phase::Leaked),
            revoked: of(Phase::Revoked),
            calls: course.calls.get(&kind).copied().unwrap_or_default(),
            load: loads.remove(&kind),
        };
        ensure!(kind == Kind::Bare || row.once.calls > 0, "{} was never called", kind.name());
        rows.insert(kind, row);
    }
    Ok(Results {
        rows,
        deadline: course.deadline,
        watched: course.watched,
        replaced_after: course.replaced_after,
    })
}
