//! The example, as it is started.

#[path = "../../world.rs"]
mod world;

use world::{Example, TOKEN};

#[test]
fn it_lets_in_who_has_the_token_and_its_handler_sees_who_called_and_no_credential() {
    let example = Example::start(env!("CARGO_BIN_EXE_crossfade-example-axum"));
    assert!(example.post("", "").0.starts_with("HTTP/1.1 401 "));
    assert!(
        example.post("Authorization: Bearer a-token-of-a-stranger\r\n", "").0.starts_with("HTTP/1.1 401 ")
    );
    for header in ["Authorization: Bearer ", "mcp-access-token: "] {
        let (head, body) = example.post(&format!("{header}{TOKEN}\r\nslack-user-token: xoxp-1\r\n"), "");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let seen: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((&seen["client_id"], &seen["version"]), (&"slack-bot".into(), &"version-1".into()));
        assert_eq!(seen["slack_user_token_present"], true);
        assert_eq!(seen["authorization_seen"], false);
    }
}
