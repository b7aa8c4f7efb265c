//! What a person can see and order: the words of the admin API, spoken by the daemon's socket, by
//! the commands that call it, and by a command that works on the store directly.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::rotation::{
    plan::{Phase, Request},
    ring::VersionId,
};

/// Whoever can carry out orders: a daemon, or this process on the store itself.
#[async_trait]
pub trait Operator: Send + Sync {
    /// What people should know beside the secrets: what this daemon holds is not what is on the disk.
    async fn notices(&self) -> Result<Vec<String>, OrderError> {
        Ok(Vec::new())
    }

    /// Every secret of the config, in its order.
    async fn secrets(&self) -> Result<Vec<SecretStatus>, OrderError>;

    /// One secret: by a daemon as it was seen last; else read from the store now, and where somebody waits for its
    /// rotation, brought a step further first.
    async fn secret(&self, name: &str) -> Result<SecretStatus, OrderError>;

    /// Carries out an order, on a read that begins after this call, until it stands in the store, was read back and is
    /// published. Returns the secret as it is then, and what the order did.
    async fn order(&self, name: &str, request: Request) -> Result<OrderReport, OrderError>;

    /// What a rotation would do now. Nothing is changed.
    async fn preview(&self, name: &str, compromised: bool) -> Result<Preview, OrderError>;
}

/// What a daemon runs by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Running {
    /// Its config file, as it would be named from anywhere.
    pub config: String,
    /// Of the config in force.
    pub hash: String,
}

/// A token that a person asks about. It can't be printed.
#[derive(Serialize, Deserialize)]
pub struct Question {
    /// The MCP server that it is for.
    pub audience: String,
    /// The token.
    pub token: String,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("audience", &self.audience).finish_non_exhaustive()
    }
}

/// What a rotation would do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Preview {
    /// In their order.
    pub steps: Vec<PlannedStep>,
    /// What would keep it from going on after them.
    pub waits_for: Option<String>,
}

/// A step of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedStep {
    /// How long after the order.
    pub after_ms: u64,
    /// In words.
    pub step: String,
}

/// Why an order was not carried out.
#[derive(Clone, Debug, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "error", content = "error_description", rename_all = "snake_case")]
pub enum OrderError {
    /// Not in the config.
    #[error("no secret named {0:?} in the daemon's config")]
    NoSuchSecret(String),
    /// It was bound to a version that is not current; nothing was done.
    #[error("{0}")]
    NotCurrent(String),
    /// The order can't be carried out as things are, or the store refuses it: for certain.
    #[error("{0}")]
    Refused(String),
    /// It is not known whether it was carried out: the store can't be reached, or it took too long.
    /// Whatever of it reached the store is carried on.
    #[error("{0}")]
    Unknown(String),
}

/// A secret once an order about it stands, and what came of the order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OrderReport {
    /// The secret as it is then.
    #[serde(flatten)]
    pub secret: SecretStatus,
    /// What the order did.
    pub order: OrderOutcome,
}

/// What an order did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OrderOutcome {
    /// The version that it was about: the one that was to be ended or taken back alone, else the one that was current
    /// when the order was taken.
    pub version: String,
    /// When it was taken, in unix milliseconds on the store's clock.
    pub taken_ms: u64,
    /// The versions that it has ended.
    pub ended: Vec<String>,
    /// Whether it has changed anything.
    pub changed: bool,
    /// Why nothing can replace the current version, which is ended, until a person has mended it: it stays accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_up: Option<String>,
}

/// As the audit log writes it.
impl fmt::Display for OrderReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OrderOutcome { ended, changed, held_up, .. } = &self.order;
        f.write_str(if *changed { "done" } else { "nothing had to be changed" })?;
        if !ended.is_empty() {
            write!(f, "; ended {}", ended.join(", "))?;
        }
        for stage in ["current", "pending"] {
            if let Some(version) = self.secret.standing(stage) {
                write!(f, "; {stage} is {}", version.version)?;
            }
        }
        held_up.as_ref().map_or(Ok(()), |why| write!(f, "; nothing can replace the current version: {why}"))
    }
}

impl SecretStatus {
    /// The current version, or the pending one that may become it: one that is ended never does.
    pub fn standing(&self, stage: &str) -> Option<&VersionStatus> {
        let stands = |version: &&VersionStatus| version.stage == "current" || !version.ended;
        self.versions.iter().filter(stands).find(|version| version.stage == stage)
    }
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
    /// Why it is being rotated, or is to be: a clause that follows "because".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What holds it up, and what to do, where that needs words.
    pub message: Option<String>,
    /// The store's time, as of the last read.
    pub now_ms: Option<u64>,
    /// How old that read is.
    pub view_age_ms: Option<u64>,
    /// Current first, then pending, then previous, newest first.
    pub versions: Vec<VersionStatus>,
    /// Its schedule, as the config has it; none: it is rotated only by hand.
    #[serde(default)]
    pub schedule: Option<String>,
    /// When the next slot is due; in the past where it is overdue. None where nothing is scheduled, where a rotation is
    /// under way, and where there is no version yet from which slots could be counted.
    pub next_slot_ms: Option<u64>,
    /// Whether a slot is due and held up.
    pub overdue: bool,
    /// When the pending version may be promoted.
    pub promotes_ms: Option<u64>,
    /// How long a pending version has to stand. An older daemon does not say.
    #[serde(default)]
    pub soak_ms: u64,
    /// Who verifies for its audience, as the daemon that answers has seen; none without a daemon.
    pub verifiers: Option<VerifiersStatus>,
}

/// The fewest hexadecimal digits that name a version.
const DIGITS: usize = 8;

/// Why a text names no version.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unnamed {
    /// It can be none.
    #[error(
        "{0:?} is no version: it is a UUID, or its first eight hexadecimal digits or more, see `crossfade status`"
    )]
    NoVersion(String),
    /// None begins so.
    #[error("no version of {secret} begins with {text:?}: its versions are {known}")]
    Nobody {
        /// What was given.
        text: String,
        /// Whose versions these are.
        secret: String,
        /// All of them.
        known: String,
    },
    /// Several do.
    #[error("{text:?} is the beginning of several versions of {secret}: {known}. Give more digits")]
    Several {
        /// What was given.
        text: String,
        /// Whose versions these are.
        secret: String,
        /// Those that begin so.
        known: String,
    },
}

impl SecretStatus {
    /// The version that a text names: its id, as the store spells it or as any UUID is spelled, whether it is known or
    /// not; or the beginning of one that is known.
    pub fn version(&self, text: &str) -> Result<VersionId, Unnamed> {
        let known: Vec<VersionId> = self.versions.iter().filter_map(|v| v.version.parse().ok()).collect();
        let spelled = VersionId::of_name(text);
        if known.contains(&spelled) {
            return Ok(spelled);
        }
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let plain = |text: &str| text.replace('-', "").to_ascii_lowercase();
        let digits = plain(text);
        if digits.len() < DIGITS || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Unnamed::NoVersion(text.to_owned()));
        }
        let begins: Vec<VersionId> =
            known.iter().copied().filter(|id| plain(&id.to_string()).starts_with(&digits)).collect();
        let (text, secret) = (text.to_owned(), self.secret.clone());
        let list = |ids: &[VersionId]| {
            let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
            if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
        };
        match begins[..] {
            [one] => Ok(one),
            [] => Err(Unnamed::Nobody { text, secret, known: list(&known) }),
            _ => Err(Unnamed::Several { text, secret, known: list(&begins) }),
        }
    }
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
    /// Whether its value is no token: nothing is accepted by it.
    #[serde(default)]
    pub no_token: bool,
    /// When it was last accepted, as far as the daemon that answers has heard.
    pub last_used_ms: Option<u64>,
    /// By which verifier: a client of ours, and the name of its process where it has one.
    pub last_used_by: Option<String>,
    /// Since when a use of it would have been heard of.
    pub watched_since_ms: Option<u64>,
}
