//! The promise under every single fault: each store call fails before and after its effect, and the
//! daemon dies after each turn, in every phase, with every order.

mod world;

use std::time::Duration;

use crossfade::rotation::{
    plan::{Refusal, Request},
    policy::Notes,
};
use crossfade_testing_store::Fault;
use world::{EVERY, SOAK, World};

/// Where a secret is when the order and the fault come.
#[derive(Copy, Clone, Debug)]
enum Phase {
    Fresh,
    Idle,
    Due,
    Soaking,
    Soaked,
    Grace,
    Overlap,
    Paused,
    PausedSoaking,
    Marked,
}

const PHASES: [Phase; 10] = [
    Phase::Fresh,
    Phase::Idle,
    Phase::Due,
    Phase::Soaking,
    Phase::Soaked,
    Phase::Grace,
    Phase::Overlap,
    Phase::Paused,
    Phase::PausedSoaking,
    Phase::Marked,
];

#[derive(Copy, Clone, Debug)]
enum Order {
    None,
    Rotate,
    Compromised,
    RevokeAll,
    RevokePrevious,
    RevokePending,
    Abort,
    Pause,
    Resume,
}

const ORDERS: [Order; 9] = [
    Order::None,
    Order::Rotate,
    Order::Compromised,
    Order::RevokeAll,
    Order::RevokePrevious,
    Order::RevokePending,
    Order::Abort,
    Order::Pause,
    Order::Resume,
];

#[derive(Copy, Clone, Debug)]
enum Trouble {
    Read(usize),
    WriteBefore(usize),
    WriteAfter(usize),
    Crash(usize),
}

async fn reach(phase: Phase, notes: Notes) -> World {
    let mut world = World::new(notes);
    if matches!(phase, Phase::Fresh) {
        return world;
    }
    world.run(Duration::from_secs(6)).await;
    let rotate = async |world: &mut World| {
        let current = world.ring().current.id;
        world.order(Request::Rotate { named: Some(current) }).await.expect("a rotation");
    };
    let promoted = async |world: &mut World| {
        let current = world.ring().current.id;
        rotate(world).await;
        world.until("the promotion", |ring| ring.current.id != current).await;
    };
    match phase {
        Phase::Fresh | Phase::Idle => {}
        Phase::Due => world.memory.set_now(world.ring().current.created + EVERY),
        Phase::Soaking => rotate(&mut world).await,
        Phase::Soaked => {
            rotate(&mut world).await;
            world.memory.set_now(world.memory.now() + SOAK);
        }
        Phase::Grace => promoted(&mut world).await,
        Phase::Overlap => {
            promoted(&mut world).await;
            promoted(&mut world).await;
            promoted(&mut world).await;
        }
        Phase::Paused => world.order(Request::Pause).await.expect("a pause"),
        Phase::PausedSoaking => {
            rotate(&mut world).await;
            world.order(Request::Pause).await.expect("a pause");
        }
        Phase::Marked => {
            promoted(&mut world).await;
            let current = world.ring().current.id;
            world.order(Request::Compromised { named: Some(current) }).await.expect("the marks");
        }
    }
    world
}

/// The order in this phase, as a person who looks at `status` would give it.
fn demand(order: Order, world: &World) -> Option<Request> {
    let ring = world.memory.ring("s")?;
    let current = ring.current.id;
    Some(match order {
        Order::None => return None,
        Order::Rotate => Request::Rotate { named: Some(current) },
        Order::Compromised => Request::Compromised { named: Some(current) },
        Order::RevokeAll => Request::RevokeAll { named: Some(current) },
        Order::RevokePrevious => Request::Revoke { version: ring.previous.first()?.version.id },
        Order::RevokePending => Request::Revoke { version: ring.pending?.id },
        Order::Abort => Request::Abort { named: Some(ring.pending?.id) },
        Order::Pause => Request::Pause,
        Order::Resume => Request::Resume,
    })
}

async fn play(phase: Phase, order: Order, trouble: Option<Trouble>, notes: Notes) {
    let mut world = reach(phase, notes).await;
    let after = |n: usize, fault| {
        let mut script = vec![None; n];
        script.push(Some(fault));
        script
    };
    let mut crash = None;
    match trouble {
        None => {}
        Some(Trouble::Read(n)) => world.memory.script(&after(n, Fault::Before), &[]),
        Some(Trouble::WriteBefore(n)) => world.memory.script(&[], &after(n, Fault::Before)),
        Some(Trouble::WriteAfter(n)) => world.memory.script(&[], &after(n, Fault::After)),
        Some(Trouble::Crash(n)) => crash = Some(n),
    }
    let demand = demand(order, &world);
    if let Some(demand) = demand {
        match world.order(demand).await {
            Ok(()) => {}
            // An abort of what replaces an ended version; and a repeated one whose first try stood.
            Err(Refusal::Replaces(_) | Refusal::NothingPending | Refusal::NoSuchVersion(_)) => {}
            Err(refusal) => panic!("{refusal}"),
        }
    }
    for turn in 0..6 {
        if crash == Some(turn) {
            world.crash();
        }
        world.turn().await;
    }
    world.run(EVERY * 2).await;
    ends_well(&mut world, demand).await;
}

/// Faults only put things off: in the end each order is carried out, nothing is left over, and the
/// schedule goes on.
async fn ends_well(world: &mut World, demand: Option<Request>) {
    let ring = world.ring();
    assert!(ring.current.ended.is_none(), "an ended version is still current: {ring:?}");
    let paused = ring.paused.is_some();
    if let Some(
        Request::Rotate { named: Some(current) }
        | Request::Compromised { named: Some(current) }
        | Request::RevokeAll { named: Some(current) },
    ) = demand
    {
        assert_ne!(ring.current.id, current, "what was ordered to be replaced is still current");
    }
    let lifts = matches!(demand, Some(Request::Rotate { .. } | Request::Resume));
    assert!(!(paused && lifts), "still paused");
    if !paused {
        assert!(
            ring.pending.is_none_or(|p| world.memory.now() < p.created + SOAK + SOAK),
            "an orphan: {ring:?}"
        );
        let age = world.memory.now().since(ring.current.created);
        assert!(age < EVERY + SOAK * 2, "the schedule stopped: {ring:?}");
    }
    let over = |p: &crossfade::rotation::ring::Previous| p.deadline + SOAK < world.memory.now();
    assert!(!ring.previous.iter().any(over), "a previous version outlived its deadline: {ring:?}");
}

async fn every(notes: Notes, troubles: impl Fn(usize) -> Trouble) {
    for phase in PHASES {
        for order in ORDERS {
            for n in 0..8 {
                let trouble = troubles(n);
                eprintln!("{phase:?} {order:?} {trouble:?} {notes:?}");
                play(phase, order, Some(trouble), notes).await;
            }
        }
    }
}

#[tokio::test]
async fn without_faults_every_order_in_every_phase_keeps_the_promise() {
    for notes in [Notes::WithPromotion, Notes::BeforePromotion] {
        for phase in PHASES {
            for order in ORDERS {
                eprintln!("{phase:?} {order:?} {notes:?}");
                play(phase, order, None, notes).await;
            }
        }
    }
}

#[tokio::test]
async fn a_read_that_fails_keeps_the_promise() {
    every(Notes::WithPromotion, Trouble::Read).await;
    every(Notes::BeforePromotion, Trouble::Read).await;
}

#[tokio::test]
async fn a_write_that_fails_without_effect_keeps_the_promise() {
    every(Notes::WithPromotion, Trouble::WriteBefore).await;
    every(Notes::BeforePromotion, Trouble::WriteBefore).await;
}

#[tokio::test]
async fn a_write_that_lands_and_reports_failure_keeps_the_promise() {
    every(Notes::WithPromotion, Trouble::WriteAfter).await;
    every(Notes::BeforePromotion, Trouble::WriteAfter).await;
}

#[tokio::test]
async fn a_daemon_that_dies_after_any_turn_keeps_the_promise() {
    every(Notes::WithPromotion, Trouble::Crash).await;
    every(Notes::BeforePromotion, Trouble::Crash).await;
}
