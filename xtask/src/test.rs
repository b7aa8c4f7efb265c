//! `cargo xtask test`: the fast tier; with `--full` the long runs too.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::{mutants, tools};

/// Tests read it: where it is set, they run long.
const FULL: &str = "CROSSFADE_FULL";

pub(crate) fn run(full: bool) -> Result<()> {
    tools::curl()?;
    let promtool = tools::promtool()?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]).env("PROMTOOL", promtool);
    if full {
        cargo.env(FULL, "1");
    }
    eprintln!("xtask: cargo test --workspace{}", if full { ", with the long runs" } else { "" });
    ensure!(cargo.status()?.success(), "tests failed: see above");
    if full { mutants::run() } else { Ok(()) }
}
