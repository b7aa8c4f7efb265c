//! What callers send in masses, and what of it reaches the log, the audit log, and everybody else.

use std::{
    fs,
    io::{ErrorKind, PipeReader, Write as _, pipe},
    net::TcpStream,
    process::{Child, Stdio},
};

use crossfade_testing_fleet::process::{Answer, call, send};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use serde_json::Value;

use crate::{
    connections::rejected,
    world::{BOT, SECRET, VERIFIER, World, until},
};

const MANY: u64 = 400;

/// Asks for a token with that credential.
fn ask(world: &World, credential: &str) -> Answer {
    let bearer = format!("Bearer {credential}");
    let path = format!("/v1/token?secret={SECRET}");
    call(world.listen, "GET", &path, &[("Authorization", &*bearer)], "").expect("an answer")
}

/// How many refusals of that client stand in the audit log, and in how many entries.
fn refusals(world: &World, client: &str) -> (u64, u64) {
    let log = fs::read_to_string(world.path("data/audit.jsonl")).expect("a log");
    let entries = log.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let of_client =
        entries.filter(|entry| entry["actor"] == format!("client:{client}") && entry["outcome"] == "refused");
    let each = of_client.map(|entry| match entry["detail"].as_str() {
        Some(detail) => {
            detail.split(' ').find_map(|word| word.parse().ok()).expect("how many more there were")
        }
        None => 1,
    });
    each.fold((0, 0), |(refusals, entries), more: u64| (refusals + more, entries + 1))
}

#[test]
fn a_client_that_is_refused_in_masses_leaves_a_handful_of_entries_which_count_every_refusal() {
    let world = World::new("30m");
    let _daemon = world.start();
    for _ in 0..MANY {
        assert_eq!(ask(&world, VERIFIER).status, 403);
    }
    until("all of them stand there", || {
        let (refusals, _) = refusals(&world, "slack-mcp-server");
        (refusals == MANY).then_some(())
    });
    let (_, entries) = refusals(&world, "slack-mcp-server");
    // Six a second at most: on a machine so busy that this takes half a minute, there are more than a handful.
    assert!(entries < MANY / 2, "{entries} entries for {MANY} refusals");
    assert_eq!(rejected(&world, "forbidden"), MANY);
    assert_eq!(ask(&world, BOT).status, 200, "nobody else is held up");
    world.ok(&["audit", "verify", "data/audit.jsonl"]);
}

#[test]
fn requests_in_masses_of_a_proxy_that_is_not_set_up_leave_a_handful_of_lines() {
    let world = World::new("30m");
    let daemon = world.start();
    for _ in 0..MANY {
        let answer = call(world.listen, "GET", "/v1/authorize", &[], "").expect("an answer");
        assert_eq!(answer.status, 503);
    }
    assert_eq!(rejected(&world, "bad_credential"), MANY, "each of them is counted");
    let lines = daemon.log().matches("a proxy was not answered").count();
    assert!((1..=40).contains(&lines), "{lines} lines for {MANY} requests");
}

/// A daemon whose standard error nobody reads, and which has no room left.
struct Unread {
    child: Child,
    _reader: PipeReader,
}

impl Unread {
    fn start(world: &World) -> Self {
        let (reader, mut writer) = pipe().expect("a pipe");
        let flags = fcntl_getfl(&writer).expect("flags");
        fcntl_setfl(&writer, flags | OFlags::NONBLOCK).expect("it takes what fits");
        let full = loop {
            if let Err(error) = writer.write(&[b'\n'; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::WouldBlock);
        fcntl_setfl(&writer, flags).expect("whoever writes waits");
        let mut serve = world.command("serve");
        let child = serve.stdout(Stdio::null()).stderr(writer).spawn().expect("it starts");
        Self { child, _reader: reader }
    }

    /// Its exit code, once it has ended.
    fn exit(&mut self) -> Option<i32> {
        until("it ends", || self.child.try_wait().expect("it can be waited for")).code()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_reader_of_the_log_and_of_the_audit_log_that_stops_reading_stops_nothing_else() {
    let world = World::new("30m");
    let config = fs::read_to_string(world.path("config.yaml")).expect("a config");
    fs::write(world.path("config.yaml"), format!("{config}audit_log: stderr\n")).expect("a write");
    let mut daemon = Unread::start(&world);
    until("it is ready", || {
        call(world.metrics, "GET", "/readyz", &[], "").ok().filter(|answer| answer.status == 200)
    });
    let token = world.token();
    // More than there are threads for what blocks, and more than wait for any answer.
    for _ in 0..64 {
        let mut stream = TcpStream::connect(("127.0.0.1", world.listen)).expect("a connection");
        let head = format!("GET /v1/token?secret={SECRET} HTTP/1.1\r\nHost: localhost\r\n");
        write!(stream, "{head}Authorization: Bearer {VERIFIER}\r\n\r\n").expect("it is sent");
    }
    for _ in 0..MANY {
        drop(call(world.listen, "GET", "/v1/authorize", &[], ""));
    }
    assert_eq!(world.stage(&token).as_deref(), Some("current"), "what is known is accepted");
    assert_eq!(world.stage("mcp_not-a-token-of-ours"), None, "and the store is read: so is it refused");
    let answer = ask(&world, BOT);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "unwritten: {answer:?}");
    assert!(!answer.body.contains(&token), "no token without its entry");
    assert!(rejected(&world, "unwritten") > 0, "and it is counted");
    world.ok(&["revoke", SECRET, "--all", "--yes"]);
    until("it is ended and replaced", || world.stage(&token).is_none().then_some(()));
    let alive = call(world.metrics, "GET", "/healthz", &[], "").expect("an answer");
    assert_eq!(alive.status, 200);
    assert!(send("-TERM", &daemon.child.id().to_string()));
    assert_eq!(daemon.exit(), Some(0));
}

#[test]
fn a_daemon_that_can_t_go_on_ends_also_where_nobody_reads_why() {
    let world = World::new("30m");
    fs::write(world.path("config.yaml"), "listen: nowhere\n").expect("a write");
    assert_eq!(Unread::start(&world).exit(), Some(2));
}

#[test]
fn no_credential_orders_anything_over_listen() {
    let world = World::new("30m");
    let made = world.ok(&["credential"]);
    let part =
        |name| made.lines().find_map(|line| line.strip_prefix(name)).expect("a line").trim().to_owned();
    let (admin, hash) = (part("credential: "), part("credential_sha256: "));
    let secret = format!(
        "  - {{name: {SECRET}, client_id: slack-bot, audience: \"https://mcp.example.com/slack\", grace: 30m}}\n"
    );
    let client = format!("  - {{id: admin, role: admin, secrets: [{SECRET}], credential_sha256: {hash}}}\n");
    world.write_config(&secret, &client);
    let _daemon = world.start();
    let current = until("a version", || world.status()["versions"][0]["version"].as_str().map(str::to_owned));
    for credential in [&*admin, BOT, VERIFIER] {
        let bearer = format!("Bearer {credential}");
        let path = format!("/v1/admin/secrets/{}/rotate", SECRET.replace('/', "%2F"));
        let answer = call(world.listen, "POST", &path, &[("Authorization", &bearer)], "").expect("an answer");
        assert_eq!(answer.status, 404, "{answer:?}");
    }
    assert_eq!(world.current(), current);
}
