//! The fake's clock. It is no machine's: tests move it, also backwards.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the fake's time comes from; milliseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Clock {
    /// It runs with the machine's, that far away from it.
    Running {
        /// What is added to the machine's time.
        offset_ms: i64,
    },
    /// It stands until it is moved.
    Standing {
        /// The time.
        now_ms: u64,
    },
}

impl Clock {
    /// The machine's time.
    pub fn system() -> Self {
        Self::Running { offset_ms: 0 }
    }

    /// A clock that stands at that time.
    pub fn standing_at(now_ms: u64) -> Self {
        Self::Standing { now_ms }
    }

    /// The time.
    pub fn now_ms(&self) -> u64 {
        match self {
            Self::Running { offset_ms } => system_ms().saturating_add_signed(*offset_ms),
            Self::Standing { now_ms } => *now_ms,
        }
    }

    /// Sets the time; a running clock runs on from there.
    pub fn set(&mut self, to_ms: u64) {
        match self {
            Self::Running { offset_ms } => *offset_ms = to_ms.wrapping_sub(system_ms()).cast_signed(),
            Self::Standing { now_ms } => *now_ms = to_ms,
        }
    }

    /// Moves the time on.
    pub fn advance(&mut self, by: Duration) {
        let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.set(self.now_ms().saturating_add(by_ms));
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where the fake's clock meets the machine's")]
fn system_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
