//! How Secrets Manager is used, and what the rules allow for.

use std::time::Duration;

use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};

use crate::rotation::policy::{Notes, StoreTraits};

/// What the rules have to allow for, where the config says nothing else: AWS gives no bound for either.
pub const TRAITS: StoreTraits = StoreTraits {
    store_lag: Duration::from_secs(15),
    write_lag: Duration::from_secs(300),
    notes: Notes::BeforePromotion,
    creates: false,
};

/// How often a read is tried.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

/// How long AWS is waited for.
pub fn timeouts() -> TimeoutConfig {
    let attempt = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(12));
    attempt.build()
}

/// How Secrets Manager is used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The region; none: as the environment says.
    pub region: Option<String>,
    /// The key of secrets that we create.
    pub kms_key_id: Option<String>,
    /// Whether an endpoint off loopback may be plain HTTP: everybody on the way reads the tokens.
    pub plaintext: bool,
    /// What the rules allow for.
    pub traits: StoreTraits,
    /// How old a view may be when it accepts: marks are kept for longer.
    pub hold: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            region: None,
            kms_key_id: None,
            plaintext: false,
            traits: TRAITS,
            hold: Duration::from_secs(24 * 3600),
        }
    }
}

/// How late things may be.
#[derive(Copy, Clone, Debug)]
pub(super) struct Lags {
    pub(super) store_lag: Duration,
    pub(super) write_lag: Duration,
    pub(super) hold: Duration,
}
