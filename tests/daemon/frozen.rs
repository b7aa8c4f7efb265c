//! A daemon that was stopped and goes on: it was cut off from the store, and does not know it.

use std::{
    thread,
    time::{Duration, Instant},
};

use crossfade_testing_secretsmanager::{
    faults::{Effect, Rule},
    model::Operation,
};

use crate::{
    aws::{TOKEN, aws, replica},
    world::{SECRET, until},
};

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
