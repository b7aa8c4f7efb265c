//! One counter, for many threads at once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{apart::Apart, clock::Moment};

/// Of one version, or of one kind of verdict.
#[derive(Debug)]
pub(super) struct Counter {
    /// Each is written by the one thread that has its number, which is cheaper.
    own: Box<[Apart<Shard>]>,
    /// By the others, and never fewer than one.
    shared: Box<[Apart<Shard>]>,
    /// How many were reported; only the one who reports writes here.
    reported: AtomicU64,
}

#[derive(Debug, Default)]
struct Shard {
    /// Since the start.
    count: AtomicU64,
    /// On the boot clock.
    last_ms: AtomicU64,
}

impl Counter {
    pub(super) fn new(shards: usize) -> Self {
        let [own, shared] = [(); 2].map(|()| (0..shards).map(|_| Apart::default()).collect());
        Self { own, shared, reported: AtomicU64::new(0) }
    }

    fn shards(&self) -> impl Iterator<Item = &Shard> {
        self.own.iter().chain(&self.shared).map(|Apart(shard)| shard)
    }

    pub(super) fn total(&self) -> u64 {
        self.shards().map(|shard| shard.count.load(Relaxed)).sum()
    }

    #[cfg(feature = "http")]
    pub(super) fn last_ms(&self) -> u64 {
        self.shards().map(|shard| shard.last_ms.load(Relaxed)).max().unwrap_or(0)
    }

    pub(super) fn unreported(&self) -> u64 {
        self.total().saturating_sub(self.reported.load(Relaxed))
    }

    /// So many of them have arrived.
    #[cfg(feature = "http")]
    pub(super) fn report(&self, count: u64) {
        self.reported.fetch_add(count, Relaxed);
    }

    /// By the thread of that number.
    pub(super) fn count(&self, at: Moment, thread: usize) {
        if let Some(Apart(shard)) = self.own.get(thread) {
            shard.count.store(shard.count.load(Relaxed) + 1, Relaxed);
            shard.seen(at);
        } else {
            let Apart(shard) = &self.shared[thread % self.shared.len()];
            shard.count.fetch_add(1, Relaxed);
            shard.seen(at);
        }
    }
}

impl Shard {
    fn seen(&self, at: Moment) {
        // Most come within the same millisecond as the one before.
        if self.last_ms.load(Relaxed) != at.boot_ms {
            self.last_ms.store(at.boot_ms, Relaxed);
        }
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new(1)
    }
}
