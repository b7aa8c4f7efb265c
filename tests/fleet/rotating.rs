//! No rightful token is refused, and none is accepted late, whatever happens to daemons, networks and servers meanwhile.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use crossfade_testing_secretsmanager::{Fake, Server as SecretsManager};
use tokio::runtime::Runtime;

use crate::{
    bots::{Tallies, ask, passed},
    link::Link,
    process::Daemon,
    replay::Replay,
    servers::{Server, kinds},
    world::{AUDIENCE, SECRET, World, until},
};

const FIRST: &str = "00000000-0000-4000-8000-000000000001";
const GRACE: Duration = Duration::from_secs(8);
/// Shorter than grace − store_lag − freshness, which are 8 s, 0 s and 1 s, by what a slow machine takes to send a request.
const KEPT: Duration = Duration::from_secs(5);
/// Longer than freshness.
const OUTAGE: Duration = Duration::from_millis(2_500);

/// One that holds a token, and what it runs on.
pub(crate) fn secrets_manager() -> (SecretsManager, Runtime) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let aws = runtime.block_on(Fake::start()).expect("a free port");
    aws.person().create(SECRET, FIRST, "the-token-that-they-had-before").expect("a secret");
    (aws, runtime)
}

/// What a bot that reads AWSCURRENT finds.
fn current(aws: &SecretsManager) -> Option<(String, String)> {
    holder(aws, "AWSCURRENT")
}

/// The version that bears the label, and its token.
pub(crate) fn holder(aws: &SecretsManager, label: &str) -> Option<(String, String)> {
    let secret = aws.secret(SECRET)?;
    let id = secret.labels().get(label)?.clone();
    let version = secret.versions().iter().find(|version| version.id == id)?;
    Some((id, version.text()?.to_owned()))
}

/// A token whose deadline has passed, on the store's clock, and which nobody may accept any more.
fn overdue(aws: &SecretsManager) -> Vec<String> {
    let Some(secret) = aws.secret(SECRET) else { return Vec::new() };
    let labels = secret.labels();
    let now = aws.now_ms();
    let over = |id: &str| {
        let ours = labels.iter().filter(|(_, on)| *on == id);
        let notes = ours.filter_map(|(label, _)| {
            label.strip_prefix("crossfade-until-")?.split('-').next()?.parse::<u64>().ok()
        });
        let bears = |label: &str| labels.get(label).is_some_and(|on| on == id);
        notes.max().is_some_and(|until| until * 1000 <= now) && !bears("AWSCURRENT") && !bears("AWSPENDING")
    };
    let versions = secret.versions().iter().filter(|version| over(&version.id));
    versions.filter_map(|version| Some(version.text()?.to_owned())).collect()
}

#[test]
fn no_rightful_token_is_refused_while_daemons_die_replicas_are_cut_off_answers_replayed_and_servers_stopped()
{
    let kinds = kinds();
    if kinds.is_empty() {
        println!("not run: `cargo xtask test` builds the servers");
        return;
    }
    let lasting = if std::env::var_os("CROSSFADE_FULL").is_some() { 600 } else { 45 };
    let lasting = Duration::from_secs(lasting);

    let (aws, _runtime) = secrets_manager();
    let secrets = format!(
        "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: {}s}}\n",
        GRACE.as_secs()
    );
    let replica = |n: usize| World::on_aws(&aws.endpoint(), &format!("AKIDREPLICA{n}"), &secrets);
    let (one, other, by_hand) = (replica(0), replica(1), replica(2));
    let mut killed = one.start();
    let steady: Daemon = other.start();
    let link = Link::to(one.listen);
    let replay = Replay::of(other.listen).expect("the test command says which nginx");
    let feeds = [format!("http://127.0.0.1:{}", link.port), format!("http://127.0.0.1:{}", replay.port)];
    let servers: Vec<Server> = kinds.iter().map(|kind| Server::start(kind, &feeds, None)).collect();
    let (_, token) = current(&aws).expect("a token");
    for server in &servers {
        until("the server lets the bot in", || {
            ask(server.address, "Authorization", &token).filter(|status| passed(*status))
        });
    }

    let (tallies, over, rotations) = (Tallies::default(), AtomicBool::new(false), AtomicU64::new(0));
    let mut outages = 0;
    thread::scope(|scope| {
        for server in &servers {
            for header in ["Authorization", "mcp-access-token"] {
                let (aws, tallies, over) = (&aws, &tallies, &over);
                scope.spawn(move || bot(aws, server, header, tallies, over));
            }
        }
        scope.spawn(|| {
            while !over.load(Relaxed) {
                let before = current(&aws).map(|(id, _)| id);
                // On the store itself, so that it goes on in every outage; sometimes there is no room yet for another note.
                let _ = by_hand.run(&["rotate", SECRET, "--wait", "--timeout", "10"]);
                let rotated = current(&aws).map(|(id, _)| id) != before;
                rotations.fetch_add(u64::from(rotated), Relaxed);
                thread::sleep(Duration::from_secs(3));
            }
        });
        let began = Instant::now();
        while began.elapsed() < lasting {
            match outages % 4 {
                0 => {
                    killed.signal("-KILL");
                    thread::sleep(OUTAGE);
                    killed = one.start();
                }
                1 => {
                    link.cut();
                    thread::sleep(OUTAGE);
                    link.mend();
                }
                2 => {
                    let server = &servers[outages / 4 % servers.len()];
                    server.signal("-STOP");
                    thread::sleep(OUTAGE);
                    server.signal("-CONT");
                }
                _ => {
                    // Nobody answers, for long enough that a whole rotation happens meanwhile: unsure, and no more.
                    link.cut();
                    steady.signal("-STOP");
                    thread::sleep(OUTAGE * 3);
                    steady.signal("-CONT");
                    link.mend();
                }
            }
            outages += 1;
            thread::sleep(Duration::from_millis(500));
        }
        over.store(true, Relaxed);
    });
    println!("{} rotations, {outages} outages\n{tallies}", rotations.load(Relaxed));
    assert!(rotations.load(Relaxed) >= 2, "it rotated");
    assert!(!tallies.all(|tally| tally.unsure == 0), "nothing was ever unknown: the outages were too short");
    assert!(tallies.all(|tally| tally.wrongly_refused == 0), "{tallies}");
    assert!(tallies.all(|tally| tally.accepted_late == 0), "{tallies}");
    assert!(tallies.all(|tally| tally.accepted > 20 && tally.accepted > tally.unsure), "{tallies}");
}

/// Reads a token, uses it for as long as it may, reads the next; and tries what is over in between.
fn bot(aws: &SecretsManager, server: &Server, header: &str, tallies: &Tallies, over: &AtomicBool) {
    while !over.load(Relaxed) {
        let Some((_, token)) = current(aws) else { continue };
        let read = Instant::now();
        while read.elapsed() < KEPT && !over.load(Relaxed) {
            let status = ask(server.address, header, &token);
            // What it answered once the time was up is no wrong, however long it had waited.
            let rightful = read.elapsed() < GRACE - Duration::from_secs(1);
            tallies.count(server.language, |tally| match status {
                Some(401 | 403) if rightful => tally.wrongly_refused += 1,
                Some(401 | 403) => {}
                Some(503) => tally.unsure += 1,
                Some(_) => tally.accepted += 1,
                None => tally.silent += 1,
            });
            thread::sleep(Duration::from_millis(30));
        }
        for token in overdue(aws) {
            let Some(status) = ask(server.address, header, &token) else { continue };
            let passed = passed(status);
            tallies.count(server.language, |tally| match passed {
                true => tally.accepted_late += 1,
                false => tally.kept_out += 1,
            });
        }
    }
}
