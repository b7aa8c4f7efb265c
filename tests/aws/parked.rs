//! Secrets that can't be rotated, or not be read: parked with a message that names the remedy; nothing that is
//! accepted is lost.

use std::time::Duration;

use crossfade::{
    distribution::Decision,
    engine::{OrderFailure, Reason},
    rotation::plan::Request,
    store::Format,
};
use crossfade_testing_secretsmanager::{
    faults::{Effect, Failure, Rule},
    model::{Binary, CreateSecret, Operation},
};
use crossfade_verify::Reason as Why;

use crate::world::{EVERY, FIRST, FRESHNESS, GRACE, NAME, TOKEN, World};

const THEIRS: &str = "00000000-0000-4000-8000-000000000002";
const SIX: Duration = Duration::from_secs(6);

async fn is_parked(world: &mut World, why: Reason, remedy: &str) {
    world.run(SIX).await;
    let parked = world.parked(0);
    let (reason, message) = parked.as_ref().expect("it is parked");
    assert_eq!(*reason, why, "{message}");
    assert!(message.contains(remedy), "{message}");
}

#[tokio::test]
async fn a_missing_secret_is_parked_until_it_is_made() {
    let mut world = World::empty().await;
    world.add(0);
    is_parked(&mut world, Reason::Missing, "aws secretsmanager create-secret").await;
    world.server.person().create(NAME, FIRST, TOKEN).expect("a secret");
    world.run(SIX).await;
    assert!(world.parked(0).is_none() && world.accepts(0, TOKEN));
}

#[tokio::test]
async fn a_deleted_secret_is_parked_and_loses_nothing() {
    let mut world = World::new().await;
    world.run(SIX).await;
    world.server.person().delete(NAME).expect("a deletion");
    is_parked(&mut world, Reason::Missing, "restore-secret").await;
    assert!(world.accepts(0, TOKEN), "bots may still hold it");
    world.server.person().restore(NAME).expect("a restoration");
    world.run(SIX).await;
    assert!(world.parked(0).is_none() && world.accepts(0, TOKEN));
}

#[tokio::test]
async fn a_secret_that_is_deleted_by_force_and_made_again_is_another_one() {
    let mut world = World::new().await;
    world.run(SIX).await;
    world.excused = true;
    world.server.person().delete_by_force(NAME).expect("a deletion");
    world.run(SIX).await;
    world.server.person().create(NAME, FIRST, "a-token-of-another-secret").expect("a secret");
    world.run(SIX).await;
    assert!(world.accepts(0, "a-token-of-another-secret"), "the same version id, and another value");
    assert!(!world.accepts(0, TOKEN), "the old secret is gone");
}

#[tokio::test]
async fn values_that_do_not_fit_are_parked_with_what_to_do() {
    for (value, remedy) in [
        ("{\"token\":\"x\"}", "format: json"),
        ("short", "16 to 512"),
        ("two words that have blanks", "16 to 512"),
    ] {
        let mut world = World::empty().await;
        world.server.person().create(NAME, FIRST, value).expect("a secret");
        world.add(0);
        is_parked(&mut world, Reason::Unusable, remedy).await;
    }
    let mut world = World::empty().await;
    let secret_binary = Some(Binary::from(&b"a-token-in-binary"[..]));
    let client_request_token = Some(FIRST.to_owned());
    let create = CreateSecret {
        name: NAME.to_owned(),
        secret_binary,
        client_request_token,
        ..CreateSecret::default()
    };
    world.server.person().does(create).expect("a secret");
    world.add(0);
    is_parked(&mut world, Reason::Unusable, "as a string").await;
}

#[tokio::test]
async fn an_empty_secret_is_parked_until_it_has_a_value() {
    let mut world = World::empty().await;
    world.server.person().create_empty(NAME, FIRST).expect("a secret");
    world.add(0);
    is_parked(&mut world, Reason::Missing, "put-secret-value").await;
    world.server.person().put(NAME, THEIRS, TOKEN, &[]).expect("a put");
    world.run(SIX).await;
    assert!(world.parked(0).is_none() && world.accepts(0, TOKEN));
}

#[tokio::test]
async fn a_value_that_a_person_spoils_is_parked_and_what_it_replaced_keeps_its_grace_and_no_more() {
    for crashed in [false, true] {
        let mut world = World::new().await;
        world.run(SIX).await;
        world.excused = true;
        world.server.person().put(NAME, THEIRS, "spoilt", &[]).expect("a put");
        if crashed {
            world.crash(0);
        }
        is_parked(&mut world, Reason::Unusable, "16 to 512").await;
        assert!(world.accepts(0, TOKEN), "bots may still hold it");
        assert!(!world.accepts(0, "spoilt"));
        world.run(GRACE + SIX * 2).await;
        let verdict = world.verdict(0, TOKEN);
        assert!(matches!(verdict, Decision::Refused(Why::Unknown)), "it was replaced: {verdict:?}");
        assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(THEIRS), "and no slot comes of it");
    }
}

#[tokio::test]
async fn an_order_replaces_a_spoilt_value() {
    for (format, compromised) in [(Format::Plain, false), (Format::Plain, true), (Format::Json, false)] {
        let mut world = World::empty().await;
        world.format = format;
        let first = if format == Format::Json {
            format!(r#"{{"token":"{TOKEN}","user":"bot"}}"#)
        } else {
            TOKEN.into()
        };
        world.server.person().create(NAME, FIRST, &first).expect("a secret");
        world.server.advance(Duration::from_secs(3600));
        world.add(0);
        world.run(SIX).await;
        world.excused = true;
        let spoilt = if format == Format::Json { r#"{"token":"spoilt","user":"bot"}"# } else { "spoilt" };
        world.server.person().put(NAME, THEIRS, spoilt, &[]).expect("a put");
        is_parked(&mut world, Reason::Unusable, "`rotate`").await;
        let current = world.current();
        let demand = if compromised {
            Request::Compromised { named: Some(current) }
        } else {
            Request::Rotate { named: Some(current) }
        };
        world.order(0, demand).await.expect("an order");
        assert_eq!(world.accepts(0, TOKEN), !compromised, "what was current before keeps its grace");
        world.until("another value", |labels| labels["AWSCURRENT"] != THEIRS).await;
        world.run(SIX).await;
        assert!(world.parked(0).is_none());
        let token = world.token(&world.holder("AWSCURRENT").expect("a current version"));
        assert!(world.accepts(0, &token));
    }
}

#[tokio::test]
async fn somebody_else_s_pending_version_is_not_touched() {
    let mut world = World::new().await;
    world.run(SIX).await;
    world.server.person().put(NAME, THEIRS, "their-own-candidate", &["AWSPENDING"]).expect("a put");
    is_parked(&mut world, Reason::ForeignPending, "--version-stage AWSPENDING").await;
    world.run(EVERY * 2).await;
    assert_eq!(world.holder("AWSPENDING").as_deref(), Some(THEIRS));
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
    world.server.person().label(NAME, "AWSPENDING", None, Some(THEIRS)).expect("a removal");
    world.run(SIX).await;
    assert!(world.parked(0).is_none());
    assert!(world.holder("AWSPENDING").is_some_and(|id| id != THEIRS), "the slot was due, and ours follows");
}

#[tokio::test]
async fn a_pending_version_without_a_value_is_somebody_else_s_and_hides_nothing() {
    let mut world = World::new().await;
    world.run(SIX).await;
    world.server.person().leave_empty_pending(NAME, THEIRS).expect("what native rotation leaves");
    is_parked(&mut world, Reason::ForeignPending, "--version-stage AWSPENDING").await;
    world.run(FRESHNESS * 2).await;
    assert!(world.accepts(0, TOKEN));
    let refused = matches!(world.verdict(0, "a-token-that-nobody-has-made"), Decision::Refused(Why::Unknown));
    assert!(refused, "the view is as fresh as ever");
    assert_eq!(world.holder("AWSPENDING").as_deref(), Some(THEIRS), "and theirs is not touched");
    world.add(0);
    world.run(SIX).await;
    assert!(world.accepts(1, TOKEN), "a daemon that starts then reads it too");
    world.server.person().label(NAME, "AWSPENDING", None, Some(THEIRS)).expect("a removal");
    world.run(SIX).await;
    assert!(world.parked(0).is_none());
}

#[tokio::test]
async fn native_rotation_and_managed_secrets_are_parked() {
    let mut world = World::new().await;
    world.run(SIX).await;
    world.server.person().set_rotation_enabled(NAME, true).expect("an edit");
    is_parked(&mut world, Reason::NativeRotation, "cancel-rotate-secret").await;
    world.server.person().set_rotation_enabled(NAME, false).expect("an edit");
    world.server.person().set_owning_service(NAME, Some("rds")).expect("an edit");
    is_parked(&mut world, Reason::Managed, "out of our config").await;
    world.run(EVERY * 2).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
    assert!(world.accepts(0, TOKEN));
}

#[tokio::test]
async fn a_secret_without_room_for_labels_waits_says_why_and_loses_nothing() {
    let mut world = World::new().await;
    world.run(SIX).await;
    for n in 0..18 {
        world.server.person().label(NAME, &format!("theirs-{n}"), Some(FIRST), None).expect("a label");
    }
    world.run(EVERY + EVERY / 2).await;
    let status = world.status(0);
    assert!(status.overdue && status.parked.is_none(), "{status:?}");
    assert!(status.message.is_some_and(|message| message.contains("14 of the 20 labels")));
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
    assert!(world.accepts(0, TOKEN));
    for n in 0..18 {
        world.server.person().label(NAME, &format!("theirs-{n}"), None, Some(FIRST)).expect("a removal");
    }
    world.settle().await;
    world.until("it goes on by itself", |labels| labels["AWSCURRENT"] != FIRST).await;
}

#[tokio::test]
async fn a_write_that_is_denied_is_tried_again_for_ever_and_rarely_and_loses_nothing() {
    for (operation, failure) in [
        (Operation::PutSecretValue, Failure::AccessDenied),
        (Operation::PutSecretValue, Failure::Key),
        (Operation::UpdateSecretVersionStage, Failure::AccessDenied),
    ] {
        let mut world = World::new().await;
        world.run(SIX).await;
        world.server.fault(Rule::once(Effect::FailBefore(failure)).on(operation).always());
        world.run(EVERY + Duration::from_secs(120)).await;
        let (reason, message) = world.parked(0).expect("it is parked");
        assert_eq!(reason, Reason::Denied, "{message}");
        assert!(message.contains("check --live"), "{message}");
        assert!(world.accepts(0, TOKEN), "{operation:?}");
        let writes = world.server.calls().iter().filter(|call| call.fault.is_some()).count();
        assert!(writes <= 10, "{operation:?}: it was tried {writes} times");
        world.server.clear_faults();
        world.run(EVERY + Duration::from_secs(120)).await;
        assert!(world.parked(0).is_none(), "it goes on by itself, at the next slot");
        world.settle().await;
        assert_ne!(world.holder("AWSCURRENT").as_deref(), Some(FIRST), "{operation:?}");
    }
}

#[tokio::test]
async fn a_version_that_the_key_does_not_open_is_not_promoted() {
    let mut world = World::new().await;
    world.run(SIX).await;
    let current = world.current();
    world.order(0, Request::Rotate { named: Some(current) }).await.expect("a rotation");
    let denied = Effect::FailBefore(Failure::KeyAccessDenied);
    world.server.fault(Rule::once(denied).on(Operation::GetSecretValue).always());
    world.run(Duration::from_secs(90)).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST), "it is read back first");
    world.server.clear_faults();
    world.settle().await;
    assert_ne!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
}

#[tokio::test]
async fn a_read_that_is_denied_or_throttled_ages_and_an_hour_of_it_loses_nothing() {
    for (operation, failure) in [
        (Operation::DescribeSecret, Failure::AccessDenied),
        (Operation::DescribeSecret, Failure::Throttling),
        (Operation::GetSecretValue, Failure::KeyAccessDenied),
    ] {
        let mut world = World::new().await;
        world.run(SIX).await;
        world.server.fault(Rule::once(Effect::FailBefore(failure)).on(operation).always());
        world.run(Duration::from_secs(1800)).await;
        assert!(world.accepts(0, TOKEN), "{operation:?} {failure:?}");
        assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST), "{operation:?} {failure:?}");
        world.server.clear_faults();
        world.settle().await;
    }
}

#[tokio::test]
async fn a_replica_is_parked_accepted_and_nothing_is_refused_by_it_or_written_to_it() {
    let mut world = World::new().await;
    world.run(SIX).await;
    world.server.person().set_primary_region(NAME, Some("eu-west-1")).expect("an edit");
    world.server.clear_calls();
    is_parked(&mut world, Reason::Replica, "stop-replication-to-replica").await;
    world.run(EVERY * 2).await;
    assert!(world.accepts(0, TOKEN));
    let unsure = world.verdict(0, "a-token-that-nobody-has-made");
    assert!(matches!(unsure, Decision::Unsure), "it may lag behind its primary by any time: {unsure:?}");
    assert_eq!(world.published(0), Some(true), "what verifiers get says the same");
    let named = Some(world.current());
    for request in [Request::Rotate { named }, Request::RevokeAll { named }, Request::Pause] {
        let refused = world.order(0, request).await.expect_err("no write is taken here");
        assert!(refused.to_string().contains("primary"), "{refused}");
    }
    let writes = |call: &&crossfade_testing_secretsmanager::log::Call| {
        !["DescribeSecret", "GetSecretValue"].contains(&&*call.operation)
            && call.caller.as_deref() != Some("person")
    };
    assert_eq!(world.server.calls().iter().filter(writes).count(), 0, "nor is one tried");
    world.server.person().set_primary_region(NAME, None).expect("an edit");
    world.run(SIX).await;
    assert!(world.parked(0).is_none());
    let refused = matches!(world.verdict(0, "a-token-that-nobody-has-made"), Decision::Refused(Why::Unknown));
    assert!(refused, "it is a secret of its own now");
}

#[tokio::test]
async fn a_primary_region_that_is_its_own_is_no_replica_s() {
    let mut world = World::new().await;
    world.server.person().set_primary_region(NAME, Some("us-east-1")).expect("an edit");
    world.run(SIX).await;
    assert!(world.parked(0).is_none());
}

#[tokio::test]
async fn a_managed_external_secret_is_parked() {
    let mut world = World::new().await;
    world.run(SIX).await;
    world.server.person().set_type(NAME, Some("SalesforceClientSecret")).expect("an edit");
    is_parked(&mut world, Reason::Managed, "out of our config").await;
    world.run(EVERY * 2).await;
    assert_eq!(world.holder("AWSCURRENT").as_deref(), Some(FIRST));
}

#[tokio::test]
async fn while_a_copy_is_not_in_sync_all_but_ends_waits() {
    for status in ["InProgress", "Failed"] {
        let mut world = World::new().await;
        world.run(SIX).await;
        world
            .server
            .person()
            .set_replicas(NAME, &[("eu-west-1", "InSync"), ("eu-west-3", status)])
            .expect("an edit");
        world.run(EVERY + SIX).await;
        assert_eq!(world.holder("AWSPENDING"), None, "{status}: the slot waits");
        let seen = world.status(0);
        assert!(seen.overdue && seen.parked.is_none(), "{seen:?}");
        assert!(seen.message.is_some_and(|message| message.contains("ReplicationStatus")), "{status}");
        let current = world.current();
        world
            .order(0, Request::Compromised { named: Some(current) })
            .await
            .expect("an end waits for nothing");
        world.until("nor does its replacement", |labels| labels["AWSCURRENT"] != FIRST).await;
        world.server.person().set_replicas(NAME, &[("eu-west-3", "InSync")]).expect("an edit");
        world.settle().await;
    }
}

#[tokio::test]
async fn an_order_that_waited_for_copies_says_what_it_waited_for() {
    let mut world = World::new().await;
    world.run(SIX).await;
    world.server.person().set_replicas(NAME, &[("eu-west-3", "Failed")]).expect("an edit");
    for request in [Request::Rotate { named: None }, Request::Pause] {
        let failed = world.try_order(0, request).await.expect_err("all but ends waits");
        let said = failed.to_string();
        assert!(matches!(failed, OrderFailure::Failed(_)), "nothing was sent: {failed:?}");
        assert!(
            said.contains("ReplicationStatus") && said.contains("nothing was changed"),
            "{request}: {said}"
        );
    }
}
