//! `audit verify`: checks the audit log's chain offline.

use std::{fs::File, io::BufReader, path::PathBuf};

use anyhow::{Context as _, Result};
use clap::Subcommand;

use super::{Exit, output};

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Check that no entry was changed, removed or inserted
    #[command(
        after_help = "A log that was cut at its end is whole to the eye: keep the last hash elsewhere, and compare it."
    )]
    Verify {
        /// The audit log
        file: PathBuf,
    },
}

pub(super) fn run(command: AuditCommand) -> Result<Exit> {
    let AuditCommand::Verify { file } = command;
    let log = File::open(&file).with_context(|| format!("{} can't be opened", file.display()))?;
    let summary = crate::audit::verify(BufReader::new(log))
        .with_context(|| format!("{}: the chain is broken", file.display()))?;
    output::say(&format!("{}: the chain holds\n{summary}", file.display()));
    Ok(Exit::Done)
}
