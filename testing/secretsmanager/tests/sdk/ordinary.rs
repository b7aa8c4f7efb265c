//! The ordinary path.

use aws_sdk_secretsmanager::{error::ProvideErrorMetadata, primitives::Blob};
use crossfade_testing_secretsmanager::log::Outcome;

use crate::{CURRENT, NAME, PENDING, id, start};

#[tokio::test]
async fn a_rotation_goes_through_as_on_aws() {
    let (server, client) = start().await;
    let arn = server.secret(NAME).unwrap().arn().to_owned();
    let put = client
        .put_secret_value()
        .secret_id(&arn)
        .client_request_token(id(3))
        .secret_string("three")
        .version_stages(PENDING)
        .send()
        .await
        .unwrap();
    assert_eq!((put.arn(), put.version_id()), (Some(arn.as_str()), Some(id(3).as_str())));
    let moved = client
        .update_secret_version_stage()
        .secret_id(&arn)
        .version_stage(CURRENT)
        .move_to_version_id(id(3))
        .remove_from_version_id(id(1))
        .send();
    assert_eq!(moved.await.unwrap().name(), Some(NAME));
    let described = client.describe_secret().secret_id(&arn).send().await.unwrap();
    let stages = described.version_ids_to_stages().unwrap();
    assert_eq!(stages[&id(3)], [CURRENT, PENDING]);
    assert_eq!(stages[&id(1)], ["AWSPREVIOUS"]);
    let current = client.get_secret_value().secret_id(&arn).send().await.unwrap();
    assert_eq!((current.secret_string(), current.version_id()), (Some("three"), Some(id(3).as_str())));
    let listed = client.list_secret_version_ids().secret_id(&arn).include_deprecated(true).send();
    assert_eq!(listed.await.unwrap().versions().len(), 3);
    let calls = server.calls();
    assert!(calls.iter().all(|call| call.caller.as_deref() == Some("AKIDDAEMON")));
    assert!(calls.iter().all(|call| call.answer == Outcome::Done));
}

#[tokio::test]
async fn a_secret_is_made_tagged_deleted_and_restored() {
    let (server, client) = start().await;
    let made = client.create_secret().name("new").secret_binary(Blob::new([0, 255])).send().await.unwrap();
    assert_eq!(made.arn(), Some(server.secret("new").unwrap().arn()));
    let value = client.get_secret_value().secret_id("new").send().await.unwrap();
    assert_eq!(value.secret_binary().unwrap().as_ref(), [0, 255]);
    let tag = aws_sdk_secretsmanager::types::Tag::builder().key("team").value("search").build();
    client.tag_resource().secret_id("new").tags(tag).send().await.unwrap();
    let described = client.describe_secret().secret_id("new").send().await.unwrap();
    assert_eq!(described.tags()[0].value(), Some("search"));
    client.untag_resource().secret_id("new").tag_keys("team").send().await.unwrap();
    client.delete_secret().secret_id("new").recovery_window_in_days(7).send().await.unwrap();
    let refused = client.get_secret_value().secret_id("new").send().await.unwrap_err();
    assert!(refused.as_service_error().unwrap().is_invalid_request_exception());
    let described = client.describe_secret().secret_id("new").send().await.unwrap();
    assert!(described.deleted_date().is_some());
    client.restore_secret().secret_id("new").send().await.unwrap();
    assert_eq!(client.list_secrets().send().await.unwrap().secret_list().len(), 2);
}

/// A fraction of a second is not exact in a float, and the SDK's `to_millis` truncates: what it gives
/// can be a millisecond early. That is so on AWS too, whose replies have the same form.
#[tokio::test]
async fn times_arrive_to_the_millisecond_where_the_caller_rounds() {
    let (server, client) = start().await;
    for ms in 0..50 {
        server.set_clock(1_800_000_000_000 + ms);
        let name = format!("secret {ms}").replace(' ', "/");
        server.person().create(&name, &id(1), "x").unwrap();
        let created_ms = server.secret(&name).unwrap().versions()[0].created_ms;
        let listed = client.list_secret_version_ids().secret_id(&name).send().await.unwrap();
        let created = listed.versions()[0].created_date().unwrap();
        let rounded_ms = (created.as_nanos() + 500_000) / 1_000_000;
        assert_eq!(rounded_ms, i128::from(created_ms));
        let truncated_ms = i128::from(created.to_millis().unwrap());
        assert!((rounded_ms - 1..=rounded_ms).contains(&truncated_ms));
    }
}

#[tokio::test]
async fn errors_arrive_with_their_kind_and_message() {
    let (_server, client) = start().await;
    let missing = client.get_secret_value().secret_id(NAME).version_stage("none").send().await.unwrap_err();
    let missing = missing.as_service_error().unwrap();
    assert!(missing.is_resource_not_found_exception());
    let want = "Secrets Manager can't find the specified secret value for staging label: none";
    assert_eq!(missing.message(), Some(want));
    let used = client.put_secret_value().secret_id(NAME).client_request_token(id(2)).secret_string("other");
    assert!(used.send().await.unwrap_err().as_service_error().unwrap().is_resource_exists_exception());
    let unnamed = client.update_secret_version_stage().secret_id(NAME).version_stage(CURRENT);
    let unnamed = unnamed.move_to_version_id(id(2)).send().await.unwrap_err();
    assert!(unnamed.as_service_error().unwrap().is_invalid_parameter_exception());
}

#[tokio::test]
async fn what_is_left_out_says_so() {
    let (_server, client) = start().await;
    let left_out = client.update_secret().secret_id(NAME).description("x").send().await.unwrap_err();
    assert_eq!(left_out.code(), Some("NotImplementedByTheFake"));
    assert!(left_out.message().unwrap().contains("UpdateSecret is left out"));
}

#[tokio::test]
async fn what_a_service_manages_is_shown() {
    let (server, client) = start().await;
    server.person().set_rotation_enabled(NAME, true).unwrap();
    server.person().set_owning_service(NAME, Some("rds")).unwrap();
    let described = client.describe_secret().secret_id(NAME).send().await.unwrap();
    assert_eq!((described.rotation_enabled(), described.owning_service()), (Some(true), Some("rds")));
}

#[tokio::test]
async fn a_copy_takes_no_writes_and_shows_whose_it_is() {
    let (server, client) = start().await;
    server.person().set_primary_region(NAME, Some("eu-west-1")).unwrap();
    server.person().set_type(NAME, Some("SalesforceClientSecret")).unwrap();
    let described = client.describe_secret().secret_id(NAME).send().await.unwrap();
    assert_eq!(
        (described.primary_region(), described.r#type()),
        (Some("eu-west-1"), Some("SalesforceClientSecret"))
    );
    let put =
        client.put_secret_value().secret_id(NAME).secret_string("another value").send().await.unwrap_err();
    assert_eq!(put.message(), Some("Operation not permitted on a replica secret."));
    server.person().set_replicas(NAME, &[("eu-west-3", "InProgress")]).unwrap();
    let described = client.describe_secret().secret_id(NAME).send().await.unwrap();
    let copy = &described.replication_status()[0];
    assert_eq!((copy.region(), copy.status().map(|s| s.as_str())), (Some("eu-west-3"), Some("InProgress")));
}
