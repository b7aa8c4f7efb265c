//! All chance comes from the seed: each who draws has dice of his own, so that what one draws moves nobody else.

use std::{
    ops::RangeInclusive,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Numbers that follow from a seed (SplitMix64).
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Dice {
    /// Of one who draws, in one run.
    pub(crate) fn new(seed: u64, whose: &str) -> Self {
        let named = whose.bytes().fold(seed, |state, byte| mixed(state ^ u64::from(byte)));
        Self(AtomicU64::new(mixed(named)))
    }

    /// For somebody else.
    pub(crate) fn fork(&self) -> Self {
        Self(AtomicU64::new(self.number()))
    }

    pub(crate) fn number(&self) -> u64 {
        mixed(self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP))
    }

    pub(crate) fn of(&self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = range.into_inner();
        low + self.number() % (high - low + 1)
    }

    pub(crate) fn millis(&self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.of(range))
    }

    pub(crate) fn seconds(&self, range: RangeInclusive<u64>) -> Duration {
        Duration::from_secs(self.of(range))
    }

    pub(crate) fn one_in(&self, n: u64) -> bool {
        self.of(1..=n) == 1
    }

    pub(crate) fn pick<'a, T>(&self, among: &'a [T]) -> &'a T {
        &among[usize::try_from(self.of(0..=among.len() as u64 - 1)).expect("an index")]
    }
}
