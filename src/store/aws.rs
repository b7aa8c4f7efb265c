//! AWS Secrets Manager as store and coordinator.
//!
//! Nothing here locks and nobody leads: each replica derives the same next version from the same labels, the first
//! writer wins, and every label's move names the version that it is taken from. What AWS can't hold beside a value
//! (deadlines, ends, pauses) stands in labels of ours on the version that it is about.
//!
//! | module | what it does |
//! |---|---|
//! | `name` | what AWS takes for one secret |
//! | `calls` | what we ask of AWS |
//! | `api`, `date` | asking it, and the time that each answer bears |
//! | `session` | the client that calls are made with, and when to look up another one |
//! | `setup` | one lookup in the environment and AWS's files: region, endpoint, credentials |
//! | `network` | how requests leave this process |
//! | `pace` | how fast we call |
//! | `error` | what AWS's errors mean for us |
//! | `time` | AWS's time as the interval that it is |
//! | `label` | our notes |
//! | `value` | bare tokens, and tokens in JSON objects |
//! | `options` | how it is used, and what the rules allow for |
//! | `limits` | what it asks of a config |
//! | `bill` | what it costs |
//! | `account` | what the secrets of one account are asked with |
//! | `handle` | one secret, and what is remembered of it |
//! | `memory` | what is remembered between reads |
//! | `view` | from labels and values to a ring |
//! | `messages` | what people read of a secret that can't be rotated here |
//! | `read` | a read |
//! | `parts` | what of it can be missing |
//! | `write` | a step |
//! | `cleanup` | what is put in order last |
//! | `label_quota` | which marks come off where labels run short |
//! | `probe` | what `check --live` tries |

use async_trait::async_trait;

pub use self::{
    account::Aws,
    calls::{Answer, Calls, Described, Listed, Stored},
    error::CallError,
    handle::Handle,
    limits::LIMITS,
    memory::SecretMemory,
    options::{Options, TRAITS, retries, timeouts},
    pace::Urgency,
};
use super::{
    Secret, Store, Versions,
    proof::{Proof, Prove},
};
use crate::{
    rotation::ring::VersionId,
    token::{Reveal, RevealError, Token},
};

mod account;
mod answers;
mod api;
mod bill;
mod calls;
mod cleanup;
mod date;
mod error;
mod handle;
mod label;
mod label_quota;
mod limits;
mod memory;
mod messages;
mod name;
mod network;
mod options;
mod pace;
mod parts;
mod probe;
mod read;
mod session;
mod setup;
mod time;
mod value;
mod view;
mod write;

impl Aws {
    /// A handle on one secret, of a process that remembers this of it.
    pub fn handle(&self, secret: Secret, memory: SecretMemory) -> Handle {
        Handle { aws: self.clone(), secret, memory }
    }
}

impl Store for Aws {
    fn secret(&self, secret: Secret) -> Box<dyn Versions> {
        Box::new(self.handle(secret, SecretMemory::default()))
    }
}

#[async_trait]
impl Prove for Aws {
    async fn not_set_up(&self) -> Option<String> {
        match self.session.as_ref()?.found().await {
            Err(CallError::Misconfigured(why)) => Some(why.to_string()),
            _ => None,
        }
    }

    /// Tries each right. No label of AWS's is moved; at most one version without labels stays behind.
    async fn prove(&self, secret: &Secret) -> Vec<Proof> {
        probe::prove(self, secret).await
    }
}

#[async_trait]
impl Reveal<Secret> for Aws {
    async fn reveal(&self, secret: &Secret) -> Result<(VersionId, Token), RevealError> {
        let _turn =
            self.hand_outs.acquire().await.map_err(|closed| RevealError::Unreadable(closed.into()))?;
        let stored = self.api.value(&secret.name, None).await.outcome.map_err(|error| match error {
            CallError::NotFound(_) => RevealError::NoSuchSecret,
            other => RevealError::Unreadable(Box::new(other)),
        })?;
        let token = value::token(stored.value.as_ref().map(|value| value.as_str()), secret.format);
        let token = token.map_err(|invalid| RevealError::Unreadable(Box::new(invalid)))?;
        Ok((VersionId::of_name(&stored.id), token))
    }
}
