//! Who does what, from loopback, with the credential of a verifier or a bot that was stolen, or with none. Each goes on until
//! it is told to stop.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use super::world::BOT;

/// What is attacked, and with which stolen credential.
pub(super) struct Target {
    pub(super) listen: u16,
    pub(super) metrics: u16,
    /// Of a verifier.
    pub(super) stolen: String,
}

pub(super) type Attack = fn(&Target, &AtomicBool);

/// More than a listener takes of strangers.
const MANY: usize = 1_500;
/// Requests that are sent without waiting for answers.
const PIPELINED: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);

/// The wrong role, again and again: each refusal is written down.
pub(super) fn refused_hand_outs(target: &Target, over: &AtomicBool) {
    let request = hand_out(&target.stolen);
    by_eight(over, || drop(sent(target.listen, &request)));
}

/// Bots with short time-outs, or a stolen credential of one.
pub(super) fn hand_outs_that_nobody_waits_for(target: &Target, over: &AtomicBool) {
    let request = hand_out(BOT);
    by_eight(over, || drop(sent(target.listen, &request)));
}

pub(super) fn scrapes_that_nobody_reads(target: &Target, over: &AtomicBool) {
    let scrapes = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(PIPELINED);
    hold(target.metrics, scrapes.as_bytes(), over);
}

pub(super) fn answers_that_nobody_reads(target: &Target, over: &AtomicBool) {
    hold(target.listen, anonymous_authorize().repeat(PIPELINED).as_bytes(), over);
}

/// On both listeners, so that as many files are open as can be.
pub(super) fn every_connection(target: &Target, over: &AtomicBool) {
    thread::scope(|scope| {
        scope.spawn(|| hold(target.metrics, b"", over));
        hold(target.listen, b"", over);
    });
}

pub(super) fn silent_strangers(target: &Target, over: &AtomicBool) {
    hold(target.listen, b"POST /v1/introspect HTTP/1.1\r\n", over);
}

pub(super) fn bodies_that_do_not_come(target: &Target, over: &AtomicBool) {
    let head = format!(
        "POST /v1/introspect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/x-www-form-urlencoded\r\nContent-Length: 60\r\n\r\n",
        target.stolen
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| hold(target.listen, head.as_bytes(), over));
        }
    });
}

pub(super) fn held_requests(target: &Target, over: &AtomicBool) {
    let head = format!(
        "GET /v1/accept-set?audience={} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nPrefer: \
         wait=60\r\nIf-None-Match: \"none\"\r\n\r\n",
        super::world::AUDIENCE,
        target.stolen
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| hold(target.listen, head.as_bytes(), over));
        }
    });
}

/// As fast as they are answered: unknown tokens, each of which asks for a fresh view, and reports.
pub(super) fn questions_and_reports(target: &Target, over: &AtomicBool) {
    let report = format!(
        r#"{{"audience": "{}", "instance": "stolen", "counts": [{{"verdict": "unknown", "count": 1, "last_ms_ago": 1}}]}}"#,
        super::world::AUDIENCE
    );
    let requests = [
        ("/v1/introspect", "application/x-www-form-urlencoded", "token=nobody-s"),
        ("/v1/reports", "application/json", &report),
    ]
    .map(|(path, kind, body)| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Type: {kind}\r\nContent-Length: \
             {}\r\n\r\n{body}",
            target.stolen,
            body.len()
        )
    });
    let requests = requests.concat().repeat(PIPELINED / 2);
    by_eight(over, || ask(target.listen, requests.as_bytes()));
}

/// As a proxy without its credential: each refusal was a line of the log.
pub(super) fn refused_proxies(target: &Target, over: &AtomicBool) {
    let requests = anonymous_authorize().repeat(PIPELINED);
    by_eight(over, || ask(target.listen, requests.as_bytes()));
}

fn hand_out(credential: &str) -> Vec<u8> {
    let secret = "mcp%2Fslack-bot-token";
    format!("GET /v1/token?secret={secret} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {credential}\r\n\r\n")
        .into_bytes()
}

fn anonymous_authorize() -> String {
    "GET /v1/authorize HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer t\r\n\r\n".to_owned()
}

/// A connection on which this was sent.
fn sent(port: u16, bytes: &[u8]) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.set_write_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(bytes)?;
    Ok(stream)
}

/// Sends this, and reads whatever is answered.
fn ask(port: u16, bytes: &[u8]) {
    let Ok(mut stream) = sent(port, bytes) else { return };
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

fn by_eight(over: &AtomicBool, act: impl Fn() + Sync) {
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    act();
                }
            });
        }
    });
}

/// Keeps as many connections as it gets, on each of which that was sent, and reads nothing. Those that the daemon ends
/// are made again.
fn hold(port: u16, bytes: &[u8], over: &AtomicBool) {
    let mut held = Vec::new();
    while !over.load(Ordering::Relaxed) {
        held.retain(stands);
        while held.len() < MANY && !over.load(Ordering::Relaxed) {
            let Ok(stream) = sent(port, bytes) else { break };
            let _ = stream.set_nonblocking(true);
            held.push(stream);
        }
        thread::sleep(PAUSE);
    }
}

/// Whether the daemon has not ended it. What it has answered stays unread.
fn stands(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
    }
}
