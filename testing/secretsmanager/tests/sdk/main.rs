//! The fake over HTTP, as the real SDK sees it.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
};
use crossfade_testing_secretsmanager::{Fake, Server};

mod control;
mod faults;
mod ordinary;
mod process;
mod wire;

const NAME: &str = "mcp/slack-bot-token";
const CURRENT: &str = "AWSCURRENT";
const PENDING: &str = "AWSPENDING";

fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// A client that tries so many times.
fn client(endpoint: &str, access_key: &str, attempts: u32) -> Client {
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new(access_key, "none", None, None, "test"))
        .timeout_config(
            TimeoutConfig::builder().operation_timeout(std::time::Duration::from_secs(20)).build(),
        )
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(attempts)
                .with_initial_backoff(std::time::Duration::from_millis(1)),
        )
        .build();
    Client::from_conf(config)
}

/// A fake with version 1 current and version 2 pending, and a client that tries once.
async fn start() -> (Server, Client) {
    let server = Fake::start().await.unwrap();
    server.person().create(NAME, &id(1), "one").unwrap();
    server.person().put(NAME, &id(2), "two", &[PENDING]).unwrap();
    server.clear_calls();
    let client = client(&server.endpoint(), "AKIDDAEMON", 1);
    (server, client)
}
