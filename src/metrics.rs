//! What Prometheus sees. Every series exists from the start, at zero; label values come from enums
//! or from the config, never from a request. Gauges that mean a time are timestamps.
//!
//! A read-only observer: nothing here decides.

use std::{sync::Arc, time::Duration};

use crossfade_verify::Stage;
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Registry, TextEncoder};

mod feed;
mod register;
mod rotation;
mod text;
mod verdicts;
pub use feed::{Asked, FeedMetrics};
use register::{counters, gauges, histograms, register};
pub use rotation::RotationMetrics;
pub use verdicts::VERDICTS;
use verdicts::VerdictMetrics;

/// All metrics of the daemon.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// What the engines report.
    pub rotation: RotationMetrics,
    /// What verifiers ask for.
    pub feed: FeedMetrics,
    verdicts: VerdictMetrics,
    store_requests: IntCounterVec,
    store_duration: HistogramVec,
    http_rejected: IntCounterVec,
    config_reloads: IntCounterVec,
    config_info: IntGaugeVec,
    audit_failures: IntCounter,
    drift: IntGaugeVec,
}

labels! {
    /// Why a request or a connection was turned away.
    #[derive(Copy, Clone, PartialEq, Eq, Debug)]
    pub enum Rejection {
        /// No credential, or a wrong one.
        BadCredential = "bad_credential",
        /// Not this client's role, audience or secret.
        Forbidden = "forbidden",
        /// A header over 8 KiB.
        HeaderTooLarge = "header_too_large",
        /// A body over 16 KiB.
        BodyTooLarge = "body_too_large",
        /// Not HTTP/1, or not a request that is answered here.
        Malformed = "malformed",
        /// No TLS, none that we speak, or a client's certificate that is missing or not good.
        Handshake = "handshake",
        /// The request did not arrive, was not answered, or its answer was not taken, in time.
        Timeout = "timeout",
        /// Too many connections: a newcomer, or whoever had to go for one.
        Connections = "connections",
        /// Too many requests at once, or a client over its share.
        Busy = "busy",
        /// A token that was not handed out, because the audit log could not be written in time.
        Unwritten = "unwritten",
    }

    /// What a running daemon holds, and what can part from what is on the disk.
    #[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
    #[expect(missing_docs, reason = "they say what they are")]
    pub enum Drifted {
        Config = "config",
        Certificates = "certificates",
        Database = "database",
        Key = "key",
        AdminSocket = "admin_socket",
        AuditLog = "audit_log",
    }
}

impl Metrics {
    /// All series that do not depend on the config, at zero.
    pub fn new() -> prometheus::Result<Self> {
        let r = Registry::new();
        let (rotation, feed) = (RotationMetrics::new(&r)?, FeedMetrics::new(&r)?);
        let verdicts = VerdictMetrics::new(&r)?;
        let metrics = Self {
            store_requests: counters(
                &r,
                "store_requests_total",
                "Calls of the store",
                &["operation", "outcome"],
            )?,
            store_duration: histograms(
                &r,
                "store_request_duration_seconds",
                "Time that calls of the store took",
                &["operation"],
            )?,
            http_rejected: counters(
                &r,
                "http_rejected_total",
                "Requests and connections turned away",
                &["reason"],
            )?,
            config_reloads: counters(
                &r,
                "config_reloads_total",
                "Times that the config was read again",
                &["outcome"],
            )?,
            config_info: gauges(&r, "config_info", "The config in force", &["hash"])?,
            audit_failures: register(
                &r,
                IntCounter::new("crossfade_audit_failures_total", "Audit entries that could not be written")?,
            )?,
            drift: gauges(
                &r,
                "drift",
                "Whether what the daemon holds is not what is on the disk now",
                &["what"],
            )?,
            rotation,
            feed,
            verdicts,
            registry: r,
        };
        metrics.begin()?;
        Ok(metrics)
    }

    /// Makes the series exist whose label values are known from the start.
    fn begin(&self) -> prometheus::Result<()> {
        let build = gauges(&self.registry, "build_info", "The running version", &["version"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        for rejection in Rejection::ALL {
            self.http_rejected.with_label_values(&[rejection.as_str()]);
        }
        for what in Drifted::ALL {
            self.drift(what, false);
        }
        for outcome in ["applied", "rejected"] {
            self.config_reloads.with_label_values(&[outcome]);
        }
        let process = prometheus::process_collector::ProcessCollector::for_self();
        self.registry.register(Box::new(process))
    }

    /// Makes the series of an audience exist.
    pub fn know_audience(&self, audience: &str, client_ids: &[&str]) {
        self.verdicts.know(audience, client_ids);
        self.feed.know(audience);
    }

    /// Makes the series of a store operation exist.
    pub fn know_store_operation(&self, operation: &str, outcomes: &[&str]) {
        for outcome in outcomes {
            self.store_requests.with_label_values(&[operation, outcome]);
        }
        self.store_duration.with_label_values(&[operation]);
    }

    /// A token was verified.
    pub fn verified(&self, audience: &str, verdict: &str, took: Duration) {
        self.verdicts.verifications.with_label_values(&[audience, verdict]).inc();
        self.verdicts.duration.observe(took.as_secs_f64());
    }

    /// So many verdicts, of which the time is not known, or of no account.
    pub fn verdicts(&self, audience: &str, verdict: &str, count: u64) {
        self.verdicts.verifications.with_label_values(&[audience, verdict]).inc_by(count);
    }

    /// That many tokens were accepted, here or by a verifier.
    pub fn accepted(&self, audience: &str, client_id: &str, stage: Stage, count: u64) {
        self.verdicts.accepted.with_label_values(&[audience, client_id, stage.as_str()]).inc_by(count);
    }

    /// The store was called.
    pub fn store_called(&self, operation: &str, outcome: &str, took: Duration) {
        self.store_requests.with_label_values(&[operation, outcome]).inc();
        self.store_duration.with_label_values(&[operation]).observe(took.as_secs_f64());
    }

    /// A request or a connection was turned away.
    pub fn rejected(&self, why: Rejection) {
        self.http_rejected.with_label_values(&[why.as_str()]).inc();
    }

    /// The config was read again.
    pub fn config_reloaded(&self, applied: bool) {
        self.config_reloads.with_label_values(&[if applied { "applied" } else { "rejected" }]).inc();
    }

    /// This config is in force.
    pub fn config(&self, hash: &str) {
        self.config_info.reset();
        self.config_info.with_label_values(&[hash]).set(1);
    }

    /// How many audit entries could not be written so far.
    pub fn audit_failures(&self, so_far: u64) {
        let known = self.audit_failures.get();
        self.audit_failures.inc_by(so_far.saturating_sub(known));
    }

    /// Whether what the daemon holds has parted from what is on the disk.
    pub fn drift(&self, what: Drifted, parted: bool) {
        self.drift.with_label_values(&[what.as_str()]).set(i64::from(parted));
    }

    /// The text that Prometheus scrapes, in pieces: of thousands of secrets it is tens of megabytes.
    pub fn text(self: Arc<Self>) -> Result<impl Iterator<Item = String> + Unpin + use<>, prometheus::Error> {
        let mut text = String::new();
        TextEncoder::new().encode_utf8(&self.registry.gather(), &mut text)?;
        let mut place = text::Place::default();
        Ok(std::iter::once(text).chain(std::iter::from_fn(move || self.rotation.piece(&mut place))))
    }
}
