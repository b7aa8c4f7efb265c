//! A message to the bot, as Slack sends it through API Gateway to a Lambda.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

/// Somebody mentions the bot. The event's time is the thread that the answer goes to.
#[derive(Clone, Debug)]
pub struct Mention {
    pub user: String,
    pub text: String,
    pub thread: String,
    /// How often Slack has sent it before.
    pub retry: u32,
}

impl Mention {
    /// `thread` tells it from all others.
    pub fn new(user: &str, text: &str, thread: u64) -> Self {
        let thread = format!("1795000000.{thread:06}");
        Self { user: user.to_owned(), text: text.to_owned(), thread, retry: 0 }
    }

    /// The event of API Gateway's HTTP API, signed with that secret.
    pub fn event(&self, signing_secret: &str) -> Value {
        let Self { user, text, thread, retry } = self;
        let body = json!({
            "type": "event_callback", "token": "unused", "team_id": "T0TESTS", "api_app_id": "A0TESTS",
            "event_id": format!("Ev{}", thread.replace('.', "")), "event_time": 1_795_000_000,
            "event": {"type": "app_mention", "user": user, "text": format!("<@U0BOT> {text}"), "ts": thread,
                      "event_ts": thread, "channel": "C0TESTS", "team": "T0TESTS"},
        });
        let body = body.to_string();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut headers = json!({
            "content-type": "application/json",
            "x-slack-request-timestamp": now.to_string(),
            "x-slack-signature": signature(signing_secret, now, &body),
        });
        if *retry > 0 {
            headers["x-slack-retry-num"] = json!(retry.to_string());
        }
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/slack/events", "rawQueryString": "",
            "headers": headers, "requestContext": {"http": {"method": "POST", "path": "/slack/events"}},
            "body": body, "isBase64Encoded": false,
        })
    }
}

/// Slack's signature, version 0: <https://docs.slack.dev/authentication/verifying-requests-from-slack>.
fn signature(secret: &str, time: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length is taken");
    mac.update(format!("v0:{time}:{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={hex}")
}
