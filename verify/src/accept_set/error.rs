//! Why a set is rejected.

use std::{error, fmt};

use crate::json::JsonError;

/// Why a set is rejected, as a whole. The last good one stays in use within its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SetError {
    /// More than 32 MiB.
    TooLarge,
    /// Not JSON in UTF-8, or something follows it.
    NotJson,
    /// More than 16 objects and arrays are open at once.
    TooDeep,
    /// A key stands twice in one object, at any level.
    DuplicateKey,
    /// A key that each set or entry has is missing.
    MissingKey(&'static str),
    /// A value is of another type than its key asks for, or a number is negative or not whole.
    WrongType,
    /// A number is 2^53 or more.
    LargeNumber,
    /// `format` is not 1.
    UnknownFormat,
    /// The set is for somebody else.
    OtherAudience,
    /// `freshness_ms` is not between 1 s and 1 h.
    Freshness,
    /// `hold_ms` is not between `freshness_ms` and 7 days.
    Hold,
    /// `accept_within_ms` is less than 1 s.
    AcceptWithin,
    /// A digest is not the canonical base64url of 32 bytes.
    BadDigest,
    /// Two entries have the same digest.
    DuplicateDigest,
    /// `stage` is none of the three.
    UnknownStage,
    /// A previous version without a deadline.
    WithoutDeadline,
    /// A pending or current version with a deadline.
    WithDeadline,
}

impl SetError {
    /// Its name in metrics and in the golden vectors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::TooDeep => "too_deep",
            Self::DuplicateKey => "duplicate_key",
            Self::MissingKey(_) => "missing_key",
            Self::WrongType => "wrong_type",
            Self::LargeNumber => "large_number",
            Self::UnknownFormat => "unknown_format",
            Self::OtherAudience => "other_audience",
            Self::Freshness => "freshness",
            Self::Hold => "hold",
            Self::AcceptWithin => "accept_within",
            Self::BadDigest => "bad_digest",
            Self::DuplicateDigest => "duplicate_digest",
            Self::UnknownStage => "unknown_stage",
            Self::WithoutDeadline => "without_deadline",
            Self::WithDeadline => "with_deadline",
        }
    }
}

/// Says nothing that stands in the set, so that it can be logged as it is.
impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLarge => "the accept set is larger than 32 MiB",
            Self::NotJson => "the accept set is not JSON",
            Self::TooDeep => "the accept set is nested more than 16 levels deep",
            Self::DuplicateKey => "a key stands twice in one object of the accept set",
            Self::MissingKey(key) => return write!(f, "`{key}` is missing in the accept set"),
            Self::WrongType => "a value in the accept set has the wrong type",
            Self::LargeNumber => "a number in the accept set is 2^53 or more",
            Self::UnknownFormat => "the accept set is of an unknown format; this reader knows format 1",
            Self::OtherAudience => "the accept set is for another audience",
            Self::Freshness => "`freshness_ms` is not between 1 s and 1 h",
            Self::Hold => "`hold_ms` is not between `freshness_ms` and 7 days",
            Self::AcceptWithin => "`accept_within_ms` is less than 1 s",
            Self::BadDigest => "a digest in the accept set is not the base64url of 32 bytes",
            Self::DuplicateDigest => "two entries of the accept set have the same digest",
            Self::UnknownStage => "a stage in the accept set is not pending, current or previous",
            Self::WithoutDeadline => "a previous version in the accept set has no deadline",
            Self::WithDeadline => "a pending or current version in the accept set has a deadline",
        })
    }
}

impl error::Error for SetError {}

impl From<JsonError> for SetError {
    fn from(fault: JsonError) -> Self {
        match fault {
            JsonError::Syntax => Self::NotJson,
            JsonError::Depth => Self::TooDeep,
            JsonError::DuplicateKey => Self::DuplicateKey,
            JsonError::LargeNumber => Self::LargeNumber,
            JsonError::Type => Self::WrongType,
        }
    }
}
