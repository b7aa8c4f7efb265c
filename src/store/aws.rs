//! AWS Secrets Manager as store and coordinator.
//!
//! Nothing here locks and nobody leads: each replica derives the same next version from the same labels, the first
//! writer wins, and every label's move names the version that it is taken from. What AWS can't hold beside a value
//! (deadlines, ends, pauses) stands in labels of ours on the version that it is about.
//!
//! | module | what it does |
//! |---|---|
//! | `name` | what AWS takes for one secret |
//! | `calls` | what we ask of AWS |
//! | `api`, `date` | asking it, and the time that each answer bears |
//! | `session` | the client that calls are made with, and when to look for another one |
//! | `setup` | one look at the environment and AWS's files: region, endpoint, credentials |
//! | `network` | how requests leave this process |
//! | `pace` | how fast we call |
//! | `trouble` | what AWS's errors mean for us |
//! | `time` | AWS's time as the interval that it is |
//! | `label` | our notes |
//! | `value` | bare tokens, and tokens in JSON objects |
//! | `memory` | what is remembered between reads |
//! | `view` | from labels and values to a ring |
//! | `look` | a read |
//! | `parts` | what of it can be missing |
//! | `write` | a step |
//! | `chores` | what is put in order last |
//! | `probe` | what `check --live` tries |

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use aws_config::{retry::RetryConfig, timeout::TimeoutConfig};
use tokio::sync::Semaphore;

pub use self::{
    calls::{Answer, Calls, Described, Listed, Stored},
    memory::Memory,
    name::{Arn, may_be_one, without_suffix},
    pace::Urgency,
    trouble::Trouble,
};
use self::{session::Session, setup::Setup};
use super::{Format, ReadError, Reading, Secret, Store, WriteError, proof::Proof};
use crate::{
    clock::Clock,
    rotation::{
        plan::Step,
        policy::{Notes, StoreTraits},
        ring::VersionId,
    },
    token::{Reveal, RevealError, Token},
};

mod answers;
mod api;
mod calls;
mod chores;
mod date;
mod label;
mod look;
mod memory;
mod name;
mod network;
mod pace;
mod parts;
mod probe;
mod room;
mod session;
mod setup;
mod time;
mod trouble;
mod value;
mod view;
mod write;

/// What the rules have to allow for, where the config says nothing else: AWS gives no bound for either.
pub const TRAITS: StoreTraits = StoreTraits {
    store_lag: Duration::from_secs(15),
    write_lag: Duration::from_secs(300),
    notes: Notes::BeforePromotion,
    creates: false,
};

/// How often a read is tried.
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(3)
}

/// How long AWS is waited for.
pub fn timeouts() -> TimeoutConfig {
    let attempt = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(Duration::from_secs(5))
        .operation_timeout(Duration::from_secs(12));
    attempt.build()
}

/// How Secrets Manager is used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The region; none: as the environment says.
    pub region: Option<String>,
    /// The key of secrets that we create.
    pub kms_key_id: Option<String>,
    /// Whether an endpoint off loopback may be plain HTTP: everybody on the way reads the tokens.
    pub plaintext: bool,
    /// What the rules allow for.
    pub traits: StoreTraits,
    /// How old a view may be when it accepts: marks are kept for longer.
    pub hold: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            region: None,
            kms_key_id: None,
            plaintext: false,
            traits: TRAITS,
            hold: Duration::from_secs(24 * 3600),
        }
    }
}

/// The secrets of one account and region.
pub struct Aws {
    api: Arc<dyn Calls>,
    /// None where `api` needs none.
    session: Option<Arc<Session>>,
    clock: Arc<dyn Clock>,
    options: Options,
    memories: Mutex<HashMap<Arc<str>, (Format, memory::Memory)>>,
    /// Of hand-outs, which callers cause: however many wait here, the other places for reading values are the engines'.
    /// How many may wait, `http::token` says.
    hand_outs: Semaphore,
}

/// Hand-outs under way at once: half of the places for reading values.
const HAND_OUTS: usize = 16;

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Aws {
    /// With the standard chain of credentials, and the standard variables for endpoints. Nothing is looked up yet.
    pub fn open(options: Options, clock: Arc<dyn Clock>) -> Self {
        let session = Session::new(Setup::new(&options), Arc::clone(&clock));
        Self::in_session(session, options, clock)
    }

    /// On a client that is set up otherwise. It signs by AWS's time, whatever the environment says: what is signed by
    /// a clock that is ahead is taken for longer, and could land later than `write_lag`.
    pub fn with(client: aws_sdk_secretsmanager::Client, options: Options, clock: Arc<dyn Clock>) -> Self {
        let config = client.config().to_builder().disable_clock_skew_correction(false);
        let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
        Self::in_session(Session::with(client, Arc::clone(&clock)), options, clock)
    }

    fn in_session(session: Session, options: Options, clock: Arc<dyn Clock>) -> Self {
        let session = Arc::new(session);
        let api = api::Api::new(Arc::clone(&session), Arc::clone(&clock), options.plaintext);
        Self { session: Some(session), ..Self::asking(Arc::new(api), options, clock) }
    }

    /// On something that answers in AWS's place.
    pub fn asking(api: Arc<dyn Calls>, options: Options, clock: Arc<dyn Clock>) -> Self {
        let hand_outs = Semaphore::new(HAND_OUTS);
        Self { api, session: None, clock, options, memories: Mutex::default(), hand_outs }
    }

    /// Looks up region, endpoint and credentials, if they are not known yet.
    pub async fn ready(&self) -> Result<(), Trouble> {
        match &self.session {
            Some(session) => session.found().await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Region, endpoint and credentials are looked up again before the next call.
    pub fn renew(&self) {
        if let Some(session) = &self.session {
            session.look_at_once();
        }
    }

    /// As a process that remembers this of the secret.
    pub fn remembering(self, secret: &Secret, memory: Memory) -> Self {
        self.memories().insert(Arc::clone(&secret.name), (secret.format, memory));
        self
    }

    /// What it remembers of the secret.
    pub fn memory(&self, secret: &Secret) -> Memory {
        self.remember(secret, |memory| memory.clone())
    }

    /// Tries each right on that secret. No label of AWS's is moved; at most one version without labels stays behind.
    pub async fn prove(&self, secret: &Secret) -> Vec<Proof> {
        probe::prove(self, secret).await
    }

    fn lags(&self) -> chores::Lags {
        let StoreTraits { store_lag, write_lag, .. } = self.options.traits;
        chores::Lags { store_lag, write_lag, hold: self.options.hold }
    }

    fn memories(&self) -> MutexGuard<'_, HashMap<Arc<str>, (Format, memory::Memory)>> {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is remembered of the secret; values only as its format has them now. Never across an await.
    fn remember<T>(&self, secret: &Secret, with: impl FnOnce(&mut memory::Memory) -> T) -> T {
        let mut memories = self.memories();
        let (format, memory) = memories.entry(Arc::clone(&secret.name)).or_default();
        if *format != secret.format {
            *format = secret.format;
            memory.known.clear();
        }
        with(memory)
    }
}

#[async_trait]
impl Store for Aws {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        let seen = look::look(self, secret).await?;
        Ok(Reading {
            ring: seen.ring.clone(),
            now: seen.now,
            revision: seen.revision,
            unread: seen.unread.clone(),
        })
    }

    async fn apply(
        &self,
        secret: &Secret,
        step: &Step,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError> {
        let last = self.remember(secret, |memory| memory.seen.clone());
        let seen = last.filter(|last| last.revision == seen.revision).ok_or(WriteError::Conflict)?;
        let replaces_an_ended_one = seen.ring.as_ref().is_some_and(|ring| ring.current.ended.is_some());
        let urgency = match step {
            Step::Tidy { .. } => Urgency::Chore,
            Step::End { .. } | Step::EndAll { .. } => Urgency::End,
            Step::Stage { .. } | Step::Promote { .. } if replaces_an_ended_one => Urgency::End,
            _ => Urgency::Step,
        };
        write::Hand { aws: self, secret, seen: &seen, urgency }.apply(step).await
    }
}

#[async_trait]
impl Reveal for Aws {
    /// Of a secret that was read before: its format is known from there.
    async fn reveal(&self, secret: &str) -> Result<(VersionId, Token), RevealError> {
        let format = self.memories().get(secret).map(|(format, _)| *format);
        let format =
            format.ok_or_else(|| RevealError::Unreadable("it was not read yet: try again".into()))?;
        let _turn =
            self.hand_outs.acquire().await.map_err(|closed| RevealError::Unreadable(closed.into()))?;
        let stored = self.api.value(secret, None).await.outcome.map_err(|trouble| match trouble {
            trouble::Trouble::NotFound(_) => RevealError::NoSuchSecret,
            other => RevealError::Unreadable(Box::new(other)),
        })?;
        let token = value::token(stored.value.as_ref().map(|value| value.as_str()), format);
        let token = token.map_err(|unfit| RevealError::Unreadable(Box::new(unfit)))?;
        Ok((VersionId::of_name(&stored.id), token))
    }
}
