//! A machine whose clocks a test can move.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crossfade_verify::{Clock, Machine, Moment, ThisMachine};

/// The real clocks, and what a test has added to them.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    boot_ms: AtomicU64,
    wall_ms: AtomicU64,
}

impl Moved {
    /// Lets time pass on both.
    pub(crate) fn pass(&self, ms: u64) {
        self.boot_ms.fetch_add(ms, Relaxed);
        self.wall_ms.fetch_add(ms, Relaxed);
    }

    /// Sets the wall clock forward.
    pub(crate) fn set_forward(&self, ms: u64) {
        self.wall_ms.fetch_add(ms, Relaxed);
    }
}

impl Clock for Moved {
    fn moment(&self) -> Moment {
        let Moment { boot_ms, wall_ms } = ThisMachine.moment();
        Moment {
            boot_ms: boot_ms + self.boot_ms.load(Relaxed),
            wall_ms: wall_ms + self.wall_ms.load(Relaxed),
        }
    }
}

impl Machine for Moved {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        ThisMachine.sleep(duration)
    }

    fn random(&self) -> u64 {
        ThisMachine.random()
    }
}
