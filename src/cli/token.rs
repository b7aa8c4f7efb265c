//! `token`: the current token, read from the store now.

use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::{Exit, context::Context, output};
use crate::{
    app::hand_out,
    clock::{Clock, SystemClock},
};

pub(super) async fn run(context: &Context, secret: &str) -> Result<Exit> {
    let config = context.config()?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let token = hand_out(&config, &clock, secret).await.with_context(|| format!("no token of {secret}"))?;
    output::say(token.expose());
    Ok(Exit::Done)
}
