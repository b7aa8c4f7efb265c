//! What a person orders, and what is refused.

use crate::world::{AUDIENCE, SECRET, World, until};

#[test]
fn abort_takes_the_pending_version_back() {
    let world = World::new("4s");
    let _daemon = world.start();
    let before = world.current();
    assert!(world.fails(1, &["abort", SECRET]).contains("nothing to abort"));
    world.ok(&["rotate", SECRET]);
    world.ok(&["abort", SECRET]);
    assert_eq!(world.status()["versions"].as_array().map(Vec::len), Some(1));
    world.ok(&["rotate", SECRET, "--wait"]);
    assert_ne!(world.current(), before, "a new rotation goes on as ever");
}

#[test]
fn pause_holds_the_schedule_and_rotate_lifts_it() {
    let world = World::new("4s");
    let _daemon = world.start();
    world.ok(&["pause", SECRET]);
    assert_eq!(world.status()["phase"], "paused");
    world.ok(&["resume", SECRET]);
    assert_eq!(world.status()["phase"], "idle");
    world.ok(&["pause", SECRET]);
    let before = world.current();
    world.ok(&["rotate", SECRET, "--wait"]);
    assert_ne!(world.current(), before);
    assert_ne!(world.status()["phase"], "paused");
}

#[test]
fn rotate_if_current_is_safe_to_repeat() {
    let world = World::new("4s");
    let _daemon = world.start();
    let first = world.current();
    world.ok(&["rotate", SECRET, "--if-current", &first, "--wait"]);
    let second = world.current();
    let said = world.ok(&["rotate", SECRET, "--if-current", &first, "--wait"]);
    assert!(said.contains("nothing to do"), "{said}");
    assert_eq!(world.current(), second);
}

#[test]
fn a_compromised_rotation_ends_everything_and_refuses_nobody_before_its_time() {
    let world = World::new("60s");
    let _daemon = world.start();
    let oldest = world.token();
    world.ok(&["rotate", SECRET, "--wait"]);
    let old = world.token();
    let said = world.ok(&["rotate", SECRET, "--compromised"]);
    assert!(said.contains("marked as ended"), "{said}");
    assert_eq!(world.stage(&oldest), None, "the previous version ends at once");
    let pending = until("the replacement", || {
        let status = world.status();
        (status["versions"][1]["stage"] == "pending").then(|| status["versions"][1]["version"].clone())
    });
    assert!(world.fails(1, &["abort", SECRET]).contains("marked as ended"));
    until("the replacement is current", || (world.current() == pending).then_some(()));
    until("the leaked token's end", || world.stage(&old).is_none().then_some(()));
    assert_eq!(world.stage(&world.token()).as_deref(), Some("current"));
}

#[test]
fn revoke_ends_what_it_names_at_once() {
    let world = World::new("60s");
    let _daemon = world.start();
    let mut tokens = vec![world.token()];
    let mut versions = vec![world.current()];
    for _ in 0..3 {
        world.ok(&["rotate", SECRET, "--wait"]);
        tokens.push(world.token());
        versions.push(world.current());
    }
    assert!(world.fails(2, &["revoke", SECRET, "--previous"]).contains("--yes"), "nobody can be asked");
    assert!(world.fails(1, &["revoke", SECRET, "--version", &versions[3], "--yes"]).contains("is current"));
    world.ok(&["revoke", SECRET, "--version", &versions[0], "--yes"]);
    assert_eq!(world.stage(&tokens[0]), None);
    assert_eq!(world.stage(&tokens[1]).as_deref(), Some("previous"));
    world.ok(&["revoke", SECRET, "--previous", "--yes"]);
    assert_eq!((world.stage(&tokens[1]), world.stage(&tokens[2])), (None, None));
    assert_eq!(world.stage(&tokens[3]).as_deref(), Some("current"));
    world.ok(&["revoke", SECRET, "--all", "--yes", "--wait"]);
    until("the end of all", || world.stage(&tokens[3]).is_none().then_some(()));
    assert_eq!(world.stage(&world.token()).as_deref(), Some("current"));
    assert!(world.ok(&["revoke", SECRET, "--previous", "--yes"]).contains("nothing to revoke"));
}

#[test]
fn a_dry_run_shows_the_steps_and_changes_nothing() {
    let world = World::new("4s");
    let _daemon = world.start();
    let before = world.status()["versions"].clone();
    let said = world.ok(&["rotate", SECRET, "--dry-run"]);
    for step in ["stage", "promote", "retire"] {
        assert!(said.contains(step), "{said}");
    }
    assert_eq!(world.status()["versions"], before);
}

#[test]
fn wrong_usage_exits_with_2_and_what_is_refused_with_1() {
    let world = World::new("4s");
    let _daemon = world.start();
    assert!(world.fails(1, &["rotate", "nobody"]).contains("nobody"));
    assert!(world.fails(1, &["token", "nobody"]).contains("nobody"));
    world.fails(2, &["rotate"]);
    world.fails(2, &["revoke", SECRET]);
    world.fails(2, &["rotate", SECRET, "--if-current", "x"]);
    world.fails(2, &["verify", "--audience", "https://nobody.example.com"]);
    assert!(world.fails(2, &["check", "-c", "missing.yaml"]).contains("config.example.yaml"));
}

#[test]
fn verify_says_what_the_endpoint_would() {
    let world = World::new("4s");
    let _daemon = world.start();
    let verify = |token: &str| {
        let mut command = world.command("verify");
        command.args(["--audience", crate::world::AUDIENCE]).stdin(std::process::Stdio::piped());
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().expect("it starts");
        std::io::Write::write_all(&mut child.stdin.take().expect("stdin"), token.as_bytes())
            .expect("a write");
        let output = child.wait_with_output().expect("its end");
        let body: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), body["reason"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(verify(&format!("{}\n", world.token())), (Some(0), "accepted".to_owned()));
    assert_eq!(verify("a-token-that-nobody-knows"), (Some(1), "unknown".to_owned()));
    assert_eq!(verify(""), (Some(1), "malformed".to_owned()));
}

#[test]
fn a_credential_that_was_made_can_be_used() {
    let world = World::new("4s");
    let said = world.ok(&["credential"]);
    let hash = said.split('"').nth(1).expect("a hash");
    let credential = said.split_whitespace().find(|word| word.starts_with("cfc_")).expect("a credential");
    let secret = format!(
        "  - {{name: {SECRET}, client_id: b, audience: \"{}\", grace: 4s}}\n",
        crate::world::AUDIENCE
    );
    world.write_config(
        &secret,
        &format!("  - {{id: new, role: bot, secrets: [{SECRET}], credential_sha256: {hash}}}\n"),
    );
    let _daemon = world.start();
    let bearer = format!("Bearer {credential}");
    let answer = crate::process::call(
        world.listen,
        "GET",
        &format!("/v1/token?secret={SECRET}"),
        &[("Authorization", &bearer)],
        "",
    );
    assert_eq!(answer.expect("an answer").json()["token"], world.token());
}

#[test]
fn the_audit_log_holds_and_a_changed_line_is_found() {
    let world = World::new("4s");
    {
        let _daemon = world.start();
        world.ok(&["rotate", SECRET, "--wait"]);
        world.token();
    }
    let path = world.path("data/audit.jsonl");
    assert!(world.ok(&["audit", "verify", "data/audit.jsonl"]).contains("the chain holds"));
    let log = std::fs::read_to_string(&path).expect("a log");
    for action in ["created", "staged", "promoted", "token_handed_out", "order"] {
        assert!(log.contains(&format!("\"action\":\"{action}\"")), "{action} is missing in {log}");
    }
    std::fs::write(&path, log.replacen("promoted", "retired", 1)).expect("a write");
    assert!(world.fails(1, &["audit", "verify", "data/audit.jsonl"]).contains("edited"));
}

#[test]
fn each_rotation_is_counted_by_what_began_it() {
    let world = World::new("60s");
    let _daemon = world.start();
    world.ok(&["rotate", SECRET, "--wait"]);
    world.ok(&["rotate", SECRET, "--compromised", "--wait"]);
    let leaked = world.current();
    world.ok(&["revoke", SECRET, "--all", "--yes"]);
    // Until then a rotation that is ordered is that one.
    until("it is replaced", || (world.current() != leaked).then_some(()));
    let mut late = 0;
    until("an abort before the promotion", || {
        world.ok(&["rotate", SECRET]);
        let aborted = world.run(&["abort", SECRET]).status.success();
        late += u32::from(!aborted);
        aborted.then_some(())
    });
    for (trigger, outcome, count) in [
        ("manual", "done", 1 + late),
        ("compromised", "done", 1),
        ("revoke", "done", 1),
        ("manual", "aborted", 1),
    ] {
        let line = format!(
            "crossfade_rotations_total{{outcome=\"{outcome}\",secret=\"{SECRET}\",trigger=\"{trigger}\"}} {count}"
        );
        until(&line, || {
            let text = crate::process::call(world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
            text.lines().any(|found| found == line).then_some(())
        });
    }
}

#[test]
fn an_ended_pending_version_is_not_told_as_the_one_that_comes_next() {
    for with_a_daemon in [true, false] {
        let world = World::with_secrets(&format!(
            "  - {{name: {SECRET}, client_id: slack-bot, audience: {AUDIENCE}, grace: 30m, soak: 4s}}\n"
        ));
        world.ok(&["rotate", "--due"]);
        let daemon = with_a_daemon.then(|| world.start());
        world.ok(&["rotate", SECRET]);
        let pending =
            world.status()["versions"][1]["version"].as_str().expect("a pending version").to_owned();
        let said = world.ok(&["rotate", SECRET, "--compromised", "--wait"]);
        let is_ended = |line: &str| line.contains("marked as ended") && line.contains(&pending);
        assert!(said.lines().any(is_ended), "{said}");
        let next = |line: &str| line.contains(&pending) && !line.contains("marked as ended");
        assert!(!said.lines().any(next), "it is ended, and never promoted: {said}");
        assert_ne!(world.current(), pending);
        drop(daemon);
    }
}
