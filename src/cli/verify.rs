//! `verify`: reads a token from stdin, and says what the verify endpoint would.

use std::io::Read;

use anyhow::{Context as _, Result};
use clap::Args;
use zeroize::Zeroizing;

use super::{Exit, UsageError, context::Context, output};
use crate::distribution::Decision;

/// More than the longest token, so that a longer one is seen to be one.
const INPUT_BYTES: u64 = 1024;

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The MCP server that the token is for
    #[arg(long, value_name = "A")]
    audience: String,
}

pub(super) async fn run(context: &Context, args: VerifyArgs) -> Result<Exit> {
    let config = context.config()?;
    if !config.secrets.iter().any(|secret| *secret.audience == *args.audience) {
        return Err(
            UsageError(format!("no secret of the config has the audience {:?}", args.audience)).into()
        );
    }
    let mut token = Zeroizing::new(Vec::new());
    std::io::stdin().take(INPUT_BYTES).read_to_end(&mut token).context("stdin can't be read")?;
    let token = token.strip_suffix(b"\n").unwrap_or(&token);
    let (decision, exit) = match crate::app::decide(&config, &args.audience, token).await? {
        Decision::Accepted(accepted) => {
            let mut body = crate::http::introspection(&accepted);
            body["reason"] = "accepted".into();
            (body, Exit::Done)
        }
        Decision::Refused(reason) => {
            (serde_json::json!({ "active": false, "reason": reason.as_str() }), Exit::Failed)
        }
        Decision::Unsure => (serde_json::json!({ "reason": "unsure" }), Exit::Unknown),
    };
    output::say(&decision.to_string());
    Ok(exit)
}
