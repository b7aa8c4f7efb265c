//! What is ended, and how it is replaced.

use super::*;

#[test]
fn an_ended_current_version_is_replaced_without_grace_after_the_soak() {
    let base = || ring(ended(version(1, 0), 100));
    check(
        vec![
            ("in the very moment of the mark nothing is staged", base(), None, 100, idle(101)),
            ("right after it the replacement is", base(), None, 101, stage(Why::CurrentEnded)),
            ("it soaks like any other", pending(base(), version(2, 101)), None, 100 + SOAK, idle(101 + SOAK)),
            (
                "and takes the place without grace",
                pending(base(), version(2, 101)),
                None,
                101 + SOAK,
                promote(0, Why::CurrentEnded),
            ),
            ("also while paused", paused(base()), None, 101, stage(Why::CurrentEnded)),
            (
                "paused, it is promoted too",
                paused(pending(base(), version(2, 101))),
                None,
                101 + SOAK,
                promote(0, Why::CurrentEnded),
            ),
        ],
        &policy(),
    );
}

#[test]
fn revoke_all_replaces_without_the_soak_what_is_ended() {
    let order = Demand::RevokeAll { until: ms(100) };
    let all = Some(order);
    let marked = || pending(ring(ended(version(1, 0), 100)), version(2, 101));
    let since = || pending(ring(ended(version(1, 101), 101)), version(2, 102));
    let mark = does(Step::EndAll { current: id(1) }, Why::Ordered(order));
    check(
        vec![
            ("the marks come first", pending(ring(version(1, 0)), version(2, 50)), all, 102, mark),
            ("then the replacement at once", marked(), all, 102, promote(0, Why::Ordered(order))),
            ("of what was made since it skips nothing", since(), all, 103, idle(102 + SOAK)),
        ],
        &policy(),
    );
}

#[test]
fn an_end_is_written_before_anything_else() {
    let busy = || previous(pending(ring(version(1, 0)), version(2, 0)), version(3, 0), 5);
    let leak = Demand::Compromised { until: ms(5) };
    let end_all = does(Step::EndAll { current: id(1) }, Why::Ordered(leak));
    let revoke = |n| Demand::Revoke { version: id(n) };
    let end = |n, order| does(Step::End { version: id(n) }, Why::Ordered(order));
    check(
        vec![
            ("before a promotion that is due", busy(), Some(leak), EVERY, end_all),
            ("before a retirement that is due", busy(), Some(revoke(3)), EVERY, end(3, revoke(3))),
            ("of the pending version too", busy(), Some(revoke(2)), EVERY, end(2, revoke(2))),
            (
                "one by one, where what is current was made since",
                previous(ring(version(1, 6)), version(3, 0), 900_000),
                Some(leak),
                EVERY,
                end(3, leak),
            ),
        ],
        &policy(),
    );
}

#[test]
fn an_end_is_written_once() {
    let marked = previous(ring(ended(version(1, 0), 100)), ended(version(3, 0), 100), 900_000);
    let demand = Demand::Compromised { until: ms(100) };
    assert!(settled(&marked, &demand));
    let retire = does(Step::Retire { version: id(3) }, Why::Ended);
    check(
        vec![("what is marked is left", pending(marked, version(2, 101)), Some(demand), 102, retire)],
        &policy(),
    );
}

#[test]
fn the_current_version_alone_cannot_be_ended() {
    let ring = ring(version(1, 0));
    assert_eq!(refusal(&ring, &Demand::Revoke { version: id(1) }), Some(Refusal::IsCurrent(id(1))));
    assert_eq!(refusal(&ring, &Demand::Revoke { version: id(9) }), Some(Refusal::NoSuchVersion(id(9))));
    assert_eq!(refusal(&ring, &Demand::Abort { pending: id(9) }), Some(Refusal::NothingPending));
}

#[test]
fn a_token_that_is_current_is_not_ended_by_ending_another_version_that_has_it() {
    let (current, old) = (version(1, 0), version(3, 0));
    let again = previous(ring(current), Version { digest: current.digest, ..old }, 900_000);
    assert_eq!(refusal(&again, &Demand::Revoke { version: id(3) }), Some(Refusal::IsCurrent(id(1))));
}

#[test]
fn an_end_is_that_of_the_token_whatever_versions_have_it() {
    let (first, again) = (version(3, 0), Version { digest: version(3, 0).digest, ..version(4, 0) });
    let mut both = previous(previous(ring(version(1, 0)), ended(first, 100), 900_000), again, 900_000);
    let mut marks = Marks::new();
    both.remember_ends(&mut marks);
    assert_eq!(both.version(id(4)).and_then(|v| v.ended), Some(ms(100)), "beside it");
    let mut later = previous(ring(version(1, 0)), again, 900_000);
    later.remember_ends(&mut marks);
    assert_eq!(later.version(id(4)).and_then(|v| v.ended), Some(ms(100)), "and after it is gone");
    let mut other = previous(ring(version(1, 0)), version(5, 0), 900_000);
    other.remember_ends(&mut marks);
    assert_eq!(other.version(id(5)).and_then(|v| v.ended), None);
    let mut made_again = ring(Version { id: id(3), ..version(6, 200) });
    made_again.remember_ends(&mut marks);
    assert_eq!(made_again.current.ended, None, "an id says nothing: another secret can have the same");
}
