//! Why a step is taken, and what began the rotation that it is part of.

use super::*;

#[test]
fn what_began_a_rotation_follows_from_its_versions() {
    let base = || ring(version(1, 0));
    let ordered = Why::Ordered(Demand::Rotate { current: id(1) });
    let staged = |at| pending(base(), version(2, at));
    for (what, ring, now, want) in [
        ("nothing is under way", base(), EVERY - 1, None),
        ("a slot is due", base(), EVERY, Some(slot(EVERY))),
        ("a slot was due when it was staged", staged(EVERY + 5), 2 * EVERY + 5, Some(slot(EVERY))),
        ("none was", staged(EVERY - 1), EVERY + 5, Some(ordered)),
        (
            "the slot was skipped, and it was ordered",
            kept(staged(EVERY + 5), EVERY + 1),
            EVERY + 9,
            Some(ordered),
        ),
        ("slots were skipped since", kept(staged(EVERY + 5), EVERY + 6), EVERY + 9, Some(slot(EVERY))),
        ("what is current is ended", ring(ended(version(1, 0), 5)), EVERY, Some(Why::CurrentEnded)),
        ("and replaced", pending(ring(ended(version(1, 0), 5)), version(2, 6)), 7, Some(Why::CurrentEnded)),
    ] {
        assert_eq!(began(&ring, &policy(), at(now)), want, "{what}");
    }
}

#[test]
fn a_step_is_taken_for_a_reason_that_says_what_began_its_rotation() {
    let until = ms(EVERY);
    let ordered = pending(ring(version(1, 0)), version(2, 5));
    for (why, trigger, told) in [
        (Why::Missing, Some(Trigger::Schedule), "the secret has no version yet"),
        (slot(EVERY), Some(Trigger::Schedule), "the slot of 1970-01-01T00:01:40Z is due"),
        (Why::Soaked, Some(Trigger::Manual), "the pending version has stood for the soak"),
        (Why::TakenBack, Some(Trigger::Manual), "the pending version is ended or was taken back"),
        (Why::Ordered(Demand::Rotate { current: id(1) }), Some(Trigger::Manual), "`rotate` was ordered"),
        (
            Why::Ordered(Demand::Compromised { until }),
            Some(Trigger::Compromised),
            "`rotate --compromised` was ordered",
        ),
        (Why::CurrentEnded, Some(Trigger::Compromised), "the current version is ended"),
        (Why::Ordered(Demand::RevokeAll { until }), Some(Trigger::Revoke), "`revoke --all` was ordered"),
        (Why::Ordered(Demand::Abort { pending: id(2) }), None, "`abort` was ordered"),
        (Why::RolledBack, None, "a person has made an older version current again"),
        (Why::Ended, None, "the version is ended"),
        (Why::Expired(until), None, "its deadline, 1970-01-01T00:01:40Z, has passed"),
        (Why::Untidy, None, "a note or label is left over"),
    ] {
        assert_eq!(why.trigger(Some(&ordered), &policy(), at(EVERY + 5)), trigger, "{why:?}");
        assert_eq!(why.to_string(), told);
    }
    let told = Step::Pause { current: id(1) }.because(Why::RolledBack).to_string();
    assert_eq!(
        told,
        "pause: the schedule is on hold, because a person has made an older version current again"
    );
}
