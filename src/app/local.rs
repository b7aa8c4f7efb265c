//! Commands without a daemon: the same turns, made by this process on the store itself.
//! Compare-and-swap makes that safe beside running daemons.

use std::{
    collections::BTreeMap,
    os::unix::net::UnixStream,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Result;
use async_trait::async_trait;
use tokio::sync::Mutex as AsyncMutex;

use super::{observers::Steps, open, preview, sockets, status, translate, unmade};
use crate::{
    audit::AuditLog,
    clock::{Clock, SystemClock, elapsed},
    config::{Config, SecretConfig, StoreConfig, meant},
    engine::{Observation, Observer, Outcome, Rotator, Trigger, chain},
    http::{
        admin::order_event,
        operator::{Operator, OrderError, OrderReport, Preview, SecretStatus},
    },
    rotation::{
        plan::{Demand, Next, Phase, Request, finished},
        policy::Notes,
        ring::Previous,
    },
    store::{Store, WriteError, decorators::Audited},
    time::Timestamp,
};

/// How long a command itself works at replacing what it has ended.
const EMERGENCY_PATIENCE: Duration = Duration::from_secs(50);

/// How long a one-shot run looks again, beyond what a read can be late, before it leaves a conflict to the next run.
const CONFLICT_PATIENCE: Duration = Duration::from_secs(2);

/// A promotion that is late by so much was not only overtaken by the end of a one-shot run: it has failed.
const LATE_MS: u64 = 5_000;

/// What came of one turn.
#[derive(PartialEq, Eq)]
enum Turn {
    Step,
    Conflict,
    /// The store did not take the step.
    Failed(String),
    Nothing,
}

/// This process as an operator.
pub struct Local {
    clock: Arc<dyn Clock>,
    secrets: BTreeMap<String, (Arc<SecretConfig>, AsyncMutex<Rotator>)>,
    order: Vec<String>,
    store: Arc<dyn Store>,
    /// Where orders are written down.
    audit: Option<Arc<AuditLog>>,
    seen: Arc<LastSeen>,
    /// Whether looking at a secret also moves it on, since nobody else may.
    driving: bool,
    is_aws: bool,
}

impl std::fmt::Debug for Local {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Local").field("secrets", &self.order).finish_non_exhaustive()
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
        let seen = Arc::new(LastSeen::default());
        let rotator = |secret: &Arc<SecretConfig>| {
            let (secret, observer) = (translate::secret(secret), Arc::clone(&seen));
            Rotator::new(secret.clone(), store.secret(secret), Arc::clone(&clock), observer)
        };
        let secrets = config.secrets.iter();
        let secrets =
            secrets.map(|s| (s.name.to_string(), (s.clone(), AsyncMutex::new(rotator(s))))).collect();
        let order = config.secrets.iter().map(|s| s.name.to_string()).collect();
        let is_aws = matches!(config.store, StoreConfig::Aws(_));
        Self { clock, secrets, order, store: Arc::clone(store), audit: None, seen, driving, is_aws }
    }

    /// What the config calls the secret that a name, or on AWS an ARN, means.
    fn name(&self, name: &str) -> Result<Arc<str>, OrderError> {
        let names = self.secrets.values().map(|(secret, _)| &secret.name);
        meant(names, name, self.is_aws).cloned().map_err(translate::unnamed)
    }

    fn entry(&self, name: &str) -> Result<&(Arc<SecretConfig>, AsyncMutex<Rotator>), OrderError> {
        self.secrets.get(name).ok_or_else(|| OrderError::NoSuchSecret(name.to_owned()))
    }

    /// One turn: a look, and where `act`, the step that is due.
    async fn turn(&self, name: &str, act: bool, demand: Option<&Demand>) -> Result<Turn, OrderError> {
        let (config, rotator) = self.entry(name)?;
        let mut rotator = rotator.lock().await;
        let Ok(seen) = rotator.observe(&config.policy).await else { return Ok(Turn::Nothing) };
        if !act || seen.ring.as_ref().zip(demand).is_some_and(|(ring, demand)| finished(ring, demand)) {
            return Ok(Turn::Nothing);
        }
        let Next::Do(step) = rotator.decide(&seen, &config.policy, demand) else { return Ok(Turn::Nothing) };
        Ok(match rotator.act(&seen, step, &config.policy, demand).await {
            Ok(()) => Turn::Step,
            Err(WriteError::Conflict) => Turn::Conflict,
            Err(error) => Turn::Failed(chain(&error)),
        })
    }

    /// Turns until nothing is left to do now. Where somebody else was faster, or a read was late, a later look decides.
    async fn turns(&self, name: &str) -> Result<(), OrderError> {
        let (config, _) = self.entry(name)?;
        let patience = config.policy.terms().store.store_lag + CONFLICT_PATIENCE;
        let mut from = self.clock.moment();
        loop {
            match self.turn(name, true, None).await? {
                Turn::Step => from = self.clock.moment(),
                Turn::Conflict if elapsed(from, self.clock.moment()) < patience => {
                    self.clock.sleep(Duration::from_millis(500)).await;
                }
                Turn::Conflict | Turn::Failed(_) | Turn::Nothing => return Ok(()),
            }
        }
    }

    /// An order, and whatever of it only this process knows of.
    async fn carry_out(&self, name: &str, request: Request) -> Result<OrderReport, OrderError> {
        let (config, rotator) = self.entry(name)?;
        let done = rotator.lock().await.carry_out(&config.policy, request).await;
        let mut done = done.map_err(status::of_failure)?;
        done.held_up = self.carry_through(name, &done.demand).await?;
        self.turn(name, false, None).await?;
        Ok(status::of_order(self.status(name)?, &done))
    }

    /// Turns until nothing is left of an order that only this process knows of, or until it is known that nothing more can
    /// be done for it: why. (On AWS a mark's time is rounded up, and what it ends is replaced only after it.)
    async fn carry_through(&self, name: &str, demand: &Demand) -> Result<Option<String>, OrderError> {
        let (config, rotator) = self.entry(name)?;
        let (from, mut trouble) = (self.clock.moment(), String::new());
        loop {
            let (seen, held_up) = {
                let mut rotator = rotator.lock().await;
                let seen = rotator.observe(&config.policy).await.ok();
                let held_up = seen.as_ref().and_then(|seen| rotator.held_up(seen, demand));
                (seen, held_up)
            };
            let ring = seen.as_ref().and_then(|seen| seen.ring.as_ref());
            if held_up.is_some() || ring.is_some_and(|ring| finished(ring, demand)) {
                return Ok(held_up);
            }
            if elapsed(from, self.clock.moment()) > EMERGENCY_PATIENCE {
                return Err(OrderError::Unknown(format!(
                    "what was to be ended is marked, and its replacement is not current yet{trouble}. Start a daemon, or run \
                     `rotate --due --wait`, and it is promoted after its soak"
                )));
            }
            let turn = self.turn(name, true, Some(demand)).await?;
            if let Turn::Failed(why) = &turn {
                trouble = format!(": {why}");
            }
            if turn != Turn::Step {
                self.clock.sleep(Duration::from_millis(200)).await;
            }
        }
    }

    /// Turns until nothing soaks any more; no longer than it should take, and a minute.
    async fn wait_for_promotion(&self, name: &str) -> Result<(), OrderError> {
        let (config, _) = self.entry(name)?;
        let (from, patience) = (self.clock.moment(), config.policy.soak() + Duration::from_secs(60));
        let soaks = |status: SecretStatus| status.promotes_ms.is_some() && status.phase == Phase::Soaking;
        while soaks(self.status(name)?) && elapsed(from, self.clock.moment()) < patience {
            self.clock.sleep(Duration::from_millis(200)).await;
            self.turns(name).await?;
        }
        Ok(())
    }

    /// A version that somebody else has replaced gets its deadline once a second look, `store_lag` later, shows none
    /// either: nobody else may come to look.
    async fn look_twice(&self, name: &str) -> Result<(), OrderError> {
        let (config, _) = self.entry(name)?;
        let store = config.policy.terms().store;
        let seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        let ring = seen.and_then(|seen| seen.ring.clone()).filter(|_| store.notes == Notes::BeforePromotion);
        let unnoted = |p: &Previous| p.version.note.is_none() && p.version.ended.is_none();
        if ring.is_some_and(|ring| ring.previous.iter().any(unnoted)) {
            self.clock.sleep(store.store_lag + Duration::from_secs(2)).await;
            self.turns(name).await?;
        }
        Ok(())
    }

    fn status(&self, name: &str) -> Result<SecretStatus, OrderError> {
        let (config, _) = self.entry(name)?;
        let seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        Ok(status::of(config, seen.as_deref(), self.clock.moment(), None))
    }
}

#[async_trait]
impl Operator for Local {
    async fn secrets(&self) -> Result<Vec<SecretStatus>, OrderError> {
        let mut all = Vec::new();
        for name in &self.order {
            all.push(self.secret(name).await?);
        }
        Ok(all)
    }

    async fn secret(&self, name: &str) -> Result<SecretStatus, OrderError> {
        let name = &*self.name(name)?;
        if self.turn(name, self.driving, None).await? == Turn::Step {
            self.turn(name, false, None).await?;
        }
        self.status(name)
    }

    async fn order(&self, name: &str, request: Request) -> Result<OrderReport, OrderError> {
        let (name, result) = match self.name(name) {
            Ok(name) => (name.to_string(), self.carry_out(&name, request).await),
            Err(unnamed) => (name.to_owned(), Err(unnamed)),
        };
        if let Some(audit) = &self.audit {
            let now = Timestamp::from_millis(self.clock.moment().wall_ms);
            audit.recorded(now, order_event(&actor(), &name, request, &result)).await;
        }
        result
    }

    async fn preview(&self, name: &str, compromised: bool) -> Result<Preview, OrderError> {
        let name = &*self.name(name)?;
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
    let mut well = true;
    for name in &local.order {
        local.turns(name).await?;
        say(&local.status(name)?);
    }
    for name in local.order.iter().filter(|_| wait) {
        local.wait_for_promotion(name).await?;
        say(&local.status(name)?);
    }
    for name in &local.order {
        local.look_twice(name).await?;
    }
    for name in &local.order {
        let status = local.status(name)?;
        let is_late = status.promotes_ms.zip(status.now_ms).is_some_and(|(at, now)| at + LATE_MS < now);
        let is_left = status.phase == Phase::Soaking && (wait || is_late);
        well &= status.phase != Phase::Parked && !status.overdue && !is_left && status.now_ms.is_some();
    }
    Ok(well)
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

/// What the turns of this process showed.
#[derive(Default)]
struct LastSeen(Mutex<BTreeMap<String, Arc<Observation>>>);

impl Observer for LastSeen {
    fn observed(&self, secret: &str, observation: &Arc<Observation>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(secret.to_owned(), Arc::clone(observation));
    }

    fn rotated(&self, _: &str, _: Trigger, _: Outcome) {}
}
