//! What keeps a request from being let in at once.

use crate::{presented::Unfit, verdict::Reason};

/// What a request needs a younger view for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing follows from the one that is there.
    Unsure,
    /// It would be let in, but by a view that is not young: its token may have been ended since.
    Old,
}

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
    Unfit(Unfit),
    Refused(Reason),
    InsufficientScope,
    Unsure,
}

impl Denial {
    /// Its name in metrics and reports.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unfit(unfit) => unfit.as_str(),
            Self::Refused(reason) => reason.as_str(),
            Self::InsufficientScope => "insufficient_scope",
            Self::Unsure => "unsure",
        }
    }
}
