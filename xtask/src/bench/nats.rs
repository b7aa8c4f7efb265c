//! A NATS server and its subscribers, to fan the same bytes out beside us: plain text over TCP, at most once, and
//! without an acknowledgement.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    runtime::Runtime,
};

use super::{
    crowd::{Spread, next, runtime},
    daemon::{Server, free_address},
    now, pause,
};

const HELLO: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";

pub(super) struct Nats {
    pub(super) server: Server,
    /// KiB, before anybody subscribed.
    pub(super) idle: u64,
    size: usize,
    publisher: TcpStream,
    arrivals: mpsc::Receiver<(usize, Instant)>,
    _runtime: Runtime,
}

impl Nats {
    pub(super) fn start(program: &Path, size: usize) -> Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(program);
        command.args(["-a", "127.0.0.1", "-p", &address.port().to_string()]).stderr(Stdio::null());
        let server = Server::listening(&mut command, address)?;
        pause(Duration::from_secs(1));
        let idle = server.resident_kib()?;
        let runtime = runtime(false)?;
        let (news, arrivals) = mpsc::channel();
        for who in 0..size {
            let news = news.clone();
            runtime.spawn(async move {
                // Whoever falls out is missed: not everybody gets the news.
                let _ = subscribe(address, who, news).await;
            });
            if who % 50 == 49 {
                pause(Duration::from_millis(20));
            }
        }
        let publisher = TcpStream::connect(address)?;
        publisher.set_nodelay(true)?;
        (&publisher).write_all(HELLO)?;
        let nats = Self { server, idle, size, publisher, arrivals, _runtime: runtime };
        // Each says that its subscription stands.
        nats.spread(now())?;
        Ok(nats)
    }

    pub(super) fn publish(&self, payload: &[u8]) -> Result<(Instant, Spread)> {
        self.answer_pings()?;
        let began = now();
        let mut message = format!("PUB set {}\r\n", payload.len()).into_bytes();
        message.extend_from_slice(payload);
        message.extend_from_slice(b"\r\n");
        (&self.publisher).write_all(&message)?;
        Ok((began, self.spread(began)?))
    }

    fn spread(&self, began: Instant) -> Result<Spread> {
        let mut all = Spread { had: vec![None; self.size], pushes: 0, heartbeats: 0, failed: 0 };
        while let Some((who, at)) = next(&self.arrivals, began, || all.is_whole())? {
            all.had[who] = Some(at);
            all.pushes += 1;
        }
        Ok(all)
    }

    /// Whatever the server has said to the publisher, it wanted to know whether that is still there.
    fn answer_pings(&self) -> Result<()> {
        self.publisher.set_nonblocking(true)?;
        let mut said = [0; 4096];
        while let Ok(size) = (&self.publisher).read(&mut said) {
            ensure!(size > 0, "the NATS server has closed the connection");
        }
        self.publisher.set_nonblocking(false)?;
        (&self.publisher).write_all(b"PONG\r\n")?;
        Ok(())
    }
}

async fn subscribe(
    address: SocketAddr,
    who: usize,
    news: mpsc::Sender<(usize, Instant)>,
) -> std::io::Result<()> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.set_zero_linger()?;
    let mut stream = BufReader::with_capacity(2048, stream);
    stream.write_all(HELLO).await?;
    stream.write_all(b"SUB set 1\r\nPING\r\n").await?;
    let (mut line, mut payload) = (String::new(), Vec::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("MSG") => {
                let size: usize = words.last().unwrap_or_default().parse().map_err(std::io::Error::other)?;
                payload.resize(size + 2, 0);
                stream.read_exact(&mut payload).await?;
            }
            Some("PONG") => {}
            Some("PING") => {
                stream.write_all(b"PONG\r\n").await?;
                continue;
            }
            _ => continue,
        }
        // Nobody listens any more when all is over.
        let _ = news.send((who, now()));
    }
}
