//! The knobs over HTTP.

use serde_json::{Value, json};

use crate::{NAME, id, start, wire::send};

async fn control(endpoint: &str, method: &str, path: &str, body: &Value) -> (String, Value) {
    let head = format!("{method} /_fake/{path} HTTP/1.1\r\n");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (head, body) = send(endpoint, &head, &body).await.unwrap();
    (head, serde_json::from_str(&body).unwrap_or_default())
}

#[tokio::test]
async fn faults_are_ordered_counted_and_cleared() {
    let (server, client) = start().await;
    let endpoint = server.endpoint();
    for rule in [
        json!({ "effect": { "fail_before": "throttling" }, "operation": "DescribeSecret", "secret": NAME }),
        json!({ "effect": "lost_reply", "operation": "PutSecretValue", "skip": 1, "times": null }),
        json!({ "effect": { "late_read": { "fixed": 15000 } }, "caller": "AKIDBOT", "times": 3 }),
        json!({ "effect": { "late_write": { "up_to": { "max_ms": 300000, "seed": 7 } } }, "caller": "none" }),
    ] {
        let (head, reply) = control(&endpoint, "POST", "faults", &rule).await;
        assert!(head.starts_with("http/1.1 200") && reply["id"].is_u64(), "{rule}: {head}");
    }
    assert!(client.describe_secret().secret_id(NAME).send().await.is_err());
    assert!(client.describe_secret().secret_id(NAME).send().await.is_ok());
    assert_eq!(
        control(&endpoint, "GET", "faults", &Value::Null).await.1,
        json!({ "left": 3, "writes_under_way": 0 })
    );
    control(&endpoint, "DELETE", "faults/2", &Value::Null).await;
    assert_eq!(server.faults_left(), 2);
    control(&endpoint, "DELETE", "faults", &Value::Null).await;
    assert_eq!(server.faults_left(), 0);
    for mistake in [json!({ "effect": "none" }), json!({ "effect": "lost_reply", "tims": 1 }), json!({})] {
        let (head, _) = control(&endpoint, "POST", "faults", &mistake).await;
        assert!(head.starts_with("http/1.1 400"), "{mistake}: {head}");
    }
}

#[tokio::test]
async fn the_clock_is_read_set_and_moved_on() {
    let (server, _) = start().await;
    let endpoint = server.endpoint();
    let (_, set) = control(&endpoint, "POST", "clock", &json!({ "set_ms": 1_893_456_000_000_u64 })).await;
    let (_, moved) = control(&endpoint, "POST", "clock", &json!({ "advance_ms": 3_600_000 })).await;
    let between = moved["now_ms"].as_u64().unwrap() - set["now_ms"].as_u64().unwrap();
    assert!((3_600_000..3_660_000).contains(&between), "{between}");
    assert!(control(&endpoint, "GET", "clock", &Value::Null).await.1["now_ms"].is_u64());
}

#[tokio::test]
async fn calls_and_changes_are_read_and_cleared() {
    let (server, client) = start().await;
    let endpoint = server.endpoint();
    let put = client.put_secret_value().secret_id(NAME).client_request_token(id(3)).secret_string("hidden");
    put.send().await.unwrap();
    let (_, calls) = control(&endpoint, "GET", "calls", &Value::Null).await;
    assert_eq!((&calls[0]["operation"], &calls[0]["version"]), (&json!("PutSecretValue"), &json!(id(3))));
    assert_eq!((&calls[0]["effect"], &calls[0]["answer"]), (&json!("done"), &json!("done")));
    assert!(!calls.to_string().contains("hidden"));
    let (_, changes) = control(&endpoint, "GET", "changes", &Value::Null).await;
    assert_eq!(changes[0]["labels"]["AWSCURRENT"], id(3));
    control(&endpoint, "DELETE", "calls", &Value::Null).await;
    assert!(server.calls().is_empty() && server.changes().is_empty());
}

#[tokio::test]
async fn rights_and_what_a_service_manages_are_set() {
    let (server, client) = start().await;
    let endpoint = server.endpoint();
    let native = json!({ "secret": NAME, "rotation_enabled": true, "owning_service": "rds" });
    control(&endpoint, "POST", "native", &native).await;
    let described = client.describe_secret().secret_id(NAME).send().await.unwrap();
    assert_eq!((described.rotation_enabled(), described.owning_service()), (Some(true), Some("rds")));
    let policy = json!({ "access_key": "AKIDDAEMON", "actions": ["GetSecretValue"] });
    control(&endpoint, "POST", "allow", &policy).await;
    assert!(client.describe_secret().secret_id(NAME).send().await.is_err());
    assert!(client.get_secret_value().secret_id(NAME).send().await.is_ok());
    let (head, _) =
        control(&endpoint, "POST", "native", &json!({ "secret": "none", "rotation_enabled": true })).await;
    assert!(head.starts_with("http/1.1 409"), "{head}");
}

#[tokio::test]
async fn the_fault_in_the_readme_is_taken() {
    let (server, _) = start().await;
    let readme = include_str!("../../README.md");
    let body = readme.split("curl -d '").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    let (head, _) = control(&server.endpoint(), "POST", "faults", &serde_json::from_str(body).unwrap()).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(server.faults_left(), 1);
}
