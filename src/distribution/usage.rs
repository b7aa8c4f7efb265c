//! Who last used which version. It can say that a version *was* used, and never that it was not:
//! only what this process verified is seen here.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use crate::{lock::lock, rotation::ring::VersionId};

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

type WatchedVersions = HashMap<VersionId, Watched>;

/// The last use of every version that still stands.
#[derive(Debug, Default)]
pub struct Usage {
    versions: Mutex<WatchedVersions>,
}

impl Usage {
    /// Remembers a use. A version that does not stand is not remembered, so this stays bounded.
    pub fn record(&self, version: &str, at_ms: u64, by: &Arc<str>) {
        let Ok(version) = version.parse() else { return };
        if let Some(watched) = lock(&self.versions).get_mut(&version)
            && watched.last.as_ref().is_none_or(|last| last.at_ms <= at_ms)
        {
            watched.last = Some(LastUse { at_ms, by: Arc::clone(by) });
        }
    }

    /// The use of a version; none: it does not stand.
    pub fn of(&self, version: VersionId) -> Option<Watched> {
        lock(&self.versions).get(&version).cloned()
    }

    /// Takes note of which versions of a secret stand; those of them that stood before and don't any more are
    /// forgotten.
    pub(super) fn keep(&self, before: &[VersionId], standing: &[VersionId], now_ms: u64) {
        let mut all = lock(&self.versions);
        for gone in before.iter().filter(|version| !standing.contains(version)) {
            all.remove(gone);
        }
        for version in standing {
            all.entry(*version).or_insert(Watched { since_ms: now_ms, last: None });
        }
    }
}
