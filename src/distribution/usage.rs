//! Who last used which version. It can say that a version *was* used, and never that it was not:
//! only what this process verified is seen here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::rotation::ring::VersionId;

/// The last use of a version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastUse {
    /// When, unix ms on the store's clock.
    pub at_ms: u64,
    /// Which client of ours asked.
    pub by: Arc<str>,
}

/// What is known of the use of a version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Watched {
    /// Since when a use would have been seen, unix ms on the store's clock.
    pub since_ms: u64,
    /// The last one that was.
    pub last: Option<LastUse>,
}

/// By version: of which secret it is, and how it is used.
type Versions = HashMap<String, (Arc<str>, Watched)>;

/// The last use of every version that still stands.
#[derive(Debug, Default)]
pub struct Usage {
    versions: Mutex<Versions>,
}

impl Usage {
    /// Remembers a use. A version that does not stand is not remembered, so this stays bounded.
    pub fn record(&self, version: &str, at_ms: u64, by: &Arc<str>) {
        if let Some((_, watched)) = self.lock().get_mut(version)
            && watched.last.as_ref().is_none_or(|last| last.at_ms <= at_ms)
        {
            watched.last = Some(LastUse { at_ms, by: Arc::clone(by) });
        }
    }

    /// The use of a version; none: it does not stand.
    pub fn of(&self, version: &str) -> Option<Watched> {
        self.lock().get(version).map(|(_, watched)| watched.clone())
    }

    /// Takes note of which versions of a secret stand; the others are forgotten.
    pub(super) fn keep(&self, secret: &Arc<str>, versions: impl Iterator<Item = VersionId>, now_ms: u64) {
        let standing: Vec<String> = versions.map(|id| id.to_string()).collect();
        let mut all = self.lock();
        all.retain(|version, (of, _)| of != secret || standing.contains(version));
        for version in standing {
            all.entry(version)
                .or_insert_with(|| (Arc::clone(secret), Watched { since_ms: now_ms, last: None }));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
