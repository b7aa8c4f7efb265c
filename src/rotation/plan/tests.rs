//! The decisions as a table: each row is a sentence, every boundary on both sides.

use std::time::Duration;

use crossfade_verify::Digest;

use super::{
    super::{
        policy::{StoreTraits, Terms},
        ring::{Findings, Marks},
        schedule::Schedule,
    },
    *,
};

mod ends;
mod findings;
mod given_up;
mod margins;
mod orders;
mod requests;
mod rules;
mod why;

const SECOND: u64 = 1000;
/// Policy of the table: every 100 s, soak 10 s, grace 40 s, freshness 9 s.
const EVERY: u64 = 100 * SECOND;
const SOAK: u64 = 10 * SECOND;

fn terms(notes: Notes) -> Terms {
    let seconds = Duration::from_secs;
    Terms {
        secret: "s".into(),
        schedule: Some(Schedule::every(Duration::from_millis(EVERY)).expect("a period")),
        jitter: Duration::ZERO,
        grace: seconds(40),
        soak: Some(Duration::from_millis(SOAK)),
        freshness: seconds(9),
        hold: seconds(600),
        sync: seconds(3),
        store: StoreTraits { store_lag: seconds(0), write_lag: seconds(0), notes, creates: true },
    }
}

fn policy() -> Policy {
    Policy::new(terms(Notes::WithPromotion)).expect("a sound policy")
}

fn noted() -> Policy {
    Policy::new(terms(Notes::BeforePromotion)).expect("a sound policy")
}

fn id(n: u32) -> VersionId {
    VersionId::derive("s", None, n)
}

fn version(n: u32, created: u64) -> Version {
    let at = Timestamp::from_millis(created);
    Version {
        id: id(n),
        created: at,
        digest: Digest::of(&n.to_le_bytes()),
        foreign: false,
        ended: None,
        note: None,
    }
}

fn ring(current: Version) -> Ring {
    Ring::of(current)
}

fn ms(at: u64) -> Timestamp {
    Timestamp::from_millis(at)
}

fn at(now: u64) -> Interval {
    Interval::exactly(ms(now))
}

fn idle(until: u64) -> Next {
    Next::Idle { until: Some(ms(until)) }
}

fn does(step: Step, why: Why) -> Next {
    Next::Do(step.because(why))
}

/// Stands for staging after the ring's current version; nothing in a ring asks for `Create`.
fn stage(why: Why) -> Next {
    does(Step::Create, why)
}

/// The slot of that time.
fn slot(at: u64) -> Why {
    Why::Due(ms(at))
}

fn check(rows: Vec<(&str, Ring, Option<Demand>, u64, Next)>, policy: &Policy) {
    for (what, ring, demand, now, want) in rows {
        let want = match want {
            Next::Do(Decided { step: Step::Create, why }) => {
                does(Step::Stage { current: ring.current.id }, why)
            }
            want => want,
        };
        let next = next(Some(&ring), policy, demand.as_ref(), at(now));
        assert_eq!(next, want, "{what}");
        let is_past = matches!(next, Next::Idle { until: Some(until) } if until <= ms(now));
        assert!(!is_past, "{what}: nobody waits for what is past, but asks at once, for ever: {next:?}");
    }
}

fn pending(mut ring: Ring, pending: Version) -> Ring {
    ring.pending = Some(pending);
    ring
}

fn previous(mut ring: Ring, version: Version, deadline: u64) -> Ring {
    ring.previous.push(Previous { version, deadline: ms(deadline) });
    ring
}

fn ended(mut version: Version, at: u64) -> Version {
    version.ended = Some(ms(at));
    version
}

fn noted_until(mut version: Version, until: u64) -> Version {
    version.note = Some(ms(until));
    version
}

fn paused(mut ring: Ring) -> Ring {
    ring.paused = Some(ms(0));
    ring
}

fn kept(mut ring: Ring, at: u64) -> Ring {
    ring.kept = Some(ms(at));
    ring
}

fn promote(accepted_for: u64, why: Why) -> Next {
    let accepted_for = Duration::from_secs(accepted_for);
    does(Step::Promote { pending: id(2), current: id(1), accepted_for }, why)
}

const DROP: fn() -> Next = || drop_for(Why::TakenBack);

fn drop_for(why: Why) -> Next {
    does(Step::Drop { pending: id(2) }, why)
}

#[test]
fn a_version_is_replaced_when_its_slot_is_due_and_not_before() {
    check(
        vec![
            ("a young current version waits", ring(version(1, 0)), None, EVERY - 1, idle(EVERY)),
            ("an old one gets a successor", ring(version(1, 0)), None, EVERY, stage(slot(EVERY))),
            (
                "many missed slots are made up for by one",
                ring(version(1, 0)),
                None,
                50 * EVERY + 7,
                stage(slot(50 * EVERY)),
            ),
            (
                "a slot before the adoption is not due",
                kept(ring(version(1, 0)), EVERY + 1),
                None,
                EVERY + 2,
                idle(2 * EVERY),
            ),
            (
                "a slot at the adoption is due",
                kept(ring(version(1, 0)), EVERY),
                None,
                EVERY,
                stage(slot(EVERY)),
            ),
        ],
        &policy(),
    );
}

#[test]
fn a_pending_version_is_promoted_after_the_soak_and_not_before() {
    let soaking = || pending(ring(version(1, 0)), version(2, 100));
    check(
        vec![
            ("within the soak it waits", soaking(), None, 100 + SOAK - 1, idle(100 + SOAK)),
            // grace 40 s + freshness 9 s + 1 s
            ("after the soak it is promoted", soaking(), None, 100 + SOAK, promote(50, Why::Soaked)),
            ("a due slot stages no second one", soaking(), None, EVERY, promote(50, Why::Soaked)),
        ],
        &policy(),
    );
}

#[test]
fn the_soak_is_judged_by_the_earliest_time_that_it_can_be() {
    let soaking = pending(ring(version(1, 0)), version(2, 100));
    let now = Interval { earliest: ms(100 + SOAK - 1), latest: ms(100 + SOAK + 5_000) };
    assert!(matches!(next(Some(&soaking), &policy(), None, now), Next::Idle { .. }));
}

#[test]
fn the_deadline_is_written_before_the_version_is_replaced() {
    let soaking = |note: Option<u64>| {
        let current = note.map_or(version(1, 0), |until| noted_until(version(1, 0), until));
        pending(ring(current), version(2, 0))
    };
    // grace 40 s + 12 s + freshness 9 s
    let needed = 61 * SECOND;
    let note = does(Step::Note { version: id(1), until: ms(SOAK + needed + 33 * SECOND) }, Why::Soaked);
    check(
        vec![
            ("without a note it is written first", soaking(None), None, SOAK, note),
            (
                "a note that leaves too little is written anew",
                soaking(Some(SOAK + needed - 1)),
                None,
                SOAK,
                note,
            ),
            (
                "with enough left the version is replaced",
                soaking(Some(SOAK + needed)),
                None,
                SOAK,
                promote(40, Why::Soaked),
            ),
        ],
        &noted(),
    );
}

#[test]
fn a_note_counts_from_the_latest_time_that_it_can_be() {
    let soaking = pending(ring(version(1, 0)), version(2, 0));
    let now = Interval { earliest: ms(SOAK), latest: ms(SOAK + 2_000) };
    let until = ms(SOAK + 2_000 + 94 * SECOND);
    assert_eq!(
        next(Some(&soaking), &noted(), None, now),
        does(Step::Note { version: id(1), until }, Why::Soaked)
    );
}

#[test]
fn a_pending_version_that_is_ended_or_noted_is_never_promoted() {
    let base = || ring(version(1, 0));
    check(
        vec![
            ("an ended one is dropped", pending(base(), ended(version(2, 0), 5)), None, 3 * SOAK, DROP()),
            (
                "one that bears a note is dropped",
                pending(base(), noted_until(version(2, 0), 5)),
                None,
                3 * SOAK,
                DROP(),
            ),
        ],
        &policy(),
    );
}

#[test]
fn a_previous_version_lives_to_its_own_deadline() {
    let overlapping = || previous(previous(ring(version(1, 0)), version(3, 0), 500), version(4, 0), 300);
    let retire = |n, why| does(Step::Retire { version: id(n) }, why);
    let ended_early = previous(ring(version(1, 0)), ended(version(5, 0), 1), 500);
    check(
        vec![
            ("before the first deadline nothing is retired", overlapping(), None, 299, idle(300)),
            (
                "at the deadline its version is, alone",
                overlapping(),
                None,
                300,
                retire(4, Why::Expired(ms(300))),
            ),
            (
                "the other one at its own",
                previous(ring(version(1, 0)), version(3, 0), 500),
                None,
                500,
                retire(3, Why::Expired(ms(500))),
            ),
            ("an ended one at once", ended_early, None, 2, retire(5, Why::Ended)),
        ],
        &policy(),
    );
    let now = Interval { earliest: ms(299), latest: ms(301) };
    assert_eq!(
        next(Some(&overlapping()), &policy(), None, now),
        idle(300),
        "surely past, by the earliest time"
    );
}

#[test]
fn a_secret_that_does_not_exist_is_created_only_where_that_is_allowed() {
    assert_eq!(next(None, &policy(), None, at(5)), does(Step::Create, Why::Missing));
    let mut terms = terms(Notes::WithPromotion);
    terms.store.creates = false;
    let policy = Policy::new(terms).expect("a sound policy");
    assert_eq!(next(None, &policy, None, at(5)), Next::Idle { until: None });
}
