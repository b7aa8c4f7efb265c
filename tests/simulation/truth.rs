//! The store as it truly is, whatever late reads show: Secrets Manager's strict fake, or one daemon's own in memory.

use std::{sync::Arc, time::Duration};

use crossfade::{
    clock::Clock,
    rotation::{plan::Decided, policy::Notes, ring::VersionId},
    store::{
        ReadError, Reading, Secret, Store, Versions, WriteError,
        aws::{Aws, Options},
    },
    time::Timestamp,
};
use crossfade_testing_secretsmanager::{Answer, Clock as FakeClock, Fake, model::GetSecretValue};
use crossfade_testing_store::Memory;

use crate::{
    broken::Forgetful,
    dice::Dice,
    host::Host,
    journal::NEW_YEAR,
    network::{Link, Network},
    oracle::{Standing, time},
    scenario::{Broken, Scenario},
    wire,
    world::STORE,
};

/// Before the run begins, so that nothing has to be adopted in its first second.
const AGE_MS: u64 = 3_600_000;

#[derive(Debug)]
pub(crate) enum Truth {
    Aws(Fake),
    Memory(Arc<Memory>),
}

/// What somebody sees who looks at the store.
pub(crate) struct Stages {
    pub(crate) current: VersionId,
    pub(crate) pending: Option<VersionId>,
    pub(crate) previous: Vec<VersionId>,
}

impl Truth {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        if scenario.is_single() {
            let now = Timestamp::from_millis(NEW_YEAR);
            return Self::Memory(Arc::new(Memory::new(Notes::WithPromotion, now)));
        }
        let fake = Fake::new(FakeClock::standing_at(NEW_YEAR - AGE_MS));
        for (n, name) in scenario.names().iter().enumerate() {
            let id = format!("00000000-0000-4000-8000-{n:012}");
            let token = format!("the-token-that-they-had-before-{n}");
            fake.person().create(name, &id, &token).expect("a secret");
        }
        fake.set_clock(NEW_YEAR);
        fake.clear_calls();
        Self::Aws(fake)
    }

    pub(crate) fn set_clock(&self, now_ms: u64) {
        match self {
            Self::Aws(fake) => fake.set_clock(now_ms),
            Self::Memory(memory) => memory.set_now(Timestamp::from_millis(now_ms)),
        }
    }

    /// As a replica reaches it, over the network.
    pub(crate) fn open(
        &self,
        scenario: &Scenario,
        host: &Arc<Host>,
        network: &Arc<Network>,
        clock: Arc<dyn Clock>,
    ) -> Arc<dyn Store> {
        let fake = match self {
            Self::Aws(fake) => fake,
            Self::Memory(memory) => {
                let link = network.link(&host.name, STORE);
                return Arc::new(Remote { memory: Arc::clone(memory), host: Arc::clone(host), link });
            }
        };
        let options = Options { traits: scenario.traits(), hold: scenario.hold, ..Options::default() };
        let aws = Aws::with(wire::client(host, network, fake), options, clock);
        match scenario.broken {
            Some(broken @ (Broken::NoteIsForgotten | Broken::EndIsForgotten | Broken::ValueHidesLabels)) => {
                Arc::new(Forgetful { inner: aws, broken })
            }
            _ => Arc::new(aws),
        }
    }

    pub(crate) fn versions(&self, name: &str) -> Vec<Standing> {
        match self {
            Self::Aws(fake) => fake.secret(name).map_or_else(Vec::new, |secret| Standing::all(&secret)),
            Self::Memory(memory) => {
                let Some(ring) = memory.ring(name) else { return Vec::new() };
                let deadline = |id| ring.previous.iter().find(|p| p.version.id == id).map(|p| p.deadline);
                let versions = ring.versions().map(|version| Standing {
                    id: version.id.to_string(),
                    token: version.id.to_string(),
                    created_ms: version.created.as_millis(),
                    is_current: version.id == ring.current.id,
                    until_ms: deadline(version.id).map(Timestamp::as_millis),
                    is_ended: version.ended.is_some(),
                    is_bare: false,
                });
                versions.collect()
            }
        }
    }

    /// As bots read it: the version, and its token.
    pub(crate) fn current(&self, name: &str, caller: &str) -> Option<(String, String)> {
        match self {
            Self::Aws(fake) => {
                let request = GetSecretValue { secret_id: name.to_owned(), ..GetSecretValue::default() };
                let Answer::Reply(reply) = fake.call(Some(caller), request) else { return None };
                Some((reply["VersionId"].as_str()?.to_owned(), reply["SecretString"].as_str()?.to_owned()))
            }
            Self::Memory(memory) => {
                let current = memory.ring(name)?.current.id.to_string();
                Some((current.clone(), current))
            }
        }
    }

    pub(crate) fn stages(&self, name: &str) -> Option<Stages> {
        match self {
            Self::Aws(fake) => {
                let secret = fake.secret(name)?;
                let labels = secret.labels();
                let current = VersionId::of_name(labels.get("AWSCURRENT")?);
                let others = |wanted: &str| {
                    let borne = labels.iter().filter(|(label, _)| label.starts_with(wanted));
                    borne
                        .map(|(_, id)| VersionId::of_name(id))
                        .filter(|id| *id != current)
                        .collect::<Vec<_>>()
                };
                let pending = others("AWSPENDING").first().copied();
                Some(Stages { current, pending, previous: others("crossfade-until-") })
            }
            Self::Memory(memory) => {
                let ring = memory.ring(name)?;
                let previous = ring.previous.iter().map(|previous| previous.version.id).collect();
                Some(Stages { current: ring.current.id, pending: ring.pending.map(|p| p.id), previous })
            }
        }
    }

    /// Whether a write that was made has not landed yet.
    pub(crate) fn is_behind(&self, now_ms: u64) -> bool {
        self.set_clock(now_ms);
        matches!(self, Self::Aws(fake) if fake.writes_under_way() > 0)
    }

    /// What is left of a rotation, beside marks, which stay for days.
    pub(crate) fn unrest(&self, name: &str) -> Option<String> {
        let left = match self {
            Self::Aws(fake) => {
                let secret = fake.secret(name)?;
                let labels = secret.labels();
                let current = labels.get("AWSCURRENT");
                let is_over = |label: &str, on: &String| match label {
                    "AWSCURRENT" => true,
                    "AWSPENDING" | "AWSPREVIOUS" => false,
                    label if time(label, "ended").or(time(label, "compromised")).is_some() => {
                        Some(on) != current
                    }
                    label => time(label, "until").or(time(label, "paused")).is_none(),
                };
                let left = labels.iter().filter(|(label, on)| !is_over(label, on));
                let mut left: Vec<_> = left.map(|(label, on)| format!("{label} on {on}")).collect();
                left.extend((fake.writes_under_way() > 0).then(|| "a write is under way".to_owned()));
                left
            }
            Self::Memory(memory) => {
                let ring = memory.ring(name)?;
                let is_over =
                    ring.pending.is_none() && ring.previous.is_empty() && ring.current.ended.is_none();
                if is_over { Vec::new() } else { vec![format!("{ring:?}")] }
            }
        };
        (!left.is_empty()).then(|| format!("{name}: {}", left.join(", ")))
    }
}

/// The store in memory, behind a link.
#[derive(Clone)]
struct Remote {
    memory: Arc<Memory>,
    host: Arc<Host>,
    link: Arc<Link>,
}

/// One of its secrets.
struct RemoteSecret(Remote, Box<dyn Versions>);

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

impl Remote {
    /// Whether it arrives.
    async fn pass(&self, dice: &Dice) -> bool {
        if self.link.is_cut() {
            tokio::time::sleep(PATIENCE).await;
            return false;
        }
        tokio::time::sleep(self.link.latency(dice)).await;
        self.host.awake().await;
        self.memory.set_now(Timestamp::from_millis(self.host.journal.now_ms()));
        true
    }
}

impl Store for Remote {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        Box::new(RemoteSecret(self.clone(), self.memory.secret(secret)))
    }
}

#[async_trait::async_trait]
impl Versions for RemoteSecret {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        let Self(remote, versions) = self;
        let dice = remote.host.dice.fork();
        let lost = || ReadError::Unavailable("no answer".into());
        if !remote.pass(&dice).await {
            return Err(lost());
        }
        let reading = versions.read().await;
        if remote.pass(&dice).await { reading } else { Err(lost()) }
    }

    async fn apply(&mut self, decided: &Decided) -> Result<Option<VersionId>, WriteError> {
        let Self(remote, versions) = self;
        let dice = remote.host.dice.fork();
        let lost = || WriteError::Unavailable("no answer".into());
        if !remote.pass(&dice).await {
            return Err(lost());
        }
        let written = versions.apply(decided).await;
        if remote.pass(&dice).await { written } else { Err(lost()) }
    }
}
