//! A machine: two clocks, timers, a network card, and sleep.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use crossfade::clock;
use crossfade_verify::{
    Clock, Moment,
    feed::{BoxFuture, Machine, Stream},
};
use tokio::time::timeout;

use crate::{dice::Dice, flag::Flag, journal::Journal, network::Network};

/// One machine. No two machines' clocks agree.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) journal: Arc<Journal>,
    network: Arc<Network>,
    pub(crate) dice: Dice,
    booted_ms: u64,
    skew_ms: AtomicI64,
    /// What the clocks have missed.
    lost_ms: AtomicU64,
    /// Whether the clocks stop while it is suspended, which they must not.
    clocks_stop: bool,
    suspended: Flag,
    /// When the store told this machine of a secret's labels, since it was last down.
    told_ms: Mutex<BTreeMap<String, Vec<u64>>>,
}

impl Host {
    pub(crate) fn new(seed: u64, name: &str, network: &Arc<Network>, clocks_stop: bool) -> Arc<Self> {
        let dice = Dice::new(seed, name);
        let skew_ms = i64::try_from(dice.of(0..=600_000)).expect("small") - 300_000;
        Arc::new(Self {
            name: name.to_owned(),
            journal: Arc::clone(&network.journal),
            network: Arc::clone(network),
            booted_ms: dice.of(1_000..=100_000_000),
            dice,
            skew_ms: AtomicI64::new(skew_ms),
            lost_ms: AtomicU64::new(0),
            clocks_stop,
            suspended: Flag::default(),
            told_ms: Mutex::default(),
        })
    }

    /// The store tells it of a secret's labels, as they were then.
    pub(crate) fn is_told(&self, secret: &str, at_ms: u64) {
        self.told_ms.lock().expect("no panic").entry(secret.to_owned()).or_default().push(at_ms);
    }

    /// What it was told last, up to then.
    pub(crate) fn was_told(&self, secret: &str, until_ms: u64) -> Option<u64> {
        let told_ms = self.told_ms.lock().expect("no panic");
        told_ms.get(secret)?.iter().rev().find(|at_ms| **at_ms <= until_ms).copied()
    }

    /// What it was told may not have been taken in.
    pub(crate) fn forget(&self) {
        self.told_ms.lock().expect("no panic").clear();
    }

    /// Somebody sets its wall clock.
    pub(crate) fn set_clock(&self, by_ms: i64) {
        self.skew_ms.fetch_add(by_ms, Relaxed);
    }

    pub(crate) fn is_awake(&self) -> bool {
        !self.suspended.is_up()
    }

    /// Nothing runs on it for so long, or until it is woken; its clocks go on.
    pub(crate) async fn suspend(&self, duration: Duration) {
        if !self.is_awake() {
            return;
        }
        let since_ms = self.journal.elapsed_ms();
        self.forget();
        self.suspended.set(true);
        drop(timeout(duration, self.awake()).await);
        if self.clocks_stop {
            self.lost_ms.fetch_add(self.journal.elapsed_ms() - since_ms, Relaxed);
        }
        self.wake();
    }

    pub(crate) fn wake(&self) {
        self.suspended.set(false);
    }

    /// Waits until it is not suspended.
    pub(crate) async fn awake(&self) {
        self.suspended.wait_for(false).await;
    }

    /// A timer, which stands still in suspend.
    async fn rest(&self, duration: Duration) {
        let mut left_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX / 2);
        loop {
            self.awake().await;
            let since = self.journal.elapsed_ms();
            let left = Duration::from_millis(left_ms);
            if timeout(left, self.suspended.wait_for(true)).await.is_err() {
                return;
            }
            left_ms = left_ms.saturating_sub(self.journal.elapsed_ms() - since);
        }
    }

    fn now(&self) -> Moment {
        let now_ms = self.journal.now_ms() - self.lost_ms.load(Relaxed);
        Moment {
            boot_ms: self.booted_ms + now_ms - crate::journal::NEW_YEAR,
            wall_ms: now_ms.saturating_add_signed(self.skew_ms.load(Relaxed)),
        }
    }
}

/// As the daemon's machine.
#[derive(Debug)]
pub(crate) struct OfDaemon(pub(crate) Arc<Host>);

#[async_trait]
impl clock::Clock for OfDaemon {
    fn moment(&self) -> Moment {
        self.0.now()
    }

    async fn sleep(&self, duration: Duration) {
        self.0.rest(duration).await;
    }
}

/// As the machine of a server that verifies by itself.
#[derive(Debug)]
pub(crate) struct OfServer(pub(crate) Arc<Host>);

impl Clock for OfServer {
    fn moment(&self) -> Moment {
        self.0.now()
    }
}

impl Machine for OfServer {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let host = Arc::clone(&self.0);
        Box::pin(async move { host.rest(duration).await })
    }

    fn random(&self) -> u64 {
        self.0.dice.number()
    }

    fn connect<'a>(&'a self, host: &'a str, _: u16) -> BoxFuture<'a, io::Result<Box<dyn Stream>>> {
        Box::pin(self.0.network.connect(&self.0, host))
    }

    /// At once: a thread's time is nobody's seed.
    fn offload(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'static, ()> {
        work();
        Box::pin(std::future::ready(()))
    }
}
