//! The store's true state, as nobody in the model sees it.

use std::collections::{BTreeMap, BTreeSet};

use crossfade::{rotation::ring::VersionId, time::Timestamp};

mod aws;
mod calls;
mod embedded;

pub(crate) use aws::{AwsState, NAMES};
pub use calls::Fault;
pub(crate) use calls::{AwsCalls, Write};
pub(crate) use embedded::{EmbeddedState, Table, TableHandle};

/// What is so for one secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Truth {
    pub(crate) current: VersionId,
    pub(crate) pending: Option<VersionId>,
    pub(crate) versions: BTreeMap<VersionId, Timestamp>,
    /// Those that are marked.
    pub(crate) ended: BTreeSet<VersionId>,
    /// Deadlines that are written down.
    pub(crate) deadlines: BTreeMap<VersionId, Timestamp>,
    pub(crate) paused: bool,
    /// Nothing is left of any rotation.
    pub(crate) quiet: bool,
}

/// Where all secrets live.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Store {
    Embedded(EmbeddedState),
    Aws(AwsState),
}

impl Store {
    pub(crate) fn truth(&self, secret: usize) -> Truth {
        match self {
            Self::Embedded(store) => store.truth(secret),
            Self::Aws(store) => store.truth(secret),
        }
    }
}
