//! Orders, as a replica's API takes them; and whether what it answers is so, in the store.

use std::{sync::Arc, time::Duration};

use crossfade::{
    engine::{Order, OrderFailure},
    rotation::plan::{Refusal, Request},
};
use tokio::sync::oneshot;

use crate::{
    connection::Ending, dice::Dice, journal::Counted, oracle::Standing, replica::Replica, scenario::Broken,
    world::World,
};

/// Gives an order, to one replica after the other.
pub(crate) async fn order(world: &World, dice: &Dice, name: &str, request: Request) {
    world.journal.count(Counted::Orders, 1);
    if let Request::RevokeAll { .. } = request {
        world.oracles().get_mut(name).expect("its oracle").hasty = true;
    }
    for _ in 0..6 {
        let replica = dice.pick(&world.replicas);
        let answer = give(world, replica, name, request).await;
        world.journal.tell("somebody", format_args!("{request} to {}: {answer}", replica.host.name));
        if answer == "stands" {
            // What stands in the store needs nobody's memory.
            if request.is_end() && dice.one_in(3) {
                replica.die(world, Ending::Reset);
                replica.start(world);
            }
            return;
        }
        if answer.starts_with("refused") {
            return;
        }
        tokio::time::sleep(dice.seconds(1..=3)).await;
    }
}

/// Gives an order to that replica, waits as long as its API would, and looks whether the answer is true.
pub(crate) async fn give(world: &World, to: &Replica, name: &str, request: Request) -> String {
    let before = within(world, name, request);
    let answer = match world.scenario.broken {
        Some(Broken::BoundToTheLastView) if ends_all(request) => by_the_last_view(to, name, request).await,
        _ => take(to, name, request).await,
    };
    if answer == "stands" {
        for version in open_still(world, name, &before) {
            let told = format!("{request} to {} was answered as done: {name} {version}", to.host.name);
            world.journal.wrong(Counted::UntrueOrders, told);
        }
    }
    answer
}

async fn take(to: &Replica, name: &str, request: Request) -> String {
    let inbox = to.running().as_ref().map(|running| Arc::clone(&running.inboxes[name]));
    let Some(inbox) = inbox else { return "it is down".to_owned() };
    let (reply, answer) = oneshot::channel();
    if !inbox.put(Order { request, reply }) {
        return "busy".to_owned();
    }
    match tokio::time::timeout(Duration::from_secs(60), answer).await {
        Ok(Ok(Ok(_))) => "stands".to_owned(),
        Ok(Ok(Err(OrderFailure::Refused(Refusal::NotCurrent { .. })))) => "refused: not current".to_owned(),
        Ok(Ok(Err(OrderFailure::Refused(why)))) => format!("refused: {why}"),
        Ok(Ok(Err(OrderFailure::Failed(why)))) => format!("failed: {why}"),
        Ok(Ok(Err(OrderFailure::Unknown(_)))) => "not known".to_owned(),
        Ok(Err(_)) => "it has died".to_owned(),
        Err(_) => "no answer".to_owned(),
    }
}

/// A broken one: about what the replica saw last. Where that is not current any more, it alone is ended.
async fn by_the_last_view(to: &Replica, name: &str, request: Request) -> String {
    let Some(seen) = to.running().as_ref().and_then(|running| running.current(name)) else {
        return "not known".to_owned();
    };
    let named = Some(seen);
    let bound = match request {
        Request::Compromised { .. } => Request::Compromised { named },
        _ => Request::RevokeAll { named },
    };
    match &*take(to, name, bound).await {
        "refused: not current" => take(to, name, Request::Revoke { version: seen }).await,
        answer => answer.to_owned(),
    }
}

fn ends_all(request: Request) -> bool {
    matches!(request, Request::Compromised { .. } | Request::RevokeAll { .. })
}

/// What the order is to end, of all that stands when it is given.
fn within(world: &World, name: &str, request: Request) -> Vec<Standing> {
    let is_within = |version: &Standing| match request {
        Request::Compromised { .. } | Request::RevokeAll { .. } => true,
        // What is pending now may be current by the time that the order is taken.
        Request::RevokePrevious { .. } => !version.is_current && world.was_current(name, &version.id),
        Request::Revoke { version: named } => version.id == named.to_string(),
        _ => false,
    };
    let open = |version: &Standing| is_open(version, world.journal.now_ms());
    world.versions(name).into_iter().filter(|version| is_within(version) && open(version)).collect()
}

/// Nobody accepts what bears no label, or is past its deadline.
fn is_open(version: &Standing, now_ms: u64) -> bool {
    let is_over = version.is_bare || version.until_ms.is_some_and(|until| until <= now_ms);
    version.is_current || !is_over
}

/// What an order that was answered as done has not ended, of that.
fn open_still(world: &World, name: &str, within: &[Standing]) -> Vec<String> {
    let now_ms = world.journal.now_ms();
    let after = world.versions(name);
    let open = within.iter().filter_map(|version| {
        let found = after.iter().find(|found| found.id == version.id)?;
        (!found.is_ended && is_open(found, now_ms)).then(|| found.id.clone())
    });
    open.collect()
}
