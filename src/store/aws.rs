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
//! | `session` | the client that calls are made with, and when to look for another one |
//! | `setup` | one look at the environment and AWS's files: region, endpoint, credentials |
//! | `network` | how requests leave this process |
//! | `pace` | how fast we call |
//! | `trouble` | what AWS's errors mean for us |
//! | `time` | AWS's time as the interval that it is |
//! | `label` | our notes |
//! | `value` | bare tokens, and tokens in JSON objects |
//! | `options` | how it is used, and what the rules allow for |
//! | `limits` | what it asks of a config |
//! | `account` | what is asked, and remembered, of one account's secrets |
//! | `memory` | what is remembered between reads |
//! | `view` | from labels and values to a ring |
//! | `words` | what people read of a secret that can't be rotated here |
//! | `look` | a read |
//! | `parts` | what of it can be missing |
//! | `write` | a step |
//! | `chores` | what is put in order last |
//! | `probe` | what `check --live` tries |

use async_trait::async_trait;

pub use self::{
    account::Aws,
    calls::{Answer, Calls, Described, Listed, Stored},
    limits::LIMITS,
    memory::Memory,
    name::{Arn, without_suffix},
    options::{Options, TRAITS, retries, timeouts},
    pace::Urgency,
    trouble::Trouble,
};
use super::{ReadError, Reading, Secret, Store, WriteError, proof::Proof};
use crate::{
    rotation::{
        plan::{Decided, Step},
        ring::VersionId,
    },
    token::{Reveal, RevealError, Token},
};

mod account;
mod answers;
mod api;
mod calls;
mod chores;
mod date;
mod label;
mod limits;
mod look;
mod memory;
mod name;
mod network;
mod options;
mod pace;
mod parts;
mod probe;
mod room;
mod session;
mod setup;
mod time;
mod trouble;
mod value;
mod view;
mod words;
mod write;

impl Aws {
    /// Tries each right on that secret. No label of AWS's is moved; at most one version without labels stays behind.
    pub async fn prove(&self, secret: &Secret) -> Vec<Proof> {
        probe::prove(self, secret).await
    }
}

#[async_trait]
impl Store for Aws {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        let seen = look::look(self, secret).await?;
        Ok(Reading {
            ring: seen.ring.clone(),
            now: seen.now,
            revision: seen.revision,
            unread: seen.unread.clone(),
        })
    }

    async fn apply(
        &self,
        secret: &Secret,
        Decided { step, .. }: &Decided,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError> {
        let last = self.remember(secret, |memory| memory.seen.clone());
        let seen = last.filter(|last| last.revision == seen.revision).ok_or(WriteError::Conflict)?;
        let replaces_an_ended_one = seen.ring.as_ref().is_some_and(|ring| ring.current.ended.is_some());
        let urgency = match step {
            Step::Tidy { .. } => Urgency::Chore,
            Step::End { .. } | Step::EndAll { .. } => Urgency::End,
            Step::Stage { .. } | Step::Promote { .. } if replaces_an_ended_one => Urgency::End,
            _ => Urgency::Step,
        };
        write::Hand { aws: self, secret, seen: &seen, urgency }.apply(step).await
    }
}

#[async_trait]
impl Reveal for Aws {
    /// Of a secret that was read before: its format is known from there.
    async fn reveal(&self, secret: &str) -> Result<(VersionId, Token), RevealError> {
        let format = self.memories().get(secret).map(|(format, _)| *format);
        let format =
            format.ok_or_else(|| RevealError::Unreadable("it was not read yet: try again".into()))?;
        let _turn =
            self.hand_outs.acquire().await.map_err(|closed| RevealError::Unreadable(closed.into()))?;
        let stored = self.api.value(secret, None).await.outcome.map_err(|trouble| match trouble {
            Trouble::NotFound(_) => RevealError::NoSuchSecret,
            other => RevealError::Unreadable(Box::new(other)),
        })?;
        let token = value::token(stored.value.as_ref().map(|value| value.as_str()), format);
        let token = token.map_err(|unfit| RevealError::Unreadable(Box::new(unfit)))?;
        Ok((VersionId::of_name(&stored.id), token))
    }
}
