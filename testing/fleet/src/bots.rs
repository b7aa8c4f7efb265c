//! Bots that play by the rules, and one that does not; what they are answered.

use std::{
    collections::BTreeMap,
    fmt,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Mutex,
    time::Duration,
};

/// What a request was answered; none: nothing, or not in time.
pub fn ask(address: SocketAddr, header: &str, token: &str) -> Option<u16> {
    let value = if header == "Authorization" { format!("Bearer {token}") } else { token.to_owned() };
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\n{header}: {value}\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(15))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    str::from_utf8(&head[9..]).ok()?.parse().ok()
}

/// Whether the request came past the layer: what the MCP server makes of a bare `ping` is its own matter.
pub fn passed(status: u16) -> bool {
    !matches!(status, 401 | 403 | 503)
}

/// Of one server.
#[derive(Default, Debug)]
pub struct Tally {
    /// Rightful tokens: let in, unsure (503), not answered, refused.
    pub accepted: u64,
    pub unsure: u64,
    pub silent: u64,
    pub wrongly_refused: u64,
    /// Tokens past their deadline: refused or unsure, and let in.
    pub kept_out: u64,
    pub accepted_late: u64,
}

#[derive(Default, Debug)]
pub struct Tallies(Mutex<BTreeMap<&'static str, Tally>>);

impl Tallies {
    pub fn count(&self, language: &'static str, count: impl FnOnce(&mut Tally)) {
        count(self.0.lock().expect("no panic").entry(language).or_default());
    }

    pub fn all(&self, holds: impl Fn(&Tally) -> bool) -> bool {
        self.0.lock().expect("no panic").values().all(holds)
    }
}

impl fmt::Display for Tallies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (language, tally) in &*self.0.lock().expect("no panic") {
            let Tally { accepted, unsure, silent, wrongly_refused, kept_out, accepted_late } = tally;
            writeln!(
                f,
                "{language:<11} rightful: {accepted} let in, {unsure} unsure, {silent} not answered, {wrongly_refused} \
                 WRONGLY REFUSED; past the deadline: {kept_out} kept out, {accepted_late} ACCEPTED LATE"
            )?;
        }
        Ok(())
    }
}
