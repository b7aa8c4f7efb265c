//! The fake as a bot that reads AWSCURRENT sees it, and as the operator of each secret writes to it.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use crossfade_testing_secretsmanager::Fake;

use crate::{BY_HAND, OURS, clock::now};

/// A version's id and its token.
pub(super) type Version = (String, String);

/// The current version.
pub(super) fn current(fake: &Fake, secret: &str) -> Option<Version> {
    let secret = fake.secret(secret)?;
    let id = secret.labels().get("AWSCURRENT")?;
    let version = secret.versions().iter().find(|version| version.id == *id)?;
    Some((id.clone(), version.text()?.to_owned()))
}

/// When the daemon says that a replaced version is over: its latest note (`docs/aws.md`).
pub(super) fn deadline(fake: &Fake, version: &str) -> Option<Instant> {
    let secret = fake.secret(OURS)?;
    let notes = secret.labels().iter().filter(|(_, on)| *on == version);
    let times = notes.filter_map(|(label, _)| {
        label.strip_prefix("crossfade-until-")?.split('-').next()?.parse::<u64>().ok()
    });
    Some(now() + Duration::from_millis((times.max()? * 1000).saturating_sub(fake.now_ms())))
}

/// Both secrets, as somebody has made them before.
pub(super) fn make(fake: &Fake) -> Result<()> {
    for secret in [BY_HAND, OURS] {
        fake.person().create(secret, &id(0), &token(0)).map_err(|error| anyhow!("{error}"))?;
    }
    Ok(())
}

/// What rotating by hand is: a new value, current at once.
pub(super) fn put(fake: &Fake, n: u64) -> Result<()> {
    fake.person().put(BY_HAND, &id(n), &token(n), &[]).map_err(|error| anyhow!("{error}"))
}

fn id(n: u64) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// As long as ours are.
fn token(n: u64) -> String {
    format!("token-by-hand-number-{n:032}")
}
