//! `audit verify`: checks the audit log's chain offline, and with `--store` whether the store still has the ends in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::BufReader,
    path::PathBuf,
};

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::{context::Context, exit::Exit, output};
use crate::{
    app::Local,
    audit::End,
    http::operator::{Operator as _, OrderError, SecretStatus},
    time::Timestamp,
};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, removed or inserted
    #[command(
        after_help = "A log that was cut at its end is whole to the eye: keep the last hash elsewhere, and compare it.\n\n\
        With --store, exits 1 where the store accepts a version that was ended: its rows were put back from an older\n\
        copy. 3 where a secret could not be read."
    )]
    Verify {
        /// The audit log
        file: PathBuf,
        /// Also look in the store of the config whether each version that was ended is ended there
        #[arg(long)]
        store: bool,
    },
}

pub(super) fn run(context: &Context, command: AuditCommand) -> Result<Exit> {
    let AuditCommand::Verify { file, store } = command;
    let log = File::open(&file).with_context(|| format!("{} can't be opened", file.display()))?;
    let summary = crate::audit::verify(BufReader::new(log))
        .with_context(|| format!("{}: the chain is broken", file.display()))?;
    output::say(&format!("{}: the chain holds\n{summary}", file.display()));
    if store { context.block_on(compare(context, &summary.ends)) } else { Ok(Exit::Done) }
}

/// What the log says was ended, beside what the store itself shows: a running daemon remembers ends of its own.
async fn compare(context: &Context, ends: &[End]) -> Result<Exit> {
    let local = Local::open(&context.config()?, false).await?;
    let mut by_secret: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for End { secret, version, time_ms } in ends {
        by_secret.entry(secret).or_default().insert(version, *time_ms);
    }
    let (mut compared, mut back, mut unknown) = (0, 0_usize, BTreeSet::new());
    for (secret, ends) in by_secret {
        let status = match local.secret(secret).await {
            Ok(status) if status.view_age_ms.is_some() => status,
            Err(OrderError::NoSuchSecret(_)) => {
                output::say(&format!("{secret}: not in the config, so its ends were not compared"));
                continue;
            }
            _ => {
                unknown.insert(secret);
                continue;
            }
        };
        compared += ends.len();
        for (version, ended_ms) in ends {
            if let Some(stage) = accepted(&status, version) {
                back += 1;
                let at = Timestamp::from_millis(ended_ms);
                output::say(&format!(
                    "{secret}: version {version} was ended at {at}, and the store accepts it as {stage}: it was put back \
                     from an older copy. To do: {}",
                    if stage == "current" {
                        format!("crossfade rotate {secret} --compromised")
                    } else {
                        format!("crossfade revoke {secret} --version {version}")
                    }
                ));
            }
        }
    }
    for secret in &unknown {
        output::say(&format!("{secret}: it can't be read, so its ends were not compared"));
    }
    output::say(&format!(
        "versions that were ended, by the log: {compared} compared, {back} accepted by the store"
    ));
    Ok(match (back, unknown.is_empty()) {
        (1.., _) => Exit::Failed,
        (0, false) => Exit::Unknown,
        (0, true) => Exit::Done,
    })
}

/// The stage at which the store accepts it, not marked; none: it does not.
fn accepted<'a>(status: &'a SecretStatus, version: &str) -> Option<&'a str> {
    let found = status.versions.iter().find(|found| found.version == version)?;
    let over = found.deadline_ms.zip(status.now_ms).is_some_and(|(deadline, now)| deadline <= now);
    (!found.ended && !over).then_some(&*found.stage)
}
