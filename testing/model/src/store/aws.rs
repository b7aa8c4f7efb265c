//! The AWS kind: the strict fake's own model of Secrets Manager, and what late reads may still show of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

use crossfade::{rotation::ring::VersionId, time::Timestamp};
use crossfade_testing_secretsmanager::model::{CreateSecret, Secret, Service};

use super::{Truth, Write};
use crate::{rules::Ticks, token::token_of};

/// The names of secrets.
pub(crate) const NAMES: [&str; 2] = ["mcp/one", "mcp/two"];

/// The service.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct AwsState {
    pub(crate) now: Arc<Service>,
    /// What was so before, each with the tick in which something else took its place.
    pub(crate) older: Vec<(Ticks, Arc<Service>)>,
    pub(crate) count: usize,
}

/// By what a call can show.
impl Hash for AwsState {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let (now, older) = (std::iter::once((&0, &self.now)), self.older.iter().map(|(t, s)| (t, s)));
        for (until, service) in now.chain(older) {
            until.hash(hasher);
            for name in &NAMES[..self.count] {
                let secret = service.secret(name, 0).expect("no secret is ever deleted");
                secret.labels().hash(hasher);
                secret.versions().iter().for_each(|v| (&v.id, v.created_ms).hash(hasher));
            }
        }
    }
}

impl AwsState {
    /// Secrets that have a current version, and perhaps a previous one with that deadline.
    pub(crate) fn new(count: usize, made: Timestamp, previous: Option<Timestamp>) -> Self {
        let mut service = Service::default();
        for name in &NAMES[..count] {
            let first = VersionId::derive(name, None, 0);
            let request = CreateSecret {
                name: (*name).to_owned(),
                client_request_token: Some(first.to_string()),
                secret_string: Some((&*token_of(first)).into()),
                ..CreateSecret::default()
            };
            service.create_secret(&request, made.as_millis()).expect("a new secret");
        }
        let mut this = Self { now: Arc::new(service), older: Vec::new(), count };
        for (n, name) in NAMES[..count].iter().enumerate() {
            let Some(deadline) = previous else { continue };
            let first = VersionId::derive(name, None, 0);
            let second = VersionId::derive(this.secret(n).arn(), Some(first), 0).to_string();
            let first = first.to_string();
            let until = format!("crossfade-until-{}-{}", deadline.as_secs(), &first[..8]);
            for write in [
                Write::put(n, &second),
                Write::label(n, &until, None, Some(&first)),
                Write::label(n, "AWSCURRENT", Some(&first), Some(&second)),
                Write::label(n, "AWSPENDING", Some(&second), None),
            ] {
                this.land(&write, made, 0).expect("a rotation");
            }
        }
        this.older.clear();
        this
    }

    pub(crate) fn secret(&self, n: usize) -> &Secret {
        self.now.secret(NAMES[n], 0).expect("no secret is ever deleted")
    }

    /// Carries a write out, or says which code AWS refuses it with.
    pub(crate) fn land(&mut self, write: &Write, now: Timestamp, tick: Ticks) -> Result<(), &'static str> {
        let mut service = (*self.now).clone();
        write.on(&mut service, now)?;
        if service != *self.now {
            let before = std::mem::replace(&mut self.now, Arc::new(service));
            self.older.push((tick, before));
        }
        Ok(())
    }

    /// What no read shows any more is forgotten.
    pub(crate) fn forget(&mut self, tick: Ticks, lag: Ticks) {
        self.older.retain(|(until, _)| until + lag > tick);
    }

    pub(super) fn truth(&self, n: usize) -> Truth {
        let secret = self.secret(n);
        let id = |name: &str| name.parse::<VersionId>().expect("ids of ours, and of the person's, are UUIDs");
        let holder = |label: &str| secret.labels().get(label).map(|name| id(name));
        let current = holder("AWSCURRENT").expect("there is always one");
        let versions: BTreeMap<_, _> = secret
            .versions()
            .iter()
            .map(|version| (id(&version.id), Timestamp::from_millis(version.created_ms)))
            .collect();
        let (mut ended, mut deadlines) = (BTreeSet::new(), BTreeMap::<_, Timestamp>::new());
        let mut paused = false;
        for (label, on) in secret.labels() {
            let mut parts = label.split('-').skip(1);
            let (Some(kind), Some(Ok(seconds))) = (parts.next(), parts.next().map(str::parse::<u64>)) else {
                continue;
            };
            let (on, time) = (id(on), Timestamp::from_millis(seconds * 1000));
            match kind {
                "until" => {
                    let deadline = deadlines.entry(on).or_default();
                    *deadline = time.max(*deadline);
                }
                "ended" => drop(ended.insert(on)),
                "compromised" => {
                    ended.insert(on);
                    ended.extend(versions.iter().filter(|(_, made)| **made < time).map(|(id, _)| *id));
                }
                "paused" => paused = true,
                _ => {}
            }
        }
        let pending = holder("AWSPENDING").filter(|pending| *pending != current);
        let quiet = pending.is_none()
            && holder("AWSPREVIOUS").is_none()
            && !ended.contains(&current)
            && deadlines.keys().all(|on| *on == current);
        Truth { current, pending, versions, ended, deadlines, paused, quiet }
    }
}
