//! The time type: instants on the store's clock, in whole milliseconds since the Unix epoch.
//!
//! There is deliberately no `now` here: time is an argument. Arithmetic saturates, so that no
//! input can make it panic or wrap a deadline round into the past.

use std::{
    fmt,
    ops::{Add, Sub},
    time::Duration,
};

/// An instant on the store's clock.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The instant `ms` milliseconds after the Unix epoch.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// How long after `earlier` this is; zero where it is not after it.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(millis(rhs)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(millis(rhs)))
    }
}

/// RFC 3339, UTC.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match i64::try_from(self.0).map(jiff::Timestamp::from_millisecond) {
            Ok(Ok(at)) => at.fmt(f),
            _ => write!(f, "{} ms", self.0),
        }
    }
}

/// The whole milliseconds of a duration, saturating.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is known of the store's time: it lies between the two ends.
///
/// A store whose clock is read exactly has both ends equal. What must not come too early (a soak's
/// end, a slot, a retirement) is judged by `earliest`; what must not come too soon for somebody else
/// (a deadline that is written) counts from `latest`.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Interval {
    /// Not before this.
    pub earliest: Timestamp,
    /// Not after this.
    pub latest: Timestamp,
}

impl Interval {
    /// A time that is known exactly.
    pub const fn exactly(at: Timestamp) -> Self {
        Self { earliest: at, latest: at }
    }
}
