//! A machine whose clocks a test can move.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crossfade_verify::{
    Clock, Moment,
    feed::{Machine, ThisMachine},
};
use tokio::sync::Notify;

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

/// A machine on which ten seconds are over when the test says so: from one report to the next.
#[derive(Debug, Default)]
pub(crate) struct Ticking {
    waits: AtomicU64,
    over: Arc<Notify>,
}

impl Ticking {
    pub(crate) fn tick(&self) {
        self.over.notify_one();
    }

    /// How often ten seconds were waited for.
    pub(crate) fn waits(&self) -> u64 {
        self.waits.load(Relaxed)
    }
}

impl Clock for Ticking {
    fn moment(&self) -> Moment {
        ThisMachine.moment()
    }
}

impl Machine for Ticking {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if duration != Duration::from_secs(10) {
            return ThisMachine.sleep(duration);
        }
        self.waits.fetch_add(1, Relaxed);
        let over = Arc::clone(&self.over);
        Box::pin(async move { over.notified().await })
    }

    fn random(&self) -> u64 {
        ThisMachine.random()
    }
}
