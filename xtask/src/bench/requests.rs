//! What an answer costs the server, beside a bare axum route that answers the same.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    thread,
};

use anyhow::{Context, Result, ensure};

use super::{
    Figure,
    daemon::{CREDENTIAL, Daemon, Server, fresh_folder},
    median,
};

const ROUNDS: usize = 11;
const CONNECTIONS: usize = 4;
/// Each; a round has to last much longer than the clock tick in which CPU time is counted.
const REQUESTS: usize = 8_000;

pub(super) fn run(daemon: &Path, bare: &Path) -> Result<Vec<Figure>> {
    let daemon = Daemon::start(daemon, &fresh_folder("requests")?, 1, "")?;
    let bare = Server::bare(bare)?;
    let token = daemon.ask(&["token", "mcp/bench-0000"])?;
    let token = token.trim();
    let body = format!("token={token}");
    let introspect = format!(
        "POST /v1/introspect HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {CREDENTIAL}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let authorize = format!(
        "GET /v1/authorize HTTP/1.1\r\nHost: bench\r\nCrossfade-Credential: {CREDENTIAL}\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    );
    Ok(vec![
        beside("introspect / bare axum route", &daemon.server, &bare, &introspect, "\"active\":true")?,
        beside("authorize / bare axum route", &daemon.server, &bare, &authorize, "crossfade-stage: current")?,
    ])
}

/// The same request to both, in turns.
fn beside(name: &'static str, ours: &Server, bare: &Server, request: &str, accepted: &str) -> Result<Figure> {
    // Once for warmth, and to see that both answer what is to be compared.
    let (answer, theirs) = (load(ours, request)?, load(bare, request)?);
    ensure!(answer.contains(accepted), "answered {answer}");
    let (size, their_size) = (body_size(&answer)?, body_size(&theirs)?);
    ensure!(size.abs_diff(their_size) <= 16, "answers of {size} and {their_size} bytes can't be compared");

    let [mut costs, mut bare_costs, mut ratios] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        let theirs = cpu_micros(bare, request)?;
        let ours = cpu_micros(ours, request)?;
        costs.push(ours);
        bare_costs.push(theirs);
        ratios.push(ours / theirs);
    }
    let told = format!("{:.1} µs against {:.1} µs of CPU time", median(costs), median(bare_costs));
    Ok(Figure::ratio(name, median(ratios), 1.8, told))
}

/// CPU time of the server for each request.
fn cpu_micros(server: &Server, request: &str) -> Result<f64> {
    let before = server.cpu_ticks()?;
    load(server, request)?;
    let ticks = server.cpu_ticks()? - before;
    ensure!(ticks > 10, "the round was too short for the clock");
    Ok(ticks as f64 * 10_000.0 / (CONNECTIONS * REQUESTS) as f64)
}

/// Sends the request again and again on a few connections that stay open. Returns one answer.
fn load(server: &Server, request: &str) -> Result<String> {
    let connection = || -> Result<String> {
        let mut stream = TcpStream::connect(server.address)?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; 4096];
        stream.write_all(request.as_bytes())?;
        let size = stream.read(&mut buffer)?;
        let first = String::from_utf8(buffer[..size].to_vec())?;
        ensure!(first.starts_with("HTTP/1.1 200"), "answered {first}");
        for _ in 1..REQUESTS {
            stream.write_all(request.as_bytes())?;
            // A short answer comes in one piece; the count of bytes tells that it is the same one.
            let again = stream.read(&mut buffer)?;
            ensure!(again == size && buffer.starts_with(b"HTTP/1.1 200"), "another answer than before");
        }
        Ok(first)
    };
    thread::scope(|scope| {
        let all: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(connection)).collect();
        let mut answer = String::new();
        for one in all {
            answer = one.join().ok().context("a connection's thread broke down")??;
        }
        Ok(answer)
    })
}

fn body_size(answer: &str) -> Result<usize> {
    Ok(answer.split_once("\r\n\r\n").context("an answer without a body")?.1.len())
}
