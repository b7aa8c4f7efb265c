//! A message broker and its subscribers, to fan the same bytes out beside us: plain text over TCP, at most once, and
//! without an acknowledgement.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::process::CommandExt as _,
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
    daemon::{Server, free_address},
    now, pause,
    verifiers::{Spread, next, runtime},
};

/// Which one.
#[derive(Copy, Clone)]
pub(super) enum Kind {
    Nats,
    Redis,
}

impl Kind {
    fn command(self, program: &Path, port: u16) -> Command {
        let mut command = Command::new(program);
        let port = port.to_string();
        match self {
            Self::Nats => command.args(["-a", "127.0.0.1", "-p", &port]),
            Self::Redis => {
                let libraries = format!("../lib/{}-linux-gnu", std::env::consts::ARCH);
                command.env("LD_LIBRARY_PATH", program.with_file_name(libraries));
                // Debian has one program of several names.
                command.arg0("redis-server").args(["--bind", "127.0.0.1", "--port", &port, "--save", ""])
            }
        };
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn hello(self) -> &'static [u8] {
        match self {
            Self::Nats => b"CONNECT {\"verbose\":false,\"pedantic\":false}\r\n",
            Self::Redis => b"",
        }
    }

    fn subscribe(self) -> &'static [u8] {
        match self {
            Self::Nats => b"SUB set 1\r\nPING\r\n",
            Self::Redis => b"SUBSCRIBE set\r\n",
        }
    }

    fn publish(self, payload: &[u8]) -> Vec<u8> {
        let size = payload.len();
        let head = match self {
            Self::Nats => format!("PUB set {size}\r\n"),
            Self::Redis => format!("*3\r\n$7\r\nPUBLISH\r\n$3\r\nset\r\n${size}\r\n"),
        };
        [head.as_bytes(), payload, b"\r\n"].concat()
    }

    /// What a line means to a subscriber.
    fn understand(self, line: &str) -> Line {
        let mut words = line.split_ascii_whitespace();
        let number = |word: Option<&str>| word.and_then(|word| word.parse().ok()).unwrap_or(0);
        match (self, words.next()) {
            (Self::Nats, Some("MSG")) => Line::Payload(number(words.last())),
            (Self::Nats, Some("PONG")) => Line::Subscribed,
            (Self::Nats, Some("PING")) => Line::Ping,
            // `message`, the channel, the payload, each after its size; a subscription ends with a number.
            (Self::Redis, Some("$3")) => Line::Channel,
            _ => Line::Other,
        }
    }
}

enum Line {
    Payload(usize),
    /// Its name follows, and then in a message the size of the payload.
    Channel,
    Subscribed,
    Ping,
    Other,
}

pub(super) struct Broker {
    pub(super) server: Server,
    /// KiB, before anybody subscribed.
    pub(super) idle: u64,
    kind: Kind,
    size: usize,
    publisher: TcpStream,
    arrivals: mpsc::Receiver<(usize, Instant)>,
    _runtime: Runtime,
}

impl Broker {
    pub(super) fn start(kind: Kind, program: &Path, size: usize) -> Result<Self> {
        let address = free_address()?;
        let server = Server::listening(&mut kind.command(program, address.port()), address)?;
        pause(Duration::from_secs(1));
        let idle = server.resident_kib()?;
        let runtime = runtime(false)?;
        let (news, arrivals) = mpsc::channel();
        for who in 0..size {
            let news = news.clone();
            runtime.spawn(async move {
                // Whoever falls out is missed: not everybody gets the news.
                let _ = subscribe(kind, address, who, news).await;
            });
            if who % 50 == 49 {
                pause(Duration::from_millis(20));
            }
        }
        let publisher = TcpStream::connect(address)?;
        publisher.set_nodelay(true)?;
        (&publisher).write_all(kind.hello())?;
        let broker = Self { server, idle, kind, size, publisher, arrivals, _runtime: runtime };
        // Each says that its subscription stands.
        broker.spread(now())?;
        Ok(broker)
    }

    pub(super) fn publish(&self, payload: &[u8]) -> Result<(Instant, Spread)> {
        self.hear()?;
        let began = now();
        (&self.publisher).write_all(&self.kind.publish(payload))?;
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

    /// What the server has said to the publisher: how many had the last message, or that it wants to know whether that
    /// is still there.
    fn hear(&self) -> Result<()> {
        self.publisher.set_nonblocking(true)?;
        let mut said = [0; 4096];
        while let Ok(size) = (&self.publisher).read(&mut said) {
            ensure!(size > 0, "the broker has closed the connection");
        }
        self.publisher.set_nonblocking(false)?;
        if let Kind::Nats = self.kind {
            (&self.publisher).write_all(b"PONG\r\n")?;
        }
        Ok(())
    }
}

async fn subscribe(
    kind: Kind,
    address: SocketAddr,
    who: usize,
    news: mpsc::Sender<(usize, Instant)>,
) -> io::Result<()> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.set_zero_linger()?;
    let mut stream = BufReader::with_capacity(2048, stream);
    stream.write_all(kind.hello()).await?;
    stream.write_all(kind.subscribe()).await?;
    let (mut line, mut payload) = (String::new(), Vec::new());
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let size = match kind.understand(&line) {
            Line::Payload(size) => Some(size),
            Line::Channel => {
                line.clear();
                stream.read_line(&mut line).await?;
                line.clear();
                stream.read_line(&mut line).await?;
                line.trim_end().strip_prefix('$').map(str::parse).transpose().map_err(io::Error::other)?
            }
            Line::Subscribed => None,
            Line::Ping => {
                stream.write_all(b"PONG\r\n").await?;
                continue;
            }
            Line::Other => continue,
        };
        if let Some(size) = size {
            payload.resize(size + 2, 0);
            stream.read_exact(&mut payload).await?;
        }
        // Nobody listens any more when all is over.
        let _ = news.send((who, now()));
    }
}
