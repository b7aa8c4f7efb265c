//! Everything at once: the store, the replicas, the servers, and the oracle that watches them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use crossfade::distribution::Decision;
use crossfade_verify::Verdict;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::{
    host::Host,
    journal::{Counted, Journal},
    network::Network,
    oracle::{Bounds, Fate, Oracle, Said, Standing, Wrong},
    replica::Replica,
    scenario::{AUDIENCE, Broken, Scenario},
    server::Server,
    truth::Truth,
};

/// Of the servers, at each replica.
pub(crate) const CREDENTIAL: &str = "cfc_for-the-tour-only-never-use-it-as-verifier-1hcTJf";
/// Its name in the network.
pub(crate) const STORE: &str = "store";

/// A daemon has taken in by then what it was told: what it asks for beside that is answered, or given up.
const TAKEN_IN_MS: u64 = 20_000;

pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) journal: Arc<Journal>,
    pub(crate) network: Arc<Network>,
    pub(crate) truth: Truth,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) servers: Vec<Server>,
    /// The store's faults that the next ones take the place of.
    pub(crate) faults: Mutex<Vec<u64>>,
    /// Something has happened: it is time to look whether the promise holds.
    pub(crate) changed: Arc<Notify>,
    pub(crate) oracles: Arc<Mutex<BTreeMap<String, Oracle>>>,
    /// What was told already.
    told: Mutex<BTreeSet<String>>,
    calm: AtomicBool,
    /// Where the servers keep their caches.
    _folder: TempDir,
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Arc<Self> {
        let network = Network::new();
        let truth = Truth::new(&scenario);
        let folder =
            if std::path::Path::new("/dev/shm").is_dir() { "/dev/shm".into() } else { std::env::temp_dir() };
        let folder = tempfile::tempdir_in(folder).expect("a folder");
        let stops = scenario.broken == Some(Broken::ClocksStop);
        let host = |kind: &str, n: u64| Host::new(scenario.seed, &format!("{kind}-{n}"), &network, stops);
        let replicas = (0..scenario.replicas).map(|n| Replica::new(host("replica", n))).collect();
        let servers = (0..scenario.servers).map(|n| {
            let host = host("server", n);
            let cache = folder.path().join(&host.name);
            Server::new(host, cache, scenario.broken)
        });
        let bounds = Bounds {
            freshness: scenario.freshness,
            store_lag: scenario.store_lag,
            grace: scenario.grace,
            soak: scenario.freshness + scenario.store_lag,
            hold: scenario.hold,
        };
        let oracles = scenario.names().into_iter().map(|name| (name, Oracle::new(bounds))).collect();
        Arc::new(Self {
            servers: servers.collect(),
            replicas,
            journal: Arc::clone(&network.journal),
            truth,
            faults: Mutex::default(),
            changed: Arc::default(),
            oracles: Arc::new(Mutex::new(oracles)),
            told: Mutex::default(),
            calm: AtomicBool::new(false),
            _folder: folder,
            network,
            scenario,
        })
    }

    /// No more troubles, and no more slots.
    pub(crate) fn is_calm(&self) -> bool {
        self.calm.load(Relaxed)
    }

    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Relaxed);
    }

    pub(crate) fn oracles(&self) -> MutexGuard<'_, BTreeMap<String, Oracle>> {
        self.oracles.lock().expect("no panic")
    }

    /// Takes in the true state of the store.
    pub(crate) fn see(&self) {
        let now_ms = self.journal.now_ms();
        self.truth.set_clock(now_ms);
        for (name, oracle) in &mut *self.oracles() {
            oracle.see(self.truth.versions(name), now_ms);
        }
    }

    /// A secret's versions, as they truly are now.
    pub(crate) fn versions(&self, name: &str) -> Vec<Standing> {
        self.truth.set_clock(self.journal.now_ms());
        self.truth.versions(name)
    }

    /// Whether bots have ever read it.
    pub(crate) fn was_current(&self, name: &str, version: &str) -> bool {
        self.see();
        self.oracles()[name].fates.get(version).is_some_and(|fate| fate.current_ms.is_some())
    }

    /// The promise, on every version that was ever current, by everybody who can be asked; or on those alone of which
    /// it is not all over.
    pub(crate) fn check(&self, all: bool) {
        self.see();
        self.check_ages();
        let now_ms = self.journal.now_ms();
        let oracles = self.oracles();
        for (name, oracle) in &*oracles {
            for (id, fate) in oracle.fates.iter().filter(|(_, fate)| all || oracle.is_open(fate, now_ms)) {
                if oracle.is_short(fate, now_ms) {
                    self.is_wrong(Wrong::ShortGrace, &format!("{name} {id}"), fate);
                }
                for (who, said, read_ms, heard_ms) in self.verdicts(name, &fate.token, now_ms) {
                    self.journal.count(Counted::Checks, 1);
                    if let Some(wrong) = oracle.judge(fate, said, now_ms, read_ms, heard_ms) {
                        self.is_wrong(wrong, &format!("{who}: {name} {id}"), fate);
                    }
                }
            }
        }
    }

    /// However badly writes go, no view is older than the pace of reads makes it, where reads go well.
    fn check_ages(&self) {
        let most = self.scenario.sync + Duration::from_secs(1);
        for replica in self.replicas.iter().filter(|_| self.scenario.full_disk) {
            let Some(running) = &*replica.running() else { continue };
            let published = running.distribution.published(AUDIENCE);
            let age = published.map(|p| Duration::from_millis(p.view.age_ms(replica.now())));
            if let Some(age) = age.filter(|age| *age > most) {
                self.journal
                    .wrong(Counted::OldViews, format_args!("a view is {age:?} old, {most:?} at most"));
            }
        }
    }

    /// What everybody says of a token, when their view was read, and when they last heard of the store. A replica that was
    /// told of the labels is to know by them, whatever else it could not read.
    fn verdicts<'a>(&'a self, secret: &str, token: &str, now_ms: u64) -> Vec<(&'a str, Said, u64, u64)> {
        let mut all = Vec::new();
        for server in &self.servers {
            if let Some(verifier) = server.verifier() {
                let said = said(&server.says(verifier.verify(token)));
                let age = verifier.status().age;
                let age_ms = age.map_or(now_ms, |age| u64::try_from(age.as_millis()).expect("not so old"));
                let heard_ms = server.heard_ms().unwrap_or(now_ms);
                all.push((&*server.host.name, said, now_ms.saturating_sub(age_ms), heard_ms));
            }
        }
        for replica in self.replicas.iter().filter(|replica| replica.host.is_awake()) {
            if let Some(running) = &*replica.running() {
                let said = match running.distribution.decide(&[AUDIENCE.into()], token.as_bytes()) {
                    Decision::Accepted(_) => Said::Accepted,
                    Decision::Refused(_) => Said::Refused,
                    Decision::Unsure => Said::Unsure,
                };
                let published = running.distribution.published(AUDIENCE);
                let read_ms = published.map_or(0, |p| now_ms.saturating_sub(p.view.age_ms(replica.now())));
                let told_ms = replica.host.was_told(secret, now_ms.saturating_sub(TAKEN_IN_MS));
                let read_ms = read_ms.max(told_ms.unwrap_or_default());
                // A known token is as old as the last answer about its own secret, however old the others are.
                let heard_ms = replica.host.was_told(secret, now_ms).unwrap_or_default().max(read_ms);
                all.push((&*replica.host.name, said, read_ms, heard_ms));
            }
        }
        all
    }

    pub(crate) fn is_wrong(&self, wrong: Wrong, who: &str, fate: &Fate) {
        if self.told.lock().expect("no panic").insert(format!("{wrong:?} {who}")) {
            let counted = match wrong {
                // It is refused too early, sooner or later.
                Wrong::Refusal | Wrong::ShortGrace => Counted::WrongRefusals,
                Wrong::LateAcceptance => Counted::LateAcceptances,
            };
            let fate = fate.without_token();
            self.journal
                .wrong(counted, format_args!("{wrong:?}: {who} {fate:?} at {}", self.journal.now_ms()));
        }
    }

    /// Whether nothing of any rotation is left; else what is.
    pub(crate) fn unrest(&self) -> Option<String> {
        self.truth.set_clock(self.journal.now_ms());
        let left = self.scenario.names().into_iter().filter_map(|name| self.truth.unrest(&name));
        left.reduce(|one, other| format!("{one}; {other}"))
    }

    /// At rest everybody knows everything: the current token is accepted, and no other one.
    pub(crate) fn disagreement(&self) -> Option<String> {
        self.see();
        let now_ms = self.journal.now_ms();
        let oracles = self.oracles();
        for (name, oracle) in &*oracles {
            for (id, fate) in &oracle.fates {
                let wanted = if fate.is_current { Said::Accepted } else { Said::Refused };
                let verdicts = self.verdicts(name, &fate.token, now_ms);
                if verdicts.len() < self.servers.len() + self.replicas.len() {
                    return Some("not everybody is up".to_owned());
                }
                if let Some((who, said, ..)) = verdicts.into_iter().find(|(_, said, ..)| *said != wanted) {
                    return Some(format!("{who}: {name} {id} is {said:?}, not {wanted:?}"));
                }
            }
        }
        None
    }
}

pub(crate) fn said(verdict: &Verdict) -> Said {
    match verdict {
        Verdict::Accepted(_) => Said::Accepted,
        Verdict::Refused(_) => Said::Refused,
        Verdict::Unsure => Said::Unsure,
    }
}
