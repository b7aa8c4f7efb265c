//! Many verifiers at once: each a task that holds a request open on a connection of its own, and comes back after it
//! has lost that, as those of `crossfade-verify` do. It applies nothing: what is measured is the daemon.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    net::SocketAddr,
    process::Command,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    runtime::{Builder, Runtime},
    sync::watch,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, HandshakeKind, client::Resumption, pki_types::ServerName},
};

use super::{daemon::AUDIENCE, now, wire};

/// The times of `verify/src/feed/follow.rs` and `pace.rs`.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
const HELD_LIMIT: Duration = Duration::from_secs(40);
pub(super) const BACKOFF: Duration = Duration::from_millis(500);
const BACKOFF_CAP: Duration = Duration::from_secs(10);

const PATIENCE: Duration = Duration::from_secs(60);
/// So long without news, and all is over.
const SILENCE: Duration = Duration::from_millis(300);

/// What happens to one of them.
pub(super) enum Event {
    /// It has another content.
    Has { who: usize, at: Instant },
    /// It is connected, and has asked; whether it resumed a TLS session.
    Asked { who: usize, resumed: bool },
    /// It was held until a heartbeat was due.
    Heartbeat,
    /// It lost its connection, or got none.
    Failed { who: usize },
}

/// All of them.
pub(super) struct Verifiers {
    size: usize,
    events: mpsc::Receiver<Event>,
    cut: watch::Sender<Duration>,
    _runtime: Runtime,
}

impl Verifiers {
    /// `each` verifiers with each of the credentials. `polite`: whatever else runs on this machine goes first.
    pub(super) fn start(
        address: SocketAddr,
        credentials: &[String],
        each: usize,
        tls: Option<&ClientConfig>,
        polite: bool,
    ) -> Result<Self> {
        let runtime = runtime(polite)?;
        let (news, events) = mpsc::channel();
        let (cut, cuts) = watch::channel(Duration::ZERO);
        for (n, credential) in credentials.iter().enumerate() {
            for instance in 0..each {
                let who = n * each + instance;
                let tls = tls.map(|tls| {
                    // A store of sessions for each: they are different machines.
                    let mut tls = tls.clone();
                    tls.resumption = Resumption::in_memory_sessions(4);
                    TlsConnector::from(Arc::new(tls))
                });
                let head = format!(
                    "GET /v1/accept-set?audience={} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {credential}\r\n\
                     Crossfade-Instance: pod-{who}\r\n",
                    AUDIENCE.replace(':', "%3A").replace('/', "%2F")
                );
                let verifier =
                    Verifier { who, address, tls, head, tag: String::new(), failures: 0, news: news.clone() };
                runtime.spawn(verifier.run(cuts.clone()));
                // A listener's queue is not what is measured here.
                if who % 50 == 49 {
                    super::pause(Duration::from_millis(20));
                }
            }
        }
        Ok(Self { size: credentials.len() * each, events, cut, _runtime: runtime })
    }

    /// All lose their connections now, and each comes back after a pause of this at most. Waits until all have asked
    /// again.
    pub(super) fn reconnect(&self, at_most: Duration) -> Result<Back> {
        while self.events.try_recv().is_ok() {}
        let began = now();
        self.cut.send_replace(at_most);
        let (mut back, mut failed) = (vec![None; self.size], 0);
        let mut missing = self.size;
        while missing > 0 {
            let left = PATIENCE.saturating_sub(began.elapsed());
            match self.events.recv_timeout(left).context("not everybody comes back")? {
                Event::Asked { who, resumed } => {
                    missing -= usize::from(back[who].replace(resumed).is_none());
                }
                Event::Failed { who } => {
                    failed += 1;
                    missing += usize::from(back[who].take().is_some());
                }
                Event::Has { .. } | Event::Heartbeat => {}
            }
        }
        Ok(Back {
            took: began.elapsed(),
            resumed: back.iter().filter(|resumed| **resumed == Some(true)).count(),
            failed,
        })
    }

    /// Waits until all have another content, and nothing more comes.
    pub(super) fn spread(&self, began: Instant) -> Result<Spread> {
        let mut all = Spread { had: vec![None; self.size], pushes: 0, heartbeats: 0, failed: 0 };
        while let Some(event) = next(&self.events, began, || all.is_whole())? {
            match event {
                Event::Has { who, at } => {
                    all.had[who] = Some(at);
                    all.pushes += 1;
                }
                Event::Heartbeat => all.heartbeats += 1,
                Event::Asked { .. } => {}
                Event::Failed { .. } => all.failed += 1,
            }
        }
        Ok(all)
    }
}

/// The next event; none: all that was waited for has come, and nothing more.
pub(super) fn next<T>(
    events: &mpsc::Receiver<T>,
    began: Instant,
    is_done: impl Fn() -> bool,
) -> Result<Option<T>> {
    loop {
        match events.recv_timeout(SILENCE) {
            Ok(event) => return Ok(Some(event)),
            Err(_) if is_done() => return Ok(None),
            Err(_) => ensure!(began.elapsed() < PATIENCE, "not everybody gets the news"),
        }
    }
}

/// How everybody came back.
pub(super) struct Back {
    pub(super) took: Duration,
    /// How many TLS sessions were resumed.
    pub(super) resumed: usize,
    /// How often somebody got no connection, and tried again later.
    pub(super) failed: usize,
}

/// How a content came to everybody.
pub(super) struct Spread {
    /// When each had the last one.
    pub(super) had: Vec<Option<Instant>>,
    /// How often anybody got one.
    pub(super) pushes: usize,
    pub(super) heartbeats: usize,
    pub(super) failed: usize,
}

impl Spread {
    pub(super) fn is_whole(&self) -> bool {
        self.had.iter().all(Option::is_some)
    }
}

/// Threads for clients.
pub(super) fn runtime(polite: bool) -> Result<Runtime> {
    let be_polite = move || {
        if polite {
            // They stand for other machines. A thread that is merely nice keeps a processor until its slice ends.
            let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
            let _ = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).status();
        }
    };
    let mut runtime = Builder::new_multi_thread();
    runtime.worker_threads(2).on_thread_start(be_polite).enable_all().build().context("no runtime")
}

/// One of them.
struct Verifier {
    who: usize,
    address: SocketAddr,
    tls: Option<TlsConnector>,
    head: String,
    /// Of what it has.
    tag: String,
    failures: u32,
    news: mpsc::Sender<Event>,
}

impl Verifier {
    async fn run(mut self, mut cuts: watch::Receiver<Duration>) {
        loop {
            let at_most = tokio::select! {
                _ = self.follow() => {
                    self.tell(Event::Failed { who: self.who });
                    self.failures += 1;
                    (BACKOFF * (1 << (self.failures - 1).min(10))).min(BACKOFF_CAP)
                }
                cut = cuts.changed() => {
                    if cut.is_err() {
                        return;
                    }
                    self.failures = 1;
                    *cuts.borrow_and_update()
                }
            };
            tokio::time::sleep(at_most.mul_f64(random())).await;
        }
    }

    /// Asks again and again, until something fails.
    async fn follow(&mut self) -> io::Result<()> {
        let (mut io, resumed) = timeout(CONNECT_LIMIT, self.connect()).await??;
        let mut asked = false;
        let mut answer = wire::Answer::default();
        loop {
            let held = !self.tag.is_empty();
            let request = match &*self.tag {
                "" => format!("{}\r\n", self.head),
                tag => format!("{}If-None-Match: {tag}\r\nPrefer: wait=60\r\n\r\n", self.head),
            };
            io.write_all(request.as_bytes()).await?;
            if !std::mem::replace(&mut asked, true) {
                self.tell(Event::Asked { who: self.who, resumed });
            }
            let limit = if held { HELD_LIMIT } else { ANSWER_LIMIT };
            timeout(limit, answer.read(&mut io)).await??;
            match answer.status() {
                "200" => {
                    self.tell(Event::Has { who: self.who, at: now() });
                    answer.header("etag").unwrap_or_default().clone_into(&mut self.tag);
                }
                "304" => self.tell(Event::Heartbeat),
                _ => return Err(io::ErrorKind::InvalidData.into()),
            }
            self.failures = 0;
            if answer.header("connection") == Some("close") {
                return Ok(());
            }
        }
    }

    async fn connect(&self) -> io::Result<(Box<dyn Stream>, bool)> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        // A connection that is lost leaves no port behind that has to wait.
        stream.set_zero_linger()?;
        let Some(tls) = &self.tls else { return Ok((Box::new(stream), false)) };
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let stream = tls.connect(name, stream).await?;
        let resumed = stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed);
        Ok((Box::new(stream), resumed))
    }

    fn tell(&self, event: Event) {
        // Nobody listens any more when all is over.
        let _ = self.news.send(event);
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// From nothing to one.
fn random() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}
