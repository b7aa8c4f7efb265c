//! How a command ends, and the exit code that says so.

/// How a command ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Exit {
    /// 0: done.
    Done,
    /// 1: refused or failed.
    Failed,
    /// 3: not known yet.
    Unknown,
}

impl Exit {
    /// The worse of two: what has failed for certain is not covered up by what may still come right.
    pub(super) const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (Self::Done, Self::Done) => Self::Done,
        }
    }

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Unknown => 3,
        }
    }
}

/// 2: wrong usage or config. (clap exits with the same.)
pub(super) const USAGE: u8 = 2;

/// An error that is the caller's: wrong usage, or a wrong config.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct UsageError(pub(super) String);
