//! One rotation from end to end.

use crossfade::rotation::ring::Findings;

use super::*;

pub async fn a_whole_rotation_leaves_the_new_version_and_nothing_of_the_old_one(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let old = hand.ring().await.current;
    let new = hand.stages().await;
    assert_ne!((new.id, new.digest), (old.id, old.digest));
    assert_eq!(hand.ring().await.current, old, "it changes nothing for those who read");
    let ring = hand.promotes(HOUR).await;
    assert_eq!((ring.current.id, ring.current.digest), (new.id, new.digest));
    assert_eq!(ring.pending, None, "nothing is pending any more");
    assert_eq!(ids(ring.previous.iter().map(|p| &p.version)), [old.id]);
    let ring = hand.retires(old.id).await;
    assert_eq!((ids(ring.versions()), ring.findings), (vec![new.id], Findings::default()));
}
