//! How long to wait after an error: exponential with full jitter and a cap, so that replicas that
//! failed together don't come back together.

use std::{sync::Arc, time::Duration};

const BASE: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(30);

/// Picks a duration between zero and the one given; randomness is an argument.
pub type Spread = Arc<dyn Fn(Duration) -> Duration + Send + Sync>;

/// Counts the errors in a row. It never gives up, and never forgets to start over.
#[derive(Clone, Default, Debug)]
pub struct Backoff {
    errors: u32,
}

impl Backoff {
    /// One more error: how long to wait now.
    pub fn wait(&mut self, spread: &Spread) -> Duration {
        let most = BASE.saturating_mul(1 << self.errors.min(16)).min(CAP);
        self.errors = self.errors.saturating_add(1);
        spread(most).min(most)
    }

    /// It went well.
    pub fn reset(&mut self) {
        self.errors = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_cap_and_starts_over_after_a_success() {
        let (mut backoff, spread): (_, Spread) = (Backoff::default(), Arc::new(|most| most));
        let waits: Vec<u128> = (0..10).map(|_| backoff.wait(&spread).as_millis()).collect();
        assert_eq!(waits[..4], [200, 400, 800, 1600]);
        assert_eq!(waits[9], 30_000);
        backoff.reset();
        assert_eq!(backoff.wait(&spread), BASE);
    }

    #[test]
    fn thousands_of_errors_in_a_row_do_not_overflow() {
        let (mut backoff, spread): (_, Spread) = (Backoff::default(), Arc::new(|most| most));
        for _ in 0..5_000 {
            assert!(backoff.wait(&spread) <= CAP);
        }
    }
}
