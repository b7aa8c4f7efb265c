//! The last observation of every secret. Whatever an engine reports passes through here: into the
//! accept sets first, then into the metrics, then onto the board that `status` reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{status, translate};
use crate::{
    clock::{Clock, elapsed},
    config::{Config, SecretConfig},
    distribution::{Distribution, Member, Standing},
    http::operator::SecretStatus,
    metrics::Metrics,
    rotation::engine::{Observation, Observer, Outcome, Trigger},
    time::Timestamp,
};

pub(super) struct Board {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    distribution: Arc<Distribution>,
    rows: Mutex<Rows>,
}

#[derive(Default)]
struct Rows {
    /// In the config's order.
    secrets: Vec<SecretConfig>,
    seen: BTreeMap<Arc<str>, Observation>,
    hold: Duration,
}

impl Board {
    pub(super) fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>, distribution: Arc<Distribution>) -> Self {
        Self { clock, metrics, distribution, rows: Mutex::default() }
    }

    pub(super) fn configure(&self, config: &Config) {
        let mut rows = self.lock();
        for gone in rows.secrets.iter().filter(|old| !config.secrets.iter().any(|new| new.name == old.name)) {
            self.metrics.rotation.forget(&gone.name);
        }
        for secret in &config.secrets {
            self.metrics.rotation.know(&secret.name);
        }
        rows.secrets.clone_from(&config.secrets);
        rows.hold = config.hold;
        let Rows { secrets, seen, .. } = &mut *rows;
        seen.retain(|name, _| secrets.iter().any(|secret| secret.name == *name));
        for (name, observation) in seen.iter() {
            self.metrics.rotation.observed(name, observation);
        }
    }

    pub(super) fn member(&self, name: &str) -> Option<Member> {
        self.lock().secrets.iter().find(|secret| &*secret.name == name).map(translate::member)
    }

    pub(super) fn all(&self) -> Vec<SecretStatus> {
        let rows = self.lock();
        rows.secrets.iter().map(|secret| self.row(secret, rows.seen.get(&secret.name))).collect()
    }

    pub(super) fn one(&self, name: &str) -> Option<SecretStatus> {
        let rows = self.lock();
        let secret = rows.secrets.iter().find(|secret| &*secret.name == name)?;
        Some(self.row(secret, rows.seen.get(&secret.name)))
    }

    fn row(&self, secret: &SecretConfig, seen: Option<&Observation>) -> SecretStatus {
        let usage = Some(self.distribution.usage());
        let verifiers = status::verifiers(&self.distribution.verifiers(&secret.audience));
        let status = status::of(secret, seen, self.clock.moment(), usage);
        SecretStatus { verifiers: Some(verifiers), ..status }
    }

    /// Why the daemon is not ready: each secret has to have been tried, and one read to be of use.
    pub(super) fn not_ready(&self) -> Option<String> {
        let rows = self.lock();
        if rows.secrets.is_empty() {
            return None;
        }
        if let Some(secret) = rows.secrets.iter().find(|s| !rows.seen.contains_key(&s.name)) {
            return Some(format!("{} was not read yet", secret.name));
        }
        let now = self.clock.moment();
        let age = |o: &Observation| o.read.map(|(at, _)| elapsed(at, now));
        let young = rows.seen.values().filter_map(age).any(|age| age < rows.hold);
        (!young).then(|| "no secret could be read within `hold`".to_owned())
    }

    /// Brings up to date what changes by itself.
    pub(super) fn before_scrape(&self, metrics: &Metrics) {
        let rows = self.lock();
        let now = self.clock.moment();
        for (name, seen) in &rows.seen {
            if let Some((at, _)) = seen.read {
                metrics.rotation.view_age(name, elapsed(at, now).as_secs_f64());
            }
            let previous = seen.ring.iter().flat_map(|ring| &ring.previous);
            let used = previous.filter_map(|p| self.distribution.usage().of(&p.version.id.to_string())?.last);
            if let Some(at) = used.map(|last| last.at_ms).max() {
                metrics.rotation.previous_last_used(name, Timestamp::from_millis(at));
            }
        }
        metrics.feed.recount();
        let audiences: BTreeSet<_> = rows.secrets.iter().map(|secret| &secret.audience).collect();
        for audience in audiences {
            let all = self.distribution.verifiers(audience);
            let count = |standing| all.iter().filter(|v| v.standing == standing).count();
            let states = Standing::ALL.map(|standing| (standing.as_str(), count(standing)));
            metrics.feed.verifiers(audience, &states, all.iter().filter(|v| !v.confirmed).count());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Board {
    fn observed(&self, secret: &str, observation: &Observation) {
        if let Some((at, now)) = observation.read {
            self.distribution.publish(secret, observation.ring.as_ref(), at, now);
        }
        let mut rows = self.lock();
        let Some(known) = rows.secrets.iter().find(|s| &*s.name == secret) else { return };
        let name = Arc::clone(&known.name);
        self.metrics.rotation.observed(secret, observation);
        rows.seen.insert(name, observation.clone());
    }

    fn rotated(&self, secret: &str, trigger: Trigger, outcome: Outcome) {
        self.metrics.rotation.rotated(secret, trigger, outcome);
    }
}
