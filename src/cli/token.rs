//! `token`: the current token, read from the store now.

use anyhow::{Context as _, Result};

use super::{
    context::{Context, Destination},
    exit::Exit,
    output,
};
use crate::{app::hand_out, token::Token};

pub(super) async fn run(context: &Context, secret: &str) -> Result<Exit> {
    output::say(fetch(context, secret).await?.expose());
    Ok(Exit::Done)
}

/// Whoever reads it writes down that it was handed out.
pub(super) async fn fetch(context: &Context, secret: &str) -> Result<Token> {
    let token = match context.destination().await? {
        Destination::Daemon(daemon) => daemon.token(secret).await.map_err(anyhow::Error::from),
        Destination::Store(config) => hand_out(&config, secret).await,
    };
    token.with_context(|| format!("no token of {secret}"))
}
