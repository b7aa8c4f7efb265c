//! The set itself, which is sound once it is made. From JSON and to it, others bring it.

use std::sync::Arc;

use super::{
    entry::{Entry, TOO_LARGE},
    error::SetError,
    index::{Index, Terms},
};
use crate::digest::Digest;

/// One second to one hour, as in the daemon's config.
const FRESHNESS_MS: std::ops::RangeInclusive<u64> = 1_000..=3_600_000;

const MAX_HOLD_MS: u64 = 7 * 24 * 3_600_000;

const MIN_ACCEPT_WITHIN_MS: u64 = 1_000;

/// What one audience accepts. Copies share it.
#[derive(Clone, Debug)]
pub struct AcceptSet {
    pub(super) audience: Arc<str>,
    pub(super) freshness_ms: u64,
    pub(super) hold_ms: u64,
    pub(super) accept_within_ms: Option<u64>,
    pub(super) entries: Arc<[Entry]>,
    index: Index,
}

impl AcceptSet {
    /// The longest text that is read, in bytes.
    pub const MAX_BYTES: usize = 32 << 20;

    /// Makes a set of entries in any order.
    ///
    /// # Errors
    ///
    /// Where [`AcceptSet::parse`] would reject what [`AcceptSet::to_json`] writes: `freshness_ms` is not
    /// between 1 s and 1 h, `hold_ms` not between that and 7 days, two entries have the same digest, a
    /// previous version has no deadline or another has one, a number is 2^53 or more. The length of the
    /// text alone is not looked at.
    pub fn new(
        audience: impl Into<Arc<str>>,
        freshness_ms: u64,
        hold_ms: u64,
        mut entries: Vec<Entry>,
    ) -> Result<Self, SetError> {
        if !FRESHNESS_MS.contains(&freshness_ms) {
            return Err(SetError::Freshness);
        }
        if !(freshness_ms..=MAX_HOLD_MS).contains(&hold_ms) {
            return Err(SetError::Hold);
        }
        entries.iter().try_for_each(Entry::check)?;
        entries.sort_unstable_by_key(|entry| entry.digest);
        if entries.windows(2).any(|pair| pair[0].digest == pair[1].digest) {
            return Err(SetError::DuplicateDigest);
        }
        let index = Index::new(&entries)?;
        let (audience, entries) = (audience.into(), entries.into());
        Ok(Self { audience, freshness_ms, hold_ms, accept_within_ms: None, entries, index })
    }

    /// States how old a view may be on which whoever can wait accepts at once ([`View::is_young`](crate::View::is_young)).
    ///
    /// # Errors
    ///
    /// It is less than a second, or 2^53 or more.
    pub fn with_accept_within(self, accept_within_ms: u64) -> Result<Self, SetError> {
        match accept_within_ms {
            TOO_LARGE.. => Err(SetError::LargeNumber),
            MIN_ACCEPT_WITHIN_MS.. => Ok(Self { accept_within_ms: Some(accept_within_ms), ..self }),
            _ => Err(SetError::AcceptWithin),
        }
    }

    /// Shortens `hold`, also to less than `freshness`: such a set is for deciding alone, and not written again.
    #[must_use]
    pub fn with_max_hold(self, max_hold_ms: u64) -> Self {
        Self { hold_ms: self.hold_ms.min(max_hold_ms), ..self }
    }

    /// The entry with this digest. Digests are compared in constant time.
    pub fn find(&self, digest: &Digest) -> Option<&Entry> {
        self.find_with_terms(digest).map(|(entry, _)| entry)
    }

    /// The same, and until when it is accepted, without a look at the entry.
    pub(crate) fn find_with_terms(&self, digest: &Digest) -> Option<(&Entry, &Terms)> {
        let (at, terms) = self.index.find(digest)?;
        Some((self.entries.get(at)?, terms))
    }

    /// The MCP server that the tokens are for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// How old a view may be when it refuses: younger than this.
    pub const fn freshness_ms(&self) -> u64 {
        self.freshness_ms
    }

    /// How old a view may be when it accepts: at most this.
    pub const fn hold_ms(&self) -> u64 {
        self.hold_ms
    }

    /// As it is stated; what counts is [`AcceptSet::young_ms`].
    pub const fn accept_within_ms(&self) -> Option<u64> {
        self.accept_within_ms
    }

    /// A view that is younger than this is young: what is stated, or `freshness` where nothing is; at most `hold`.
    pub fn young_ms(&self) -> u64 {
        self.accept_within_ms.unwrap_or(self.freshness_ms).min(self.hold_ms)
    }

    /// The entries, sorted by digest.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}
