//! When a verifier asks, and who waits for it. Nothing here reads a clock or draws a number.

use std::time::Duration;

use crate::clock::Moment;

/// After a refresh nobody begins another one for so long, so that garbage can't drive requests.
const COOL_DOWN_MS: u64 = 1_000;
/// How long a failed refresh holds back those that could do without, at first and at most.
const BACKOFF_MS: u64 = 1_000;
const MAX_BACKOFF_MS: u64 = 60_000;
/// A failure is forgotten so long after its wait is over: in an outage somebody has tried again by then, and where
/// nobody has, the process may have been frozen, and what failed before that says nothing.
const FORGOTTEN_AFTER_MS: u64 = 2_000;
/// How long the follower waits after a failure, at first and at most.
const RETRY_MS: u64 = 500;
const MAX_RETRY_MS: u64 = 10_000;

/// How long to wait before the feed is asked again, after so many failures in a row before this one. `random` is from 0
/// to 1: those who failed together don't come back together.
pub fn retry_after(failures_before: u32, freshness_ms: Option<u64>, random: f64) -> Duration {
    let doubled = RETRY_MS.saturating_mul(1 << failures_before.min(32));
    let limit = doubled.min(MAX_RETRY_MS).min(freshness_ms.map_or(u64::MAX, |ms| ms / 2));
    Duration::from_millis(limit).mul_f64(random)
}

/// Why a request needs a younger view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without one nothing can be said of its token.
    Unsure,
    /// Its token is accepted, by a view that is not young.
    Old,
}

/// What a request does that needs a younger view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Turn {
    /// Starts a refresh, and waits for its end.
    Start,
    /// Waits for the end of the one that runs.
    Join,
    /// Decides now, by what is known.
    Decide,
}

/// Who may wait for a younger view: many need one, and one is asked for.
///
/// After one that failed, nobody whose token would be accepted anyhow waits until its back-off is over; then one alone
/// tries, so that an outage costs one request in a while its two seconds, and not all of them.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    running: bool,
    ended: Option<Moment>,
    failed: Option<Failed>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    at: Moment,
    /// In a row.
    times: u32,
    wait_ms: u64,
}

impl Gate {
    /// What a request does. Whoever starts one has to tell its [end](Self::ended), whatever came of it.
    pub fn ask(&mut self, need: Need, at: Moment) -> Turn {
        if let (Need::Old, Some(failed)) = (need, self.failed) {
            let since = at.elapsed_since_ms(failed.at);
            if since < failed.wait_ms {
                return Turn::Decide;
            }
            if since < failed.wait_ms.saturating_add(FORGOTTEN_AFTER_MS) {
                return if self.running { Turn::Decide } else { self.start() };
            }
            self.failed = None;
        }
        let cools = self.ended.is_some_and(|ended| at.elapsed_since_ms(ended) < COOL_DOWN_MS);
        match (self.running, cools) {
            (true, _) => Turn::Join,
            (false, true) => Turn::Decide,
            (false, false) => self.start(),
        }
    }

    /// A refresh has ended: did it bring a view? `random` is from 0 to 1.
    pub fn ended(&mut self, succeeded: bool, at: Moment, random: f64) {
        (self.running, self.ended) = (false, Some(at));
        let times = self.failed.map_or(0, |failed| failed.times).saturating_add(1);
        let limit = BACKOFF_MS.saturating_mul(1 << (times - 1).min(32)).min(MAX_BACKOFF_MS);
        let wait_ms = (limit as f64 * random.mul_add(0.5, 0.5)) as u64;
        self.failed = (!succeeded).then_some(Failed { at, times, wait_ms });
    }

    fn start(&mut self) -> Turn {
        self.running = true;
        Turn::Start
    }
}
