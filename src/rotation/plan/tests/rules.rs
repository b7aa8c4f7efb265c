//! The rules that the table leaves to chance: each one alone, so that cutting it fails a test of its name.

use super::*;

const NOTHING: Next = Next::Idle { until: None };

fn between(earliest: u64, latest: u64) -> Interval {
    Interval { earliest: ms(earliest), latest: ms(latest) }
}

#[test]
fn an_order_that_is_refused_changes_nothing() {
    let marked = || pending(ring(ended(version(1, 0), 1)), version(2, 2));
    let due = || pending(ring(version(1, 0)), version(7, EVERY));
    check(
        vec![
            ("current stays", ring(version(1, 0)), Some(Demand::Revoke { version: id(1) }), 5, idle(EVERY)),
            ("so does its successor", marked(), Some(Demand::Abort { pending: id(2) }), 5, idle(2 + SOAK)),
            ("no slot is skipped", due(), Some(Demand::Abort { pending: id(2) }), EVERY, idle(EVERY + SOAK)),
        ],
        &policy(),
    );
}

#[test]
fn there_is_one_pending_version_at_most() {
    let soaking = |current| pending(ring(current), version(2, EVERY - 1));
    let rotate = Some(Demand::Rotate { current: id(1) });
    let soaked = idle(EVERY - 1 + SOAK);
    check(
        vec![
            ("a slot that is due makes no second one", soaking(version(1, 0)), None, EVERY, soaked),
            ("an order makes no second one", soaking(version(1, 0)), rotate, EVERY, soaked),
            ("an end makes no second one", soaking(ended(version(1, 0), 1)), None, EVERY, soaked),
        ],
        &policy(),
    );
}

#[test]
fn a_promotion_by_itself_passes_over_what_does_not_stand() {
    for taken_back in [ended(version(2, 0), 5), noted_until(version(2, 0), 5)] {
        let ring = pending(ring(version(1, 0)), taken_back);
        let plan = Plan { ring: &ring, policy: &policy(), now: at(3 * SOAK) };
        assert_eq!(plan.promote(None), None);
    }
}

#[test]
fn a_promotion_by_itself_skips_the_soak_only_once_the_mark_stands() {
    let ring = pending(ring(version(1, 0)), version(2, 0));
    let plan = Plan { ring: &ring, policy: &policy(), now: at(SOAK - 1) };
    assert_eq!(plan.promote(Some(&Demand::RevokeAll { until: ms(0) })), None);
}

#[test]
fn a_pending_version_that_stands_is_not_taken_back() {
    let soaking = pending(ring(version(1, 0)), version(2, 0));
    check(vec![("it waits", soaking, None, SOAK - 1, idle(SOAK))], &policy());
}

#[test]
fn a_slot_is_due_when_it_has_surely_come() {
    let next_at = |now| next(Some(&ring(version(1, 0))), &policy(), None, now);
    let stage = |at| does(Step::Stage { current: id(1) }, slot(at));
    assert_eq!(next_at(between(EVERY - 1, EVERY + 5_000)), idle(EVERY), "perhaps is not yet");
    assert_eq!(
        next_at(between(2 * EVERY - 1, 2 * EVERY + 1)),
        stage(EVERY),
        "one that may have come hides none"
    );
    let jitter = Duration::from_secs(20);
    let policy = Policy::new(Terms { jitter, ..terms(Notes::WithPromotion) }).expect("a sound policy");
    let delayed =
        EVERY + crate::time::millis(super::super::super::schedule::jitter_of("s", ms(EVERY), jitter));
    let now = between(delayed - 1, delayed + 5_000);
    assert_eq!(next(Some(&ring(version(1, 0))), &policy, None, now), idle(delayed), "nor is its delay over");
}

#[test]
fn an_ended_version_is_replaced_surely_later_than_its_mark() {
    let marked = ring(ended(version(1, 0), 100));
    assert_eq!(next(Some(&marked), &policy(), None, between(100, 5_000)), idle(101));
}

#[test]
fn a_note_has_enough_left_at_the_latest_time_that_it_can_be() {
    // grace 40 s + 12 s + freshness 9 s
    let needed = 61 * SECOND;
    let now = between(SOAK, SOAK + 2_000);
    let soaking = |note| pending(ring(noted_until(version(1, 0), note)), version(2, 0));
    let short = next(Some(&soaking(SOAK + 1_999 + needed)), &noted(), None, now);
    assert!(matches!(short, Next::Do(Decided { step: Step::Note { .. }, .. })), "{short:?}");
    assert_eq!(next(Some(&soaking(SOAK + 2_000 + needed)), &noted(), None, now), promote(40, Why::Soaked));
}

#[test]
fn an_ended_version_is_replaced_without_a_note() {
    let marked = pending(ring(ended(version(1, 0), 1)), version(2, 2));
    check(
        vec![("at once, and without grace", marked, None, 2 + SOAK, promote(0, Why::CurrentEnded))],
        &noted(),
    );
}

#[test]
fn it_wakes_at_the_first_moment_at_which_the_answer_can_change() {
    let base = || ring(version(1, 0));
    let late = || version(2, EVERY - 5);
    check(
        vec![
            ("a slot", base(), None, 5, idle(EVERY)),
            ("a deadline before it", previous(base(), version(3, 0), 500), None, 5, idle(500)),
            ("a soak before it", pending(base(), version(2, 4)), None, 5, idle(4 + SOAK)),
            (
                "a deadline before the soak's end",
                previous(pending(base(), version(2, 4)), version(3, 0), 500),
                None,
                5,
                idle(500),
            ),
            (
                "a slot means nothing to what soaks",
                pending(base(), late()),
                None,
                EVERY - 4,
                idle(EVERY - 5 + SOAK),
            ),
            ("a slot means nothing in a pause", paused(base()), None, 5, NOTHING),
            ("a soak means nothing in a pause", paused(pending(base(), version(2, 4))), None, 5, NOTHING),
            ("a deadline does", paused(previous(base(), version(3, 0), 500)), None, 5, idle(500)),
            ("the moment after a mark", ring(ended(version(1, 0), 5)), None, 5, idle(6)),
            (
                "a mark means nothing to what soaks",
                pending(ring(ended(version(1, 0), 5)), version(2, 6)),
                None,
                7,
                idle(6 + SOAK),
            ),
            (
                "nor at the moment after it",
                pending(ring(ended(version(1, 0), 5)), version(2, 5)),
                None,
                5,
                idle(5 + SOAK),
            ),
        ],
        &policy(),
    );
}

#[test]
fn a_slot_is_delayed_by_its_jitter_and_no_more() {
    let jitter = Duration::from_secs(20);
    let policy = Policy::new(Terms { jitter, ..terms(Notes::WithPromotion) }).expect("a sound policy");
    let delay = crate::time::millis(super::super::super::schedule::jitter_of("s", ms(EVERY), jitter));
    assert!(delay > 0, "this slot has one");
    let base = || ring(version(1, 0));
    check(
        vec![
            ("before the slot it is foreseen", base(), None, EVERY - 1, idle(EVERY + delay)),
            ("within the delay it waits", base(), None, EVERY + delay - 1, idle(EVERY + delay)),
            ("then it is due", base(), None, EVERY + delay, stage(slot(EVERY))),
        ],
        &policy,
    );
    check(
        vec![("a one-shot run has none", base(), None, EVERY, stage(slot(EVERY)))],
        &policy.without_jitter(),
    );
}

#[test]
fn a_version_made_shortly_before_a_slot_counts_for_it() {
    const DAY: u64 = 86_400 * SECOND;
    let schedule = Some(Schedule::cron("0 3 * * *", "UTC").expect("a pattern"));
    let policy = Policy::new(Terms { schedule, ..terms(Notes::WithPromotion) }).expect("a sound policy");
    let slot = DAY + 3 * 3_600 * SECOND;
    let made = |before: u64| ring(version(1, slot - before));
    check(
        vec![
            ("two minutes before: the next day's", made(120 * SECOND), None, slot, idle(slot + DAY)),
            ("foreseen too", made(120 * SECOND), None, slot - 60 * SECOND, idle(slot + DAY)),
            ("earlier: this one", made(120 * SECOND + 1), None, slot, stage(Why::Due(ms(slot)))),
        ],
        &policy,
    );
}

#[test]
fn without_a_schedule_nothing_is_ever_due() {
    let by_hand =
        Policy::new(Terms { schedule: None, ..terms(Notes::WithPromotion) }).expect("a sound policy");
    check(vec![("it waits for an order", ring(version(1, 0)), None, 90 * EVERY, NOTHING)], &by_hand);
}
