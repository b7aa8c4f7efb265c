//! Each rule of the plan and of the verdict has a test of its name that fails without it.
//!
//! The tables hold one cut a rule: what stands in the source, what stands there once the rule is gone, and
//! the test that has to notice. That the tables fit the source is checked always; the cuts themselves are
//! made where `CROSSFADE_FULL` is set, in a copy of the modules that decide.

#![expect(clippy::disallowed_methods, reason = "the long runs are asked for by the test command")]

mod copy;
mod findings;
mod margins;
mod orders;
mod plan;
mod verdict;

use std::{collections::BTreeSet, fs, path::Path};

use copy::{Copy, Ending};

/// A file that decides, the tests that hold it, and the cuts that they have to notice.
struct Table {
    file: &'static str,
    tests: Tests,
    cuts: &'static [Cut],
}

/// Where the tests of a file stand.
#[derive(Clone, Copy)]
enum Tests {
    /// Beside the plan.
    Plan,
    /// With the verify crate.
    Verdict,
}

impl Tests {
    fn files(self) -> &'static [&'static str] {
        match self {
            Self::Plan => &[
                "src/rotation/plan/tests.rs",
                "src/rotation/plan/tests/ends.rs",
                "src/rotation/plan/tests/findings.rs",
                "src/rotation/plan/tests/given_up.rs",
                "src/rotation/plan/tests/margins.rs",
                "src/rotation/plan/tests/orders.rs",
                "src/rotation/plan/tests/requests.rs",
                "src/rotation/plan/tests/rules.rs",
                "src/rotation/plan/tests/why.rs",
            ],
            Self::Verdict => &["verify/tests/decide.rs"],
        }
    }

    /// What `cargo test` is told, to run them.
    fn target(self) -> &'static [&'static str] {
        match self {
            Self::Plan => &["--package", "crossfade", "--lib"],
            Self::Verdict => &["--package", "crossfade-verify", "--test", "decide"],
        }
    }
}

/// A rule, taken out.
struct Cut {
    /// What is not so any more.
    rule: &'static str,
    /// What stands in the source, once.
    from: &'static str,
    /// What stands there instead.
    to: &'static str,
    /// The test that is named for the rule.
    noticed_by: &'static str,
}

const fn cut(rule: &'static str, from: &'static str, to: &'static str, noticed_by: &'static str) -> Cut {
    Cut { rule, from, to, noticed_by }
}

fn tables() -> impl Iterator<Item = &'static Table> {
    [&plan::TABLES[..], &findings::TABLES, &orders::TABLES, &margins::TABLES, &verdict::TABLES]
        .into_iter()
        .flatten()
}

fn read(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The source without the rule.
fn without(source: &str, cut: &Cut) -> String {
    source.replace(cut.from, cut.to)
}

#[test]
fn every_cut_fits_the_source_and_names_a_test() {
    let mut wrong = Vec::new();
    for table in tables() {
        let source = read(table.file);
        let tests: String = table.tests.files().iter().map(|file| read(file)).collect();
        for Cut { rule, from, to, noticed_by } in table.cuts {
            let found = source.matches(from).count();
            if found != 1 || from == to {
                wrong.push(format!("{rule}: this stands there {found} times, not once to be cut:\n{from}"));
            }
            if !tests.contains(&format!("#[test]\nfn {noticed_by}()")) {
                wrong.push(format!("{rule}: there is no test {noticed_by}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_that_decides_has_a_cut() {
    let mut missing = Vec::new();
    for file in tables().map(|table| table.file).collect::<BTreeSet<_>>() {
        let source = read(file);
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        let cuts = tables().filter(|table| table.file == file).flat_map(|table| table.cuts);
        let places: Vec<usize> = cuts.filter_map(|cut| code.find(cut.from)).collect();
        let starts: Vec<usize> = code.match_indices("fn ").map(|(at, _)| at).collect();
        for (n, start) in starts.iter().enumerate() {
            let end = starts.get(n + 1).copied().unwrap_or(code.len());
            let name = code[start + 3..].split(['(', '<']).next().unwrap_or_default();
            let decides = !["terms", "as_str"].contains(&name);
            if decides && !places.iter().any(|at| (*start..end).contains(at)) {
                missing.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "no cut is made in\n{}", missing.join("\n"));
}

#[test]
fn every_rule_that_is_cut_out_fails_the_test_that_is_named_for_it() {
    if std::env::var_os("CROSSFADE_FULL").is_none() {
        return;
    }
    let copy = Copy::new();
    for tests in [Tests::Plan, Tests::Verdict] {
        assert_eq!(copy.test(tests.target(), ""), Ending::Passed, "with every rule in its place");
    }
    let (mut made, mut wrong) = (0, Vec::new());
    for table in tables() {
        let source = read(table.file);
        for cut in table.cuts {
            copy.write(table.file, &without(&source, cut));
            let ending = copy.test(table.tests.target(), cut.noticed_by);
            if !matches!(&ending, Ending::Failed(tests) if tests.contains(cut.noticed_by)) {
                wrong.push(format!("{}: {}: {} {ending:?}", table.file, cut.rule, cut.noticed_by));
            }
            made += 1;
        }
        copy.write(table.file, &source);
    }
    println!("{made} cuts made");
    assert!(wrong.is_empty(), "{} of {made} cuts went unnoticed:\n{}", wrong.len(), wrong.join("\n"));
}
