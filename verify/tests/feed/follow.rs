//! What a verifier does as long as all is well.

use std::{sync::Arc, time::Duration};

use crossfade_verify::{
    Reason, Verdict, Verifier,
    feed::{ConnectError, Feed},
};

use crate::{
    machine::TestMachine,
    server::{
        AUDIENCE, NEW, NOW, Reply, STRANGE, Server, TIMED, TOKEN, Timed, accepts, answer, feed, good, set,
        until, version,
    },
};

#[tokio::test]
async fn a_verifier_knows_the_first_set_when_it_is_connected_and_then_holds_a_request() {
    let server = Server::start(good(&[TOKEN])).await;
    let verifier = Verifier::connect(feed(&server.url).0, AUDIENCE).await.expect("good settings");
    let Verdict::Accepted(grant) = verifier.verify(TOKEN) else { panic!("{:?}", verifier.status()) };
    assert_eq!((grant.client_id(), version(&grant)), ("slack-bot", TOKEN));
    // The server's store is somewhere else in time.
    assert_eq!(grant.expires_in(), Duration::from_secs(14_400), "a grace of 4 h");
    assert_eq!(verifier.verify(STRANGE), Verdict::Refused(Reason::Unknown));

    until("a held request", || server.asked().len() == 2).await;
    let asked = server.asked();
    let [first, held] = &asked[..] else { panic!("{asked:?}") };
    assert!(
        first.head.starts_with("GET /v1/accept-set?audience=https%3A%2F%2Fmcp.example.com%2Fslack HTTP/1.1")
    );
    assert_eq!(first.header("authorization"), Some("Bearer cfc_a-credential-for-tests"));
    assert_eq!(first.header("crossfade-instance"), Some("pod-1"));
    assert_eq!((first.header("if-none-match"), first.header("prefer")), (None, None));
    assert!(held.header("if-none-match").is_some() && held.header("prefer") == Some("wait=60"));
    assert_ne!(first.header("crossfade-nonce"), held.header("crossfade-nonce"));
    assert_eq!(server.connections(), 1, "one for all");
}

#[tokio::test]
async fn what_is_absent_from_a_new_set_is_gone_and_a_304_keeps_what_stands() {
    let server = Server::start(|asked| match asked.before {
        0..3 => {
            Reply::Raw(answer(asked, &set(&[TOKEN]), Timed { now_ms: NOW + asked.before as u64, age_ms: 0 }))
        }
        3 => Reply::Raw(answer(asked, &set(&[NEW]), Timed { now_ms: NOW + 5, age_ms: 0 })),
        _ => Reply::Silence,
    })
    .await;
    let verifier = Verifier::connect(feed(&server.url).0, AUDIENCE).await.expect("good settings");
    until("the new set", || accepts(&verifier, NEW)).await;
    assert_eq!(verifier.verify(TOKEN), Verdict::Refused(Reason::Unknown));
    let held: Vec<_> =
        server.asked().iter().map(|asked| asked.header("if-none-match").map(str::to_owned)).collect();
    assert_eq!(held[1], held[2], "a 304 keeps the tag");
}

#[tokio::test]
async fn a_replica_that_shuts_down_sends_the_verifier_to_another() {
    let closing = |asked: &crate::server::Asked| {
        let text = String::from_utf8(answer(asked, &set(&[TOKEN]), TIMED)).expect("text");
        Reply::Last(text.replacen("\r\n", "\r\nconnection: close\r\n", 1).into_bytes())
    };
    let (one, other) = (Server::start(closing).await, Server::start(good(&[TOKEN])).await);
    let urls = format!("{},{}", one.url, other.url);
    let verifier = Verifier::connect(feed(&urls).0, AUDIENCE).await.expect("good settings");
    until("a poll at the other", || other.asked().iter().any(crate::server::Asked::is_held)).await;
    assert!(accepts(&verifier, TOKEN));
}

#[tokio::test]
async fn a_local_hold_wins_over_the_daemon_s() {
    let server = Server::start(good(&[TOKEN])).await;
    let machine = Arc::new(TestMachine::default());
    let feed = feed(&server.url).0.machine(machine.clone()).max_hold(Duration::from_secs(600));
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    machine.pass(590_000);
    assert!(accepts(&verifier, TOKEN));
    machine.pass(11_000);
    assert_eq!(verifier.verify(TOKEN), Verdict::Unsure);
}

#[tokio::test]
async fn a_local_hold_that_is_less_than_freshness_counts_as_given() {
    let server = Server::start(good(&[TOKEN])).await;
    let machine = Arc::new(TestMachine::default());
    let feed = feed(&server.url).0.machine(machine.clone()).max_hold(Duration::from_secs(20));
    let verifier = Verifier::connect(feed, AUDIENCE).await.expect("good settings");
    machine.pass(15_000);
    assert!(accepts(&verifier, TOKEN));
    machine.pass(6_000);
    assert_eq!(verifier.verify(TOKEN), Verdict::Unsure);
}

#[tokio::test]
async fn clocks_that_part_make_a_refusal_unsure() {
    let server = Server::start(good(&[TOKEN])).await;
    let machine = Arc::new(TestMachine::default());
    let verifier =
        Verifier::connect(feed(&server.url).0.machine(machine.clone()), AUDIENCE).await.expect("settings");
    assert_eq!(verifier.verify(STRANGE), Verdict::Refused(Reason::Unknown));
    machine.pass(1_000);
    machine.set_forward(3_000);
    assert_eq!(verifier.verify(STRANGE), Verdict::Unsure);
    assert_eq!(verifier.verify_or_refresh(STRANGE).await, Verdict::Refused(Reason::Unknown), "by a new view");
}

#[tokio::test]
async fn following_ends_with_the_last_handle() {
    let server = Server::start(good(&[TOKEN])).await;
    let verifier = Verifier::connect(feed(&server.url).0, AUDIENCE).await.expect("good settings");
    let other = verifier.clone();
    until("a held request", || server.asked().len() == 2).await;
    drop(verifier);
    assert_eq!(server.connections(), 1, "another handle is left");
    drop(other);
    until("no connection is left", || server.connections() == 0).await;
}

#[tokio::test]
async fn settings_that_can_t_be_used_are_told_at_once() {
    let connect = async |feed: Feed| Verifier::connect(feed, AUDIENCE).await.map(drop);
    let good = "http://127.0.0.1:1";
    let plain = connect(Feed::http("http://10.0.0.1", "c")).await.expect_err("plain");
    assert!(plain.to_string().contains("danger_allow_plaintext"), "{plain}");
    for (feed, error) in [
        (Feed::http("nowhere", "c"), ConnectError::Url("nowhere".to_owned())),
        (Feed::http(good, ""), ConnectError::Credential),
        (Feed::http(good, "a b"), ConnectError::Credential),
        (Feed::http(good, "a\r\nb: c"), ConnectError::Credential),
        (Feed::http(good, "c").instance("a b"), ConnectError::Instance),
        (Feed::http(good, "c").instance(""), ConnectError::Instance),
        (Feed::http(good, "c").max_hold(Duration::ZERO), ConnectError::MaxHold),
        (Feed::http(good, "c").max_hold(Duration::from_micros(999)), ConnectError::MaxHold),
    ] {
        assert_eq!(connect(feed).await, Err(error));
    }
    assert!(!format!("{:?}", Feed::http(good, "cfc_secret")).contains("cfc_secret"));
}
