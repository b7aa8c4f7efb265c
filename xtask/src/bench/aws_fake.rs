//! The strict fake, with secrets that somebody else has made, and what points a program at it.

use anyhow::{Context as _, Result, ensure};
use crossfade_testing_secretsmanager::{Fake, Server};
use tokio::runtime::{Builder, Runtime};

pub(super) const TOKEN: &str = "the-token-that-they-had-before";

pub(super) fn start(secrets: usize) -> Result<(Server, Runtime)> {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let server = runtime.block_on(Fake::start()).context("the fake can't listen")?;
    for n in 0..secrets {
        let id = format!("00000000-0000-4000-8000-{n:012}");
        let made = server.person().create(&format!("mcp/bench-{n:04}"), &id, TOKEN);
        ensure!(made.is_ok(), "the fake does not take a secret: {made:?}");
    }
    server.clear_calls();
    Ok((server, runtime))
}

pub(super) const fn environment(endpoint: &str) -> [(&str, &str); 4] {
    [
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIDBENCH"),
        ("AWS_SECRET_ACCESS_KEY", "none"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]
}
