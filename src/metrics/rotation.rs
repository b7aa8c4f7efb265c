//! What the engines report, as metrics.
//!
//! A secret has three dozen series. They are kept as one row, and written as text when somebody asks: as objects
//! with labels of their own they would be most of what a daemon with thousands of secrets holds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use prometheus::{HistogramOpts, HistogramVec, Registry};

use super::register::register;
use crate::{
    engine::{Observation, Outcome, Reason},
    lock::lock,
    rotation::plan::{Phase, Trigger},
    time::Timestamp,
};

/// Per secret: phases, times, outcomes.
#[derive(Debug)]
pub struct RotationMetrics {
    phase_duration: HistogramVec,
    pub(super) rows: Mutex<Rows>,
}

pub(super) type Rows = BTreeMap<Arc<str>, Row>;

/// One secret. A time is 0 where there is none.
#[derive(Clone, Default, Debug)]
pub(super) struct Row {
    /// By trigger and outcome.
    pub(super) rotations: [[u32; Outcome::ALL.len()]; Trigger::ALL.len()],
    /// Since when it is in its phase, on the store's clock; none before the first read.
    since: Option<Timestamp>,
    pub(super) phase: Option<Phase>,
    pub(super) parked: Option<Reason>,
    pub(super) next_rotation: Timestamp,
    pub(super) current: Timestamp,
    pub(super) pending: Timestamp,
    pub(super) previous: Timestamp,
    pub(super) deadline: Timestamp,
    pub(super) last_used: Timestamp,
    /// Seconds; none before the first read.
    pub(super) view_age: Option<f64>,
    pub(super) foreign: bool,
}

impl RotationMetrics {
    pub(super) fn new(r: &Registry) -> prometheus::Result<Self> {
        let durations = HistogramOpts::new(
            "crossfade_rotation_phase_duration_seconds",
            "How long a phase lasted, on the store's clock",
        )
        .buckets(vec![1.0, 10.0, 60.0, 120.0, 600.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0]);
        let phase_duration = register(r, HistogramVec::new(durations, &["phase"])?)?;
        for phase in Phase::ALL {
            phase_duration.with_label_values(&[phase.as_str()]);
        }
        Ok(Self { phase_duration, rows: Mutex::default() })
    }

    /// Makes the series of a secret exist.
    pub fn know(&self, secret: &str) {
        lock(&self.rows).entry(secret.into()).or_default();
    }

    /// Removes the series of a secret that is no longer in the config.
    pub fn forget(&self, secret: &str) {
        lock(&self.rows).remove(secret);
    }

    /// A secret was looked at.
    pub fn observed(&self, secret: &str, seen: &Observation) {
        let mut rows = lock(&self.rows);
        let Some(row) = rows.get_mut(secret) else { return };
        row.parked = seen.parked.as_ref().map(|parked| parked.reason);
        row.next_rotation = seen.next_slot.unwrap_or_default();
        let last = row.phase.replace(seen.phase);
        if let Some((_, now)) = seen.read
            && (row.since.is_none() || last != row.phase)
        {
            if let (Some(last), Some(from)) = (last, row.since) {
                let lasted = now.latest.since(from).as_secs_f64();
                self.phase_duration.with_label_values(&[last.as_str()]).observe(lasted);
            }
            row.since = Some(now.latest);
        }
        let Some(ring) = &seen.ring else { return };
        let accepted = ring.previous.iter().filter(|p| p.version.ended.is_none());
        row.current = ring.current.created;
        row.pending = ring.pending.map(|p| p.created).unwrap_or_default();
        row.previous = ring.previous.iter().map(|p| p.version.created).max().unwrap_or_default();
        row.deadline = accepted.map(|p| p.deadline).max().unwrap_or_default();
        row.foreign = ring.current.foreign;
    }

    /// A rotation ended.
    pub fn rotated(&self, secret: &str, trigger: Trigger, outcome: Outcome) {
        if let Some(row) = lock(&self.rows).get_mut(secret) {
            row.rotations[trigger as usize][outcome as usize] += 1;
        }
    }

    /// How old the view of a secret is, as of this scrape.
    pub fn view_age(&self, secret: &str, seconds: f64) {
        if let Some(row) = lock(&self.rows).get_mut(secret) {
            row.view_age = Some(seconds);
        }
    }

    /// A previous version was last accepted then.
    pub fn previous_last_used(&self, secret: &str, at: Timestamp) {
        if let Some(row) = lock(&self.rows).get_mut(secret) {
            row.last_used = at;
        }
    }
}
