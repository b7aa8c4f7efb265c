//! `cargo xtask test`: the fast tier; with `--full` the long runs too.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail, ensure};

use crossfade_testing_fleet::servers::Kind;

use crate::{chaos, container, emulators::emulators, fuzz, mcp, proxies, python, slack, tools, typescript};

/// Tests read it: where it is set, they run long.
pub(crate) const FULL: &str = "CROSSFADE_FULL";

/// Of the events of `cargo xtask chaos` that are part of the tests.
const SEED: u64 = 1;

/// Tests read it: the static binary that the image is made of. Without it they say so, and pass.
const STATIC: &str = "CROSSFADE_STATIC";

/// Tests read it: the program that is a host's first process. Without it they say so, and pass.
const SYSTEMD: &str = "SYSTEMD";

/// Sets up what the tests need and runs them. The test runner has the last word.
pub(crate) fn run(full: bool, with_container: bool) -> Result<()> {
    tools::curl()?;
    let promtool = tools::promtool()?;
    let hadolint = tools::hadolint()?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    cargo
        .env("PROMTOOL", promtool)
        .env("HADOLINT", hadolint)
        .envs(proxies::programs()?)
        .envs(emulators()?)
        .envs(mcp::programs()?);
    let [rust, script, python] = servers()?;
    cargo
        .env("FLEET_RUST", &rust)
        .env("FLEET_RUST_CLIENT", tools::target().join("debug").join(CLIENT))
        .env("FLEET_TYPESCRIPT", &script)
        .env("FLEET_PYTHON", &python)
        .envs(slack::environment()?);
    if with_container {
        cargo.env(STATIC, container::prepare(full)?).env(SYSTEMD, container::SYSTEMD);
    } else {
        cargo.env_remove(STATIC).env_remove(SYSTEMD);
    }
    // From the option alone, so that a forgotten variable doesn't make the fast tier a long one.
    if full {
        cargo.env(FULL, "1");
    } else {
        cargo.env_remove(FULL);
    }
    eprintln!("xtask: cargo test --workspace{}", if full { ", with the long runs" } else { "" });
    let status = cargo.status().context("cargo can't be started: is the toolchain still installed?")?;
    if !status.success() {
        bail!(
            "cargo test ended with {status}: what failed is listed above; run it alone with `cargo test NAME`"
        );
    }
    typescript::test(full)?;
    python::test(full)?;
    if full {
        fuzz::run(fuzz::Scope::All, fuzz::LONG_S)?;
    } else {
        fuzz::run(fuzz::Scope::Verifier, fuzz::SMOKE_S)?;
    }
    let minutes = if full { 10 } else { 1 };
    eprintln!("xtask: chaos, for {minutes} min");
    chaos::built(SEED, minutes, Kind::all(rust.into(), script.into(), python.into()))
}

/// One of the official clients, for the tests that run them all.
const CLIENT: &str = "crossfade-testing-mcp-client";

/// The example servers: the program in Rust, the script in TypeScript, and a Python that has what its server needs.
pub(crate) fn servers() -> Result<[PathBuf; 3]> {
    let server = "crossfade-example-rmcp";
    eprintln!("xtask: cargo build --package {server} --package {CLIENT}");
    let build = ["build", "--quiet", "--locked", "--package", server, "--package", CLIENT];
    let status = Command::new(env!("CARGO")).args(build).status().context("cargo can't be started")?;
    ensure!(status.success(), "the example server can't be built: see above");
    Ok([tools::target().join("debug").join(server), typescript::build()?, python::python()?])
}
