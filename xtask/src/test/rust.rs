//! The tests in Rust: each in a process of its own, so that none waits for the slowest of another file; but those that
//! share an emulator share a process.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::{BUILD, FULL, Options, STATIC};
use crate::{part::Environment, steps::Steps, tools};

/// Its tests share one process, for each would start emulators of its own.
const SHARED: &str = "emulators";

/// How many tests are listed by `--timings`.
const SLOWEST: usize = 25;

/// Variables that change which tests run.
const SWITCHES: [&str; 4] = [FULL, STATIC, "SYSTEMD", "CROSSFADE_SEED"];

pub(super) fn test(steps: &Steps, built: Option<()>, environment: &Environment, options: Options) {
    steps.run_with("Rust tests", built, BUILD, |()| {
        let mut nextest = Command::new(tools::cargo_nextest()?);
        let filter = format!("not binary({SHARED})");
        nextest.args(["nextest", "run", "--workspace", "--locked", "--filterset", &filter]);
        let ended = run(nextest, environment, options);
        if options.timings {
            slowest()?;
        }
        ended
    });
    steps.run_with("Rust tests on emulators of AWS", built, BUILD, |()| {
        run(Command::new(built_test(SHARED)?), environment, options)
    });
    // The one crate whose documentation has samples, since it is the one that others embed.
    steps.run_with("samples in Rust's documentation", built, BUILD, |()| {
        let verify = ["test", "--locked", "--package", "crossfade-verify", "--all-features", "--doc"];
        run(cargo(&verify), environment, options)
    });
}

/// The program of one of the daemon's tests, as it was built with all others: by itself it would be built with other
/// features, and so most of its dependencies once more.
fn built_test(name: &str) -> Result<PathBuf> {
    let mut list = Command::new(tools::cargo_nextest()?);
    list.args(["nextest", "list", "--workspace", "--locked", "--list-type", "binaries-only"]);
    let output = list.args(["--message-format", "json"]).current_dir(tools::root()).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let program = listed["rust-binaries"][format!("crossfade::{name}")]["binary-path"].as_str();
    program.map(PathBuf::from).with_context(|| format!("no test is named {name}"))
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments);
    cargo
}

fn run(mut command: Command, environment: &Environment, options: Options) -> Result<()> {
    // From the options alone, so that a forgotten variable doesn't make the fast tier a long one, or the other way round.
    for variable in SWITCHES {
        command.env_remove(variable);
    }
    command.envs(environment.iter().cloned()).envs(options.full.then_some((FULL, "1")));
    let status = command.current_dir(tools::root()).status().context("it can't be started")?;
    ensure!(
        status.success(),
        "it ended with {status}: what failed is listed above; run it alone with `cargo test NAME`"
    );
    Ok(())
}

/// Prints the tests that took longest, as nextest wrote them down (`.config/nextest.toml`).
fn slowest() -> Result<()> {
    let file = tools::target().join("nextest/default/junit.xml");
    let report = fs::read_to_string(&file).with_context(|| format!("{} can't be read", file.display()))?;
    let mut tests: Vec<(f64, String)> = report.lines().filter_map(test_case).collect();
    tests.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    eprintln!("\nThe slowest tests in Rust, of {}:", tests.len());
    for (seconds, name) in tests.into_iter().take(SLOWEST) {
        eprintln!("{seconds:>8.1} s  {name}");
    }
    Ok(())
}

/// Its seconds and its name, where the line begins one: `<testcase name="…" classname="…" timestamp="…" time="1.5">`.
fn test_case(line: &str) -> Option<(f64, String)> {
    let attributes = line.trim_start().strip_prefix("<testcase")?;
    let attribute = |name: &str| attributes.split_once(&format!(" {name}=\""))?.1.split('"').next();
    let name = format!("{} {}", attribute("classname")?, attribute("name")?);
    Some((attribute("time")?.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::test_case;

    #[test]
    fn a_test_case_tells_its_time_and_other_lines_tell_nothing() {
        let line = r#"        <testcase name="a::b" classname="crate::file" timestamp="2026-11-30T00:00:00Z" time="1.500">"#;
        assert_eq!(test_case(line), Some((1.5, "crate::file a::b".to_owned())));
        assert_eq!(test_case(r#"<testsuite name="crate" tests="3" time="2.0">"#), None);
    }
}
