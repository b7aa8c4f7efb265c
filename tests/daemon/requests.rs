//! Requests that are wrong, too large, too slow, or not for everybody.

use std::{io::Write, net::TcpStream};

use crate::{
    process::{Answer, call, raw},
    world::{AUDIENCE, BOT, SECRET, VERIFIER, World, until},
};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

fn introspect(world: &World, authorization: &str, form: &str) -> Answer {
    call(world.listen, "POST", "/v1/introspect", &[("Authorization", authorization), FORM], form)
        .expect("an answer")
}

#[test]
fn garbage_is_refused_and_never_a_server_error() {
    let world = World::new("4s");
    let _daemon = world.start();
    let ours = world.token();
    let long = "a".repeat(600);
    let mistyped = format!("{}{}", &ours[..52], if ours.ends_with('x') { 'y' } else { 'x' });
    for token in [
        "",
        "short",
        &long,
        "na\u{ef}ve-token-of-somebody",
        &mistyped,
        &format!("Bearer {ours}"),
        "a-token-that-nobody-knows",
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    ] {
        let answer =
            until("a verdict", || Some(world.introspect(token)).filter(|answer| answer.status != 503));
        assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"active":false}"#), "{token:?}");
    }
    assert_eq!(world.stage(&ours).as_deref(), Some("current"));
}

#[test]
fn who_asks_has_to_say_who_it_is() {
    let world = World::new("4s");
    let _daemon = world.start();
    let wrong = format!("Bearer {}x", &VERIFIER[..52]);
    for authorization in ["", "Bearer", "Bearer x", &wrong, "Basic !!", "Digest x"] {
        let answer = introspect(&world, authorization, "token=x");
        assert_eq!(answer.status, 401, "{authorization:?}");
        assert!(answer.header("www-authenticate").is_some_and(|h| h.starts_with("Basic ")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.json()["error"], "invalid_client");
    }
    // slack-mcp-server:VERIFIER, and somebody else's name with it
    for (user, status) in [("slack-mcp-server", 200), ("somebody", 401)] {
        let basic = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("{user}:{VERIFIER}"));
        assert_eq!(introspect(&world, &format!("Basic {basic}"), "token=x").status, status);
    }
    assert_eq!(introspect(&world, &format!("Bearer {BOT}"), "token=x").status, 403, "a bot does not verify");
    let verifier = format!("Bearer {VERIFIER}");
    let token =
        call(world.listen, "GET", &format!("/v1/token?secret={SECRET}"), &[("Authorization", &verifier)], "");
    assert_eq!(token.expect("an answer").status, 403, "a verifier gets no token");
    assert_eq!(call(world.listen, "GET", "/anything", &[], "").expect("an answer").status, 401);
    assert_eq!(introspect(&world, &verifier, "token=x&audience=https://other.example.com").status, 403);
    let narrowed = format!("token=a-token-that-nobody-knows&audience={AUDIENCE}&token_type_hint=x");
    assert_eq!(introspect(&world, &verifier, &narrowed).status, 200);
}

#[test]
fn a_request_that_is_not_one_gets_an_answer_that_says_so() {
    let world = World::new("4s");
    let _daemon = world.start();
    let bearer = format!("Bearer {VERIFIER}");
    for form in ["", "tokn=x", "token=a&token=b"] {
        let answer = introspect(&world, &bearer, form);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &"invalid_request".into()), "{form:?}");
    }
    let json = call(
        world.listen,
        "POST",
        "/v1/introspect",
        &[("Authorization", &bearer), ("Content-Type", "application/json")],
        "{}",
    );
    assert_eq!(json.expect("an answer").status, 400);
    assert_eq!(
        call(world.listen, "GET", "/v1/introspect", &[("Authorization", &bearer)], "")
            .expect("an answer")
            .status,
        405
    );
    assert_eq!(
        call(world.listen, "GET", "/v1/nothing", &[("Authorization", &bearer)], "")
            .expect("an answer")
            .status,
        404
    );
}

#[test]
fn what_is_too_large_is_turned_away_and_counted() {
    let world = World::new("4s");
    let _daemon = world.start();
    let bearer = format!("Bearer {VERIFIER}");
    let big = format!("token={}", "a".repeat(17 * 1024));
    assert_eq!(introspect(&world, &bearer, &big).status, 413);
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(9 * 1024));
    assert_eq!(raw(world.listen, head.as_bytes()).expect("an answer").status, 431);
    assert_eq!(raw(world.listen, b"\x16\x03\x01 not http\r\n\r\n").expect("an answer").status, 400);
    for reason in ["body_too_large", "header_too_large", "malformed"] {
        until(reason, || counted(&world, reason).then_some(()));
    }
}

#[test]
fn a_slow_sender_is_cut_off_and_counted() {
    let world = World::new("4s");
    let _daemon = world.start();
    let mut slow = TcpStream::connect(("127.0.0.1", world.listen)).expect("a connection");
    slow.write_all(b"POST /v1/introspect HTTP/1.1\r\nHost: x\r\n").expect("a part of a head");
    let body = format!(
        "POST /v1/introspect HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {VERIFIER}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntoken="
    );
    assert_eq!(raw(world.listen, body.as_bytes()).expect("an answer").status, 408);
    until("the slow head is counted too", || {
        let scraped = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
        scraped.contains("crossfade_http_rejected_total{reason=\"timeout\"} 2").then_some(())
    });
}

fn counted(world: &World, reason: &str) -> bool {
    let scraped = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics").body;
    let line = format!("crossfade_http_rejected_total{{reason=\"{reason}\"}} ");
    scraped.lines().any(|found| found.strip_prefix(&*line).is_some_and(|count| count != "0"))
}
