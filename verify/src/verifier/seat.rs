//! Which of the threads that decide this is.

use std::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

/// How many threads can have a seat for themselves: a bit for each.
const SEATS: usize = u64::BITS as usize;

static TAKEN: AtomicU64 = AtomicU64::new(0);

/// Threads that came when all seats were taken.
static STANDING: AtomicUsize = AtomicUsize::new(SEATS);

thread_local! {
    static SEAT: Seat = Seat::take();
}

/// The number of this thread. No other that lives has the same, if it is below [`SEATS`]; and what the one that had it
/// before wrote is seen.
pub(super) fn number() -> usize {
    // A thread that is about to end has left its seat.
    SEAT.try_with(|seat| seat.0).unwrap_or(SEATS)
}

struct Seat(usize);

impl Seat {
    fn take() -> Self {
        let lowest = |taken: u64| (taken != u64::MAX).then(|| taken | (taken + 1));
        match TAKEN.fetch_update(AcqRel, Acquire, lowest) {
            Ok(taken) => Self(taken.trailing_ones() as usize),
            Err(_) => Self(STANDING.fetch_add(1, Relaxed)),
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.0 < SEATS {
            TAKEN.fetch_and(!(1 << self.0), Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Barrier, thread};

    use super::*;

    #[test]
    fn no_two_threads_that_live_have_the_same_number_and_seats_are_given_back() {
        for _ in 0..3 {
            let all_here = Barrier::new(2 * SEATS);
            let numbers = thread::scope(|scope| {
                let of_one = || {
                    let mine = number();
                    all_here.wait();
                    mine
                };
                let threads: Vec<_> = (0..2 * SEATS).map(|_| scope.spawn(of_one)).collect();
                threads.into_iter().map(|thread| thread.join().expect("a number")).collect::<BTreeSet<_>>()
            });
            assert_eq!(numbers.len(), 2 * SEATS);
            // Other tests' threads sit, too; but if none were given back, none would be left after the first time.
            assert!(numbers.iter().any(|number| *number < SEATS));
        }
    }
}
