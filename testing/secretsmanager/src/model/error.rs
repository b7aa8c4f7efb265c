//! The errors that the service answers with: AWS's names and, where they are known, its messages.
//!
//! No message repeats a secret value, or anything else of a body that could not be read.

use std::fmt;

/// An error as it goes over the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// The HTTP status: 400 for everything that is not the service's own failure.
    pub status: u16,
    /// AWS's name of it, as in `__type`.
    pub code: &'static str,
    /// What a person reads.
    pub message: String,
}

impl Error {
    /// Any error of the caller's.
    pub fn caller(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    /// Any failure of the service's own.
    pub fn service(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn parameter(message: impl Into<String>) -> Self {
        Self::caller("InvalidParameterException", message)
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self::caller("InvalidRequestException", message)
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::caller("LimitExceededException", message)
    }

    pub(crate) fn exists(message: impl Into<String>) -> Self {
        Self::caller("ResourceExistsException", message)
    }

    pub(crate) fn no_secret() -> Self {
        Self::caller("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    }

    /// The same code as "no such secret": only the message tells them apart (recorded).
    pub(crate) fn no_value(what: impl fmt::Display) -> Self {
        let message = format!("Secrets Manager can't find the specified secret value for {what}");
        Self::caller("ResourceNotFoundException", message)
    }

    pub(crate) fn deleted() -> Self {
        Self::request("You can't perform this operation on the secret because it was marked for deletion.")
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {}
