//! Every call fails before its effect and after it, is throttled, is denied, lands late, or is the last one of a daemon
//! that dies: in every phase, with every order.

#![expect(clippy::disallowed_methods, reason = "the long runs are asked for by the test command")]

use std::time::Duration;

use crossfade::rotation::plan::Request;
use crossfade_testing_secretsmanager::faults::{Delay, Effect, Failure, Rule};

use crate::world::{EVERY, SOAK, WRITE_LAG, World, millis};

/// Where a secret is when the order and the fault come.
#[derive(Copy, Clone, Debug)]
enum Phase {
    Found,
    Idle,
    Due,
    Soaking,
    Soaked,
    Promoted,
    Overlap,
    Paused,
    Marked,
}

const PHASES: [Phase; 9] = [
    Phase::Found,
    Phase::Idle,
    Phase::Due,
    Phase::Soaking,
    Phase::Soaked,
    Phase::Promoted,
    Phase::Overlap,
    Phase::Paused,
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
    Before,
    After,
    Throttled,
    Denied,
    Late,
    DiesBefore,
    DiesAfter,
}

impl Trouble {
    fn effect(self) -> Effect {
        match self {
            Self::Before | Self::DiesBefore => Effect::LostRequest,
            Self::After | Self::DiesAfter => Effect::LostReply,
            Self::Throttled => Effect::FailBefore(Failure::Throttling),
            Self::Denied => Effect::FailBefore(Failure::AccessDenied),
            Self::Late => Effect::LateWrite(Delay::Fixed(millis(WRITE_LAG) - 1_000)),
        }
    }

    fn kills(self) -> bool {
        matches!(self, Self::DiesBefore | Self::DiesAfter)
    }
}

async fn rotate(world: &mut World) {
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
}

async fn promoted(world: &mut World) {
    rotate(world).await;
    let pending = world.holder("AWSPENDING");
    world.until("the promotion", |labels| labels.get("AWSCURRENT") == pending.as_ref()).await;
}

async fn reach(phase: Phase) -> World {
    let mut world = World::new().await;
    if matches!(phase, Phase::Found) {
        return world;
    }
    world.run(Duration::from_secs(3)).await;
    match phase {
        Phase::Found | Phase::Idle => {}
        Phase::Due => world.server.advance(EVERY),
        Phase::Soaking => rotate(&mut world).await,
        Phase::Soaked => {
            rotate(&mut world).await;
            world.server.advance(SOAK);
        }
        Phase::Promoted => promoted(&mut world).await,
        Phase::Overlap => {
            promoted(&mut world).await;
            promoted(&mut world).await;
            promoted(&mut world).await;
        }
        Phase::Paused => world.order(0, Request::Pause).await.expect("a pause"),
        Phase::Marked => {
            promoted(&mut world).await;
            let current = world.current();
            world.order(0, Request::Compromised { named: Some(current) }).await.expect("the marks");
        }
    }
    world
}

/// The order in this phase, as a person who looks at `status` would give it.
fn demand(order: Order, world: &World) -> Option<Request> {
    let ring = world.replicas[0].last.as_ref()?;
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

/// Whether the fault has happened: else there are fewer calls than that.
async fn play(phase: Phase, order: Order, trouble: Trouble, call: u32) -> bool {
    let mut world = reach(phase).await;
    let Some(demand) = demand(order, &world).map(Some).or(matches!(order, Order::None).then_some(None))
    else {
        return false;
    };
    // `revoke --all` does without the soak: for a while its token can be refused, and it says so.
    world.excused |= matches!(order, Order::RevokeAll);
    world.server.fault(Rule::once(trouble.effect()).by("AKIDREPLICA0").after(call));
    if let Some(demand) = demand {
        let _ = world.order(0, demand).await;
    }
    for _ in 0..200 {
        if world.server.faults_left() == 0 || world.is_quiet() {
            break;
        }
        world.turn(0).await;
        world.server.advance(Duration::from_secs(1));
    }
    let happened = world.server.faults_left() == 0;
    if happened && trouble.kills() {
        world.crash(0);
    }
    world.server.clear_faults();
    world.run(Duration::from_secs(12)).await;
    world.settle().await;
    // The order is repeated where it was not known to stand: it has to be carried out by then.
    happened
}

async fn all(trouble: Trouble) {
    let full = std::env::var_os("CROSSFADE_FULL").is_some();
    let mut played = 0;
    for (p, phase) in PHASES.into_iter().enumerate() {
        for (o, order) in ORDERS.into_iter().enumerate() {
            for call in 0..40 {
                // In the fast tier one in so many; over all calls, phases and orders.
                if !full && !(p * 5 + o * 3 + call as usize).is_multiple_of(48) {
                    continue;
                }
                let happened = play(phase, order, trouble, call).await;
                played += 1;
                if !happened {
                    break;
                }
            }
        }
    }
    println!("{trouble:?}: {played} played");
}

macro_rules! every_call {
    ($($name:ident: $trouble:ident,)*) => {
        $(#[tokio::test]
        async fn $name() {
            all(Trouble::$trouble).await;
        })*
    };
}

every_call! {
    a_call_that_fails_before_its_effect_keeps_the_promise: Before,
    a_call_whose_reply_is_lost_keeps_the_promise: After,
    a_call_that_is_throttled_keeps_the_promise: Throttled,
    a_call_that_is_denied_keeps_the_promise: Denied,
    a_write_that_lands_late_keeps_the_promise: Late,
    a_daemon_that_dies_before_a_call_keeps_the_promise: DiesBefore,
    a_daemon_that_dies_after_a_call_keeps_the_promise: DiesAfter,
}
