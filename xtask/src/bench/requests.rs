//! What an answer costs the server, beside a bare axum route that answers the same.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    thread,
};

use anyhow::{Context, Result, ensure};

use super::{
    Figure,
    daemon::{CREDENTIAL, Daemon, Server, fresh_folder},
    median,
};

/// Of CPU time.
const GOAL: f64 = 1.15;
const ROUNDS: usize = 11;
const CONNECTIONS: usize = 4;
/// Each; a round has to last much longer than the clock tick in which CPU time is counted.
const REQUESTS: usize = 8_000;

pub(super) fn run(daemon: &Path, bare: &Path) -> Result<Vec<Figure>> {
    let daemon = Daemon::start(daemon, &fresh_folder("requests")?, 1, "")?;
    let bare = Server::bare(Command::new(bare))?;
    let token = daemon.ask(&["token", "mcp/bench-0000"])?;
    let figure = |name, request: &str, answer| {
        let [ours, theirs] = [&daemon.server, &bare].map(|server| Asked { server, request, answer });
        let theirs = Asked { answer: "", ..theirs };
        let (size, their_size) = (body_size(&ours.load()?)?, body_size(&theirs.load()?)?);
        ensure!(
            size.abs_diff(their_size) <= 16,
            "answers of {size} and {their_size} bytes can't be compared"
        );
        beside(name, Some(GOAL), &ours, &theirs)
    };
    let token = token.trim();
    Ok(vec![
        figure("introspect / bare axum route", &introspect(token), "\"active\":true")?,
        figure("authorize / bare axum route", &authorize(token), "crossfade-stage: current")?,
    ])
}

pub(super) fn introspect(token: &str) -> String {
    let body = format!("token={token}");
    format!(
        "POST /v1/introspect HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {CREDENTIAL}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

pub(super) fn authorize(token: &str) -> String {
    format!(
        "GET /v1/authorize HTTP/1.1\r\nHost: bench\r\nCrossfade-Credential: {CREDENTIAL}\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
}

/// A server, and what it is asked again and again.
pub(super) struct Asked<'a> {
    pub(super) server: &'a Server,
    pub(super) request: &'a str,
    /// Stands in the answer that is to be compared.
    pub(super) answer: &'a str,
}

/// What one of ours costs beside one of theirs, in turns.
pub(super) fn beside(
    name: &'static str,
    goal: Option<f64>,
    ours: &Asked<'_>,
    theirs: &Asked<'_>,
) -> Result<Figure> {
    // Once for warmth, and to see that both answer what is to be compared.
    for asked in [ours, theirs] {
        let answer = asked.load()?;
        ensure!(answer.contains(asked.answer), "answered {answer}");
    }
    let [mut costs, mut their_costs, mut ratios] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let (theirs, ours) = (theirs.cpu_micros()?, ours.cpu_micros()?);
        costs.push(ours);
        their_costs.push(theirs);
        ratios.push(ours / theirs);
    }
    let told = format!("{:.1} µs against {:.1} µs of CPU time", median(costs), median(their_costs));
    Ok(Figure { name, value: median(ratios), goal, unit: "×", told })
}

impl Asked<'_> {
    fn load(&self) -> Result<String> {
        load(self.server, self.request)
    }

    /// CPU time of the server for each request.
    fn cpu_micros(&self) -> Result<f64> {
        let before = self.server.cpu_ticks()?;
        self.load()?;
        let ticks = self.server.cpu_ticks()? - before;
        ensure!(ticks > 10, "the round was too short for the clock");
        Ok(ticks as f64 * 10_000.0 / (CONNECTIONS * REQUESTS) as f64)
    }
}

/// Sends the request again and again on a few connections that stay open. Returns one answer.
fn load(server: &Server, request: &str) -> Result<String> {
    thread::scope(|scope| {
        let connection = || ask(server, request, REQUESTS);
        let all: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(connection)).collect();
        let mut answer = String::new();
        for one in all {
            answer = one.join().ok().context("a connection's thread broke down")??;
        }
        Ok(answer)
    })
}

/// Sends the request so often on a connection that stays open. Returns one answer.
pub(super) fn ask(server: &Server, request: &str, times: usize) -> Result<String> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; 4096];
    stream.write_all(request.as_bytes())?;
    let size = stream.read(&mut buffer)?;
    let first = String::from_utf8(buffer[..size].to_vec())?;
    ensure!(first.starts_with("HTTP/1.1 200"), "answered {first}");
    for _ in 1..times {
        stream.write_all(request.as_bytes())?;
        // A short answer comes in one piece; the count of bytes tells that it is the same one.
        let again = stream.read(&mut buffer)?;
        ensure!(again == size && buffer.starts_with(b"HTTP/1.1 200"), "another answer than before");
    }
    Ok(first)
}

fn body_size(answer: &str) -> Result<usize> {
    Ok(answer.split_once("\r\n\r\n").context("an answer without a body")?.1.len())
}
