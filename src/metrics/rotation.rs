//! What the engines report, as metrics.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use prometheus::{Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry};

use super::{counters, gauges, register};
use crate::{
    rotation::{
        engine::{Observation, Outcome, Reason, Trigger},
        plan::Phase,
    },
    time::Timestamp,
};

/// Per secret: phases, times, outcomes.
#[derive(Debug)]
pub struct RotationMetrics {
    rotations: IntCounterVec,
    phase: IntGaugeVec,
    phase_duration: HistogramVec,
    last_success: GaugeVec,
    next_rotation: GaugeVec,
    parked: IntGaugeVec,
    created: GaugeVec,
    deadline: GaugeVec,
    last_used: GaugeVec,
    view_age: GaugeVec,
    foreign: IntGaugeVec,
    /// Since when a secret is in its phase, on the store's clock.
    since: Mutex<HashMap<String, (Phase, Timestamp)>>,
}

const STAGES: [&str; 3] = ["current", "pending", "previous"];

impl RotationMetrics {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        let seconds = |name: &str, help: &str, labels: &[&str]| {
            register(r, GaugeVec::new(Opts::new(format!("crossfade_{name}"), help), labels)?)
        };
        let durations = HistogramOpts::new(
            "crossfade_rotation_phase_duration_seconds",
            "How long a phase lasted, on the store's clock",
        )
        .buckets(vec![1.0, 10.0, 60.0, 120.0, 600.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0]);
        let this = Self {
            rotations: counters(
                r,
                "rotations_total",
                "Rotations that ended",
                &["secret", "trigger", "outcome"],
            )?,
            phase: gauges(r, "rotation_phase", "1 for the phase that a secret is in", &["secret", "phase"])?,
            phase_duration: register(r, HistogramVec::new(durations, &["phase"])?)?,
            last_success: seconds(
                "rotation_last_success_timestamp_seconds",
                "When the current version was made",
                &["secret"],
            )?,
            next_rotation: seconds(
                "next_rotation_timestamp_seconds",
                "When the next slot is due; in the past where it is overdue, 0 without a schedule",
                &["secret"],
            )?,
            parked: gauges(
                r,
                "parked",
                "1 where a secret can't be rotated until something is mended",
                &["secret", "reason"],
            )?,
            created: seconds(
                "version_created_timestamp_seconds",
                "When the newest version of a stage was made, 0 for none",
                &["secret", "stage"],
            )?,
            deadline: seconds(
                "previous_deadline_timestamp_seconds",
                "When the last previous version ends, 0 for none",
                &["secret"],
            )?,
            last_used: seconds(
                "previous_last_used_timestamp_seconds",
                "When a previous version was last accepted here, 0 for never",
                &["secret"],
            )?,
            view_age: seconds(
                "store_view_age_seconds",
                "How old the last good read of a secret is, -1 before the first",
                &["secret"],
            )?,
            foreign: gauges(r, "foreign_token", "1 where the current token was not made by us", &["secret"])?,
            since: Mutex::default(),
        };
        for phase in Phase::ALL {
            this.phase_duration.with_label_values(&[phase.as_str()]);
        }
        Ok(this)
    }

    /// Makes the series of a secret exist.
    pub fn know(&self, secret: &str) {
        for trigger in Trigger::ALL {
            for outcome in Outcome::ALL {
                self.rotations.with_label_values(&[secret, trigger.as_str(), outcome.as_str()]);
            }
        }
        for phase in Phase::ALL {
            self.phase.with_label_values(&[secret, phase.as_str()]);
        }
        for reason in Reason::ALL {
            self.parked.with_label_values(&[secret, reason.as_str()]);
        }
        for stage in STAGES {
            self.created.with_label_values(&[secret, stage]);
        }
        for gauge in [&self.last_success, &self.next_rotation, &self.deadline, &self.last_used] {
            gauge.with_label_values(&[secret]);
        }
        self.view_age.with_label_values(&[secret]).set(-1.0);
        self.foreign.with_label_values(&[secret]);
    }

    /// Removes the series of a secret that is no longer in the config.
    pub fn forget(&self, secret: &str) {
        for trigger in Trigger::ALL {
            for outcome in Outcome::ALL {
                drop(self.rotations.remove_label_values(&[secret, trigger.as_str(), outcome.as_str()]));
            }
        }
        for phase in Phase::ALL {
            drop(self.phase.remove_label_values(&[secret, phase.as_str()]));
        }
        for reason in Reason::ALL {
            drop(self.parked.remove_label_values(&[secret, reason.as_str()]));
        }
        for stage in STAGES {
            drop(self.created.remove_label_values(&[secret, stage]));
        }
        for gauge in
            [&self.last_success, &self.next_rotation, &self.deadline, &self.last_used, &self.view_age]
        {
            drop(gauge.remove_label_values(&[secret]));
        }
        drop(self.foreign.remove_label_values(&[secret]));
    }

    /// A secret was looked at.
    pub fn observed(&self, secret: &str, seen: &Observation) {
        for phase in Phase::ALL {
            self.phase.with_label_values(&[secret, phase.as_str()]).set(i64::from(phase == seen.phase));
        }
        for reason in Reason::ALL {
            let here = seen.parked.as_ref().is_some_and(|parked| parked.reason == reason);
            self.parked.with_label_values(&[secret, reason.as_str()]).set(i64::from(here));
        }
        set(&self.next_rotation.with_label_values(&[secret]), seen.next_slot);
        if let Some((_, now)) = seen.read {
            self.phase_changed(secret, seen.phase, now.latest);
        }
        let Some(ring) = &seen.ring else { return };
        set(&self.last_success.with_label_values(&[secret]), Some(ring.current.created));
        let newest = ring.previous.iter().map(|p| p.version.created).max();
        let pending = ring.pending.map(|p| p.created);
        for (stage, at) in STAGES.iter().zip([Some(ring.current.created), pending, newest]) {
            set(&self.created.with_label_values(&[secret, stage]), at);
        }
        let last = ring.previous.iter().filter(|p| p.version.ended.is_none()).map(|p| p.deadline).max();
        set(&self.deadline.with_label_values(&[secret]), last);
        self.foreign.with_label_values(&[secret]).set(i64::from(ring.current.foreign));
    }

    /// A rotation ended.
    pub fn rotated(&self, secret: &str, trigger: Trigger, outcome: Outcome) {
        self.rotations.with_label_values(&[secret, trigger.as_str(), outcome.as_str()]).inc();
    }

    /// How old the view of a secret is, as of this scrape.
    pub fn view_age(&self, secret: &str, seconds: f64) {
        self.view_age.with_label_values(&[secret]).set(seconds);
    }

    /// A previous version was last accepted then.
    pub fn previous_last_used(&self, secret: &str, at: Timestamp) {
        set(&self.last_used.with_label_values(&[secret]), Some(at));
    }

    fn phase_changed(&self, secret: &str, phase: Phase, now: Timestamp) {
        let mut since = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        match since.get(secret) {
            Some((last, _)) if *last == phase => {}
            last => {
                if let Some((last, from)) = last {
                    self.phase_duration
                        .with_label_values(&[last.as_str()])
                        .observe(now.since(*from).as_secs_f64());
                }
                since.insert(secret.to_owned(), (phase, now));
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time in ms is exact in a double for 285,000 years")]
fn set(gauge: &Gauge, at: Option<Timestamp>) {
    gauge.set(at.map_or(0.0, |at| at.as_millis() as f64 / 1000.0));
}
