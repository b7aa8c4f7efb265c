//! What a verifier has decided, for its reports. Counting takes no lock.
//!
//! A version has one counter for as long as anybody may still count in it, whichever view he looks at: so
//! nothing is lost when views are swapped.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    counter::Counter,
    stopped::Denial,
    uses::{Uses, shards_of},
};
use crate::{
    accept_set::{AcceptSet, Entry},
    clock::Moment,
    presented::CredentialError,
    verdict::Reason,
};

/// How many versions that are gone may still have uses that were not reported; more are forgotten.
const GONE: usize = 10_000;

const ACCEPTED: &str = "accepted";

const DENIALS: [Denial; 8] = [
    Denial::Unsure,
    Denial::Refused(Reason::Malformed),
    Denial::Refused(Reason::Unknown),
    Denial::Refused(Reason::Expired),
    Denial::Credential(CredentialError::Missing),
    Denial::Credential(CredentialError::WrongScheme),
    Denial::Credential(CredentialError::Conflict),
    Denial::InsufficientScope,
];

#[derive(Default)]
pub(crate) struct Counts {
    denied: [Counter; DENIALS.len()],
    /// Only whoever brings views in, reports or shows counts comes here.
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    by_version: BTreeMap<Arc<str>, Arc<Counter>>,
    /// Of versions that are gone.
    before: u64,
}

/// One line of a report.
#[cfg(feature = "http")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    /// None for what was not accepted.
    pub(crate) version: Option<Arc<str>>,
    pub(crate) verdict: &'static str,
    pub(crate) count: u64,
    /// On the boot clock.
    pub(crate) last_ms: u64,
}

impl Counts {
    pub(super) fn denied(&self, denial: Denial, at: Moment) {
        let place = DENIALS.iter().position(|known| *known == denial);
        if let Some(counter) = place.and_then(|place| self.denied.get(place)) {
            counter.count(at, 0);
        }
    }

    /// The counters of a new set. Those of versions that are gone go when they are reported and nobody counts.
    pub(super) fn uses_of(&self, set: &AcceptSet) -> Uses {
        let mut used = self.used();
        let Used { by_version, before } = &mut *used;
        let shards = shards_of(set.entries().len());
        let uses = Uses::new(set.entries(), shards, |entry: &Entry| {
            let counter = by_version.entry(Arc::clone(&entry.version));
            Arc::clone(counter.or_insert_with(|| Arc::new(Counter::new(shards))))
        });
        let mut gone = 0;
        by_version.retain(|_, counter| {
            let counting = Arc::strong_count(counter) > 1;
            gone += usize::from(!counting);
            let stays = counting || (counter.unreported() > 0 && gone <= GONE);
            *before += if stays { 0 } else { counter.total() };
            stays
        });
        uses
    }

    /// How many of each verdict there were since the start.
    pub(super) fn totals(&self) -> Vec<(&'static str, u64)> {
        let used = self.used();
        let of_versions = used.by_version.values().map(|counter| counter.total()).sum::<u64>();
        let denied = DENIALS.iter().zip(&self.denied);
        let denied = denied.map(|(denial, counter)| (denial.as_str(), counter.total()));
        [(ACCEPTED, used.before + of_versions)].into_iter().chain(denied).collect()
    }

    /// What was counted and not yet reported.
    #[cfg(feature = "http")]
    pub(crate) fn unreported(&self) -> Vec<Count> {
        let used = self.used();
        let accepted = used.by_version.iter().map(|(version, counter)| (Some(version), ACCEPTED, &**counter));
        let denied =
            DENIALS.iter().zip(&self.denied).map(|(denial, counter)| (None, denial.as_str(), counter));
        let counts = accepted.chain(denied).map(|(version, verdict, counter)| Count {
            version: version.cloned(),
            verdict,
            count: counter.unreported(),
            last_ms: counter.last_ms(),
        });
        counts.filter(|count| count.count > 0).collect()
    }

    /// Notes that this arrived. Until then it is told again.
    #[cfg(feature = "http")]
    pub(crate) fn reported(&self, counts: &[Count]) {
        let used = self.used();
        for Count { version, verdict, count, .. } in counts {
            let counter = match version {
                Some(version) => used.by_version.get(version).map(|counter| &**counter),
                None => DENIALS
                    .iter()
                    .position(|denial| denial.as_str() == *verdict)
                    .map(|place| &self.denied[place]),
            };
            if let Some(counter) = counter {
                counter.report(*count);
            }
        }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
