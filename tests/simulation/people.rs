//! People: orders to a replica, repeated until they are known to stand or to be refused; and edits by hand.

use std::sync::Arc;

use crossfade::rotation::plan::Request;

use crate::{
    dice::Dice,
    journal::Counted,
    orders,
    truth::{Stages, Truth},
    world::World,
};

/// Somebody who gives orders now and then.
pub(crate) async fn run(world: Arc<World>) {
    let dice = Dice::new(world.scenario.seed, "people");
    loop {
        tokio::time::sleep(dice.seconds(5..=45)).await;
        let names = world.scenario.names();
        let name = dice.pick(&names).clone();
        let request = match dice.one_in(12) {
            true => {
                edit(&world, &dice, &name);
                // What leaks is often what was put there by hand: replicas have hardly seen it then.
                let all = [Request::Compromised { named: None }, Request::RevokeAll { named: None }];
                dice.one_in(2).then(|| *dice.pick(&all))
            }
            false => drawn(&world, &dice, &name),
        };
        if let Some(request) = request {
            orders::order(&world, &dice, &name, request).await;
        }
    }
}

/// An order, as somebody would give it who looks at the store; what it names or not.
fn drawn(world: &World, dice: &Dice, name: &str) -> Option<Request> {
    world.see();
    let Stages { current, pending, previous } = world.truth.stages(name)?;
    let named = dice.one_in(2).then_some(current);
    Some(match dice.of(0..=13) {
        0..=4 => Request::Rotate { named },
        5 => Request::Compromised { named },
        6 => Request::RevokeAll { named },
        7 if !previous.is_empty() => Request::Revoke { version: *dice.pick(&previous) },
        8 if !previous.is_empty() => Request::RevokePrevious { named },
        9..=10 => Request::Abort { named: dice.one_in(2).then_some(pending?) },
        11 => Request::Revoke { version: pending? },
        12 => Request::Pause,
        _ => Request::Resume,
    })
}

/// Somebody at the console, who knows nothing of us.
fn edit(world: &World, dice: &Dice, name: &str) {
    world.see();
    let Truth::Aws(fake) = &world.truth else { return };
    let person = fake.person();
    let Some(secret) = fake.secret(name) else { return };
    let labels = secret.labels();
    let (current, previous) = (labels.get("AWSCURRENT"), labels.get("AWSPREVIOUS"));
    let (what, done) = match (dice.of(0..=2), labels.get("AWSPENDING"), previous) {
        (0, Some(pending), _) => {
            ("takes AWSPENDING off", person.label(name, "AWSPENDING", None, Some(pending)))
        }
        (1, _, Some(previous)) => {
            ("rolls back", person.label(name, "AWSCURRENT", Some(previous), current.map(String::as_str)))
        }
        _ => {
            let id = format!("00000000-0000-4000-9000-{:012x}", dice.number() >> 16);
            ("puts a value", person.put(name, &id, &format!("put-there-by-hand-{id}"), &[]))
        }
    };
    world.journal.tell("somebody", format_args!("{what}, by hand: {}", done.is_ok()));
    if done.is_ok() {
        world.journal.count(Counted::Edits, 1);
        world.see();
        let now_ms = world.journal.now_ms();
        world.oracles().get_mut(name).expect("its oracle").excuse_all(now_ms);
        world.changed.notify_one();
    }
}
