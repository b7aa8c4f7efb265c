//! How many instructions the hot paths take, under callgrind: a count that a busy machine does not change, and so a
//! guard against what makes them longer. The bounds stand here, a few percent above what was counted; none yet.
//!
//! Valgrind hides the processor's SHA instructions, so the counts hold SHA-256 in software. It is counted by itself as
//! well, and taken off where a path hashes.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};

use super::{Figure, daemon::fresh_folder, target};

/// What takes a token hashes it once.
const HASHES: bool = true;

/// Each path in the order of `benches/hot_paths.rs`, whether it hashes, and its bound without the hash.
const BOUNDS: [(&str, bool, Option<f64>); 9] = [
    ("one SHA-256", !HASHES, None),
    ("verify, accepted", HASHES, None),
    ("verify, unknown", HASHES, None),
    ("verify, malformed", !HASHES, None),
    ("decide, 3 entries", HASHES, None),
    ("decide, 100,000 entries", HASHES, None),
    ("parse of 1,000 entries", !HASHES, None),
    ("layer, a request", HASHES, None),
    ("plan::next, in grace", !HASHES, None),
];

pub(super) fn run() -> Result<Vec<Figure>> {
    let valgrind = crate::tools::valgrind()?;
    build()?;
    let (counts, again) = (counts(&valgrind)?, counts(&valgrind)?);
    ensure!(counts == again, "the counts of two runs differ: {counts:?} and {again:?}");
    let hash = counts.first().context("nothing was counted")?.1;
    let figure =
        |((name, count), (expected, hashes, bound)): (&(String, f64), &(&'static str, bool, Option<f64>))| {
            ensure!(name == expected, "{name} was counted where {expected} is bounded");
            let (value, told) = match hashes {
                true => (count - hash, format!("instructions, without the hash's {hash:.0}")),
                false => (*count, "instructions".to_owned()),
            };
            Ok(Figure { name: expected, value, goal: *bound, unit: "", told })
        };
    ensure!(counts.len() == BOUNDS.len(), "{} were counted, {} are bounded", counts.len(), BOUNDS.len());
    counts.iter().zip(&BOUNDS).map(figure).collect()
}

/// With its symbols, by which callgrind finds what to count; the libraries stay as they were built.
fn build() -> Result<()> {
    eprintln!("xtask: cargo rustc --release --example hot-paths");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--quiet", "--release", "--package", "crossfade", "--example", "hot-paths"]);
    let status = cargo.args(["--", "-C", "strip=none"]).status()?;
    ensure!(status.success(), "the build failed: see above");
    Ok(())
}

fn counts(valgrind: &crate::tools::Valgrind) -> Result<Vec<(String, f64)>> {
    let folder = fresh_folder("instructions")?;
    fs::create_dir_all(&folder)?;
    let mut command = valgrind.command();
    command
        .args(["--tool=callgrind", "--toggle-collect=*hot_paths*measured*"])
        // Whenever it is left, what was counted is written down, and the next count begins at nothing.
        .arg("--dump-after=*hot_paths*measured*")
        .arg(format!("--callgrind-out-file={}", folder.join("counts").display()))
        .arg(target().join("release/examples/hot-paths"));
    let output = command.output().context("valgrind can't be started")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout)?;
    let one =
        |(n, name): (usize, &str)| Ok((name.to_owned(), total(&folder.join(format!("counts.{}", n + 1)))?));
    names.lines().enumerate().map(one).collect()
}

fn total(dump: &Path) -> Result<f64> {
    let text = fs::read_to_string(dump).with_context(|| format!("{} can't be read", dump.display()))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(total.context("a dump without totals")?.trim().parse()?)
}
