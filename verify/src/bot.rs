//! For bots: the current token of a secret, from the daemon (`GET /v1/token`).
//!
//! It is kept in memory, and nowhere else, until the daemon said to ask again; or until a server refuses it. With the
//! daemon down the last one goes on: it is accepted for its whole grace.

use std::{error, fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::{
    clock::Moment,
    feed::{
        ConnectError, Feed, FeedError,
        wire::{Daemon, encoded, jitter},
    },
    json::{JsonError, Reader},
    token::{Shape, shape},
};

const CONNECT_LIMIT: Duration = Duration::from_secs(2);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The answer is a few hundred bytes.
const BODY_BYTES: usize = 16 * 1024;
/// How long to wait after a failure, at most: doubled with each, up to the cap.
const BACKOFF: Duration = Duration::from_millis(500);
const BACKOFF_CAP: Duration = Duration::from_secs(30);

/// A token, which is wiped when nobody holds it any more. It prints as its version.
pub struct Token {
    text: Zeroizing<String>,
    version: String,
    refresh_after_ms: u64,
}

impl Token {
    /// The token itself, for an `Authorization` header or a tool's definition. Don't log it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The version's id in the store.
    pub fn version(&self) -> &str {
        &self.version
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Why there is no token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenError {
    /// No replica could be asked, or none has given one.
    Daemon(FeedError),
    /// What came is no token.
    Answer,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon(error) => write!(f, "no token from the daemon: {error}"),
            Self::Answer => f.write_str("what the daemon sent is no token"),
        }
    }
}

impl error::Error for TokenError {}

/// The current token of one secret. Copies share it.
#[derive(Clone)]
pub struct TokenSource {
    inner: Arc<Inner>,
}

struct Inner {
    daemon: Daemon,
    target: String,
    kept: ArcSwapOption<Kept>,
    /// Whoever fetches holds it.
    fetching: Mutex<Backoff>,
}

struct Kept {
    token: Arc<Token>,
    fetched: Moment,
}

#[derive(Default)]
struct Backoff {
    failures: u32,
    /// On the boot clock.
    not_before_ms: u64,
    last: Option<TokenError>,
    /// The version for which a refusal has made us ask again.
    refused: Option<String>,
}

impl TokenSource {
    /// `feed` says where the daemon is and who asks: a client with the role `bot`. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the feed's settings.
    pub fn new(feed: &Feed, secret: &str) -> Result<Self, ConnectError> {
        let (daemon, target) = (feed.daemon()?, format!("/v1/token?secret={}", encoded(secret)));
        let (kept, fetching) = (ArcSwapOption::empty(), Mutex::default());
        Ok(Self { inner: Arc::new(Inner { daemon, target, kept, fetching }) })
    }

    /// The current token: the one that is kept, or where the daemon said to ask again, a new one. Take it anew for
    /// each run.
    ///
    /// # Errors
    ///
    /// Only where none is kept.
    pub async fn token(&self) -> Result<Arc<Token>, TokenError> {
        let kept = self.inner.kept();
        if let Some(kept) = kept.as_ref().filter(|kept| !self.inner.is_due(kept)) {
            return Ok(Arc::clone(&kept.token));
        }
        let fetched = match (self.inner.fetching.try_lock(), kept) {
            (Ok(mut backoff), _) => self.inner.fetch(&mut backoff, Inner::is_due).await,
            // Somebody is at it.
            (Err(_), Some(kept)) => return Ok(Arc::clone(&kept.token)),
            (Err(_), None) => {
                let mut backoff = self.inner.fetching.lock().await;
                self.inner.fetch(&mut backoff, Inner::is_due).await
            }
        };
        self.inner.kept().map_or_else(|| fetched, |kept| Ok(Arc::clone(&kept.token)))
    }

    /// After a server has refused a token with 401: the one that is current now, asked for once for each token that
    /// is refused. If it is the same again, the refusal has another reason: give up.
    ///
    /// # Errors
    ///
    /// Where the daemon can't be asked.
    pub async fn after_refusal(&self, refused: &Token) -> Result<Arc<Token>, TokenError> {
        let mut backoff = self.inner.fetching.lock().await;
        if backoff.refused.as_deref() == Some(refused.version()) {
            let kept = self.inner.kept();
            return kept.map(|kept| Arc::clone(&kept.token)).ok_or(TokenError::Answer);
        }
        let fetched = self.inner.fetch(&mut backoff, |_, kept| kept.token.version == refused.version).await;
        if fetched.is_ok() {
            backoff.refused = Some(refused.version.clone());
        }
        fetched
    }
}

impl Inner {
    fn kept(&self) -> Option<Arc<Kept>> {
        self.kept.load_full()
    }

    fn is_due(&self, kept: &Kept) -> bool {
        self.daemon.machine.moment().elapsed_since_ms(kept.fetched) >= kept.token.refresh_after_ms
    }

    /// Fetches a token, unless one that is not due came meanwhile, or it failed a moment ago.
    async fn fetch(
        &self,
        backoff: &mut Backoff,
        due: impl Fn(&Self, &Kept) -> bool,
    ) -> Result<Arc<Token>, TokenError> {
        if let Some(kept) = self.kept().filter(|kept| !due(self, kept)) {
            return Ok(Arc::clone(&kept.token));
        }
        let machine = &*self.daemon.machine;
        let sent = machine.moment();
        if let Some(error) = backoff.last.as_ref().filter(|_| sent.boot_ms < backoff.not_before_ms) {
            return Err(error.clone());
        }
        match self.ask_all().await {
            Ok(token) => {
                let token = Arc::new(token);
                self.kept.store(Some(Arc::new(Kept { token: Arc::clone(&token), fetched: sent })));
                (backoff.failures, backoff.last) = (0, None);
                Ok(token)
            }
            Err(error) => {
                let pause = jitter(machine, (BACKOFF * (1 << backoff.failures.min(10))).min(BACKOFF_CAP));
                backoff.failures = backoff.failures.saturating_add(1);
                let pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
                backoff.not_before_ms = machine.moment().boot_ms.saturating_add(pause_ms);
                backoff.last = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Each replica in turn, until one gives a token.
    async fn ask_all(&self) -> Result<Token, TokenError> {
        let mut last = TokenError::Answer;
        for at in 0..self.daemon.replicas.len() {
            match self.ask(at).await {
                Ok(body) => return read(&body).ok_or(TokenError::Answer),
                Err(error) => last = TokenError::Daemon(error),
            }
        }
        Err(last)
    }

    async fn ask(&self, at: usize) -> Result<Bytes, FeedError> {
        let Self { daemon, target, .. } = self;
        let replica = &daemon.replicas[at];
        let mut connection = daemon.connect(replica, CONNECT_LIMIT).await?;
        let request = daemon.request(replica, Method::GET, target).body(Full::default());
        let request = request.map_err(|_| FeedError::Status(0))?;
        let response = daemon.within(ANSWER_LIMIT, connection.send(request)).await?;
        if response.status() != StatusCode::OK {
            return Err(FeedError::Status(response.status().as_u16()));
        }
        daemon.body(response.into_body(), BODY_BYTES).await
    }
}

fn read(body: &[u8]) -> Option<Token> {
    let mut reader = Reader::new(std::str::from_utf8(body).ok()?);
    let (mut text, mut version, mut refresh_after_ms) = (None, None, None);
    let read = reader.object::<JsonError>(|reader, key| {
        match key {
            "token" => text = Some(Zeroizing::new(reader.string()?.into_owned())),
            "version" => version = Some(reader.string()?.into_owned()),
            "refresh_after_ms" => refresh_after_ms = Some(reader.integer()?),
            _ => reader.skip()?,
        }
        Ok(())
    });
    read.and_then(|()| reader.end()).ok()?;
    // What goes into a header must be fit for one.
    let text = text.filter(|text| shape(text.as_bytes()) != Shape::Malformed)?;
    Some(Token { text, version: version?, refresh_after_ms: refresh_after_ms? })
}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSource").field("target", &self.inner.target).finish_non_exhaustive()
    }
}
