//! From a digest to the place of its entry.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use super::{Entry, SetError};
use crate::{
    digest::Digest,
    token::{Shape, shape},
};

/// Where each entry is, and what a verdict needs of it.
///
/// The rows are sorted by digest, and in groups whose digests begin with the same bits. Digests are spread
/// evenly, so that a group has some four to eight rows: then `starts` stays in the processor's cache, and the
/// rows of a group are neighbours in memory. A feed that chose digests that fall into one group can already
/// choose what is accepted; it can't make a verdict slow, because a large group is searched by halves.
///
/// A row repeats the entry's numbers: in a large set an entry is seldom in the processor's cache, and
/// fetching it would cost more than the hash.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// The first row of each group, and the end of the last one.
    starts: Arc<[u32]>,
    /// How many of a digest's first 64 bits are left without those that name its group.
    shift: u32,
    rows: Arc<[Row]>,
}

#[derive(Debug)]
struct Row {
    digest: Digest,
    terms: Terms,
}

/// Until when an entry is accepted, and whether its token can be one.
#[derive(Debug)]
pub(crate) struct Terms {
    /// [`NEVER`] without a deadline.
    not_after_ms: u64,
    pub(crate) grace_ms: u64,
    /// Its token was presented, and is not malformed.
    well_formed: AtomicBool,
}

/// In a group, at most, if digests were spread quite evenly.
const ROWS: usize = 8;

/// In a group that is looked through from one end to the other. By chance none has more.
const LOOKED_THROUGH: usize = 64;

/// Later than any deadline that an entry may have.
const NEVER: u64 = u64::MAX;

impl Terms {
    fn of(entry: &Entry) -> Self {
        let not_after_ms = entry.not_after_ms.unwrap_or(NEVER);
        Self { not_after_ms, grace_ms: entry.grace_ms, well_formed: AtomicBool::new(false) }
    }

    /// From then on it is not accepted.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        (self.not_after_ms != NEVER).then_some(self.not_after_ms)
    }

    /// Whether the token with this entry's digest is malformed. There is one such token, so what was found out
    /// about it stays true: it is looked at when it is first presented, and each time where it is malformed.
    pub(crate) fn is_malformed(&self, token: &[u8]) -> bool {
        if self.well_formed.load(Relaxed) {
            return false;
        }
        let well_formed = shape(token) != Shape::Malformed;
        if well_formed {
            self.well_formed.store(true, Relaxed);
        }
        !well_formed
    }
}

impl Index {
    /// Of entries that are sorted by digest.
    pub(super) fn new(sorted: &[Entry]) -> Result<Self, SetError> {
        let count = u32::try_from(sorted.len()).map_err(|_| SetError::TooLarge)?;
        let groups = (sorted.len() / ROWS).next_power_of_two().max(2);
        let shift = u64::BITS - groups.trailing_zeros();
        let mut starts = Vec::with_capacity(groups + 1);
        for (entry, at) in sorted.iter().zip(0..count) {
            let filled = starts.len().max(group(&entry.digest, shift) + 1);
            starts.resize(filled, at);
        }
        starts.resize(groups + 1, count);
        let rows = sorted.iter().map(|entry| Row { digest: entry.digest, terms: Terms::of(entry) }).collect();
        Ok(Self { starts: starts.into(), shift, rows })
    }

    /// The place of the entry with this digest, and its terms. Digests are compared in constant time.
    pub(super) fn find(&self, digest: &Digest) -> Option<(usize, &Terms)> {
        let [start, end] = *self.starts.get(group(digest, self.shift)..)?.first_chunk()?;
        let (start, end) = (start as usize, end as usize);
        let rows = self.rows.get(start..end)?;
        let at = search(rows, LOOKED_THROUGH, |row| row.digest == *digest, |row| row.digest < *digest)?;
        Some((start + at, &rows.get(at)?.terms))
    }
}

/// The one that it is, among those that are sorted. Those that are short enough are looked through in their order.
fn search<T>(
    sorted: &[T],
    short: usize,
    is: impl Fn(&T) -> bool,
    is_before: impl Fn(&T) -> bool,
) -> Option<usize> {
    if sorted.len() <= short {
        return sorted.iter().position(is);
    }
    let at = sorted.partition_point(is_before);
    sorted.get(at).filter(|one| is(one)).map(|_| at)
}

fn group(digest: &Digest, shift: u32) -> usize {
    (digest.prefix() >> shift) as usize
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn digests_that_all_fall_into_one_group_make_no_search_long() {
        let all: Vec<u32> = (0..160_000).collect();
        for wanted in [0, 1, 79_999, 159_999, 160_000] {
            let compared = Cell::new(0);
            let count = || compared.set(compared.get() + 1);
            let found = search(
                &all,
                LOOKED_THROUGH,
                |one| {
                    count();
                    *one == wanted
                },
                |one| {
                    count();
                    *one < wanted
                },
            );
            assert_eq!(found, all.get(wanted as usize).map(|one| *one as usize), "{wanted}");
            assert!(compared.get() <= LOOKED_THROUGH + 20, "{wanted}: {}", compared.get());
        }
    }
}
