//! The protocol as it is: with every kind of trouble, order and edit, no path breaks the promise.
//!
//! The fast tier has few of each at a time; where `CROSSFADE_FULL` is set, there are more of them, and all at once.

use crossfade_testing_model::{Edit, Left, OrderKind, Rules, Trouble, World};

use super::{explore, quiet};

const TROUBLES: [Trouble; 11] = [
    Trouble::Crash,
    Trouble::Lost,
    Trouble::LateWrite,
    Trouble::LateRead,
    Trouble::CutOff(2),
    Trouble::CutOff(8),
    Trouble::Alone(2),
    Trouble::Alone(8),
    Trouble::Nap(4),
    Trouble::Stray,
    Trouble::Unreadable(20),
];

const ORDERS: [OrderKind; 8] = [
    OrderKind::Rotate,
    OrderKind::Compromised,
    OrderKind::RevokeAll,
    OrderKind::RevokePrevious,
    OrderKind::RevokePending,
    OrderKind::Abort,
    OrderKind::Pause,
    OrderKind::Resume,
];

const EDITS: [Edit; 4] = [Edit::RollBack, Edit::Promote, Edit::Put, Edit::Unlabel];

fn full() -> bool {
    std::env::var_os("CROSSFADE_FULL").is_some()
}

/// Whatever can happen, a previous version among it.
fn anything(rules: Rules) -> World {
    World {
        overlap: Some(6),
        faults: TROUBLES.to_vec(),
        orders: ORDERS.to_vec(),
        edits: EDITS.to_vec(),
        ..quiet(rules)
    }
}

/// Threads: other tests run beside it, but for the long runs.
fn keeps_the_promise(what: &str, world: World) {
    let threads = if full() { 2 } else { 1 };
    let explored = explore(what, world, threads);
    assert!(explored.broken.is_none(), "{what}: {explored:?}");
}

const fn left(faults: u8, orders: u8, edits: u8) -> Left {
    Left { faults, orders, edits }
}

#[test]
fn with_one_fault_and_one_order_the_embedded_store_keeps_the_promise() {
    let (left, window) = (left(1, 1, 0), 8);
    keeps_the_promise("embedded", World { left, window, ..anything(Rules::EMBEDDED) });
}

#[test]
fn with_any_fault_on_aws_the_promise_is_kept() {
    keeps_the_promise("aws, a fault", World { left: left(1, 0, 0), ..anything(Rules::AWS) });
}

#[test]
fn with_a_late_call_or_a_crash_about_any_order_on_aws_the_promise_is_kept() {
    let faults = vec![Trouble::Crash, Trouble::LateWrite, Trouble::LateRead];
    let world = World { left: left(1, 1, 0), window: 4, faults, ..anything(Rules::AWS) };
    keeps_the_promise("aws, a fault and an order", world);
}

#[test]
fn whatever_a_person_does_to_the_labels_no_deadline_is_put_off_by_a_late_read() {
    let faults = vec![Trouble::LateRead];
    keeps_the_promise(
        "aws, an edit",
        World { left: left(1, 0, 1), window: 8, faults, ..anything(Rules::AWS) },
    );
}

#[test]
fn whatever_a_person_did_just_before_an_end_of_all_that_was_reported_is_an_end_of_all() {
    let faults = vec![Trouble::LateRead, Trouble::Crash];
    let orders = vec![OrderKind::Compromised, OrderKind::RevokeAll];
    let world = World { left: left(1, 1, 1), window: 3, faults, orders, ..anything(Rules::AWS) };
    keeps_the_promise("aws, an end of all after an edit", world);
}

#[test]
fn an_end_of_all_that_is_ordered_again_is_one_of_what_was_made_since() {
    let faults = vec![Trouble::LateRead, Trouble::Crash, Trouble::LateWrite];
    let orders = vec![OrderKind::Compromised, OrderKind::RevokeAll];
    let world = World { left: left(1, 2, 0), window: 5, faults, orders, slot: 60, ..quiet(Rules::AWS) };
    keeps_the_promise("aws, an end of all twice", world);
}

#[test]
fn while_values_cannot_be_read_labels_count_and_orders_are_carried_out() {
    let faults = vec![Trouble::Unreadable(20), Trouble::Crash];
    for (what, orders) in [
        ("aws, values that can't be read", vec![OrderKind::RevokePrevious, OrderKind::Compromised]),
        ("aws, the same and other orders", vec![OrderKind::Rotate, OrderKind::RevokeAll, OrderKind::Abort]),
    ] {
        let left = left(2, 1, 0);
        keeps_the_promise(
            what,
            World { left, window: 4, faults: faults.clone(), orders, ..anything(Rules::AWS) },
        );
    }
}

#[test]
fn with_two_secrets_for_one_server_the_promise_is_kept() {
    let faults = vec![Trouble::CutOff(2), Trouble::CutOff(8), Trouble::Stray];
    let world = World { secrets: 2, left: left(1, 0, 0), window: 8, faults, ..anything(Rules::AWS) };
    keeps_the_promise("aws, two secrets", world);
}

#[test]
fn in_whatever_order_replicas_and_verifiers_act_the_promise_is_kept() {
    let faults = vec![Trouble::LateRead, Trouble::Alone(2)];
    let world = World { left: left(1, 0, 0), window: 8, faults, orderly: false, ..anything(Rules::AWS) };
    keeps_the_promise("aws, in any order", world);
}

#[test]
fn over_more_than_a_million_states_no_path_breaks_the_promise() {
    if !full() {
        return;
    }
    for (what, world) in [
        (
            "embedded, two faults and an order",
            World { left: left(2, 1, 0), window: 5, ..anything(Rules::EMBEDDED) },
        ),
        (
            "embedded, an order and a fault",
            World { left: left(1, 1, 0), window: 12, ..anything(Rules::EMBEDDED) },
        ),
        ("aws, a fault and an order", World { left: left(1, 1, 0), window: 10, ..anything(Rules::AWS) }),
        ("aws, an order and an edit", World { left: left(0, 1, 1), window: 10, ..anything(Rules::AWS) }),
        ("aws, a fault and an edit", World { left: left(1, 0, 1), window: 10, ..anything(Rules::AWS) }),
        ("aws, two faults", World { left: left(2, 0, 0), window: 10, ..anything(Rules::AWS) }),
        ("aws, two orders", World { left: left(0, 2, 0), window: 10, ..anything(Rules::AWS) }),
    ] {
        keeps_the_promise(what, world);
    }
}
