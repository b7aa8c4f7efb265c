//! Clocks that tests move. A clock that stands still is a `Moment`.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use crossfade::clock::Clock;
use crossfade_verify::Moment;

use crate::Memory;

/// A machine whose clocks go with the store's. Whoever sleeps does so on tokio's clock, which a test has paused, and takes
/// the store's along.
#[async_trait]
impl Clock for Memory {
    fn moment(&self) -> Moment {
        let now = self.now().as_millis();
        Moment { boot_ms: now, wall_ms: now }
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
        self.set_now(self.now() + duration);
    }
}

/// A machine whose clocks go with another store's: one that says what time it is, and lets time pass.
pub struct Following<N, P>(pub N, pub P);

impl<N, P> fmt::Debug for Following<N, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following").finish_non_exhaustive()
    }
}

#[async_trait]
impl<N: Fn() -> u64 + Send + Sync, P: Fn(Duration) + Send + Sync> Clock for Following<N, P> {
    fn moment(&self) -> Moment {
        let now = (self.0)();
        Moment { boot_ms: now, wall_ms: now }
    }

    async fn sleep(&self, duration: Duration) {
        (self.1)(duration);
    }
}

/// Clocks that stand still until they are moved.
#[derive(Debug)]
pub struct HandClock(Mutex<Hands>);

#[derive(Debug)]
struct Hands {
    moment: Moment,
    leap: Duration,
}

impl Hands {
    fn pass(&mut self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let Moment { boot_ms, wall_ms } = self.moment;
        self.moment = Moment { boot_ms: boot_ms + ms, wall_ms: wall_ms + ms };
    }
}

impl HandClock {
    /// Clocks that show this.
    pub fn at(boot_ms: u64, wall_ms: u64) -> Arc<Self> {
        let moment = Moment { boot_ms, wall_ms };
        Arc::new(Self(Mutex::new(Hands { moment, leap: Duration::ZERO })))
    }

    /// Both clocks go on.
    pub fn pass(&self, time: Duration) {
        self.lock().pass(time);
    }

    /// Somebody sets the wall clock.
    pub fn set_wall(&self, wall_ms: u64) {
        self.lock().moment.wall_ms = wall_ms;
    }

    /// From now on, this much passes between any two looks at the clock.
    pub fn leap(&self, leap_ms: u64) {
        self.lock().leap = Duration::from_millis(leap_ms);
    }

    fn lock(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Clock for HandClock {
    fn moment(&self) -> Moment {
        let mut hands = self.lock();
        let leap = hands.leap;
        hands.pass(leap);
        hands.moment
    }

    async fn sleep(&self, duration: Duration) {
        self.pass(duration);
    }
}
