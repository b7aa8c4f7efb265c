//! The protocol as it is: no path breaks the promise.

use crossfade_testing_model::{Asked, Edit, Kind, Left, Model, Rules, Trouble, World};

#[test]
fn probe() {
    let world = World {
        rules: Rules::AWS,
        broken: None,
        secrets: 1,
        skews: vec![0, 4],
        verifiers: 2,
        overlap: false,
        slot: 2,
        window: 12,
        left: Left { faults: 1, orders: 1, edits: 0 },
        faults: vec![Trouble::Crash, Trouble::Lost, Trouble::LateWrite, Trouble::LateRead, Trouble::CutOff(5), Trouble::Alone(5), Trouble::Stray],
        orders: vec![Asked::Rotate, Asked::Compromised],
        edits: vec![],
        orderly: true,
    };
    let started = std::time::Instant::now();
    let explored = Model::new(world).explore(2);
    println!("{explored:?} {:?}", started.elapsed());
    let _ = (Kind::Aws, Edit::Put);
}
