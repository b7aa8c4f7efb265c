//! The last observation of every secret. Whatever an engine reports passes through here: into the
//! accept sets first, then into the metrics, then here, where `status` reads them.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{status, translate};
use crate::{
    clock::{Clock, elapsed},
    config::{Config, SecretConfig, Unnamed, meant},
    distribution::{Distribution, Member, Standing},
    engine::{Observation, Observer, Outcome},
    http::operator::{OrderError, Running, SecretStatus, VerifiersStatus},
    lock::lock,
    metrics::Metrics,
    rotation::plan::Trigger,
    store::Limits,
    time::Timestamp,
};

pub(super) struct Observations {
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    distribution: Arc<Distribution>,
    rows: Mutex<ObservedSecrets>,
}

#[derive(Default)]
struct ObservedSecrets {
    /// In the config's order.
    all: Vec<ObservedSecret>,
    /// Where each stands there.
    places: HashMap<Arc<str>, usize>,
    hold: Duration,
    config_hash: String,
    limits: Option<&'static Limits>,
}

struct ObservedSecret {
    secret: Arc<SecretConfig>,
    seen: Option<Arc<Observation>>,
}

impl ObservedSecrets {
    fn row(&mut self, name: &str) -> Option<&mut ObservedSecret> {
        self.all.get_mut(*self.places.get(name)?)
    }
}

impl Observations {
    pub(super) fn new(clock: Arc<dyn Clock>, metrics: Arc<Metrics>, distribution: Arc<Distribution>) -> Self {
        Self { clock, metrics, distribution, rows: Mutex::default() }
    }

    pub(super) fn configure(&self, config: &Config) {
        let mut rows = lock(&self.rows);
        let mut old = std::mem::take(&mut *rows);
        rows.hold = config.hold;
        rows.config_hash.clone_from(&config.hash);
        rows.limits = Some(config.store.limits());
        rows.all.reserve_exact(config.secrets.len());
        for secret in &config.secrets {
            self.metrics.rotation.know(&secret.name);
            let seen = old.row(&secret.name).and_then(|row| row.seen.take());
            if let Some(seen) = &seen {
                self.metrics.rotation.observed(&secret.name, seen);
            }
            let place = rows.all.len();
            rows.places.insert(Arc::clone(&secret.name), place);
            rows.all.push(ObservedSecret { secret: secret.clone(), seen });
        }
        for gone in old.places.keys().filter(|name| !rows.places.contains_key(*name)) {
            self.metrics.rotation.forget(gone);
        }
    }

    /// The member that a secret's name means.
    pub(super) fn member(&self, name: &str) -> Option<Member> {
        let name = self.name(name).ok()?;
        lock(&self.rows).row(&name).map(|row| translate::member(&row.secret))
    }

    /// What the config calls the secret that a name means.
    pub(super) fn name(&self, name: &str) -> Result<Arc<str>, OrderError> {
        let rows = lock(&self.rows);
        if let Some((exactly, _)) = rows.places.get_key_value(name) {
            return Ok(Arc::clone(exactly));
        }
        let unnamed = || translate::unnamed(Unnamed::Nobody(name.to_owned()));
        let limits = rows.limits.ok_or_else(unnamed)?;
        let meant = meant(rows.all.iter().map(|row| &row.secret.name), name, limits);
        meant.cloned().map_err(translate::unnamed)
    }

    /// Which config is in force, read from that file.
    pub(super) fn running(self: &Arc<Self>, file: &Path) -> Arc<dyn Fn() -> Running + Send + Sync> {
        let (observations, config) = (Arc::clone(self), file.display().to_string());
        Arc::new(move || Running {
            config: config.clone(),
            hash: lock(&observations.rows).config_hash.clone(),
        })
    }

    pub(super) fn secret(&self, name: &str) -> Option<Arc<SecretConfig>> {
        lock(&self.rows).row(name).map(|row| Arc::clone(&row.secret))
    }

    pub(super) fn all(&self) -> Vec<SecretStatus> {
        let rows = lock(&self.rows);
        let mut verifiers = HashMap::new();
        let rows = rows.all.iter().map(|row| {
            let of = verifiers.entry(&*row.secret.audience);
            let of =
                of.or_insert_with(|| status::verifiers(&self.distribution.verifiers(&row.secret.audience)));
            self.status(row, of.clone())
        });
        rows.collect()
    }

    pub(super) fn one(&self, name: &str) -> Option<SecretStatus> {
        let mut rows = lock(&self.rows);
        let row = rows.row(name)?;
        let verifiers = status::verifiers(&self.distribution.verifiers(&row.secret.audience));
        Some(self.status(row, verifiers))
    }

    fn status(&self, row: &ObservedSecret, verifiers: VerifiersStatus) -> SecretStatus {
        let usage = Some(self.distribution.usage());
        let status = status::of(&row.secret, row.seen.as_deref(), self.clock.moment(), usage);
        SecretStatus { verifiers: Some(verifiers), ..status }
    }

    /// Why the daemon is not ready: each secret has to have been tried, and one read to be of use.
    pub(super) fn not_ready(&self) -> Option<String> {
        let rows = lock(&self.rows);
        if rows.all.is_empty() {
            return None;
        }
        if let Some(row) = rows.all.iter().find(|row| row.seen.is_none()) {
            return Some(format!("{} was not read yet", row.secret.name));
        }
        let now = self.clock.moment();
        let age = |o: &Observation| o.read.map(|(at, _)| elapsed(at, now));
        let seen = rows.all.iter().filter_map(|row| row.seen.as_deref());
        let young = seen.filter_map(age).any(|age| age < rows.hold);
        (!young).then(|| "no secret could be read within `hold`".to_owned())
    }

    /// Brings up to date what changes by itself.
    pub(super) fn before_scrape(&self, metrics: &Metrics) {
        let rows = lock(&self.rows);
        let now = self.clock.moment();
        for ObservedSecret { secret, seen } in &rows.all {
            let (name, Some(seen)) = (&secret.name, seen) else { continue };
            if let Some((at, _)) = seen.whole {
                metrics.rotation.view_age(name, elapsed(at, now).as_secs_f64());
            }
            let previous = seen.ring.iter().flat_map(|ring| &ring.previous);
            let used = previous.filter_map(|p| self.distribution.usage().of(p.version.id)?.last);
            if let Some(at) = used.map(|last| last.at_ms).max() {
                metrics.rotation.previous_last_used(name, Timestamp::from_millis(at));
            }
        }
        metrics.feed.recount();
        let audiences: BTreeSet<_> = rows.all.iter().map(|row| &row.secret.audience).collect();
        for audience in audiences {
            let all = self.distribution.verifiers(audience);
            let count = |standing| all.iter().filter(|v| v.standing == standing).count();
            let states = Standing::ALL.map(|standing| (standing.as_str(), count(standing)));
            metrics.feed.verifiers(audience, &states, all.iter().filter(|v| !v.confirmed).count());
        }
    }
}

impl Observer for Observations {
    fn observed(&self, secret: &str, observation: &Arc<Observation>) {
        if let Some((at, now)) = observation.read {
            self.distribution.publish(secret, observation.ring.as_ref(), at, now);
        }
        let mut rows = lock(&self.rows);
        let Some(row) = rows.row(secret) else { return };
        self.metrics.rotation.observed(secret, observation);
        row.seen = Some(Arc::clone(observation));
    }

    fn rotated(&self, secret: &str, trigger: Trigger, outcome: Outcome) {
        self.metrics.rotation.rotated(secret, trigger, outcome);
    }
}
