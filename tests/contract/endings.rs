//! Marks.

use super::*;

pub async fn an_ended_version_is_never_promoted(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let pending = hand.stages().await.id;
    let current = hand.ring().await.current.id;
    hand.does(Step::End { version: pending }).await;
    hand.can_t(Step::Promote { pending, current, accepted_for: HOUR }).await;
    let ring = hand.does(Step::Drop { pending }).await;
    assert_eq!(ring.version(pending), None);
}

pub async fn an_end_marks_that_version_and_no_other(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    hand.rotates(HOUR).await;
    hand.rotates(HOUR).await;
    let before = hand.ring().await;
    let version = before.previous[1].version.id;
    let earliest = hand.now().await;
    let ring = hand.does(Step::End { version }).await;
    let marked = ring.version(version).and_then(|v| v.ended).expect("the mark");
    let latest = hand.rounded(hand.latest_since(earliest).await);
    assert!((earliest..=latest).contains(&marked), "{marked} is not in {earliest} to {latest}");
    let mut expected = before;
    expected.previous[1].version.ended = Some(marked);
    assert_eq!(ring, expected);
}

pub async fn the_first_end_of_a_version_counts(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let version = hand.ring().await.current.id;
    hand.rotates(HOUR).await;
    let first = hand.does(Step::End { version }).await;
    hand.passes(60).await;
    assert_eq!(hand.does(Step::End { version }).await, first);
}

pub async fn the_current_version_is_not_ended_alone(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    hand.can_t(Step::End { version: hand.ring().await.current.id }).await;
    hand.can_t(Step::End { version: VersionId::derive("nothing", None, 0) }).await;
}

pub async fn ending_all_marks_every_version_and_names_the_current_one(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let first = hand.ring().await.current.id;
    hand.rotates(HOUR).await;
    hand.rotates(HOUR).await;
    hand.stages().await;
    hand.can_t(Step::EndAll { current: first }).await;
    let ring = hand.does(Step::EndAll { current: hand.ring().await.current.id }).await;
    assert_eq!(ring.versions().count(), 4);
    assert!(ring.versions().all(|v| v.ended.is_some()));
}

pub async fn a_mark_outlives_the_promotion_that_replaces_the_version(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let current = hand.ring().await.current.id;
    let marked = hand.does(Step::EndAll { current }).await.current.ended;
    // What is made before the time of the mark is marked too.
    hand.passes_a_moment().await;
    hand.stages().await;
    let ring = hand.promotes(Duration::ZERO).await;
    assert_eq!(ring.current.ended, None, "the replacement is not marked");
    assert_eq!(ring.previous[0].version.ended, marked);
}

pub async fn an_ended_version_that_is_retired_is_gone(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let version = hand.ring().await.current.id;
    hand.rotates(HOUR).await;
    hand.does(Step::End { version }).await;
    let ring = hand.retires(version).await;
    assert_eq!(ring.version(version), None);
    hand.can_t(Step::Retire { version }).await;
}
