//! Replacing versions, and forgetting them.

use std::collections::BTreeSet;

use super::*;

pub async fn a_promotion_names_the_version_it_takes_the_place_of(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let first = hand.ring().await.current.id;
    hand.rotates(HOUR).await;
    let pending = hand.stages().await.id;
    hand.can_t(Step::Promote { pending, current: first, accepted_for: HOUR }).await;
    hand.can_t(Step::Promote { pending, current: pending, accepted_for: HOUR }).await;
}

pub async fn a_promotion_names_the_version_that_it_promotes(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let first = hand.ring().await.current.id;
    let current = hand.rotates(HOUR).await.current.id;
    hand.can_t(Step::Promote { pending: first, current, accepted_for: HOUR }).await;
    hand.stages().await;
    hand.can_t(Step::Promote { pending: first, current, accepted_for: HOUR }).await;
    hand.can_t(Step::Promote { pending: current, current, accepted_for: HOUR }).await;
}

pub async fn a_promoted_version_keeps_its_value_and_its_age(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let first = hand.ring().await.current;
    let pending = hand.stages().await;
    hand.passes(60).await;
    let ring = hand.promotes(HOUR).await;
    assert_eq!(ring.current, pending);
    assert_eq!(ring.pending, None);
    let replaced = ring.previous[0].version;
    assert_eq!((replaced.id, replaced.digest, replaced.created), (first.id, first.digest, first.created));
}

pub async fn a_replaced_version_is_accepted_for_as_long_as_the_promotion_says(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    hand.stages().await;
    hand.passes(60).await;
    let began = hand.now().await;
    let deadline = hand.promotes(HOUR).await.previous[0].deadline;
    let (earliest, latest) = (began + HOUR, hand.rounded(hand.latest_since(began).await + HOUR));
    assert!((earliest..=latest).contains(&deadline), "{deadline} is not in {earliest} to {latest}");
}

pub async fn a_deadline_that_is_never_reached_is_kept(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let ring = hand.rotates(Duration::MAX).await;
    assert_eq!(ring.previous[0].deadline, Timestamp::from_millis(u64::MAX));
}

pub async fn each_previous_version_keeps_its_own_deadline(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    hand.rotates(HOUR * 3).await;
    hand.passes(1).await;
    hand.rotates(HOUR).await;
    let before = hand.ring().await.previous;
    hand.passes(1).await;
    let after = hand.rotates(HOUR * 2).await.previous;
    assert_eq!(after[1..], before);
    assert!(before[0].deadline < before[1].deadline);
    assert!(before[0].deadline < after[0].deadline && after[0].deadline < before[1].deadline);
}

pub async fn previous_versions_are_shown_newest_first(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let mut replaced = Vec::new();
    for _ in 0..6 {
        replaced.insert(0, hand.ring().await.current.id);
        let ring = hand.rotates(HOUR).await;
        assert_eq!(ids(ring.previous.iter().map(|p| &p.version)), replaced);
    }
    hand.retires(replaced.remove(2)).await;
    assert_eq!(ids(hand.ring().await.previous.iter().map(|p| &p.version)), replaced);
}

pub async fn no_version_becomes_current_twice(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let mut seen = BTreeSet::from([hand.ring().await.current.id]);
    for round in 0..12 {
        if round % 3 == 0 {
            let dropped = hand.stages().await.id;
            assert!(seen.insert(dropped), "round {round}: a new id");
            hand.drops(dropped).await;
        }
        let pending = hand.stages().await.id;
        assert!(seen.insert(pending), "round {round}: a new id");
        let Ring { current, previous, .. } = hand.promotes(HOUR).await;
        for old in &previous {
            let (pending, current) = (old.version.id, current.id);
            hand.can_t(Step::Promote { pending, current, accepted_for: HOUR }).await;
        }
        if round % 2 == 0 {
            hand.retires(previous[0].version.id).await;
        }
    }
}

pub async fn a_retired_version_is_gone(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let first = hand.ring().await.current.id;
    let deadline = hand.rotates(HOUR).await.previous[0].deadline;
    // Before its deadline it is retired by nobody but a store that does so at once.
    if !subject.changes_all_at_once() {
        hand.passes(HOUR.as_secs()).await;
        hand.passes_a_moment().await;
        assert!(hand.now().await >= deadline);
        assert_eq!(hand.ring().await.previous[0].version.id, first, "it is there until it is retired");
    }
    let ring = hand.does(Step::Retire { version: first }).await;
    assert_eq!(ring.version(first), None);
    hand.can_t(Step::Retire { version: first }).await;
}

pub async fn only_a_previous_version_is_retired(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let version = hand.stages().await.id;
    hand.can_t(Step::Retire { version }).await;
    hand.can_t(Step::Retire { version: hand.ring().await.current.id }).await;
}
