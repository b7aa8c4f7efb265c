//! One token in two versions: a person has put an old value back.

use std::time::Duration;

use crossfade::rotation::{
    plan::{Refusal, Request},
    ring::VersionId,
};

use crossfade_testing_secretsmanager::{
    faults::{Effect, Failure, Rule},
    model::Operation,
};

use crate::world::{FIRST, NAME, SYNC, TOKEN, World};

const AGAIN: &str = "00000000-0000-4000-8000-000000000002";

async fn rotates(world: &mut World) {
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    let pending = world.holder("AWSPENDING");
    world.until("the promotion", |labels| labels.get("AWSCURRENT") == pending.as_ref()).await;
    world.run(SYNC * 2).await;
}

/// One that was rotated away from the first token, which a person has made current again.
async fn put_back() -> World {
    let mut world = World::new().await;
    world.add(0);
    world.run(SYNC * 2).await;
    rotates(&mut world).await;
    world.excused = true;
    world.server.person().put(NAME, AGAIN, TOKEN, &[]).expect("a put");
    world.run(SYNC * 2).await;
    world
}

#[tokio::test]
async fn a_token_that_bots_read_is_not_ended_by_ending_another_version_that_has_it() {
    let mut world = put_back().await;
    let version = VersionId::of_name(FIRST);
    let refused = world.order(0, Request::Revoke { version }).await;
    assert_eq!(refused, Err(Refusal::IsCurrent(VersionId::of_name(AGAIN))));
    assert!(world.accepts(0, TOKEN));
}

#[tokio::test]
async fn an_ended_token_is_not_accepted_by_another_version_that_has_it() {
    let mut world = put_back().await;
    rotates(&mut world).await;
    world.order(0, Request::Revoke { version: VersionId::of_name(FIRST) }).await.expect("an end");
    assert!(!world.accepts(0, TOKEN), "in force at once");
    world.run(SYNC * 2).await;
    assert!(!world.accepts(1, TOKEN), "and at the other replica");
    for n in 0..2 {
        let ring = world.replicas[n].last.clone().expect("it was read");
        let again = ring.version(VersionId::of_name(AGAIN));
        assert!(again.is_none_or(|version| version.ended.is_some()), "people see it as ended");
    }
}

#[tokio::test]
async fn an_ended_token_that_a_person_puts_back_is_replaced_at_once_and_without_grace() {
    let mut world = World::new().await;
    world.add(0);
    world.run(SYNC * 2).await;
    rotates(&mut world).await;
    world.order(0, Request::Revoke { version: VersionId::of_name(FIRST) }).await.expect("an end");
    world.run(SYNC * 4).await;
    world.excused = true;
    world.server.person().put(NAME, AGAIN, TOKEN, &[]).expect("a put");
    world.add(0);
    world.run(SYNC).await;
    for n in 0..3 {
        assert!(world.accepts(n, TOKEN), "{n}: bots read it");
        assert!(world.replicas[n].last.clone().expect("it was read").current.ended.is_some(), "{n}");
    }
    world.until("the replacement", |labels| labels.get("AWSCURRENT").is_some_and(|id| id != AGAIN)).await;
    world.run(Duration::from_secs(6)).await;
    for n in 0..3 {
        assert!(!world.accepts(n, TOKEN), "{n}");
    }
}

#[tokio::test]
async fn a_mark_stays_for_as_long_as_another_version_has_its_token() {
    let mut world = put_back().await;
    world.run(SYNC * 2).await;
    let label = format!("crossfade-ended-{}-{}", world.server.now_ms() / 1000, &FIRST[..8]);
    world.server.person().label(NAME, &label, Some(FIRST), None).expect("a mark");
    world.order(0, Request::Pause).await.expect("a pause");
    // The ended token's replacement is held up, for days.
    let denied = Effect::FailBefore(Failure::AccessDenied);
    world.server.fault(Rule::once(denied).on(Operation::PutSecretValue).always());
    world.server.advance(Duration::from_secs(26 * 3600));
    world.run(SYNC * 8).await;
    assert!(world.labels().contains_key(&label), "{:#?}", world.labels());
    world.crash(0);
    world.run(SYNC).await;
    let current = world.replicas[0].last.clone().expect("it was read").current;
    assert!(
        current.id == VersionId::of_name(AGAIN) && current.ended.is_some(),
        "and is known to whoever starts"
    );
}
