//! JSON Web Tokens beside our verdict: runs `verify/benches/jwt.rs`, and reads what it prints.

use anyhow::Result;

use super::{Figure, verdict};

/// The other way round than elsewhere: how much longer theirs take. Nothing that we could reach.
const CASES: [(&str, &str); 4] = [
    ("JWT HS256 / embedded verify", "hs256"),
    ("JWT ES256 / embedded verify", "es256"),
    ("JWT EdDSA / embedded verify", "eddsa"),
    ("JWT RS256 / embedded verify", "rs256"),
];

pub(super) fn run() -> Result<Vec<Figure>> {
    let values = verdict::printed("jwt")?;
    let verdict = values.of("verifier_ns")?;
    let figure = |(name, case): (&'static str, &str)| {
        let (ratio, cost) = (values.of(&format!("{case}_over_verifier"))?, values.of(&format!("{case}_ns"))?);
        Ok(Figure::told(name, ratio, "×", format!("{:.2} µs against {verdict:.0} ns", cost / 1000.0)))
    };
    CASES.into_iter().map(figure).collect()
}
