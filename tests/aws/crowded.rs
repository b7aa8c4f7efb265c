//! Twenty labels can stand on a secret, and marks stay for days.

use std::time::Duration;

use crossfade::rotation::{plan::Request, ring::VersionId};

use crate::world::{FIRST, NAME, SYNC, TOKEN, World};

/// As many as would not all find room.
const LEAKS: usize = 24;

async fn leaks(world: &mut World) -> String {
    let current = world.current();
    let leaked = world.holder("AWSCURRENT").expect("a current version");
    world.order(0, Request::Compromised { named: Some(current) }).await.expect("the marks");
    world.until("the replacement", |labels| labels.get("AWSCURRENT") != Some(&leaked)).await;
    world.run(SYNC * 2).await;
    leaked
}

fn marked(world: &World, version: &str) -> bool {
    world.notes(version).iter().any(|note| note == "compromised" || note == "ended")
}

#[tokio::test]
async fn leaks_in_a_row_leave_room_for_the_next_rotation() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    for leak in 0..LEAKS {
        let leaked = leaks(&mut world).await;
        assert!(!world.accepts(0, &world.token(&leaked)), "leak {leak} is ended");
        assert!(world.labels().len() <= 14, "leak {leak}: {:#?}", world.labels());
    }
    assert!(!marked(&world, FIRST), "the first mark made room for the later ones");
    assert_eq!(world.parked(0), None);
    let before = world.current();
    world.order(0, Request::Rotate { named: Some(before) }).await.expect("a rotation");
    world.until("the promotion", |labels| VersionId::of_name(&labels["AWSCURRENT"]) != before).await;
    world.settle().await;
}

#[tokio::test]
async fn a_version_whose_mark_made_room_is_still_ended_when_a_person_rolls_back_to_it() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    for _ in 0..LEAKS / 2 {
        leaks(&mut world).await;
    }
    assert!(!marked(&world, FIRST));
    world.excused = true;
    world.excused_by_hand = true;
    let current = world.holder("AWSCURRENT").expect("a current version");
    world.server.person().label(NAME, "AWSCURRENT", Some(FIRST), Some(&current)).expect("a roll-back");
    world.crash(0);
    world.run(SYNC).await;
    assert!(world.replicas[0].last.clone().expect("it was read").current.ended.is_some());
    world.until("the replacement", |labels| labels["AWSCURRENT"] != FIRST).await;
    world.run(SYNC).await;
    assert!(!world.accepts(0, TOKEN), "without grace");
}
