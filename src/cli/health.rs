//! `health`: is the daemon alive? For a container's health check, where no shell and no curl is.
//!
//! It asks `/healthz` and nothing else: a parked secret is `status`'s matter, since a restart mends
//! none.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::{context::Context, exit::Exit, output};

/// For each step of the one request.
const TIMEOUT: Duration = Duration::from_secs(2);
/// The most that is read of an answer: its first line counts.
const ANSWER_BYTES: u64 = 512;

pub(super) fn run(context: &Context) -> Result<Exit> {
    let address = reachable(context.metrics_listen()?);
    ask(address, TIMEOUT).with_context(|| {
        format!(
            "no daemon is alive on http://{address}/healthz (`metrics_listen`): start it, or look into its log"
        )
    })?;
    output::say(&format!("alive: http://{address}/healthz answers"));
    Ok(Exit::Done)
}

/// Where a listener can be asked from its own machine.
fn reachable(listener: SocketAddr) -> SocketAddr {
    let ip = match listener.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listener.port())
}

/// Whether it answers 200.
fn ask(address: SocketAddr, timeout: Duration) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_write_timeout(Some(timeout))?;
    stream.set_read_timeout(Some(timeout))?;
    stream.write_all(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let first = answer.lines().next().unwrap_or_default();
    let mut words = first.split(' ');
    match (words.next(), words.next()) {
        (Some("HTTP/1.0" | "HTTP/1.1"), Some("200")) => Ok(()),
        _ => Err(io::Error::other(format!("it answers {first:?}, not 200"))),
    }
}

#[cfg(test)]
mod tests {
    use std::{net::TcpListener, thread};

    use super::*;

    /// Asks somebody who accepts one connection, and says this.
    fn asked(says: &'static str) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            stream.read_exact(&mut [0; 4]).expect("a request");
            stream.write_all(says.as_bytes()).expect("an answer");
            // Closed with something unread, it would be a reset that can overtake the answer.
            stream.shutdown(std::net::Shutdown::Write).expect("its end");
            drop(io::copy(&mut stream, &mut io::sink()));
        });
        let said = ask(address, Duration::from_secs(30));
        server.join().expect("it ends");
        said
    }

    #[test]
    fn only_an_answer_with_200_is_alive() {
        assert!(asked("HTTP/1.0 200 OK\r\n\r\nok\n").is_ok());
        assert!(asked("HTTP/1.1 200 OK\r\n\r\nok\n").is_ok());
        for dead in
            ["", "HTTP/1.1 503 Service Unavailable\r\n\r\n", "HTTP/1.1 404 Not Found\r\n\r\n", "200 OK\n"]
        {
            let error = asked(dead).expect_err(dead);
            assert!(error.to_string().contains("not 200"), "{error}");
        }
    }

    #[test]
    fn silence_is_not_alive() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        assert!(ask(address, Duration::from_millis(50)).is_err());
    }

    #[test]
    fn a_listener_on_every_address_is_asked_on_loopback() {
        for (listener, asked) in [
            ("0.0.0.0:8751", "127.0.0.1:8751"),
            ("[::]:8751", "[::1]:8751"),
            ("10.0.0.7:1", "10.0.0.7:1"),
            ("127.0.0.1:2", "127.0.0.1:2"),
        ] {
            let listener = listener.parse().expect("an address");
            assert_eq!(reachable(listener).to_string(), asked);
        }
    }
}
