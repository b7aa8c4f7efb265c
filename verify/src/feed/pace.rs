//! How long the feed waits: for an answer that is held, and before it asks again.

use std::time::Duration;

/// After the first failure, at most; doubled with each more in a row.
const FIRST: Duration = Duration::from_millis(500);

const CAP: Duration = Duration::from_secs(10);

/// A request is held for this long at most.
const HELD_AT_MOST: Duration = Duration::from_secs(60);

/// A request that is answered sooner than this, with nothing new, was not held.
const UNHELD: Duration = Duration::from_secs(1);

/// Before another replica is asked in the place of one that ends, at most.
const AFTER_CLOSE: Duration = Duration::from_millis(500);

/// More than enough doublings for the cap.
const DOUBLINGS: u32 = 10;

/// The wait after a failure, with full jitter: `random` is from 0 to 1. It never takes so long that half of the
/// freshness goes by.
pub(super) fn retry(failures_before: u32, freshness: Option<Duration>, random: f64) -> Duration {
    let doubled = FIRST * (1 << failures_before.min(DOUBLINGS));
    let half = freshness.map_or(CAP, |freshness| freshness / 2);
    doubled.min(CAP).min(half).mul_f64(random)
}

/// How long an answer that is held may take: it has to come while there is time to ask another replica.
pub(super) fn held(freshness: Duration) -> Duration {
    (freshness / 2).min(HELD_AT_MOST) + (freshness / 4).clamp(Duration::from_secs(1), Duration::from_secs(10))
}

/// Whether an answer to a request that was to be held came so soon that it was not.
pub(super) fn is_soon(freshness: Duration, took: Duration) -> bool {
    took < UNHELD.min(freshness / 4)
}

/// The wait after such an answer. Something between us may not let it wait, or two replicas behind one address may
/// differ: they would be asked without end.
pub(super) fn unheld(
    freshness: Duration,
    took: Duration,
    changed: bool,
    soon_before: bool,
    random: f64,
) -> Duration {
    let waits = is_soon(freshness, took) && (!changed || soon_before);
    if waits { UNHELD.min(freshness / 4).mul_f64(random) } else { Duration::ZERO }
}

/// The wait after an answer of a replica that closes the connection, as all its verifiers hear at the same moment.
pub(super) fn closed(random: f64) -> Duration {
    AFTER_CLOSE.mul_f64(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Pace {
        retry: Vec<Retry>,
        held: Vec<Held>,
        unheld: Vec<Unheld>,
        closed: Vec<Closed>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Retry {
        name: String,
        failures_before: u32,
        freshness_ms: Option<u64>,
        random: f64,
        wait_ms: u64,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Held {
        name: String,
        freshness_ms: u64,
        limit_ms: u64,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Unheld {
        name: String,
        freshness_ms: u64,
        took_ms: u64,
        changed: bool,
        soon_before: bool,
        random: f64,
        wait_ms: u64,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Closed {
        name: String,
        random: f64,
        wait_ms: u64,
    }

    #[test]
    fn it_waits_as_long_as_the_vectors_say() {
        let ms = Duration::from_millis;
        let pace: Pace = serde_json::from_str(include_str!("../../vectors/pace.json")).expect("vectors");
        assert!(pace.retry.len() >= 14, "cases are missing");
        for Retry { name, failures_before, freshness_ms, random, wait_ms } in pace.retry {
            assert_eq!(retry(failures_before, freshness_ms.map(ms), random), ms(wait_ms), "{name}");
        }
        assert!(
            pace.held.len() >= 6 && pace.unheld.len() >= 12 && pace.closed.len() >= 3,
            "cases are missing"
        );
        for Held { name, freshness_ms, limit_ms } in pace.held {
            assert_eq!(held(ms(freshness_ms)), ms(limit_ms), "{name}");
        }
        for Unheld { name, freshness_ms, took_ms, changed, soon_before, random, wait_ms } in pace.unheld {
            let wait = unheld(ms(freshness_ms), ms(took_ms), changed, soon_before, random);
            assert_eq!(wait, ms(wait_ms), "{name}");
        }
        for Closed { name, random, wait_ms } in pace.closed {
            assert_eq!(closed(random), ms(wait_ms), "{name}");
        }
    }
}
