//! The one place of this crate that reads clocks.

use rustix::time::{ClockId, clock_gettime};

use crate::clock::Moment;

/// The machine's two clocks.
pub trait Clock: Send + Sync {
    /// Reads both.
    fn moment(&self) -> Moment;
}

/// The real ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

/// The first runs on while the machine is suspended. (Where there is no such clock, the wall clock tells.)
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCKS: [ClockId; 2] = [ClockId::Boottime, ClockId::Realtime];
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCKS: [ClockId; 2] = [ClockId::Monotonic, ClockId::Realtime];

impl Clock for SystemClock {
    fn moment(&self) -> Moment {
        let [boot_ms, wall_ms] = CLOCKS.map(milliseconds);
        Moment { boot_ms, wall_ms }
    }
}

/// Clocks that stand still.
impl Clock for Moment {
    fn moment(&self) -> Moment {
        *self
    }
}

fn milliseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000_000)
}
