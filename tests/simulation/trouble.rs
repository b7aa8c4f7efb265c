//! What goes wrong: one thing after the other, and many at once.

use std::{sync::Arc, time::Duration};

use crossfade_testing_secretsmanager::{
    faults::{Delay, Effect, Failure, Rule},
    log::Call,
    model::Operation,
};
use crossfade_testing_store::Fault;

use crate::{
    connection::Ending,
    dice::Dice,
    journal::Counted,
    truth::Truth,
    world::{STORE, World},
};

/// Draws troubles, each of which mends itself after a while.
pub(crate) async fn run(world: Arc<World>) {
    let dice = Arc::new(Dice::new(world.scenario.seed, "trouble"));
    loop {
        tokio::time::sleep(dice.millis(500..=9_000)).await;
        world.journal.count(Counted::Troubles, 1);
        match dice.of(0..=13) {
            0..=1 => cut(&world, &dice),
            2 => cut_off(&world, &dice),
            3 => slow_down(&world, &dice),
            4 => reset(&world, &dice),
            5..=6 => crash(&world, &dice),
            7 => suspend(&world, &dice),
            8 => restart(&world, &dice),
            9 => set_clock(&world, &dice),
            _ => fault(&world, &dice),
        }
    }
}

/// No write is taken until all is calm, and every read goes well.
pub(crate) fn fill_the_disk(world: &World) {
    if let Truth::Memory(memory) = &world.truth {
        world.journal.tell("trouble", "the disk is full");
        memory.script(&[], &vec![Some(Fault::Before); 100_000]);
    }
}

/// Now and then a replica can't read values, or not that of one version, for longer than a grace and a `hold`; the labels
/// it sees all the while.
pub(crate) async fn darken(world: Arc<World>) {
    let Truth::Aws(fake) = &world.truth else { return };
    let dice = Arc::new(Dice::new(world.scenario.seed, "darkness"));
    loop {
        tokio::time::sleep(dice.seconds(5..=60)).await;
        let (replica, name) =
            (&dice.pick(&world.replicas).host.name, dice.pick(&world.scenario.names()).clone());
        let denied =
            Effect::FailBefore(*dice.pick(&[Failure::Key, Failure::KeyAccessDenied, Failure::Internal]));
        let rule = Rule::once(denied).on(Operation::GetSecretValue).of(&name).by(replica).always();
        let labels = fake.secret(&name).map(|secret| secret.labels().clone()).unwrap_or_default();
        let one = labels.get(*dice.pick(&["AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"]));
        let rule = match one.filter(|_| dice.one_in(2)) {
            Some(version) => rule.version(version),
            None => rule,
        };
        let after = dice.seconds(10..=150);
        world.journal.tell("trouble", format_args!("{rule:?} for {after:?}"));
        let id = fake.fault(rule);
        later(&world, after, move |world| {
            if let Truth::Aws(fake) = &world.truth {
                fake.remove_fault(id);
            }
        });
    }
}

/// After a while, unless all is over by then.
fn later(world: &Arc<World>, after: Duration, then: impl FnOnce(&World) + Send + 'static) {
    let mends = Arc::clone(world);
    world.network.tasks.spawn(async move {
        tokio::time::sleep(after).await;
        then(&mends);
    });
}

/// Two machines, one of which asks the other.
fn pair(world: &World, dice: &Dice) -> (String, String) {
    let replica = dice.pick(&world.replicas).host.name.clone();
    match dice.one_in(2) {
        true => (replica, STORE.to_owned()),
        false => (dice.pick(&world.servers).host.name.clone(), replica),
    }
}

fn cut(world: &Arc<World>, dice: &Dice) {
    let ((one, other), after) = (pair(world, dice), dice.seconds(1..=40));
    world.journal.tell("trouble", format_args!("{one} and {other} are cut off for {after:?}"));
    world.network.cut(&one, &other, true);
    later(world, after, move |world| world.network.cut(&one, &other, false));
}

/// One machine from all others.
fn cut_off(world: &Arc<World>, dice: &Dice) {
    let replicas: Vec<String> = world.replicas.iter().map(|replica| replica.host.name.clone()).collect();
    let (one, after) = match dice.one_in(2) {
        true => (STORE.to_owned(), dice.seconds(1..=25)),
        // Also for longer than it may accept what it knows.
        false => (dice.pick(&world.servers).host.name.clone(), dice.seconds(5..=150)),
    };
    world.journal.tell("trouble", format_args!("{one} is cut off from all for {after:?}"));
    replicas.iter().for_each(|replica| world.network.cut(&one, replica, true));
    later(world, after, move |world| {
        replicas.iter().for_each(|replica| world.network.cut(&one, replica, false));
    });
}

fn slow_down(world: &Arc<World>, dice: &Dice) {
    let ((one, other), after, by_ms) = (pair(world, dice), dice.seconds(5..=40), dice.of(100..=4_000));
    world.journal.tell("trouble", format_args!("{one} to {other} takes up to {by_ms} ms for {after:?}"));
    world.network.slow_down(&one, &other, by_ms);
    later(world, after, move |world| world.network.slow_down(&one, &other, 0));
}

fn reset(world: &Arc<World>, dice: &Dice) {
    let (one, other) = pair(world, dice);
    world.journal.tell("trouble", format_args!("connections of {one} and {other} break"));
    world.network.reset(&one, &other);
}

fn crash(world: &Arc<World>, dice: &Dice) {
    let n = usize::try_from(dice.of(0..=world.scenario.replicas - 1)).expect("small");
    let ending = if dice.one_in(3) { Ending::HalfOpen } else { Ending::Reset };
    world.replicas[n].die(world, ending);
    later(world, dice.seconds(0..=20), move |world| world.replicas[n].start(world));
}

fn suspend(world: &Arc<World>, dice: &Dice) {
    let (host, after) = match dice.one_in(3) {
        // What it was about to send may not be sent later than the store's write_lag allows for.
        true => (&dice.pick(&world.replicas).host, dice.seconds(1..=5)),
        false => (&dice.pick(&world.servers).host, dice.seconds(1..=150)),
    };
    world.journal.tell("trouble", format_args!("{} is suspended for {after:?}", host.name));
    let (host, changed) = (Arc::clone(host), Arc::clone(&world.changed));
    world.network.tasks.spawn(async move {
        host.suspend(after).await;
        changed.notify_one();
    });
}

fn restart(world: &Arc<World>, dice: &Dice) {
    let n = usize::try_from(dice.of(0..=world.scenario.servers - 1)).expect("small");
    let (down, world) = (dice.seconds(0..=30), Arc::clone(world));
    if world.servers[n].verifier().is_none() {
        return;
    }
    world.servers[n].stop(&world);
    world.clone().network.tasks.spawn(async move {
        tokio::time::sleep(down).await;
        world.servers[n].start(&world).await;
    });
}

fn set_clock(world: &World, dice: &Dice) {
    let host = match dice.one_in(2) {
        true => &dice.pick(&world.replicas).host,
        false => &dice.pick(&world.servers).host,
    };
    let most = *dice.pick(&[1_500, 10_000, 3_600_000]);
    let by_ms = i64::try_from(dice.of(0..=2 * most)).expect("small") - i64::try_from(most).expect("small");
    world.journal.tell("trouble", format_args!("the clock of {} is set by {by_ms} ms", host.name));
    host.set_clock(by_ms);
}

/// Of the store. Those before do not end, unless they have befallen as many calls as they were to.
fn fault(world: &World, dice: &Dice) {
    let fake = match &world.truth {
        Truth::Aws(fake) => fake,
        Truth::Memory(memory) => {
            let drawn = || {
                let faults =
                    (0..6).map(|_| *dice.pick(&[None, None, Some(Fault::Before), Some(Fault::After)]));
                faults.collect::<Vec<_>>()
            };
            let (reads, writes) = (drawn(), drawn());
            world.journal.tell("trouble", format_args!("reads {reads:?}, writes {writes:?}"));
            return memory.script(&reads, &writes);
        }
    };
    let millis = |duration: Duration| u64::try_from(duration.as_millis()).expect("short");
    let (lag_ms, times) = (millis(world.scenario.store_lag), u32::try_from(dice.of(1..=4)).expect("small"));
    // Sent and under way, it may not be later than that all told.
    let late_ms = millis(world.scenario.write_lag) - 6_000;
    let seed = dice.number();
    let rule = match dice.of(0..=9) {
        0 => Rule::once(Effect::LostReply).times(times),
        1 => Rule::once(Effect::LostRequest).times(times),
        2 => Rule::once(Effect::FailBefore(Failure::Throttling)).times(times * 4),
        3 => Rule::once(Effect::FailAfter(Failure::Internal)).times(times),
        4 => Rule::once(Effect::FailBefore(Failure::Unavailable)).times(times * 2),
        5 => Rule::once(Effect::FailBefore(Failure::AccessDenied)).times(times),
        6 => Rule::once(Effect::FailBefore(Failure::Key)).times(times),
        7 => Rule::once(Effect::LostReply).on(Operation::UpdateSecretVersionStage).times(times),
        _ => Rule::once(Effect::LateWrite(Delay::UpTo { max_ms: late_ms, seed })).times(times),
    };
    let mut faults = world.faults.lock().expect("no panic");
    faults.drain(..).for_each(|id| fake.remove_fault(id));
    world.journal.tell("trouble", format_args!("{rule:?}"));
    let replica = &dice.pick(&world.replicas).host.name;
    faults.push(fake.fault(if dice.one_in(2) { rule.by(replica) } else { rule }));
    if !dice.one_in(3) {
        // By who asks and when: not by who came first in a millisecond.
        let late = move |call: &Call| {
            let asked = format!("{} {:?} {:?}", call.at_ms, call.caller, call.version);
            Dice::new(seed, &asked).of(0..=lag_ms)
        };
        faults.push(fake.fault(Rule::once(Effect::LateRead(Delay::By(Arc::new(late)))).always()));
    }
}
