//! What a proxy is told about its callers.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::{
    aws::{aws, replica},
    process::{Answer, call},
    world::{AUDIENCE, BOT, SECRET, VERIFIER, World, until},
};

fn ask(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut all = vec![("Crossfade-Credential", VERIFIER)];
    all.extend(headers);
    call(world.listen, method, path, &all, "").expect("an answer")
}

/// A world whose proxy also looks into `mcp-access-token`, with a view that knows enough to refuse.
fn world() -> World {
    let world = World::new("30s");
    let config = std::fs::read_to_string(world.path("config.yaml")).expect("a config");
    let config = config.replace("role: verifier,", "role: verifier, token_headers: [mcp-access-token],");
    std::fs::write(world.path("config.yaml"), config).expect("a write");
    world
}

fn settled(world: &World) {
    until("a refusal", || {
        let answer = ask(world, "GET", "/v1/authorize", &[("Authorization", "Bearer nobody-knows-this-one")]);
        (answer.status == 401).then_some(())
    });
}

#[test]
fn a_rightful_token_passes_whatever_the_method_and_the_path_and_says_who_it_is() {
    let world = world();
    let _daemon = world.start();
    let token = world.token();
    let bearer = format!("Bearer {token}");
    let version = world.current();
    for (method, path) in [
        ("GET", "/v1/authorize"),
        ("POST", "/v1/authorize/mcp/a?b=1"),
        ("OPTIONS", "/v1/authorize/"),
        ("DELETE", "/v1/authorize?x=%ff"),
        ("PROPFIND", "/v1/authorize/%2e%2e/v1/token"),
    ] {
        let answer = ask(&world, method, path, &[("Authorization", &bearer)]);
        assert_eq!(answer.status, 200, "{method} {path}: {answer:?}");
        assert_eq!(answer.header("crossfade-client-id"), Some("slack-bot"));
        assert_eq!(answer.header("crossfade-secret"), Some(SECRET));
        assert_eq!(answer.header("crossfade-version"), Some(&*version));
        assert_eq!(answer.header("crossfade-stage"), Some("current"));
        let expires: u64 = answer.header("crossfade-expires").and_then(|e| e.parse().ok()).expect("a time");
        assert!(expires > 1_700_000_000 && expires < 10_000_000_000, "unix seconds: {expires}");
        assert!(!answer.head.contains(&token) && !answer.head.contains(VERIFIER), "{answer:?}");
    }
    for headers in [
        vec![("mcp-access-token", &*token)],
        vec![("Mcp-Access-Token", &*token), ("Authorization", &bearer)],
        vec![("Authorization", &*bearer), ("Crossfade-Client-Id", "admin"), ("Crossfade-Audience", "b")],
    ] {
        let answer = ask(&world, "GET", "/v1/authorize", &headers);
        assert_eq!(
            (answer.status, answer.header("crossfade-client-id")),
            (200, Some("slack-bot")),
            "{headers:?}"
        );
    }
    assert_eq!(world.status()["versions"][0]["last_used_by"], "slack-mcp-server");
}

#[test]
fn what_is_refused_gets_a_challenge_that_says_no_more_than_whether_a_token_was_there() {
    let world = world();
    let _daemon = world.start();
    settled(&world);
    let token = world.token();
    let bearer = format!("Bearer {token}");
    let missing = format!("Bearer realm=\"{AUDIENCE}\"");
    let invalid = format!("{missing}, error=\"invalid_token\"");
    let long = format!("Bearer {}", "a".repeat(600));
    for (headers, challenge) in [
        (vec![], &missing),
        (vec![("x-other", &*token)], &missing),
        (vec![("Authorization", "Bearer nobody-knows-this-one")], &invalid),
        (vec![("Authorization", "Bearer x")], &invalid),
        (vec![("Authorization", &*long)], &invalid),
        (vec![("Authorization", "Basic dTpw")], &invalid),
        (vec![("Authorization", &*format!("Bearer {bearer}"))], &invalid),
        (vec![("Authorization", &*bearer), ("Authorization", &bearer)], &invalid),
        (vec![("Authorization", &*bearer), ("mcp-access-token", "another")], &invalid),
        (vec![("Authorization", &*format!("{bearer}, {bearer}"))], &invalid),
    ] {
        let answer = until("a verdict", || {
            Some(ask(&world, "GET", "/v1/authorize", &headers)).filter(|answer| answer.status != 503)
        });
        assert_eq!(answer.status, 401, "{headers:?}");
        assert_eq!(answer.header("www-authenticate"), Some(&**challenge), "{headers:?}");
        assert!(!answer.body.contains(&token), "{answer:?}");
        assert!(answer.header("crossfade-client-id").is_none());
    }
}

#[test]
fn a_proxy_that_is_not_set_up_right_gets_503_without_a_time_to_retry() {
    let world = world();
    let daemon = world.start();
    let bearer = format!("Bearer {}", world.token());
    let wrong = format!("{}x", &VERIFIER[..52]);
    for credentials in [vec![], vec![&*wrong], vec![BOT], vec!["Bearer x"], vec![VERIFIER, VERIFIER]] {
        let mut headers = vec![("Authorization", &*bearer)];
        headers.extend(credentials.iter().map(|credential| ("Crossfade-Credential", *credential)));
        let answer = call(world.listen, "GET", "/v1/authorize", &headers, "").expect("an answer");
        assert_eq!((answer.status, answer.header("retry-after")), (503, None), "{credentials:?}");
    }
    until("it is told", || daemon.log().contains("a proxy was not answered").then_some(()));
    // A path beside it is none of its: it is for clients that have shown who they are.
    let beside = call(world.listen, "GET", "/v1/authorizex", &[], "").expect("an answer");
    assert_eq!(beside.status, 401);
}

#[test]
fn a_body_that_is_announced_and_never_sent_is_not_waited_for() {
    let world = world();
    let _daemon = world.start();
    let bearer = format!("Bearer {}", world.token());
    for version in ["1.0", "1.1"] {
        let mut stream = TcpStream::connect(("127.0.0.1", world.listen)).expect("a connection");
        let request = format!(
            "POST /v1/authorize HTTP/{version}\r\nHost: localhost\r\nCrossfade-Credential: {VERIFIER}\r\nAuthorization: {bearer}\r\n\
             Content-Length: 1000000000\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("a write");
        let mut head = [0; 12];
        stream.read_exact(&mut head).expect("an answer");
        assert!(head.ends_with(b" 200"), "{}", String::from_utf8_lossy(&head));
    }
}

#[test]
fn where_the_daemon_can_t_know_a_proxy_is_told_to_come_again() {
    let aws = aws();
    let world = replica(&aws, 0);
    let _daemon = world.start();
    settled(&world);
    let bearer = format!("Bearer {}", world.token());
    drop(aws);
    let unknown = [("Authorization", "Bearer nobody-knows-this-one")];
    let unsure = until("its view is too old to refuse", || {
        Some(ask(&world, "GET", "/v1/authorize", &unknown)).filter(|answer| answer.status == 503)
    });
    assert!(unsure.header("retry-after").is_some(), "{unsure:?}");
    assert_eq!(
        ask(&world, "GET", "/v1/authorize", &[("Authorization", &bearer)]).status,
        200,
        "known ones go on"
    );
}
