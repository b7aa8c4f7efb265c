//! The tests of `clients/python`, in an environment with exactly what its `requirements-dev.txt` pins.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{emulators, test::FULL, tools};

/// Changes with every pin, and so makes a new folder.
const PINS: &str = include_str!("../../clients/python/requirements-dev.txt");

/// What is run, each with the environment's Python.
const CHECKS: [&[&str]; 4] = [
    &["ruff", "format", "--check", "src", "tests", "../../examples/python"],
    &["ruff", "check", "src", "tests", "../../examples/python"],
    &["mypy", "--strict"],
    &["pytest"],
];

/// Lints, types, then the tests, on the daemon that was built before.
pub(crate) fn test(full: bool) -> Result<()> {
    let python = python()?;
    let target = tools::target();
    let project = target.parent().unwrap_or(&target).join("clients/python");
    let daemon = target.join("debug/crossfade");
    ensure!(daemon.is_file(), "{} is missing: `cargo build` makes it", daemon.display());
    for check in CHECKS {
        eprintln!("xtask: {} in clients/python", check.join(" "));
        let mut command = Command::new(&python);
        command.arg("-m").args(check).current_dir(&project);
        // Nothing but what git ignores is left in the checkout.
        command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("RUFF_CACHE_DIR", target.join("ruff"))
            .env("MYPY_CACHE_DIR", target.join("mypy"))
            .env("CROSSFADE_BIN", &daemon)
            .env_remove(FULL)
            .envs(full.then_some((FULL, "1")));
        let status = command.status().with_context(|| format!("{} can't be started", python.display()))?;
        if !status.success() {
            bail!("{} ended with {status}: what failed is listed above", check.join(" "));
        }
    }
    Ok(())
}

/// The environment's Python.
pub(crate) fn python() -> Result<PathBuf> {
    Ok(environment()?.join("bin/python"))
}

fn environment() -> Result<PathBuf> {
    let folder = tools::folder().join(format!("python-{:016x}", emulators::fingerprint(PINS)));
    if !folder.exists() {
        eprintln!("xtask: fetching what the tests of clients/python need from PyPI");
        tools::whole(&folder, install).context(
            "the environment for clients/python can't be made: it needs Python 3.11 or newer with venv (Debian: \
             python3-venv), and PyPI over the network",
        )?;
    }
    Ok(folder)
}

fn install(work: &Path) -> Result<PathBuf> {
    tools::run("python3", &["-c", "import sys; sys.exit(sys.version_info < (3, 11) and sys.version)"], work)
        .context("python3 has to be 3.11 or newer")?;
    tools::run("python3", &["-m", "venv", "environment"], work)?;
    let pins = work.join("requirements-dev.txt");
    fs::write(&pins, PINS).with_context(|| format!("{} can't be written", pins.display()))?;
    // Only what is pinned, and nothing that would have to be built.
    let options =
        ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--only-binary=:all:"];
    let install = ["-m", "pip", "install", "--requirement", "requirements-dev.txt"];
    let environment = work.join("environment");
    let python = environment.join("bin/python");
    tools::run(&python.to_string_lossy(), &[&install[..], &options].concat(), work)?;
    Ok(environment)
}
