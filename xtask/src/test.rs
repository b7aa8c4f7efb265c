//! `cargo xtask test`: the fast tier; with `--full` the long runs too, with `--system` what needs root or the system's
//! packages.

use std::{process::Command, thread};

use anyhow::{Context as _, Result, ensure};

use crossfade_testing_fleet::servers::Kind;

use crate::{
    chaos, container, fuzz,
    part::{Environment, Part},
    python,
    steps::Steps,
    tools, typescript,
};

mod parts;
mod rust;

/// Tests read it: where it is set, they run long.
pub(crate) const FULL: &str = "CROSSFADE_FULL";

/// The step that most others need.
pub(crate) const BUILD: &str = "build of all that the tests run";

/// Of the events of `cargo xtask chaos` that are part of the tests.
const SEED: u64 = 1;

#[derive(Clone, Copy)]
pub(crate) struct Options {
    pub(crate) full: bool,
    pub(crate) system: bool,
    pub(crate) timings: bool,
}

/// Sets up what the tests need and runs them: all of them, whichever fails.
pub(crate) fn run(options: Options) -> Result<()> {
    let parts = parts::all(options.system);
    announce(&parts, options);
    let steps = Steps::begin();
    // What is fetched is waited for, while the build has use for every processor.
    let (built, mut environment) = thread::scope(|scope| {
        let building = scope.spawn(|| steps.run(BUILD, build));
        let fetched = fetch(&steps, &parts);
        (building.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), fetched)
    });
    let debug = tools::target().join("debug");
    environment.push(("FLEET_RUST", debug.join(SERVER).into()));
    environment.push(("FLEET_RUST_CLIENT", debug.join(CLIENT).into()));
    environment.push(("SLACK_DEMO", debug.join("crossfade-slack-demo").into()));
    if options.system {
        system(&steps, built, &mut environment, options);
    }
    rust::test(&steps, built, &environment, options);
    steps.run_with("TypeScript tests", built, BUILD, |()| typescript::test(options.full));
    python::test(&steps, built, options);
    let (scope, seconds) =
        if options.full { (fuzz::Scope::All, fuzz::LONG_S) } else { (fuzz::Scope::Verifier, fuzz::SMOKE_S) };
    if options.system || tools::has(parts::CXX) {
        steps.run("fuzzing", || fuzz::run(scope, seconds));
    }
    let minutes = if options.full { 10 } else { 1 };
    steps.run_with(&format!("chaos, for {minutes} min"), built, BUILD, |()| {
        let part = |variable: &str| {
            let found = environment.iter().find(|(name, _)| *name == variable);
            found.map(|(_, path)| path.clone()).with_context(|| format!("{variable} was not fetched"))
        };
        let [rust, script, python] = ["FLEET_RUST", "FLEET_TYPESCRIPT", "FLEET_PYTHON"].map(part);
        chaos::built(SEED, minutes, options.system, Kind::all(rust?, script?, python?))
    });
    let result = steps.end(options.timings);
    if !options.system {
        eprintln!("Left out without --system: {}", parts::left_out());
    }
    result
}

/// Says what will happen before the first step.
fn announce(parts: &[Part], options: Options) {
    let tier = if options.full { "with the long runs about two hours" } else { "about 15 min once built" };
    eprintln!(
        "xtask: all tests, on two cores: {tier}; from nothing 6 min more, for the build and what is fetched."
    );
    let missing: Vec<&Part> = parts.iter().filter(|part| part.is_missing()).collect();
    let megabytes: u32 = missing.iter().map(|part| part.megabytes).sum();
    if missing.is_empty() {
        eprintln!("xtask: nothing has to be fetched.");
    } else {
        eprintln!("xtask: to be fetched, about {megabytes} MB, all into this checkout:");
    }
    for part in missing {
        eprintln!("xtask:   {} ({}, {} MB)", part.name, part.from, part.megabytes);
    }
    if options.system {
        eprintln!(
            "xtask: installed as root, where they are missing: Debian's {}",
            container::PACKAGES.join(", ")
        );
    } else {
        eprintln!(
            "xtask: left out, as they need root or packages of the system (--system runs them): {}",
            parts::left_out()
        );
    }
}

fn fetch(steps: &Steps, parts: &[Part]) -> Environment {
    let fetched = parts.iter().filter_map(|part| {
        let verb = if part.is_missing() { "fetch" } else { "find" };
        steps.run(format!("{verb} {}", part.name), part.fetch)
    });
    fetched.flatten().collect()
}

/// What runs an image and a host, and what is put into the image.
fn system(steps: &Steps, built: Option<()>, environment: &mut Environment, options: Options) {
    if steps.run("install what runs images and units", container::install).is_some() {
        environment.push(("SYSTEMD", container::SYSTEMD.into()));
        let binary = steps.run_with("static binary, for the image", built, BUILD, |()| {
            container::static_binary(options.full)
        });
        environment.extend(binary.map(|binary| (STATIC, binary.into_os_string())));
    }
}

/// Tests read it: the static binary that the image is made of. Without it they say so, and pass.
const STATIC: &str = "CROSSFADE_STATIC";

/// Builds all that the tests run, at once: what is built by itself has other sets of features, and so most of its
/// dependencies once more.
pub(crate) fn build() -> Result<()> {
    let build = ["build", "--workspace", "--locked", "--bins", "--examples", "--tests"];
    let status = Command::new(env!("CARGO")).args(build).status().context("cargo can't be started")?;
    ensure!(status.success(), "the build failed: see above");
    Ok(())
}

/// One of the example servers, and one of the official clients, for the tests that run them all.
const SERVER: &str = "crossfade-example-rmcp";
const CLIENT: &str = "crossfade-testing-mcp-client";

/// The example servers: the program in Rust, the script in TypeScript, and a Python that has what its server needs.
pub(crate) fn servers() -> Result<Vec<Kind>> {
    eprintln!("xtask: cargo build --package {SERVER}");
    let build = ["build", "--locked", "--package", SERVER];
    let status = Command::new(env!("CARGO")).args(build).status().context("cargo can't be started")?;
    ensure!(status.success(), "the example server can't be built: see above");
    let rust = tools::target().join("debug").join(SERVER);
    Ok(Kind::all(rust.into(), typescript::build()?.into(), python::python()?.into()))
}
