//! What an order is bound to, and when that is over.

use super::*;

const NAMED: Option<VersionId> = None;

fn bound(request: Request, ring: &Ring, now: u64) -> Bound {
    request.bind(ring, at(now)).expect("an order that can be carried out")
}

/// Each order that may be about one version alone.
fn of(named: Option<VersionId>) -> [Request; 4] {
    [
        Request::Rotate { named },
        Request::Compromised { named },
        Request::RevokeAll { named },
        Request::RevokePrevious { named },
    ]
}

#[test]
fn what_condemns_a_version_is_an_end() {
    let [rotate, compromised, all, previous] = of(NAMED);
    let ends = [compromised, all, previous, Request::Revoke { version: id(1) }];
    assert!(ends.iter().all(Request::is_end));
    let others = [rotate, Request::Abort { named: NAMED }, Request::Pause, Request::Resume];
    assert!(!others.iter().any(Request::is_end));
}

#[test]
fn what_gives_a_new_version_replaces() {
    let [rotate, compromised, all, previous] = of(NAMED);
    assert!([rotate, compromised, all].iter().all(Request::replaces));
    let others = [previous, Request::Revoke { version: id(1) }, Request::Abort { named: NAMED }];
    assert!(!others.iter().any(Request::replaces));
}

#[test]
fn an_order_that_names_a_version_is_refused_where_another_one_is_current() {
    let now = ring(version(1, 0));
    for (named, other) in of(Some(id(1))).into_iter().zip(of(Some(id(7)))) {
        assert!(named.bind(&now, at(5)).is_ok(), "{named}");
        let refused = Err(Refusal::NotCurrent { named: id(7), current: id(1) });
        assert_eq!(other.bind(&now, at(5)), refused, "{other}");
    }
}

#[test]
fn an_order_that_names_none_is_about_what_the_read_shows() {
    let now = pending(ring(version(1, 0)), version(2, 4));
    let [rotate, compromised, all, previous] = of(NAMED);
    for (request, demand) in [
        (rotate, Demand::Rotate { current: id(1) }),
        (compromised, Demand::Compromised { until: ms(5) }),
        (all, Demand::RevokeAll { until: ms(5) }),
        (previous, Demand::RevokePrevious { current: id(1) }),
        (Request::Abort { named: NAMED }, Demand::Abort { pending: id(2) }),
        (Request::Pause, Demand::Pause),
        (Request::Resume, Demand::Resume),
        (Request::Revoke { version: id(2) }, Demand::Revoke { version: id(2) }),
    ] {
        assert_eq!(bound(request, &now, 5).demand, demand, "{request}");
    }
    let none = Request::Abort { named: NAMED }.bind(&ring(version(1, 0)), at(5));
    assert_eq!(none, Err(Refusal::NothingPending));
}

#[test]
fn an_end_of_all_reaches_what_the_read_shows_whatever_the_clocks_say() {
    let interval = Interval { earliest: ms(4), latest: ms(6) };
    let [_, compromised, ..] = of(NAMED);
    let until = |ring: &Ring| compromised.bind(ring, interval).expect("an end").until;
    assert_eq!(until(&ring(version(1, 0))), ms(6), "the latest time that it can be");
    assert_eq!(until(&ring(version(1, 9))), ms(9), "and what was made by a clock that is ahead");
}

#[test]
fn an_order_that_can_t_be_carried_out_is_bound_to_nothing() {
    let refused = Request::Revoke { version: id(1) }.bind(&ring(version(1, 0)), at(5));
    assert_eq!(refused, Err(Refusal::IsCurrent(id(1))));
}

#[test]
fn a_rotation_is_overtaken_by_what_is_older_than_it_and_did_not_stand_ready() {
    let order = bound(Request::Rotate { named: NAMED }, &pending(ring(version(1, 0)), version(2, 1)), 5);
    for (what, now, over) in [
        ("the same one is current", ring(version(1, 0)), false),
        ("what was pending is", ring(version(2, 1)), false),
        ("one that was made since is", ring(version(3, 6)), false),
        ("one that a person moved there is", ring(version(4, 5)), true),
    ] {
        let refusal = over.then(|| Refusal::NotCurrent { named: id(1), current: now.current.id });
        assert_eq!(order.overtaken(&now), refusal, "{what}");
    }
}

#[test]
fn an_end_of_what_is_previous_is_overtaken_by_every_promotion() {
    let order = bound(Request::RevokePrevious { named: NAMED }, &ring(version(1, 0)), 5);
    assert_eq!(order.overtaken(&ring(version(1, 0))), None);
    let refusal = Refusal::NotCurrent { named: id(1), current: id(3) };
    assert_eq!(order.overtaken(&ring(version(3, 6))), Some(refusal));
}

#[test]
fn an_abort_is_overtaken_by_the_promotion() {
    let order = bound(Request::Abort { named: NAMED }, &pending(ring(version(1, 0)), version(2, 1)), 5);
    assert_eq!(order.overtaken(&pending(ring(version(1, 0)), version(2, 1))), None);
    assert_eq!(order.overtaken(&ring(version(1, 0))), None, "it was taken back");
    assert_eq!(order.overtaken(&ring(version(2, 1))), Some(Refusal::Promoted(id(2))));
}

#[test]
fn what_can_t_be_carried_out_any_more_is_overtaken_and_what_is_done_is_not() {
    let order = bound(Request::Revoke { version: id(2) }, &pending(ring(version(1, 0)), version(2, 1)), 5);
    assert_eq!(order.overtaken(&ring(version(2, 1))), Some(Refusal::IsCurrent(id(2))));
    assert_eq!(
        order.overtaken(&ring(ended(version(2, 1), 6))),
        None,
        "ended while its promotion was in flight"
    );
    assert_eq!(order.overtaken(&ring(version(1, 0))), None, "it is gone");
}

#[test]
fn a_rotation_waits_for_no_orphan() {
    let mut orphaned = pending(ring(version(1, 0)), version(2, 1));
    orphaned.findings.orphaned = true;
    let refused = Request::Rotate { named: NAMED }.bind(&orphaned, at(5));
    assert_eq!(refused, Err(Refusal::Orphaned(id(2))));
}

#[test]
fn an_order_is_told_in_the_words_of_its_command() {
    let [rotate, compromised, all, previous] = of(NAMED);
    for (request, words) in [
        (rotate, "rotate"),
        (compromised, "rotate --compromised"),
        (all, "revoke --all"),
        (previous, "revoke --previous"),
        (Request::Abort { named: NAMED }, "abort"),
        (Request::Pause, "pause"),
        (Request::Resume, "resume"),
    ] {
        assert_eq!(request.to_string(), words);
    }
    let named = Request::Rotate { named: Some(id(1)) }.to_string();
    assert_eq!(named, format!("rotate, if version {} is current", id(1)));
    let one = [Request::Revoke { version: id(1) }, Request::Abort { named: Some(id(1)) }];
    let words = [format!("revoke --version {}", id(1)), format!("abort, of version {}", id(1))];
    assert_eq!(one.map(|request| request.to_string()), words);
}
