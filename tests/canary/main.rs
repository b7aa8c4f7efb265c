//! No token and no credential in any output: everything that a daemon and its commands leave behind
//! at TRACE is searched for every one that was made.

mod aws;
mod search;
#[path = "../daemon/world.rs"]
#[expect(dead_code, reason = "shared with the tests of the daemon")]
mod world;

use crossfade_testing_fleet::process;

use std::fs;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use process::{Daemon, call, raw};
use search::{Haystack, files, search, spellings};
use world::{BOT, SECRET, VERIFIER, World, until};

fn proc_files(daemon: &Daemon, haystack: &mut Haystack) {
    for name in ["cmdline", "environ", "comm"] {
        // A process that can't be dumped keeps its environment to itself, unless we are root.
        if let Ok(bytes) = fs::read(format!("/proc/{}/{name}", daemon.pid())) {
            haystack.push((format!("/proc/…/{name}"), bytes));
        }
    }
}

/// Asks for wrong things, with secrets in every place; what is answered.
fn provoke(world: &World, token: &str, haystack: &mut Haystack) {
    let bearer = format!("Bearer {VERIFIER}");
    let doubled = format!("Bearer Bearer {token}");
    let paths = [
        "/v1/introspect",
        &format!("/v1/introspect?token={token}"),
        &format!("/v1/{token}"),
        &format!("/v1/token?secret={token}"),
    ];
    for path in paths {
        for authorization in [&*bearer, &*doubled, &format!("Bearer {token}"), &format!("Basic {token}")] {
            for (method, kind) in
                [("POST", "application/x-www-form-urlencoded"), ("POST", "application/json"), ("GET", token)]
            {
                let headers = [("Authorization", authorization), ("Content-Type", kind), ("X-Token", token)];
                let answer = call(
                    world.listen,
                    method,
                    path,
                    &headers,
                    &format!("token={token}&token={token}&audience={token}"),
                );
                let answer = answer.expect("an answer");
                haystack.push((
                    format!("the answer to {method} {path}"),
                    format!("{}{}", answer.head, answer.body).into(),
                ));
            }
        }
    }
    for bytes in [format!("{token}\r\n\r\n"), format!("GET /{token} HTTP/9.9\r\n{token}\r\n\r\n")] {
        let answer = raw(world.listen, bytes.as_bytes()).expect("an answer");
        haystack.push(("the answer to noise".to_owned(), answer.head.into()));
    }
}

fn trace(world: &World, arguments: &[&str], haystack: &mut Haystack) -> String {
    let mut command = world.command(arguments[0]);
    let output = command.args(&arguments[1..]).env("CROSSFADE_LOG", "trace").output().expect("it starts");
    haystack.push((format!("stderr of {arguments:?}"), output.stderr));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if arguments[0] != "token" && arguments[0] != "credential" {
        haystack.push((format!("stdout of {arguments:?}"), output.stdout));
    }
    stdout
}

#[test]
fn no_token_and_no_credential_stands_in_any_output() {
    let world = World::new("30s");
    let mut haystack = Haystack::new();
    let mut secrets = vec![VERIFIER.to_owned(), BOT.to_owned()];
    let serve = || {
        let daemon = Daemon::start(world.command("serve").env("CROSSFADE_LOG", "trace"));
        until("the daemon is ready", || {
            call(world.metrics, "GET", "/readyz", &[], "").ok().filter(|answer| answer.status == 200)
        });
        daemon
    };
    let mut daemon = serve();
    let learn = |haystack: &mut Haystack| trace(&world, &["token", SECRET], haystack).trim().to_owned();

    secrets.push(learn(&mut haystack));
    for order in [&["rotate", SECRET, "--wait"][..], &["rotate", SECRET, "--compromised", "--wait"]] {
        trace(&world, order, &mut haystack);
        secrets.push(learn(&mut haystack));
        let token = secrets.last().expect("a token").clone();
        assert!(world.stage(&token).is_some());
        let ask = call(
            world.listen,
            "GET",
            &format!("/v1/token?secret={SECRET}"),
            &[("Authorization", &format!("Bearer {BOT}"))],
            "",
        );
        assert_eq!(ask.expect("an answer").json()["token"], *token);
        provoke(&world, &token, &mut haystack);
    }
    secrets.push(
        trace(&world, &["credential"], &mut haystack)
            .split_whitespace()
            .nth(1)
            .expect("a credential")
            .to_owned(),
    );
    for command in [
        &["status"][..],
        &["status", "-o", "json"],
        &["check"],
        &["rotate", SECRET, "--dry-run"],
        &["pause", SECRET],
        &["resume", SECRET],
        &["rotate", SECRET],
        &["abort", SECRET],
        &["revoke", SECRET, "--all", "--yes"],
    ] {
        trace(&world, command, &mut haystack);
    }
    secrets.push(learn(&mut haystack));
    let config = fs::read_to_string(world.path("config.yaml")).expect("the config");
    fs::write(
        world.path("config.yaml"),
        format!("{config}  - {{id: x, role: {VERIFIER}}}\n").replace(VERIFIER, "wrong"),
    )
    .expect("a write");
    daemon.signal("-HUP");
    until("the wrong config is noticed", || daemon.log().contains("was not applied").then_some(()));
    fs::write(world.path("config.yaml"), config).expect("a write");
    let scraped = call(world.metrics, "GET", "/metrics", &[], "").expect("metrics");
    haystack.push(("/metrics".to_owned(), scraped.body.into()));
    proc_files(&daemon, &mut haystack);
    daemon.signal("-ABRT");
    daemon.exit();
    haystack.push(("the log of the daemon that crashed".to_owned(), daemon.log().into()));
    let mut again = serve();
    again.signal("-TERM");
    again.exit();
    haystack.push(("the log of the second daemon".to_owned(), again.log().into()));
    files(world.folder.path(), &mut haystack);

    assert!(
        daemon.log().contains("job_scheduler"),
        "nothing was logged beyond the default: the filter is not on"
    );
    assert!(haystack.iter().any(|(place, _)| place.ends_with("audit.jsonl")));
    assert!(secrets.len() >= 7 && secrets.iter().all(|secret| secret.len() >= 50), "{}", secrets.len());
    assert!(
        !fs::read_dir(world.folder.path())
            .expect("a folder")
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains("core")),
        "a core dump"
    );
    let found = search(&secrets, &haystack);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_search_finds_what_was_planted_in_every_spelling() {
    let secret = VERIFIER.to_owned();
    let whole = |offset: usize| [&b"\0\0"[..offset], secret.as_bytes()].concat();
    let mut planted: Vec<Vec<u8>> = spellings(&secret).into_iter().take(6).collect();
    planted
        .extend((0..3).map(|offset| {
            BASE64_URL_SAFE_NO_PAD.encode([&whole(offset)[..], b"more"].concat()).into_bytes()
        }));
    for bytes in planted {
        let bytes = [b"before ", &bytes[..], b" after"].concat();
        assert!(
            !search(std::slice::from_ref(&secret), &vec![("here".to_owned(), bytes.clone())]).is_empty(),
            "{bytes:?}"
        );
    }
}
