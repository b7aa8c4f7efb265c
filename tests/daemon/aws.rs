//! The real binary on Secrets Manager, as the strict fake plays it: several daemons, commands, kills.

use std::{sync::Arc, thread};

use crossfade_testing_secretsmanager::{
    Fake, Server,
    faults::{Delay, Effect, Failure, Rule},
    log::{Call, Outcome},
    model::Operation,
};

use crate::{
    process::Daemon,
    world::{AUDIENCE, SECRET, World, until},
};

pub(crate) const FIRST: &str = "00000000-0000-4000-8000-000000000001";
pub(crate) const TOKEN: &str = "the-token-that-they-had-before";

/// A secret that somebody has made, and the runtime that serves it.
pub(crate) struct Aws {
    pub(crate) server: Server,
    _runtime: tokio::runtime::Runtime,
}

pub(crate) fn aws() -> Aws {
    let aws = empty();
    aws.server.person().create(SECRET, FIRST, TOKEN).expect("a secret");
    aws
}

pub(crate) fn empty() -> Aws {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let server = runtime.block_on(Fake::start()).expect("a free port");
    Aws { server, _runtime: runtime }
}

pub(crate) fn replica(aws: &Aws, n: usize) -> World {
    let secrets = format!("  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 5s}}\n");
    World::on_aws(&aws.server.endpoint(), &format!("AKIDREPLICA{n}"), &secrets)
}

pub(crate) fn current(aws: &Aws) -> String {
    aws.server.secret(SECRET).expect("the secret").labels()["AWSCURRENT"].clone()
}

#[test]
fn a_secret_is_adopted_handed_out_verified_and_rotated() {
    let aws = aws();
    let world = replica(&aws, 0);
    let _daemon = world.start();
    assert_eq!(world.token(), TOKEN);
    assert_eq!(world.stage(TOKEN).as_deref(), Some("current"));
    let said = world.ok(&["rotate", SECRET, "--wait"]);
    assert!(said.contains("is current"), "{said}");
    let new = world.token();
    assert_ne!(current(&aws), FIRST);
    assert_eq!(world.stage(&new).as_deref(), Some("current"));
    assert_eq!(world.stage(TOKEN).as_deref(), Some("previous"), "it fades out");
    assert!(world.status()["versions"].as_array().is_some_and(|versions| versions.len() == 2));
}

#[test]
fn a_one_shot_run_does_a_daemon_s_work() {
    let aws = aws();
    let world = replica(&aws, 0);
    assert_eq!(world.token(), TOKEN, "read from the store");
    world.ok(&["rotate", SECRET, "--wait"]);
    let second = current(&aws);
    assert_ne!(second, FIRST);
    world.ok(&["rotate", "--due", "--wait"]);
    assert_eq!(current(&aws), second, "nothing is due");
}

#[test]
fn a_one_shot_run_gives_what_somebody_else_has_replaced_its_deadline() {
    let aws = aws();
    let world = replica(&aws, 0);
    world.ok(&["rotate", "--due"]);
    let id = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427";
    aws.server.person().put(SECRET, id, "another-token-that-they-made", &[]).expect("a put");
    world.ok(&["rotate", "--due"]);
    let labels = aws.server.secret(SECRET).expect("the secret").labels().clone();
    let noted = labels.iter().any(|(label, on)| label.starts_with("crossfade-until-") && on == FIRST);
    assert!(noted, "nobody else may come to look: {labels:?}");
}

#[test]
fn a_one_shot_run_whose_read_is_late_looks_again_and_goes_on_with_what_another_has_begun() {
    let aws = aws();
    let (one, other) = (replica(&aws, 0), replica(&aws, 1));
    one.ok(&["rotate", "--due"]);
    let ended = format!("crossfade-ended-{}-00000000", aws.server.now_ms() / 1000 - 100);
    aws.server.person().label(SECRET, &ended, Some(FIRST), None).expect("a mark");
    let marked = aws.server.now_ms();
    until("a replacement is begun", || {
        one.ok(&["rotate", "--due"]);
        aws.server.secret(SECRET).expect("the secret").labels().get("AWSPENDING").cloned()
    });
    let since = Delay::By(Arc::new(move |call: &Call| call.at_ms - marked));
    aws.server.fault(Rule::once(Effect::LateRead(since)).on(Operation::DescribeSecret));
    aws.server.clear_calls();
    other.ok(&["rotate", "--due", "--wait"]);
    let exists = |call: &Call| call.operation == "PutSecretValue" && call.answer != Outcome::Done;
    assert!(aws.server.calls().iter().any(exists), "it put what was there already");
    assert_ne!(current(&aws), FIRST, "and waited for the promotion all the same");
}

#[test]
fn without_a_daemon_revoke_all_ends_only_when_the_new_version_is_current() {
    let aws = aws();
    let world = replica(&aws, 0);
    world.ok(&["rotate", "--due"]);
    world.ok(&["revoke", SECRET, "--all", "--yes"]);
    assert_ne!(current(&aws), FIRST, "nobody else would have carried it through");
    assert_ne!(world.token(), TOKEN);
}

#[test]
fn three_daemons_and_two_commands_at_once_make_one_version_a_rotation() {
    let aws = aws();
    let worlds: Vec<World> = (0..3).map(|n| replica(&aws, n)).collect();
    let daemons: Vec<Daemon> = worlds.iter().map(World::start).collect();
    let rotations = if std::env::var_os("CROSSFADE_FULL").is_some() { 20 } else { 3 };
    for rotation in 0..rotations {
        until("there is room for the notes of one more", || {
            let labels = aws.server.secret(SECRET).expect("the secret").labels().len();
            (labels < 12).then_some(())
        });
        let before = current(&aws);
        thread::scope(|scope| {
            for world in [&worlds[0], &worlds[1]] {
                let (before, wait) = (&before, ["--wait", "--timeout", "30"]);
                scope.spawn(move || {
                    let order = ["rotate", SECRET, "--if-current", before, wait[0], wait[1], wait[2]];
                    world.ok(&order);
                });
            }
        });
        assert_ne!(current(&aws), before, "rotation {rotation}");
        let made = aws.server.secret(SECRET).expect("the secret").versions().len();
        assert_eq!(made, rotation + 2, "rotation {rotation}: one new version");
        let new = worlds[2].token();
        for world in &worlds {
            until("every daemon accepts the new one", || world.stage(&new));
        }
    }
    drop(daemons);
}

#[test]
fn a_daemon_that_is_killed_in_the_middle_is_made_up_for_by_another() {
    let aws = aws();
    let (one, other) = (replica(&aws, 0), replica(&aws, 1));
    for kill_after in 1..6 {
        let before = current(&aws);
        let daemon = one.start();
        one.ok(&["rotate", SECRET]);
        let made = aws.server.calls_made();
        until("so many calls more", || (aws.server.calls_made() >= made + kill_after).then_some(()));
        daemon.signal("-KILL");
        drop(daemon);
        let _daemon = other.start();
        until("the rotation ends", || (current(&aws) != before).then_some(()));
        until("and nothing is left pending", || {
            let secret = aws.server.secret(SECRET).expect("the secret");
            (!secret.labels().contains_key("AWSPENDING")).then_some(())
        });
        let new = other.token();
        assert_eq!(other.stage(&new).as_deref(), Some("current"), "killed after {kill_after} calls");
    }
}

#[test]
fn a_dead_endpoint_is_said_at_the_start_and_in_status() {
    let world = World::on_aws(
        "http://127.0.0.1:9",
        "AKIDNOBODY",
        &format!("  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}}}\n"),
    );
    let daemon = Daemon::start(world.command("serve").arg("--log-format").arg("text"));
    until("it says so", || daemon.log().contains("AWS can't be reached").then_some(()));
    assert!(world.ok(&["status", SECRET]).contains("AWS can't be reached"), "and so does `status`");
}

#[test]
fn a_secret_that_is_not_there_is_said_once_to_be_parked() {
    let aws = empty();
    let world = replica(&aws, 0);
    let daemon = Daemon::start(world.command("serve").arg("--log-format").arg("text"));
    until("it has looked again and again", || (aws.server.calls_made() >= 4).then_some(()));
    assert_eq!(daemon.log().matches("parked: ").count(), 1, "one line for an alarm");
}

#[test]
fn what_cannot_be_read_is_not_said_to_have_nothing_to_revoke() {
    let aws = aws();
    let world = replica(&aws, 0);
    world.ok(&["rotate", SECRET, "--wait"]);
    let denied = Effect::FailBefore(Failure::AccessDenied);
    aws.server.fault(Rule::once(denied).on(Operation::DescribeSecret).always());
    let said = world.fails(3, &["revoke", SECRET, "--previous", "--yes"]);
    assert!(said.contains("not authorized") && said.contains("docs/operations.md"), "{said}");
}

#[test]
fn a_pause_that_something_takes_off_is_told_and_one_that_was_lifted_by_an_order_is_not() {
    let aws = aws();
    let world = replica(&aws, 0);
    let daemon = world.start();
    let paused = || {
        let labels = aws.server.secret(SECRET).expect("the secret").labels().clone();
        labels.into_iter().find(|(label, _)| label.starts_with("crossfade-paused-"))
    };
    let seen = |is: bool| until("it is seen", || ((world.status()["phase"] == "paused") == is).then_some(()));
    let told = || daemon.log().matches("the pause is gone").count();
    for order in [&["resume", SECRET][..], &["rotate", SECRET, "--wait"]] {
        world.ok(&["pause", SECRET]);
        seen(true);
        world.ok(order);
        seen(false);
    }
    world.ok(&["pause", SECRET]);
    seen(true);
    // Terraform's `version_stages` takes off each label that it does not know.
    let (label, version) = paused().expect("a label");
    aws.server.person().label(SECRET, &label, None, Some(&version)).expect("it is off");
    until("it is told", || (told() > 0).then_some(()));
    let made = aws.server.calls_made();
    until("it has looked again", || (aws.server.calls_made() > made + 4).then_some(()));
    assert_eq!(told(), 1, "once, and not of what was ordered: {}", daemon.log());
    assert!(daemon.log().contains("WARN the pause is gone"), "{}", daemon.log());
}
