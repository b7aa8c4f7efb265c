//! How many instructions the hot paths take, under callgrind: a count that a busy machine does not change, and so a
//! guard against what makes them longer. The bounds stand here, about a tenth above what was counted (Rust 1.95, x86-64).
//!
//! Valgrind hides the processor's SHA instructions, so the counts hold SHA-256 in software. It is counted by itself as
//! well, and taken off where a path hashes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::{DIST, Figure, target};
use crate::tools::Valgrind;

/// What takes a token hashes it once.
const HASHES: bool = true;

/// Each path in the order of `benches/hot_paths.rs`, whether it hashes, and its bound without the hash.
const BOUNDS: [(&str, bool, Option<f64>); 9] = [
    ("one SHA-256", !HASHES, None),
    ("verify, accepted", HASHES, Some(390.0)),
    ("verify, unknown", HASHES, Some(1_950.0)),
    ("verify, malformed", !HASHES, Some(5_650.0)),
    ("decide, 3 entries", HASHES, Some(190.0)),
    ("decide, 100,000 entries", HASHES, Some(170.0)),
    ("parse of 1,000 entries", !HASHES, Some(12_500_000.0)),
    ("layer, a request", HASHES, Some(4_650.0)),
    ("plan::next, in grace", !HASHES, Some(8_500.0)),
];

pub(super) fn run() -> Result<Vec<Figure>> {
    let valgrind = crate::tools::valgrind()?;
    build()?;
    let hash = count(&valgrind, BOUNDS[0].0)?;
    let figure = |(name, hashes, bound): (&'static str, bool, Option<f64>)| {
        let counted = count(&valgrind, name)?;
        let again = count(&valgrind, name)?;
        ensure!(counted == again, "{name}: two runs count {counted} and {again}");
        let (value, told) = match hashes {
            true => (counted - hash, format!("instructions, without the hash's {hash:.0}")),
            false => (counted, "instructions".to_owned()),
        };
        Ok(Figure { name, value, goal: bound, unit: "", told })
    };
    BOUNDS.into_iter().map(figure).collect()
}

/// Of SHA-256 of a token, in software.
pub(super) fn of_a_hash() -> Result<f64> {
    let valgrind = crate::tools::valgrind()?;
    build()?;
    count(&valgrind, BOUNDS[0].0)
}

/// Counts all instructions of a program, which are known when that has ended.
pub(super) struct Callgrind {
    valgrind: Valgrind,
    log: PathBuf,
}

impl Callgrind {
    /// Writes into this file.
    pub(super) fn new(log: PathBuf) -> Result<Self> {
        Ok(Self { valgrind: crate::tools::valgrind()?, log })
    }

    /// Runs this program.
    pub(super) fn command(&self, program: &Path) -> Command {
        let mut command = self.valgrind.command();
        command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        command.arg(format!("--log-file={}", self.log.display())).arg(program);
        command
    }

    pub(super) fn collected(&self) -> Result<f64> {
        collected(&fs::read_to_string(&self.log)?)
    }
}

/// With its symbols, by which callgrind finds what to count; the libraries stay as they were built.
fn build() -> Result<()> {
    eprintln!("xtask: cargo rustc --profile {DIST} --example hot-paths");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--profile", DIST, "--package", "crossfade", "--example", "hot-paths"]);
    let status = cargo.args(["--", "-C", "strip=none"]).status()?;
    ensure!(status.success(), "the build failed: see above");
    Ok(())
}

fn count(valgrind: &Valgrind, path: &str) -> Result<f64> {
    let mut command = valgrind.command();
    command.args([
        "--tool=callgrind",
        "--toggle-collect=*hot_paths*measured*",
        "--callgrind-out-file=/dev/null",
    ]);
    let output = command.arg(target().join(DIST).join("examples/hot-paths")).arg(path).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    let count = collected(&said)?;
    ensure!(count > 0.0, "nothing was counted of {path}: is its name another one?");
    Ok(count)
}

/// `==4242== Collected : 1234`
fn collected(said: &str) -> Result<f64> {
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    Ok(collected.with_context(|| format!("no count in: {said}"))?.1.trim().parse()?)
}
