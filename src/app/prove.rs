//! `check --live`: what each secret's store lets us do.

use std::sync::Arc;

use anyhow::Result;

use super::{open, translate};
use crate::{
    clock::SystemClock,
    config::Config,
    store::proof::{Proof, ProofVerdict},
};

/// The store can't be asked, for something is missing, or can't be right, in what we were told of it.
#[derive(Debug, thiserror::Error)]
#[error("the store is not set up: {0}")]
pub struct NotSetUp(String);

/// Tries everything that a rotation needs on each secret, and hands on what came of it.
pub async fn prove(config: &Config, mut say: impl FnMut(&str, &[Proof])) -> Result<()> {
    // It is not made by a check.
    if let Some(path) = open::unmade(config) {
        let why = format!("{} is made at the first start", path.display());
        for secret in &config.secrets {
            say(&secret.name, &[Proof::not("read", ProofVerdict::NotTried, why.as_str())]);
        }
        return Ok(());
    }
    let store = open::prover(config, Arc::new(SystemClock))?;
    if let Some(why) = store.not_set_up().await {
        return Err(NotSetUp(why).into());
    }
    for secret in &config.secrets {
        say(&secret.name, &store.prove(&translate::secret(secret)).await);
    }
    Ok(())
}
