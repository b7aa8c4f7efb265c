//! The real binary while one value can't be read: it answers what it knows, and carries orders out.

use crossfade_testing_secretsmanager::{
    faults::{Effect, Failure, Rule},
    model::Operation,
};

use crate::{
    aws::{Aws, FIRST, TOKEN, aws, current, empty, replica},
    process::{Daemon, call},
    world::{AUDIENCE, SECRET, VERIFIER, World, until},
};

const SET: &str = "/v1/accept-set?audience=https%3A%2F%2Fmcp.example.com%2Fslack";

/// A secret that was rotated once, and whose previous value nobody can read any more.
fn dark() -> (Aws, World) {
    let aws = aws();
    let world = replica(&aws, 0);
    world.ok(&["rotate", SECRET, "--wait"]);
    darken(&aws, FIRST);
    (aws, world)
}

fn darken(aws: &Aws, version: &str) {
    let denied = Effect::FailBefore(Failure::KeyAccessDenied);
    let rule = Rule::once(denied).on(Operation::GetSecretValue).version(version);
    aws.server.fault(rule.always());
}

fn accept_set(world: &World) -> u16 {
    let asked = call(world.listen, "GET", SET, &[("Authorization", &format!("Bearer {VERIFIER}"))], "");
    asked.expect("an answer").status
}

#[test]
fn a_cold_daemon_answers_for_the_current_token_and_sends_no_accept_set() {
    let (aws, world) = dark();
    let new = world.token();
    let _daemon = world.start();
    assert_eq!(world.stage(&new).as_deref(), Some("current"));
    for unknown in [TOKEN, "a-token-that-nobody-has-made"] {
        assert_eq!(world.introspect(unknown).status, 503, "neither accepted nor refused");
    }
    assert_eq!(accept_set(&world), 503);
    let said = world.ok(&["status", SECRET]);
    assert!(said.contains("can't be read") && said.contains("KMS"), "{said}");
    aws.server.clear_faults();
    until("all is read", || (accept_set(&world) == 200).then_some(()));
    assert_eq!(world.introspect("a-token-that-nobody-has-made").status, 200);
}

#[test]
fn orders_are_carried_out_at_a_daemon_and_without_one() {
    for with_daemon in [true, false] {
        for order in [
            &["revoke", SECRET, "--previous", "--yes"][..],
            &["revoke", SECRET, "--all", "--yes"],
            &["rotate", SECRET, "--compromised"],
            &["rotate", SECRET, "--wait"],
            &["rotate", "--due"],
            &["pause", SECRET],
            &["token", SECRET],
        ] {
            let (aws, world) = dark();
            let second = current(&aws);
            let _daemon: Option<Daemon> = with_daemon.then(|| world.start());
            if order[1] == "--due" && with_daemon {
                continue;
            }
            world.ok(order);
            let labels = aws.server.secret(SECRET).expect("the secret").labels().clone();
            let noted =
                |kind: &str| labels.keys().any(|label| label.starts_with(&format!("crossfade-{kind}")));
            match order {
                ["revoke", _, "--previous", ..] => assert!(noted("ended"), "{labels:?}"),
                ["rotate", _, "--compromised"] => assert!(noted("compromised"), "{labels:?}"),
                ["rotate", _, "--wait"] | ["revoke", _, "--all", ..] => {
                    until("a new version", || (current(&aws) != second).then_some(()));
                }
                _ => {}
            }
        }
    }
}

#[test]
fn the_current_token_is_replaced_though_it_cannot_be_read() {
    let aws = aws();
    let world = replica(&aws, 0);
    world.ok(&["rotate", "--due"]);
    darken(&aws, FIRST);
    let _daemon = world.start();
    let said = world.run(&["status", SECRET]);
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.code() == Some(1) && text.contains("parked") && text.contains("KMS"), "{text}");
    world.ok(&["rotate", SECRET, "--compromised", "--wait"]);
    assert_ne!(current(&aws), FIRST);
    assert_eq!(world.stage(&world.token()).as_deref(), Some("current"));
}

#[test]
fn a_json_value_that_cannot_be_read_is_named_as_what_a_replacement_waits_for() {
    let aws = empty();
    let world = replica(&aws, 0);
    let entry = format!(
        "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 5s, format: json}}\n"
    );
    world.write_config(&entry, "");
    aws.server
        .person()
        .create(SECRET, FIRST, &format!(r#"{{"token":"{TOKEN}","user":"bot"}}"#))
        .expect("a secret");
    for with_a_daemon in [true, false] {
        darken(&aws, FIRST);
        let daemon = with_a_daemon.then(|| Daemon::start(&mut world.command("serve")));
        let waits = "no new version can be made until it can be read";
        let shown = || String::from_utf8_lossy(&world.run(&["status", SECRET]).stdout).into_owned();
        let whose = if with_a_daemon { "as seen by this daemon" } else { "without a daemon" };
        until("`status` says so", || {
            let shown = shown();
            (shown.contains(waits) && shown.contains(whose)).then_some(())
        });
        let output = world.run(&["revoke", SECRET, "--all", "--yes"]);
        let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "with a daemon: {with_a_daemon}: {said}\n{why}");
        assert!(why.contains(waits) && why.contains("KMS"), "{said}\n{why}");
        assert!(!said.contains("replacement is made"), "{said}\n{why}");
        drop(daemon);
        aws.server.clear_faults();
    }
}
