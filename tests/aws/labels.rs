//! The labels after each step, as the facts about Secrets Manager have them.

use std::time::Duration;

use crossfade::rotation::plan::{Demand, Step};

use crate::world::{FIRST, NAME, TOKEN, World};

#[tokio::test]
async fn a_first_start_changes_no_token_and_none_of_aws_s_labels() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(60)).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
    assert_eq!(world.token(FIRST), TOKEN);
    assert_eq!(world.notes(FIRST), ["kept"], "it was adopted");
    assert_eq!(world.labels().len(), 2);
}

#[tokio::test]
async fn each_step_of_a_rotation_is_one_write_and_leaves_the_labels_that_it_should() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(30)).await;
    let current = world.current();
    world.order(0, Demand::Rotate { current }).await.expect("a rotation");
    let pending = world.holder("AWSPENDING").expect("a pending version");
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
    world.until("the deadline", |labels| labels.keys().any(|l| l.starts_with("crossfade-until"))).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST), "it is written before the move");
    assert_eq!(world.notes(FIRST), ["kept", "until"]);
    world.until("the promotion", |labels| labels["AWSCURRENT"] == pending).await;
    assert_eq!(world.holder("AWSPREVIOUS").as_deref(), Some(FIRST));
    world.until("AWSPENDING comes off", |labels| !labels.contains_key("AWSPENDING")).await;
    world.until("AWSPREVIOUS comes off", |labels| !labels.contains_key("AWSPREVIOUS")).await;
    world.until("the notes come off", |labels| labels.len() == 1).await;
    assert_eq!(world.holder("AWSCURRENT"), Some(pending));
    let steps: Vec<Option<Step>> = vec![world.turn(0).await, world.turn(0).await];
    assert_eq!(steps, [None, None], "nothing is left to do");
    assert!(world.server.secret(NAME).expect("the secret").versions().len() == 2);
}
