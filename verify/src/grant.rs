//! What an accepted token stands for, apart from the view that says so.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    accept_set::{Entry, Stage},
    cache_padded::CachePadded,
};

/// What an accepted token stands for, to be kept: copying it allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// It keeps nothing else of the set in memory.
    caller: Arc<CachePadded<Caller>>,
    expires_in_ms: u64,
}

/// Who calls with a token: what grants of it share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    client_id: Arc<str>,
    scopes: Arc<[Arc<str>]>,
    source: Source,
}

/// Where a token comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A secret that Crossfade rotates.
    Secret(Secret),
}

/// One version of a secret, as it stood when its token was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    name: Arc<str>,
    version: Arc<str>,
    stage: Stage,
    created_ms: u64,
}

impl Grant {
    /// Of an acceptance up to then, made now; both on the store's clock.
    pub(crate) const fn new(caller: Arc<CachePadded<Caller>>, expires_ms: u64, now_ms: u64) -> Self {
        Self { caller, expires_in_ms: expires_ms.saturating_sub(now_ms) }
    }

    /// The bot, by the name that its requests for tokens have.
    pub fn client_id(&self) -> &str {
        &self.caller.0.client_id
    }

    /// Who called, by a name that lasts: bind to it what belongs to the caller, as a session. Of a secret's token it is
    /// the `client_id`, whichever version was used.
    pub fn principal(&self) -> &str {
        match &self.caller.0.source {
            Source::Secret(_) => self.client_id(),
        }
    }

    /// What the caller may do here.
    pub fn scopes(&self) -> &[Arc<str>] {
        &self.caller.0.scopes
    }

    /// For how long from the decision on this acceptance may be relied on: whoever keeps a session or a stream open for
    /// longer has to ask again. A length of time, because the store's clock and this machine's need not agree.
    pub const fn expires_in(&self) -> Duration {
        Duration::from_millis(self.expires_in_ms)
    }

    /// Where its token comes from.
    pub fn source(&self) -> &Source {
        &self.caller.0.source
    }
}

impl Secret {
    /// The secret's name in the store.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version's id in the store.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where the version stands in its life.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// When the version was made, on the store's clock.
    pub fn created(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.created_ms)
    }
}

impl From<&Entry> for Caller {
    fn from(entry: &Entry) -> Self {
        Self {
            client_id: Arc::clone(&entry.client_id),
            scopes: Arc::clone(&entry.scopes),
            source: Source::Secret(Secret {
                name: Arc::clone(&entry.secret),
                version: Arc::clone(&entry.version),
                stage: entry.stage,
                created_ms: entry.created_ms,
            }),
        }
    }
}
