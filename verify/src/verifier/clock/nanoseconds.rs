//! One clock, in nanoseconds.

use rustix::time::{ClockId, Timespec, clock_gettime};

pub(super) fn nanos(clock: ClockId) -> u64 {
    unsigned(clock_gettime(clock))
}

/// Up to the year 2554.
pub(super) fn unsigned(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

pub(super) const fn millis(nanos: u64) -> u64 {
    nanos / 1_000_000
}
