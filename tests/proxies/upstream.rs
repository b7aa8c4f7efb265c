//! A server that knows nothing of Crossfade: it answers with what it was sent, and keeps it.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::world::until;

/// Where it answers with a stream of two events, the second one when it is told to: in chunks, as MCP's SDKs do, and
/// without, as HTTP/1.0 did, which proxies are more inclined to gather up.
pub(crate) const STREAMS: [&str; 2] = ["/events/in-chunks", "/events/to-the-end"];

/// Where it hangs up in place of an answer.
pub(crate) const BROKEN: &str = "/broken";

#[derive(Clone, Default)]
pub(crate) struct Upstream {
    /// Each request's head, from the moment at which it is here, whatever becomes of the body.
    heads: Arc<Mutex<Vec<String>>>,
    going_on: Arc<Mutex<Vec<String>>>,
    /// What came on all connections, but for the middle of what is long.
    bytes: Arc<Mutex<Vec<u8>>>,
}

/// Of a longer body the server tells no more than its length: `20000000 bytes`.
const ECHOED: usize = 64 * 1024;

impl Upstream {
    /// It, and its port.
    pub(crate) fn start() -> (Self, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let upstream = Self::default();
        let serving = upstream.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, serving) = (stream.expect("a connection"), serving.clone());
                // A proxy that hangs up gets no answer.
                thread::spawn(move || serving.answer(stream));
            }
        });
        (upstream, port)
    }

    /// What reached it until now.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().expect("no thread panics with it").clone()
    }

    /// Whether that came, on any connection, wherever it stood.
    pub(crate) fn has_seen(&self, text: &str) -> bool {
        let bytes = self.bytes.lock().expect("no thread panics with it");
        String::from_utf8_lossy(&bytes).to_ascii_lowercase().contains(&text.to_ascii_lowercase())
    }

    /// Lets the second event of that stream out.
    pub(crate) fn go_on(&self, path: &str) {
        self.going_on.lock().expect("no thread panics with it").push(path.to_owned());
    }

    fn answer(&self, mut stream: TcpStream) -> Option<()> {
        let mut request = Vec::new();
        let head = loop {
            self.read_more(&mut stream, &mut request)?;
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, _)) = text.split_once("\r\n\r\n") {
                break head.to_owned();
            }
        };
        self.heads.lock().expect("no thread panics with it").push(head.clone());
        if head.split(' ').nth(1) == Some(BROKEN) {
            return None;
        }
        let lower = head.to_ascii_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let whole = head.len() + 4 + length.unwrap_or(0);
        let is_chunked = lower.contains("\ntransfer-encoding: chunked");
        // Its trailers too.
        let is_over = |request: &[u8]| {
            if !is_chunked {
                return request.len() >= whole;
            }
            // Behind the last chunk there is little.
            let behind = &request[(head.len() + 2).max(request.len().saturating_sub(4096))..];
            request.ends_with(b"\r\n\r\n") && behind.windows(5).any(|part| part == b"\r\n0\r\n")
        };
        while !is_over(&request) {
            self.read_more(&mut stream, &mut request)?;
        }
        if let Some(path) = head.split(' ').nth(1).filter(|path| STREAMS.contains(path)) {
            return self.events(stream, path);
        }
        if request.len() > head.len() + ECHOED {
            let length = request.len() - head.len() - 4;
            request = format!("{head}\r\n\r\n{length} bytes").into_bytes();
        }
        // As one that knows of browsers would; and it names its session, as MCP's servers do.
        let answer = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nAccess-Control-Allow-Origin: *\r\nMcp-Session-Id: one\r\nContent-Length: {}\r\n\r\n",
            request.len()
        );
        stream.write_all(&[answer.as_bytes(), &request].concat()).ok()
    }

    fn events(&self, mut stream: TcpStream, path: &str) -> Option<()> {
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n";
        let [more, first, second] = if path == STREAMS[0] {
            let chunked = "Transfer-Encoding: chunked\r\n\r\n";
            [chunked, "d\r\ndata: first\n\n\r\n", "e\r\ndata: second\n\n\r\n0\r\n\r\n"]
        } else {
            ["\r\n", "data: first\n\n", "data: second\n\n"]
        };
        stream.write_all([head, more, first].concat().as_bytes()).ok()?;
        let going_on = || self.going_on.lock().expect("no thread panics with it").iter().any(|on| on == path);
        until("the second event may go", || going_on().then_some(()));
        stream.write_all(second.as_bytes()).ok()
    }

    fn read_more(&self, stream: &mut TcpStream, into: &mut Vec<u8>) -> Option<()> {
        let mut bytes = [0; 64 * 1024];
        let read = stream.read(&mut bytes).ok().filter(|read| *read > 0)?;
        into.extend_from_slice(&bytes[..read]);
        let mut seen = self.bytes.lock().expect("no thread panics with it");
        seen.extend_from_slice(&bytes[..read.min(4096)]);
        Some(())
    }
}
