//! What a person can see and order: the words of the admin API, spoken by the daemon's socket, by
//! the commands that call it, and by a command that works on the store directly.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::rotation::plan::{Demand, Phase};

/// Whoever can carry out orders: a daemon, or this process on the store itself.
#[async_trait]
pub trait Operator: Send + Sync {
    /// Every secret of the config, in its order.
    async fn secrets(&self) -> Result<Vec<SecretStatus>, OrderError>;

    /// One secret, read from the store now where that can be done.
    async fn secret(&self, name: &str) -> Result<SecretStatus, OrderError>;

    /// Carries out an order until it stands in the store, was read back and is published.
    /// Returns the secret as it is then.
    async fn order(&self, name: &str, demand: Demand) -> Result<SecretStatus, OrderError>;
}

/// Why an order was not carried out.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "error", content = "error_description", rename_all = "snake_case")]
pub enum OrderError {
    /// Not in the config.
    #[error("no secret named {0:?} in the daemon's config")]
    NoSuchSecret(String),
    /// The order can't be carried out as things are.
    #[error("{0}")]
    Refused(String),
    /// It is not known whether it was carried out: the store can't be reached, or it took too long.
    /// Whatever of it reached the store is carried on.
    #[error("{0}")]
    Unknown(String),
}

/// A secret, as `status` shows it. Times are unix milliseconds on the store's clock.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SecretStatus {
    /// Its name.
    pub secret: String,
    /// Its bot.
    pub client_id: String,
    /// Its MCP server.
    pub audience: String,
    /// What it is doing.
    pub phase: Phase,
    /// Why, and what to do, where that needs words.
    pub message: Option<String>,
    /// The store's time, as of the last read.
    pub now_ms: Option<u64>,
    /// How old that read is.
    pub view_age_ms: Option<u64>,
    /// Current first, then pending, then previous, newest first.
    pub versions: Vec<VersionStatus>,
    /// When the next slot is due; in the past where it is overdue.
    pub next_slot_ms: Option<u64>,
    /// Whether a slot is due and held up.
    pub overdue: bool,
    /// When the pending version may be promoted.
    pub promotes_ms: Option<u64>,
    /// Who verifies for its audience, as the daemon that answers has seen; none without a daemon.
    pub verifiers: Option<VerifiersStatus>,
}

/// The verifiers of an audience. Times are milliseconds.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct VerifiersStatus {
    /// Those that have applied the newest accept set.
    pub up_to_date: usize,
    /// Those that ask, and have not.
    pub behind: usize,
    /// Those that ask no longer, and may still accept what they had.
    pub gone: usize,
    /// Those of them all that may still accept what was ended.
    pub unconfirmed: usize,
    /// All that are not up to date, by name; at most a hundred.
    pub late: Vec<VerifierStatus>,
}

/// One verifier that is not up to date.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VerifierStatus {
    /// Its client, and the name of its process.
    pub verifier: String,
    /// `behind` or `gone`.
    pub state: String,
    /// How long ago it asked last.
    pub silent_ms: u64,
    /// Whether it has applied whatever was ended.
    pub confirmed: bool,
    /// How much longer it may accept what it had.
    pub may_accept_ms: u64,
}

/// One version, as `status` shows it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct VersionStatus {
    /// Its id.
    pub version: String,
    /// `current`, `pending` or `previous`.
    pub stage: String,
    /// When it was made.
    pub created_ms: u64,
    /// From when on it is not accepted.
    pub deadline_ms: Option<u64>,
    /// Whether it is ended.
    pub ended: bool,
    /// Whether somebody else made its token.
    pub foreign: bool,
    /// Whether its value can't be read: its token is neither accepted nor refused.
    #[serde(default)]
    pub unread: bool,
    /// When it was last accepted, as far as the daemon that answers has heard.
    pub last_used_ms: Option<u64>,
    /// By which verifier: a client of ours, and the name of its process where it has one.
    pub last_used_by: Option<String>,
    /// Since when a use of it would have been heard of.
    pub watched_since_ms: Option<u64>,
}
