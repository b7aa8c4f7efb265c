//! Introspection at a steady pace, over TLS, and how long each answer took.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};

use super::{daemon::CREDENTIAL, now, pause};

const CONNECTIONS: usize = 4;
/// Of each connection.
const EVERY: Duration = Duration::from_millis(4);

pub(super) struct Probe {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    request: String,
}

impl Probe {
    pub(super) fn new(address: SocketAddr, tls: Arc<ClientConfig>, token: &str) -> Self {
        let body = format!("token={token}");
        let request = format!(
            "POST /v1/introspect HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {CREDENTIAL}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Self { address, tls, request }
    }

    /// How long answers took while this was done, in ms.
    pub(super) fn during<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<(Vec<f64>, T)> {
        let is_over = AtomicBool::new(false);
        let connections = (0..CONNECTIONS).map(|_| self.connect()).collect::<Result<Vec<_>>>()?;
        thread::scope(|scope| {
            let connections = connections.into_iter();
            let probes: Vec<_> =
                connections.map(|stream| scope.spawn(|| self.ask(stream, &is_over))).collect();
            let done = work();
            is_over.store(true, Ordering::Relaxed);
            let mut all = Vec::new();
            for probe in probes {
                all.extend(probe.join().ok().context("a probe's thread broke down")??);
            }
            Ok((all, done?))
        })
    }

    fn ask(&self, mut stream: Stream, is_over: &AtomicBool) -> Result<Vec<f64>> {
        let (mut times, mut buffer) = (Vec::new(), vec![0; 4096]);
        let mut due = now();
        while !is_over.load(Ordering::Relaxed) {
            // An answer that is late delays the requests after it: they count from when they were due.
            due += EVERY;
            let early = due.saturating_duration_since(now());
            pause(early);
            let began = if early.is_zero() { due } else { now() };
            stream.write_all(self.request.as_bytes())?;
            let size = stream.read(&mut buffer)?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            ensure!(buffer[..size].starts_with(b"HTTP/1.1 200"), "introspection was not answered");
        }
        Ok(times)
    }

    fn connect(&self) -> Result<Stream> {
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost")?;
        let mut stream = StreamOwned::new(ClientConnection::new(Arc::clone(&self.tls), name)?, stream);
        stream.conn.complete_io(&mut stream.sock)?;
        Ok(stream)
    }
}

type Stream = StreamOwned<ClientConnection, TcpStream>;
