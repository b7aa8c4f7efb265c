//! One counter, for many threads at once.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{cache_padded::CachePadded, clock::Moment};

/// Of one version, or of one kind of verdict.
#[derive(Debug)]
pub(super) struct Counter {
    /// Never fewer than one.
    shards: Box<[CachePadded<Shard>]>,
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
        Self { shards: (0..shards).map(|_| CachePadded::default()).collect(), reported: AtomicU64::new(0) }
    }

    pub(super) fn total(&self) -> u64 {
        self.shards.iter().map(|CachePadded(shard)| shard.count.load(Relaxed)).sum()
    }

    #[cfg(feature = "http")]
    pub(super) fn last_ms(&self) -> u64 {
        self.shards.iter().map(|CachePadded(shard)| shard.last_ms.load(Relaxed)).max().unwrap_or(0)
    }

    pub(super) fn unreported(&self) -> u64 {
        self.total().saturating_sub(self.reported.load(Relaxed))
    }

    /// So many of them have arrived.
    #[cfg(feature = "http")]
    pub(super) fn report(&self, count: u64) {
        self.reported.fetch_add(count, Relaxed);
    }

    /// In that shard, or in the first where there are not as many: whoever counts may look at a smaller set.
    pub(super) fn count(&self, at: Moment, shard: usize) {
        let CachePadded(shard) = self.shards.get(shard).unwrap_or(&self.shards[0]);
        shard.count.fetch_add(1, Relaxed);
        // Most come within the same millisecond as the one before.
        if shard.last_ms.load(Relaxed) != at.boot_ms {
            shard.last_ms.store(at.boot_ms, Relaxed);
        }
    }
}

impl Default for Counter {
    fn default() -> Self {
        Self::new(1)
    }
}
