//! Follows a daemon: fetches the accept set of one audience and holds a request open to hear of changes
//! (`docs/protocol.md`).
//!
//! One task does it all, on one connection, one thing at a time: fetch, apply, report. Requests that are decided on
//! never wait for it, but for one that the verifier is unsure of.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use http::HeaderValue;

use crate::verifier::Verifier;

mod address;
mod cache;
mod error;
mod exchange;
mod follow;
mod machine;
mod refresh;
mod report;
#[cfg(feature = "tls")]
mod tls;
pub(crate) mod wire;

use cache::Cache;
pub use error::{ConnectError, Event, FeedError};
use follow::Follower;
pub use machine::{Doing, Machine, Stream, ThisMachine};
pub(crate) use refresh::Following;
use wire::Daemon;

/// What is told of each event.
pub(crate) type Hook = Arc<dyn Fn(&Event<'_>) + Send + Sync>;

/// Where a daemon is, who asks, and how.
#[derive(Clone)]
#[must_use]
pub struct Feed {
    urls: String,
    credential: String,
    instance: Option<String>,
    cache: Option<PathBuf>,
    max_hold_ms: u64,
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
            max_hold_ms: u64::MAX,
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
    /// is read from it accepts, and never refuses; `hold` goes on from its last view.
    pub fn cache(self, file: impl Into<PathBuf>) -> Self {
        Self { cache: Some(file.into()), ..self }
    }

    /// Accepts for no longer than this without a view (though for `freshness`), whatever the daemon allows.
    pub fn max_hold(self, max_hold: Duration) -> Self {
        Self { max_hold_ms: u64::try_from(max_hold.as_millis()).unwrap_or(u64::MAX), ..self }
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

impl Verifier {
    /// Follows a daemon for one audience, in a task of its own that ends with the last handle to this verifier.
    ///
    /// It waits for a first set for 2 s at most. Without one, from the daemon or the cache, each token is unsure.
    ///
    /// # Errors
    ///
    /// Only what is wrong with the feed's own settings; a daemon that can't be reached is no error.
    pub async fn connect(feed: Feed, audience: impl Into<Arc<str>>) -> Result<Self, ConnectError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
        let (daemon, instance) = (feed.daemon()?, feed.instance_name()?);
        let verifier = Self::with_clock(audience, machine::clock(&feed.machine));
        let cache = feed.cache.map(|path| Cache::new(path, &daemon.replicas, verifier.audience()));
        let following = Following::new(Arc::clone(&feed.machine));
        let mut follower =
            Follower::new(verifier.inner(), daemon, instance, following.refresh(), cache, feed.max_hold_ms);
        follower.read_cache(verifier.inner()).await;
        let first = following.refresh();
        following.own(runtime.spawn(follower.run()).abort_handle());
        // Nobody else has it yet.
        drop(verifier.inner().feed.set(following));
        first.first_round().await;
        Ok(verifier)
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("urls", &self.urls).finish_non_exhaustive()
    }
}
