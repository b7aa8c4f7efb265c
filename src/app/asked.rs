//! What is asked of the store beside rotations: tokens; and by a command, where no daemon runs, a verdict. Each rests on a
//! read made now.

use std::sync::Arc;

use anyhow::Result;
use async_trait::async_trait;

use super::{
    local::{actor, open_store},
    observations::Observations,
    open, translate, unmade,
};
use crate::{
    audit::{self, Action, AuditLog, Event},
    clock::{Clock, SystemClock},
    config::{Config, SecretConfig},
    distribution::{Decision, Distribution},
    rotation::ring::VersionId,
    store::Secret,
    time::Timestamp,
    token::{Reveal, RevealError, Token},
};

/// Reads the current token from the store now, and writes down that it was handed out.
pub async fn hand_out(config: &Config, secret: &str) -> Result<Token> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    unmade::refuse(config)?;
    let audit = AuditLog::open(&translate::audit_target(config))?;
    let known = config.secret(secret);
    let name = known.as_ref().map_or_else(|_| secret.to_owned(), |known| known.name.to_string());
    let result = match known {
        Ok(known) => reveal(config, &clock, known).await,
        Err(unnamed) => Err(unnamed.into()),
    };
    let version = result.as_ref().ok().map(|(version, _)| version.to_string());
    let outcome = if result.is_ok() { audit::Outcome::Done } else { audit::Outcome::Refused };
    let event = Event { secret: Some(name), version, ..Event::new(Action::TokenHandedOut, actor(), outcome) };
    audit.recorded(Timestamp::from_millis(clock.moment().wall_ms), event).await;
    result.map(|(_, token)| token)
}

async fn reveal(
    config: &Config,
    clock: &Arc<dyn Clock>,
    secret: &SecretConfig,
) -> Result<(VersionId, Token)> {
    let opened = open::open(config, clock)?;
    let secret = translate::secret(secret);
    // Of a secret that is missing this one says what to do.
    opened.store.secret(secret.clone()).read().await?;
    Ok(opened.reveal.reveal(&secret).await?)
}

/// Decides on a token as the verify endpoint would, on a read of the store made now.
pub async fn decide(config: &Config, audience: &str, token: &[u8]) -> Result<Decision> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (store, _) = open_store(config, &clock)?;
    let (bounds, members) = translate::distribution(config);
    let distribution = Distribution::new(Arc::clone(&clock), bounds, members);
    for secret in config.secrets.iter().filter(|s| *s.audience == *audience) {
        let at = clock.moment();
        match store.secret(translate::secret(secret)).read().await {
            Ok(seen) => distribution.publish(&secret.name, seen.ring.map(Arc::new).as_ref(), at, seen.now),
            Err(error) => tracing::warn!(secret = %secret.name, "{error}"),
        }
    }
    Ok(distribution.decide(&[Arc::from(audience)], token))
}

/// Hand-outs of the daemon: to their callers a secret is a name, and how its value is written the config says.
pub(super) struct ByName {
    pub(super) store: Arc<dyn Reveal<Secret>>,
    pub(super) observations: Arc<Observations>,
}

#[async_trait]
impl Reveal for ByName {
    async fn reveal(&self, name: &str) -> Result<(VersionId, Token), RevealError> {
        let secret = self.observations.secret(name).ok_or(RevealError::NoSuchSecret)?;
        self.store.reveal(&translate::secret(&secret)).await
    }
}
