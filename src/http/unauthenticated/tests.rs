use std::{
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll, Waker},
};

use super::*;

fn places(most: usize) -> Arc<UnauthenticatedPool> {
    Arc::new(UnauthenticatedPool::new(most, Duration::from_secs(1)))
}

/// Whoever came before has had its first time each time that this is asked.
fn later() -> u64 {
    static NOW_MS: AtomicU64 = AtomicU64::new(0);
    NOW_MS.fetch_add(1_000, Ordering::Relaxed)
}

/// One for whom we wait.
fn silent(places: &Arc<UnauthenticatedPool>) -> Admitted {
    let admitted = places.admit(false, later()).expect("a place");
    admitted.unauthenticated.is_silent();
    admitted
}

fn has_to_go(admitted: &mut Admitted) -> bool {
    let mut told = std::pin::pin!(admitted.eviction.evicted());
    told.as_mut().poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
}

/// All, and those who can go.
fn counted(places: &Arc<UnauthenticatedPool>) -> (usize, usize) {
    let state = lock(&places.state);
    (state.count, state.silent.len())
}

#[test]
fn the_one_that_has_been_silent_for_longest_goes_for_a_newcomer() {
    let places = places(3);
    let mut all = [silent(&places), silent(&places), silent(&places)];
    assert_eq!(all.each_mut().map(has_to_go), [false, false, false]);
    let newcomer = silent(&places);
    assert!(newcomer.in_place_of_another);
    assert_eq!(all.each_mut().map(has_to_go), [true, false, false]);
    // That it can be read from no longer says nothing anew.
    all[1].unauthenticated.is_silent();
    assert!(places.admit(false, later()).is_some());
    assert_eq!(all[1..].iter_mut().map(has_to_go).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_place_that_was_given_back_is_taken_before_anybody_goes() {
    let places = places(2);
    let (one, mut other) = (silent(&places), silent(&places));
    drop(one);
    assert!(!silent(&places).in_place_of_another);
    assert!(!has_to_go(&mut other));
    assert_eq!(counted(&places), (1, 1), "what has ended is not counted");
}

#[test]
fn whoever_has_shown_a_credential_never_goes_and_takes_no_place() {
    let places = places(1);
    let mut known = silent(&places);
    known.unauthenticated.leave();
    assert!(!known.unauthenticated.stands());
    for _ in 0..3 {
        drop(silent(&places));
    }
    known.unauthenticated.is_silent();
    assert!(places.admit(true, later()).is_none(), "there is nobody who could go");
    assert!(!has_to_go(&mut known));
}

#[test]
fn whoever_waits_for_us_does_not_go_and_the_newcomer_is_turned_away() {
    let places = places(2);
    let (mut computed, mut read) = (silent(&places), places.admit(false, later()).expect("a place"));
    computed.unauthenticated.spoke();
    assert!(places.admit(false, later()).is_none());
    assert!(!has_to_go(&mut computed) && !has_to_go(&mut read));
    // Once more there is nothing to read from it.
    computed.unauthenticated.is_silent();
    assert!(places.admit(false, later()).is_some());
    assert!(has_to_go(&mut computed) && !has_to_go(&mut read));
}

#[test]
fn whoever_was_shown_out_has_left_once() {
    let places = places(1);
    let gone = silent(&places);
    let newcomer = silent(&places);
    for _ in 0..2 {
        gone.unauthenticated.leave();
        gone.unauthenticated.spoke();
    }
    drop(gone);
    assert_eq!(counted(&places), (1, 1));
    drop(newcomer);
    assert_eq!(counted(&places), (0, 0));
}

#[test]
fn whoever_has_just_come_does_not_go() {
    let places = places(1);
    let mut first = places.admit(false, 5_000).expect("a place");
    first.unauthenticated.is_silent();
    assert!(places.admit(false, 5_999).is_none());
    assert!(!has_to_go(&mut first));
    assert!(places.admit(false, 6_000).is_some());
    assert!(has_to_go(&mut first));
}
