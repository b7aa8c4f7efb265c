//! What is done to the tokens, one phase after the other; both secrets at the same moments.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use crossfade_testing_secretsmanager::{
    faults::{Effect, Failure, Rule},
    model::Operation,
};
use tokio::task::JoinSet;

use super::{
    store,
    tally::Phase,
    watch::{Replaced, watch},
    world::{DAEMON_KEY, World},
};
use crate::{Kind, OURS, clock::now};

/// How long a token is watched past its deadline.
const BEYOND: Duration = Duration::from_secs(3);

/// What is found besides the tallies.
pub(super) struct Course {
    pub(super) deadline: Duration,
    pub(super) watched: Duration,
    pub(super) calls: BTreeMap<Kind, usize>,
    pub(super) replaced_after: Duration,
}

/// One at work on both secrets. Its watchers end when the world is over.
struct Operator<'a> {
    world: &'a Arc<World>,
    watchers: JoinSet<()>,
    puts: u64,
}

pub(super) async fn run(world: &Arc<World>) -> Result<Course> {
    let plan = &world.plan;
    let mut operator = Operator { world, watchers: JoinSet::new(), puts: 0 };
    // The promise begins one soak after the start.
    tokio::time::sleep(plan.freshness + plan.store_lag).await;

    world.fake.clear_calls();
    let began = now();
    world.enter(Phase::Once);
    let old = world.read(Kind::Embedded).context("no current token")?;
    let (since, deadline) = operator.rotate(Phase::Once).await?;
    sleep_until(plan.watch.map_or(deadline + BEYOND, |watch| since + watch)).await;
    let (watched, calls) = (began.elapsed(), calls(world));

    if let Some(throttled) = plan.throttled {
        world.enter(Phase::Twice);
        operator.rotate(Phase::Twice).await?;
        tokio::time::sleep(plan.again_after).await;
        let (_, last) = operator.rotate(Phase::Twice).await?;
        sleep_until(last + BEYOND).await;

        world.enter(Phase::Throttled);
        let effect = Effect::FailBefore(Failure::Throttling);
        for operation in [Operation::GetSecretValue, Operation::DescribeSecret] {
            world.fake.fault(Rule::once(effect.clone()).on(operation).always());
        }
        tokio::time::sleep(throttled).await;
        world.fake.clear_faults();
        world.enter(Phase::Quiet);
        tokio::time::sleep(throttled).await;
    }

    let replaced_after = if plan.throttled.is_some() {
        let took = operator.leak(Phase::Leaked, &["rotate", OURS, "--compromised"], None).await?;
        operator.leak(Phase::Revoked, &["revoke", OURS, "--all", "--yes"], None).await?;
        took
    } else {
        // The quick one: what has leaked is the old token, and nothing has to be replaced.
        operator.leak(Phase::Leaked, &["revoke", OURS, "--previous", "--yes", "--wait"], Some(old)).await?
    };
    world.finish();
    while let Some(ended) = operator.watchers.join_next().await {
        ended.context("a watcher broke down")?;
    }
    Ok(Course { deadline: deadline - since, watched, calls, replaced_after })
}

impl Operator<'_> {
    /// The daemon rotates; at the moment of its promotion, somebody else puts the other secret's new value. When that
    /// was, and the deadline of what was replaced: the daemon's, for both.
    async fn rotate(&mut self, phase: Phase) -> Result<(Instant, Instant)> {
        let (world, tokens) = (self.world, self.tokens()?);
        let (before, _) = store::current(&world.fake, OURS).context("no current version")?;
        world.order(&["rotate", OURS]).await?;
        world.until_replaced(&before).await?;
        self.put()?;
        world.mark();
        let (since, deadline) = (now(), store::deadline(&world.fake, &before).context("no note")?);
        self.watch(tokens, since, phase, &Arc::new(OnceLock::from(deadline)));
        Ok((since, deadline))
    }

    /// A token has leaked: both operators act as soon as they know. It is the current one, but where the daemon's old one
    /// is named. How long the daemon took to do what it was told.
    async fn leak(&mut self, phase: Phase, order: &[&str], old: Option<String>) -> Result<Duration> {
        let (world, tokens) = (self.world, self.tokens()?);
        let (mut ours, theirs): (Vec<_>, Vec<_>) = tokens.into_iter().partition(|(kind, _)| kind.is_ours());
        if let Some(old) = &old {
            ours.iter_mut().for_each(|(_, token)| token.clone_from(old));
        }
        let (before, _) = store::current(&world.fake, OURS).context("no current version")?;
        world.enter(phase);
        world.condemn(ours.iter().chain(&theirs).map(|(_, token)| token.clone()));
        world.mark();
        let since = now();
        self.put()?;
        let (ended, deadline) = (world.plan.until_ended(), Arc::new(OnceLock::new()));
        self.watch(theirs, since, phase, &Arc::new(OnceLock::from(since + ended)));
        self.watch(ours, since, phase, &deadline);
        world.order(order).await?;
        if old.is_none() {
            world.until_replaced(&before).await?;
        }
        let took = since.elapsed();
        // Once every verifier has confirmed, there is nothing to allow for.
        deadline.get_or_init(|| if old.is_some() { now() } else { now() + ended });
        sleep_until(since + took + world.plan.leak).await;
        Ok(took)
    }

    fn put(&mut self) -> Result<()> {
        self.puts += 1;
        store::put(&self.world.fake, self.puts)
    }

    /// What is current at each server.
    fn tokens(&self) -> Result<Vec<(Kind, String)>> {
        Kind::guarded().map(|kind| Ok((kind, self.world.read(kind).context("no current token")?))).collect()
    }

    fn watch(
        &mut self,
        tokens: Vec<(Kind, String)>,
        since: Instant,
        phase: Phase,
        deadline: &Arc<OnceLock<Instant>>,
    ) {
        for (kind, token) in tokens {
            let replaced = Replaced { token, since, deadline: Arc::clone(deadline), phase };
            self.watchers.spawn(watch(Arc::clone(self.world), kind, replaced));
        }
    }
}

/// Those since the log was cleared. What the daemon calls is the price of both ways of using it.
fn calls(world: &World) -> BTreeMap<Kind, usize> {
    let calls = world.fake.calls();
    let of = |key: &str| calls.iter().filter(|call| call.caller.as_deref() == Some(key)).count();
    Kind::guarded()
        .map(|kind| (kind, if kind.is_ours() { of(DAEMON_KEY) } else { of(&kind.access_key()) }))
        .collect()
}

async fn sleep_until(time: Instant) {
    tokio::time::sleep(time.saturating_duration_since(now())).await;
}
