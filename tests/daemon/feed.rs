//! The feed: accept sets, held until they change, and what verifiers say about themselves.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    process::{Answer, call},
    world::{AUDIENCE, BOT, SECRET, VERIFIER, World, until},
};

const SET: &str = "/v1/accept-set?audience=https%3A%2F%2Fmcp.example.com%2Fslack";

fn ask(port: u16, headers: &[(&str, &str)]) -> Answer {
    let credential = format!("Bearer {VERIFIER}");
    let mut all = vec![("Authorization", &*credential)];
    all.extend(headers);
    call(port, "GET", SET, &all, "").expect("an answer")
}

/// A set that was read at least once.
fn set(world: &World, headers: &[(&str, &str)]) -> Answer {
    until("a set", || Some(ask(world.listen, headers)).filter(|answer| answer.status != 503))
}

fn timing(answer: &Answer, key: &str) -> String {
    let timing = answer.header("crossfade-timing").expect("a timing");
    let mut parts = timing.split(", ").filter_map(|part| part.split_once('='));
    parts.find(|(name, _)| *name == key).map(|(_, value)| value.to_owned()).unwrap_or_default()
}

fn milliseconds(answer: &Answer, key: &str) -> u64 {
    timing(answer, key).parse().expect("a number")
}

fn report(world: &World, counts: &Value) -> Answer {
    let body = json!({ "audience": AUDIENCE, "instance": "pod-1", "counts": counts }).to_string();
    let credential = format!("Bearer {VERIFIER}");
    let headers = [("Authorization", &*credential), ("Content-Type", "application/json")];
    call(world.listen, "POST", "/v1/reports", &headers, &body).expect("an answer")
}

fn metric(world: &World, series: &str) -> Option<f64> {
    let text = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
    let line =
        text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn a_set_comes_with_its_tag_and_its_place_in_time_and_holds_no_token() {
    let world = World::new("30s");
    let _daemon = world.start();
    let token = world.token();
    let first = set(&world, &[("Crossfade-Nonce", "n-1")]);
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.header("content-type"), Some("application/json"));
    assert_eq!(first.header("cache-control"), Some("no-store"));
    let timing = first.header("crossfade-timing").expect("a timing");
    let keys: Vec<_> = timing.split(", ").filter_map(|part| Some(part.split_once('=')?.0)).collect();
    assert_eq!(keys, ["now", "age", "held", "nonce"], "{timing}");
    assert!(timing.ends_with(", nonce=n-1"), "{timing}");
    assert!(!first.body.contains(&token) && first.body.contains(&world.current()));
    let set = crossfade_verify::AcceptSet::parse(first.body.as_bytes(), AUDIENCE).expect("a good set");
    assert_eq!(set.to_json(), first.body, "canonical");

    let tag = first.header("etag").expect("a tag");
    assert_eq!(ask(world.listen, &[]).header("etag"), Some(tag), "the same content has the same tag");
    let unchanged = ask(world.listen, &[("If-None-Match", tag)]);
    assert_eq!((unchanged.status, unchanged.body.as_str()), (304, ""));
    assert_eq!(unchanged.header("etag"), Some(tag));
    assert!(!unchanged.header("crossfade-timing").expect("a timing").contains("nonce"));
    let place = |answer| milliseconds(answer, "now") - milliseconds(answer, "age");
    assert!(place(&unchanged) >= place(&first), "time does not run back");
}

#[test]
fn a_poll_is_held_until_the_set_changes_and_for_half_of_freshness_at_most() {
    let world = World::new("30s");
    let _daemon = world.start();
    let tag = set(&world, &[]).header("etag").expect("a tag").to_owned();
    let heartbeat = ask(world.listen, &[("If-None-Match", &tag), ("Prefer", "wait=60")]);
    assert_eq!(heartbeat.status, 304);
    let held = milliseconds(&heartbeat, "held");
    assert!(held >= 500, "freshness is a second: {held}");

    let port = world.listen;
    let (one, other) = (tag.clone(), tag.clone());
    let poll = thread::spawn(move || {
        loop {
            let answer = ask(port, &[("If-None-Match", &one), ("Prefer", "respond-async, wait=60")]);
            if answer.status != 304 {
                return answer;
            }
        }
    });
    world.ok(&["rotate", SECRET]);
    let changed = poll.join().expect("an answer");
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(&*other));
    let stages: Vec<Value> =
        changed.json()["entries"].as_array().expect("entries").iter().map(|e| e["stage"].clone()).collect();
    assert!(stages.contains(&json!("pending")) && stages.contains(&json!("current")), "{stages:?}");
}

#[test]
fn held_polls_are_ended_at_shutdown_and_told_to_connect_elsewhere() {
    let world = World::with_slow_sync();
    let mut daemon = world.start();
    let tag = set(&world, &[]).header("etag").expect("a tag").to_owned();
    let port = world.listen;
    let poll = thread::spawn(move || {
        let credential = format!("Bearer {VERIFIER}");
        // Without `Connection: close` of our own.
        let request = format!(
            "GET {SET} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {credential}\r\nIf-None-Match: {tag}\r\nPrefer: wait=60\r\nCrossfade-Instance: pod-1\r\n\r\n"
        );
        crate::process::raw(port, request.as_bytes()).expect("an answer")
    });
    until("the poll is held", || metric(&world, &verifiers("up_to_date")).filter(|count| *count >= 1.0));
    daemon.signal("-TERM");
    let ended = poll.join().expect("an answer");
    assert_eq!((ended.status, ended.header("connection")), (304, Some("close")));
    assert!(daemon.exit().success());
}

#[test]
fn a_connection_that_was_held_may_ask_for_verdicts_and_send_their_bodies_later() {
    let world = World::with_slow_sync();
    let _daemon = world.start();
    let tag = set(&world, &[]).header("etag").expect("a tag").to_owned();
    let body = format!("token={}", world.token());
    let mut stream = TcpStream::connect(("127.0.0.1", world.listen)).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
    let mut ask = |text: &str| {
        stream.write_all(text.as_bytes()).expect("sent");
        answer(&mut stream)
    };
    let head = format!("HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {VERIFIER}\r\n");
    for _ in 0..3 {
        let held = ask(&format!("GET {SET} {head}If-None-Match: {tag}\r\nPrefer: wait=1\r\n\r\n"));
        assert_eq!(held.status, 304);
        let form = "Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue";
        let length = body.len();
        let announced = ask(&format!("POST /v1/introspect {head}{form}\r\nContent-Length: {length}\r\n\r\n"));
        assert_eq!(announced.status, 100, "it waits for the body");
        let verdict = ask(&body);
        assert_eq!((verdict.status, &verdict.json()["active"]), (200, &true.into()), "{verdict:?}");
    }
}

/// The next answer on a connection that goes on.
fn answer(stream: &mut TcpStream) -> Answer {
    let (mut text, mut some) = (Vec::new(), [0; 4096]);
    loop {
        let so_far = Answer::of(&text);
        let length = so_far.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        if text.windows(4).any(|end| end == b"\r\n\r\n") && so_far.body.len() >= length {
            return so_far;
        }
        let read = stream.read(&mut some).expect("an answer");
        assert_ne!(read, 0, "the connection ended");
        text.extend_from_slice(&some[..read]);
    }
}

fn verifiers(state: &str) -> String {
    format!("crossfade_verifiers{{audience=\"{AUDIENCE}\",state=\"{state}\"}}")
}

#[test]
fn a_client_that_is_taken_out_of_the_config_loses_its_poll() {
    let world = World::with_slow_sync();
    let daemon = world.start();
    let tag = set(&world, &[]).header("etag").expect("a tag").to_owned();
    let port = world.listen;
    let poll = thread::spawn(move || {
        ask(port, &[("If-None-Match", &tag), ("Prefer", "wait=60"), ("Crossfade-Instance", "pod-1")])
    });
    until("the poll is held", || metric(&world, &verifiers("up_to_date")).filter(|count| *count >= 1.0));
    let config = std::fs::read_to_string(world.path("config.yaml")).expect("a config");
    let without =
        config.replace("db256134bc9f86671e89e6de81a3334f835c5b63ec9ba422d976523a946f8a76", &"a".repeat(64));
    std::fs::write(world.path("config.yaml"), without).expect("a write");
    daemon.signal("-HUP");
    assert_eq!(poll.join().expect("an answer").status, 304, "it is ended, long before its time");
    let refused = ask(world.listen, &[]);
    assert_eq!((refused.status, refused.header("connection")), (401, Some("close")));
}

#[test]
fn a_request_that_makes_no_sense_is_told_why() {
    let world = World::new("30s");
    let _daemon = world.start();
    set(&world, &[]);
    let credential = format!("Bearer {VERIFIER}");
    let bot = format!("Bearer {BOT}");
    let wrong = format!("Bearer {}x", &VERIFIER[..52]);
    for (what, path, headers, status) in [
        ("no audience", "/v1/accept-set", vec![("Authorization", &*credential)], 400),
        ("two audiences", &*format!("{SET}&audience=b"), vec![("Authorization", &credential)], 400),
        ("another's audience", "/v1/accept-set?audience=b", vec![("Authorization", &credential)], 403),
        ("a bot", SET, vec![("Authorization", &bot)], 403),
        ("nobody", SET, vec![], 401),
        ("somebody else", SET, vec![("Authorization", &wrong)], 401),
        ("a bad name", SET, vec![("Authorization", &credential), ("Crossfade-Instance", "a b")], 400),
        (
            "two nonces",
            SET,
            vec![("Authorization", &credential), ("Crossfade-Nonce", "a"), ("Crossfade-Nonce", "b")],
            400,
        ),
    ] {
        let answer = call(world.listen, "GET", path, &headers, "").expect("an answer");
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert!(answer.json()["error_description"].is_string(), "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    }
    let post = call(world.listen, "POST", SET, &[("Authorization", &credential)], "").expect("an answer");
    assert_eq!((post.status, post.header("allow")), (405, Some("GET,HEAD")), "{post:?}");
    assert_eq!(
        set(&world, &[("Prefer", "wait=soon")]).status,
        200,
        "a preference that can't be read is none"
    );
}

#[test]
fn who_follows_and_who_is_behind_is_seen_by_an_operator() {
    let world = World::new("30s");
    let _daemon = world.start();
    let pod = |name: &'static str, tag: &str| {
        ask(world.listen, &[("Crossfade-Instance", name), ("If-None-Match", tag)])
    };
    let tag = set(&world, &[]).header("etag").expect("a tag").to_owned();
    pod("pod-1", &tag);
    pod("pod-2", &tag);
    assert_eq!(world.status()["verifiers"]["up_to_date"], 2);
    world.ok(&["rotate", SECRET, "--wait"]);
    let newest = set(&world, &[]).header("etag").expect("a tag").to_owned();
    pod("pod-1", &newest);
    until("one is up to date, one behind or gone", || {
        let verifiers = world.status()["verifiers"].clone();
        let late = verifiers["late"][0]["verifier"] == "slack-mcp-server/pod-2";
        (verifiers["up_to_date"] == 1 && late).then_some(())
    });
    let table = String::from_utf8(world.run(&["status"]).stdout).expect("text");
    assert!(table.contains("slack-mcp-server/pod-2, heard of"), "{table}");
    assert!(metric(&world, "crossfade_propagation_duration_seconds_count") >= Some(1.0));
}

#[test]
fn a_revocation_waits_for_every_verifier_and_names_those_that_have_not_confirmed() {
    let world = World::new("30s");
    let _daemon = world.start();
    let tag = set(&world, &[]).header("etag").expect("a tag").to_owned();
    world.ok(&["rotate", SECRET, "--wait"]);
    let with_previous = set(&world, &[]).header("etag").expect("a tag").to_owned();
    assert_ne!(tag, with_previous);
    for pod in ["pod-1", "pod-2"] {
        ask(world.listen, &[("Crossfade-Instance", pod), ("If-None-Match", &with_previous)]);
    }
    let revoke = ["revoke", SECRET, "--previous", "--yes", "--wait", "--timeout"];
    let output = world.run(&[&revoke[..], &["1"]].concat());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains("slack-mcp-server/pod-1") && said.contains("may accept what was ended for another"),
        "{said}"
    );
    assert_eq!(
        metric(&world, &format!("crossfade_revocations_unconfirmed{{audience=\"{AUDIENCE}\"}}")),
        Some(2.0)
    );

    let newest = set(&world, &[]).header("etag").expect("a tag").to_owned();
    for pod in ["pod-1", "pod-2"] {
        ask(world.listen, &[("Crossfade-Instance", pod), ("If-None-Match", &newest)]);
    }
    assert_eq!(world.status()["verifiers"]["unconfirmed"], 0);
}

#[test]
fn a_report_says_who_used_which_version_and_counts() {
    let world = World::new("30s");
    let _daemon = world.start();
    set(&world, &[]);
    let version = world.current();
    let good = json!([
        {"version": version, "verdict": "accepted", "count": 7, "last_ms_ago": 1},
        {"version": null, "verdict": "unknown", "count": 3, "last_ms_ago": 0},
        {"version": "00000000-0000-4000-8000-000000000000", "verdict": "accepted", "count": 1, "last_ms_ago": 0},
    ]);
    assert_eq!(report(&world, &good).status, 204);
    assert_eq!(world.status()["versions"][0]["last_used_by"], "slack-mcp-server/pod-1");
    let series = format!("crossfade_verifications_total{{audience=\"{AUDIENCE}\",verdict=\"unknown\"}}");
    assert_eq!(metric(&world, &series), Some(3.0));
    let accepted = format!(
        "crossfade_accepted_total{{audience=\"{AUDIENCE}\",client_id=\"slack-bot\",stage=\"current\"}}"
    );
    assert_eq!(metric(&world, &accepted), Some(7.0), "of a version that stands");
    for bad in [
        json!([{"version": null, "verdict": "invented", "count": 1, "last_ms_ago": 0}]),
        json!([{"version": null, "verdict": "unknown", "count": 1u64 << 40, "last_ms_ago": 0}]),
        json!([{"version": null, "verdict": "unknown", "count": -1, "last_ms_ago": 0}]),
        json!([{"version": 1}]),
    ] {
        assert!([400, 422].contains(&report(&world, &bad).status), "{bad}");
    }
    assert_eq!(metric(&world, &series), Some(3.0), "a bad report counts for nothing");
}
