//! The embedded verifier and the real daemon: a server that goes on deciding whatever happens to the daemon.

#![expect(clippy::disallowed_methods, reason = "a test waits for processes, and its server ends with it")]

mod frozen;
mod server;
#[path = "../daemon/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use crossfade_verify::{Source, Stage, Verdict, bot::TokenSource};
use server::{Counts, Server, ask, connect, feed};
use world::{BOT, SECRET, World, until};

/// A runtime's worker that may block: commands and daemons are waited for there.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(work)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_rightful_token_is_refused_while_it_rotates_and_the_daemon_is_killed_and_restarted() {
    let world = Arc::new(World::new("30s"));
    let mut daemon = blocking(|| world.start());
    let cache = world.path("digests");
    let first = blocking(|| world.token());
    {
        let verifier = connect(world.listen, "pod-0", &cache).await;
        assert!(matches!(verifier.verify_or_refresh(&first).await, Verdict::Accepted(_)));
        blocking(|| until("the cache", || cache.exists().then_some(())));
    }

    // With no daemon there, a server starts from its cache: what is known is accepted, nothing is refused.
    daemon.signal("-KILL");
    daemon.exit();
    let server = Server::start(connect(world.listen, "pod-1", &cache).await).await;
    assert_eq!(ask(server.port, Some(&first)).await, 200);
    assert_eq!(ask(server.port, Some("a-token-of-a-stranger")).await, 503, "not known is not no");
    assert_eq!(ask(server.port, None).await, 401);

    // Bots call all the while, each with the token that it was handed some time ago.
    let mut daemon = blocking(|| world.start());
    let stop = Arc::new(AtomicBool::new(false));
    let bots: Vec<_> =
        (0..4_u64).map(|n| bot(Arc::clone(&world), server.port, n, Arc::clone(&stop))).collect();
    for round in 0..3 {
        if round > 0 {
            daemon.signal("-KILL");
            daemon.exit();
            tokio::time::sleep(Duration::from_millis(1_500)).await; // Longer than freshness.
            daemon = blocking(|| world.start());
        }
        blocking(|| world.ok(&["rotate", SECRET, "--wait"]));
    }
    stop.store(true, Relaxed);
    let mut sum = Counts::default();
    for bot in bots {
        sum += bot.await.expect("a bot's counts");
    }
    println!("{sum:?}");
    assert_eq!(sum.refused, 0, "no rightful token gets 401: {sum:?}");
    assert!(sum.accepted > 100 && sum.versions >= 3, "{sum:?}");

    // Fresh again, what nobody made is refused.
    let refused = async || ask(server.port, Some("a-token-of-a-stranger")).await == 401;
    while !refused().await {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let newest = blocking(|| world.token());
    assert_eq!(ask(server.port, Some(&newest)).await, 200);
    // An operator sees which server used what.
    blocking(|| {
        until("the report", || {
            let used = world.status()["versions"][0]["last_used_by"].clone();
            (used == "slack-mcp-server/pod-1").then_some(())
        });
        assert_eq!(world.status()["verifiers"]["up_to_date"], 1);
    });
    daemon.signal("-TERM");
    assert!(blocking(|| daemon.exit()).success());
}

/// Takes its token anew every few seconds, and uses it as long as it may.
fn bot(world: Arc<World>, port: u16, n: u64, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<Counts> {
    tokio::spawn(async move {
        let source = TokenSource::new(&feed(world.listen, BOT), SECRET).expect("good settings");
        let (mut counts, mut versions) = (Counts::default(), std::collections::BTreeSet::new());
        while !stop.load(Relaxed) {
            let Ok(token) = source.token().await else {
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            versions.insert(token.version().to_owned());
            let taken = Instant::now();
            while taken.elapsed() < Duration::from_secs(1 + n) && !stop.load(Relaxed) {
                counts.count(ask(port, Some(token.expose())).await);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        counts.versions = versions.len();
        counts
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_token_that_is_ended_stops_within_a_push_and_one_past_its_deadline_by_itself() {
    let world = World::new("4s");
    let mut daemon = blocking(|| world.start());
    let verifier = connect(world.listen, "pod-1", &world.path("digests")).await;
    let old = blocking(|| world.token());
    blocking(|| world.ok(&["rotate", SECRET, "--wait"]));
    blocking(|| {
        until("the old one is previous", || match verifier.verify(&old) {
            Verdict::Accepted(grant) => match grant.source() {
                Source::Secret(secret) => (secret.stage() == Stage::Previous).then_some(()),
                _ => None,
            },
            _ => None,
        })
    });
    // With the daemon gone, the deadline stands: to the second, and with no word from anyone.
    daemon.signal("-KILL");
    daemon.exit();
    blocking(|| until("its deadline", || (verifier.verify(&old) == Verdict::Unsure).then_some(())));
    let new = {
        let _daemon = blocking(|| world.start());
        let new = blocking(|| world.token());
        blocking(|| until("refused", || matches!(verifier.verify(&old), Verdict::Refused(_)).then_some(())));
        assert!(matches!(verifier.verify_or_refresh(&new).await, Verdict::Accepted(_)));
        blocking(|| world.ok(&["revoke", SECRET, "--all", "--yes", "--wait"]));
        blocking(|| until("the end", || matches!(verifier.verify(&new), Verdict::Refused(_)).then_some(())));
        new
    };
    assert!(!matches!(verifier.verify(&new), Verdict::Accepted(_)));
}
