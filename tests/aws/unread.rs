//! A value that can't be read hides nothing but itself: labels count at once, what is known is accepted, what is
//! unknown is unsure, and an order needs no value but that of what it promotes.

use std::time::Duration;

use crossfade::{
    distribution::Decision,
    engine::Reason,
    rotation::{
        plan::{Demand, Request, refusal},
        ring::VersionId,
    },
};
use crossfade_testing_secretsmanager::{
    faults::{Effect, Failure, Rule},
    model::Operation,
};
use crossfade_verify::Reason as Why;

use crate::world::{EVERY, FIRST, FRESHNESS, GRACE, NAME, TOKEN, World};

const THEIRS: &str = "00000000-0000-4000-8000-000000000002";
const NOBODY_S: &str = "a-token-that-nobody-has-made";
const SIX: Duration = Duration::from_secs(6);

/// A secret that was rotated once: FIRST is previous.
async fn rotated() -> World {
    let mut world = World::new().await;
    world.run(SIX).await;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    world.until("a promotion", |labels| labels["AWSCURRENT"] != FIRST).await;
    world.run(SIX).await;
    world
}

/// From now on that version's value can't be read by anybody but people.
fn darken(world: &World, version: &str) -> u64 {
    let denied = Rule::once(Effect::FailBefore(Failure::KeyAccessDenied)).on(Operation::GetSecretValue);
    world.server.fault(denied.version(version).always())
}

fn version(id: &str) -> VersionId {
    VersionId::of_name(id)
}

#[tokio::test]
async fn a_daemon_that_starts_answers_what_it_can_read_and_is_unsure_of_the_rest() {
    let mut world = rotated().await;
    let new = world.token(&world.holder("AWSCURRENT").expect("a current version"));
    let dark = darken(&world, FIRST);
    world.add(0);
    world.run(SIX).await;
    assert!(world.accepts(1, &new), "the current version can be read");
    for unknown in [TOKEN, NOBODY_S] {
        let verdict = world.verdict(1, unknown);
        assert!(matches!(verdict, Decision::Unsure), "it may be the one that can't be read: {verdict:?}");
    }
    let published = world.published(1).expect("a view");
    assert!(!published, "no accept set before each value was read once");
    let status = world.status(1);
    assert!(status.parked.is_none(), "it can be rotated: {status:?}");
    assert!(status.message.as_ref().is_some_and(|m| m.contains(FIRST) && m.contains("KMS")), "{status:?}");
    world.server.remove_fault(dark);
    world.run(SIX).await;
    assert!(world.accepts(1, TOKEN) && world.published(1) == Some(true));
    assert!(matches!(world.verdict(1, NOBODY_S), Decision::Refused(Why::Unknown)));
    assert_eq!(world.status(1).message, None);
}

#[tokio::test]
async fn a_refusal_needs_a_read_in_which_every_value_was_known() {
    let mut world = rotated().await;
    world.add(0);
    world.run(SIX).await;
    let denied = Rule::once(Effect::FailBefore(Failure::Key)).on(Operation::GetSecretValue);
    world.server.fault(denied.by("AKIDREPLICA1").always());
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    world.run(FRESHNESS + SIX).await;
    let pending = world.token(&world.holder("AWSPENDING").expect("a pending version"));
    assert!(world.accepts(0, &pending));
    for unknown in [&*pending, NOBODY_S] {
        let verdict = world.verdict(1, unknown);
        assert!(matches!(verdict, Decision::Unsure), "{verdict:?}");
    }
    assert!(world.accepts(1, TOKEN), "and what is known is accepted");
    let (reason, message) = world.parked(1).expect("it can't promote what it can't read");
    assert!(reason == Reason::Denied && message.contains("check --live"), "{message}");
}

#[tokio::test]
async fn an_end_and_a_deadline_that_another_process_wrote_count_while_a_value_cannot_be_read() {
    let mut world = rotated().await;
    world.add(0);
    world.run(SIX).await;
    let second = world.holder("AWSCURRENT").expect("a current version");
    let second = world.token(&second);
    world.server.fault(
        Rule::once(Effect::FailBefore(Failure::Key))
            .on(Operation::GetSecretValue)
            .by("AKIDREPLICA1")
            .always(),
    );
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    world.run(SIX).await;
    world.excused = true;
    world.order(0, Request::Revoke { version: version(FIRST) }).await.expect("an end");
    world.run(SIX).await;
    assert!(!world.accepts(1, TOKEN), "its end was read");
    let replaced = world.holder("AWSCURRENT");
    world.until("a promotion", |labels| labels.get("AWSCURRENT") != replaced.as_ref()).await;
    world.run(GRACE * 3).await;
    assert!(!world.accepts(1, &second), "its deadline was read");
}

#[tokio::test]
async fn orders_are_carried_out_while_a_value_cannot_be_read() {
    for (what, stage) in [("the previous version", FIRST), ("the current version", "AWSCURRENT")] {
        for order in 0..5 {
            let mut world = rotated().await;
            let dark = world.holder(stage).unwrap_or_else(|| stage.to_owned());
            let promoted = world.holder("AWSCURRENT");
            darken(&world, &dark);
            world.crash(0);
            world.excused = true;
            let named = Some(world.current());
            let request = match order {
                0 => Request::Rotate { named },
                1 => Request::Compromised { named },
                2 => Request::RevokeAll { named },
                3 => Request::Revoke { version: version(FIRST) },
                _ => Request::Pause,
            };
            let calls = world.server.calls().len();
            let outcome = world.try_order(0, request).await;
            assert!(outcome.is_ok(), "{what} is unreadable, {request}: {outcome:?}");
            assert!(world.server.calls().len() < calls + 40, "{what}, {request}: it makes headway");
            let notes = (world.notes(FIRST), world.notes(&promoted.clone().expect("current")));
            match order {
                1 | 2 => {
                    assert!(notes.1.contains(&"compromised".to_owned()), "{what}, {request}: {notes:?}")
                }
                3 => assert!(notes.0.contains(&"ended".to_owned()), "{what}: {notes:?}"),
                4 => assert!(notes.1.contains(&"paused".to_owned()), "{what}: {notes:?}"),
                _ => {}
            }
            if order < 3 {
                world.until(what, |labels| labels.get("AWSCURRENT") != promoted.as_ref()).await;
                world.run(SIX).await;
                let new = world.token(&world.holder("AWSCURRENT").expect("a current version"));
                assert!(world.accepts(0, &new), "{what}, {request}");
                world.settle().await;
            }
        }
    }
}

#[tokio::test]
async fn the_schedule_goes_on_while_a_previous_value_cannot_be_read() {
    let mut world = rotated().await;
    let second = world.holder("AWSCURRENT");
    darken(&world, FIRST);
    world.crash(0);
    world.run(EVERY + SIX * 6).await;
    assert_ne!(world.holder("AWSCURRENT"), second, "a slot was due");
    assert!(world.holder("AWSPREVIOUS") != Some(FIRST.to_owned()), "and what is over was forgotten");
}

#[tokio::test]
async fn a_first_start_that_cannot_read_the_current_value_changes_nothing() {
    let mut world = World::new().await;
    darken(&world, FIRST);
    world.run(EVERY / 2).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
    assert_eq!(world.holder("AWSPENDING"), None, "it is adopted: no slot before that is due");
    let (reason, message) = world.parked(0).expect("nobody can be let in");
    assert!(reason == Reason::Denied && message.contains("KMS"), "{message}");
}

#[tokio::test]
async fn a_list_of_versions_that_cannot_be_read_hides_nothing_either() {
    let mut world = World::new().await;
    world.run(SIX).await;
    let denied = Effect::FailBefore(Failure::AccessDenied);
    world.server.fault(Rule::once(denied).on(Operation::ListSecretVersionIds).always());
    world.server.person().put(NAME, THEIRS, "their-own-candidate", &["AWSPENDING"]).expect("a put");
    world.run(SIX).await;
    let ring = world.replicas[0].last.clone().expect("labels were read");
    assert!(
        refusal(&ring, &Demand::Rotate { current: ring.current.id }).is_some(),
        "whose it is is not known"
    );
    assert!(world.accepts(0, TOKEN));
    world.excused = true;
    let named = Some(world.current());
    world.try_order(0, Request::Compromised { named }).await.expect("an end needs no list");
    assert!(world.notes(FIRST).contains(&"compromised".to_owned()));
    world.server.clear_faults();
    world.run(SIX).await;
    let (reason, message) = world.parked(0).expect("it is parked");
    assert_eq!(reason, Reason::ForeignPending, "{message}");
}
