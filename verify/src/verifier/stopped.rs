//! What keeps a request from being let in at once.

use crate::{gate::Need, presented::CredentialError, verdict::Reason};

/// Why a request is not let in at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    Denied(Denial),
    /// Whoever can wait asks for a younger view first.
    Needs(Need),
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    Credential(CredentialError),
    Refused(Reason),
    InsufficientScope,
    Unsure,
}

impl Denial {
    /// Its name in metrics and reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Credential(error) => error.as_str(),
            Self::Refused(reason) => reason.as_str(),
            Self::InsufficientScope => "insufficient_scope",
            Self::Unsure => "unsure",
        }
    }
}
