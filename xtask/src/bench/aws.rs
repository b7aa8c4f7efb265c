//! Daemons on Secrets Manager, as the strict fake plays it: at rest, and with many secrets at once.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use crossfade_testing_secretsmanager::{Fake, Server, log::Call};
use tokio::runtime::{Builder, Runtime};

use super::{
    Figure,
    daemon::{Daemon, Terms, fresh_folder},
    many::is_write,
    now, pause,
};

const MANY: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(300);
/// What AWS lets an account do in a second (Secrets Manager's quotas).
const WRITES: f64 = 50.0;
const READS: f64 = 10_000.0;

/// The fake, with so many secrets that somebody else has made.
pub(super) fn fake(secrets: usize) -> Result<(Server, Runtime)> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let server = runtime.block_on(Fake::start()).context("the fake can't listen")?;
    for n in 0..secrets {
        let id = format!("00000000-0000-4000-8000-{n:012}");
        let made =
            server.person().create(&format!("mcp/bench-{n:04}"), &id, "the-token-that-they-had-before");
        ensure!(made.is_ok(), "the fake does not take a secret: {made:?}");
    }
    server.clear_calls();
    Ok((server, runtime))
}

/// A daemon on it.
pub(super) fn start(program: &Path, folder: &str, server: &Server, terms: &Terms<'_>) -> Result<Daemon> {
    let environment = [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &*server.endpoint()),
        ("AWS_ACCESS_KEY_ID", "AKIDBENCH"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let store = "{kind: aws, region: eu-west-1}";
    Daemon::start_on(program, &fresh_folder(folder)?, &Terms { store, environment: &environment, ..*terms })
}

fn terms<'a>(secrets: usize) -> Terms<'a> {
    Terms { secrets, more: "schedule: \"0 3 * * *\"", ..Terms::default() }
}

/// Resident memory at rest.
pub(super) fn at_rest(program: &Path) -> Result<Vec<Figure>> {
    let (server, _runtime) = fake(1)?;
    let daemon = start(program, "aws-at-rest", &server, &terms(1))?;
    daemon.metrics()?;
    daemon.ask(&["status"])?;
    pause(Duration::from_secs(10));
    let resident = daemon.server.resident_kib()? as f64 / 1024.0;
    Ok(vec![Figure::new("idle on AWS, resident", resident, 16.0, " MiB", "10 s after a few requests".into())])
}

/// A start on many secrets: each is read, and gets its note of when it was adopted.
pub(super) fn a_thousand(program: &Path) -> Result<Vec<Figure>> {
    let (server, _runtime) = fake(MANY)?;
    let began = now();
    let daemon = start(program, "aws-a-thousand", &server, &terms(MANY))?;
    while server.calls().iter().filter(|call| is_write(call)).count() < MANY {
        ensure!(began.elapsed() < PATIENCE, "not every secret is adopted");
        pause(Duration::from_millis(500));
    }
    let took = began.elapsed().as_secs_f64();
    let calls = server.calls();
    let writes = busiest_second(calls.iter().filter(|call| is_write(call)));
    let reads = busiest_second(calls.iter().filter(|call| !is_write(call)));
    let ready = daemon.to_ready.as_secs_f64();
    Ok(vec![
        Figure::new(
            "1,000 on AWS, writes a second",
            writes,
            WRITES,
            "",
            format!("all were adopted in {took:.0} s"),
        ),
        Figure::new("1,000 on AWS, reads a second", reads, READS, "", format!("ready after {ready:.1} s")),
    ])
}

/// The most calls that came within any one second.
pub(super) fn busiest_second<'a>(calls: impl Iterator<Item = &'a Call>) -> f64 {
    let times: Vec<u64> = calls.map(|call| call.at_ms).collect();
    let within = |(n, from): (usize, &u64)| times[n..].iter().take_while(|at| **at < from + 1_000).count();
    times.iter().enumerate().map(within).max().unwrap_or_default() as f64
}
