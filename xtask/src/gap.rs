//! `cargo xtask gap`: builds the servers of `testing/gap` and the daemon as they are shipped, and runs them.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use crate::{bench::DIST, tools};

pub(crate) fn run(seed: u64, aws_delay_ms: u64, write: bool) -> Result<()> {
    for (package, program) in [("crossfade", "crossfade"), ("crossfade-testing-gap", "crossfade-gap")] {
        eprintln!("xtask: cargo build --profile {DIST} --package {package}");
        let build = ["build", "--locked", "--profile", DIST, "--package", package, "--bin", program];
        let status = Command::new(env!("CARGO")).args(build).status().context("cargo can't be started")?;
        ensure!(status.success(), "the build failed: see above");
    }
    let date = Command::new("date").arg("+%F").output().context("date can't be started")?;
    let built = tools::target().join(DIST);
    let mut gap = Command::new(built.join("crossfade-gap"));
    gap.arg("run").arg("--daemon").arg(built.join("crossfade"));
    gap.args(["--date", String::from_utf8(date.stdout)?.trim()]);
    gap.args(["--seed", &seed.to_string(), "--aws-delay-ms", &aws_delay_ms.to_string()]);
    if write {
        let root =
            Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("no workspace around this package")?;
        gap.arg("--write").arg(root.join("docs"));
    }
    ensure!(gap.status()?.success(), "see above");
    Ok(())
}
