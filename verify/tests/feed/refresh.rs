//! A token that is not known, and a view that is not fresh.

use std::{sync::Arc, time::Instant};

use crossfade_verify::{Reason, Verdict, Verifier};

use crate::{
    machine::TestMachine,
    server::{AUDIENCE, NEW, Reply, STRANGE, Server, TOKEN, feed, good, until, version},
};

/// A verifier whose view has just become too old to refuse.
async fn stale(server: &Server) -> (Verifier, Arc<TestMachine>) {
    let machine = Arc::new(TestMachine::default());
    let feed = feed(&server.url).0.machine(machine.clone());
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    until("a held request", || server.asked().iter().any(crate::server::Asked::is_held)).await;
    machine.pass(60_000);
    assert_eq!(verifier.verify(STRANGE), Verdict::Unsure);
    (verifier, machine)
}

#[tokio::test]
async fn many_who_are_unsure_at_once_make_one_request_and_know_after_it() {
    let server = Server::start(good(&[TOKEN])).await;
    let (verifier, _machine) = stale(&server).await;
    server.now(good(&[TOKEN, NEW]));
    let before = server.asked().len();
    let ask = |n: usize| {
        let verifier = verifier.clone();
        tokio::spawn(async move {
            verifier.verify_or_refresh(if n.is_multiple_of(2) { NEW } else { STRANGE }).await
        })
    };
    let asked: Vec<_> = (0..50).map(ask).collect();
    for (n, verdict) in asked.into_iter().enumerate() {
        match verdict.await.expect("a verdict") {
            Verdict::Accepted(grant) => assert!(n % 2 == 0 && version(&grant) == NEW),
            other => assert_eq!((n % 2, other), (1, Verdict::Refused(Reason::Unknown))),
        }
    }
    let asked = server.asked();
    let plain = asked[before..].iter().filter(|asked| !asked.is_held() && !asked.is_report()).count();
    assert_eq!(plain, 1, "one for all, and not held");
}

#[tokio::test]
async fn garbage_drives_no_more_than_one_request_a_second() {
    let server = Server::start(good(&[TOKEN])).await;
    let (verifier, machine) = stale(&server).await;
    server.now(|_| Reply::Drop);
    let ask = |n: u32| {
        let verifier = verifier.clone();
        async move { verifier.verify_or_refresh(&format!("{STRANGE}-{n}")).await }
    };
    assert_eq!(ask(0).await, Verdict::Unsure);
    let before = server.asked().len();
    let began = Instant::now();
    for n in 0..200 {
        assert_eq!(ask(n).await, Verdict::Unsure);
    }
    // The follower goes on by itself meanwhile, ever more seldom.
    let by_itself = 3 + began.elapsed().as_millis() as usize / 100;
    let asked = server.asked().len() - before;
    assert!(asked <= by_itself, "{asked} in {:?}", began.elapsed());
    server.now(good(&[TOKEN]));
    machine.pass(1_000);
    assert_eq!(ask(0).await, Verdict::Refused(Reason::Unknown), "and a second later it is asked again");
}

#[tokio::test]
async fn a_refresh_asks_each_replica_before_it_gives_up() {
    let server = Server::start(good(&[TOKEN])).await;
    let dead = Server::start(|_| Reply::Drop).await;
    let machine = Arc::new(TestMachine::default());
    for urls in [format!("{},{}", server.url, dead.url), format!("{},{}", dead.url, server.url)] {
        let feed = feed(&urls).0.machine(machine.clone());
        let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
        assert_eq!(
            verifier.verify(STRANGE),
            Verdict::Refused(Reason::Unknown),
            "at once, from whichever lives"
        );
    }
}

#[tokio::test]
async fn a_daemon_that_never_answers_is_not_waited_for() {
    let server = Server::start(good(&[TOKEN])).await;
    let (verifier, _machine) = stale(&server).await;
    server.now(|_| Reply::Silence);
    let began = Instant::now();
    assert_eq!(verifier.verify_or_refresh(STRANGE).await, Verdict::Unsure);
    assert!(began.elapsed().as_secs() < 20, "2 s, on a machine that is not busy: {:?}", began.elapsed());
    assert!(matches!(verifier.verify(TOKEN), Verdict::Accepted(_)), "what is known is accepted meanwhile");
}
