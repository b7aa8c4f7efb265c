//! What became of tokens, as metrics.

use crossfade_verify::{Reason, Stage};
use prometheus::{Histogram, IntCounterVec, Registry};

use super::register::{counters, histogram};

/// What became of a token: `accepted`, `unsure`, or why it was refused, by the set or by its place in the
/// request.
pub const VERDICTS: [&str; 9] = [
    "accepted",
    "unsure",
    Reason::Malformed.as_str(),
    Reason::Unknown.as_str(),
    Reason::Expired.as_str(),
    "missing",
    "wrong_scheme",
    "conflict",
    "insufficient_scope",
];

/// From a microsecond to a tenth of a second.
const MICROS: [f64; 6] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/// Per audience: verdicts, and who was let in.
#[derive(Debug)]
pub(super) struct VerdictMetrics {
    pub(super) verifications: IntCounterVec,
    pub(super) accepted: IntCounterVec,
    pub(super) duration: Histogram,
}

impl VerdictMetrics {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            verifications: counters(
                r,
                "verifications_total",
                "Tokens verified, by verdict",
                &["audience", "verdict"],
            )?,
            accepted: counters(
                r,
                "accepted_total",
                "Tokens accepted, by bot and stage",
                &["audience", "client_id", "stage"],
            )?,
            duration: histogram(
                r,
                "verify_duration_seconds",
                "Time to decide on a token, without waiting",
                &MICROS,
            )?,
        })
    }

    /// Makes the series of an audience exist.
    pub(super) fn know(&self, audience: &str, client_ids: &[&str]) {
        for verdict in VERDICTS {
            self.verifications.with_label_values(&[audience, verdict]);
        }
        for client_id in client_ids {
            for stage in [Stage::Pending, Stage::Current, Stage::Previous] {
                self.accepted.with_label_values(&[audience, client_id, stage.as_str()]);
            }
        }
    }
}
