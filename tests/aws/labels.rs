//! The labels after each step, as the facts about Secrets Manager have them.

use std::time::Duration;

use crossfade::rotation::plan::{Request, Step};

use crate::world::{EVERY, FIRST, NAME, SYNC, TOKEN, World};

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
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
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

#[tokio::test]
async fn a_rotation_takes_six_writes_and_a_quiet_secret_one_call_a_sync() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    let count = |world: &World, operation: &str| {
        world.server.calls().iter().filter(|call| call.operation == operation).count()
    };
    for (rotation, writes) in [("the first, whose `kept` falls away", 7), ("any other", 6)] {
        world.server.clear_calls();
        world.server.advance(EVERY);
        world.until("it begins", |labels| labels.contains_key("AWSPENDING")).await;
        world.settle().await;
        while world.turn(0).await.is_some() {}
        let made = ["PutSecretValue", "UpdateSecretVersionStage"].map(|write| count(&world, write));
        assert!(made[0] == 1 && made.iter().sum::<usize>() <= writes, "{rotation}: {made:?}");
        let read = count(&world, "GetSecretValue");
        assert!(read <= 6, "{rotation}: {read} values were read");
        assert_eq!(count(&world, "ListSecretVersionIds"), 0, "{rotation}");
    }
    world.server.clear_calls();
    world.run(SYNC * 10).await;
    let calls: Vec<_> = world.server.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["DescribeSecret"; 10], "one a sync, and none a verification");
}

/// Whatever is ordered, what AWSCURRENT holds is a bare token, and accepted as soon as it can be read.
#[tokio::test]
async fn a_consumer_that_reads_awscurrent_always_finds_a_token_that_is_accepted() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    for _ in 0..3 {
        let current = world.current();
        world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
        let pending = world.holder("AWSPENDING");
        world.until("the promotion", |labels| labels.get("AWSCURRENT") == pending.as_ref()).await;
        let token = world.token(&world.holder("AWSCURRENT").expect("a current version"));
        assert_eq!(token.len(), 53, "a bare token of ours");
        assert!(world.accepts(0, &token), "before anybody has looked again");
    }
    assert_eq!(
        world.replicas[0].last.as_ref().map(|ring| ring.previous.len()),
        Some(2),
        "and one more since"
    );
    world.run(SYNC).await;
    assert_eq!(world.replicas[0].last.as_ref().map(|ring| ring.previous.len()), Some(3), "three overlap");
    world.settle().await;
}

#[tokio::test]
async fn an_abort_notes_a_deadline_takes_the_label_off_and_skips_the_slot() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    world.server.advance(EVERY);
    world.until("the slot", |labels| labels.contains_key("AWSPENDING")).await;
    let pending = world.holder("AWSPENDING").expect("a pending version");
    let id = crossfade::rotation::ring::VersionId::of_name(&pending);
    world.order(0, Request::Abort { named: Some(id) }).await.expect("an abort");
    assert_eq!(world.holder("AWSPENDING"), None);
    assert_eq!(world.notes(&pending), ["until"]);
    assert!(world.accepts(0, &world.token(&pending)), "until no late promotion can need it");
    world.settle().await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST), "the slot was skipped");
    world.server.advance(EVERY);
    world.until("the next slot", |labels| labels.contains_key("AWSPENDING")).await;
    assert_ne!(world.holder("AWSPENDING"), Some(pending), "a burnt id is not used again");
}

#[tokio::test]
async fn a_compromised_version_is_marked_in_one_write_and_replaced_without_grace() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    world.until("the promotion", |labels| labels.get("AWSCURRENT").is_some_and(|id| id != FIRST)).await;
    world.run(SYNC).await;
    let (leaked, current) = (world.holder("AWSCURRENT").expect("a current version"), world.current());
    world.server.clear_calls();
    world.order(0, Request::Compromised { named: Some(current) }).await.expect("the marks");
    let writes = world.server.calls().into_iter().filter(|c| c.operation == "UpdateSecretVersionStage");
    assert_eq!(writes.count(), 1, "one write is the whole order");
    assert!(!world.accepts(0, TOKEN), "what was previous is ended");
    assert!(world.accepts(0, &world.token(&leaked)), "what is current lasts until it is replaced");
    world.until("the replacement", |labels| labels.get("AWSCURRENT") != Some(&leaked)).await;
    world.run(SYNC).await;
    assert!(!world.accepts(0, &world.token(&leaked)), "without grace");
    world.settle().await;
    assert_eq!(world.notes(&leaked), ["compromised"], "the mark stays for days, and nothing else");
    world.server.advance(Duration::from_secs(26 * 3600));
    world.run(SYNC * 4).await;
    assert!(world.notes(&leaked).is_empty(), "and then falls away");
}

#[tokio::test]
async fn once_an_ended_version_is_replaced_it_holds_nothing_up() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    let leaked = world.current();
    world.order(0, Request::Compromised { named: Some(leaked) }).await.expect("the marks");
    world.until("the replacement", |labels| labels.get("AWSCURRENT").is_some_and(|id| id != FIRST)).await;
    world.run(SYNC * 2).await;
    assert_eq!(world.turn(0).await, None, "there is nothing left to do");
    let left = world.labels().into_keys().filter(|label| label.starts_with("AWS"));
    assert_eq!(left.collect::<Vec<_>>(), ["AWSCURRENT"], "long before its grace would be over");
    assert_eq!(world.parked(0), None);
}

#[tokio::test]
async fn each_way_of_ending_marks_first_and_takes_the_label_off_then() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    world.until("the promotion", |labels| labels.get("AWSCURRENT").is_some_and(|id| id != FIRST)).await;
    world.run(SYNC).await;
    let version = crossfade::rotation::ring::VersionId::of_name(FIRST);
    world.order(0, Request::Revoke { version }).await.expect("an end");
    assert!(world.notes(FIRST).contains(&"ended".to_owned()));
    assert!(!world.accepts(0, TOKEN));
    world.until("AWSPREVIOUS comes off", |labels| !labels.contains_key("AWSPREVIOUS")).await;
    world.until("and its deadline", |labels| !labels.keys().any(|l| l.contains("until"))).await;
    assert_eq!(world.notes(FIRST), ["ended"]);
    let current = world.current();
    world.excused = true;
    world.order(0, Request::RevokeAll { named: Some(current) }).await.expect("all are ended");
    let before = world.server.now_ms();
    world
        .until("it is replaced", |labels| {
            labels
                .get("AWSCURRENT")
                .is_some_and(|id| crossfade::rotation::ring::VersionId::of_name(id) != current)
        })
        .await;
    assert!(world.server.now_ms() - before < 14_000, "without the soak");
}

/// The machine's clock is far ahead of the fake's, and its environment tells the SDK to leave it at that. What is signed
/// ahead of AWS's time is taken for longer, and could land later than `write_lag`.
#[tokio::test]
async fn a_write_is_signed_by_aws_s_time_whatever_the_machine_s_clock_says() {
    let mut world = World::new().await;
    world.run(Duration::from_secs(6)).await;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    let calls = world.server.calls();
    let signed = |operation: &str| {
        let calls = calls.iter().filter(|call| call.operation == operation);
        calls.map(|call| call.signed.clone().expect("a time")).collect::<Vec<_>>()
    };
    for time in [signed("PutSecretValue"), signed("UpdateSecretVersionStage")].concat() {
        assert!(("20260101T010000Z".."20260101T010100Z").contains(&time.as_str()), "{time}");
    }
    assert!(!signed("PutSecretValue").is_empty());
}
