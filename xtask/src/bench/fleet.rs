//! Daemons at rest, at their start, and with many secrets due in the same second.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{
    Figure,
    daemon::{Daemon, fresh_folder},
    median, now, pause,
};

const MANY: usize = 1_000;
/// From the start of the daemon to the slot: it has to be ready by then.
const AHEAD_S: u64 = 20;
const PATIENCE: Duration = Duration::from_secs(120);

/// Resident memory at rest, the time to be ready, and the size of the program.
pub(super) fn at_rest(program: &Path) -> Result<Vec<Figure>> {
    let folder = fresh_folder("at-rest")?;
    drop(Daemon::start(program, &folder, 1, "schedule: \"0 3 * * *\"")?);
    let mut starts = Vec::new();
    for _ in 0..9 {
        let daemon = Daemon::start(program, &folder, 1, "schedule: \"0 3 * * *\"")?;
        starts.push(daemon.to_ready.as_secs_f64() * 1000.0);
    }
    let daemon = Daemon::start(program, &folder, 1, "schedule: \"0 3 * * *\"")?;
    daemon.metrics()?;
    daemon.ask(&["status"])?;
    daemon.ask(&["token", "mcp/bench-0000"])?;
    pause(Duration::from_secs(10));
    let resident = daemon.server.resident_kib()? as f64 / 1024.0;
    let size = std::fs::metadata(program)?.len() as f64 / (1024.0 * 1024.0);
    Ok(vec![
        Figure::new("idle daemon, resident", resident, 12.0, " MiB", "10 s after a few requests".into()),
        Figure::told("start to ready, 1 secret", median(starts), " ms", "median of 9 starts".into()),
        Figure::new("size of the program", size, 16.0, " MiB", String::new()),
    ])
}

/// All secrets due in the same second: each has to rotate, and once.
pub(super) fn all_at_once(program: &Path) -> Result<Vec<Figure>> {
    let folder = fresh_folder("all-at-once")?;
    let began = now();
    let first = Daemon::start(program, &folder, MANY, "")?;
    first.until_made(MANY)?;
    let made = began.elapsed().as_secs_f64();
    drop(first);
    let slot = wall_s() + AHEAD_S;
    // Every other minute: a version counts for the next slot only if it is younger than a tenth of that.
    let (s, m) = (slot % 60, slot / 60 % 2);
    let daemon = Daemon::start(program, &folder, MANY, &format!("schedule: \"{s} {m}-59/2 * * * *\""))?;
    let before = currents(&daemon)?;
    ensure!(before.len() == MANY && wall_s() < slot, "{} secrets were ready in time", before.len());
    pause(Duration::from_secs(slot.saturating_sub(wall_s())));
    let began = now();
    let rotated = loop {
        let after = currents(&daemon)?;
        let rotated =
            after.iter().filter(|(name, id)| before.get(*name).is_some_and(|old| old != *id)).count();
        if rotated == MANY || began.elapsed() > PATIENCE {
            break rotated;
        }
        pause(Duration::from_millis(200));
    };
    let took = began.elapsed().as_secs_f64();
    // Long enough for a second rotation to show, if there were one.
    pause(Duration::from_secs(8));
    let counted = rotations(&daemon.metrics()?);
    let lost = (MANY - rotated) as f64 + (MANY as f64 - counted).abs();
    let told = format!("{rotated} rotated, {counted:.0} counted, in {took:.1} s with a soak of 6 s");
    let resident = daemon.server.resident_kib()? as f64 / 1024.0;
    Ok(vec![
        Figure::new("1,000 due in one second, lost", lost, 0.0, "", told),
        Figure::told("resident with 1,000 secrets", resident, " MiB", "after they rotated".into()),
        Figure::told("1,000 secrets made", made, " s", "first start, until each has a version".into()),
        Figure::told("start to ready, 1,000 secrets", daemon.to_ready.as_secs_f64(), " s", String::new()),
    ])
}

/// Each secret's current version.
fn currents(daemon: &Daemon) -> Result<BTreeMap<String, String>> {
    let all: Value = serde_json::from_str(&daemon.ask(&["status", "--output", "json"])?)?;
    let all = all.as_array().context("status is no list")?;
    let current = |secret: &Value| {
        let version = secret["versions"].as_array()?.iter().find(|version| version["stage"] == "current")?;
        Some((secret["secret"].as_str()?.to_owned(), version["version"].as_str()?.to_owned()))
    };
    Ok(all.iter().filter_map(current).collect())
}

/// How many rotations the daemon itself counted as done.
fn rotations(metrics: &str) -> f64 {
    let done = metrics.lines().filter(|line| line.starts_with("crossfade_rotations_total{"));
    let done = done.filter(|line| line.contains("outcome=\"done\""));
    done.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[expect(clippy::disallowed_methods, reason = "a slot is written in wall-clock time")]
fn wall_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
