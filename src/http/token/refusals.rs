//! Clients that are refused a token: each refusal is written down, up to a few in each second, and the others as a
//! number. A client that is refused ten thousand times leaves a log that says so, in a handful of entries.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::super::limits;
use crate::lock::lock;

/// How often the numbers are written, and clients get their few entries anew.
pub(super) const EVERY: Duration = Duration::from_secs(1);

/// Since the numbers were written last, by client: those of the config that were refused in that second.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<HashMap<Arc<str>, Counts>>);

#[derive(Debug, Default)]
struct Counts {
    written: u32,
    left_out: u64,
}

impl Refusals {
    /// Whether this refusal has an entry of its own. If not, it is in the next number.
    pub(super) fn has_its_entry(&self, client: &Arc<str>) -> bool {
        let mut counts = lock(&self.0);
        let of_client = counts.entry(Arc::clone(client)).or_default();
        let has = of_client.written < limits::REFUSALS_WRITTEN;
        match has {
            true => of_client.written += 1,
            false => of_client.left_out += 1,
        }
        has
    }

    /// So many could not be written: they are in the next number.
    pub(super) fn left_out(&self, client: &Arc<str>, refusals: u64) {
        lock(&self.0).entry(Arc::clone(client)).or_default().left_out += refusals;
    }

    /// Which clients were refused more often than was written, and how many times more.
    pub(super) fn take(&self) -> Vec<(Arc<str>, u64)> {
        let counts = std::mem::take(&mut *lock(&self.0));
        counts.into_iter().map(|(client, counts)| (client, counts.left_out)).filter(|(_, n)| *n > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_refusals_of_a_client_have_entries_and_the_others_are_a_number() {
        let refusals = Refusals::default();
        let (one, other) = (Arc::from("one"), Arc::from("other"));
        let written = (0..10_000).filter(|_| refusals.has_its_entry(&one)).count();
        let few = limits::REFUSALS_WRITTEN as usize;
        assert_eq!(written, few);
        assert!(refusals.has_its_entry(&other), "each client has its own few");
        refusals.left_out(&one, 1);
        let left_out = 10_000 - few as u64 + 1;
        assert_eq!(refusals.take(), [(Arc::clone(&one), left_out)], "none is forgotten");
        assert_eq!(refusals.take(), [], "nor told twice");
        assert!(refusals.has_its_entry(&one), "and the next second begins anew");
    }
}
