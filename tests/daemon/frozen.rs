//! A daemon that was stopped and goes on: it was cut off from the store, and does not know it.

use std::{
    thread,
    time::{Duration, Instant},
};

use crossfade_testing_fleet::process::{Answer, call};
use crossfade_testing_secretsmanager::{
    faults::{Effect, Rule},
    model::Operation,
};

use crate::{
    aws::{TOKEN, aws, replica},
    world::{SECRET, VERIFIER, until},
};

const SET: &str = "/v1/accept-set?audience=https%3A%2F%2Fmcp.example.com%2Fslack";

/// freshness + sync, of the tests' config.
const ACCEPT_WITHIN: Duration = Duration::from_millis(1_300);

#[test]
fn a_daemon_that_was_frozen_reads_before_it_accepts() {
    let aws = aws();
    let (frozen, other) = (replica(&aws, 0), replica(&aws, 1));
    let (daemon, _other) = (frozen.start(), other.start());
    assert_eq!(frozen.stage(TOKEN).as_deref(), Some("current"));
    daemon.signal("-STOP");
    let since = Instant::now();
    other.ok(&["revoke", SECRET, "--all", "--yes"]);
    until("the token is over, and the view is old", || {
        (other.stage(TOKEN).is_none() && since.elapsed() > ACCEPT_WITHIN).then_some(())
    });
    // Its first read fails, so that only whoever waits for the next one can know.
    let lost = Rule::once(Effect::LostRequest).on(Operation::DescribeSecret).by("AKIDREPLICA0");
    aws.server.fault(lost);
    let answer = thread::scope(|scope| {
        let asked = scope.spawn(|| frozen.introspect(TOKEN));
        daemon.signal("-CONT");
        asked.join().expect("an answer")
    });
    assert!(answer.status == 503 || answer.json()["active"] == false, "it is ended: {answer:?}");
    assert_eq!(frozen.stage(TOKEN), None);
}

#[test]
fn a_verifier_that_asks_for_a_request_s_sake_is_not_answered_from_before_a_freeze() {
    let aws = aws();
    let (frozen, other) = (replica(&aws, 0), replica(&aws, 1));
    let (daemon, _other) = (frozen.start(), other.start());
    assert_eq!(frozen.stage(TOKEN).as_deref(), Some("current"));
    let credential = format!("Bearer {VERIFIER}");
    let asked = |more: &[(&str, &str)]| {
        let headers = [&[("Authorization", &*credential)], more].concat();
        call(frozen.listen, "GET", SET, &headers, "").expect("an answer")
    };
    let has_two = |answer: &Answer| answer.json()["entries"].as_array().map(Vec::len) == Some(2);
    assert!(!has_two(&asked(&[])));
    daemon.signal("-STOP");
    let since = Instant::now();
    other.ok(&["rotate", SECRET, "--wait"]);
    until("its view is old", || (since.elapsed() > ACCEPT_WITHIN).then_some(()));
    // Its first read fails, so that only whoever waits for the next one can know.
    aws.server.fault(Rule::once(Effect::LostRequest).on(Operation::DescribeSecret).by("AKIDREPLICA0"));
    let answer = thread::scope(|scope| {
        let asked = scope.spawn(|| asked(&[("Cache-Control", "max-age=0, No-Cache")]));
        daemon.signal("-CONT");
        asked.join().expect("an answer")
    });
    assert!(has_two(&answer), "the other daemon has made a new version: {answer:?}");
}

#[test]
fn where_the_store_is_out_of_reach_what_is_known_is_accepted_all_the_same() {
    let aws = aws();
    let world = replica(&aws, 0);
    let _daemon = world.start();
    assert_eq!(world.stage(TOKEN).as_deref(), Some("current"));
    let since = Instant::now();
    aws.server.fault(Rule::once(Effect::LostRequest).always());
    until("its view is old", || (since.elapsed() > 2 * ACCEPT_WITHIN).then_some(()));
    for _ in 0..20 {
        let answer = world.introspect(TOKEN);
        assert!(answer.status == 200 && answer.json()["active"] == true, "`hold` is 60s: {answer:?}");
    }
}
