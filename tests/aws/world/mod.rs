//! A secret on the strict fake, replicas that rotate it through the real SDK, bots that read AWSCURRENT and know
//! nothing of us, and a verifier beside each replica: all on the fake's clock, with the promise checked after every
//! event, on the fake's true state.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use crossfade::{
    clock::Clock,
    distribution::{Bounds, Decision, Distribution, Member},
    engine::{Observation, Observer, Reason, Rotator},
    rotation::{
        plan::{self, Demand, Next, Step},
        policy::{Notes, Policy, StoreTraits, Terms},
        ring::{Ring, VersionId},
        schedule::Schedule,
    },
    store::{
        Format, Secret, Store as _,
        aws::{Aws, Options},
    },
};
use crossfade_testing_secretsmanager::{Clock as FakeClock, Fake, Server};
use crossfade_testing_store::{Following, Recorder};
use crossfade_verify::Moment;

use oracle::{Bounds as Promised, Oracle};

mod course;
#[path = "../../simulation/oracle.rs"]
#[expect(dead_code, reason = "shared with the simulation")]
mod oracle;
mod promise;

pub(crate) const NAME: &str = "mcp/slack-bot-token";
pub(crate) const GRACE: Duration = Duration::from_secs(120);
pub(crate) const FRESHNESS: Duration = Duration::from_secs(9);
pub(crate) const SYNC: Duration = Duration::from_secs(3);
pub(crate) const LAG: Duration = Duration::from_secs(5);
pub(crate) const WRITE_LAG: Duration = Duration::from_secs(20);
pub(crate) const SOAK: Duration = Duration::from_secs(14);
pub(crate) const EVERY: Duration = Duration::from_secs(600);
pub(crate) const FIRST: &str = "00000000-0000-4000-8000-000000000001";
pub(crate) const TOKEN: &str = "the-token-that-they-had-before";
const PROMISED: Promised = Promised {
    freshness: FRESHNESS,
    store_lag: LAG,
    grace: GRACE,
    soak: SOAK,
    hold: Duration::from_secs(3600),
};
const AUDIENCE: &str = "https://mcp.example.com/slack";
/// 2026-01-01T00:00:00Z.
const NEW_YEAR: u64 = 1_767_225_600_000;

pub(crate) fn policy(every: Duration) -> Policy {
    let store =
        StoreTraits { store_lag: LAG, write_lag: WRITE_LAG, notes: Notes::BeforePromotion, creates: false };
    Policy::new(Terms {
        secret: NAME.into(),
        schedule: Some(Schedule::every(every).expect("a period")),
        jitter: Duration::ZERO,
        grace: GRACE,
        soak: Some(SOAK),
        freshness: FRESHNESS,
        hold: Duration::from_secs(3600),
        sync: SYNC,
        store,
    })
    .expect("a sound policy")
}

impl Replica {
    fn now(&self) -> Moment {
        self.machine.moment()
    }
}

/// One daemon, and the verifier that asks it.
pub(crate) struct Replica {
    name: String,
    skew_ms: i64,
    machine: Arc<dyn Clock>,
    rotator: Rotator,
    distribution: Arc<Distribution>,
    standing: Option<Demand>,
    pub(crate) last: Option<Ring>,
    recorder: Arc<Recorder>,
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) policy: Policy,
    pub(crate) replicas: Vec<Replica>,
    /// What a person has done to the labels or ended: the first sentence of the promise does not cover it.
    pub(crate) excused: bool,
    /// A person moved AWSCURRENT.
    pub(crate) excused_by_hand: bool,
    /// Of the values.
    pub(crate) format: Format,
    oracle: Oracle,
}

impl World {
    /// One replica, on a secret that has stood for an hour with a token that somebody else made.
    pub(crate) async fn new() -> Self {
        let mut world = Self::empty().await;
        world.server.person().create(NAME, FIRST, TOKEN).expect("a secret");
        world.server.advance(Duration::from_secs(3600));
        world.server.clear_calls();
        world.add(0);
        world
    }

    pub(crate) async fn empty() -> Self {
        let fake = Fake::new(FakeClock::standing_at(NEW_YEAR));
        let server = fake.serve(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        Self {
            server,
            policy: policy(EVERY),
            replicas: Vec::new(),
            excused: false,
            excused_by_hand: false,
            format: Format::Plain,
            oracle: Oracle::new(PROMISED),
        }
    }

    /// From now on, daemons may create the secret.
    pub(crate) fn may_create(&mut self) {
        let terms = self.policy.terms().clone();
        let store = StoreTraits { creates: true, ..terms.store };
        self.policy = Policy::new(Terms { store, ..terms }).expect("a sound policy");
    }

    /// Nobody has it yet: the verifier has to accept it.
    pub(crate) fn accepts(&self, n: usize, token: &str) -> bool {
        matches!(self.verdict(n, token), Decision::Accepted(_))
    }

    /// One more, whose clocks are off by that much.
    pub(crate) fn add(&mut self, skew_ms: i64) {
        let name = format!("AKIDREPLICA{}", self.replicas.len());
        let replica = self.replica(name, skew_ms);
        self.replicas.push(replica);
    }

    fn replica(&self, name: String, skew_ms: i64) -> Replica {
        let member = Member {
            secret: NAME.into(),
            client_id: "bot".into(),
            audience: AUDIENCE.into(),
            scopes: Arc::new([]),
            grace: GRACE,
        };
        let bounds =
            Bounds { freshness: FRESHNESS, hold: self.policy.terms().hold, accept_within: FRESHNESS };
        let distribution = Arc::new(Distribution::new(self.machine(skew_ms), bounds, vec![member]));
        let recorder = Arc::new(Recorder::publishing(Arc::clone(&distribution)));
        let rotator = self.daemon(&name, skew_ms, &recorder);
        let machine = self.machine(skew_ms);
        Replica { name, skew_ms, machine, rotator, distribution, standing: None, last: None, recorder }
    }

    /// A machine whose clocks go with the fake's, and are off by that much.
    fn machine(&self, skew_ms: i64) -> Arc<dyn Clock> {
        let (look, fake) = (self.server.fake(), self.server.fake());
        let now_ms = move || look.now_ms().saturating_add_signed(skew_ms);
        Arc::new(Following(now_ms, move |time| fake.advance(time)))
    }

    fn daemon(&self, name: &str, skew_ms: i64, recorder: &Arc<Recorder>) -> Rotator {
        let machine = self.machine(skew_ms);
        let store = self.on(client(&self.server, name), Arc::clone(&machine));
        let observer: Arc<dyn Observer> = Arc::<Recorder>::clone(recorder);
        Rotator::new(self.secret(), store.secret(self.secret()), machine, observer)
    }

    pub(crate) fn secret(&self) -> Secret {
        Secret { grace: GRACE, format: self.format, ..Secret::new(NAME, "mcp") }
    }

    /// A store of its own, for a process that has just been started.
    pub(crate) fn store(&self, client: Client) -> Aws {
        self.on(client, self.machine(0))
    }

    fn on(&self, client: Client, clock: Arc<dyn Clock>) -> Aws {
        let Terms { store: traits, hold, .. } = *self.policy.terms();
        Aws::with(client, Options { traits, hold, ..Options::default() }, clock)
    }

    /// It dies with all that it remembered, and is started again; the verifier goes on with what it knows.
    pub(crate) fn crash(&mut self, n: usize) {
        let Replica { name, skew_ms, recorder, .. } = &self.replicas[n];
        let rotator = self.daemon(name, *skew_ms, recorder);
        let replica = &mut self.replicas[n];
        (replica.rotator, replica.standing, replica.last) = (rotator, None, None);
    }

    /// One turn of a replica; the step that it took.
    pub(crate) async fn turn(&mut self, n: usize) -> Option<Step> {
        let replica = &mut self.replicas[n];
        let seen = replica.rotator.observe(&self.policy).await;
        let mut taken = None;
        if let Ok(seen) = seen {
            replica.last.clone_from(&seen.ring);
            if let (Some(ring), Some(demand)) = (&seen.ring, replica.standing) {
                replica.standing = (!plan::finished(ring, &demand)).then_some(demand);
            }
            let standing = replica.standing;
            if let Next::Do(decided) = replica.rotator.decide(&seen, &self.policy, standing.as_ref()) {
                let done = replica.rotator.act(&seen, decided, &self.policy).await;
                taken = done.is_ok().then_some(decided.step);
            }
        }
        self.check("after a turn");
        taken
    }

    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        self.server.secret(NAME).map(|secret| secret.labels().clone()).unwrap_or_default()
    }

    /// What `status` says of the secret.
    pub(crate) fn status(&self, n: usize) -> Observation {
        Arc::unwrap_or_clone(self.replicas[n].recorder.last().expect("it was read"))
    }

    /// Why it is parked, and what to do.
    pub(crate) fn parked(&self, n: usize) -> Option<(Reason, String)> {
        self.status(n).parked.map(|parked| (parked.reason, parked.message))
    }

    pub(crate) fn holder(&self, label: &str) -> Option<String> {
        self.labels().get(label).cloned()
    }

    pub(crate) fn current(&self) -> VersionId {
        VersionId::of_name(&self.holder("AWSCURRENT").expect("a current version"))
    }

    /// The kinds of notes of ours on that version, without their times.
    pub(crate) fn notes(&self, version: &str) -> Vec<String> {
        let on = self.labels().into_iter().filter(|(_, holder)| holder == version);
        let kinds =
            on.filter_map(|(label, _)| Some(label.strip_prefix("crossfade-")?.split('-').next()?.to_owned()));
        kinds.collect()
    }

    pub(crate) fn verdict(&self, n: usize, token: &str) -> Decision {
        self.replicas[n].distribution.decide(&[AUDIENCE.into()], token.as_bytes())
    }

    /// Whether the newest view may be sent to verifiers; none: there is none.
    pub(crate) fn published(&self, n: usize) -> Option<bool> {
        Some(self.replicas[n].distribution.published(AUDIENCE)?.view.complete)
    }

    pub(crate) fn token(&self, version: &str) -> String {
        let secret = self.server.secret(NAME).expect("the secret");
        let version = secret.versions().iter().find(|v| v.id == version).expect("the version");
        bare(version.text().expect("a string"))
    }
}

/// The token in a value.
fn bare(value: &str) -> String {
    let object: Option<BTreeMap<String, String>> = serde_json::from_str(value).ok();
    object.map_or_else(|| value.to_owned(), |object| object["token"].clone())
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short time")
}

/// It tries once: what fails is for our own code to see.
pub(crate) fn client(server: &Server, access_key: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new("us-east-1"))
        .endpoint_url(server.endpoint())
        .credentials_provider(Credentials::new(access_key, "none", None, None, "test"))
        .retry_config(RetryConfig::disabled())
        .disable_clock_skew_correction(true)
        .build();
    Client::from_conf(config)
}
