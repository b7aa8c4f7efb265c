//! What has to hold, whatever the code under test believes: checked on the fake's true state.

use crossfade::distribution::Decision;
use crossfade_verify::Reason as Why;

use super::{FRESHNESS, GRACE, LAG, NAME, World, bare, millis};

/// What is known of a version from outside, whatever the code under test believes.
#[derive(Default, Debug)]
pub(super) struct Fate {
    token: String,
    last_read_ms: Option<u64>,
    deadline_ms: Option<u64>,
    is_excused: bool,
}

impl World {
    /// No version was current twice, and what is ended is accepted by nobody.
    pub(super) fn nothing_came_back(&self) {
        let mut order: Vec<String> = Vec::new();
        for change in self.server.changes() {
            let Some(current) = change.labels.get("AWSCURRENT") else { continue };
            if order.last() != Some(current) {
                assert!(self.excused_by_hand || !order.contains(current), "{current} became current twice");
                order.push(current.clone());
            }
        }
        let labels = self.labels();
        for (id, fate) in &self.fates {
            let ended = self.notes(id).iter().any(|note| note == "ended");
            if ended && labels.get("AWSCURRENT") != Some(id) {
                for n in 0..self.replicas.len() {
                    assert!(!matches!(self.verdict(n, &fate.token), Decision::Accepted(_)), "{id} is ended");
                }
            }
        }
    }

    /// The promise, on every version that was ever current, as every verifier sees it.
    pub(crate) fn check(&mut self, when: &str) {
        let now = self.server.now_ms();
        let Some(secret) = self.server.secret(NAME) else { return };
        let labels = secret.labels();
        let current = labels.get("AWSCURRENT").cloned();
        for version in secret.versions() {
            let Some(token) = version.text() else { continue };
            let fate = self.fates.entry(version.id.clone()).or_default();
            fate.token = bare(token);
            if current.as_ref() == Some(&version.id) {
                fate.last_read_ms = Some(now);
                fate.deadline_ms = None;
            }
            let note = |kind: &str| {
                let ours = labels.iter().filter(|(_, on)| **on == version.id);
                let times = ours.filter_map(|(label, _)| label.strip_prefix(&format!("crossfade-{kind}-")));
                times.filter_map(|rest| rest.split('-').next()?.parse::<u64>().ok()).max()
            };
            if let Some(until) = note("until").filter(|_| current.as_ref() != Some(&version.id)) {
                let until_ms = until * 1000;
                if let (Some(read), false) = (fate.last_read_ms, fate.is_excused) {
                    assert!(
                        until_ms >= read + millis(GRACE),
                        "{when}: less than the grace: {} {until}",
                        version.id
                    );
                }
                fate.deadline_ms = fate.deadline_ms.max(Some(until_ms));
            }
            fate.is_excused |= note("ended").is_some() || self.excused;
        }
        let marked = labels.keys().any(|label| label.starts_with("crossfade-compromised-"));
        for (id, fate) in &mut self.fates {
            fate.is_excused |= marked && current.as_ref() != Some(id);
        }
        // Under whatever version: a person can have put an old token back.
        let bots_read = current.and_then(|id| self.fates.get(&id)).map(|fate| fate.token.clone());
        for n in 0..self.replicas.len() {
            for (id, fate) in &self.fates {
                let decision = self.verdict(n, &fate.token);
                let refused = matches!(decision, Decision::Refused(Why::Unknown | Why::Expired));
                let accepted = matches!(decision, Decision::Accepted(_));
                let bound = millis(GRACE - LAG - FRESHNESS);
                let rightful = fate.last_read_ms.is_some_and(|read| now <= read + bound);
                assert!(
                    !(rightful && refused && !fate.is_excused),
                    "{when}: replica {n} refused a rightful token: {id} {fate:?} {labels:#?}"
                );
                let over = fate.deadline_ms.is_some_and(|deadline| now >= deadline);
                assert!(
                    !(over && accepted && bots_read.as_ref() != Some(&fate.token)),
                    "{when}: replica {n} accepted past the deadline: {id} {fate:?} at {now}"
                );
            }
        }
    }
}
