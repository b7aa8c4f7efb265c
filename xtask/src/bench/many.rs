//! Daemons at rest on ten, a thousand and ten thousand secrets, on both stores: what they hold, how soon they are
//! ready, and how fast they read.

use std::{path::Path, time::Duration};

use anyhow::Result;
use crossfade_testing_secretsmanager::log::Call;

use super::{
    Figure,
    aws::{self, busiest_second, fake},
    daemon::{Daemon, Terms, fresh_folder},
    now, pause,
};

/// With what a daemon may hold, in MB.
const SIZES: [(usize, Names, Option<f64>); 3] = [
    (
        10,
        ["10 secrets, resident", "10 secrets, start to ready", "10 on AWS, resident", "10 on AWS, ready"],
        None,
    ),
    (
        1_000,
        [
            "1,000 secrets, resident",
            "1,000 secrets, start to ready",
            "1,000 on AWS, resident",
            "1,000 on AWS, ready",
        ],
        None,
    ),
    (
        10_000,
        [
            "10,000 secrets, resident",
            "10,000 secrets, start to ready",
            "10,000 on AWS, resident",
            "10,000 on AWS, ready",
        ],
        Some(60.0),
    ),
];
type Names = [&'static str; 4];
/// Three times all secrets are read.
const REST: Duration = Duration::from_secs(60);

/// The times that a config has by itself.
fn terms<'a>(secrets: usize) -> Terms<'a> {
    Terms { secrets, sync: "20s", freshness: "60s", more: "schedule: \"0 3 * * *\"", ..Terms::default() }
}

/// On the embedded store.
pub(super) fn embedded(program: &Path) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (secrets, [resident, ready, ..], most) in SIZES {
        let folder = fresh_folder("many")?;
        let began = now();
        let first = Daemon::start_on(program, &folder, &terms(secrets))?;
        first.until_made(secrets)?;
        let made = began.elapsed().as_secs_f64();
        drop(first);
        let daemon = Daemon::start_on(program, &folder, &terms(secrets))?;
        figures.push(at_rest(&daemon, resident, most)?);
        let told = format!("all were made in {made:.1} s");
        figures.push(Figure::told(ready, daemon.to_ready.as_secs_f64(), " s", told));
    }
    Ok(figures)
}

/// On Secrets Manager, as the strict fake plays it.
pub(super) fn on_aws(program: &Path) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for (secrets, [_, _, resident, ready], most) in SIZES {
        let (server, _runtime) = fake(secrets)?;
        let daemon = aws::start(program, "many-on-aws", &server, &terms(secrets))?;
        let reads = busiest_second(server.calls().iter().filter(|call| !is_write(call)));
        figures.push(at_rest(&daemon, resident, most)?);
        let writes = busiest_second(server.calls().iter().filter(|call| is_write(call)));
        let told =
            format!("at {reads:.0} reads a second at most; adopted at {writes:.0} writes a second at most");
        figures.push(Figure::told(ready, daemon.to_ready.as_secs_f64(), " s", told));
    }
    Ok(figures)
}

pub(super) fn is_write(call: &Call) -> bool {
    call.operation == "UpdateSecretVersionStage"
}

/// What it holds after a while in which it was asked what it is asked every day.
fn at_rest(daemon: &Daemon, name: &'static str, most: Option<f64>) -> Result<Figure> {
    daemon.metrics()?;
    pause(REST);
    daemon.metrics()?;
    let resident = daemon.server.resident_kib()? as f64 * 1.024 / 1000.0;
    let told = "after a minute, and scraped twice".to_owned();
    Ok(match most {
        Some(most) => Figure::new(name, resident, most, " MB", told),
        None => Figure::told(name, resident, " MB", told),
    })
}
