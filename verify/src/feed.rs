//! Follows a daemon: fetches the accept set of one audience and holds a request open to hear of changes
//! (`docs/protocol.md`).
//!
//! One task does it all: it follows, refreshes when a request needs a younger view, reports what was decided, and keeps
//! the last view in a file. Requests that are decided on never wait for it, but for those that need a younger view.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use http::HeaderValue;

use crate::verifier::Verifier;

mod address;
mod cache;
mod error;
mod exchange;
mod follow;
mod machine;
mod pace;
mod refresh;
mod report;
mod task;
#[cfg(feature = "tls")]
mod tls;
mod views;
pub(crate) mod wire;

use cache::{Cache, Keeper};
use error::Hook;
pub use error::{ConnectError, Event, FeedError};
use follow::Follower;
pub use machine::{BoxFuture, Machine, Stream, ThisMachine};
pub(crate) use refresh::Following;
use refresh::{Refresh, Refresher};
use report::Reporter;
use views::Views;
use wire::Daemon;

/// Becomes true once.
type Began = tokio::sync::watch::Receiver<bool>;

/// Where a daemon is, who asks, and how.
#[derive(Clone)]
#[must_use]
pub struct Feed {
    urls: String,
    credential: String,
    instance: Option<String>,
    cache: Option<PathBuf>,
    max_hold: Duration,
    plaintext: bool,
    machine: Arc<dyn Machine>,
    hook: Hook,
    #[cfg(feature = "tls")]
    tls: tls::Options,
}

impl Feed {
    /// A daemon at this URL; or several replicas, separated by commas. `credential` is that of a client with the
    /// role `verifier` in the daemon's config (made by `crossfade credential`).
    pub fn http(url: impl Into<String>, credential: impl Into<String>) -> Self {
        Self {
            urls: url.into(),
            credential: credential.into(),
            instance: None,
            cache: None,
            max_hold: Duration::MAX,
            plaintext: false,
            machine: Arc::new(ThisMachine),
            hook: Arc::new(error::to_stderr),
            #[cfg(feature = "tls")]
            tls: tls::Options::default(),
        }
    }

    /// The name of this process in `crossfade status`: 1 to 64 of `A-Z a-z 0-9 . _ -`. Else the host's name and the
    /// process id.
    pub fn instance(self, name: impl Into<String>) -> Self {
        Self { instance: Some(name.into()), ..self }
    }

    /// A file that keeps the digests over a restart, so that this process can start while the daemon is down. What
    /// is read from it accepts, and never refuses; `hold` goes on from its last view. What stands at this path and is
    /// no such file is an error at the start, and left alone.
    pub fn cache(self, file: impl Into<PathBuf>) -> Self {
        Self { cache: Some(file.into()), ..self }
    }

    /// Accepts for no longer than this without a view, whatever the daemon allows. It counts as given, also where it is
    /// less than `freshness`.
    pub fn max_hold(self, max_hold: Duration) -> Self {
        Self { max_hold, ..self }
    }

    /// Takes a URL with `http://` that is not on loopback. Whoever can change what passes there decides who is
    /// let in, and learns the credential.
    pub fn danger_allow_plaintext(self) -> Self {
        Self { plaintext: true, ..self }
    }

    /// Is told what happens, in place of stderr: errors above all. It must not block.
    pub fn on_event(self, hook: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self { hook: Arc::new(hook), ..self }
    }

    /// Another way to connect, to wait, or to tell the time.
    pub fn machine(self, machine: Arc<dyn Machine>) -> Self {
        Self { machine, ..self }
    }

    /// Trusts these certificates (PEM) alone, in place of the system's.
    #[cfg(feature = "tls")]
    pub fn roots(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.roots = Some(pem.into());
        self
    }

    /// Shows this certificate (PEM, with its chain), for a daemon that asks for one.
    #[cfg(feature = "tls")]
    pub fn client_certificate(mut self, chain_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        self.tls.client = Some((chain_pem.into(), key_pem.into()));
        self
    }

    /// All that can be wrong with it is found here.
    pub(crate) fn daemon(&self) -> Result<Daemon, ConnectError> {
        let replicas = address::all(&self.urls, self.plaintext)?;
        let mut authorization = HeaderValue::from_str(&format!("Bearer {}", self.credential))
            .ok()
            .filter(|_| !self.credential.is_empty() && self.credential.bytes().all(|b| b.is_ascii_graphic()))
            .ok_or(ConnectError::Credential)?;
        authorization.set_sensitive(true);
        Ok(Daemon {
            #[cfg(feature = "tls")]
            tls: if replicas.iter().any(|replica| replica.tls) { Some(self.tls.build()?) } else { None },
            replicas,
            authorization,
            machine: Arc::clone(&self.machine),
            hook: Arc::clone(&self.hook),
        })
    }

    fn instance_name(&self) -> Result<HeaderValue, ConnectError> {
        let name = self.instance.clone().unwrap_or_else(machine::process_name);
        let name = Some(name).filter(|name| crate::timing::is_name(name)).ok_or(ConnectError::Instance)?;
        HeaderValue::from_str(&name).map_err(|_| ConnectError::Instance)
    }
}

/// How long the start waits for a set.
const FIRST_SET: Duration = Duration::from_secs(2);

impl Verifier {
    /// Follows a daemon for one audience, in a task of its own. It ends with the last handle to this verifier, after a
    /// last report, for which the runtime has to go on for a moment (2 s at most).
    ///
    /// It waits for a first set for 2 s at most. Without one, from the daemon or the cache, each token is unsure.
    ///
    /// # Errors
    ///
    /// Only what is wrong with the feed's own settings, and a cache path at which something else stands; a daemon that
    /// can't be reached is no error.
    pub async fn connect(feed: Feed, audience: impl Into<Arc<str>>) -> Result<Self, ConnectError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let (daemon, instance) = (feed.daemon()?, feed.instance_name()?);
        let max_hold_ms = u64::try_from(feed.max_hold.as_millis()).unwrap_or(u64::MAX);
        if max_hold_ms == 0 {
            return Err(ConnectError::MaxHold);
        }
        let machine = feed.machine;
        let verifier = Self::following(audience, machine::clock(&machine), machine::fraction(&*machine));
        let cache = feed.cache.map(|path| Cache::new(path, &daemon.replicas, verifier.audience()));
        let views = Arc::new(Views::new(verifier.inner(), daemon, instance, max_hold_ms));
        if let Some(cache) = &cache {
            match cache.read(&*machine).await? {
                Ok(view) => view.into_iter().for_each(|view| views.begin_with(view)),
                Err(error) => views.daemon.tell(&Event::Cache { error: &error }),
            }
        }
        let refresh = Arc::new(Refresh::new(Arc::clone(&machine)));
        let (following, closing) = Following::new(Arc::clone(&refresh));
        let follower = Follower::new(Arc::clone(&views));
        let keeper = cache.map(|cache| Keeper::new(Arc::clone(&views), cache));
        let (began, kept) = (follower.began(), keeper.as_ref().map(Keeper::began));
        let (refresher, reporter) = (Refresher::new(Arc::clone(&views), refresh), Reporter::new(views));
        runtime.spawn(task::run(Arc::clone(&machine), follower, refresher, reporter, keeper, closing));
        let verifier = verifier.followed_by(following);
        machine::within(&*machine, FIRST_SET, first_set(&verifier, began, kept)).await;
        Ok(verifier)
    }
}

/// Waits for the first round of requests; and where that brought a set, until it is kept.
async fn first_set(verifier: &Verifier, mut began: Began, kept: Option<Began>) {
    drop(began.wait_for(|began| *began).await);
    if let Some(mut kept) = kept.filter(|_| verifier.status().fresh) {
        drop(kept.wait_for(|kept| *kept).await);
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("urls", &self.urls).finish_non_exhaustive()
    }
}
