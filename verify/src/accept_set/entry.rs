//! One accepted version of one secret.

use std::{fmt, sync::Arc};

use super::SetError;
use crate::digest::Digest;

/// From here on not every JSON reader holds each whole number: 2^53.
pub(super) const TOO_LARGE: u64 = 1 << 53;

/// Where a version stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Made, and not yet handed out: accepted ahead of time, so that no verifier refuses it when it is.
    Pending,
    /// What bots are handed now.
    Current,
    /// Replaced, and accepted up to its deadline.
    Previous,
}

impl Stage {
    /// Its name in accept sets, answers and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Current => "current",
            Self::Previous => "previous",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Current, Self::Previous].into_iter().find(|stage| stage.as_str() == name)
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One accepted version of one secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The digest of its token.
    pub digest: Digest,
    /// The secret's name in the store.
    pub secret: Arc<str>,
    /// The version's id in the store.
    pub version: Arc<str>,
    /// Where it stands in its life.
    pub stage: Stage,
    /// The bot's lasting name; the same for each version of a secret.
    pub client_id: Arc<str>,
    /// What the bot may do at this audience.
    pub scopes: Arc<[Arc<str>]>,
    /// When the version was made, unix ms on the store's clock.
    pub created_ms: u64,
    /// How long it stays accepted after it has been replaced.
    pub grace_ms: u64,
    /// The deadline of a previous version, unix ms on the store's clock: from then on it is not accepted.
    /// `None` for the other stages.
    pub not_after_ms: Option<u64>,
}

impl Entry {
    /// What can be wrong with one entry, whatever set it is in.
    pub(super) fn check(&self) -> Result<(), SetError> {
        let numbers = [self.created_ms, self.grace_ms, self.not_after_ms.unwrap_or(0)];
        match (self.stage, self.not_after_ms) {
            _ if numbers.iter().any(|n| *n >= TOO_LARGE) => Err(SetError::LargeNumber),
            (Stage::Previous, None) => Err(SetError::WithoutDeadline),
            (Stage::Pending | Stage::Current, Some(_)) => Err(SetError::WithDeadline),
            _ => Ok(()),
        }
    }
}
