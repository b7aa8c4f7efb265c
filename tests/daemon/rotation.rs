//! A rotation, from the bot's and the verifier's side.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::world::{AUDIENCE, SECRET, World, until};

#[test]
fn a_rotated_token_fades_out_while_the_new_one_fades_in() {
    let world = World::new("4s");
    let _daemon = world.start();
    let old = world.token();
    let body = world.introspect(&old).json();
    assert_eq!((&body["active"], &body["stage"]), (&true.into(), &"current".into()));
    assert_eq!((&body["client_id"], &body["sub"]), (&"slack-bot".into(), &"slack-bot".into()));
    assert_eq!((&body["aud"], &body["scope"]), (&AUDIENCE.into(), &"slack:search".into()));
    assert!(body["exp"].as_u64() > body["iat"].as_u64());

    // Somebody uses the old token all the while.
    let stop = Arc::new(AtomicBool::new(false));
    let rotated = thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let answer = world.introspect(&old);
                assert!(answer.status == 503 || answer.json()["active"] == true, "refused: {answer:?}");
            }
        });
        let rotated = world.ok(&["rotate", SECRET, "--wait"]);
        stop.store(true, Ordering::Relaxed);
        rotated
    });
    assert!(rotated.contains("is current") && rotated.contains("accepted until"), "{rotated}");

    let new = world.token();
    assert_ne!(old, new);
    assert_eq!(world.stage(&new).as_deref(), Some("current"));
    assert_eq!(world.stage(&old).as_deref(), Some("previous"));
    let status = world.status();
    let (now, deadline) = (status["now_ms"].as_u64(), status["versions"][1]["deadline_ms"].as_u64());
    assert!(deadline > now, "{status}");
    until("the old token's end", || world.stage(&old).is_none().then_some(()));
    let status = world.status();
    assert!(status["now_ms"].as_u64() >= deadline, "ended before its deadline: {status}");
    assert_eq!(world.stage(&new).as_deref(), Some("current"));
}

#[test]
fn three_overlapping_rotations_leave_each_token_its_own_deadline() {
    let world = World::new("8s");
    let _daemon = world.start();
    let mut tokens = vec![world.token()];
    for _ in 0..3 {
        world.ok(&["rotate", SECRET, "--wait"]);
        tokens.push(world.token());
    }
    let stages: Vec<_> = tokens.iter().map(|token| world.stage(token).unwrap_or_default()).collect();
    assert_eq!(stages, ["previous", "previous", "previous", "current"]);
    let deadlines: Vec<u64> = world.status()["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|version| version["deadline_ms"].as_u64())
        .collect();
    assert!(deadlines.len() == 3 && deadlines.windows(2).all(|pair| pair[0] > pair[1]), "{deadlines:?}");
    for n in 0..3 {
        until("its end", || world.stage(&tokens[n]).is_none().then_some(()));
        let now = world.status()["now_ms"].as_u64().unwrap_or_default();
        assert!(now >= deadlines[2 - n], "token {n} ended early");
    }
    assert_eq!(world.stage(&tokens[3]).as_deref(), Some("current"));
}

#[test]
fn a_schedule_rotates_by_itself_and_nobody_is_refused() {
    let secret =
        format!("  - {{name: {SECRET}, client_id: b, audience: \"{AUDIENCE}\", grace: 6s, every: 3s}}\n");
    let world = World::with_secrets(&secret);
    let _daemon = world.start();
    let mut seen = vec![world.token()];
    while seen.len() < 4 {
        let token = world.token();
        assert!(world.stage(&token).is_some(), "a token that was just read was refused");
        if !seen.contains(&token) {
            seen.push(token);
        }
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn secrets_that_are_due_in_the_same_second_all_rotate() {
    let full = std::env::var_os("CROSSFADE_FULL").is_some();
    let count = if full { 1_000 } else { 40 };
    let one = |n| {
        format!(
            "  - {{name: s{n}, client_id: b, audience: \"{AUDIENCE}\", grace: 5s, schedule: '*/30 * * * * *'}}\n"
        )
    };
    let secrets: String = (0..count).map(one).collect();
    let bot = "secrets: [mcp/slack-bot-token]";
    let world = World::with_secrets(&secrets);
    let config = std::fs::read_to_string(world.path("config.yaml")).expect("the config");
    std::fs::write(world.path("config.yaml"), config.replace(bot, "secrets: [s0]")).expect("a write");
    let _daemon = world.start();
    let versions = || -> Option<Vec<String>> {
        let output = world.run(&["status", "-o", "json"]);
        let all: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let current =
            |secret: &serde_json::Value| Some(secret["versions"][0]["version"].as_str()?.to_owned());
        all.as_array()?.iter().map(current).collect()
    };
    let before = until("the first versions", versions);
    assert_eq!(before.len(), count);
    until("every secret's rotation", || {
        let now = versions()?;
        now.iter().zip(&before).all(|(now, before)| now != before).then_some(())
    });
}

#[test]
fn without_a_daemon_commands_work_on_the_store_and_say_so() {
    let world = World::new("4s");
    // There is no secret yet: a rotation makes it, and then has nothing to replace.
    let output = world.run(&["rotate", SECRET, "--due"]);
    assert_eq!(output.status.code(), Some(2), "--due takes no secret: {output:?}");
    world.ok(&["rotate", "--due"]);
    let old = world.token();
    let said = world.run(&["rotate", SECRET]);
    let stderr = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.status.success() && stderr.contains("working on the store directly"), "{said:?}");
    assert!(stderr.contains("who promotes it"), "{stderr}");
    assert_eq!(world.token(), old, "nobody has promoted it");
    world.ok(&["rotate", "--due", "--wait"]);
    assert_ne!(world.token(), old);
    let between = world.token();
    world.ok(&["rotate", SECRET, "--wait"]);
    assert_ne!(world.token(), between);
}
