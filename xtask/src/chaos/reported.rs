//! Whether what a command reports as done is so, in the store.

use std::{collections::BTreeSet, time::Duration};

use crossfade_testing_secretsmanager::Fake;
use serde_json::Value;

use super::{aws, run::now_ms, side::Side};

/// The versions of a secret that nothing has ended, and whose time is not over.
#[derive(Default)]
pub(super) struct Open {
    /// Previous versions.
    previous: BTreeSet<String>,
    /// The current version, and the pending one.
    others: BTreeSet<String>,
}

impl Open {
    /// As the store shows them; nothing, where it shows nothing.
    pub(super) fn of(side: &Side, fake: Option<&Fake>, secret: &str) -> Option<Self> {
        fake.map_or_else(|| told(side, secret), |fake| recorded(fake, secret))
    }

    /// Of those that were open before the order, what the order was to end and has left open.
    pub(super) fn left(self, before: &Self, previous_alone: bool) -> Vec<String> {
        let mut within = before.previous.clone();
        if !previous_alone {
            within.extend(before.others.iter().cloned());
        }
        let open: BTreeSet<String> = self.previous.into_iter().chain(self.others).collect();
        open.intersection(&within).cloned().collect()
    }

    fn add(&mut self, version: &str, is_previous: bool) {
        let of = if is_previous { &mut self.previous } else { &mut self.others };
        of.insert(version.to_owned());
    }
}

/// By the fake's own state.
fn recorded(fake: &Fake, name: &str) -> Option<Open> {
    let (secret, now) = (fake.secret(name)?, now_ms());
    let labels = secret.labels();
    let condemned = aws::compromised(labels);
    let current = labels.get("AWSCURRENT")?;
    let token = |id: &String| secret.versions().iter().find(|v| v.id == *id).and_then(|v| v.text());
    let mut open = Open::default();
    for version in secret.versions() {
        let bears = |label: &str| labels.get(label) == Some(&version.id);
        let ended = aws::notes(labels, &version.id, "ended").next().is_some()
            || condemned.iter().any(|(on, time)| *on == version.id || version.created_ms < *time);
        let is_noted = aws::notes(labels, &version.id, "until").any(|until| until > now);
        let stands = ["AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"].into_iter().any(bears) || is_noted;
        // What has the current token lives as long as that.
        let is_held = version.id != *current && version.text() == token(current);
        if stands && !ended && !is_held {
            open.add(&version.id, !bears("AWSCURRENT") && !bears("AWSPENDING"));
        }
    }
    Some(open)
}

/// By `status`, on the store itself.
fn told(side: &Side, name: &str) -> Option<Open> {
    let said = side.by_hand.give(&["status", name, "-o", "json"], None, Duration::from_secs(10))?;
    let status: Value = serde_json::from_str(&said.out).ok()?;
    let now = status[0]["now_ms"].as_u64()?;
    let mut open = Open::default();
    for version in status[0]["versions"].as_array()? {
        let is_over = version["deadline_ms"].as_u64().is_some_and(|deadline| deadline <= now);
        if version["ended"] == false && !is_over {
            open.add(version["version"].as_str()?, version["stage"] == "previous");
        }
    }
    Some(open)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(previous: &[&str], others: &[&str]) -> Open {
        let all = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        Open { previous: all(previous), others: all(others) }
    }

    #[test]
    fn an_order_has_left_open_what_was_open_before_it_and_still_is() {
        let before = open(&["a", "b"], &["c", "d"]);
        assert_eq!(open(&["a", "c"], &["d", "made since"]).left(&before, false), ["a", "c", "d"]);
        assert_eq!(open(&["a", "c"], &["d"]).left(&before, true), ["a"]);
        assert!(open(&["made since"], &[]).left(&before, false).is_empty());
    }
}
