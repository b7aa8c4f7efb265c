//! A token that is known, on a view that is not young: whoever can wait looks first.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use crossfade_verify::{Moment, Reason, Verdict, Verifier, feed::Feed};

use crate::{
    machine::TestMachine,
    server::{AUDIENCE, Asked, NEW, Reply, STRANGE, Server, TOKEN, accepts, feed, good, has, until},
};

/// Those that are not held.
fn refreshes(server: &Server) -> Vec<Asked> {
    let asked = server.asked().into_iter();
    asked.filter(|asked| !asked.is_held() && !asked.is_report() && asked.before > 0).collect()
}

async fn connected(server: &Server) -> (Verifier, Arc<TestMachine>) {
    let machine = Arc::new(TestMachine::default());
    let feed = feed(&server.url).0.machine(machine.clone());
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    until("a held request", || server.asked().iter().any(Asked::is_held)).await;
    (verifier, machine)
}

#[tokio::test]
async fn a_token_that_was_ended_unseen_is_refused_by_whoever_looks_first() {
    let server = Server::start(good(&[TOKEN])).await;
    let (verifier, machine) = connected(&server).await;
    server.now(good(&[NEW]));
    machine.pass(58_000);
    assert!(
        matches!(verifier.verify_or_refresh(TOKEN).await, Verdict::Accepted(_)),
        "on a view that is young"
    );
    assert_eq!(refreshes(&server).len(), 0);
    machine.pass(2_000);
    assert!(accepts(&verifier, TOKEN), "who can't wait goes by hold");
    assert_eq!(verifier.verify_or_refresh(TOKEN).await, Verdict::Refused(Reason::Unknown));
    let refreshes = refreshes(&server);
    assert_eq!(refreshes.len(), 1);
    assert_eq!(
        (refreshes[0].header("cache-control"), refreshes[0].header("prefer")),
        (Some("no-cache"), None)
    );
    assert_eq!(server.asked().iter().filter(|asked| asked.is_held()).count(), 1, "the held one goes on");
    until("the refresh's connection is closed", || server.connections() == 1).await;
}

#[tokio::test]
async fn with_the_daemon_down_it_is_accepted_and_few_wait() {
    let server = Server::start(good(&[TOKEN])).await;
    let (verifier, machine) = connected(&server).await;
    server.now(|_| Reply::Drop);
    server.hang_up();
    machine.pass(3_600_000);
    let before = server.asked().len();
    for _ in 0..300 {
        assert!(matches!(verifier.verify_or_refresh(TOKEN).await, Verdict::Accepted(_)));
    }
    // The follower asks by itself meanwhile.
    let asked = server.asked().split_off(before);
    let refreshes = asked.iter().filter(|asked| asked.header("cache-control").is_some()).count();
    assert!(refreshes <= 5, "{refreshes} refreshes for 300 requests");
    let count = |of| verifier.counts().iter().find(|(verdict, _)| *verdict == of).map(|(_, count)| *count);
    assert_eq!(count("accepted"), Some(300), "each is counted once");
}

#[tokio::test]
async fn accept_within_says_how_old_a_view_may_be() {
    let set = |tokens: &[&str]| crate::server::set(tokens).with_accept_within(600_000).expect("long enough");
    let server = Server::start(move |asked: &Asked| match asked.is_held() {
        true => Reply::Silence,
        false => Reply::Raw(crate::server::answer(asked, &set(&[TOKEN]), crate::server::TIMED)),
    })
    .await;
    let (verifier, machine) = connected(&server).await;
    machine.pass(590_000);
    assert!(matches!(verifier.verify_or_refresh(TOKEN).await, Verdict::Accepted(_)));
    assert_eq!(refreshes(&server).len(), 0);
    machine.pass(10_000);
    assert!(matches!(verifier.verify_or_refresh(TOKEN).await, Verdict::Accepted(_)));
    assert_eq!(refreshes(&server).len(), 1);
}

#[tokio::test]
async fn a_replica_that_does_not_answer_is_not_waited_for_alone() {
    let (one, other) = (Server::start(good(&[TOKEN])).await, Server::start(good(&[TOKEN])).await);
    let machine = Arc::new(TestMachine::default());
    let feed = feed(&format!("{},{}", one.url, other.url)).0.machine(machine.clone());
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    let is_held = |server: &Server| server.asked().iter().any(Asked::is_held);
    until("a held request", || is_held(&one) || is_held(&other)).await;
    let (followed, next) = if is_held(&one) { (one, other) } else { (other, one) };
    followed.now(|_| Reply::Silence);
    next.now(good(&[NEW]));
    machine.pass(60_000);
    assert_eq!(verifier.verify_or_refresh(TOKEN).await, Verdict::Refused(Reason::Unknown));
    assert_eq!(refreshes(&followed).len(), 1, "the one that is followed is asked first");
}

#[tokio::test]
async fn a_request_that_is_given_up_while_it_waits_takes_nothing_from_the_others() {
    let server = Server::start(good(&[TOKEN])).await;
    let (verifier, machine) = connected(&server).await;
    machine.pass(60_000);
    server.now(|_| Reply::Silence);
    let given_up = tokio::time::timeout(Duration::from_millis(50), verifier.verify_or_refresh(TOKEN)).await;
    assert!(given_up.is_err(), "it waits");
    assert_eq!(refreshes(&server).len(), 1);
    server.now(good(&[NEW]));
    machine.pass(10_000);
    let verdict = verifier.verify_or_refresh(TOKEN).await;
    assert_eq!(verdict, Verdict::Refused(Reason::Unknown), "the next one looks, and sees");
    assert_eq!(verifier.counts()[0], ("accepted", 0), "who was given up was not counted");
}

#[tokio::test]
async fn an_answer_from_before_a_freeze_ends_no_refresh_that_was_begun_after_it() {
    let server = Server::start(good(&[TOKEN])).await;
    let (verifier, machine) = connected(&server).await;
    let [first, second] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let once = |may: &Arc<AtomicBool>| {
        let may = Arc::clone(may);
        move || may.load(Relaxed)
    };
    machine.pass(60_000);
    server.late(good(&[TOKEN]), once(&first));
    let given_up = tokio::time::timeout(Duration::from_millis(50), verifier.verify_or_refresh(TOKEN)).await;
    assert!(given_up.is_err(), "it waits");
    until("a refresh", || refreshes(&server).len() == 1).await;
    machine.pass(10_000);
    server.late(good(&[NEW]), once(&second));
    let answers = async {
        until("another one", || refreshes(&server).len() == 2).await;
        first.store(true, Relaxed);
        until("the first one is answered", || server.connections() == 2).await;
        second.store(true, Relaxed);
    };
    let (verdict, ()) = tokio::join!(verifier.verify_or_refresh(TOKEN), answers);
    assert_eq!(verdict, Verdict::Refused(Reason::Unknown), "the second one says that it was ended");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_for_those_who_wait_still_counts() {
    let server = Server::start(good(&[TOKEN])).await;
    // Two seconds are over at once.
    let machine =
        Arc::new(TestMachine::default().instead_of(Duration::from_secs(2), Duration::from_millis(100)));
    let feed = feed(&server.url).0.machine(machine.clone());
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    until("a held request", || server.asked().iter().any(Asked::is_held)).await;
    let answered = Arc::new(AtomicBool::new(false));
    let may = Arc::clone(&answered);
    server.late(good(&[TOKEN, NEW]), move || may.load(Relaxed));
    machine.pass(60_000);
    assert_eq!(verifier.verify_or_refresh(NEW).await, Verdict::Unsure);
    answered.store(true, Relaxed);
    until("what came late is known", || accepts(&verifier, NEW)).await;
}

#[tokio::test]
async fn a_step_that_panics_once_costs_one_try_and_nothing_else() {
    let server = Server::start(good(&[TOKEN])).await;
    let machine = Arc::new(TestMachine::default());
    machine.connect_fails.store(true, Relaxed);
    let feed = || Feed::http(&*server.url, "cfc_a-credential-for-tests").machine(machine.clone());
    let hook = |_: &crossfade_verify::feed::Event<'_>| panic!("a hook of somebody's");
    let verifier = Verifier::connect(feed().on_event(hook), AUDIENCE).await.expect("good settings");
    until("it follows", || accepts(&verifier, TOKEN)).await;
    until("a held request", || server.asked().iter().any(Asked::is_held)).await;
    // Each time with another set, which has to be read off the threads of requests.
    let sets: [&[&str]; 2] = [&[TOKEN, NEW], &[TOKEN]];
    for (fails, tokens) in [&machine.connect_fails, &machine.offload_fails].into_iter().zip(sets) {
        machine.pass(70_000);
        fails.store(true, Relaxed);
        server.now(good(tokens));
        assert_eq!(verifier.verify_or_refresh(STRANGE).await, Verdict::Unsure, "this try has failed");
        machine.pass(10_000);
        until("another try", || !fails.load(Relaxed)).await;
        let refused = async || {
            machine.pass(10_000);
            verifier.verify_or_refresh(STRANGE).await == Verdict::Refused(Reason::Unknown)
        };
        while !refused().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test]
async fn a_replica_that_holds_nothing_is_not_asked_without_end() {
    let server = Server::start(|asked: &Asked| match asked.is_report() {
        true => Reply::Drop,
        false => {
            Reply::Raw(crate::server::answer(asked, &crate::server::set(&[TOKEN]), crate::server::TIMED))
        }
    })
    .await;
    let (feed, told) = feed(&server.url);
    let _verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    let began = std::time::Instant::now();
    until("some answers", || server.asked().len() >= 6).await;
    let asked = server.asked().len();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let more = server.asked().len() - asked;
    assert!(more <= 20, "{more} in {:?}", began.elapsed());
    assert!(!has(&told, "gave no accept set"));
}

#[tokio::test]
async fn a_verifier_begins_up_to_a_second_before_its_view_is_old_by_what_it_drew() {
    let server = Server::start(good(&[TOKEN])).await;
    // All that it draws is the most.
    let stands = Moment { boot_ms: 1_000_000, wall_ms: 1_700_000_000_000 };
    let machine = Arc::new(TestMachine::standing(stands).drawing(u64::MAX));
    let feed = feed(&server.url).0.machine(machine.clone());
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    // The view was 10 ms old when it came, and freshness is a minute.
    let mut before = 0;
    for (passed, refreshed) in [(58_989, 0), (58_990, 1)] {
        machine.pass(passed - before);
        before = passed;
        assert!(matches!(verifier.verify_or_refresh(TOKEN).await, Verdict::Accepted(_)));
        let asked = server.asked();
        let refreshes = asked.iter().filter(|asked| asked.header("cache-control").is_some()).count();
        assert_eq!(refreshes, refreshed, "{passed}");
    }
}
