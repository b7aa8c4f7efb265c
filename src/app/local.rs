//! Commands without a daemon: this process as an operator, whose turns the engine's own loop makes.

use std::{os::unix::net::UnixStream, path::Path, sync::Arc};

use anyhow::Result;
use async_trait::async_trait;
use tokio::sync::Mutex as AsyncMutex;

use super::{observers::Steps, open, preview, sockets, status, translate, unmade};
use crate::{
    audit::AuditLog,
    clock::{Clock, SystemClock},
    config::{Config, SecretConfig, meant},
    engine::{NotReplaced, Observation, Observer, Outcome, Rotator},
    http::{
        admin::order_event,
        operator::{Operator, OrderError, OrderReport, Preview, SecretStatus},
    },
    rotation::plan::{Request, Trigger},
    store::{Limits, Store, decorators::Audited},
    time::Timestamp,
};

/// This process as an operator.
pub struct Local {
    clock: Arc<dyn Clock>,
    /// In the config's order.
    secrets: Vec<Entry>,
    store: Arc<dyn Store>,
    /// Where orders are written down.
    audit: Option<Arc<AuditLog>>,
    /// Whether looking at a secret also moves it on, since nobody else may.
    driving: bool,
    limits: &'static Limits,
}

/// A secret, and who makes its turns.
type Entry = (Arc<SecretConfig>, AsyncMutex<Rotator>);

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

/// Opens the store of a config, audited like the daemon's; one that is not made yet is not made by it.
pub(super) fn open_store(config: &Config, clock: &Arc<dyn Clock>) -> Result<(Arc<dyn Store>, Arc<AuditLog>)> {
    unmade::refuse(config)?;
    open_or_make(config, clock)
}

/// A log that can't be used stops no order.
fn open_or_make(config: &Config, clock: &Arc<dyn Clock>) -> Result<(Arc<dyn Store>, Arc<AuditLog>)> {
    let audit = Arc::new(AuditLog::open_or_lose(&translate::audit_target(config))?);
    let opened = open::open(config, clock)?;
    Ok((Arc::new(Audited::new(opened.store, Steps::new(Arc::clone(&audit), actor()))), audit))
}

impl Local {
    /// Opens the store that the config names; only one who is driving makes it.
    pub async fn open(config: &Config, driving: bool) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (store, audit) =
            if driving { open_or_make(config, &clock)? } else { open_store(config, &clock)? };
        Ok(Self { audit: Some(audit), ..Self::on(config, &store, clock, driving) })
    }

    /// On a store that is open already.
    pub fn on(config: &Config, store: &Arc<dyn Store>, clock: Arc<dyn Clock>, driving: bool) -> Self {
        let entry = |config: &Arc<SecretConfig>| {
            let secret = translate::secret(config);
            let versions = store.secret(secret.clone());
            let rotator = Rotator::new(secret, versions, Arc::clone(&clock), Arc::new(Nobody));
            (Arc::clone(config), AsyncMutex::new(rotator))
        };
        let secrets = config.secrets.iter().map(entry).collect();
        let limits = config.store.limits();
        Self { clock, secrets, store: Arc::clone(store), audit: None, driving, limits }
    }

    /// The secret that a name means.
    fn entry(&self, name: &str) -> Result<&Entry, OrderError> {
        let names = self.secrets.iter().map(|(config, _)| &config.name);
        let name = meant(names, name, self.limits).map_err(translate::unnamed)?;
        let found = self.secrets.iter().find(|(config, _)| Arc::ptr_eq(&config.name, name));
        found.ok_or_else(|| OrderError::NoSuchSecret(name.to_string()))
    }

    /// An order, and whatever of it only this process knows of.
    async fn carry_out(&self, entry: &Entry, request: Request) -> Result<OrderReport, OrderError> {
        let (config, rotator) = entry;
        let mut rotator = rotator.lock().await;
        let mut done = rotator.carry_out(&config.policy, request).await.map_err(status::of_failure)?;
        let carried = rotator.carry_through(&config.policy, &done.demand).await;
        done.held_up = carried.map_err(|NotReplaced(why)| {
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            OrderError::Unknown(format!(
                "what was to be ended is marked, and its replacement is not current yet{why}. Start a daemon, or run `rotate \
                 --due --wait`, and it is promoted after its soak"
            ))
        })?;
        rotator.turn(&config.policy, false).await;
        Ok(status::of_order(self.status(config, &rotator), &done))
    }

    /// Reads the secret, and moves it on where nobody else may.
    async fn read(&self, (config, rotator): &Entry) -> SecretStatus {
        let mut rotator = rotator.lock().await;
        rotator.turn(&config.policy, self.driving).await;
        self.status(config, &rotator)
    }

    fn status(&self, config: &SecretConfig, rotator: &Rotator) -> SecretStatus {
        status::of(config, Some(rotator.known()), self.clock.moment(), None)
    }
}

#[async_trait]
impl Operator for Local {
    async fn secrets(&self) -> Result<Vec<SecretStatus>, OrderError> {
        let mut all = Vec::new();
        for entry in &self.secrets {
            all.push(self.read(entry).await);
        }
        Ok(all)
    }

    async fn secret(&self, name: &str) -> Result<SecretStatus, OrderError> {
        Ok(self.read(self.entry(name)?).await)
    }

    async fn order(&self, name: &str, request: Request) -> Result<OrderReport, OrderError> {
        let (name, result) = match self.entry(name) {
            Ok(entry) => (entry.0.name.to_string(), self.carry_out(entry, request).await),
            Err(unnamed) => (name.to_owned(), Err(unnamed)),
        };
        if let Some(audit) = &self.audit {
            let now = Timestamp::from_millis(self.clock.moment().wall_ms);
            audit.recorded(now, order_event(&actor(), &name, request, &result)).await;
        }
        result
    }

    async fn preview(&self, name: &str, compromised: bool) -> Result<Preview, OrderError> {
        preview::of(&*self.store, &self.entry(name)?.0, compromised).await
    }
}

/// `rotate --due`: one pass over all secrets, each as far as it goes; with `wait` through promotion.
pub async fn one_shot(config: &Config, wait: bool, mut say: impl FnMut(&SecretStatus)) -> Result<bool> {
    let mut config = config.clone();
    for secret in &mut config.secrets {
        let secret = Arc::make_mut(secret);
        let policy = secret.policy.as_ref().clone();
        secret.policy = Arc::new(policy.without_jitter());
    }
    let local = Local::open(&config, true).await?;
    let mut secrets = Vec::new();
    for (config, rotator) in &local.secrets {
        secrets.push((config, rotator.lock().await));
    }
    for (config, rotator) in &mut secrets {
        rotator.settle(&config.policy).await;
        say(&local.status(config, rotator));
    }
    for (config, rotator) in secrets.iter_mut().filter(|_| wait) {
        rotator.wait_for_promotion(&config.policy).await;
        say(&local.status(config, rotator));
    }
    for (config, rotator) in &mut secrets {
        rotator.note_what_others_replaced(&config.policy).await;
    }
    Ok(secrets.iter().all(|(_, rotator)| rotator.is_well(wait)))
}

/// Who runs this command.
pub(super) fn actor() -> String {
    format!("uid:{}", rustix::process::geteuid().as_raw())
}

/// Whether a daemon of ours listens there.
pub fn is_listened_on(socket: &Path) -> bool {
    sockets::is_ours(socket) && UnixStream::connect(socket).is_ok()
}

/// What is known of a socket on which nobody was found.
pub fn unheard(socket: &Path) -> String {
    let shown = socket.display();
    match socket.try_exists() {
        Err(error) => format!(
            "whether a daemon listens on {shown} can't be told ({error}): run this as its user, or as root"
        ),
        Ok(_) => format!("no daemon listens on {shown}"),
    }
}

/// A command shows what its rotator knows, and tells nobody else.
struct Nobody;

impl Observer for Nobody {
    fn observed(&self, _: &str, _: &Arc<Observation>) {}

    fn rotated(&self, _: &str, _: Trigger, _: Outcome) {}
}
