//! `check`: every mistake in the config at once.

use anyhow::Result;

use crate::config::StoreConfig;

use super::{Exit, context::Context, output};

pub(super) fn run(context: &Context) -> Result<Exit> {
    let config = context.config()?;
    output::say(&format!(
        "{}: well-formed; {} secrets, {} clients, config {}",
        context.path().display(),
        config.secrets.len(),
        config.clients.len(),
        config.hash
    ));
    if let StoreConfig::Embedded { path, key_file } = &config.store
        && key_file.starts_with(path)
    {
        output::say(
            "suggestion: keep `key_file` away from `store.path`, so that a copy of the data alone opens nothing",
        );
    }
    Ok(Exit::Done)
}
