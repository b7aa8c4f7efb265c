//! One secret: whoever has the handle is the only one who reads and writes through it.

use std::fmt;

use async_trait::async_trait;

use super::{account::Aws, memory::SecretMemory, pace::Urgency, read::read, write::Writer};
use crate::{
    rotation::{
        plan::{Decided, Step},
        ring::VersionId,
    },
    store::{ReadError, Reading, Secret, Versions, WriteError},
};

/// A handle on one secret.
pub struct Handle {
    pub(super) aws: Aws,
    pub(super) secret: Secret,
    pub(super) memory: SecretMemory,
}

impl Handle {
    /// What it remembers of the secret.
    pub fn memory(&self) -> &SecretMemory {
        &self.memory
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("secret", &self.secret)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Versions for Handle {
    async fn read(&mut self) -> Result<Reading, ReadError> {
        let seen = read(&self.aws, &self.secret, &mut self.memory).await?;
        Ok(Reading { ring: seen.ring.clone(), now: seen.now, unread: seen.unread.clone() })
    }

    async fn apply(&mut self, Decided { step, .. }: &Decided) -> Result<Option<VersionId>, WriteError> {
        let Self { aws, secret, memory } = self;
        let seen = memory.seen.clone().ok_or(WriteError::Conflict)?;
        let replaces_an_ended_one = seen.ring.as_ref().is_some_and(|ring| ring.current.ended.is_some());
        let urgency = match step {
            Step::Tidy { .. } => Urgency::Cleanup,
            Step::End { .. } | Step::EndAll { .. } => Urgency::End,
            Step::Stage { .. } | Step::Promote { .. } if replaces_an_ended_one => Urgency::End,
            _ => Urgency::Step,
        };
        Writer { aws, secret, memory, seen: &seen, urgency }.apply(step).await
    }
}
