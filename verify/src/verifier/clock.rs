//! The one place of this crate that reads clocks.

use rustix::time::ClockId;

use self::nanoseconds::{millis, nanos};
use crate::clock::Moment;

#[cfg(any(target_os = "linux", target_os = "android"))]
mod coarse;
mod nanoseconds;

/// The machine's two clocks.
pub trait Clock: Send + Sync {
    /// Reads both.
    fn moment(&self) -> Moment;

    /// Reads both for a verdict. That may be cheaper, and says some milliseconds too much rather than too little, so
    /// that no deadline is missed.
    fn verdict_moment(&self) -> Moment {
        self.moment()
    }
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
        let [boot_ms, wall_ms] = CLOCKS.map(|clock| millis(nanos(clock)));
        Moment { boot_ms, wall_ms }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn verdict_moment(&self) -> Moment {
        coarse::moment().unwrap_or_else(|| self.moment())
    }
}
