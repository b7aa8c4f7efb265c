//! Numbers that a seed decides: the same seed plans the same events, in every run and on every machine.

use std::time::Duration;

use crate::emulators::fingerprint;

pub(super) struct Dice(u64);

impl Dice {
    /// Each stream of events has numbers of its own, so that one never waits for another's turn.
    pub(super) fn new(seed: u64, stream: &str) -> Self {
        Self(seed ^ fingerprint(stream))
    }

    /// SplitMix64: short, and good enough to draw events with. No token is made of it.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below that.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % end).unwrap_or_default()
    }

    /// Milliseconds from the first to the second.
    pub(super) fn ms(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    pub(super) fn span(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(self.ms(least_ms, most_ms))
    }

    /// One of them, the more often the greater its weight.
    pub(super) fn weighted<T: Copy>(&mut self, all: &[(u32, T)]) -> T {
        let whole: usize = all.iter().map(|(weight, _)| *weight as usize).sum();
        let mut left = self.below(whole);
        for (weight, one) in all {
            match left.checked_sub(*weight as usize) {
                Some(rest) => left = rest,
                None => return *one,
            }
        }
        all[0].1
    }
}
