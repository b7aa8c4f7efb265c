//! What stands on the wire, where the SDK hides it.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{NAME, client, id, start};

/// The head and the body of one reply; empty: the connection was closed without one.
pub(crate) async fn send(endpoint: &str, head: &str, body: &str) -> io::Result<(String, String)> {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let request =
        format!("{head}host: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or_default();
    Ok((head.to_ascii_lowercase(), body.to_owned()))
}

fn head(operation: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nx-amz-target: secretsmanager.{operation}\r\n\
         content-type: application/x-amz-json-1.1\r\n\
         authorization: AWS4-HMAC-SHA256 Credential=AKID/20231114/us-east-1/secretsmanager/aws4_request\r\n"
    )
}

fn describe() -> String {
    format!(r#"{{"SecretId":"{NAME}"}}"#)
}

#[tokio::test]
async fn the_date_is_the_fakes_own_in_whole_seconds_truncated() {
    let (server, _) = start().await;
    for (now_ms, want) in [
        (1_893_456_000_000_u64, "date: tue, 01 jan 2030 00:00:00 gmt"),
        (1_893_456_000_999, "date: tue, 01 jan 2030 00:00:00 gmt"),
        (1_893_456_001_000, "date: tue, 01 jan 2030 00:00:01 gmt"),
    ] {
        let fake = crossfade_testing_secretsmanager::Fake::new(
            crossfade_testing_secretsmanager::Clock::standing_at(now_ms),
        );
        let standing = fake.serve(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        // On errors too: there is no such secret.
        let (reply, _) = send(&standing.endpoint(), &head("DescribeSecret"), &describe()).await.unwrap();
        assert!(reply.contains(want), "{now_ms}: {reply}");
        assert_eq!(reply.matches("\r\ndate: ").count(), 1);
    }
    server.set_clock(1_893_456_000_000);
    let (reply, _) = send(&server.endpoint(), &head("DescribeSecret"), &describe()).await.unwrap();
    assert!(reply.contains("tue, 01 jan 2030 00:"), "{reply}");
}

#[tokio::test]
async fn an_error_names_its_type_in_the_body_and_in_a_header() {
    let (server, _) = start().await;
    let (head, body) =
        send(&server.endpoint(), &head("DescribeSecret"), r#"{"SecretId":"none"}"#).await.unwrap();
    assert!(head.starts_with("http/1.1 400"), "{head}");
    assert!(head.contains("x-amzn-errortype: resourcenotfoundexception"));
    assert!(head.contains("x-amzn-requestid: ") && head.contains("content-type: application/x-amz-json-1.1"));
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["__type"], "ResourceNotFoundException");
    assert_eq!(body["Message"], "Secrets Manager can't find the specified secret.");
}

#[tokio::test]
async fn times_are_seconds_with_a_fraction() {
    let (server, _) = start().await;
    let (_, body) = send(&server.endpoint(), &head("DescribeSecret"), &describe()).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let created_ms = server.secret(NAME).unwrap().versions()[0].created_ms;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a test's own small numbers")]
    let got_ms = (body["CreatedDate"].as_f64().unwrap() * 1000.0).round() as u64;
    assert_eq!(got_ms, created_ms);
}

#[tokio::test]
async fn a_call_has_to_be_signed_and_to_name_an_operation() {
    let (server, _) = start().await;
    let signed = head("DescribeSecret");
    let unsigned = signed.split("authorization").next().unwrap();
    for (what, head, want) in [
        ("no signature", unsigned.to_owned(), "MissingAuthenticationTokenException"),
        (
            "another scheme",
            format!("{unsigned}authorization: Bearer x\r\n"),
            "MissingAuthenticationTokenException",
        ),
        ("an unknown operation", head("Nothing"), "UnknownOperationException"),
        ("another service", signed.replace("secretsmanager.", "ssm."), "UnknownOperationException"),
        ("another protocol", signed.replace("json-1.1", "json-1.0"), "UnknownOperationException"),
        ("no object", signed.clone(), "SerializationException"),
    ] {
        let body = if want == "SerializationException" { "[1]".to_owned() } else { describe() };
        let (_, reply) = send(&server.endpoint(), &head, &body).await.unwrap();
        assert!(reply.contains(want), "{what}: {reply}");
    }
}

#[tokio::test]
async fn a_body_has_a_limit_that_every_value_fits_under() {
    let (server, _) = start().await;
    let put = |value: String| {
        format!(r#"{{"SecretId":"{NAME}","ClientRequestToken":"{}","SecretString":"{value}"}}"#, id(3))
    };
    let escaped = put("\\u0041".repeat(65_536));
    let (reply, _) = send(&server.endpoint(), &head("PutSecretValue"), &escaped).await.unwrap();
    assert!(reply.starts_with("http/1.1 200"), "{reply}");
    let declared = format!("{}x-padding: x\r\n", head("PutSecretValue"));
    let too_long = put("x".repeat(1024 * 1024));
    // The server may close while the rest of the body is still being written.
    if let Ok((reply, _)) = send(&server.endpoint(), &declared, &too_long).await {
        assert!(reply.is_empty() || reply.starts_with("http/1.1 413"), "{reply}");
    }
    assert_eq!(server.secret(NAME).unwrap().versions().len(), 3);
}

#[tokio::test]
async fn it_stops_when_it_is_dropped() {
    let (server, _) = start().await;
    let (endpoint, fake) = (server.endpoint(), server.fake());
    drop(server);
    let stopped = client(&endpoint, "AKID", 1).describe_secret().secret_id(NAME).send().await;
    assert!(stopped.unwrap_err().as_service_error().is_none());
    assert!(fake.secret(NAME).is_some(), "what it held can still be looked at");
}
