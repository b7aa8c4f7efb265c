//! Both clocks for a third of the price: to read `CLOCK_BOOTTIME` is to wait for the processor's own counter.
//!
//! The kernel keeps two clocks as they were at its last tick, and those are read without the counter. One of them
//! stops in suspend. But how far the two are apart changes, by the nanosecond, with each suspend and whenever the
//! wall clock is set, and never else. While that is what it was, so is how far the one that stops is from
//! the one that does not.

use std::cell::Cell;

use rustix::time::{ClockId, clock_getres};

use super::nanoseconds::{millis, nanos, unsigned};
use crate::clock::Moment;

/// What both said at the last tick, in nanoseconds.
#[derive(Clone, Copy)]
struct Tick {
    /// `CLOCK_MONOTONIC`.
    stopping: u64,
    wall: u64,
}

/// How the clocks stand to each other, in nanoseconds.
#[derive(Clone, Copy)]
struct Offsets {
    /// From the one that stops to the wall clock.
    wall: u64,
    /// From the one that stops to `CLOCK_BOOTTIME`.
    boot: u64,
    /// How far a tick's may be behind.
    behind: u64,
}

/// The kernel counts whole ticks at each, so up to two; and one more for a tick that comes late.
const TICKS_BEHIND: u64 = 3;

/// If finding out took longer, another thread's turn came in between.
const AT_ONCE: u64 = 1_000_000;

thread_local! {
    static KNOWN: Cell<Option<Offsets>> = const { Cell::new(None) };
}

/// Late rather than early. None where the offsets are not known; then they may be the next time.
pub(super) fn moment() -> Option<Moment> {
    let tick = Tick::last();
    let moment = KNOWN.get().and_then(|known| known.moment(tick));
    if moment.is_none()
        && let Some(offsets) = Offsets::found(tick)
    {
        KNOWN.set(Some(offsets));
    }
    moment
}

impl Tick {
    fn last() -> Self {
        Self { stopping: nanos(ClockId::MonotonicCoarse), wall: nanos(ClockId::RealtimeCoarse) }
    }

    const fn apart(self) -> u64 {
        self.wall.wrapping_sub(self.stopping)
    }
}

impl Offsets {
    /// None if there was a tick, a suspend or another thread's turn in between.
    fn found(tick: Tick) -> Option<Self> {
        let behind = TICKS_BEHIND * unsigned(clock_getres(ClockId::MonotonicCoarse));
        let boot = boot_offset([ClockId::Monotonic, ClockId::Boottime, ClockId::Monotonic].map(nanos))?;
        (Tick::last().apart() == tick.apart()).then(|| Self { wall: tick.apart(), boot, behind })
    }

    /// None since a suspend, and since the wall clock was set; and if a tick came between the two readings.
    fn moment(self, tick: Tick) -> Option<Moment> {
        let stopping = tick.stopping.wrapping_add(self.behind);
        (tick.apart() == self.wall).then(|| Moment {
            boot_ms: millis(stopping.wrapping_add(self.boot)),
            wall_ms: millis(stopping.wrapping_add(self.wall)),
        })
    }
}

/// Of the middle one of three readings to those around it. From the earlier one, so that it is not too small.
fn boot_offset([before, boot, after]: [u64; 3]) -> Option<u64> {
    (after.wrapping_sub(before) < AT_ONCE).then(|| boot.wrapping_sub(before))
}

#[cfg(test)]
mod tests {
    use super::{super::SystemClock, *};
    use crate::verifier::Clock as _;

    const OFFSETS: Offsets =
        Offsets { wall: 1_700_000_000_000_000_000, boot: 5_000_000_000, behind: 12_000_000 };
    const TICK: Tick = Tick { stopping: 1_000_000_000, wall: 1_700_000_001_000_000_000 };

    #[test]
    fn both_clocks_are_told_by_one_and_the_time_that_it_may_be_behind() {
        let want = Moment { boot_ms: 6_012, wall_ms: 1_700_000_001_012 };
        assert_eq!(OFFSETS.moment(TICK), Some(want));
    }

    #[test]
    fn a_suspend_and_a_clock_that_was_set_are_noticed_by_the_nanosecond() {
        for by in [1, 3_600_000_000_000] {
            assert_eq!(OFFSETS.moment(Tick { wall: TICK.wall + by, ..TICK }), None);
            assert_eq!(OFFSETS.moment(Tick { wall: TICK.wall - by, ..TICK }), None);
        }
    }

    #[test]
    fn an_offset_is_found_at_once_or_not_at_all_and_is_not_too_small() {
        assert_eq!(boot_offset([1_000, 5_001_100, 1_200]), Some(5_000_100));
        assert_eq!(boot_offset([1_000, 5_001_100, 1_000 + AT_ONCE]), None);
    }

    /// Not each one: a tick may be very late on a machine that has too much to do.
    #[test]
    fn it_is_the_time_that_the_exact_clocks_tell_or_a_little_later() {
        let right = (0..1_000).filter(|_| {
            let earliest = SystemClock.moment();
            let Some(told) = moment() else { return false };
            let latest = SystemClock.moment();
            let boot = earliest.boot_ms..=latest.boot_ms + 100;
            let wall = earliest.wall_ms..=latest.wall_ms + 100;
            boot.contains(&told.boot_ms) && wall.contains(&told.wall_ms)
        });
        assert!(right.count() > 500);
    }
}
