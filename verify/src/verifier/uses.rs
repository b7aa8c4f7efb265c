//! What each acceptance writes to: the reference count of a grant's caller, and a version's counter.
//!
//! Cores that write to the same cache line wait for each other. So there are several of both, and threads are
//! spread over them: many that present the same token do not slow each other down.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use super::counter::Counter;
use crate::{
    accept_set::Entry,
    cache_padded::CachePadded,
    clock::Moment,
    grant::{Caller, Grant},
    verdict::{Accepted, View},
};

/// The most copies of a set's entries, unless it has more entries itself: in a large set, two threads seldom meet
/// at the same one, and the copies would take memory (some 300 bytes each).
const COPIES: usize = 4096;

/// The most that a thread is told from others.
const SHARDS: usize = 16;

static CORES: LazyLock<usize> =
    LazyLock::new(|| thread::available_parallelism().map_or(1, usize::from).next_power_of_two());

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which of the threads that decide this is.
    static THREAD: usize = THREADS.fetch_add(1, Relaxed);
}

/// How many copies there are of each entry of a set: a power of two.
pub(super) fn shards_of(entries: usize) -> usize {
    let most = (COPIES / entries.max(1)).min(*CORES).clamp(1, SHARDS);
    1 << most.ilog2()
}

/// Of each entry of a set, in their order, as many as there are shards.
#[derive(Clone)]
pub(super) struct Uses {
    copies: Arc<[Copy]>,
    shards: usize,
}

struct Copy {
    caller: Arc<CachePadded<Caller>>,
    counter: Arc<Counter>,
}

impl Uses {
    pub(super) fn new(
        entries: &[Entry],
        shards: usize,
        mut counter: impl FnMut(&Entry) -> Arc<Counter>,
    ) -> Self {
        let mut copies = Vec::with_capacity(entries.len() * shards);
        for entry in entries {
            let counter = counter(entry);
            let copy = || Copy { caller: Arc::new(CachePadded(entry.into())), counter: Arc::clone(&counter) };
            copies.extend((0..shards).map(|_| copy()));
        }
        Self { copies: copies.into(), shards }
    }

    /// Counts an acceptance by that view, and makes it last.
    pub(super) fn grant(&self, view: &View, accepted: Accepted<'_>, at: Moment) -> Grant {
        // A thread that is about to end has no number any more.
        let shard = THREAD.try_with(|thread| thread & (self.shards - 1)).unwrap_or(0);
        let place = view.set.entries().element_offset(accepted.entry);
        match place.and_then(|place| self.copies.get(place * self.shards + shard)) {
            Some(Copy { caller, counter }) => {
                counter.count(at, shard);
                Grant::new(Arc::clone(caller), accepted.expires_ms, view.now_ms(at))
            }
            None => accepted.to_grant(view, at),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{AcceptSet, Digest, Source, Stage, Verdict, Verifier};

    pub(in crate::verifier) fn view(tokens: usize) -> View {
        let entry = |n| Entry {
            digest: Digest::of(format!("the-token-number-{n}").as_bytes()),
            secret: "mcp/slack-bot-token".into(),
            version: format!("version-{n}").into(),
            stage: Stage::Current,
            client_id: "slack-bot".into(),
            scopes: [].into(),
            created_ms: 0,
            grace_ms: 0,
            not_after_ms: None,
        };
        let set = AcceptSet::new("a", 60_000, 60_000, (0..tokens).map(entry).collect()).expect("a good set");
        View { set, now_ms: 0, age_ms: 0, taken: Moment::default(), complete: true }
    }

    /// In both sets of the test.
    const KNOWN: usize = 3;

    fn granted(verifier: &Verifier, n: usize) -> Arc<str> {
        let Verdict::Accepted(grant) = verifier.verify(&format!("the-token-number-{n}")) else {
            panic!("{n}")
        };
        let Source::Secret(secret) = grant.source();
        secret.version().into()
    }

    #[test]
    fn each_use_is_counted_once_on_whichever_thread_and_in_whichever_set() {
        // The versions that both know were first seen in a set without copies, or in one with.
        for sizes in [[KNOWN, COPIES], [COPIES, KNOWN]] {
            let verifier = Verifier::with_clock("a", Arc::new(Moment::default()));
            for tokens in sizes {
                verifier.replace(view(tokens));
                thread::scope(|scope| {
                    for _ in 0..2 * SHARDS {
                        scope.spawn(|| {
                            (0..KNOWN)
                                .for_each(|n| assert_eq!(*granted(&verifier, n), format!("version-{n}")))
                        });
                    }
                });
            }
            assert_eq!(verifier.counts()[0], ("accepted", (4 * SHARDS * KNOWN) as u64));
        }
    }

    #[test]
    fn a_large_set_is_not_copied_and_a_small_one_once_for_each_core_at_most() {
        assert_eq!((shards_of(COPIES), shards_of(usize::MAX)), (1, 1));
        for entries in [0, 1, 3, 100, 1_000] {
            let shards = shards_of(entries);
            assert!(shards.is_power_of_two() && shards <= *CORES && shards <= SHARDS, "{entries}: {shards}");
            assert!(shards * entries <= COPIES, "{entries}: {shards}");
        }
    }
}
