//! What goes wrong, and when: a list of rules, each for some calls and so many times.
//!
//! Faults come in pairs, before the effect and after it, as a caller can't tell the two apart. Not
//! there: slow replies and half replies; a proxy in between makes those.

use std::{fmt, sync::Arc};

use serde::Deserialize;

use crate::{
    log::Call,
    model::{Error, Operation, scramble},
};

mod plan;
pub(crate) use plan::{Plan, PlannedFault};

/// What befalls a call.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// A read is answered from the state as of that long ago. Only reads.
    LateRead(Delay),
    /// A write is taken, its reply is lost, and it lands that much later, on the state of that time:
    /// it may then be refused, and nobody hears of it. Only writes.
    LateWrite(Delay),
    /// Nothing happens, and the connection is closed.
    LostRequest,
    /// What was asked for happens, and the connection is closed without a reply.
    LostReply,
    /// Nothing happens, and the call fails.
    FailBefore(Failure),
    /// What was asked for happens, and the call fails all the same.
    FailAfter(Failure),
}

/// How a call fails.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// `InternalServiceError`, 500.
    Internal,
    /// `ServiceUnavailable`, 503.
    Unavailable,
    /// `ThrottlingException`, a 400; the SDK tries again.
    Throttling,
    /// `AccessDeniedException`, a 400.
    AccessDenied,
    /// `ExpiredTokenException`, a 400: the caller's credentials are over.
    ExpiredToken,
    /// The key can't be used: `DecryptionFailure` or `EncryptionFailure`. Only calls that need it.
    Key,
    /// The caller has no right on the key: `AccessDeniedException`. Only calls that need it.
    KeyAccessDenied,
}

/// How late, in milliseconds.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delay {
    /// Always the same.
    Fixed(u64),
    /// Anything from 0 to that, another one each time, and the same ones in every run.
    UpTo {
        /// The longest.
        max_ms: u64,
        /// Which run of numbers.
        seed: u64,
    },
    /// What a test says of that call. The fake is locked meanwhile: it must not be asked.
    #[serde(skip)]
    By(Arc<dyn Fn(&Call) -> u64 + Send + Sync>),
}

/// An effect, and the calls that it befalls: in that order, of those that match the first `skip` go
/// well, then `times` do not.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    effect: Effect,
    operation: Option<Operation>,
    secret: Option<String>,
    caller: Option<String>,
    version: Option<String>,
    #[serde(default)]
    skip: u32,
    #[serde(default = "once")]
    times: Option<u32>,
}

impl Rule {
    /// That effect, on the next call that it can befall.
    pub fn once(effect: Effect) -> Self {
        Self { effect, operation: None, secret: None, caller: None, version: None, skip: 0, times: once() }
    }

    /// Only calls of that operation.
    pub fn on(self, operation: Operation) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// Only calls about the secret of that name, however they name it.
    pub fn of(self, secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..self }
    }

    /// Only calls with that access key.
    pub fn by(self, caller: &str) -> Self {
        Self { caller: Some(caller.to_owned()), ..self }
    }

    /// Only calls that name that version.
    pub fn version(self, id: &str) -> Self {
        Self { version: Some(id.to_owned()), ..self }
    }

    /// The first so many go well.
    pub fn after(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// So many times.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Until it is cleared.
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    fn matches(&self, operation: Operation, secret: Option<&str>, call: &Call) -> bool {
        let is = |only: &Option<String>, named: Option<&str>| {
            only.as_deref().is_none_or(|only| named == Some(only))
        };
        self.effect.fits(operation)
            && self.times != Some(0)
            && self.operation.is_none_or(|only| only == operation)
            && is(&self.secret, secret)
            && is(&self.caller, call.caller.as_deref())
            && is(&self.version, call.version.as_deref())
    }
}

impl Effect {
    fn fits(&self, operation: Operation) -> bool {
        match self {
            Self::LateRead(_) => operation.reads(),
            Self::LateWrite(_) => !operation.reads(),
            Self::FailBefore(failure) | Self::FailAfter(failure) => {
                !failure.concerns_key() || operation.uses_key()
            }
            Self::LostRequest | Self::LostReply => true,
        }
    }
}

impl Failure {
    fn concerns_key(self) -> bool {
        matches!(self, Self::Key | Self::KeyAccessDenied)
    }

    /// As it is answered to a call of that operation. The messages on keys are documented, for
    /// `GetSecretValue` and `PutSecretValue`.
    pub fn error(self, operation: Operation) -> Error {
        match self {
            Self::Internal => {
                Error::service(500, "InternalServiceError", "An error occurred on the server side.")
            }
            Self::Unavailable => {
                Error::service(503, "ServiceUnavailable", "The service is temporarily unavailable.")
            }
            Self::Throttling => Error::caller("ThrottlingException", "Rate exceeded"),
            Self::AccessDenied => Error::caller(
                "AccessDeniedException",
                format!("User is not authorized to perform: secretsmanager:{}", operation.name()),
            ),
            Self::ExpiredToken => Error::caller(
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            Self::Key if operation.reads() => Error::caller(
                "DecryptionFailure",
                "Secrets Manager can't decrypt the protected secret text using the provided KMS key.",
            ),
            Self::Key => Error::caller(
                "EncryptionFailure",
                "Secrets Manager can't encrypt the protected secret text using the provided KMS key.",
            ),
            Self::KeyAccessDenied => Error::caller("AccessDeniedException", "Access to KMS is not allowed"),
        }
    }
}

impl Delay {
    fn ms(&self, nth: u64, call: &Call) -> u64 {
        match self {
            Self::Fixed(ms) => *ms,
            Self::UpTo { max_ms, seed } => scramble(scramble(*seed) ^ nth) % max_ms.saturating_add(1).max(1),
            Self::By(says) => says(call),
        }
    }
}

impl fmt::Debug for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(ms) => write!(f, "Fixed({ms})"),
            Self::UpTo { max_ms, seed } => write!(f, "UpTo({max_ms}, seed {seed})"),
            Self::By(_) => f.write_str("By(…)"),
        }
    }
}

fn once() -> Option<u32> {
    Some(1)
}
