//! What an order asks for, when it stands in the store, and when there is nothing left to remember of it.

use super::*;

/// Both ends of all, of what was made until then.
fn all_until(at: u64) -> [Demand; 2] {
    [Demand::Compromised { until: ms(at) }, Demand::RevokeAll { until: ms(at) }]
}

fn orphaned(mut ring: Ring) -> Ring {
    ring.findings.orphaned = true;
    ring
}

fn all_settled(rows: Vec<(&str, Ring, Demand, bool)>) {
    for (what, ring, demand, want) in rows {
        assert_eq!(settled(&ring, &demand), want, "{what}");
    }
}

#[test]
fn a_rotation_stands_once_its_successor_does_and_the_pause_is_lifted() {
    let rotate = Demand::Rotate { current: id(1) };
    let base = || ring(version(1, 0));
    all_settled(vec![
        ("nothing is pending", base(), rotate, false),
        ("a successor stands", pending(base(), version(2, 0)), rotate, true),
        ("it is ended", pending(base(), ended(version(2, 0), 1)), rotate, false),
        ("it is being taken back", pending(base(), noted_until(version(2, 0), 1)), rotate, false),
        ("it was to follow another one", orphaned(pending(base(), version(2, 0))), rotate, false),
        ("it stands, in a pause", paused(pending(base(), version(2, 0))), rotate, false),
        ("another version is current", paused(ring(version(7, 0))), rotate, true),
    ]);
}

#[test]
fn an_end_of_all_stands_once_every_mark_does() {
    for demand in all_until(5) {
        let marked = || ring(ended(version(1, 0), 5));
        let since = || ring(version(7, 6));
        all_settled(vec![
            ("nothing is marked", ring(version(1, 0)), demand, false),
            ("current is", marked(), demand, true),
            ("a previous one is not", previous(marked(), version(3, 0), 900), demand, false),
            ("it is too", previous(marked(), ended(version(3, 0), 5), 900), demand, true),
            ("a pending one is not", pending(marked(), version(3, 5)), demand, false),
            ("it was made since", pending(marked(), version(3, 6)), demand, true),
            (
                "previous is, current is not",
                previous(ring(version(1, 0)), ended(version(3, 0), 5), 900),
                demand,
                false,
            ),
            ("what was made in that very moment is not", ring(version(7, 5)), demand, false),
            (
                "what is current was made since, and the one before is not",
                previous(since(), version(1, 0), 900),
                demand,
                false,
            ),
            ("and marked", previous(since(), ended(version(1, 0), 5), 900), demand, true),
            ("or gone", since(), demand, true),
        ]);
    }
}

#[test]
fn an_end_covers_every_version_that_stands_unmarked() {
    let base = || ring(ended(version(1, 0), 5));
    for demand in all_until(5) {
        let mark = does(Step::EndAll { current: id(1) }, Why::Ordered(demand));
        let rows = vec![
            ("current", previous(ring(version(1, 0)), ended(version(3, 0), 5), 900), Some(demand), 6, mark),
            ("previous", previous(base(), version(3, 0), 900), Some(demand), 6, mark),
            ("pending", pending(base(), version(3, 5)), Some(demand), 6, mark),
        ];
        check(rows, &policy());
    }
}

#[test]
fn an_end_that_stands_is_not_written_again() {
    let revoke = Some(Demand::Revoke { version: id(2) });
    let marked = pending(ring(version(1, 0)), ended(version(2, 0), 5));
    check(vec![("of one version", marked, revoke, 6, DROP())], &policy());
    let retire = does(Step::Retire { version: id(3) }, Why::Ended);
    for demand in all_until(5) {
        let marked = previous(ring(version(1, 6)), ended(version(3, 0), 5), 900);
        check(vec![("of all that was made until then", marked, Some(demand), 6, retire)], &policy());
    }
    let marked = previous(ring(version(1, 0)), ended(version(3, 0), 5), 900);
    let previous = Some(Demand::RevokePrevious { current: id(1) });
    check(vec![("of what is previous", marked, previous, 6, retire)], &policy());
}

#[test]
fn an_end_of_what_is_previous_is_that_of_each_while_the_same_version_is_current() {
    let order = Demand::RevokePrevious { current: id(1) };
    let base = || previous(ring(version(1, 0)), version(3, 0), 900);
    let two = || previous(base(), version(4, 0), 900);
    let end = |n| does(Step::End { version: id(n) }, Why::Ordered(order));
    let moved = || previous(ring(version(7, 0)), version(3, 0), 900);
    let bots_hold = Version { digest: version(1, 0).digest, ..version(3, 0) };
    check(
        vec![
            ("the first of them", two(), Some(order), 6, end(3)),
            ("what was replaced since is nobody's", moved(), Some(order), 6, idle(900)),
            (
                "what bots hold is left",
                previous(ring(version(1, 0)), bots_hold, 900),
                Some(order),
                6,
                idle(900),
            ),
        ],
        &policy(),
    );
    let marked = || previous(ring(version(1, 0)), ended(version(3, 0), 5), 900);
    all_settled(vec![
        ("it is not marked", base(), order, false),
        ("it is", marked(), order, true),
        ("another one is not", previous(marked(), version(4, 0), 900), order, false),
        ("none is previous", ring(version(1, 0)), order, true),
    ]);
}

#[test]
fn an_end_of_one_version_stands_once_it_is_marked_or_gone() {
    let revoke = Demand::Revoke { version: id(2) };
    let base = || ring(version(1, 0));
    all_settled(vec![
        ("unmarked", pending(base(), version(2, 0)), revoke, false),
        ("marked", pending(base(), ended(version(2, 0), 5)), revoke, true),
        ("gone", base(), revoke, true),
    ]);
}

#[test]
fn an_abort_stands_once_its_version_is_gone() {
    let abort = Demand::Abort { pending: id(2) };
    let base = || ring(version(1, 0));
    all_settled(vec![
        ("it is pending", pending(base(), version(2, 0)), abort, false),
        ("another one is", pending(base(), version(7, 0)), abort, true),
        ("none is", base(), abort, true),
    ]);
}

#[test]
fn an_abort_of_another_version_is_told_that_there_is_none() {
    let abort = Demand::Abort { pending: id(2) };
    for current in [version(1, 0), ended(version(1, 0), 1)] {
        let other = pending(ring(current), version(7, 2));
        assert_eq!(refusal(&other, &abort), Some(Refusal::NothingPending));
    }
    assert_eq!(refusal(&pending(ring(version(1, 0)), version(2, 2)), &abort), None);
}

#[test]
fn what_is_taken_back_gets_its_note_once_and_is_then_dropped() {
    let order = Demand::Abort { pending: id(2) };
    let abort = Some(order);
    let with_note = pending(ring(version(1, 0)), noted_until(version(2, 50), 90 * SECOND));
    check(vec![("the note stands", with_note, abort, 60, drop_for(Why::Ordered(order)))], &noted());
}

#[test]
fn what_is_taken_back_counts_from_the_latest_time_that_it_can_be() {
    let soaking = pending(ring(version(1, 0)), version(2, 50));
    let now = Interval { earliest: ms(60), latest: ms(2_060) };
    // 22 s + freshness 9 s
    let note = Step::Note { version: id(2), until: ms(2_060 + 31 * SECOND) };
    let abort = Demand::Abort { pending: id(2) };
    assert_eq!(next(Some(&soaking), &noted(), Some(&abort), now), does(note, Why::Ordered(abort)));
}

#[test]
fn a_pause_is_written_once() {
    let held = || paused(ring(version(1, 0)));
    check(vec![("it stands", held(), Some(Demand::Pause), 5, Next::Idle { until: None })], &policy());
    all_settled(vec![
        ("paused", held(), Demand::Pause, true),
        ("not paused", ring(version(1, 0)), Demand::Pause, false),
    ]);
}

#[test]
fn a_resume_without_a_pause_skips_no_slot() {
    let resume = Some(Demand::Resume);
    check(
        vec![
            ("a due slot is taken", ring(version(1, 0)), resume, EVERY, stage(slot(EVERY))),
            ("nothing is lifted", ring(version(1, 0)), resume, 5, idle(EVERY)),
        ],
        &policy(),
    );
    all_settled(vec![
        ("paused", paused(ring(version(1, 0))), Demand::Resume, false),
        ("not paused", ring(version(1, 0)), Demand::Resume, true),
    ]);
}

#[test]
fn a_rotation_lifts_no_pause_but_that_of_the_version_that_was_seen() {
    let other = Some(Demand::Rotate { current: id(7) });
    let held = paused(ring(version(1, 0)));
    check(vec![("another version is current", held, other, 5, Next::Idle { until: None })], &policy());
}

#[test]
fn revoke_all_is_remembered_until_the_version_is_replaced() {
    let [compromised, all] = all_until(5);
    let marked = ring(ended(version(1, 0), 5));
    assert!(settled(&marked, &all) && !finished(&marked, &all), "its marks alone do not skip the soak");
    assert!(finished(&ring(version(7, 6)), &all), "replaced");
    assert!(finished(&marked, &compromised), "the marks say all that there is");
    let unmarked = previous(ring(version(7, 6)), version(1, 0), 900);
    assert!(!finished(&unmarked, &all), "replaced, and not yet ended");
}

#[test]
fn abort_skips_the_slot_and_takes_the_pending_version_back() {
    let order = Demand::Abort { pending: id(2) };
    let abort = Some(order);
    let soaking = |n, at| pending(ring(version(1, 0)), version(n, at));
    check(
        vec![
            (
                "a due slot is skipped first",
                soaking(2, EVERY),
                abort,
                EVERY + 5,
                does(Step::Keep { current: id(1) }, Why::Ordered(order)),
            ),
            (
                "then it is dropped",
                kept(soaking(2, EVERY), EVERY + 5),
                abort,
                EVERY + 6,
                drop_for(Why::Ordered(order)),
            ),
            ("another one is left", soaking(7, EVERY), abort, EVERY + 5, idle(EVERY + SOAK)),
        ],
        &policy(),
    );
    let marked = pending(ring(ended(version(1, 0), 1)), version(2, 2));
    assert_eq!(refusal(&marked, &Demand::Abort { pending: id(2) }), Some(Refusal::Replaces(id(2))));
}

#[test]
fn what_is_taken_back_gets_a_deadline_first_where_a_write_can_land_late() {
    let order = Demand::Abort { pending: id(2) };
    let abort = Some(order);
    let soaking = || pending(ring(version(1, 0)), version(2, 50));
    // 22 s + freshness 9 s
    let note = does(Step::Note { version: id(2), until: ms(60 + 31 * SECOND) }, Why::Ordered(order));
    check(vec![("the note first", soaking(), abort, 60, note)], &noted());
}

#[test]
fn an_order_is_bound_to_the_version_that_was_seen() {
    let rotate = |n| Some(Demand::Rotate { current: id(n) });
    let ordered = Why::Ordered(Demand::Rotate { current: id(1) });
    check(
        vec![
            ("the seen version is replaced", ring(version(1, 0)), rotate(1), 5, stage(ordered)),
            ("another one is not", ring(version(1, 0)), rotate(7), 5, idle(EVERY)),
            (
                "a pending version is enough",
                pending(ring(version(1, 0)), version(2, 0)),
                rotate(1),
                5,
                idle(SOAK),
            ),
        ],
        &policy(),
    );
}

#[test]
fn a_pause_holds_stage_and_promotion_until_it_is_lifted() {
    let base = || paused(ring(version(1, 0)));
    let rotate = Demand::Rotate { current: id(1) };
    let unpause = |order| does(Step::Unpause { current: id(1) }, Why::Ordered(order));
    check(
        vec![
            ("a due slot is not taken", base(), None, EVERY, Next::Idle { until: None }),
            (
                "a soaked version is not promoted",
                pending(base(), version(2, 0)),
                None,
                SOAK,
                Next::Idle { until: None },
            ),
            (
                "deadlines go on",
                previous(base(), version(3, 0), 5),
                None,
                5,
                does(Step::Retire { version: id(3) }, Why::Expired(ms(5))),
            ),
            ("rotate lifts it first", base(), Some(rotate), 5, unpause(rotate)),
            (
                "resume skips the slots that it covered first",
                base(),
                Some(Demand::Resume),
                EVERY,
                does(Step::Keep { current: id(1) }, Why::Ordered(Demand::Resume)),
            ),
            (
                "then lifts it",
                kept(base(), EVERY + 1),
                Some(Demand::Resume),
                EVERY + 1,
                unpause(Demand::Resume),
            ),
            (
                "pause holds",
                ring(version(1, 0)),
                Some(Demand::Pause),
                5,
                does(Step::Pause { current: id(1) }, Why::Ordered(Demand::Pause)),
            ),
        ],
        &policy(),
    );
}
