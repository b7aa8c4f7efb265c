//! People: orders to a replica, repeated until they are known to stand or to be refused; and edits by hand.

use std::{sync::Arc, time::Duration};

use crossfade::rotation::{
    engine::{Order, OrderFailure},
    plan::Demand,
};
use tokio::sync::oneshot;

use crate::{
    dice::Dice,
    journal::Counted,
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
        if dice.one_in(12) {
            edit(&world, &dice, &name);
        } else if let Some(demand) = drawn(&world, &dice, &name) {
            order(&world, &dice, &name, demand).await;
        }
    }
}

/// An order, as somebody would give it who looks at the store.
fn drawn(world: &World, dice: &Dice, name: &str) -> Option<Demand> {
    world.see();
    let Stages { current, pending, previous } = world.truth.stages(name)?;
    Some(match dice.of(0..=13) {
        0..=4 => Demand::Rotate { current },
        5 => Demand::Compromised { current },
        6 => Demand::RevokeAll { current },
        7..=8 if !previous.is_empty() => Demand::Revoke { version: *dice.pick(&previous) },
        9..=10 => Demand::Abort { pending: pending? },
        11 => Demand::Revoke { version: pending? },
        12 => Demand::Pause,
        _ => Demand::Resume,
    })
}

/// Gives an order, to one replica after the other.
pub(crate) async fn order(world: &World, dice: &Dice, name: &str, demand: Demand) {
    world.journal.count(Counted::Orders, 1);
    if let Demand::RevokeAll { .. } = demand {
        world.oracles().get_mut(name).expect("its oracle").hasty = true;
    }
    for _ in 0..6 {
        let replica = dice.pick(&world.replicas);
        let answer = give(world, &replica.host.name, name, demand).await;
        world.journal.tell("somebody", format_args!("{demand:?} to {}: {answer}", replica.host.name));
        if answer == "stands" || answer.starts_with("refused") {
            return;
        }
        tokio::time::sleep(dice.seconds(1..=3)).await;
    }
}

/// Gives an order to that replica, and waits as long as its API would.
pub(crate) async fn give(world: &World, replica: &str, name: &str, demand: Demand) -> String {
    let to = world.replicas.iter().find(|other| other.host.name == replica).expect("a replica");
    let inbox = to.running().as_ref().map(|running| Arc::clone(&running.inboxes[name]));
    let Some(inbox) = inbox else { return "it is down".to_owned() };
    let (reply, answer) = oneshot::channel();
    if !inbox.put(Order { demand, reply }) {
        return "busy".to_owned();
    }
    match tokio::time::timeout(Duration::from_secs(60), answer).await {
        Ok(Ok(Ok(()))) => "stands".to_owned(),
        Ok(Ok(Err(OrderFailure::Refused(why)))) => format!("refused: {why}"),
        Ok(Ok(Err(OrderFailure::Unknown(_)))) => "not known".to_owned(),
        Ok(Err(_)) => "it has died".to_owned(),
        Err(_) => "no answer".to_owned(),
    }
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
