//! One proxy that runs before a server of its own, and what a caller can do to it.

use std::{
    fmt,
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    path::Path,
    time::Duration,
};

use crossfade_testing_fleet::{
    free_port,
    process::{Answer, Daemon, call},
};

use crate::{
    program::{Ports, Proxy},
    upstream::Upstream,
    world::until,
};

pub(crate) struct Front {
    pub(crate) proxy: Proxy,
    pub(crate) upstream: Upstream,
    pub(crate) port: u16,
    _running: Daemon,
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.proxy)
    }
}

impl Front {
    /// One that may not listen yet; none where the proxy is not on this machine.
    pub(crate) fn start(proxy: Proxy, folder: &Path, crossfade: u16) -> Option<Self> {
        Self::changed(proxy, folder, crossfade, |_| {})
    }

    /// The same with its files changed, which are in that folder.
    pub(crate) fn changed(
        proxy: Proxy,
        folder: &Path,
        crossfade: u16,
        change: impl FnOnce(&Path),
    ) -> Option<Self> {
        let program = proxy.program()?;
        let (upstream, behind) = Upstream::start();
        let ports = Ports { crossfade, upstream: behind, listen: free_port(), question: free_port() };
        let mut command = proxy.command(&program, folder, &ports);
        change(folder);
        let running = Daemon::start(&mut command);
        Some(Self { proxy, upstream, port: ports.listen, _running: running })
    }

    /// Waits for it. Some listen before they know what to do.
    pub(crate) fn is_up(&self) {
        until(&format!("{self:?} answers"), || {
            self.try_to_ask("GET", "/", &[], "").filter(|answer| answer.status != 404)
        });
    }

    fn try_to_ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
        call(self.port, method, path, headers, body).ok()
    }

    pub(crate) fn ask(&self, headers: &[(&str, &str)]) -> Answer {
        self.post("/mcp", headers, "")
    }

    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let answer = self.try_to_ask("POST", path, headers, body);
        answer.unwrap_or_else(|| panic!("{self:?} gives no answer to {headers:?}"))
    }

    /// The same, until the daemon knows.
    pub(crate) fn verdict(&self, headers: &[(&str, &str)]) -> Answer {
        self.settled(|| self.ask(headers))
    }

    /// Asks until the daemon knows: on a machine that is busy its view may be too old for a moment.
    pub(crate) fn settled(&self, mut ask: impl FnMut() -> Answer) -> Answer {
        until(&format!("{self:?} knows"), || Some(ask()).filter(|answer| answer.status != 503))
    }

    /// Sends what stands there, and leaves the connection open.
    pub(crate) fn open(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a socket");
        stream.write_all(request.as_bytes()).expect("a write");
        stream
    }

    /// Announces a body in that header, sends none of it, and reads the status; 0 where there is none even when the
    /// caller has said that nothing more will come.
    pub(crate) fn announce_a_body(&self, authorization: &str, header: &str, then: Then) -> u16 {
        let mut stream = self.open(&format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n{header}\r\n\r\n"
        ));
        if then == Then::HangUp {
            stream.shutdown(Shutdown::Write).expect("a socket");
        }
        let mut head = [0; 12];
        let read = stream.read_exact(&mut head);
        read.map_or(0, |()| String::from_utf8_lossy(&head[9..]).parse().expect("a status"))
    }
}

/// What a caller does who sends no body.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Wait,
    HangUp,
}

/// Reads on until that has come; what has come instead, where it does not.
pub(crate) fn read_until(stream: &mut TcpStream, text: &mut String, found: &str) -> Result<(), String> {
    let mut bytes = [0; 4096];
    while !text.contains(found) {
        match stream.read(&mut bytes) {
            Ok(read @ 1..) => text.push_str(&String::from_utf8_lossy(&bytes[..read])),
            end => return Err(format!("{end:?} and no {found} after {text}")),
        }
    }
    Ok(())
}
