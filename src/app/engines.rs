//! The engines, one a secret, and the way orders take to them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use rand::{TryRng, rngs::SysRng};
use tokio::{
    sync::{oneshot, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use super::{drift::Drift, observations::Observations, preview, status, translate};
use crate::{
    clock::Clock,
    config::{Config, SecretConfig},
    distribution::Distribution,
    engine::{Engine, Inbox, Order, Rotator, Spread, Wakers},
    http::operator::{Operator, OrderError, OrderReport, Preview, SecretStatus},
    lock::lock,
    rotation::plan::Request,
    store::{Secret, Store},
};

pub(super) struct Engines {
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) observations: Arc<Observations>,
    pub(super) drift: Arc<Drift>,
    pub(super) distribution: Arc<Distribution>,
    pub(super) tick: watch::Receiver<u64>,
    pub(super) stop: CancellationToken,
    /// The way to each of them.
    pub(super) running: Mutex<BTreeMap<Arc<str>, RunningEngine>>,
}

pub(super) struct RunningEngine {
    inbox: Arc<Inbox>,
    secret: Secret,
}

impl Engines {
    /// Starts, stops and changes engines until they are those of the config.
    pub(super) fn configure(&self, config: &Config, tasks: &mut JoinSet<()>) {
        let mut running = lock(&self.running);
        let wanted: HashMap<_, _> = config.secrets.iter().map(|secret| (&secret.name, secret)).collect();
        running.retain(|name, engine| {
            let stays = wanted.get(name).is_some_and(|secret| translate::secret(secret) == engine.secret);
            if !stays {
                engine.inbox.close();
            }
            stays
        });
        for secret in &config.secrets {
            match running.get(&secret.name) {
                Some(engine) => engine.inbox.replace_policy(Arc::clone(&secret.policy)),
                None => drop(running.insert(Arc::clone(&secret.name), self.start(secret, tasks))),
            }
        }
    }

    fn start(&self, secret: &SecretConfig, tasks: &mut JoinSet<()>) -> RunningEngine {
        let inbox = Arc::new(Inbox::new(Arc::clone(&secret.policy)));
        let wakers = Wakers {
            inbox: Arc::clone(&inbox),
            tick: self.tick.clone(),
            refresh: self.distribution.refresh_signal(&secret.name),
        };
        let (secret, observer) = (translate::secret(secret), Arc::clone(&self.observations));
        let versions = self.store.secret(secret.clone());
        let rotator = Rotator::new(secret.clone(), versions, Arc::clone(&self.clock), observer);
        tasks.spawn(Engine::new(rotator, wakers, full_jitter()).run(self.stop.clone()));
        RunningEngine { inbox, secret }
    }
}

/// Uniform from zero to the most. Without randomness it is the most: waiting longer harms nobody.
fn full_jitter() -> Spread {
    static SHARED: LazyLock<Spread> = LazyLock::new(|| {
        Arc::new(|most: Duration| {
            let part = SysRng.try_next_u32().unwrap_or(u32::MAX);
            most.mul_f64(f64::from(part) / f64::from(u32::MAX))
        })
    });
    Arc::clone(&SHARED)
}

/// The daemon, as an operator sees it.
#[async_trait]
impl Operator for Engines {
    async fn notices(&self) -> Result<Vec<String>, OrderError> {
        Ok(self.drift.notices())
    }

    async fn secrets(&self) -> Result<Vec<SecretStatus>, OrderError> {
        Ok(self.observations.all())
    }

    async fn secret(&self, name: &str) -> Result<SecretStatus, OrderError> {
        let name = self.observations.name(name)?;
        self.observations.one(&name).ok_or_else(|| OrderError::NoSuchSecret(name.to_string()))
    }

    async fn order(&self, name: &str, request: Request) -> Result<OrderReport, OrderError> {
        let name = &*self.observations.name(name)?;
        let inbox = lock(&self.running).get(name).map(|engine| Arc::clone(&engine.inbox));
        let inbox = inbox.ok_or_else(|| OrderError::NoSuchSecret(name.to_owned()))?;
        let (reply, answer) = oneshot::channel();
        if !inbox.put(Order { request, reply }) {
            let why = "the order was not taken: too many wait for this secret, or the daemon is stopping. Repeat it";
            return Err(OrderError::Refused(why.to_owned()));
        }
        let answer = answer.await;
        let stopping = || OrderError::Unknown("the daemon is stopping: repeat the order".to_owned());
        let done = answer.map_err(|_| stopping())?.map_err(status::of_failure)?;
        Ok(status::of_order(self.secret(name).await?, &done))
    }

    async fn preview(&self, name: &str, compromised: bool) -> Result<Preview, OrderError> {
        let name = self.observations.name(name)?;
        let secret =
            self.observations.secret(&name).ok_or_else(|| OrderError::NoSuchSecret(name.to_string()))?;
        preview::of(&*self.store, &secret, compromised).await
    }
}
