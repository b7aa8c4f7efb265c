//! What was decided arrives at the daemon, all of it and once.

use std::{collections::BTreeMap, sync::Arc};

use crossfade_verify::Verifier;
use serde_json::Value;

use crate::{
    machine::TestMachine,
    server::{
        AUDIENCE, Asked, NEW, NOW, Reply, STRANGE, Server, TOKEN, Timed, Told, answer, feed, good, has, set,
        until,
    },
};

/// What the reports that were taken say in sum, by version and verdict.
fn sums(server: &Server, taken: impl Fn(&Asked) -> bool) -> BTreeMap<(String, String), u64> {
    let mut sums = BTreeMap::new();
    for asked in server.asked().iter().filter(|asked| asked.is_report() && taken(asked)) {
        let report: Value = serde_json::from_str(&asked.body).expect("JSON");
        assert_eq!((&report["audience"], &report["instance"]), (&AUDIENCE.into(), &"pod-1".into()));
        for count in report["counts"].as_array().expect("counts") {
            let of = (count["version"].as_str().unwrap_or("-").to_owned(), count["verdict"].to_string());
            *sums.entry(of).or_default() += count["count"].as_u64().expect("a number");
        }
    }
    sums
}

/// Takes a report, and holds what is to be held.
fn taking(asked: &Asked) -> Reply {
    good(&[TOKEN])(asked)
}

fn reports(server: &Server) -> usize {
    server.asked().iter().filter(|asked| asked.is_report()).count()
}

async fn connected(server: &Server) -> (Verifier, Arc<TestMachine>, Told) {
    let machine = Arc::new(TestMachine::ticking());
    let (feed, told) = feed(&server.url);
    let verifier = Verifier::connect(feed.machine(machine.clone()), AUDIENCE).await.expect("good settings");
    (verifier, machine, told)
}

#[tokio::test]
async fn every_verdict_is_reported_once_though_reports_fail_and_sets_change() {
    // Polls come back at once, with another set every other time; two reports in three fail in another way.
    let server = Server::start(|asked: &Asked| {
        if asked.is_report() {
            return match asked.before % 3 {
                0 => Reply::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
                1 => Reply::Raw(b"HTTP/1.1 503 A\r\ncontent-length: 0\r\n\r\n".to_vec()),
                _ => Reply::Drop,
            };
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
        let tokens: &[&str] = if asked.before.is_multiple_of(2) { &[TOKEN] } else { &[TOKEN, NEW] };
        Reply::Raw(answer(asked, &set(tokens), Timed { now_ms: NOW + asked.before as u64, age_ms: 0 }))
    })
    .await;
    let (verifier, machine, told) = connected(&server).await;
    let mut asked = 0;
    while !(has(&told, "took no report: 503") && has(&told, "took no report: the request failed"))
        || asked < 2_000
    {
        for token in [TOKEN, NEW, STRANGE, "short"] {
            let _ = verifier.verify(token);
        }
        asked += 1;
        if asked % 50 == 0 {
            machine.tick();
        }
        tokio::time::sleep(std::time::Duration::from_micros(500)).await;
    }
    let taken = |asked: &Asked| asked.before.is_multiple_of(3);
    let total = |verifier: &Verifier| verifier.counts().iter().map(|(_, count)| count).sum::<u64>();
    assert_eq!(total(&verifier), 4 * asked);
    let reported = || sums(&server, taken).values().sum::<u64>();
    until("all of it has arrived", || {
        machine.tick();
        reported() >= total(&verifier)
    })
    .await;
    assert_eq!(reported(), total(&verifier), "and nothing twice");
    let sums = sums(&server, taken);
    assert_eq!(sums[&(TOKEN.to_owned(), "\"accepted\"".to_owned())], asked);
    assert_eq!(sums[&("-".to_owned(), "\"malformed\"".to_owned())], asked);
}

#[tokio::test]
async fn reports_go_out_every_ten_seconds_where_there_is_something_to_say() {
    let server = Server::start(taking).await;
    let (verifier, machine, _) = connected(&server).await;
    let _ = verifier.verify(TOKEN);
    until("the first wait", || machine.waits() == 1).await;
    assert_eq!(reports(&server), 0, "none before the first ten seconds are over");
    machine.tick();
    until("a report", || reports(&server) == 1).await;
    until("the next wait", || machine.waits() == 2).await;
    machine.tick();
    until("one more wait", || machine.waits() == 3).await;
    assert_eq!(reports(&server), 1, "there was nothing to say");
}

#[tokio::test]
async fn the_last_report_is_sent_when_nobody_has_the_verifier_any_more() {
    let server = Server::start(taking).await;
    let (verifier, machine, _) = connected(&server).await;
    until("the first wait", || machine.waits() == 1).await;
    for _ in 0..3 {
        let _ = verifier.verify(TOKEN);
    }
    drop(verifier);
    until("the last report", || reports(&server) == 1).await;
    assert_eq!(sums(&server, |_| true)[&(TOKEN.to_owned(), "\"accepted\"".to_owned())], 3);
    until("no connection is left", || server.connections() == 0).await;
}

#[tokio::test]
async fn what_a_daemon_can_t_take_is_not_sent_again() {
    for status in ["400 Bad Request", "413 Content Too Large"] {
        let server = Server::start(move |asked: &Asked| match asked.is_report() {
            true => Reply::Raw(format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes()),
            false => taking(asked),
        })
        .await;
        let (verifier, machine, told) = connected(&server).await;
        let _ = verifier.verify(TOKEN);
        machine.tick();
        until("it is told", || has(&told, "took no report")).await;
        server.now(taking);
        let _ = verifier.verify(STRANGE);
        until("the next wait", || machine.waits() == 2).await;
        machine.tick();
        until("the next report", || reports(&server) == 2).await;
        let second = server.asked().into_iter().rfind(Asked::is_report).expect("a report");
        assert!(second.body.contains("unknown") && !second.body.contains("accepted"), "{}", second.body);
    }
}
