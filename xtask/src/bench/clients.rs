//! A verdict in TypeScript and in Python beside one SHA-256 by the same runtime: runs each client's bench, and reads what
//! it prints.

use std::process::Command;

use anyhow::Result;

use super::{
    Figure,
    verdict::{self, Printed},
};
use crate::{python, tools, typescript};

pub(super) fn run() -> Result<Vec<Figure>> {
    let names = ["TypeScript verify / one SHA-256", "TypeScript, refusal / acceptance", "TypeScript, guard"];
    let mut figures = figures(names, 1.5, &typescript_bench()?)?;
    let names = ["Python verify / one SHA-256", "Python, refusal / acceptance", "Python, guard"];
    figures.extend(self::figures(names, 8.0, &python_bench()?)?);
    Ok(figures)
}

fn typescript_bench() -> Result<Printed> {
    typescript::build()?;
    let mut node = Command::new("node");
    node.arg("build/bench/verdict.js").current_dir(tools::root().join("clients/typescript"));
    verdict::read(&mut node)
}

fn python_bench() -> Result<Printed> {
    let mut command = Command::new(python::python()?);
    command.arg("benches/verdict.py").current_dir(tools::root().join("clients/python"));
    command.env("PYTHONPATH", "src:tests").env("PYTHONDONTWRITEBYTECODE", "1");
    verdict::read(&mut command)
}

fn figures([verify, refusal, guard]: [&'static str; 3], goal: f64, printed: &Printed) -> Result<Vec<Figure>> {
    let [hash, accepted, previous, unknown, malformed, bare, guarded] =
        ["sha256_ns", "accepted_ns", "previous_ns", "unknown_ns", "malformed_ns", "bare_ns", "guard_ns"]
            .map(|name| printed.of(name));
    let (hash, accepted, previous) = (hash?, accepted?, previous?);
    let (unknown, malformed, bare, guarded) = (unknown?, malformed?, bare?, guarded?);
    let told =
        format!("{accepted:.0} ns against {hash:.0} ns; of a version with a deadline {previous:.0} ns");
    let refused = format!("unknown {unknown:.0} ns, malformed {malformed:.0} ns");
    let beyond = format!("a request; {bare:.0} ns without it");
    Ok(vec![
        Figure::ratio(verify, accepted / hash, goal, told),
        // What differs by less than a tenth is noise.
        Figure::ratio(refusal, unknown.max(malformed) / accepted, 1.1, refused),
        Figure::told(guard, (guarded - bare) / 1000.0, " µs", beyond),
    ])
}
