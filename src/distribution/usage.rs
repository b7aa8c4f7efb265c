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

/// By version: of which secret it is, and when it was last used.
type Versions = HashMap<String, (Arc<str>, Option<LastUse>)>;

/// The last use of every version that still stands.
#[derive(Debug, Default)]
pub struct Usage {
    versions: Mutex<Versions>,
}

impl Usage {
    /// Remembers a use. A version that does not stand is not remembered, so this stays bounded.
    pub fn record(&self, version: &str, at_ms: u64, by: &Arc<str>) {
        if let Some((_, last)) = self.lock().get_mut(version) {
            let at_ms = last.as_ref().map_or(at_ms, |last| last.at_ms.max(at_ms));
            *last = Some(LastUse { at_ms, by: Arc::clone(by) });
        }
    }

    /// The last use of a version.
    pub fn last(&self, version: &str) -> Option<LastUse> {
        self.lock().get(version).and_then(|(_, last)| last.clone())
    }

    /// Takes note of which versions of a secret stand; the others are forgotten.
    pub(super) fn keep(&self, secret: &Arc<str>, versions: impl Iterator<Item = VersionId>) {
        let standing: Vec<String> = versions.map(|id| id.to_string()).collect();
        let mut all = self.lock();
        all.retain(|version, (of, _)| of != secret || standing.contains(version));
        for version in standing {
            all.entry(version).or_insert_with(|| (Arc::clone(secret), None));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
