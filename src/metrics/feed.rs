//! The feed, as metrics: who follows, and how quickly.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGaugeVec, Registry};

use super::register::{counters, gauges, histogram};

labels! {
    /// What became of a request for an accept set.
    #[derive(Copy, Clone, PartialEq, Eq, Debug)]
    pub enum Asked {
        /// 200.
        Changed = "changed",
        /// 304.
        Unchanged = "unchanged",
        /// 503.
        Unavailable = "unavailable",
        /// 403.
        Forbidden = "forbidden",
        /// 400.
        Malformed = "malformed",
    }
}

/// Per audience: verifiers, and what they have not confirmed.
#[derive(Debug)]
pub struct FeedMetrics {
    requests: [IntCounter; Asked::ALL.len()],
    propagation: Histogram,
    verifiers: IntGaugeVec,
    unconfirmed: IntGaugeVec,
}

impl FeedMetrics {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        let requests = counters(r, "accept_set_requests_total", "Requests for accept sets", &["outcome"])?;
        Ok(Self {
            requests: Asked::ALL.map(|outcome| requests.with_label_values(&[outcome.as_str()])),
            propagation: histogram(
                r,
                "propagation_duration_seconds",
                "From a change's publication to a verifier's acknowledgement",
                &[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 60.0],
            )?,
            verifiers: gauges(r, "verifiers", "Verifiers that this daemon has seen", &["audience", "state"])?,
            unconfirmed: gauges(
                r,
                "revocations_unconfirmed",
                "Verifiers that may still accept what was ended",
                &["audience"],
            )?,
        })
    }

    /// Makes the series of an audience exist.
    pub(super) fn know(&self, audience: &str) {
        for state in ["up_to_date", "behind", "gone"] {
            self.verifiers.with_label_values(&[audience, state]);
        }
        self.unconfirmed.with_label_values(&[audience]);
    }

    /// A verifier asked for an accept set, and was answered.
    pub fn asked(&self, outcome: Asked) {
        self.requests[outcome as usize].inc();
    }

    /// A verifier confirmed a change, so long after its publication.
    pub fn propagated(&self, took: Duration) {
        self.propagation.observe(took.as_secs_f64());
    }

    /// Forgets the verifiers of every audience, before they are counted anew.
    pub fn recount(&self) {
        self.verifiers.reset();
        self.unconfirmed.reset();
    }

    /// How the verifiers of an audience stand, by the name of the state, and how many have not confirmed.
    pub fn verifiers(&self, audience: &str, states: &[(&str, usize)], unconfirmed: usize) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        for (state, count) in states {
            self.verifiers.with_label_values(&[audience, state]).set(gauge(*count));
        }
        self.unconfirmed.with_label_values(&[audience]).set(gauge(unconfirmed));
    }
}
