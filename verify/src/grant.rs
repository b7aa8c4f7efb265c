//! What an accepted token stands for, apart from the view that says so.

use std::{ops::Deref, sync::Arc};

use crate::{accept_set::Entry, apart::Apart, verdict::Accepted};

/// What an accepted token stands for, to be kept: copying it allocates nothing.
///
/// It is a handle to the token's [`Entry`], whose fields are read through it: `grant.client_id`, `grant.secret`,
/// `grant.version`, `grant.stage`, `grant.scopes`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// As it stood when the token was accepted. It keeps no other entry in memory.
    entry: Arc<Apart<Entry>>,
    /// Until when this acceptance may be relied on, unix seconds on the store's clock, rounded down: whoever
    /// keeps a session or a stream open for longer has to ask again.
    pub expires_at: u64,
}

impl Grant {
    pub(crate) const fn new(entry: Arc<Apart<Entry>>, expires_ms: u64) -> Self {
        Self { entry, expires_at: expires_ms / 1000 }
    }
}

impl Deref for Grant {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry.0
    }
}

impl Accepted<'_> {
    /// The same, to be kept. This copies the entry; a `Verifier` has copied it beforehand.
    pub fn to_grant(self) -> Grant {
        Grant::new(Arc::new(Apart(self.entry.clone())), self.expires_ms)
    }
}
