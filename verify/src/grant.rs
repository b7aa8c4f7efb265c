//! What an accepted token stands for, apart from the view that says so.

use std::sync::Arc;

use crate::{
    accept_set::{Entry, Stage},
    verdict::Accepted,
};

/// What an accepted token stands for, to be kept: copying it allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// The bot's lasting name; it stays the same when its token is replaced.
    pub client_id: Arc<str>,
    /// The secret's name in the store.
    pub secret: Arc<str>,
    /// The version's id in the store.
    pub version: Arc<str>,
    /// Where the version stands in its life.
    pub stage: Stage,
    /// Until when this acceptance may be relied on, unix seconds on the store's clock, rounded down: whoever
    /// keeps a session or a stream open for longer has to ask again.
    pub expires_at: u64,
    /// What the bot may do at this audience.
    pub scopes: Arc<[Arc<str>]>,
}

impl Accepted<'_> {
    /// The same, to be kept.
    pub fn to_grant(self) -> Grant {
        let Entry { client_id, secret, version, stage, scopes, .. } = self.entry;
        Grant {
            client_id: Arc::clone(client_id),
            secret: Arc::clone(secret),
            version: Arc::clone(version),
            stage: *stage,
            expires_at: self.expires_ms / 1000,
            scopes: Arc::clone(scopes),
        }
    }
}
