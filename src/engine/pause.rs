//! Whether a pause that was seen has gone without an order.
//!
//! A store that people and tools can edit can lose a pause: on AWS it is a label, which Terraform takes off with every
//! other label that it does not know. From then on the secret is rotated by its schedule again, so it is said.

use std::time::Duration;

use crate::{
    rotation::ring::{Ring, VersionId},
    time::{Interval, Timestamp},
};

/// What is said of it. A `resume` that another process carried out can look the same.
pub(super) const LOST: &str = "the pause is gone, and this process did not lift it: the secret is rotated by its schedule again. If \
                               nobody has ordered `resume` or `rotate`, something took the pause out of the store (Terraform's \
                               `version_stages` takes off our labels): order `pause` again";

/// A pause, what stood beside it, and since when it is gone.
#[derive(Clone, Copy, Debug)]
struct Seen {
    paused: Timestamp,
    kept: Option<Timestamp>,
    current: VersionId,
    gone: Option<Timestamp>,
}

/// The last pause that was seen. In a box: of thousands of secrets hardly any is paused.
#[derive(Debug, Default)]
pub(super) struct Pause {
    seen: Option<Box<Seen>>,
    lifted: Option<Timestamp>,
}

impl Pause {
    /// This process has lifted that one.
    pub(super) fn lifted(&mut self, paused: Option<Timestamp>) {
        self.lifted = paused.or(self.lifted);
    }

    /// This process has paused. Times in the store are rounded, so the new pause may bear the time of the last one.
    pub(super) fn began(&mut self) {
        self.lifted = None;
    }

    /// Whether that read shows for certain that the last pause has gone without an order. It is told once. One read can
    /// be late, so it takes a second one, `store_lag` after the first.
    pub(super) fn is_lost(&mut self, ring: &Ring, now: Interval, store_lag: Duration) -> bool {
        if let Some(paused) = ring.paused {
            let seen = Seen { paused, kept: ring.kept, current: ring.current.id, gone: None };
            self.seen = Some(Box::new(seen));
            return false;
        }
        let Some(seen) = &mut self.seen else { return false };
        // Whoever resumes skips slots, and whoever rotates stages a version: that was an order.
        let ordered = self.lifted == Some(seen.paused)
            || ring.kept != seen.kept
            || ring.current.id != seen.current
            || ring.current.ended.is_some()
            || ring.pending.is_some();
        if ordered {
            self.seen = None;
            return false;
        }
        let gone = *seen.gone.get_or_insert(now.latest);
        let lost = now.earliest >= gone + store_lag && now.latest > gone;
        if lost {
            self.seen = None;
        }
        lost
    }
}
