//! The store's clock: the `Date` of AWS's answers.
//!
//! It has whole seconds, cut off, and was true at some moment between the request and its answer: so the time
//! is an interval. A soak counts by its lower end, a deadline by its upper.

use std::time::Duration;

use crossfade_verify::Moment;

use crate::{
    clock::elapsed,
    time::{Interval, Timestamp},
};

/// How far the time may be from what the last one and our own clock make us expect.
const DEPARTURE: Duration = Duration::from_secs(5);

/// The time of an answer, at the moment that it came.
pub(super) fn interval(date_s: u64, sent: Moment, received: Moment) -> Interval {
    let date = Timestamp::from_millis(date_s.saturating_mul(1000));
    Interval { earliest: date, latest: date + Duration::from_secs(1) + elapsed(sent, received) }
}

/// The last time that was seen, and when.
#[derive(Copy, Clone, Debug)]
pub(super) struct Last {
    at: Moment,
    now: Interval,
}

/// Takes in a time. False where it departs from the last one: an answer was replayed, or a clock was set. The
/// next answer is then compared with this one.
pub(super) fn follows(last: &mut Option<Last>, now: Interval, at: Moment) -> bool {
    let before = last.replace(Last { at, now });
    before.is_none_or(|before| {
        let passed = elapsed(before.at, at);
        let early = now.latest + DEPARTURE < before.now.earliest + passed;
        let late = now.earliest > before.now.latest + passed + DEPARTURE;
        !early && !late
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment { boot_ms: ms, wall_ms: ms }
    }

    #[test]
    fn a_time_lies_in_the_second_that_it_names_and_in_the_time_of_the_request() {
        let now = interval(1_000, at(0), at(250));
        assert_eq!(now.earliest, Timestamp::from_millis(1_000_000));
        assert_eq!(now.latest, Timestamp::from_millis(1_001_250));
    }

    #[test]
    fn a_time_that_goes_on_as_ours_does_follows() {
        let mut last = None;
        assert!(follows(&mut last, interval(1_000, at(0), at(10)), at(10)));
        assert!(follows(&mut last, interval(1_020, at(20_000), at(20_010)), at(20_010)));
    }

    #[test]
    fn a_replayed_answer_does_not_follow_and_neither_does_a_jump() {
        let mut last = None;
        assert!(follows(&mut last, interval(1_000, at(0), at(0)), at(0)));
        assert!(!follows(&mut last, interval(1_000, at(20_000), at(20_000)), at(20_000)));
        assert!(!follows(&mut last, interval(1_100, at(40_000), at(40_000)), at(40_000)));
        assert!(
            follows(&mut last, interval(1_120, at(60_000), at(60_000)), at(60_000)),
            "it is the new time"
        );
    }
}
