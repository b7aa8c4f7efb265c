//! Making versions, and taking them back.

use std::collections::BTreeSet;

use super::*;

pub async fn an_empty_store_shows_no_version_and_the_time(subject: &dyn Subject) {
    let reading = Hand::on(subject).read().await;
    assert_eq!(reading.ring, None);
    assert!(reading.now.earliest > Timestamp::from_millis(0));
    assert!(reading.now.earliest <= reading.now.latest);
}

pub async fn a_secret_is_created_once_and_its_first_version_is_current_at_once(subject: &dyn Subject) {
    let hand = Hand::on(subject);
    let before = hand.now().await;
    let ring = hand.does(Step::Create).await;
    assert!(ring.current.created >= before);
    assert_eq!((ring.pending, ring.previous.len(), ring.paused, ring.kept), (None, 0, None, None));
    assert_eq!((ring.current.ended, ring.current.note, ring.current.foreign), (None, None, false));
    hand.can_t(Step::Create).await;
}

pub async fn a_step_on_a_secret_that_does_not_exist_is_a_conflict(subject: &dyn Subject) {
    let hand = Hand::on(subject);
    let id = VersionId::derive("nothing", None, 0);
    hand.can_t(Step::Stage { current: id }).await;
    hand.can_t(Step::Promote { pending: id, current: id, accepted_for: HOUR }).await;
    hand.can_t(Step::Pause { current: id }).await;
    assert_eq!(hand.read().await.ring, None);
}

pub async fn staging_twice_makes_one_version(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let mut another = hand.another().await;
    let current = hand.ring().await.current.id;
    let pending = hand.stages().await;
    let again = another.apply(&Step::Stage { current }.because(Why::Missing)).await;
    assert!(matches!(again, Err(WriteError::Conflict)), "{again:?}");
    hand.can_t(Step::Stage { current }).await;
    assert_eq!(hand.ring().await.pending, Some(pending));
}

pub async fn a_staged_version_is_pending_and_changes_nothing_else(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    hand.rotates(HOUR).await;
    let before = hand.ring().await;
    let pending = hand.stages().await;
    let after = hand.ring().await;
    assert_eq!(Ring { pending: None, ..after.clone() }, before);
    let digests: BTreeSet<_> = after.versions().map(|v| *v.digest.as_bytes()).collect();
    assert_eq!(digests.len(), 3, "each version has a token of its own");
    assert_eq!((pending.ended, pending.note, pending.foreign), (None, None, false));
}

pub async fn a_staged_version_follows_the_version_that_it_names(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let first = hand.ring().await.current.id;
    hand.rotates(HOUR).await;
    hand.can_t(Step::Stage { current: first }).await;
}

pub async fn a_dropped_version_does_not_come_back(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let first = hand.stages().await;
    hand.can_t(Step::Drop { pending: hand.ring().await.current.id }).await;
    let ring = hand.does(Step::Drop { pending: first.id }).await;
    assert_eq!((ring.pending, ring.previous.len()), (None, 0));
    hand.can_t(Step::Drop { pending: first.id }).await;
    let second = hand.stages().await;
    assert_ne!(second.id, first.id);
    assert_ne!(second.digest, first.digest);
}

pub async fn a_dropped_version_with_a_note_is_accepted_until_then(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let pending = hand.stages().await;
    let until = hand.now().await + HOUR;
    hand.does(Step::Note { version: pending.id, until }).await;
    let ring = hand.does(Step::Drop { pending: pending.id }).await;
    assert_eq!(ring.pending, None);
    assert_eq!(ring.previous.len(), 1);
    let until = hand.rounded(until);
    assert_eq!((ring.previous[0].version.id, ring.previous[0].deadline), (pending.id, until));
    assert_ne!(hand.stages().await.id, pending.id, "its id is taken");
    hand.retires(pending.id).await;
    let second = hand.ring().await.pending.expect("a pending version");
    hand.does(Step::Drop { pending: second.id }).await;
    let third = hand.stages().await.id;
    assert!(third != pending.id && third != second.id, "its id stays taken after it was retired");
}

pub async fn of_many_that_stage_on_the_same_read_one_wins(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let current = hand.ring().await.current.id;
    let step = Step::Stage { current };
    let (mut a, mut b) = (hand.another().await, hand.another().await);
    let (mut c, mut d) = (hand.another().await, hand.another().await);
    let step = step.because(Why::Missing);
    let (a, b, c, d) = tokio::join!(a.apply(&step), b.apply(&step), c.apply(&step), d.apply(&step));
    let won = [a, b, c, d].into_iter().filter(Result::is_ok).count();
    assert_eq!(won, 1);
}
