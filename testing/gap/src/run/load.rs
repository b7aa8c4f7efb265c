//! What a request costs, with nothing else going on: a steady pace at each server, in turns.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use super::{caller::Caller, world::World};
use crate::{Kind, clock::now};

/// Many and short, and their medians count: other processes' turns then disturb few of them.
const ROUNDS: usize = 11;
const CONNECTIONS: usize = 4;
/// Of each connection; where an answer takes longer, the next request follows at once.
const EVERY: Duration = Duration::from_millis(4);
const TURN: Duration = Duration::from_millis(650);

/// Of one server.
#[derive(Debug)]
pub struct Load {
    /// Half of a turn's answers came within that, in ms.
    pub median: f64,
    /// And 99 of 100 within that.
    pub p99: f64,
    /// CPU time of the server a request, in µs.
    pub cpu: f64,
    /// And of the daemon.
    pub daemon_cpu: f64,
}

/// All of them, after a turn for warmth.
pub(super) async fn measure(world: &Arc<World>) -> Result<BTreeMap<Kind, Load>> {
    let mut all: BTreeMap<Kind, Vec<Load>> = BTreeMap::new();
    for round in 0..=ROUNDS {
        for kind in Kind::ALL {
            let before = world.cpu(kind)?;
            let times = turn(world, kind).await?;
            let after = world.cpu(kind)?;
            if round > 0 {
                let cpu = [0, 1].map(|n| after[n].saturating_sub(before[n]));
                all.entry(kind).or_default().push(load(times, cpu));
            }
        }
    }
    Ok(all.into_iter().map(|(kind, turns)| (kind, middle(&turns))).collect())
}

/// Of each figure the median.
fn middle(turns: &[Load]) -> Load {
    let of = |figure: fn(&Load) -> f64| share(turns.iter().map(figure).collect(), 50);
    Load {
        median: of(|load| load.median),
        p99: of(|load| load.p99),
        cpu: of(|load| load.cpu),
        daemon_cpu: of(|load| load.daemon_cpu),
    }
}

fn load(times: Vec<f64>, cpu: [Duration; 2]) -> Load {
    let [cpu, daemon_cpu] = cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / times.len() as f64);
    Load { median: share(times.clone(), 50), p99: share(times, 99), cpu, daemon_cpu }
}

/// So many of a hundred are below it.
fn share(mut of: Vec<f64>, hundredths: usize) -> f64 {
    of.sort_by(f64::total_cmp);
    of.get(of.len() * hundredths / 100).copied().unwrap_or(f64::NAN)
}

/// How long answers took, in ms.
async fn turn(world: &World, kind: Kind) -> Result<Vec<f64>> {
    let caller = world.callers.get(&kind).context("no such server")?;
    let token = world.read(kind).context("no current token")?;
    let end = now() + TURN;
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        connections.spawn(ask(caller.clone(), token.clone(), end));
    }
    let mut all = Vec::new();
    while let Some(times) = connections.join_next().await {
        all.extend(times??);
    }
    Ok(all)
}

async fn ask(caller: Caller, token: String, end: Instant) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    loop {
        let sent = now();
        if sent >= end {
            return Ok(times);
        }
        let status = caller.ask(&token).await.context("no answer")?;
        ensure!(status.is_success(), "answered {status}");
        times.push(sent.elapsed().as_secs_f64() * 1e3);
        tokio::time::sleep((sent + EVERY).saturating_duration_since(now())).await;
    }
}
