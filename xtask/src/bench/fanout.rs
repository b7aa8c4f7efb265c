//! What a change costs that goes to thousands of verifiers, and how soon all have it, beside NATS and Redis.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::{
    Figure,
    broker::{Broker, Kind},
    daemon::{Daemon, Server, Terms, fresh_folder},
    median, now, pause,
    verifiers::{Spread, Verifiers},
};

pub(super) const CLIENTS: usize = 5;
/// As many as the registry keeps of one client.
pub(super) const EACH: usize = 1_000;
const SIZE: usize = CLIENTS * EACH;
const ROUNDS: usize = 11;
/// In a round, so that it lasts much longer than the clock tick in which CPU time is counted. They leave a secret as it
/// was.
const ORDERS: [&str; 4] = ["rotate", "abort", "rotate", "abort"];
/// They take turns: a version has 8 successors that can be taken back.
pub(super) const SECRETS: usize = 4;

pub(super) fn run(program: &Path) -> Result<Vec<Figure>> {
    descriptors(3 * SIZE as u64 + 500)?;
    let (nats, redis) = (crate::tools::nats()?, crate::tools::redis()?);
    let (credentials, clients): (Vec<_>, Vec<_>) = credentials(program)?.into_iter().unzip();
    let terms = Terms { freshness: "60s", secrets: SECRETS, clients: &clients, ..Terms::default() };
    let daemon = Daemon::start_on(program, &fresh_folder("fan-out")?, &terms)?;
    daemon.until_made(SECRETS)?;
    for order in ORDERS {
        daemon.order(0, order)?;
    }
    pause(Duration::from_secs(10));
    let idle = daemon.server.resident_kib()?;

    let verifiers = Verifiers::start(daemon.server.address, &credentials, EACH, None, false)?;
    verifiers.spread(now())?;
    let fresh = daemon.server.resident_kib()?;
    let nats = Broker::start(Kind::Nats, &nats, SIZE)?;
    let redis = Broker::start(Kind::Redis, &redis, SIZE)?;
    let payload = daemon.accept_set()?.into_bytes();

    let [mut ours, mut nats_rounds, mut redis_rounds] = [(); 3].map(|()| Rounds::default());
    let mut heartbeats = 0;
    for n in 0..ROUNDS {
        let order = |order: &&str| {
            let began = daemon.order(n % SECRETS, order)?;
            Ok((began, verifiers.spread(began)?))
        };
        ours.round(&daemon.server, || ORDERS.iter().map(order).collect())?;
        for (broker, rounds) in [(&nats, &mut nats_rounds), (&redis, &mut redis_rounds)] {
            rounds.round(&broker.server, || ORDERS.iter().map(|_| broker.publish(&payload)).collect())?;
        }
        heartbeats += ours.heartbeats;
    }
    let kb = |server: &Server, idle: u64| -> Result<f64> {
        Ok(server.resident_kib()?.saturating_sub(idle) as f64 * 1.024 / SIZE as f64)
    };
    let held = kb(&daemon.server, idle)?;
    let [nats_kb, redis_kb] = [kb(&nats.server, nats.idle)?, kb(&redis.server, redis.idle)?];
    let fresh = fresh.saturating_sub(idle) as f64 * 1.024 / SIZE as f64;
    let pushes = ours.pushes;
    let [nats_cpu, redis_cpu] = [&nats_rounds, &redis_rounds].map(|rounds| median(rounds.cpu.clone()));
    let beside = |figure: fn(&Rounds) -> f64| {
        format!(
            "in the same run NATS: {:.1} ms, Redis: {:.1} ms",
            figure(&nats_rounds),
            figure(&redis_rounds)
        )
    };
    Ok(vec![
        Figure::new(
            "5,000 verifiers, CPU for a push",
            median(ours.cpu.clone()),
            25.0,
            " µs",
            format!(
                "{pushes} pushes and their acknowledgements, {heartbeats} heartbeats; without those NATS: {nats_cpu:.1} µs, \
                 Redis: {redis_cpu:.1} µs"
            ),
        ),
        Figure::new(
            "resident for each that is held",
            held,
            24.0,
            " KB",
            format!(
                "after all pushes, {fresh:.1} before; for a subscriber NATS: {nats_kb:.1} KB, Redis: {redis_kb:.1} KB"
            ),
        ),
        Figure::told("order to each has it, p50", ours.p50(), " ms", beside(Rounds::p50)),
        Figure::told("order to each has it, p99", ours.p99(), " ms", beside(Rounds::p99)),
        Figure::told("order to each has it, max", ours.max(), " ms", beside(Rounds::max)),
    ])
}

/// What each round has shown.
#[derive(Default)]
struct Rounds {
    /// µs for each push.
    cpu: Vec<f64>,
    /// From an order until somebody has it: the median, 99th percentile and maximum of each round, in ms.
    spread: [Vec<f64>; 3],
    pushes: usize,
    heartbeats: usize,
}

impl Rounds {
    fn round(
        &mut self,
        server: &Server,
        orders: impl FnOnce() -> Result<Vec<(Instant, Spread)>>,
    ) -> Result<()> {
        let before = server.cpu_ticks()?;
        let orders = orders()?;
        let ticks = server.cpu_ticks()? - before;
        let pushes: usize = orders.iter().map(|(_, spread)| spread.pushes).sum();
        self.heartbeats = orders.iter().map(|(_, spread)| spread.heartbeats).sum();
        self.pushes += pushes;
        ensure!(orders.iter().all(|(_, spread)| spread.failed == 0), "a verifier lost its connection");
        self.cpu.push(ticks as f64 * 10_000.0 / pushes as f64);
        let since = |(began, spread): &(Instant, Spread)| {
            let took = |at: &Instant| at.saturating_duration_since(*began).as_secs_f64() * 1000.0;
            spread.had.iter().flatten().map(took).collect::<Vec<_>>()
        };
        let mut times: Vec<f64> = orders.iter().flat_map(since).collect();
        for (figures, part) in self.spread.iter_mut().zip([0.5, 0.99, 1.0]) {
            figures.push(quantile(&mut times, part));
        }
        Ok(())
    }

    fn p50(&self) -> f64 {
        median(self.spread[0].clone())
    }

    fn p99(&self) -> f64 {
        median(self.spread[1].clone())
    }

    fn max(&self) -> f64 {
        median(self.spread[2].clone())
    }
}

pub(super) fn quantile(of: &mut [f64], part: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    let last = of.len().saturating_sub(1);
    of.get((last as f64 * part).ceil() as usize).copied().unwrap_or(f64::NAN)
}

/// Credentials, each with the name and the hash of its client.
pub(super) fn credentials(program: &Path) -> Result<Vec<(String, (String, String))>> {
    let one = |n| {
        let output = std::process::Command::new(program).arg("credential").output()?;
        let text = String::from_utf8(output.stdout)?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let mut value = || lines.next().map(|(_, value)| value.trim().to_owned());
        let (credential, hash) = value().zip(value()).context("`crossfade credential` printed none")?;
        Ok((credential, (format!("verifier-{n}"), hash)))
    };
    (0..CLIENTS).map(one).collect()
}

/// So many files may be open, here and in what is started from here.
pub(super) fn descriptors(needed: u64) -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < needed) {
        let most = limit.maximum.unwrap_or(needed);
        ensure!(
            most >= needed,
            "{needed} file descriptors are needed, and the hard limit is {most}: raise it (`ulimit -Hn`, or \
             `LimitNOFILE=` where systemd starts this)"
        );
        limit.current = Some(needed);
        setrlimit(Resource::Nofile, limit).context("the limit of file descriptors can't be raised")?;
    }
    Ok(())
}
