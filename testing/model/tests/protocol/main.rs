//! The protocol, explored: as it is no path breaks the promise, and without any one of its rules some path does.

#![expect(clippy::disallowed_methods, reason = "the long runs are asked for by the test command")]

mod broken;
mod whole;

use crossfade_testing_model::{Explored, Left, Model, Rules, World};

/// One secret, two replicas whose clocks differ, a verifier at each, and nothing that goes wrong.
fn quiet(rules: Rules) -> World {
    World {
        rules,
        broken: None,
        secrets: 1,
        skews: vec![0, 5],
        verifiers: 2,
        overlap: None,
        slot: 2,
        window: 12,
        last_slot: false,
        left: Left { faults: 0, orders: 0, edits: 0 },
        faults: Vec::new(),
        orders: Vec::new(),
        edits: Vec::new(),
        orderly: true,
    }
}

fn explore(what: &str, world: World, threads: usize) -> Explored {
    let explored = Model::new(world).explore(threads);
    println!("{what}: {} distinct states, {} events deep", explored.states, explored.depth);
    explored
}
