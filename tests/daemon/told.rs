//! What is told of an order afterwards: by the audit log, the log, the metrics and the exit code.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crossfade_testing_fleet::process::{as_root, call};
use crossfade_testing_secretsmanager::{
    faults::{Effect, Failure, Rule},
    model::Operation,
};
use serde_json::Value;

use crate::{
    aws::{aws, empty, replica},
    world::{AUDIENCE, SECRET, World, until},
};

fn audit(world: &World) -> Vec<Value> {
    let log = fs::read_to_string(world.path("data/audit.jsonl")).expect("a log");
    log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What the orders in the log were, each with what came of it.
fn orders(world: &World) -> Vec<(String, Value)> {
    let orders = audit(world).into_iter().filter(|entry| entry["action"] == "order");
    orders.map(|entry| (entry["detail"].as_str().unwrap_or_default().to_owned(), entry)).collect()
}

#[test]
fn the_audit_log_says_what_was_ordered_and_names_the_version_that_was_made() {
    let world = World::new("60s");
    let _daemon = world.start();
    let first = world.current();
    world.ok(&["rotate", SECRET, "--wait"]);
    let second = world.current();
    world.ok(&["revoke", SECRET, "--previous", "--yes"]);
    world.ok(&["rotate", SECRET, "--compromised", "--wait"]);
    world.ok(&["revoke", SECRET, "--all", "--yes"]);
    world.fails(1, &["revoke", SECRET, "--version", &first, "--yes"]);
    let ordered: Vec<_> = orders(&world).into_iter().map(|(detail, _)| detail).collect();
    for (what, named) in [
        ("rotate: done", &*second),
        ("revoke --previous", &*first),
        ("rotate --compromised: done; ended", &*second),
        ("revoke --all: done; ended", ""),
        ("revoke --version", "not in the store"),
    ] {
        let fits = |detail: &String| detail.starts_with(what) && detail.contains(named);
        assert!(ordered.iter().any(fits), "{what} {named}: {ordered:#?}");
    }
    let staged = audit(&world).into_iter().find(|entry| entry["action"] == "staged").expect("a rotation");
    assert_eq!(staged["version"], second, "what was made, and not what it follows: {staged}");
    assert!(staged["detail"].as_str().is_some_and(|detail| detail.contains(&first)), "{staged}");
}

#[test]
fn without_a_daemon_an_order_is_written_down_as_what_it_was() {
    let world = World::new("60s");
    drop(world.start());
    world.ok(&["rotate", SECRET, "--compromised"]);
    world.fails(1, &["revoke", SECRET, "--version", "00000000-0000-4000-8000-000000000009", "--yes"]);
    let orders = orders(&world);
    let find = |what: &str| orders.iter().find(|(detail, _)| detail.starts_with(what)).expect(what).1.clone();
    assert_eq!(find("rotate --compromised: done")["outcome"], "done");
    let refused = find("revoke --version");
    assert_eq!(refused["outcome"], "refused");
    assert!(refused["actor"].as_str().is_some_and(|actor| actor.starts_with("uid:")), "{refused}");
}

/// Asks on the admin socket as another user; what the daemon answers. None: this machine lets us be nobody else.
fn asked_as_nobody(world: &World) -> Option<String> {
    for (path, mode) in [("", 0o755), ("data", 0o711), ("data/crossfade.sock", 0o666)] {
        fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).expect("it is ours");
    }
    let ask = "import os, socket, sys; os.setgid(65534); os.setuid(65534); \
               s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); \
               s.sendall(b'POST /v1/admin/secrets/x/pause HTTP/1.0\\r\\n\\r\\n'); print(s.recv(4096))";
    let mut command = as_root("python3");
    let output = command.args(["-c", ask]).arg(world.path("data/crossfade.sock")).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_call_by_another_user_is_refused_written_down_and_logged() {
    let world = World::new("4s");
    let daemon = world.start();
    let Some(answer) = asked_as_nobody(&world) else {
        println!("not run: nobody else can be asked for on this machine (python3, sudo)");
        return;
    };
    assert!(answer.contains("403"), "{answer}");
    let (detail, entry) = orders(&world).pop().expect("an entry");
    assert!(detail.contains("POST /v1/admin/secrets/x/pause"), "{detail}");
    assert_eq!((entry["outcome"].as_str(), entry["peer"].as_str()), (Some("refused"), Some("uid:65534")));
    until("the log says so", || daemon.log().contains("uid:65534").then_some(()));
}

#[test]
fn an_order_that_is_no_order_is_written_down_too() {
    let world = World::new("4s");
    let _daemon = world.start();
    let request = format!(
        "POST /v1/admin/secrets/{}/rotate HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{{\"all\": 1",
        SECRET.replace('/', "%2F")
    );
    let mut socket =
        std::os::unix::net::UnixStream::connect(world.path("data/crossfade.sock")).expect("a daemon");
    std::io::Write::write_all(&mut socket, request.as_bytes()).expect("a write");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut socket, &mut answer).expect("an answer");
    assert!(answer.contains(" 400 "), "{answer}");
    let (detail, entry) = orders(&world).pop().expect("an entry");
    assert!(detail.starts_with("rotate: ") && entry["outcome"] == "refused", "{entry}");
}

#[test]
fn a_rotation_that_the_store_refuses_fails_under_its_own_trigger_is_parked_aloud_and_exits_with_1() {
    let aws = aws();
    let world = replica(&aws, 0);
    let daemon = world.start();
    let denied = Rule::once(Effect::FailBefore(Failure::AccessDenied)).on(Operation::PutSecretValue);
    aws.server.fault(denied.always());
    let said = world.fails(1, &["rotate", SECRET]);
    assert!(said.contains("AccessDenied") && !said.contains("not known"), "{said}");
    assert!(daemon.log().contains("parked: "), "{}", daemon.log());
    let metrics = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
    let failed = |trigger: &str| {
        format!("crossfade_rotations_total{{outcome=\"failed\",secret=\"{SECRET}\",trigger=\"{trigger}\"}}")
    };
    for (trigger, count) in [("manual", 1), ("schedule", 0)] {
        let line = format!("{} {count}", failed(trigger));
        assert!(metrics.lines().any(|found| found == line), "{line}");
    }
}

#[test]
fn a_value_that_has_no_room_for_a_token_refuses_the_rotation_for_certain() {
    let aws = empty();
    let value =
        |padding: usize| format!("{{\"token\":\"short-old-token-1\",\"x\":\"{}\"}}", "a".repeat(padding));
    let value = value(65_536 - value(0).len());
    let first = "00000000-0000-4000-8000-000000000001";
    aws.server.person().create(SECRET, first, &value).expect("a secret");
    let secrets =
        format!("  - {{name: {SECRET}, client_id: b, audience: {AUDIENCE}, grace: 5s, format: json}}\n");
    let world = World::on_aws(&aws.server.endpoint(), "AKIDREPLICA0", &secrets);
    let said = world.fails(1, &["rotate", SECRET]);
    assert!(said.contains("65536") && !said.contains("not known"), "{said}");
}
