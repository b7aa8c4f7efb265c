//! What AWS's errors mean for us.

use std::error::Error;

use aws_sdk_secretsmanager::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};

use super::date::Late;
use crate::store::{Cause, WriteError};

/// Why a call has failed, by what can be done about it.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing was sent: look again.
    #[error(transparent)]
    Late(Cause),
    /// Throttled, out of order, not reached, or not answered. Of a write nobody knows whether it landed.
    #[error(transparent)]
    Unavailable(Cause),
    /// By IAM or KMS, or by whoever gives credentials.
    #[error(transparent)]
    Denied(Cause),
    /// Nothing was sent: something is missing, or can't be right, in what we were told.
    #[error(transparent)]
    Misconfigured(Cause),
    /// No such secret, or no such version of it.
    #[error(transparent)]
    NotFound(Cause),
    /// The id is another version's.
    #[error(transparent)]
    Exists(Cause),
    /// More than AWS allows.
    #[error(transparent)]
    Limit(Cause),
    /// Anything else that AWS refuses; of a label's move it is a question, not a verdict.
    #[error(transparent)]
    Refused(Cause),
}

/// AWS's answer, as it is shown.
#[derive(Debug, thiserror::Error)]
#[error("AWS says {code}: {message} (request {request})")]
struct Said {
    code: String,
    message: String,
    request: String,
}

const THROTTLED: [&str; 6] = [
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
];
const DENIED: [&str; 9] = [
    "AccessDeniedException",
    "AccessDenied",
    "DecryptionFailure",
    "EncryptionFailure",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
    "IncompleteSignature",
];

impl CallError {
    pub(super) fn of<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let SdkError::ServiceError(service) = &error else { return Self::of_transport(&error) };
        let server = service.raw().status().is_server_error();
        let said = Said {
            code: service.err().code().unwrap_or("an error without a code").to_owned(),
            message: service.err().message().unwrap_or("nothing else").to_owned(),
            request: service.err().meta().request_id().unwrap_or("unknown").to_owned(),
        };
        match said.code.as_str() {
            code if server || THROTTLED.contains(&code) => Self::Unavailable(Box::new(said)),
            code if DENIED.contains(&code) => Self::Denied(
                format!("{said}. `crossfade check --live` shows each right that is missing (docs/aws.md, IAM and KMS)")
                    .into(),
            ),
            "ResourceNotFoundException" => Self::NotFound(Box::new(said)),
            "ResourceExistsException" => Self::Exists(Box::new(said)),
            "LimitExceededException" => Self::Limit(Box::new(said)),
            _ => Self::Refused(Box::new(said)),
        }
    }

    /// Never by `Debug`: it would show the bodies of requests and answers.
    fn of_transport<E: Error + 'static>(error: &SdkError<E>) -> Self {
        let what = match error {
            SdkError::ConstructionFailure(_) => "the request to AWS could not be made",
            SdkError::TimeoutError(_) => "AWS has not answered in time",
            SdkError::DispatchFailure(_) => "AWS can't be reached",
            _ => "AWS's answer could not be read",
        };
        let mut cause = Error::source(error);
        while let Some(error) = cause {
            if error.is::<Late>() {
                return Self::Late(Late.into());
            }
            cause = error.source();
        }
        Self::Unavailable(format!("{what}{}", causes(error, what)).into())
    }

    /// A label's move: what fails may have landed, and what is refused was perhaps done by somebody else.
    pub(super) fn of_a_move(self) -> WriteError {
        match self {
            Self::Unavailable(cause) => WriteError::Unavailable(cause),
            Self::Denied(cause) | Self::Misconfigured(cause) => WriteError::Denied(cause),
            Self::Limit(cause) => WriteError::Rejected(cause),
            Self::Late(_) | Self::NotFound(_) | Self::Exists(_) | Self::Refused(_) => WriteError::Conflict,
        }
    }

    /// A new version.
    pub(super) fn of_a_put(self) -> WriteError {
        match self {
            Self::Exists(_) | Self::NotFound(_) => WriteError::Conflict,
            Self::Refused(cause) => WriteError::Rejected(cause),
            other => other.of_a_move(),
        }
    }
}

/// Why AWS can't be asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum SetupError {
    /// Something is missing, or can't be right, in the environment, the files or the config.
    #[error("{0}")]
    Misconfigured(String),
    /// Whoever gives credentials refuses us.
    #[error("{0}")]
    Denied(String),
    /// Whoever gives credentials can't be reached, or has not answered.
    #[error("{0}")]
    Unavailable(String),
}

impl From<SetupError> for CallError {
    fn from(why: SetupError) -> Self {
        match why {
            SetupError::Misconfigured(_) => Self::Misconfigured(Box::new(why)),
            SetupError::Denied(_) => Self::Denied(Box::new(why)),
            SetupError::Unavailable(_) => Self::Unavailable(Box::new(why)),
        }
    }
}

/// An error of the SDK's with its causes, once each.
pub(super) fn said(error: &(dyn Error + 'static)) -> String {
    let first = error.to_string();
    let causes = causes(error, &first);
    first + &causes
}

/// Its causes, in one line. One that shows the whole request is left out: a body holds a token, or what a token is given
/// for.
pub(super) fn causes(error: &(dyn Error + 'static), first: &str) -> String {
    let (mut text, mut cause) = (String::new(), error.source());
    while let Some(error) = cause {
        let said = error.to_string().trim().replace('\n', " ");
        if !first.contains(&said) && !text.contains(&said) && !said.contains("Request {") {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
