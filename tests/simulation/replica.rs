//! A daemon: its engines on the AWS store, its distribution, its API on the network.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Ready,
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use crossfade::{
    clock::Clock,
    distribution::{Bounds, Distribution, Member},
    engine::{Engine, Inbox, Observation, Observer, Outcome, Rotator, Wakers},
    http::{
        api::{Api, Verdicts},
        auth::{Client, ClientIndex, Clients, Polls, Role},
        capacity::Capacity,
        listener::{AtOnce, Listener, Opened, Peer},
        routes::Routes,
        server::{self, Service},
    },
    metrics::Metrics,
    rotation::{
        plan::Trigger,
        ring::{Ring, VersionId},
    },
};
use crossfade_verify::{Digest, Moment};
use tokio::{
    io::DuplexStream,
    sync::{Notify, mpsc, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;

use crate::{
    connection::Ending,
    dice::Dice,
    host::{Host, OfDaemon},
    journal::{Counted, Journal},
    oracle::Oracle,
    scenario::{AUDIENCE, Scenario},
    world::{CREDENTIAL, World},
};

/// One of several.
pub(crate) struct Replica {
    pub(crate) host: Arc<Host>,
    running: Mutex<Option<Running>>,
    starts: Mutex<u64>,
}

/// What is lost when it dies.
pub(crate) struct Running {
    pub(crate) distribution: Arc<Distribution>,
    pub(crate) api: Arc<Api>,
    pub(crate) inboxes: BTreeMap<String, Arc<Inbox>>,
    observer: Arc<Publish>,
    tasks: JoinSet<()>,
}

impl Replica {
    pub(crate) fn new(host: Arc<Host>) -> Self {
        Self { host, running: Mutex::default(), starts: Mutex::default() }
    }

    /// What runs, if it does.
    pub(crate) fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().expect("no panic")
    }

    pub(crate) fn is_up(&self) -> bool {
        self.running().is_some()
    }

    /// It begins anew, and knows nothing.
    pub(crate) fn start(&self, world: &World) {
        if self.is_up() {
            return;
        }
        let starts = {
            let mut starts = self.starts.lock().expect("no panic");
            *starts += 1;
            *starts
        };
        world.journal.tell(&self.host.name, "starts");
        let running = Running::new(&self.host, world, starts);
        *self.running() = Some(running);
    }

    /// It dies, with all that it remembered.
    pub(crate) fn die(&self, world: &World, ending: Ending) {
        self.host.forget();
        if self.running().take().is_some() {
            world.journal.tell(&self.host.name, format_args!("dies, {ending:?}"));
            world.network.close(&self.host.name, ending);
        }
    }

    /// Its config is read again: nothing is due any more.
    pub(crate) fn rotate_by_hand_only(&self, scenario: &Scenario) {
        if let Some(running) = &*self.running() {
            for (name, inbox) in &running.inboxes {
                inbox.replace_policy(Arc::new(scenario.policy(name, false)));
            }
        }
    }

    /// Its clocks.
    pub(crate) fn now(&self) -> Moment {
        OfDaemon(Arc::clone(&self.host)).moment()
    }

    /// No part of it has ended by itself.
    pub(crate) fn is_whole(&self) -> bool {
        self.running().as_mut().is_none_or(|running| running.tasks.try_join_next().is_none())
    }
}

impl Running {
    fn new(host: &Arc<Host>, world: &World, starts: u64) -> Self {
        let scenario = &world.scenario;
        let clock: Arc<dyn Clock> = Arc::new(OfDaemon(Arc::clone(host)));
        let store = world.truth.open(scenario, host, &world.network, Arc::clone(&clock));
        let members = scenario.names().iter().map(|name| member(scenario, name)).collect();
        let Scenario { freshness, hold, .. } = *scenario;
        let bounds = Bounds { freshness, hold, accept_within: freshness };
        let distribution = Arc::new(Distribution::new(Arc::clone(&clock), bounds, members));
        let observer = Arc::new(Publish {
            distribution: Arc::clone(&distribution),
            journal: Arc::clone(&world.journal),
            changed: Arc::clone(&world.changed),
            name: host.name.clone(),
            oracles: Arc::clone(&world.oracles),
            current: Mutex::default(),
            unnoted: Mutex::default(),
        });
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        let mut inboxes = BTreeMap::new();
        for name in scenario.names() {
            let inbox = Arc::new(Inbox::new(Arc::new(scenario.policy(&name, !world.is_calm()))));
            let (ticks, tick) = watch::channel(0);
            tasks.spawn(async move {
                loop {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    ticks.send_modify(|tick| *tick += 1);
                }
            });
            let refresh = distribution.refresh_signal(&name);
            let wakers = Wakers { inbox: Arc::clone(&inbox), tick, refresh };
            let observer = Arc::<Publish>::clone(&observer);
            let secret = scenario.secret(&name);
            let rotator = Rotator::new(secret.clone(), store.secret(secret), Arc::clone(&clock), observer);
            let dice = Dice::new(scenario.seed, &format!("{} {starts} {name}", host.name));
            let spread = Arc::new(move |most: Duration| most.mul_f64(dice.of(0..=1_000) as f64 / 1_000.0));
            tasks.spawn(Engine::new(rotator, wakers, spread).run(stop.clone()));
            inboxes.insert(name, inbox);
        }
        let metrics = Arc::new(Metrics::new().expect("metrics"));
        metrics.know_audience(AUDIENCE, &["bot"]);
        let verdicts = Verdicts {
            distribution: Arc::clone(&distribution),
            metrics: Arc::clone(&metrics),
            clock: Arc::clone(&clock),
        };
        let api = Arc::new(Api::new(verdicts, None, clients(), stop.clone()));
        let port = Port(world.network.listen(host));
        let places = Capacity::of(u64::MAX).listen;
        let service = Service { routes: Routes::Api(Arc::clone(&api)), places, metrics, clock, stop };
        tasks.spawn(server::serve(port, service, None));
        Self { distribution, api, inboxes, observer, tasks }
    }

    /// The version that it saw as current last.
    pub(crate) fn current(&self, name: &str) -> Option<VersionId> {
        self.observer.current.lock().expect("no panic").get(name).copied()
    }
}

fn member(scenario: &Scenario, name: &str) -> Member {
    Member {
        secret: name.into(),
        client_id: "bot".into(),
        audience: AUDIENCE.into(),
        scopes: Arc::new([]),
        grace: scenario.grace,
    }
}

fn clients() -> Arc<Clients> {
    let client = Arc::new(Client {
        id: "server".into(),
        role: Role::Verifier,
        audiences: Arc::new([AUDIENCE.into()]),
        secrets: Arc::new([]),
        token_headers: Arc::new([]),
        polls: Polls::default(),
        share: Arc::default(),
    });
    let clients = Arc::new(Clients::default());
    let by_credential = [(Digest::of(CREDENTIAL.as_bytes()), client)].into();
    clients.replace(ClientIndex { by_credential, ..ClientIndex::default() });
    clients
}

/// What it makes known.
struct Publish {
    distribution: Arc<Distribution>,
    journal: Arc<Journal>,
    changed: Arc<Notify>,
    name: String,
    oracles: Arc<Mutex<BTreeMap<String, Oracle>>>,
    /// Of each secret, as it was seen last.
    current: Mutex<BTreeMap<String, VersionId>>,
    /// What was seen without a deadline, once it was replaced.
    unnoted: Mutex<BTreeSet<VersionId>>,
}

impl Publish {
    /// Which versions this process learns now to have been replaced: it knew one as the current one; or it sees one for
    /// the first time, and no deadline on it.
    fn follow(&self, secret: &str, ring: &Ring) {
        let current = ring.current.id;
        let before = self.current.lock().expect("no panic").insert(secret.to_owned(), current);
        let mut unnoted = self.unnoted.lock().expect("no panic");
        let previous = ring.previous.iter().map(|p| p.version).filter(|v| v.note.is_none()).map(|v| v.id);
        let first_seen = previous.filter(|id| unnoted.insert(*id));
        let replaced = before.filter(|before| *before != current).into_iter().chain(first_seen);
        let mut oracles = self.oracles.lock().expect("no panic");
        let Some(oracle) = oracles.get_mut(secret) else { return };
        for id in replaced {
            oracle.learns_of_its_replacement(&id.to_string(), self.journal.now_ms());
        }
    }
}

impl Observer for Publish {
    fn observed(&self, secret: &str, seen: &Arc<Observation>) {
        if let Some((at, now)) = seen.read {
            self.distribution.publish(secret, seen.ring.as_ref(), at, now);
        }
        if let Some(ring) = &seen.ring {
            self.follow(secret, ring);
        }
        let versions = seen.ring.as_ref().map_or(0, |ring| ring.versions().count());
        self.journal.tell(&self.name, format_args!("{secret} {:?}, {versions} versions", seen.phase));
        self.changed.notify_one();
    }

    fn rotated(&self, secret: &str, trigger: Trigger, outcome: Outcome) {
        self.journal.tell(&self.name, format_args!("{secret} rotated, {trigger:?}: {outcome:?}"));
        if matches!(outcome, Outcome::Done) {
            self.journal.count(Counted::Rotations, 0);
        }
    }
}

/// Where it takes connections.
struct Port(mpsc::UnboundedReceiver<DuplexStream>);

impl Listener for Port {
    type Io = DuplexStream;
    type Handshake = Ready<io::Result<Opened<DuplexStream>>>;
    type Opening = AtOnce<DuplexStream>;

    async fn accept(&mut self) -> io::Result<(Self::Opening, Peer)> {
        let Some(io) = self.0.recv().await else { return std::future::pending().await };
        Ok((Opened::at_once(io), Peer { name: "a server".into(), uid: None }))
    }
}
