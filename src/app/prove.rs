//! `check --live`: what each secret's store lets us do.

use std::sync::Arc;

use anyhow::Result;

use super::translate;
use crate::{
    clock::{Clock, SystemClock},
    config::{Config, StoreConfig},
    store::{
        ReadError, Store,
        aws::{Aws, CallError},
        embedded::Embedded,
        proof::{Proof, Verdict},
    },
};

/// The store can't be asked, for something is missing, or can't be right, in what we were told of it.
#[derive(Debug, thiserror::Error)]
#[error("the store is not set up: {0}")]
pub struct NotSetUp(String);

/// Tries everything that a rotation needs on each secret, and hands on what came of it.
pub async fn prove(config: &Config, mut say: impl FnMut(&str, &[Proof])) -> Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match &config.store {
        StoreConfig::Aws(options) => {
            let aws = Aws::open(options.clone(), clock);
            if let Err(CallError::Misconfigured(why)) = aws.ready().await {
                return Err(NotSetUp(why.to_string()).into());
            }
            for secret in &config.secrets {
                say(&secret.name, &aws.prove(&translate::secret(secret)).await);
            }
        }
        // It has no rights to prove but those to its files; it is not made by a check.
        StoreConfig::Embedded { path, .. } if !Embedded::exists(path) => {
            let why = format!("{} is made at the first start", path.display());
            for secret in &config.secrets {
                say(&secret.name, &[Proof::not("read", Verdict::NotTried, why.as_str())]);
            }
        }
        StoreConfig::Embedded { path, key_file } => {
            let store = Embedded::open_existing(path, key_file, clock)?;
            for secret in &config.secrets {
                let outcome = store.secret(translate::secret(secret)).read().await;
                say(&secret.name, &[read(outcome)]);
            }
        }
    }
    Ok(())
}

fn read<T>(outcome: Result<T, ReadError>) -> Proof {
    let Err(error) = outcome else { return Proof::proved("read") };
    let verdict = match error {
        ReadError::Denied(_) | ReadError::Misconfigured(_) => Verdict::Denied,
        _ => Verdict::Failed,
    };
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    Proof::not("read", verdict, format!("{error}{cause}"))
}
