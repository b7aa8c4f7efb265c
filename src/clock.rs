//! The one place that reads the machine's clocks. Everything else is handed a [`Clock`].

use std::{fmt, time::Duration};

use async_trait::async_trait;
use crossfade_verify::Moment;

/// The machine's clocks. They measure how long ago something was; what time it *is*, the store says.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Both clocks: one that runs on in suspend, and the wall clock.
    fn moment(&self) -> Moment;

    /// Waits. It may last longer than asked for where the machine is suspended.
    async fn sleep(&self, duration: Duration);
}

/// So that what holds one can be shown: a clock has nothing to show.
impl fmt::Debug for dyn Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// How long after `earlier` the moment `now` is, on the clock that runs on in suspend.
pub fn elapsed(earlier: Moment, now: Moment) -> Duration {
    Duration::from_millis(now.boot_ms.saturating_sub(earlier.boot_ms))
}

/// The real clocks.
#[derive(Copy, Clone, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn moment(&self) -> Moment {
        use rustix::time::{ClockId, clock_gettime};
        Moment {
            boot_ms: millis(clock_gettime(ClockId::Boottime)),
            wall_ms: millis(clock_gettime(ClockId::Realtime)),
        }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// Clocks that stand still.
#[async_trait]
impl Clock for Moment {
    fn moment(&self) -> Moment {
        *self
    }

    async fn sleep(&self, duration: Duration) {
        SystemClock.sleep(duration).await;
    }
}

fn millis(time: rustix::time::Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1000) + u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000
}
