//! How long everything lasts. Times stand in the proportions that people use; `scale` says what a second stands for.

use std::time::Duration;

/// The terms of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many seconds of a real deployment a second of the run stands for.
    pub scale: u32,
    /// Of the daemon's config.
    pub freshness: Duration,
    /// Of the daemon's config.
    pub sync: Duration,
    /// Of the daemon's config.
    pub store_lag: Duration,
    /// Of the daemon's config.
    pub grace: Duration,
    /// How long the caching servers keep a value.
    pub ttl: Duration,
    /// How long the caching servers that ask about unknown tokens wait before they ask again.
    pub cool_down: Duration,
    /// How much longer each call of AWS takes.
    pub aws_delay: Duration,
    /// At each server; each is always in a run.
    pub bots: u64,
    /// How long a second rotation comes after the first, where there is one.
    pub again_after: Duration,
    /// How long the tokens of a rotation are watched; none: until their deadline, and a little longer.
    pub watch: Option<Duration>,
    /// How long AWS throttles; none: left out, as are the second rotation, `revoke --all` and the load.
    pub throttled: Option<Duration>,
    /// How long a token that has leaked is watched.
    pub leak: Duration,
    /// Which run of numbers the bots draw from.
    pub seed: u64,
}

impl Plan {
    /// About five minutes.
    pub fn whole() -> Self {
        Self {
            scale: 20,
            freshness: Duration::from_secs(3),
            sync: Duration::from_secs(1),
            store_lag: Duration::from_millis(750),
            grace: Duration::from_secs(30),
            ttl: Duration::from_secs(3),
            cool_down: Duration::from_millis(500),
            aws_delay: Duration::from_millis(10),
            bots: 24,
            again_after: Duration::from_secs(10),
            watch: None,
            throttled: Some(Duration::from_secs(6)),
            leak: Duration::from_secs(20),
            seed: 1,
        }
    }

    /// A few seconds: enough to see who refuses what it must not.
    pub fn short() -> Self {
        Self {
            scale: 60,
            freshness: Duration::from_secs(1),
            sync: Duration::from_millis(300),
            store_lag: Duration::ZERO,
            grace: Duration::from_secs(30),
            ttl: Duration::from_secs(1),
            aws_delay: Duration::from_millis(2),
            bots: 4,
            watch: Some(Duration::from_millis(1_200)),
            throttled: None,
            leak: Duration::from_secs(2),
            ..Self::whole()
        }
    }

    /// How long a bot may use what it has read.
    pub fn rightful(&self) -> Duration {
        self.grace.saturating_sub(self.store_lag).saturating_sub(self.freshness)
    }

    /// After its end, how long a token may at most be accepted: until every replica has read it, and pushed it.
    pub fn until_ended(&self) -> Duration {
        self.sync + self.store_lag + Duration::from_secs(1)
    }

    /// The length of a bot's run: most are short, some go on for minutes, and some keep the token for as long as they may.
    pub(crate) fn run(&self, bot: u64, run: u64) -> Duration {
        let mut draw = Draw(self.seed ^ (bot << 40) ^ (run << 8));
        let kind = draw.unit();
        let longest = self.rightful().as_secs_f64() - 0.75;
        let (from, to) = match kind {
            ..0.6 => (0.02, 0.12),
            ..0.9 => (0.12, 0.5),
            _ => (1.0, 1.0),
        };
        Duration::from_secs_f64(longest * (from + (to - from) * draw.unit()))
    }

    /// How long a bot waits before its next call.
    pub(crate) fn pause(&self, bot: u64, call: u64) -> Duration {
        Duration::from_secs_f64(0.2 + 0.4 * Draw(self.seed ^ (bot << 40) ^ (call << 8) ^ 1).unit())
    }
}

/// Numbers that are the same in every run (SplitMix64).
struct Draw(u64);

impl Draw {
    /// From 0 to 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
