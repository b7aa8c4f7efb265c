//! The proxies' configs of `deploy/proxies`, in the real programs, before a server that says what reached it.
//!
//! `cargo xtask test` fetches the programs, and names them in the environment.

#![expect(clippy::disallowed_methods, reason = "a test waits for processes, and reads its own switches")]

mod world;

use crossfade_testing_fleet::process;

use world::{Proxy, World};

/// What a caller might forge: names of ours, doubled, and written with underscores.
const FORGED: [(&str, &str); 6] = [
    ("Crossfade-Client-Id", "forged"),
    ("Crossfade-Client-Id", "forged"),
    ("Crossfade_Client_Id", "forged"),
    ("crossfade-stage", "forged"),
    ("Crossfade-Credential", "forged"),
    ("Crossfade_Credential", "forged"),
];

fn each(test: impl Fn(&World)) {
    for proxy in Proxy::ALL {
        match World::new(proxy) {
            Some(world) => test(&world),
            None => eprintln!("{proxy:?} is not here: `cargo xtask test` fetches it"),
        }
    }
}

#[test]
fn a_rightful_request_reaches_the_server_with_who_called_and_without_a_credential() {
    each(|world| {
        let token = world.token();
        for (name, value) in
            [("Authorization", format!("Bearer {token}")), ("mcp-access-token", token.clone())]
        {
            let mut headers = vec![(name, &*value), ("slack-user-token", "xoxp-of-the-user")];
            headers.extend(FORGED);
            let answer = world.ask("POST", "/mcp/a?b=1", &headers, "a body");
            assert_eq!(answer.status, 200, "{world:?} {name}: {answer:?}");
            let reached = answer.body.to_ascii_lowercase();
            assert!(reached.starts_with("post /mcp/a?b=1 "), "{world:?}: {reached}");
            assert!(reached.ends_with("\r\n\r\na body"), "{world:?}: {reached}");
            for header in [
                "crossfade-client-id: slack-bot",
                "crossfade-stage: current",
                "slack-user-token: xoxp-of-the-user",
            ] {
                assert_eq!(reached.matches(header).count(), 1, "{world:?}: {header} in {reached}");
            }
            for leak in [
                "forged",
                "authorization:",
                "mcp-access-token:",
                "cfc_",
                "crossfade-credential",
                &token.to_ascii_lowercase(),
            ] {
                assert!(!reached.contains(leak), "{world:?}: {leak} in {reached}");
            }
        }
    });
}

#[test]
fn what_is_refused_is_401_with_a_challenge_and_never_reaches_the_server() {
    each(|world| {
        let before = world.reached();
        for (headers, challenge) in [
            (vec![], "Bearer realm=\"https://mcp.example.com/slack\""),
            (FORGED.to_vec(), "Bearer realm=\"https://mcp.example.com/slack\""),
            (
                vec![("Authorization", "Bearer nobody-knows-this-one")],
                "Bearer realm=\"https://mcp.example.com/slack\", error=\"invalid_token\"",
            ),
        ] {
            let answer = world.verdict("POST", "/mcp", &headers);
            assert_eq!(answer.status, 401, "{world:?} {headers:?}: {answer:?}");
            assert_eq!(answer.header("www-authenticate"), Some(challenge), "{world:?}");
        }
        assert_eq!(world.reached(), before, "{world:?}");
    });
}

/// Caddy asks at once too, but by itself writes no answer of any kind before the body has come.
#[test]
fn nginx_refuses_without_waiting_for_a_body_that_is_announced_and_never_sent() {
    let Some(world) = World::new(Proxy::Nginx) else { return };
    world.verdict("GET", "/mcp", &[("Authorization", "Bearer nobody-knows-this-one")]);
    assert_eq!(world.announce_a_body("Bearer nobody-knows-this-one"), 401);
}

#[test]
fn while_the_daemon_is_down_nobody_is_let_in_and_nobody_is_refused() {
    each(|world| {
        let bearer = format!("Bearer {}", world.token());
        world.stop_the_daemon();
        let answer = world.ask("POST", "/mcp", &[("Authorization", &bearer)], "");
        assert_eq!(answer.status, 503, "{world:?}: {answer:?}");
        assert!(answer.header("retry-after").is_some(), "{world:?}: {answer:?}");
    });
}
