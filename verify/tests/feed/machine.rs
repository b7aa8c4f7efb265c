//! The machine on which the verifiers and bots of these tests run.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crossfade_verify::{
    Clock, Moment,
    feed::{BoxFuture, Machine, Stream, ThisMachine},
};
use tokio::sync::Notify;

/// From one report to the next.
const TICK: Duration = Duration::from_secs(10);

/// The real machine, but for what a test has changed.
#[derive(Debug, Default)]
pub(crate) struct TestMachine {
    /// Where its clocks stand; none: they run.
    stands: Option<Moment>,
    /// What the test has added to each clock.
    boot_ms: AtomicU64,
    wall_ms: AtomicU64,
    /// What it draws; none: something else each time.
    draws: Option<u64>,
    /// A wait that is another one, and that one.
    instead: Option<[Duration; 2]>,
    ticks: Option<Ticks>,
    /// Whether the next connection panics.
    pub(crate) connect_fails: AtomicBool,
    /// Whether the next work that is handed to other threads panics.
    pub(crate) offload_fails: AtomicBool,
}

#[derive(Debug, Default)]
struct Ticks {
    waits: AtomicU64,
    over: Arc<Notify>,
}

impl TestMachine {
    /// One whose clocks stand there.
    pub(crate) fn standing(at: Moment) -> Self {
        Self { stands: Some(at), ..Self::default() }
    }

    /// One on which ten seconds are over when the test says so.
    pub(crate) fn ticking() -> Self {
        Self { ticks: Some(Ticks::default()), ..Self::default() }
    }

    /// Whoever waits for the one time waits for the other.
    pub(crate) fn instead_of(self, wait: Duration, other: Duration) -> Self {
        Self { instead: Some([wait, other]), ..self }
    }

    /// It draws this each time.
    pub(crate) fn drawing(self, number: u64) -> Self {
        Self { draws: Some(number), ..self }
    }

    /// Lets time pass on both clocks.
    pub(crate) fn pass(&self, ms: u64) {
        self.boot_ms.fetch_add(ms, Relaxed);
        self.wall_ms.fetch_add(ms, Relaxed);
    }

    /// Sets the wall clock forward.
    pub(crate) fn set_forward(&self, ms: u64) {
        self.wall_ms.fetch_add(ms, Relaxed);
    }

    /// Ten seconds are over.
    pub(crate) fn tick(&self) {
        self.ticks().over.notify_one();
    }

    /// How often ten seconds were waited for.
    pub(crate) fn waits(&self) -> u64 {
        self.ticks().waits.load(Relaxed)
    }

    fn ticks(&self) -> &Ticks {
        self.ticks.as_ref().expect("a machine that ticks")
    }
}

impl Clock for TestMachine {
    fn moment(&self) -> Moment {
        let Moment { boot_ms, wall_ms } = self.stands.unwrap_or_else(|| ThisMachine.moment());
        Moment {
            boot_ms: boot_ms + self.boot_ms.load(Relaxed),
            wall_ms: wall_ms + self.wall_ms.load(Relaxed),
        }
    }
}

impl Machine for TestMachine {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if let Some(ticks) = self.ticks.as_ref().filter(|_| duration == TICK) {
            ticks.waits.fetch_add(1, Relaxed);
            let over = Arc::clone(&ticks.over);
            return Box::pin(async move { over.notified().await });
        }
        let other = self.instead.filter(|[wait, _]| *wait == duration);
        ThisMachine.sleep(other.map_or(duration, |[_, other]| other))
    }

    fn random(&self) -> u64 {
        self.draws.unwrap_or_else(|| ThisMachine.random())
    }

    fn connect<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        assert!(!self.connect_fails.swap(false, Relaxed), "as a caller's own code may");
        ThisMachine.connect(host, port)
    }

    fn offload(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        assert!(!self.offload_fails.swap(false, Relaxed), "as where no thread can be had");
        ThisMachine.offload(work)
    }
}
