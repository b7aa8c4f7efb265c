//! A daemon that does what its script says, and what a test knows of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crossfade_verify::{
    AcceptSet, Digest, Entry, Grant, Source, Stage, Verdict, Verifier,
    feed::{Event, Feed},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub(crate) const AUDIENCE: &str = "https://mcp.example.com/slack";
pub(crate) const TOKEN: &str = "the-token-that-is-current";
pub(crate) const NEW: &str = "the-token-that-comes-next";
pub(crate) const STRANGE: &str = "the-token-of-a-stranger";
pub(crate) const NOW: u64 = 1_795_000_000_000;

/// A request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) head: String,
    pub(crate) body: String,
    /// How many came to this server before.
    pub(crate) before: usize,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub(crate) fn is_held(&self) -> bool {
        self.header("prefer").is_some()
    }

    pub(crate) fn is_report(&self) -> bool {
        self.head.starts_with("POST /v1/reports ")
    }
}

/// What is done with a request.
pub(crate) enum Reply {
    /// These bytes.
    Raw(Vec<u8>),
    /// These bytes, and the connection ends.
    Last(Vec<u8>),
    /// Nothing, ever.
    Silence,
    /// The connection ends.
    Drop,
    /// What that script says, once it may.
    Late(Arc<Script>, Arc<May>),
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;
type May = dyn Fn() -> bool + Send + Sync;

/// It ends with its test.
pub(crate) struct Server {
    pub(crate) url: String,
    cut: Arc<tokio::sync::Notify>,
    script: Arc<Mutex<Arc<Script>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Connections that are open.
    pub(crate) open: Arc<()>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let script: Arc<Mutex<Arc<Script>>> = Arc::new(Mutex::new(Arc::new(script)));
        let (asked, open) = (Arc::default(), Arc::new(()));
        let cut = Arc::new(tokio::sync::Notify::new());
        let of_task = (Arc::clone(&script), Arc::clone(&asked), Arc::clone(&open), Arc::clone(&cut));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (script, asked, open, cut) = of_task.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        () = serve(stream, &script, &asked, open) => {}
                        () = cut.notified() => {}
                    }
                });
            }
        });
        Self { url, cut, script, asked, open, task }
    }

    /// From now on it does this.
    pub(crate) fn now(&self, script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) {
        *self.script.lock().expect("a lock") = Arc::new(script);
    }

    /// From now on it does this, once it may.
    pub(crate) fn late(
        &self,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
        may: impl Fn() -> bool + Send + Sync + 'static,
    ) {
        let (script, may): (Arc<Script>, Arc<May>) = (Arc::new(script), Arc::new(may));
        self.now(move |_| Reply::Late(Arc::clone(&script), Arc::clone(&may)));
    }

    /// Every connection ends.
    pub(crate) fn hang_up(&self) {
        self.cut.notify_waiters();
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("a lock").clone()
    }

    pub(crate) fn connections(&self) -> usize {
        // Ours, and the listener's.
        Arc::strong_count(&self.open) - 2
    }
}

async fn serve(
    mut stream: TcpStream,
    script: &Mutex<Arc<Script>>,
    asked: &Mutex<Vec<Asked>>,
    _open: Arc<()>,
) {
    while let Some(request) = read(&mut stream, asked).await {
        let script = Arc::clone(&script.lock().expect("a lock"));
        let mut reply = script(&request);
        while let Reply::Late(script, may) = &reply {
            until("it may", || may()).await;
            reply = script(&request);
        }
        match reply {
            Reply::Raw(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Reply::Last(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return;
            }
            Reply::Silence => {
                // Until the other end is gone.
                let mut rest = [0; 1];
                let _ = stream.read(&mut rest).await;
                return;
            }
            Reply::Drop | Reply::Late(..) => return,
        }
    }
}

async fn read(stream: &mut TcpStream, asked: &Mutex<Vec<Asked>>) -> Option<Asked> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().expect("a length")) {
                let mut asked = asked.lock().expect("a lock");
                let request = Asked { head: head.to_owned(), body: body.to_owned(), before: asked.len() };
                asked.push(request.clone());
                return Some(request);
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(read @ 1..) => bytes.extend_from_slice(&more[..read]),
            _ => return None,
        }
    }
}

/// A set of these tokens, each a version named after it.
pub(crate) fn set(tokens: &[&str]) -> AcceptSet {
    set_of(AUDIENCE, tokens)
}

pub(crate) fn set_of(audience: &str, tokens: &[&str]) -> AcceptSet {
    let entry = |token: &&str| Entry {
        digest: Digest::of(token.as_bytes()),
        secret: "mcp/slack-bot-token".into(),
        version: (*token).into(),
        stage: Stage::Current,
        client_id: "slack-bot".into(),
        scopes: [].into(),
        created_ms: NOW - 1,
        grace_ms: 14_400_000,
        not_after_ms: None,
    };
    AcceptSet::new(audience, 60_000, 86_400_000, tokens.iter().map(entry).collect()).expect("a good set")
}

/// Of the daemon's answers.
pub(crate) struct Timed {
    pub(crate) now_ms: u64,
    pub(crate) age_ms: u64,
}

pub(crate) const TIMED: Timed = Timed { now_ms: NOW, age_ms: 10 };

/// The answer to that request: the set, or that it has not changed.
pub(crate) fn answer(asked: &Asked, set: &AcceptSet, Timed { now_ms, age_ms }: Timed) -> Vec<u8> {
    let json = set.to_json();
    let etag = format!("\"{}\"", Digest::of(json.as_bytes()));
    let nonce = asked.header("crossfade-nonce").unwrap_or_default();
    let timing = format!("now={now_ms}, age={age_ms}, held=0, nonce={nonce}");
    let (status, body) = if asked.header("if-none-match") == Some(&etag) {
        ("304 Not Modified", "")
    } else {
        ("200 OK", &*json)
    };
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!("HTTP/1.1 {status}\r\netag: {etag}\r\ncrossfade-timing: {timing}\r\n{length}\r\n{body}")
        .into_bytes()
}

/// What a daemon does: holds what is to be held, takes reports, answers the rest.
pub(crate) fn good(tokens: &'static [&'static str]) -> impl Fn(&Asked) -> Reply + Send + Sync + 'static {
    let set = set(tokens);
    move |asked| {
        let etag = format!("\"{}\"", Digest::of(set.to_json().as_bytes()));
        if asked.is_report() {
            Reply::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec())
        } else if asked.is_held() && asked.header("if-none-match") == Some(&etag) {
            Reply::Silence
        } else {
            Reply::Raw(answer(asked, &set, TIMED))
        }
    }
}

/// What was told, in words.
pub(crate) type Told = Arc<Mutex<Vec<String>>>;

pub(crate) fn feed(urls: &str) -> (Feed, Told) {
    let told = Told::default();
    let into = Arc::clone(&told);
    let hook = move |event: &Event<'_>| into.lock().expect("a lock").push(event.to_string());
    (Feed::http(urls, "cfc_a-credential-for-tests").instance("pod-1").on_event(hook), told)
}

pub(crate) fn has(told: &Told, words: &str) -> bool {
    told.lock().expect("a lock").iter().any(|line| line.contains(words))
}

/// Waits for a condition, not for a time.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never came: {what}");
}

pub(crate) fn accepts(verifier: &Verifier, token: &str) -> bool {
    matches!(verifier.verify(token), Verdict::Accepted(_))
}

/// Which version's token was accepted.
pub(crate) fn version(grant: &Grant) -> &str {
    match grant.source() {
        Source::Secret(secret) => secret.version(),
        other => panic!("{other:?}"),
    }
}
