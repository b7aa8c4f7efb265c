//! `verify`: reads a token from stdin, and says what the verify endpoint would.

use std::io::Read;

use anyhow::{Context as _, Result};
use clap::Args;
use zeroize::Zeroizing;

use super::{
    context::{Context, Destination},
    exit::{Exit, UsageError},
    output,
};
use crate::http::{introspection, operator::Operator};

/// More than the longest token, so that a longer one is seen to be one.
const INPUT_BYTES: u64 = 1024;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The MCP server that the token is for
    #[arg(long, value_name = "A")]
    audience: String,
}

pub(super) async fn run(context: &Context, args: VerifyArgs) -> Result<Exit> {
    let VerifyArgs { audience } = args;
    let destination = context.destination().await?;
    let known = match &destination {
        Destination::Daemon(daemon) => {
            daemon.secrets().await?.iter().any(|secret| secret.audience == audience)
        }
        Destination::Store(config) => config.secrets.iter().any(|secret| *secret.audience == *audience),
    };
    if !known {
        return Err(UsageError(format!("no secret of the config has the audience {audience:?}")).into());
    }
    let mut token = Zeroizing::new(Vec::new());
    std::io::stdin().take(INPUT_BYTES).read_to_end(&mut token).context("stdin can't be read")?;
    let token = token.strip_suffix(b"\n").unwrap_or(&token);
    let told = match &destination {
        Destination::Daemon(daemon) => daemon.verify(&audience, token).await?,
        Destination::Store(config) => introspection(&crate::app::decide(config, &audience, token).await?),
    };
    output::say(&told.to_string());
    Ok(match told["reason"].as_str() {
        Some("accepted") => Exit::Done,
        Some("unsure") | None => Exit::Unknown,
        Some(_) => Exit::Failed,
    })
}
