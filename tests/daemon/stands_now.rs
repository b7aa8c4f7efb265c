//! An order is about what stands now, and not about what the daemon that takes it saw last: on Secrets Manager, by a
//! daemon that looks so seldom that it has missed what others did.

use std::{fs, sync::Arc};

use crossfade_testing_secretsmanager::{
    faults::{Delay, Effect, Rule},
    log::Call,
    model::Operation,
};

use crate::{
    aws::{Aws, aws, current, replica},
    process::Daemon,
    world::{SECRET, World, until},
};

const FIRST: &str = "00000000-0000-4000-8000-000000000001";
const TOKEN: &str = "the-token-that-they-had-before";
const THEIRS: &str = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427";
const THEIR_TOKEN: &str = "another-token-that-they-have-made";
const ENDS: [&[&str]; 2] = [&["rotate", SECRET, "--compromised"], &["revoke", SECRET, "--all", "--yes"]];

/// A replica that looks every two minutes.
fn slow(aws: &Aws, n: usize) -> World {
    let world = replica(aws, n);
    let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
    let slow = config.replace("sync: 300ms", "sync: 2m").replace("freshness: 1s", "freshness: 10m");
    fs::write(world.path("config.yaml"), slow.replace("hold: 60s", "hold: 1h")).expect("a write");
    world
}

/// The daemon has adopted the secret, has read it once more, and looks away.
fn has_settled(aws: &Aws) {
    until("its look after the note", || {
        let calls = aws.server.calls();
        let noted = calls.iter().rposition(|call| call.operation == "UpdateSecretVersionStage")?;
        calls[noted..].iter().any(|call| call.operation == "DescribeSecret").then_some(())
    });
}

/// Whether a mark in the store ends it.
fn is_ended(aws: &Aws, version: &str) -> bool {
    let secret = aws.server.secret(SECRET).expect("the secret");
    let created = secret.versions().iter().find(|v| v.id == version).expect("the version").created_ms;
    let time =
        |label: &str| label.strip_prefix("crossfade-compromised-")?.split('-').next()?.parse::<u64>().ok();
    secret.labels().iter().any(|(label, on)| {
        let own = label.starts_with("crossfade-ended-") && on == version;
        own || time(label).is_some_and(|at| on == version || created < at * 1000)
    })
}

/// What was ordered is so: nothing of what stood before is accepted for longer than until its replacement.
fn all_are_ended(aws: &Aws, versions: &[&str], said: &str) {
    for version in versions {
        assert!(is_ended(aws, version), "done, and {version} is not ended: {said}");
        assert!(said.contains(version), "{version} was ended, and is not named: {said}");
    }
}

/// `revoke --all` has a new version made current; a daemon that begins anew believes no other one.
fn is_replaced(aws: &Aws, last: &str, tokens: &[&str]) {
    until("the replacement", || (current(aws) != last).then_some(()));
    let fresh = replica(aws, 7);
    let _daemon = fresh.start();
    let old: Vec<_> = tokens.iter().filter_map(|token| fresh.stage(token)).collect();
    assert!(old.is_empty(), "accepted after a restart: {old:?}");
}

#[test]
fn an_order_that_ends_all_ends_what_was_made_since_the_last_one_though_its_first_read_is_late() {
    for words in ENDS {
        let aws = aws();
        let world = slow(&aws, 0);
        let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
        fs::write(world.path("config.yaml"), config.replace("store_lag: 0s", "store_lag: 2s"))
            .expect("a write");
        let _daemon = world.start();
        has_settled(&aws);
        let before = aws.server.now_ms();
        world.ok(&["rotate", SECRET, "--compromised"]);
        let pending = until("its replacement", || {
            let calls = aws.server.calls();
            let put = calls.iter().rposition(|call| call.operation == "PutSecretValue")?;
            let read = calls[put..].iter().any(|call| call.operation == "DescribeSecret");
            let labels = aws.server.secret(SECRET).expect("the secret").labels().clone();
            labels.get("AWSPENDING").filter(|_| read).cloned()
        });
        let since = Delay::By(Arc::new(move |call: &Call| call.at_ms - before));
        aws.server.fault(Rule::once(Effect::LateRead(since)).on(Operation::DescribeSecret));
        let said = world.ok(words);
        all_are_ended(&aws, &[&pending], &said);
    }
}

#[test]
fn an_order_that_ends_all_right_after_a_put_by_hand_ends_what_was_put() {
    for words in ENDS {
        let aws = aws();
        let world = slow(&aws, 0);
        let daemon = world.start();
        has_settled(&aws);
        aws.server.person().put(SECRET, THEIRS, THEIR_TOKEN, &[]).expect("a put");
        let said = world.ok(words);
        all_are_ended(&aws, &[FIRST, THEIRS], &said);
        if words[0] == "revoke" {
            is_replaced(&aws, THEIRS, &[TOKEN, THEIR_TOKEN]);
        }
        drop(daemon);
    }
}

#[test]
fn an_order_that_ends_all_at_a_second_replica_right_after_a_promotion_ends_what_was_promoted() {
    for words in ENDS {
        let aws = aws();
        let (quick, slow) = (replica(&aws, 0), slow(&aws, 1));
        let daemons = [slow.start(), quick.start()];
        quick.ok(&["rotate", SECRET, "--wait"]);
        let (promoted, token) = (current(&aws), quick.token());
        let said = slow.ok(words);
        all_are_ended(&aws, &[FIRST, &promoted], &said);
        if words[0] == "revoke" {
            is_replaced(&aws, &promoted, &[TOKEN, &token]);
        }
        drop(daemons);
    }
}

#[test]
fn without_a_daemon_too_an_order_that_ends_all_on_a_late_read_ends_what_that_read_does_not_show() {
    for words in ENDS {
        let aws = aws();
        let world = replica(&aws, 0);
        world.ok(&["rotate", "--due"]);
        aws.server.person().put(SECRET, THEIRS, THEIR_TOKEN, &[]).expect("a put");
        let put = aws.server.now_ms();
        let before = Delay::By(std::sync::Arc::new(move |call| (call.at_ms + 1).saturating_sub(put)));
        aws.server.fault(Rule::once(Effect::LateRead(before)).on(Operation::DescribeSecret).times(2));
        let said = world.ok(words);
        for version in [FIRST, THEIRS] {
            assert!(is_ended(&aws, version), "{version}: {said}");
        }
    }
}

/// A daemon that has not seen yet that the first version was replaced.
fn behind() -> (Aws, World, String, [Daemon; 2]) {
    let aws = aws();
    let (quick, slow) = (replica(&aws, 0), slow(&aws, 1));
    let daemons = [slow.start(), quick.start()];
    quick.ok(&["rotate", SECRET, "--wait"]);
    let promoted = current(&aws);
    (aws, slow, promoted, daemons)
}

#[test]
fn a_rotation_that_is_ordered_at_a_daemon_that_is_behind_replaces_what_is_current_now() {
    let (aws, world, promoted, _daemons) = behind();
    let said = world.ok(&["rotate", SECRET]);
    let pending = until("the successor", || {
        aws.server.secret(SECRET).expect("the secret").labels().get("AWSPENDING").cloned()
    });
    assert!(pending != promoted && said.contains(&pending), "{said}");
}

#[test]
fn if_current_is_judged_by_what_is_current_now() {
    let (aws, world, promoted, _daemons) = behind();
    let said = world.ok(&["rotate", SECRET, "--if-current", FIRST]);
    assert!(said.contains("nothing to do") && said.contains(&promoted), "{said}");
    let labels = || aws.server.secret(SECRET).expect("the secret").labels().clone();
    assert!(!labels().contains_key("AWSPENDING"));
    let said = world.ok(&["rotate", SECRET, "--if-current", &promoted]);
    assert!(labels().contains_key("AWSPENDING"), "{said}");
}

#[test]
fn previous_versions_that_nobody_was_shown_are_named_first_and_ended_by_a_repeat() {
    let (aws, world, promoted, _daemons) = behind();
    let said = world.fails(1, &["revoke", SECRET, "--previous", "--yes"]);
    assert!(said.contains(&promoted), "what is current now: {said}");
    assert!(!is_ended(&aws, FIRST), "it was said that nothing was ended");
    let said = world.ok(&["revoke", SECRET, "--previous", "--yes"]);
    assert!(is_ended(&aws, FIRST) && said.contains(FIRST), "{said}");
    let said = world.ok(&["revoke", SECRET, "--previous", "--yes"]);
    assert!(said.contains("nothing to revoke"), "{said}");
}

#[test]
fn an_abort_takes_back_what_is_pending_now() {
    let aws = aws();
    let (one, other) = (slow(&aws, 0), slow(&aws, 1));
    let _daemons = [one.start(), other.start()];
    one.ok(&["rotate", SECRET]);
    let labels = || aws.server.secret(SECRET).expect("the secret").labels().clone();
    let pending = labels()["AWSPENDING"].clone();
    let said = other.ok(&["abort", SECRET]);
    assert!(said.contains(&pending), "{said}");
    assert!(!labels().contains_key("AWSPENDING"));
    assert!(one.fails(1, &["abort", SECRET]).contains("nothing to abort"), "it is gone by now");
}

#[test]
fn what_was_so_before_is_not_said_to_have_been_done() {
    let aws = aws();
    let world = replica(&aws, 0);
    let _daemon = world.start();
    let said = world.ok(&["resume", SECRET]);
    assert!(said.contains("was not paused"), "{said}");
    world.ok(&["pause", SECRET]);
    let said = world.ok(&["pause", SECRET]);
    assert!(said.contains("already"), "{said}");
}

#[test]
fn what_an_order_has_done_is_said_though_its_reply_was_lost() {
    for with_a_daemon in [true, false] {
        let aws = aws();
        let world = replica(&aws, 0);
        world.ok(&["rotate", "--due"]);
        let daemon = with_a_daemon.then(|| world.start());
        for (order, done) in [("pause", "paused; "), ("resume", "resumed; ")] {
            aws.server.fault(Rule::once(Effect::LostReply).on(Operation::UpdateSecretVersionStage));
            let said = world.ok(&[order, SECRET]);
            assert!(
                said.contains(&format!("{SECRET}: {done}")),
                "{order}, with a daemon: {with_a_daemon}: {said}"
            );
        }
        drop(daemon);
    }
}
