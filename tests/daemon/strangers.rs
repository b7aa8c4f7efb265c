//! What those can do who have shown no good credential: to `listen`, to `metrics_listen`, and to the files that a
//! daemon may open.

use std::{
    io::{ErrorKind, Write as _},
    net::TcpStream,
    time::Duration,
};

use rustix::net::sockopt::{set_socket_recv_buffer_size, set_socket_send_buffer_size};

use crate::{
    connections::{connect, rejected, resident, until_closed, verifier_is_served, with_files},
    process::call,
    world::{SECRET, VERIFIER, World, until},
};

const SET: &str = "/v1/accept-set?audience=https%3A%2F%2Fmcp.example.com%2Fslack";

#[test]
fn a_stranger_gets_one_answer_on_a_connection_and_a_client_gets_all() {
    let world = World::new("30s");
    let _daemon = world.start();
    let request = |path: &str, headers: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
    let client = format!("Authorization: Bearer {VERIFIER}\r\n");
    let proxy = format!("Crossfade-Credential: {VERIFIER}\r\n");
    for (who, port, path, headers, answers) in [
        ("a stranger", world.listen, "/v1/nothing", "", 1),
        ("a proxy without a credential", world.listen, "/v1/authorize", "", 1),
        ("a stranger who wants news", world.listen, "/v1/accept-set", "", 1),
        ("anybody who asks whether we live", world.metrics, "/healthz", "", 1),
        ("a client", world.listen, "/v1/nothing", &*client, 3),
        ("a proxy", world.listen, "/v1/authorize", &*proxy, 3),
    ] {
        let said =
            request(path, headers).repeat(2) + &request(path, &format!("{headers}Connection: close\r\n"));
        let mut stream = connect(port, 1, &said).remove(0);
        let answer = until_closed(&mut stream).unwrap_or_default();
        assert_eq!(answer.matches("HTTP/1.1 ").count(), answers, "{who}: {answer}");
        assert!(answer.to_lowercase().contains("connection: close"), "{who}: {answer}");
    }
}

#[test]
fn a_proxy_whose_credential_is_no_longer_right_loses_its_connection() {
    let world = World::new("30s");
    let _daemon = world.start();
    let ask = |credential: &str| {
        format!("GET /v1/authorize HTTP/1.1\r\nHost: x\r\nCrossfade-Credential: {credential}\r\n\r\n")
    };
    let mut proxy = connect(world.listen, 1, &(ask(VERIFIER) + &ask("another").repeat(2))).remove(0);
    let answers = until_closed(&mut proxy).unwrap_or_default();
    let status = |code: &str| answers.matches(&format!("HTTP/1.1 {code}")).count();
    assert_eq!((status("401"), status("503")), (1, 1), "{answers}");
}

#[test]
fn whoever_reads_no_answers_is_no_longer_asked_for_requests_and_then_cut_off() {
    let world = World::new("30s");
    let daemon = world.start();
    let bearer = format!("Bearer {VERIFIER}");
    let set = until("a set", || {
        let answer = call(world.listen, "GET", SET, &[("Authorization", &bearer)], "").expect("an answer");
        (answer.status == 200).then_some(answer)
    });
    let tag = set.header("etag").expect("a tag");
    let request = |path: &str, header: &str| {
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n{header}\r\n").repeat(100)
    };
    let (with_body, without) =
        (request("/v1/nothing", ""), request(SET, &format!("If-None-Match: {tag}\r\n")));
    let before = resident(&daemon);
    let mut deaf = Vec::new();
    for requests in [&without, &with_body, &without, &with_body] {
        let mut stream = connect(world.listen, 1, "").remove(0);
        // So that the system keeps little on the way.
        set_socket_recv_buffer_size(&stream, 1 << 14).expect("a small buffer");
        set_socket_send_buffer_size(&stream, 1 << 14).expect("a small buffer");
        stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a time-out");
        let mut sent = 0;
        let end = loop {
            match stream.write(requests.as_bytes()) {
                Ok(more) => sent += more,
                Err(error) => break error.kind(),
            }
            assert!(sent < 16 << 20, "all that is sent is taken");
        };
        assert_eq!(end, ErrorKind::WouldBlock, "after {sent} bytes");
        deaf.push(stream);
    }
    let grown = resident(&daemon).saturating_sub(before);
    assert!(grown < 32, "{grown} MB for 4 connections");
    until("each is cut off, and counted", || (rejected(&world, "timeout") >= 4).then_some(()));
}

#[test]
fn idle_connections_shut_nobody_out() {
    let world = World::new("30s");
    let _daemon = world.start();
    let token = world.token();
    for (what, says) in [("idle", ""), ("half a head", "GET /v1/introspect HTTP/1.1\r\nHo")] {
        let strangers = connect(world.listen, 1_100, says);
        for _ in 0..50 {
            assert!(verifier_is_served(&world, &token), "{what}: a newcomer on `listen`");
        }
        drop(strangers);
        let strangers = connect(world.metrics, 1_100, says);
        for _ in 0..50 {
            let answer = call(world.metrics, "GET", "/healthz", &[], "").expect(what);
            assert_eq!(answer.status, 200, "{what}: a newcomer on `metrics_listen`");
        }
        world.ok(&["health"]);
        drop(strangers);
    }
    assert!(rejected(&world, "connections") > 100, "those who went are counted");
}

#[test]
fn a_known_client_is_never_shown_out_for_a_newcomer() {
    let world = World::new("30s");
    let _daemon = world.start();
    let ask = format!("GET /v1/nothing HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {VERIFIER}\r\n");
    let mut client = connect(world.listen, 1, &format!("{ask}\r\n")).remove(0);
    until("it is known", || (rejected(&world, "malformed") >= 1).then_some(()));
    let mut strangers = Vec::new();
    for _ in 0..7 {
        strangers.extend(connect(world.listen, 300, ""));
        // A client that is silent for long is closed for that, on a machine where they come slowly.
        client.write_all(format!("{ask}\r\n").as_bytes()).expect("it is still there");
    }
    client.write_all(format!("{ask}Connection: close\r\n\r\n").as_bytes()).expect("it is still there");
    let answer = until_closed(&mut client).unwrap_or_default();
    assert_eq!(answer.matches("HTTP/1.1 404").count(), 9, "{answer}");
}

#[test]
fn as_many_files_are_used_as_the_system_allows() {
    let world = World::new("30s");
    let daemon = with_files(&world, "ulimit -S -n 200");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", daemon.pid())).expect("limits");
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a line");
    let numbers: Vec<&str> = files.split_whitespace().collect();
    assert_eq!(numbers[0], numbers[1], "{files}");
    assert_ne!(numbers[0], "200");
}

#[test]
fn connections_leave_files_to_orders_and_to_the_store() {
    let world = World::new("30s");
    let daemon = with_files(&world, "ulimit -n 512");
    let _everywhere: Vec<Vec<TcpStream>> =
        [world.listen, world.metrics].map(|port| connect(port, 600, "")).into();
    let token = world.token();
    assert!(verifier_is_served(&world, &token), "a newcomer");
    world.ok(&["health"]);
    world.ok(&["revoke", SECRET, "--all", "--yes"]);
    until("it is replaced", || (world.token() != token).then_some(()));
    let complaints = daemon.log().matches("could not be accepted").count();
    assert_eq!(complaints, 0, "{}", daemon.log());
    assert!(daemon.log().contains("512 files"), "it says why it takes fewer: {}", daemon.log());
}
