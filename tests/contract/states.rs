//! The state as a whole.

use crossfade::rotation::{ring::Previous, transition::after};

use super::*;

pub async fn a_step_on_an_older_revision_is_a_conflict(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let mut old = hand.another().await;
    let current = hand.ring().await.current.id;
    hand.does(Step::Pause { current }).await;
    let seen = hand.read().await;
    let late = old.apply(&Step::Stage { current }.because(Why::Missing)).await;
    if subject.compares_whole_states() {
        assert!(matches!(late, Err(WriteError::Conflict)), "{late:?}");
        assert_eq!(hand.read().await.ring, seen.ring);
    }
}

pub async fn a_note_is_only_moved_later(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let version = hand.ring().await.current.id;
    let until = hand.now().await + HOUR;
    let noted = hand.does(Step::Note { version, until }).await;
    let written = Some(hand.rounded(until));
    assert_eq!(noted.current.note, written);
    let earlier = until - Duration::from_secs(600);
    assert_eq!(hand.does(Step::Note { version, until: earlier }).await.current.note, written);
    let later = until + Duration::from_secs(600);
    let noted = hand.does(Step::Note { version, until: later }).await;
    assert_eq!(noted.current.note, Some(hand.rounded(later)));
    hand.can_t(Step::Note { version: VersionId::derive("nothing", None, 0), until }).await;
}

pub async fn a_pause_counts_from_when_it_began_until_it_is_lifted(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let current = hand.ring().await.current.id;
    let paused = hand.does(Step::Pause { current }).await.paused;
    assert!(paused.is_some());
    hand.passes(60).await;
    assert_eq!(hand.does(Step::Pause { current }).await.paused, paused);
    assert_eq!(hand.rotates(HOUR).await.paused, paused, "it stands through a rotation");
    let current = hand.ring().await.current.id;
    assert_eq!(hand.does(Step::Unpause { current }).await.paused, None);
}

pub async fn what_is_kept_only_moves_on(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let current = hand.ring().await.current.id;
    let first = hand.does(Step::Keep { current }).await.kept.expect("kept");
    hand.passes(60).await;
    let second = hand.does(Step::Keep { current }).await.kept.expect("kept");
    assert!(second >= first + Duration::from_secs(60));
}

pub async fn secrets_do_not_touch_each_other(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let other = Hand::named(subject, "mcp/other");
    assert_eq!(other.read().await.ring, None);
    other.does(Step::Create).await;
    let (mut from_before, before) = (hand.another().await, hand.read().await);
    other.rotates(HOUR).await;
    let after = hand.read().await;
    assert_eq!(after.ring, before.ring);
    let current = hand.ring().await.current.id;
    assert_ne!(current, other.ring().await.current.id);
    from_before
        .apply(&Step::Pause { current }.because(Why::Missing))
        .await
        .expect("the secret has not changed since it was read");
}

pub async fn the_clock_does_not_run_back(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let mut last = hand.now().await;
    for _ in 0..5 {
        hand.passes(1).await;
        hand.rotates(HOUR).await;
        let now = hand.now().await;
        assert!(now >= last + Duration::from_secs(1), "{now} after {last}");
        last = now;
    }
}

/// A walk through steps that fit and steps that don't, each compared with the pure function.
pub async fn every_step_does_what_the_contract_s_function_says(subject: &dyn Subject) {
    let hand = Hand::created(subject).await;
    let mut dice = 0x2545_f491_4f6c_dd1d_u64;
    for turn in 0..200 {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let seen = hand.read().await;
        let before = seen.ring.clone().expect("the secret exists");
        let step = any_step(&before, seen.now.latest, dice);
        let result = hand.goes_on(step).await;
        let reading = hand.read().await;
        let ring = reading.ring.expect("the secret exists");
        let made = ring.versions().find(|v| before.version(v.id).is_none()).unwrap_or(&ring.current);
        let new = (made.id, made.digest);
        let mut possible = (seen.now.earliest.as_millis()..=reading.now.latest.as_millis())
            .map(|ms| after(Some(&before), &step, subject.notes(), new, Timestamp::from_millis(ms)));
        match result {
            Ok(()) => assert!(
                possible.any(|p| p.as_ref() == Some(&ring)),
                "{turn}: {step:?}\n{before:#?}\n{ring:#?}"
            ),
            // Eight successors were dropped: the store may refuse to derive a ninth.
            Err(WriteError::Rejected(_)) if matches!(step, Step::Stage { .. }) => assert_eq!(ring, before),
            Err(error) => {
                assert!(matches!(error, WriteError::Conflict), "{turn}: {step:?}: {error:?}");
                assert!(possible.all(|p| p.is_none()), "{turn}: {step:?} fits");
                assert_eq!(ring, before, "{turn}: {step:?}");
            }
        }
        subject.pass(Duration::from_millis(dice % 5_000)).await;
    }
}

fn any_step(ring: &Ring, now: Timestamp, dice: u64) -> Step {
    let all: Vec<_> = ring.versions().map(|v| v.id).collect();
    let pick = |shift: u32| all[(dice >> shift) as usize % all.len()];
    let current = if (dice >> 20).is_multiple_of(8) { pick(24) } else { ring.current.id };
    let pending = ring.pending.filter(|_| !(dice >> 28).is_multiple_of(8)).map_or(pick(32), |p| p.id);
    let seconds = Duration::from_secs((dice >> 36) % 7_200);
    match dice % 32 {
        0..=8 => Step::Stage { current },
        9..=16 => Step::Promote { pending, current, accepted_for: seconds },
        17..=18 => Step::Drop { pending },
        19..=22 => {
            let over = |p: &&Previous| p.deadline <= now;
            let over = ring.previous.iter().find(over).map(|p| p.version.id);
            Step::Retire { version: over.unwrap_or(pick(40)) }
        }
        23..=24 => Step::Note { version: pick(40), until: now + seconds },
        25 => Step::End { version: pick(40) },
        26 => Step::EndAll { current },
        27 => Step::Pause { current },
        28 => Step::Unpause { current },
        29 => Step::Keep { current },
        _ => Step::Create,
    }
}
