//! What an accepted token stands for, apart from the view that says so.

use std::{ops::Deref, sync::Arc};

use crate::{
    accept_set::Entry,
    apart::Apart,
    clock::Moment,
    verdict::{Accepted, View},
};

/// What an accepted token stands for, to be kept: copying it allocates nothing.
///
/// It is a handle to the token's [`Entry`], whose fields are read through it: `grant.client_id`, `grant.secret`,
/// `grant.version`, `grant.stage`, `grant.scopes`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// As it stood when the token was accepted. It keeps no other entry in memory.
    entry: Arc<Apart<Entry>>,
    /// Until when this acceptance may be relied on, unix seconds on this machine's wall clock (whatever the store's
    /// says), rounded down: whoever keeps a session or a stream open for longer has to ask again.
    pub expires_at: u64,
}

impl Grant {
    /// Of an acceptance by that view, at that moment.
    pub(crate) fn new(entry: Arc<Apart<Entry>>, expires_ms: u64, view: &View, at: Moment) -> Self {
        Self { entry, expires_at: view.on_wall_ms(expires_ms, at) / 1000 }
    }
}

impl Deref for Grant {
    type Target = Entry;

    fn deref(&self) -> &Entry {
        &self.entry.0
    }
}

impl Accepted<'_> {
    /// The same, to be kept, as `decide` gave it for that view and that moment. This copies the entry; a `Verifier` has
    /// copied it beforehand.
    pub fn to_grant(self, view: &View, at: Moment) -> Grant {
        Grant::new(Arc::new(Apart(self.entry.clone())), self.expires_ms, view, at)
    }
}
