//! What the SDK sees of each fault.

use std::time::Duration;

use aws_sdk_secretsmanager::{Client, error::ProvideErrorMetadata};
use crossfade_testing_secretsmanager::{
    faults::{Delay, Effect, Failure, Rule},
    log::Outcome,
    model::Operation,
};

use crate::{CURRENT, NAME, PENDING, client, id, start};

/// Promotes version 2; the code of the error, and empty where no reply came.
async fn promote(client: &Client) -> Result<(), String> {
    let move_to = client.update_secret_version_stage().secret_id(NAME).version_stage(CURRENT);
    let moved = move_to.move_to_version_id(id(2)).remove_from_version_id(id(1)).send().await;
    moved.map(drop).map_err(|error| error.code().unwrap_or_default().to_owned())
}

async fn current(client: &Client) -> String {
    let value = client.get_secret_value().secret_id(NAME).send().await.unwrap();
    value.version_id().unwrap().to_owned()
}

#[tokio::test]
async fn a_lost_reply_is_an_error_and_the_next_read_shows_the_effect() {
    let (server, client) = start().await;
    server.fault(Rule::once(Effect::LostReply).on(Operation::UpdateSecretVersionStage));
    assert_eq!(promote(&client).await, Err(String::new()));
    assert_eq!(current(&client).await, id(2));
}

#[tokio::test]
async fn a_lost_request_is_the_same_error_without_the_effect() {
    let (server, client) = start().await;
    server.fault(Rule::once(Effect::LostRequest).on(Operation::UpdateSecretVersionStage));
    assert_eq!(promote(&client).await, Err(String::new()));
    assert_eq!(current(&client).await, id(1));
}

#[tokio::test]
async fn a_retry_after_a_lost_reply_is_refused_although_the_label_moved() {
    let (server, _) = start().await;
    let client = client(&server.endpoint(), "AKIDDAEMON", 3);
    server.fault(Rule::once(Effect::LostReply));
    assert_eq!(promote(&client).await, Err("InvalidParameterException".to_owned()));
    assert_eq!(current(&client).await, id(2));
    let effects: Vec<Outcome> = server.calls().into_iter().take(2).map(|call| call.effect).collect();
    assert_eq!(effects, [Outcome::Done, Outcome::Refused("InvalidParameterException".into())]);
}

#[tokio::test]
async fn a_failure_of_the_service_comes_before_the_effect_or_after_it() {
    for (effect, code, done) in [
        (Effect::FailBefore(Failure::Internal), "InternalServiceError", false),
        (Effect::FailAfter(Failure::Internal), "InternalServiceError", true),
        (Effect::FailBefore(Failure::Unavailable), "ServiceUnavailable", false),
        (Effect::FailAfter(Failure::Unavailable), "ServiceUnavailable", true),
    ] {
        let (server, client) = start().await;
        server.fault(Rule::once(effect));
        assert_eq!(promote(&client).await, Err(code.to_owned()));
        assert_eq!(current(&client).await, id(if done { 2 } else { 1 }), "{code}");
    }
}

#[tokio::test]
async fn throttling_is_retried_by_the_sdk_unless_it_may_try_only_once() {
    let (server, once) = start().await;
    let thrice = client(&server.endpoint(), "AKIDDAEMON", 3);
    let throttle = |times| server.fault(Rule::once(Effect::FailBefore(Failure::Throttling)).times(times));
    throttle(1);
    assert_eq!(promote(&once).await, Err("ThrottlingException".to_owned()));
    throttle(2);
    assert_eq!(promote(&thrice).await, Ok(()));
    assert_eq!(server.calls().len(), 4);
    throttle(3);
    let described = thrice.describe_secret().secret_id(NAME).send().await;
    assert_eq!(described.unwrap_err().code(), Some("ThrottlingException"));
}

#[tokio::test]
async fn a_read_is_late_and_the_next_one_is_not() {
    let (server, client) = start().await;
    server.advance(Duration::from_secs(60));
    promote(&client).await.unwrap();
    server.fault(Rule::once(Effect::LateRead(Delay::Fixed(30_000))));
    assert_eq!(current(&client).await, id(1));
    assert_eq!(current(&client).await, id(2));
}

#[tokio::test]
async fn a_late_write_is_a_lost_reply_that_lands_once_its_time_has_come() {
    let (server, client) = start().await;
    server.fault(Rule::once(Effect::LateWrite(Delay::Fixed(300_000))));
    assert_eq!(promote(&client).await, Err(String::new()));
    assert_eq!(current(&client).await, id(1));
    server.advance(Duration::from_secs(300));
    assert_eq!(current(&client).await, id(2));
}

#[tokio::test]
async fn a_key_that_can_not_be_used_fails_values_and_lets_labels_move() {
    let (server, client) = start().await;
    let rule = server.fault(Rule::once(Effect::FailBefore(Failure::Key)).always());
    let put = client.put_secret_value().secret_id(NAME).secret_string("x").version_stages(PENDING);
    assert!(put.send().await.unwrap_err().as_service_error().unwrap().is_encryption_failure());
    let get = client.get_secret_value().secret_id(NAME).send().await.unwrap_err();
    assert!(get.as_service_error().unwrap().is_decryption_failure());
    assert_eq!(promote(&client).await, Ok(()));
    server.remove_fault(rule);
    server.fault(Rule::once(Effect::FailBefore(Failure::KeyAccessDenied)));
    let denied = client.get_secret_value().secret_id(NAME).send().await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDeniedException"));
    assert_eq!(denied.message(), Some("Access to KMS is not allowed"));
}

#[tokio::test]
async fn rights_are_those_of_the_access_key_that_signed() {
    let (server, daemon) = start().await;
    let bot = client(&server.endpoint(), "AKIDBOT", 1);
    server.allow("AKIDBOT", &[Operation::GetSecretValue]);
    assert_eq!(current(&bot).await, id(1));
    assert_eq!(promote(&bot).await, Err("AccessDeniedException".to_owned()));
    assert_eq!(promote(&daemon).await, Ok(()));
}
