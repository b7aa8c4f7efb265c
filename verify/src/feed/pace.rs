//! How long the feed waits after a failure.

use std::time::Duration;

/// After the first failure, at most; doubled with each more in a row.
const FIRST: Duration = Duration::from_millis(500);

const CAP: Duration = Duration::from_secs(10);

/// More than enough doublings for the cap.
const DOUBLINGS: u32 = 10;

/// The wait after a failure, with full jitter: `random` is from 0 to 1. It never takes so long that half of the
/// freshness goes by.
pub(super) fn retry(failures_before: u32, freshness: Option<Duration>, random: f64) -> Duration {
    let doubled = FIRST * (1 << failures_before.min(DOUBLINGS));
    let half = freshness.map_or(CAP, |freshness| freshness / 2);
    doubled.min(CAP).min(half).mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Pace {
        retry: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        failures_before: u32,
        freshness_ms: Option<u64>,
        random: f64,
        wait_ms: u64,
    }

    #[test]
    fn a_failure_is_followed_by_the_wait_that_the_vectors_say() {
        let pace: Pace = serde_json::from_str(include_str!("../../vectors/pace.json")).expect("vectors");
        assert!(pace.retry.len() >= 14, "cases are missing");
        for Case { name, failures_before, freshness_ms, random, wait_ms } in pace.retry {
            let freshness = freshness_ms.map(Duration::from_millis);
            assert_eq!(retry(failures_before, freshness, random), Duration::from_millis(wait_ms), "{name}");
        }
    }
}
