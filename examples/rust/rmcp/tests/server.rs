//! The example, as it is started, and a client that speaks MCP.

#[path = "../../world.rs"]
mod world;

use serde_json::{Value, json};
use world::{Example, TOKEN};

/// A message of MCP, with a session where there is one: the answer's head, and what stands in it.
fn send(example: &Example, session: &str, message: &Value) -> (String, Value) {
    let headers = format!(
        "mcp-access-token: {TOKEN}\r\nslack-user-token: xoxp-1\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n{session}"
    );
    let (head, body) = example.post(&headers, &message.to_string());
    let data =
        body.lines().filter_map(|line| line.strip_prefix("data: ")).rfind(|data| data.starts_with('{'));
    (head, data.map_or(Value::Null, |data| serde_json::from_str(data).expect("JSON")))
}

#[test]
fn a_tool_sees_who_called_and_no_credential_and_the_user_s_own_token_stays() {
    let example = Example::start(env!("CARGO_BIN_EXE_crossfade-example-rmcp"));
    let (head, body) = example.post("Content-Type: application/json\r\n", "{}");
    assert!(head.starts_with("HTTP/1.1 401 ") && head.contains("www-authenticate: Bearer realm="), "{head}");
    let refusal: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((&refusal["jsonrpc"], &refusal["id"]), (&"2.0".into(), &Value::Null));

    let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let (head, _) =
        send(&example, "", &json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}));
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let session = head.lines().find(|line| line.starts_with("mcp-session-id: ")).expect("a session");
    let session = format!("{session}\r\nMCP-Protocol-Version: 2025-06-18\r\n");
    send(&example, &session, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let call = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}});
    let (head, answer) = send(&example, &session, &call);
    let text = answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{head}: {answer}"));
    let seen: Value = serde_json::from_str(text).expect("JSON");
    let want = json!({
        "client_id": "slack-bot", "version": "version-1", "stage": "current",
        "slack_user_token_present": true, "authorization_seen": false,
    });
    assert_eq!(seen, want);
}

#[test]
fn a_page_of_another_origin_is_turned_away() {
    let example = Example::start(env!("CARGO_BIN_EXE_crossfade-example-rmcp"));
    let with = |more: &str| {
        let headers = format!(
            "mcp-access-token: {TOKEN}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n{more}"
        );
        example.post(&headers, "{}").0
    };
    let head = with("Origin: https://evil.example.com\r\n");
    assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
}
