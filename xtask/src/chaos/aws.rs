//! The side on Secrets Manager: the strict fake over HTTP, three daemons, and what its log says of each version.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow};
use crossfade_testing_fleet::{free_port, link::Link, replay::Replay};
use crossfade_testing_secretsmanager::{Fake, log::Change};

use super::{
    Tools, clocks, credentials,
    daemon::Daemon,
    ledger::Standing,
    post::Post,
    promise::Terms,
    run::Run,
    side::{self, Parts, Side},
};
use crossfade_testing_fleet::servers::Setting;

pub(super) const STORE: &str = "aws";
const REPLICAS: usize = 3;
/// Secrets Manager keeps 100 versions of a secret, each for 24 h at least: then another secret's turn comes.
const VERSIONS: usize = 85;

const TERMS: Terms =
    Terms { grace: 15_000, freshness: 3_000, hold: 15_000, store_lag: 2_000, write_lag: 4_000 };

pub(super) fn start(run: &Run, tools: &Tools, fake: &Fake, endpoint: &str, minutes: u64) -> Result<Side> {
    let secrets = side::names(usize::try_from(3 + minutes / 4).unwrap_or(3).min(24));
    for (n, name) in secrets.iter().enumerate() {
        let (version, token) =
            (format!("00000000-0000-4000-8000-{n:012}"), format!("the-token-that-bot-{n}-had-before"));
        fake.person().create(name, &version, &token).map_err(|error| anyhow!("{error}"))?;
    }
    let told: Vec<(String, String)> = secrets.iter().map(|name| (name.clone(), String::new())).collect();
    let store = format!(
        "{{kind: aws, region: eu-west-1, store_lag: {}ms, write_lag: {}ms}}",
        TERMS.store_lag, TERMS.write_lag
    );
    let replica = |name: &str, ports: (u16, u16)| -> Result<_> {
        let folder = tools.folder.join(name);
        let mut hand = side::hand(&tools.program, &folder, &run.logs.join("commands"));
        hand.environment = vec![
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint.into()),
            ("AWS_EC2_METADATA_DISABLED", "true".into()),
        ];
        hand.environment.extend(credentials::environment(&folder));
        hand.configure(&Side::config((&store, TERMS, &told), ports))?;
        credentials::write(&folder, &credentials::first_key(name))?;
        Ok(hand)
    };
    let mut daemons = Vec::new();
    for n in 0..REPLICAS {
        let (name, ports) = (format!("aws-{n}"), (free_port(), free_port()));
        let mut hand = replica(&name, ports)?;
        let clock = hand.folder.join("clock");
        hand.environment.extend(clocks::environment(tools.faketime.as_deref(), &clock));
        let log = run.logs.join(&name);
        daemons.push(Daemon::new(name, hand, ports, log, Some(clock)));
    }
    for daemon in &daemons {
        daemon.start()?;
    }
    for daemon in &daemons {
        daemon.until_ready(Duration::from_secs(60))?;
    }
    let links: Vec<Link> = daemons.iter().map(|daemon| Link::to(daemon.listen)).collect();
    let replay = Replay::by(&tools.nginx, links[REPLICAS - 1].port);
    let ports = [links[0].port, links[1].port, replay.port];
    let mut posts = Vec::new();
    for (n, kind) in tools.kinds.iter().enumerate() {
        let name = format!("aws-{}", kind.language);
        let setting = Setting {
            feeds: side::feeds(&ports, n),
            cache: Some(tools.folder.join(format!("{name}-cache"))),
            log: Some(run.logs.join(&name)),
            environment: clocks::environment(
                tools.faketime.as_deref(),
                &tools.folder.join(format!("{name}-clock")),
            ),
        };
        posts.push(Post::server(STORE, kind, setting).map_err(|said| anyhow!("{name}: {said}"))?);
    }
    posts.extend(daemons.iter().map(|daemon| Post::endpoint(STORE, daemon.listen)));
    let by_hand = replica("aws-by-hand", (free_port(), free_port())).context("a folder")?;
    let replay = Some(replay);
    Ok(Side::new(STORE, TERMS, secrets, Parts { posts, links, replay, daemons, by_hand, disk: None }))
}

/// Follows the fake's log.
#[derive(Default)]
pub(super) struct Watch {
    labels: HashMap<String, BTreeMap<String, String>>,
    once_current: BTreeSet<String>,
}

impl Watch {
    pub(super) fn look(&mut self, run: &Run, side: &Side, fake: &Fake) {
        let (calls, changes) = fake.take_log();
        let by_people: BTreeSet<u64> = calls
            .iter()
            .filter(|call| call.caller.as_deref() == Some("person"))
            .map(|call| call.seq)
            .collect();
        for change in changes {
            self.follow(run, side, fake, &change, by_people.contains(&change.seq));
        }
        for call in
            calls.iter().filter(|call| call.operation == "DescribeSecret" && !by_people.contains(&call.seq))
        {
            let (Some(reader), Some(secret)) = (&call.caller, &call.secret) else { continue };
            let names = side
                .secrets
                .iter()
                .filter(|name| secret == *name || secret.contains(&format!(":secret:{name}-")));
            names.for_each(|name| side.ledger().is_read(name, reader, call.at_ms, side.terms));
        }
        side.retire_first(|name| fake.secret(name).is_some_and(|secret| secret.versions().len() >= VERSIONS));
    }

    fn follow(&mut self, run: &Run, side: &Side, fake: &Fake, change: &Change, by_person: bool) {
        let Change { secret: name, labels, at_ms, .. } = change;
        let before = self.labels.insert(name.clone(), labels.clone()).unwrap_or_default();
        let Some(secret) = fake.secret(name) else { return };
        let mut ledger = side.ledger();
        let current = labels.get("AWSCURRENT");
        if let Some(id) = current.filter(|id| before.get("AWSCURRENT") != Some(id)) {
            run.tell(&format!(
                "aws {name}: {} is current{}",
                &id[..8],
                if by_person { ", by hand" } else { "" }
            ));
            let fate = ledger.fate(name, id);
            fate.promoted_ms = fate.promoted_ms.or(Some(*at_ms));
            if let Some(replaced) = before.get("AWSCURRENT").filter(|_| by_person) {
                ledger.fate(name, replaced).is_replaced_by_hand(*at_ms);
            }
            let is_new = self.once_current.insert(id.clone());
            if !by_person && !before.is_empty() {
                run.score.store(STORE, |tally| tally.rotations += 1);
                if !is_new && !ledger.was_edited(name, *at_ms - side.terms.store_lag - side.terms.write_lag) {
                    run.score.store(STORE, |tally| tally.revived += 1);
                    println!(
                        "{name}: version {id} became current twice; before that:\n{}",
                        run.last_events()
                    );
                }
            }
        }
        let condemned = compromised(labels);
        for version in secret.versions() {
            let bears = |label: &str| labels.get(label).is_some_and(|on| *on == version.id);
            let bore_any = before.values().any(|on| *on == version.id);
            let bears_any = labels.values().any(|on| *on == version.id);
            if !bore_any && !bears_any {
                continue;
            }
            let marked = notes(labels, &version.id, "ended").next().is_some()
                || condemned.iter().any(|(on, time)| *on == version.id || version.created_ms < *time);
            let fate = ledger.fate(name, &version.id);
            fate.token = version.text().map(str::to_owned);
            fate.created_ms = version.created_ms;
            if marked && fate.ended_ms.is_none() {
                fate.ended_ms = Some(*at_ms);
                run.tell(&format!("aws {name}: {} is ended", &version.id[..8]));
            }
            fate.is_marked |= marked;
            // What a person takes the last label off is ended by that; whoever saw it without a note gives it the full
            // grace "from when it was first seen, once", all the same.
            let let_go = by_person && !bears_any && fate.last() == Some(Standing::Open);
            if let_go {
                fate.ended_ms = fate.ended_ms.or(Some(*at_ms));
            }
            let grace_ms = *at_ms + side.terms.store_lag + side.terms.grace;
            let ended = fate.is_marked;
            let until = notes(labels, &version.id, "until").max();
            // An expired note of an earlier time says nothing of a version that a person made current again.
            let noted = matches!(fate.last(), Some(Standing::Until(_)));
            let until = until.filter(|until| *until > *at_ms || noted);
            let standing = match (until, fate.last()) {
                _ if bears("AWSCURRENT") => Standing::Open,
                _ if ended => Standing::Over,
                _ if bears("AWSPENDING") => Standing::Open,
                (Some(until), _) => Standing::Until(until),
                _ if bears("AWSPREVIOUS") => Standing::Open,
                _ if let_go => Standing::Until(grace_ms),
                // A note that has expired is taken off; what it said stays true.
                (None, Some(last @ (Standing::Until(_) | Standing::Over))) => last,
                (None, _) => Standing::Over,
            };
            if matches!(standing, Standing::Until(_)) && !noted {
                ledger.is_noted(&version.id, *at_ms, side.terms);
            }
            ledger.stands(name, &version.id, *at_ms, standing);
        }
    }
}

/// The times of the notes of that kind on a version, in milliseconds.
pub(super) fn notes<'a>(
    labels: &'a BTreeMap<String, String>,
    version: &'a str,
    kind: &'a str,
) -> impl Iterator<Item = u64> + 'a {
    labels.iter().filter(move |(_, on)| *on == version).filter_map(move |(label, _)| time(label, kind))
}

fn time(label: &str, kind: &str) -> Option<u64> {
    let rest = label.strip_prefix("crossfade-")?.strip_prefix(kind)?.strip_prefix('-')?;
    Some(rest.split('-').next()?.parse::<u64>().ok()? * 1000)
}

/// Each order that ends a version and all that were made before its time.
pub(super) fn compromised(labels: &BTreeMap<String, String>) -> Vec<(&str, u64)> {
    labels.iter().filter_map(|(label, on)| Some((on.as_str(), time(label, "compromised")?))).collect()
}
