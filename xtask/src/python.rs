//! The tests of `clients/python`, in an environment with exactly what its `requirements-dev.txt` pins.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    emulators,
    part::Part,
    slack,
    steps::Steps,
    test::{BUILD, FULL, Options},
    tools,
};

/// Changes with every pin, and so makes a new folder.
const PINS: &str = include_str!("../../clients/python/requirements-dev.txt");

const EXAMPLE: &str = "../../examples/python";
const BOT: &str = "../../examples/slack-bot/python";
const LAMBDA: &str = "../../testing/slack/lambda.py";
const TUTORIAL: &str = "../../examples/tutorial";

/// What is checked of the sources, each with the environment's Python.
const CHECKS: [&[&str]; 3] = [
    &["ruff", "format", "--check", "src", "tests", "benches", EXAMPLE, BOT, LAMBDA, TUTORIAL],
    &["ruff", "check", "src", "tests", "benches", EXAMPLE, BOT, LAMBDA, TUTORIAL],
    &["mypy", "--strict"],
];

/// Formats, lints and types; then the tests, on the daemon that was built.
pub(crate) fn test(steps: &Steps, built: Option<()>, options: Options) {
    for check in CHECKS {
        steps.run(format!("Python: {} {}", check[0], check[1]), || run(check, options));
    }
    steps.run("Python: mypy of the bot and the tutorial", || {
        let theirs = format!("--python-executable={}", slack::python()?.display());
        // The SDKs of AWS and Slack have no types.
        let untyped = ["--disable-error-code=import-untyped", "--allow-untyped-calls"];
        run(&[&["mypy", "--strict"], &untyped[..], &[&theirs, BOT, TUTORIAL]].concat(), options)
    });
    steps.run_with("Python: pytest", built, BUILD, |()| {
        let slowest: &[&str] = if options.timings { &["--durations=10"] } else { &[] };
        run(&[&["pytest"], slowest].concat(), options)
    });
}

fn run(check: &[&str], options: Options) -> Result<()> {
    let (python, target) = (python()?, tools::target());
    let mut command = Command::new(&python);
    command.arg("-m").args(check).current_dir(tools::root().join("clients/python"));
    // Nothing but what git ignores is left in the checkout.
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("RUFF_CACHE_DIR", target.join("ruff"))
        .env("MYPY_CACHE_DIR", target.join("mypy"))
        .env("CROSSFADE_BIN", target.join("debug/crossfade"))
        .env_remove(FULL)
        .envs(options.full.then_some((FULL, "1")));
    let status = command.status().with_context(|| format!("{} can't be started", python.display()))?;
    ensure!(status.success(), "{} ended with {status}: what failed is listed above", check.join(" "));
    Ok(())
}

/// The environment's Python.
pub(crate) fn python() -> Result<PathBuf> {
    environment("python", PINS, "the tests of clients/python")
}

pub(crate) fn part() -> Part {
    let name = "what clients/python and its example need".to_owned();
    let fetch = || Ok(vec![("FLEET_PYTHON", python()?.into_os_string())]);
    Part { name, from: "PyPI", megabytes: 270, place: place("python", PINS), fetch }
}

pub(crate) fn place(name: &str, pins: &str) -> PathBuf {
    tools::folder().join(format!("{name}-{:016x}", emulators::fingerprint(pins)))
}

/// The Python of an environment with exactly these.
pub(crate) fn environment(name: &str, pins: &str, whose: &str) -> Result<PathBuf> {
    let folder = place(name, pins);
    if !folder.exists() {
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
