//! The side on the embedded store: one daemon, commands beside it, and what `status` says of each version.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Result, anyhow};
use crossfade_testing_fleet::{free_port, link::Link, servers::Setting};
use serde_json::Value;

use super::{
    Tools, clocks,
    daemon::Daemon,
    disk::Disk,
    ledger::{Fate, Ledger, Standing},
    post::Post,
    promise::Terms,
    run::{Run, now_ms},
    side::{self, Parts, Side},
};

pub(super) const STORE: &str = "embedded";
const SECRETS: usize = 3;
const SCHEDULE: &str = ", every: 12s";

const TERMS: Terms = Terms { grace: 12_000, freshness: 3_000, hold: 15_000, store_lag: 0, write_lag: 0 };

pub(super) fn start(run: &Run, tools: &Tools) -> Result<Side> {
    let secrets = side::names(SECRETS);
    let told: Vec<(String, String)> = secrets
        .iter()
        .enumerate()
        .map(|(n, name)| (name.clone(), if n == 0 { String::new() } else { SCHEDULE.to_owned() }))
        .collect();
    let folder = tools.folder.join(STORE);
    let data = folder.join("store");
    let disk = Disk::at(&data)?;
    let store = format!("{{kind: embedded, path: \"{}\"}}", data.display());
    let commands = run.logs.join("commands");
    let (ports, name) = ((free_port(), free_port()), "embedded".to_owned());
    let mut hand = side::hand(&tools.program, &folder, &commands);
    hand.configure(&Side::config((&store, TERMS, &told), ports))?;
    let clock = folder.join("clock");
    hand.environment = clocks::environment(tools.faketime.as_deref(), &clock);
    if !disk.is_own() {
        hand.shell = Some("trap '' XFSZ; exec \"$0\" \"$@\"");
    }
    let daemon = Daemon::new(name.clone(), hand, ports, run.logs.join(&name), Some(clock));
    daemon.start()?;
    daemon.until_ready(Duration::from_secs(60))?;
    let link = Link::to(daemon.listen);
    let mut posts = Vec::new();
    for kind in &tools.kinds {
        let name = format!("embedded-{}", kind.language);
        let setting = Setting {
            feeds: side::feeds(&[link.port], 0),
            cache: Some(tools.folder.join(format!("{name}-cache"))),
            log: Some(run.logs.join(&name)),
            environment: Vec::new(),
        };
        posts.push(Post::server(STORE, kind, setting).map_err(|said| anyhow!("{name}: {said}"))?);
    }
    posts.push(Post::endpoint(STORE, daemon.listen));
    // The same store, and a socket on which nobody listens.
    let by_hand = side::hand(&tools.program, &tools.folder.join("embedded-by-hand"), &commands);
    by_hand.configure(&Side::config((&store, TERMS, &told), (free_port(), free_port())))?;
    let parts =
        Parts { posts, links: vec![link], replay: None, daemons: vec![daemon], by_hand, disk: Some(disk) };
    Ok(Side::new(STORE, TERMS, secrets, parts))
}

/// Follows what `status` says, on the store itself.
#[derive(Default)]
pub(super) struct Watch {
    current: BTreeMap<String, String>,
}

impl Watch {
    pub(super) fn look(&mut self, run: &Run, side: &Side) {
        // Written down before it is asked: what is found was so by then or later.
        let status = side.by_hand.give(&["status", "-o", "json"], None, Duration::from_secs(10));
        let at_ms = now_ms();
        let Some(status) = status.and_then(|said| serde_json::from_str::<Value>(&said.out).ok()) else {
            return;
        };
        for secret in status.as_array().into_iter().flatten() {
            self.follow(run, side, secret, at_ms);
        }
    }

    fn follow(&mut self, run: &Run, side: &Side, secret: &Value, at_ms: u64) {
        let (Some(name), Some(now)) = (secret["secret"].as_str(), secret["now_ms"].as_u64()) else { return };
        // The store's clock runs as fast as ours; later rather than earlier, for nothing is late before its time.
        let ours = |store_ms: u64| (store_ms + at_ms).saturating_sub(now);
        let mut ledger = side.ledger();
        let mut found = BTreeSet::new();
        for version in secret["versions"].as_array().into_iter().flatten() {
            let Some(id) = version["version"].as_str() else { continue };
            found.insert(id.to_owned());
            let (stage, ended) = (version["stage"].as_str(), version["ended"] == true);
            let since = ended.then(|| ordered(&ledger, name, at_ms)).flatten();
            let fate = ledger.fate(name, id);
            fate.created_ms = ours(version["created_ms"].as_u64().unwrap_or_default());
            fate.ended_ms = fate.ended_ms.or(since);
            if stage == Some("current") && self.current.get(name).is_none_or(|known| known != id) {
                let first = fate.promoted_ms.is_none();
                fate.promoted_ms = fate.promoted_ms.or(Some(at_ms));
                run.tell(&format!("embedded {name}: {} is current", &id[..8]));
                if self.current.insert(name.to_owned(), id.to_owned()).is_some() {
                    run.score.store(STORE, |tally| tally.rotations += 1);
                    if !first {
                        run.score.store(STORE, |tally| tally.revived += 1);
                        println!("{name}: version {id} became current twice; before:\n{}", run.last_events());
                    }
                }
            }
            let standing = match (stage, version["deadline_ms"].as_u64()) {
                (Some("previous"), _) if ended => Standing::Over,
                (Some("previous"), Some(deadline)) => Standing::Until(known(fate, ours(deadline))),
                _ => Standing::Open,
            };
            ledger.stands(name, id, at_ms, standing);
        }
        gone(&mut ledger, name, &found, at_ms);
    }
}

/// The deadline as it was first told: told again it differs by how long the telling took.
fn known(fate: &Fate, deadline: u64) -> u64 {
    match fate.last() {
        Some(Standing::Until(known)) => known,
        _ => deadline,
    }
}

/// When a person ordered an end of that secret's, if one did before then.
fn ordered(ledger: &Ledger, name: &str, at_ms: u64) -> Option<u64> {
    let ours = ledger.endings.iter().rev().filter(|ending| ending.secret == name && ending.from_ms <= at_ms);
    ours.map(|ending| ending.from_ms).next()
}

/// What is gone before its deadline, a person has ended; there is no other way.
fn gone(ledger: &mut Ledger, name: &str, found: &BTreeSet<String>, at_ms: u64) {
    let order = ordered(ledger, name, at_ms);
    let lost = ledger.fates.iter_mut().filter(|(id, fate)| fate.secret == name && !found.contains(*id));
    for (_, fate) in lost {
        let early = match fate.last() {
            Some(Standing::Open) => true,
            Some(Standing::Until(deadline)) => at_ms + 1_000 < deadline,
            Some(Standing::Over) | None => false,
        };
        let seen = fate.standings.first().map_or(0, |(seen, _)| *seen);
        let ordered = order.filter(|order| seen <= order + 5_000);
        if let Some(order) = ordered.filter(|_| early) {
            fate.ended_ms = fate.ended_ms.or(Some(order));
            fate.standings.push((at_ms, Standing::Over));
        }
    }
}
