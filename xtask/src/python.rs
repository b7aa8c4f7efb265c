//! The tests of `clients/python`, in an environment with exactly what its `requirements-dev.txt` pins.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{emulators, slack, test::FULL, tools};

/// Changes with every pin, and so makes a new folder.
const PINS: &str = include_str!("../../clients/python/requirements-dev.txt");

const EXAMPLE: &str = "../../examples/python";
const BOT: &str = "../../examples/slack-bot/python";
const LAMBDA: &str = "../../testing/slack/lambda.py";
const TUTORIAL: &str = "../../examples/tutorial";

/// What is run, each with the environment's Python.
const CHECKS: [&[&str]; 4] = [
    &["ruff", "format", "--check", "src", "tests", EXAMPLE, BOT, LAMBDA, TUTORIAL],
    &["ruff", "check", "src", "tests", EXAMPLE, BOT, LAMBDA, TUTORIAL],
    &["mypy", "--strict"],
    &["pytest"],
];

/// Lints, types, then the tests, on the daemon that was built before.
pub(crate) fn test(full: bool) -> Result<()> {
    let python = python()?;
    let types_of_the_bot = format!("--python-executable={}", slack::python()?.display());
    let types_of_the_bot: &[&str] = &[
        "mypy",
        "--strict",
        // Of the SDKs of AWS and Slack.
        "--disable-error-code=import-untyped",
        "--allow-untyped-calls",
        &types_of_the_bot,
        BOT,
        TUTORIAL,
    ];
    let target = tools::target();
    let project = target.parent().unwrap_or(&target).join("clients/python");
    let daemon = target.join("debug/crossfade");
    ensure!(daemon.is_file(), "{} is missing: `cargo build` makes it", daemon.display());
    for check in CHECKS.into_iter().chain([types_of_the_bot]) {
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
    environment("python", PINS, "the tests of clients/python")
}

/// The Python of an environment with exactly these.
pub(crate) fn environment(name: &str, pins: &str, whose: &str) -> Result<PathBuf> {
    let folder = tools::folder().join(format!("{name}-{:016x}", emulators::fingerprint(pins)));
    if !folder.exists() {
        eprintln!("xtask: fetching from PyPI what is needed for {whose}");
        tools::whole(&folder, |work| install(work, pins)).with_context(|| {
            format!(
                "the environment for {whose} can't be made: it needs Python 3.11 or newer with venv (Debian: \
                 python3-venv), and PyPI over the network"
            )
        })?;
    }
    Ok(folder.join("bin/python"))
}

fn install(work: &Path, pinned: &str) -> Result<PathBuf> {
    tools::run("python3", &["-c", "import sys; sys.exit(sys.version_info < (3, 11) and sys.version)"], work)
        .context("python3 has to be 3.11 or newer")?;
    tools::run("python3", &["-m", "venv", "environment"], work)?;
    let pins = work.join("requirements-dev.txt");
    fs::write(&pins, pinned).with_context(|| format!("{} can't be written", pins.display()))?;
    // Only what is pinned, and nothing that would have to be built.
    let options =
        ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--only-binary=:all:"];
    let install = ["-m", "pip", "install", "--requirement", "requirements-dev.txt"];
    let environment = work.join("environment");
    let python = environment.join("bin/python");
    tools::run(&python.to_string_lossy(), &[&install[..], &options].concat(), work)?;
    Ok(environment)
}
