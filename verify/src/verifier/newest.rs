//! The newest view, swapped while requests are decided on.

use std::{
    cell::RefCell,
    ptr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use arc_swap::{ArcSwapOption, Cache, Guard};

use super::uses::Uses;
use crate::verdict::View;

/// Of how many verifiers a thread remembers the view. Those of more displace each other, at some nanoseconds each time.
const REMEMBERED: usize = 4;

/// A thread that has nothing to do keeps what it remembers; so a view of more entries is not remembered (but for one
/// that comes while a thread looks).
const MOST_ENTRIES: usize = 4096;

type Swap = ArcSwapOption<Held>;
type Remembered = Cache<Arc<Swap>, Option<Arc<Held>>>;

thread_local! {
    /// What this thread saw last. As long as it is the newest, which is seen by its address, nothing has to be written
    /// where other threads look.
    static SEEN: RefCell<[Option<Remembered>; REMEMBERED]> =
        const { RefCell::new([const { None }; REMEMBERED]) };
}

static VERIFIERS: AtomicUsize = AtomicUsize::new(0);

/// A view, and who counts its uses.
pub(super) struct Held {
    pub(super) view: View,
    pub(super) uses: Uses,
    /// From this age on it is too old to accept by at once, for whoever can wait.
    pub(super) old_from_ms: u64,
}

pub(super) struct Newest {
    held: Arc<Swap>,
    /// Whether it is too large to be remembered.
    large: AtomicBool,
    /// Where each thread remembers it.
    place: usize,
}

impl Newest {
    pub(super) fn none() -> Self {
        let place = VERIFIERS.fetch_add(1, Relaxed) % REMEMBERED;
        Self { held: Arc::new(Swap::empty()), large: AtomicBool::new(false), place }
    }

    pub(super) fn store(&self, held: Held) {
        self.large.store(held.view.set.entries().len() > MOST_ENTRIES, Relaxed);
        self.held.store(Some(Arc::new(held)));
    }

    pub(super) fn load(&self) -> Guard<Option<Arc<Held>>> {
        self.held.load()
    }

    /// What comes of it, if this thread can remember it: that is cheaper than [`Newest::load`], and as new.
    #[inline]
    pub(super) fn remembered<T>(&self, look: impl FnOnce(&Held) -> Option<T>) -> Option<T> {
        if self.large.load(Relaxed) {
            return None;
        }
        // A thread that is about to end remembers nothing any more.
        SEEN.try_with(|seen| {
            let mut seen = seen.borrow_mut();
            let cache = match &mut seen[self.place] {
                Some(cache) if ptr::eq(cache.arc_swap(), &*self.held) => cache,
                other => other.insert(Cache::new(Arc::clone(&self.held))),
            };
            cache.load().as_ref().and_then(|held| look(held))
        })
        .ok()
        .flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;
    use crate::verifier::{counts::Counts, uses::tests::view};

    fn held(entries: usize) -> Held {
        let view = view(entries);
        let uses = Counts::default().uses_of(&view.set);
        Held { view, uses, old_from_ms: u64::MAX }
    }

    fn entries(newest: &Newest) -> Option<usize> {
        newest.remembered(|held| Some(held.view.set.entries().len()))
    }

    #[test]
    fn each_thread_sees_a_new_view_with_its_next_look() {
        let newest = Newest::none();
        let (ask, asked) = mpsc::sync_channel::<()>(0);
        let (tell, told) = mpsc::sync_channel(0);
        thread::scope(|scope| {
            let newest = &newest;
            scope.spawn(move || asked.iter().for_each(|()| tell.send(entries(newest)).expect("a listener")));
            let both = || {
                ask.send(()).expect("a thread");
                [told.recv().expect("an answer"), entries(newest)]
            };
            assert_eq!(both(), [None; 2]);
            for n in [1, 2, 1] {
                newest.store(held(n));
                assert_eq!(both(), [Some(n); 2]);
                assert_eq!(both(), [Some(n); 2]);
            }
            drop(ask);
        });
    }

    #[test]
    fn verifiers_are_not_mistaken_for_each_other_however_many_there_are() {
        for _ in 0..2 {
            let all: Vec<_> = (0..3 * REMEMBERED).map(|_| Newest::none()).collect();
            all.iter().enumerate().for_each(|(n, newest)| newest.store(held(n)));
            for _ in 0..2 {
                all.iter().enumerate().for_each(|(n, newest)| assert_eq!(entries(newest), Some(n)));
            }
        }
    }

    #[test]
    fn a_view_goes_when_its_threads_have_seen_another_and_a_large_one_at_once() {
        let newest = Newest::none();
        let stored = |entries| {
            newest.store(held(entries));
            newest.load().as_ref().map(Arc::downgrade).expect("a view")
        };
        let small = stored(MOST_ENTRIES);
        assert_eq!(entries(&newest), Some(MOST_ENTRIES));
        stored(1);
        assert!(small.upgrade().is_some(), "this thread has not looked since");
        assert_eq!(entries(&newest), Some(1));
        assert!(small.upgrade().is_none());

        let large = stored(MOST_ENTRIES + 1);
        assert_eq!(entries(&newest), None);
        stored(1);
        assert!(large.upgrade().is_none());
        assert_eq!(entries(&newest), Some(1));
    }
}
