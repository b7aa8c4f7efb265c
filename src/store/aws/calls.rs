//! What we ask of Secrets Manager, in our words.
//!
//! `api` asks AWS. Everything else of this store rests on the trait alone, so that a model of the service can stand in
//! AWS's place: `testing/model` explores the store itself that way, not a copy of it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use crossfade_verify::Moment;
use zeroize::Zeroizing;

use super::{error::CallError, pace::Urgency};
use crate::time::{Interval, Timestamp};

/// The calls. A write is sent once, and not on a read (`as_of`) that has grown old by then.
#[async_trait]
pub trait Calls: Send + Sync {
    /// DescribeSecret.
    async fn describe(&self, secret: &str) -> Answer<Described>;

    /// One version's value; without a version, the current one's.
    async fn value(&self, secret: &str, version: Option<&str>) -> Answer<Stored>;

    /// Every version, those without labels too. No key is needed for that.
    async fn versions(&self, secret: &str) -> Answer<Vec<Listed>>;

    /// A secret with its first value.
    async fn create(
        &self,
        name: &str,
        id: &str,
        value: &str,
        kms_key_id: Option<&str>,
        as_of: Option<Moment>,
    ) -> Result<(), CallError>;

    /// A version's value, with that label.
    async fn put(
        &self,
        secret: &str,
        id: &str,
        value: &str,
        label: &str,
        as_of: Option<Moment>,
    ) -> Result<(), CallError>;

    /// Waits for a write's turn. Too many at once: later.
    async fn turn(&self, urgency: Urgency) -> Result<(), CallError>;

    /// Moves one label; the one that it is taken from has to be named, and to bear it.
    async fn relabel(
        &self,
        secret: &str,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
        as_of: Option<Moment>,
    ) -> Result<(), CallError>;
}

/// What came of a call, and when.
#[derive(Debug)]
pub struct Answer<T> {
    /// What it shows.
    pub outcome: Result<T, CallError>,
    /// The store's time as the answer came; none where it bears none, or one that can't be.
    pub now: Option<Interval>,
}

/// What DescribeSecret shows.
#[derive(Clone, Debug)]
pub struct Described {
    /// The whole ARN.
    pub arn: String,
    /// AWS's version ids as AWS writes them, each with its labels.
    pub stages: BTreeMap<String, Vec<String>>,
    /// Native rotation is on.
    pub rotates_itself: bool,
    /// The service of AWS's that owns it.
    pub owner: Option<String>,
    /// What it is for a third party that manages it together with AWS: a managed external secret.
    pub kind: Option<String>,
    /// The region of the secret that it is a copy of; its own one where it has copies.
    pub primary_region: Option<String>,
    /// A copy in another region is not in sync with it.
    pub replicating: bool,
    /// It is to be deleted, since then.
    pub deleted: Option<Timestamp>,
}

impl Described {
    /// Whoever manages it in our place.
    pub(super) fn manager(&self) -> Option<&str> {
        self.owner.as_deref().or(self.kind.as_deref())
    }

    /// The region of its primary, where this is a copy: it takes no writes, and can lag without a bound.
    pub(super) fn copied_from(&self) -> Option<&str> {
        let own = self.arn.split(':').nth(3);
        self.primary_region.as_deref().filter(|primary| !primary.is_empty() && Some(*primary) != own)
    }
}

/// What ListSecretVersionIds shows of one version.
#[derive(Clone, Debug)]
pub struct Listed {
    /// As AWS writes it.
    pub id: String,
    /// When it was made, where that is said.
    pub created: Option<Timestamp>,
}

/// What GetSecretValue shows of one version.
pub struct Stored {
    /// As AWS writes it.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its labels.
    pub stages: Vec<String>,
    /// None: binary.
    pub value: Option<Zeroizing<String>>,
}

/// Never the value.
impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored").field("id", &self.id).finish_non_exhaustive()
    }
}
