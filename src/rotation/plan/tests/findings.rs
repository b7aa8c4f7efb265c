//! What a store shows that people can edit.

use super::*;
use crate::rotation::ring::{Findings, Held};

/// What a store says of it is the store's.
const FOREIGN_PENDING: Held = Held::ForeignPending("somebody else rotates it");
const NATIVE_ROTATION: Held = Held::NativeRotation("the store rotates it");
const MANAGED: Held = Held::Managed("it is another service's");
const REPLICA: Held = Held::Replica("it is a copy");
const FULL: Held = Held::Full("there is no room");

fn found(ring: Ring, findings: Findings) -> Ring {
    Ring { findings, ..ring }
}

fn rolled_back(ring: Ring) -> Ring {
    found(ring, Findings { rolled_back: true, ..Findings::default() })
}

fn held(ring: Ring, held: Held) -> Ring {
    found(ring, Findings { held: Some(held), ..Findings::default() })
}

const PAUSE: fn() -> Next = || does(Step::Pause { current: id(1) }, Why::RolledBack);

fn keep(order: Option<Demand>) -> Next {
    does(Step::Keep { current: id(1) }, order.map_or(Why::Untidy, Why::Ordered))
}

#[test]
fn what_a_person_has_rolled_back_is_paused_unless_its_rotation_is_ordered_or_begun() {
    let base = || ring(version(1, 0));
    let begun = pending(base(), version(2, 50));
    let orphaned = Findings { rolled_back: true, orphaned: true, ..Findings::default() };
    let stray = found(begun.clone(), orphaned);
    let soaked = 50 + SOAK;
    let again = Some(Demand::Rotate { current: id(1) });
    let another = Some(Demand::Rotate { current: id(9) });
    check(
        vec![
            ("it is paused, due or not", rolled_back(base()), None, EVERY, PAUSE()),
            ("once", rolled_back(paused(base())), None, EVERY, Next::Idle { until: None }),
            ("not where it was gone on with", rolled_back(kept(base(), 10)), None, EVERY, stage(slot(EVERY))),
            ("an order is written down as going on with it", rolled_back(base()), again, 60, keep(again)),
            (
                "then it is carried out",
                rolled_back(kept(base(), 60)),
                again,
                60,
                stage(again.map_or(Why::Untidy, Why::Ordered)),
            ),
            ("an order for another version is none", rolled_back(base()), another, 60, PAUSE()),
            ("a rotation that has begun goes on", rolled_back(begun), None, soaked, promote(50, Why::Soaked)),
            ("one that was to follow another version has not", stray, None, 60, PAUSE()),
            (
                "what is ended is replaced",
                rolled_back(ring(ended(version(1, 0), 50))),
                None,
                51,
                stage(Why::CurrentEnded),
            ),
            ("nothing of it where nobody did", base(), None, 1, idle(EVERY)),
        ],
        &policy(),
    );
}

#[test]
fn a_resume_after_a_roll_back_writes_down_that_it_is_gone_on_with() {
    let resume = Some(Demand::Resume);
    let back = || rolled_back(paused(ring(version(1, 0))));
    let unpause = does(Step::Unpause { current: id(1) }, Why::Ordered(Demand::Resume));
    let gone_on = kept(back(), 10);
    check(
        vec![
            ("first the note", back(), resume, 20, keep(resume)),
            ("then the pause", gone_on, resume, 20, unpause),
        ],
        &policy(),
    );
}

#[test]
fn what_was_to_follow_another_version_is_taken_back_once_its_promotion_cannot_be_under_way() {
    let late = Duration::from_secs(20);
    let store = StoreTraits { write_lag: late, ..terms(Notes::BeforePromotion).store };
    let policy = Policy::new(Terms { store, ..terms(Notes::BeforePromotion) }).expect("a sound policy");
    let stray = |pending: Version| {
        let orphaned = Findings { orphaned: true, ..Findings::default() };
        found(super::pending(ring(noted_until(version(1, 0), u64::MAX)), pending), orphaned)
    };
    let born = 0;
    let over = born + 20 * SECOND;
    let until = ms(over) + late * 2 + Duration::from_secs(22 + 9);
    let note = does(Step::Note { version: id(2), until }, Why::Orphaned);
    assert!(over > born + SOAK, "it has soaked by then");
    let undecided = next(Some(&stray(version(2, born))), &policy, None, at(over - 1));
    assert!(matches!(undecided, Next::Idle { .. }), "never promoted: {undecided:?}");
    check(
        vec![
            ("it gets a deadline first", stray(version(2, born)), None, over, note),
            ("then it is dropped", stray(noted_until(version(2, born), 1)), None, over, DROP()),
            ("at once where it is ended", stray(ended(version(2, born), 1)), None, born, DROP()),
        ],
        &policy,
    );
}

#[test]
fn while_the_store_holds_a_secret_nothing_is_staged_or_promoted() {
    for why in [FOREIGN_PENDING, NATIVE_ROTATION, MANAGED] {
        let marked = ring(ended(version(1, 0), 10));
        let soaked = pending(ring(version(1, 0)), version(2, 0));
        for ring in [ring(version(1, 0)), marked, soaked] {
            let next = next(Some(&held(ring, why)), &policy(), None, at(EVERY));
            assert!(matches!(next, Next::Idle { .. }), "{why:?}: {next:?}");
        }
    }
    let over = previous(ring(version(2, 60)), version(1, 0), 100);
    let retire = does(Step::Retire { version: id(1) }, Why::Expired(ms(100)));
    check(vec![("what is over is retired", held(over, MANAGED), None, 100, retire)], &policy());
}

#[test]
fn want_of_room_holds_up_the_next_rotation_and_neither_one_that_has_begun_nor_an_end() {
    let full = |ring| held(ring, FULL);
    let soaked = pending(ring(version(1, 0)), version(2, 0));
    let marked = ring(ended(version(1, 0), 10));
    check(
        vec![
            ("the next one waits", full(ring(version(1, 0))), None, EVERY, Next::Idle { until: None }),
            ("one that has begun goes on", full(soaked), None, SOAK, promote(50, Why::Soaked)),
            ("what is ended is replaced", full(marked), None, 11, stage(Why::CurrentEnded)),
        ],
        &policy(),
    );
}

#[test]
fn a_value_that_is_no_token_is_replaced_by_an_order_and_holds_up_nothing_that_has_begun() {
    let spoilt = |ring| held(ring, Held::Unusable("it is binary"));
    let order = Some(Demand::Rotate { current: id(1) });
    let soaked = pending(ring(version(1, 0)), version(2, 0));
    let marked = ring(ended(version(1, 0), 10));
    check(
        vec![
            ("a slot waits", spoilt(ring(version(1, 0))), None, EVERY, Next::Idle { until: None }),
            (
                "an order doesn't",
                spoilt(ring(version(1, 0))),
                order,
                1,
                stage(order.map_or(Why::Untidy, Why::Ordered)),
            ),
            ("what has begun goes on", spoilt(soaked), None, SOAK, promote(50, Why::Soaked)),
            ("what is ended is replaced", spoilt(marked), None, 11, stage(Why::CurrentEnded)),
        ],
        &policy(),
    );
    assert_eq!(refusal(&spoilt(ring(version(1, 0))), &Demand::Rotate { current: id(1) }), None);
}

#[test]
fn a_value_that_holds_more_than_a_token_is_replaced_by_nothing() {
    let kept = |ring| held(ring, Held::Irreplaceable("it is binary"));
    let (order, leak) = (Demand::Rotate { current: id(1) }, Demand::Compromised { until: ms(1) });
    let soaked = pending(ring(version(1, 0)), version(2, 0));
    let marked = || ring(ended(version(1, 0), 10));
    let end = does(Step::EndAll { current: id(1) }, Why::Ordered(leak));
    check(
        vec![
            ("a slot waits", kept(ring(version(1, 0))), None, EVERY, Next::Idle { until: None }),
            ("what has begun waits", kept(soaked), None, SOAK, Next::Idle { until: None }),
            ("it is ended all the same", kept(ring(version(1, 0))), Some(leak), 1, end),
            ("and not replaced then", kept(marked()), None, 11, idle(EVERY)),
        ],
        &policy(),
    );
    let refused = Some(Refusal::Held(Held::Irreplaceable("it is binary")));
    assert_eq!(refusal(&kept(ring(version(1, 0))), &order), refused);
    assert_eq!(refusal(&kept(marked()), &leak), None);
}

#[test]
fn what_was_replaced_by_somebody_gets_its_deadline_before_another_takes_its_label() {
    let soaked = || pending(ring(noted_until(version(1, 0), 1_000 * SECOND)), version(2, 0));
    let bare = || previous(soaked(), version(3, 0), 1_000 * SECOND);
    let due = Findings { untidy: Some(id(3)), ..Findings::default() };
    let tidy = does(Step::Tidy { version: id(3) }, Why::Untidy);
    let marked = previous(soaked(), ended(version(3, 0), 1), 1_000 * SECOND);
    let with_note = previous(soaked(), noted_until(version(3, 0), 1_000 * SECOND), 1_000 * SECOND);
    check(
        vec![
            ("it is written", found(bare(), due), None, SOAK, tidy),
            ("it is waited for", bare(), None, SOAK, idle(1_000 * SECOND)),
            ("what is ended needs none", marked, None, SOAK, promote(40, Why::Soaked)),
            ("what has one holds nothing up", with_note, None, SOAK, promote(40, Why::Soaked)),
        ],
        &noted(),
    );
}

#[test]
fn a_note_is_not_written_anew_where_there_is_no_room_for_a_mark() {
    let short = || held(pending(ring(noted_until(version(1, 0), 1)), version(2, 0)), FULL);
    let untidy = Findings { untidy: Some(id(1)), held: Some(FULL), ..Findings::default() };
    let enough = held(pending(ring(noted_until(version(1, 0), 1_000 * SECOND)), version(2, 0)), FULL);
    check(
        vec![
            (
                "what others left comes off",
                found(short(), untidy),
                None,
                SOAK,
                does(Step::Tidy { version: id(1) }, Why::Untidy),
            ),
            ("or is waited for", short(), None, SOAK, Next::Idle { until: None }),
            ("one that suffices needs no other", enough, None, SOAK, promote(40, Why::Soaked)),
        ],
        &noted(),
    );
    let first = held(pending(ring(version(1, 0)), version(2, 0)), FULL);
    let roomy = pending(ring(noted_until(version(1, 0), 1)), version(2, 0));
    for (what, ring) in [("room was kept for the first one", first), ("there is room", roomy)] {
        let next = next(Some(&ring), &noted(), None, at(SOAK));
        assert!(
            matches!(next, Next::Do(Decided { step: Step::Note { .. }, why: Why::Soaked })),
            "{what}: {next:?}"
        );
    }
}

#[test]
fn an_order_to_rotate_that_can_t_begin_is_refused_with_what_holds_it_up() {
    let order = Demand::Rotate { current: id(1) };
    let idle = || ring(version(1, 0));
    for why in [FOREIGN_PENDING, NATIVE_ROTATION, MANAGED, FULL] {
        assert_eq!(refusal(&held(idle(), why), &order), Some(Refusal::Held(why)));
        let other = Demand::Rotate { current: id(9) };
        assert_eq!(refusal(&held(idle(), why), &other), None, "what was seen is replaced already");
        for end in [Demand::Compromised { until: ms(5) }, Demand::RevokeAll { until: ms(5) }] {
            assert_eq!(refusal(&held(idle(), why), &end), None, "an end is written all the same");
        }
    }
    let begun = held(pending(idle(), version(2, 0)), FULL);
    assert_eq!(refusal(&begun, &order), None);
}

#[test]
fn what_is_untidy_is_put_in_order_last() {
    let untidy = |ring| found(ring, Findings { untidy: Some(id(1)), ..Findings::default() });
    let tidy = does(Step::Tidy { version: id(1) }, Why::Untidy);
    let over = previous(ring(version(2, 60)), version(1, 0), 100);
    let retire = does(Step::Retire { version: id(1) }, Why::Expired(ms(100)));
    check(
        vec![
            ("where nothing else is to be done", untidy(ring(version(1, 0))), None, 1, tidy),
            ("what is due comes first", untidy(ring(version(1, 0))), None, EVERY, stage(slot(EVERY))),
            ("what is over too", untidy(over), None, 100, retire),
        ],
        &policy(),
    );
}

#[test]
fn a_pending_version_that_cannot_be_read_waits() {
    let unread = |version: Version| Version { digest: Version::unread(version.id), ..version };
    let base = || ring(version(1, 0));
    let dark = || pending(base(), unread(version(2, 50)));
    let marked = pending(ring(ended(version(1, 0), 60)), unread(version(2, 50)));
    let [abort, end] = [Demand::Abort { pending: id(2) }, Demand::Revoke { version: id(2) }];
    let soaked = 50 + SOAK;
    let waits = Next::Idle { until: None };
    check(
        vec![
            ("the next look says when", dark(), None, 60, waits),
            ("it is not promoted unread, and asked for no more often than ever", dark(), None, soaked, waits),
            ("not even for an ended one", marked, None, soaked, waits),
            ("it is taken back", dark(), Some(abort), 60, drop_for(Why::Ordered(abort))),
            ("it is ended", dark(), Some(end), 60, does(Step::End { version: id(2) }, Why::Ordered(end))),
            (
                "once it is read it is promoted",
                pending(base(), version(2, 50)),
                None,
                soaked,
                promote(50, Why::Soaked),
            ),
        ],
        &policy(),
    );
}

#[test]
fn no_value_is_needed_for_an_end_or_for_what_follows_a_version() {
    let unread = |version: Version| Version { digest: Version::unread(version.id), ..version };
    let dark = || previous(ring(unread(version(1, 0))), unread(version(0, 0)), 900);
    let order = |demand: Demand| (demand, next(Some(&dark()), &policy(), Some(&demand), at(60)));
    let (current, version) = (id(1), id(0));
    for ((demand, next), want) in [
        (order(Demand::Rotate { current }), Step::Stage { current }),
        (order(Demand::Compromised { until: ms(60) }), Step::EndAll { current }),
        (order(Demand::RevokeAll { until: ms(60) }), Step::EndAll { current }),
        (order(Demand::Revoke { version }), Step::End { version }),
    ] {
        assert_eq!(refusal(&dark(), &demand), None, "two that can't be read are not the same token");
        assert_eq!(next, does(want, Why::Ordered(demand)), "{demand:?}");
    }
}

#[test]
fn a_replica_is_left_alone_and_every_order_about_it_is_refused() {
    let replica = || held(previous(ring(ended(version(1, 0), 50)), version(0, 0), 10), REPLICA);
    let waits = Next::Idle { until: None };
    check(vec![("nothing is retired, staged or put in order", replica(), None, EVERY, waits)], &policy());
    for demand in [
        Demand::Pause,
        Demand::Resume,
        Demand::RevokeAll { until: ms(60) },
        Demand::Revoke { version: id(0) },
    ] {
        assert_eq!(refusal(&replica(), &demand), Some(Refusal::Held(REPLICA)), "{demand:?}");
    }
}

#[test]
fn while_copies_are_not_in_sync_all_but_ends_waits() {
    let behind = |ring: Ring| {
        found(
            ring,
            Findings {
                replicating: Some("its copies are not in sync"),
                untidy: Some(id(1)),
                ..Findings::default()
            },
        )
    };
    let base = || behind(previous(ring(version(1, 0)), version(0, 0), 900));
    let soaking = || behind(pending(ring(version(1, 0)), version(2, 50)));
    let waits = Next::Idle { until: None };
    let [end, leak] = [Demand::Revoke { version: id(0) }, Demand::Compromised { until: ms(60) }];
    check(
        vec![
            ("a slot waits", base(), None, EVERY, waits),
            ("an order waits", base(), Some(Demand::Pause), 60, waits),
            ("a promotion waits", soaking(), None, 50 + SOAK, waits),
            ("an end does not", base(), Some(end), 60, does(Step::End { version: id(0) }, Why::Ordered(end))),
            (
                "nor does one of all",
                base(),
                Some(leak),
                60,
                does(Step::EndAll { current: id(1) }, Why::Ordered(leak)),
            ),
            (
                "nor what replaces it",
                behind(ring(ended(version(1, 0), 60))),
                None,
                61,
                stage(Why::CurrentEnded),
            ),
        ],
        &policy(),
    );
}

#[test]
fn what_keeps_an_ended_version_from_being_replaced_is_known_and_what_passes_is_none_of_it() {
    let marked = || ring(ended(version(1, 0), 10));
    for why in [FOREIGN_PENDING, NATIVE_ROTATION, MANAGED, Held::Irreplaceable("it is binary")] {
        assert_eq!(holds_the_replacement(&held(marked(), why)), Some(why));
        assert_eq!(holds_the_replacement(&held(ring(version(1, 0)), why)), None, "nothing is to be replaced");
    }
    for why in [FULL, Held::Unusable("it is binary"), Held::PendingUnread] {
        assert_eq!(holds_the_replacement(&held(marked(), why)), None, "{why}");
    }
}

#[test]
fn a_promotion_that_never_comes_is_not_foreseen() {
    let soaking = |version| promotes(&pending(ring(self::version(1, 0)), version), &policy());
    assert_eq!(soaking(version(2, 5)), Some(ms(5 + SOAK)));
    assert_eq!(soaking(ended(version(2, 5), 6)), None, "it is ended");
    assert_eq!(soaking(noted_until(version(2, 5), 6)), None, "it is taken back");
    assert_eq!(promotes(&ring(version(1, 0)), &policy()), None, "there is none");
}
