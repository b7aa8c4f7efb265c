//! What one daemon costs in AWS's calls, counted by the strict fake over some minutes and scaled, at the default `sync`.
//!
//! Not in it: what bots and other readers call, KMS, and the secrets' own rotations but for the one that is counted.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use crossfade_testing_secretsmanager::Server;

use super::{
    Figure, aws_fake,
    daemon::{Daemon, Terms, fresh_folder},
    now, pause,
};

/// Dollars, as AWS Secrets Manager's pricing page says (in most regions).
const A_CALL: f64 = 0.05 / 10_000.0;
const A_SECRET_A_MONTH: f64 = 0.40;
const HOURS_A_MONTH: f64 = 730.0;

/// Counted at rest; what is printed is scaled to an hour.
const COUNTED: Duration = Duration::from_secs(180);
const SCALE: f64 = 3600.0 / COUNTED.as_secs() as f64;
/// Long enough for a soak, the deadline of the version that was replaced, and all its notes to go.
const ROTATION: Duration = Duration::from_secs(240);
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) fn run(program: &Path) -> Result<Vec<Figure>> {
    let names =
        ["AWS calls an hour, 1 secret", "AWS calls an hour, 10 secrets", "AWS calls an hour, 1,000 secrets"];
    let mut daemons = Vec::new();
    for secrets in [1, 10, 1_000] {
        daemons.push((secrets, started(program, secrets, "{kind: aws, region: eu-west-1}", "10m")?));
    }
    let mut figures = Vec::new();
    for (_, (server, ..)) in &daemons {
        server.clear_calls();
    }
    pause(COUNTED);
    let calls: Vec<u64> = daemons.iter().map(|(_, (server, ..))| server.calls().len() as u64).collect();
    for ((name, (secrets, _)), calls) in names.into_iter().zip(&daemons).zip(calls) {
        let an_hour = calls as f64 * SCALE;
        let (of_calls, of_secrets) =
            (an_hour * HOURS_A_MONTH * A_CALL, f64::from(*secrets) * A_SECRET_A_MONTH);
        let told = format!(
            "at rest: {calls} in {} s, × {SCALE:.0}; ${of_calls:.2} a month, and ${of_secrets:.2} for the secrets",
            COUNTED.as_secs()
        );
        figures.push(Figure::told(name, an_hour, "", told));
    }
    drop(daemons);
    figures.push(rotation(program)?);
    Ok(figures)
}

/// Without the lags that lengthen it: they add waiting, which is counted as rest, and no step.
fn rotation(program: &Path) -> Result<Figure> {
    let store = "{kind: aws, region: eu-west-1, store_lag: 0s, write_lag: 0s}";
    let (server, _runtime, daemon) = started(program, 1, store, "30s")?;
    server.clear_calls();
    daemon.order(0, "rotate")?;
    pause(ROTATION);
    let calls = server.calls();
    let rest = calls.iter().filter(|call| call.operation == "DescribeSecret").count() as f64;
    let rest_alone = ROTATION.as_secs_f64() / 20.0;
    let writes = calls
        .iter()
        .filter(|call| ["PutSecretValue", "UpdateSecretVersionStage"].contains(&call.operation.as_str()));
    let writes = writes.count();
    ensure!(writes > 3, "the rotation was not carried out: {writes} writes");
    let more = calls.len() as f64 - rest_alone;
    let told = format!(
        "beyond those at rest, ± 1: {writes} writes, {:.0} reads of the secret, {:.0} others; ${:.6}",
        rest - rest_alone,
        calls.len() as f64 - rest - writes as f64,
        more * A_CALL
    );
    Ok(Figure::told("AWS calls for a rotation", more, "", told))
}

/// A daemon that has adopted its secrets, on a fake of its own.
fn started(
    program: &Path,
    secrets: u16,
    store: &str,
    grace: &str,
) -> Result<(Server, tokio::runtime::Runtime, Daemon)> {
    let (server, runtime) = aws_fake::start(usize::from(secrets))?;
    let endpoint = server.endpoint();
    let environment = aws_fake::environment(&endpoint);
    let terms = Terms {
        store,
        sync: "20s",
        freshness: "60s",
        secrets: usize::from(secrets),
        more: "schedule: \"0 3 * * *\"",
        grace,
        environment: &environment,
        ..Terms::default()
    };
    let folder = fresh_folder(&format!("aws-cost-{secrets}"))?;
    let daemon = Daemon::start_on(program, &folder, &terms)?;
    let began = now();
    // Each gets its note of when it was adopted.
    while server.calls().iter().filter(|call| call.operation == "UpdateSecretVersionStage").count()
        < usize::from(secrets)
    {
        ensure!(began.elapsed() < PATIENCE, "not every secret is adopted");
        pause(Duration::from_millis(500));
    }
    pause(Duration::from_secs(25));
    Ok((server, runtime, daemon))
}
