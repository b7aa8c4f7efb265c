//! What was there before us, and processes that come and go.

use std::time::Duration;

use crate::world::{EVERY, FIRST, World};

/// Each process of a one-shot run is a new one, and a daemon can be restarted more often than a slot comes.
#[tokio::test]
async fn a_process_that_is_started_again_does_not_adopt_anew_and_so_puts_no_slot_off() {
    let mut world = World::new().await;
    world.turn(0).await;
    world.turn(0).await;
    assert_eq!(world.notes(FIRST), ["kept"]);
    let step = Duration::from_secs(60);
    let mut passed = Duration::ZERO;
    while world.holder("AWSPENDING").is_none() && passed <= EVERY + step {
        world.crash(0);
        world.turn(0).await;
        world.server.advance(step);
        passed += step;
    }
    assert!(world.holder("AWSPENDING").is_some(), "a slot came, and nothing was done: {:#?}", world.labels());
}
