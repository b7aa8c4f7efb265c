//! Entries that could not be written, told in the other log: the last place where they stand.

use std::{io, time::Duration};

use super::event::{About, Event};
use crate::{quiet::Quiet, time::Timestamp};

/// Of callers' entries, so many are told in a second: a log that can't be written must not let callers fill the other
/// one. The next line says how many were left out, and `audit_failures_total` counts every one.
const TOLD: u32 = 20;

pub(super) struct Lost {
    callers: Quiet,
}

impl Default for Lost {
    fn default() -> Self {
        Self { callers: Quiet::new(TOLD, Duration::from_secs(1)) }
    }
}

impl Lost {
    /// An entry about us always stands there.
    pub(super) fn tell(&self, now: Timestamp, event: &Event, about: About, error: &io::Error) {
        const WHAT: &str = "the audit log lost an entry, which stands here";
        match about {
            About::Us => tracing::error!(?event, "{WHAT}: {error}"),
            About::Caller => {
                if let Some(left_out) = self.callers.may_write(now.as_millis()) {
                    tracing::error!(?event, "{WHAT}: {error}{left_out}");
                }
            }
        }
    }
}
