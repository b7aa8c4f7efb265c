//! One run from its seed: troubles for some minutes, then rest, which has to come.

use std::{sync::Arc, time::Duration};

use crossfade::rotation::plan::Request;
use tokio::time::{sleep, timeout};

use crate::{
    bots,
    journal::{Counted, Story},
    orders, people,
    scenario::Scenario,
    trouble,
    truth::Truth,
    world::World,
};

/// Longer than any note of ours stands.
const UNTIL_REST: Duration = Duration::from_secs(900);

/// Plays it on virtual time, in this thread alone.
pub(crate) fn play(scenario: Scenario) -> Story {
    let seed = scenario.seed;
    // What AWS's SDK draws its pauses from, in this thread.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let world = World::new(scenario);
        run(&world).await;
        world.journal.story()
    })
}

async fn run(world: &Arc<World>) {
    let tasks = &world.network.tasks;
    world.journal.tell("seed", format_args!("{:?}", world.scenario));
    for replica in &world.replicas {
        replica.start(world);
    }
    tasks.spawn(watch(Arc::clone(world)));
    for n in 0..world.servers.len() {
        let world = Arc::clone(world);
        tasks.spawn(async move { world.servers[n].start(&world).await });
    }
    for secret in world.scenario.names() {
        for n in 0..world.scenario.bots {
            tasks.spawn(bots::run(Arc::clone(world), secret.clone(), format!("bot-{n} of {secret}")));
        }
    }
    // The promise begins one soak after the secret is in every replica's config.
    sleep(world.scenario.freshness + world.scenario.store_lag).await;
    let troubles = async {
        if world.scenario.full_disk {
            trouble::fill_the_disk(world);
            return people::run(Arc::clone(world)).await;
        }
        tokio::join!(
            trouble::run(Arc::clone(world)),
            trouble::darken(Arc::clone(world)),
            people::run(Arc::clone(world))
        );
    };
    let troubles = timeout(world.scenario.troubled, troubles);
    tokio::select! {
        biased;
        () = broken(world) => return,
        _ = troubles => {}
    }
    calm_down(world).await;
    let rested = timeout(UNTIL_REST, rest(world));
    tokio::select! {
        biased;
        () = broken(world) => {}
        rested = rested => {
            if rested.is_err() {
                let (what, told) = match world.unrest() {
                    Some(left) => (Counted::Orphans, left),
                    None => (Counted::Unrest, world.disagreement().unwrap_or_default()),
                };
                world.journal.wrong(what, told);
            }
        }
    }
    let promotions = world.oracles().values().map(|oracle| oracle.promotions.saturating_sub(1)).sum();
    world.journal.count(Counted::Rotations, promotions);
    let Truth::Aws(fake) = &world.truth else { return };
    world.journal.count(Counted::StoreCalls, fake.calls_made());
    let calls = fake.calls();
    for call in &calls {
        let (effect, answer) = (&call.effect, &call.answer);
        let caller = call.caller.as_deref().unwrap_or_default();
        world
            .journal
            .tell("store", format_args!("{} {caller} {} {effect:?} {answer:?}", call.at_ms, call.operation));
    }
    world.journal.called(calls);
}

/// Looks after every event, and each second, whether the promise holds.
async fn watch(world: Arc<World>) {
    loop {
        let changed = timeout(until_next_second(&world), world.changed.notified()).await;
        world.check(changed.is_err());
        for replica in world.replicas.iter().filter(|replica| !replica.is_whole()) {
            world.journal.wrong(Counted::Unrest, format_args!("a part of {} has ended", replica.host.name));
        }
    }
}

/// So that each deadline, which is a whole second, is looked at to the millisecond.
fn until_next_second(world: &World) -> Duration {
    Duration::from_millis(1_000 - world.journal.elapsed_ms() % 1_000)
}

async fn broken(world: &World) {
    while !world.journal.is_broken() {
        sleep(Duration::from_millis(500)).await;
    }
}

/// Everything is mended, everybody is up, and no rotation is due any more.
async fn calm_down(world: &Arc<World>) {
    world.journal.tell("trouble", "is over");
    world.calm_down();
    match &world.truth {
        Truth::Aws(fake) => fake.clear_faults(),
        Truth::Memory(memory) => memory.script(&[], &[]),
    }
    world.network.heal();
    for replica in &world.replicas {
        replica.host.wake();
        replica.start(world);
        replica.rotate_by_hand_only(&world.scenario);
    }
    world.servers.iter().for_each(|server| server.host.wake());
    sleep(Duration::from_secs(5)).await;
    // A pause that lands late would undo what is done next.
    while world.truth.is_behind(world.journal.now_ms()) {
        sleep(Duration::from_secs(1)).await;
    }
    // Somebody looks at every replica: what was given up is tried again.
    for name in world.scenario.names() {
        for replica in &world.replicas {
            let answer = orders::give(world, replica, &name, Request::Resume).await;
            world.journal.tell("somebody", format_args!("resumes {name} at {}: {answer}", replica.host.name));
        }
    }
}

/// Until nothing is left of any rotation, and everybody says the same.
async fn rest(world: &World) {
    while world.unrest().is_some() || world.disagreement().is_some() {
        sleep(Duration::from_secs(5)).await;
    }
    world.journal.tell("oracle", "it has come to rest");
}
