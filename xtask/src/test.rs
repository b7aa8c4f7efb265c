//! `cargo xtask test`: the fast tier; with `--full` the long runs too.

use std::{ffi::OsString, path::PathBuf, process::Command, thread};

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

/// What tests read, and what it is.
type Environment = Vec<(&'static str, OsString)>;

/// Sets up what the tests need and runs them. The test runner has the last word.
pub(crate) fn run(full: bool, with_container: bool) -> Result<()> {
    // What is fetched is waited for, while the build has use for every processor.
    let (fetched, built) = thread::scope(|scope| {
        let building = scope.spawn(build);
        (fetch(with_container), building.join())
    });
    built.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    let (fetched, [script, python]) = fetched?;
    let rust = tools::target().join("debug").join(SERVER);
    cargo
        .envs(fetched)
        .env("FLEET_RUST", &rust)
        .env("FLEET_RUST_CLIENT", tools::target().join("debug").join(CLIENT))
        .env("FLEET_TYPESCRIPT", &script)
        .env("FLEET_PYTHON", &python);
    if with_container {
        cargo.env(STATIC, container::static_binary(full)?).env(SYSTEMD, container::SYSTEMD);
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

/// Builds all that the tests run, at once: what is built by itself has other sets of features, and so most of its
/// dependencies once more.
fn build() -> Result<()> {
    eprintln!("xtask: cargo build --workspace");
    let build = ["build", "--workspace", "--locked", "--bins", "--examples", "--tests"];
    let status = Command::new(env!("CARGO")).args(build).status().context("cargo can't be started")?;
    ensure!(status.success(), "the build failed: see above");
    Ok(())
}

/// Fetches programs, and what is written in other languages: with it the servers' script and Python.
fn fetch(with_container: bool) -> Result<(Environment, [PathBuf; 2])> {
    tools::curl()?;
    if with_container {
        container::install()?;
    }
    let mut programs = vec![("PROMTOOL", tools::promtool()?), ("HADOLINT", tools::hadolint()?)];
    programs.extend(proxies::programs()?);
    let mut environment: Environment =
        programs.into_iter().map(|(variable, program)| (variable, program.into())).collect();
    environment.extend(emulators()?);
    environment.extend(mcp::programs()?);
    let servers = [typescript::build()?, python::python()?];
    environment.extend(slack::environment()?.map(|(variable, part)| (variable, part.into())));
    Ok((environment, servers))
}

/// One of the example servers, and one of the official clients, for the tests that run them all.
const SERVER: &str = "crossfade-example-rmcp";
const CLIENT: &str = "crossfade-testing-mcp-client";

/// The example servers: the program in Rust, the script in TypeScript, and a Python that has what its server needs.
pub(crate) fn servers() -> Result<[PathBuf; 3]> {
    eprintln!("xtask: cargo build --package {SERVER}");
    let build = ["build", "--quiet", "--locked", "--package", SERVER];
    let status = Command::new(env!("CARGO")).args(build).status().context("cargo can't be started")?;
    ensure!(status.success(), "the example server can't be built: see above");
    Ok([tools::target().join("debug").join(SERVER), typescript::build()?, python::python()?])
}
