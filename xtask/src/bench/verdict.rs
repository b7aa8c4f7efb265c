//! The core's verdict and the embedded verifier's beside one SHA-256, and the guard beside a bare route: runs
//! `verify/benches/verdict.rs` and `guard.rs`, and reads what they print.

use std::{collections::BTreeMap, process::Command};

use anyhow::{Context, Result, ensure};

use super::Figure;

pub(super) fn run() -> Result<Vec<Figure>> {
    let values = printed("verdict")?;
    let value = |name| values.of(name);
    let (hash, verdict, large) = (value("sha256_ns")?, value("verdict_ns")?, value("verdict_100000_ns")?);
    let over_hash = format!("{verdict:.0} ns against {hash:.0} ns");
    let embedded =
        format!("{:.0} ns, of which the clocks {:.0} ns", value("verifier_ns")?, value("clocks_ns")?);
    let both = format!("{:.0} ns on each of two", value("verifier_2_threads_ns")?);
    let over_small = format!("{large:.0} ns against {verdict:.0} ns");
    let requests = printed("guard")?;
    let (guarded, bare) = (requests.of("guarded_ns")?, requests.of("bare_ns")?);
    let over_bare = format!("{:.2} µs against {:.2} µs of CPU time", guarded / 1000.0, bare / 1000.0);
    Ok(vec![
        Figure::ratio("verdict / one SHA-256", value("verdict_over_sha256")?, 2.0, over_hash),
        Figure::ratio("100,000 entries / 3", value("verdict_100000_over_3")?, 3.0, over_small),
        Figure::new(
            "allocations in an acceptance",
            value("allocations")?,
            0.0,
            "",
            "100,000 verdicts".into(),
        ),
        Figure::ratio("embedded verify / one SHA-256", value("verifier_over_sha256")?, 2.2, embedded),
        Figure::new(
            "allocations in an embedded one",
            value("verifier_allocations")?,
            0.0,
            "",
            "100,000 verdicts".into(),
        ),
        Figure::ratio("readers scale: 2 threads", value("verifier_2_threads_over_sha256")?, 1.25, both),
        Figure::ratio("guard / bare axum route", requests.of("guarded_over_bare")?, 1.03, over_bare),
    ])
}

/// What a bench has printed: a name and a value on each line.
pub(super) struct Printed(BTreeMap<String, f64>);

impl Printed {
    pub(super) fn of(&self, name: &str) -> Result<f64> {
        self.0.get(name).copied().with_context(|| format!("the bench printed no {name}"))
    }
}

pub(super) fn printed(bench: &str) -> Result<Printed> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["bench", "--quiet", "-p", "crossfade-verify", "--features", "tower", "--bench", bench]);
    read(&mut cargo)
}

/// What a bench prints.
pub(super) fn read(bench: &mut Command) -> Result<Printed> {
    let output = bench.output().with_context(|| format!("{bench:?} can't be started"))?;
    ensure!(output.status.success(), "{bench:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().filter_map(|line| line.split_once(' '));
    let values = lines.map(|(name, value)| Ok((name.to_owned(), value.parse()?)));
    Ok(Printed(values.collect::<Result<_>>()?))
}
