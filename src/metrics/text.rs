//! From rows to the text that Prometheus scrapes (its text format, version 0.0.4).

use std::{
    fmt::{self, Write as _},
    ops::Bound,
    sync::Arc,
};

use super::rotation::{RotationMetrics, Row};
use crate::{
    engine::{Outcome, Reason},
    lock::lock,
    rotation::plan::{Phase, Trigger},
    time::Timestamp,
};

/// So many secrets are written at a time: a piece of text stays below a megabyte.
const SECRETS: usize = 500;

/// One metric of each secret.
struct Family {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    write: Write,
}

/// Writes the series of one row.
type Write = fn(&Row, &mut Series<'_>) -> fmt::Result;

const fn gauge(name: &'static str, help: &'static str, write: Write) -> Family {
    Family { name, kind: "gauge", help, write }
}

const FAMILIES: [Family; 10] = [
    Family {
        name: "rotations_total",
        kind: "counter",
        help: "Rotations that ended",
        write: |row, series| {
            for (trigger, outcomes) in Trigger::ALL.iter().zip(row.rotations) {
                for (outcome, count) in Outcome::ALL.iter().zip(outcomes) {
                    let before = [("outcome", outcome.as_str())];
                    series.put(&before, &[("trigger", trigger.as_str())], count.into())?;
                }
            }
            Ok(())
        },
    },
    gauge("rotation_phase", "1 for the phase that a secret is in", |row, series| {
        Phase::ALL.into_iter().try_for_each(|phase| {
            series.put(&[("phase", phase.as_str())], &[], truth(row.phase == Some(phase)))
        })
    }),
    gauge("rotation_last_success_timestamp_seconds", "When the current version was made", |row, series| {
        series.put(&[], &[], seconds(row.current))
    }),
    gauge(
        "next_rotation_timestamp_seconds",
        "When the next slot is due; in the past where it is overdue, 0 without a schedule",
        |row, series| series.put(&[], &[], seconds(row.next_rotation)),
    ),
    gauge("parked", "1 where a secret can't be rotated until something is mended", |row, series| {
        Reason::ALL.into_iter().try_for_each(|reason| {
            series.put(&[("reason", reason.as_str())], &[], truth(row.parked == Some(reason)))
        })
    }),
    gauge(
        "version_created_timestamp_seconds",
        "When the newest version of a stage was made, 0 for none",
        |row, series| {
            let stages = [("current", row.current), ("pending", row.pending), ("previous", row.previous)];
            let mut stages = stages.into_iter();
            stages.try_for_each(|(stage, at)| series.put(&[], &[("stage", stage)], seconds(at)))
        },
    ),
    gauge(
        "previous_deadline_timestamp_seconds",
        "When the last previous version ends, 0 for none",
        |row, series| series.put(&[], &[], seconds(row.deadline)),
    ),
    gauge(
        "previous_last_used_timestamp_seconds",
        "When a previous version was last accepted here, 0 for never",
        |row, series| series.put(&[], &[], seconds(row.last_used)),
    ),
    gauge(
        "store_view_age_seconds",
        "How old the last good read of a secret is, -1 before the first",
        |row, series| series.put(&[], &[], row.view_age.unwrap_or(-1.0)),
    ),
    gauge("foreign_token", "1 where the current token was not made by us", |row, series| {
        series.put(&[], &[], truth(row.foreign))
    }),
];

/// What is written of one secret in one family.
struct Series<'a> {
    text: &'a mut String,
    family: &'static str,
    secret: &'a str,
}

impl Series<'_> {
    /// One series, with what stands before and after the label `secret`: they are sorted by name.
    fn put(&mut self, before: &[(&str, &str)], after: &[(&str, &str)], value: f64) -> fmt::Result {
        write!(self.text, "crossfade_{}{{", self.family)?;
        for (name, label) in before {
            write!(self.text, "{name}=\"{label}\",")?;
        }
        self.text.write_str("secret=\"")?;
        for char in self.secret.chars() {
            match char {
                '\\' => self.text.write_str("\\\\"),
                '"' => self.text.write_str("\\\""),
                '\n' => self.text.write_str("\\n"),
                _ => self.text.write_char(char),
            }?;
        }
        self.text.write_char('"')?;
        for (name, label) in after {
            write!(self.text, ",{name}=\"{label}\"")?;
        }
        writeln!(self.text, "}} {value}")
    }
}

fn truth(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[expect(clippy::cast_precision_loss, reason = "a time in ms is exact in a double for 285,000 years")]
fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1000.0
}

/// Where the text goes on.
#[derive(Default)]
pub(super) struct Place {
    family: usize,
    /// The last secret that was written of it.
    after: Option<Arc<str>>,
}

impl RotationMetrics {
    /// The next piece of the text: whole lines. Secrets that come or go meanwhile are in it or not.
    pub(super) fn piece(&self, place: &mut Place) -> Option<String> {
        let family = FAMILIES.get(place.family)?;
        let mut text = String::new();
        // A string takes whatever is written to it.
        let _: fmt::Result = self.write(family, place, &mut text);
        Some(text)
    }

    fn write(&self, family: &Family, place: &mut Place, text: &mut String) -> fmt::Result {
        let Family { name, kind, help, write } = family;
        let rows = lock(&self.rows);
        let from = place.after.take();
        if from.is_none() && !rows.is_empty() {
            write!(text, "# HELP crossfade_{name} {help}\n# TYPE crossfade_{name} {kind}\n")?;
        }
        let from = from.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        for (n, (secret, row)) in rows.range::<Arc<str>, _>((from, Bound::Unbounded)).enumerate() {
            if n == SECRETS {
                return Ok(());
            }
            write(row, &mut Series { text, family: name, secret })?;
            place.after = Some(Arc::clone(secret));
        }
        *place = Place { family: place.family + 1, after: None };
        Ok(())
    }
}
