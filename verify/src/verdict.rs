//! The one decision on a presented token.

use std::sync::Arc;

use crate::{
    accept_set::{AcceptSet, Entry, Terms},
    cache_padded::CachePadded,
    clock::Moment,
    digest::Digest,
    grant::Grant,
    token::{LENGTHS, Shape, shape},
};

/// Decides on a presented token. It reads no clock, does no I/O, and allocates nothing.
///
/// - What is malformed is refused, whatever is known.
/// - Without a view, and from one older than `hold`, nothing follows: unsure.
/// - A token whose entry has no deadline, or one that lies ahead, is accepted.
/// - One past its deadline, and one that is unknown, is refused if the view is fresh. Else: unsure.
///
/// A view is fresh if it is complete, the two clocks agree on how old it is, and it is younger than
/// `freshness`. The age is counted on the clock that says more; so is the store's time, by which a
/// deadline is judged.
#[inline] // Without it, a server that is built without link-time optimisation pays a sixth more.
pub fn decide<'a>(view: Option<&'a View>, presented: &[u8], at: Moment) -> Verdict<Accepted<'a>> {
    // The hash comes first: of a token that is known it tells all that `shape` would.
    let digest = LENGTHS.contains(&presented.len()).then(|| Digest::of(presented));
    let known = view.zip(digest).and_then(|(view, digest)| view.set.find_with_terms(&digest));
    let malformed = match known {
        Some((_, terms)) => terms.is_malformed(presented),
        None => shape(presented) == Shape::Malformed,
    };
    if malformed {
        return Verdict::Refused(Reason::Malformed);
    }
    let Some(view) = view else { return Verdict::Unsure };
    if view.is_past_hold(at) {
        return Verdict::Unsure;
    }
    match known {
        Some((_, terms)) if view.is_past_deadline(terms, at) => view.refuse(Reason::Expired, at),
        Some((entry, terms)) => Verdict::Accepted(Accepted { entry, expires_ms: view.expires_ms(terms, at) }),
        None => view.refuse(Reason::Unknown, at),
    }
}

/// An accept set and its place in time, on the caller's clocks.
#[derive(Clone, Debug)]
pub struct View {
    /// What is accepted.
    pub set: AcceptSet,
    /// The store's time at `taken`, unix ms.
    pub now_ms: u64,
    /// How long ago, at `taken`, the store had been read.
    pub age_ms: u64,
    /// When the view was taken, on the caller's clocks.
    pub taken: Moment,
    /// False: a secret of the audience was never read, so what is unknown here may well be right.
    pub complete: bool,
}

impl View {
    /// How long ago the store was read.
    pub fn age_ms(&self, at: Moment) -> u64 {
        self.age_ms.saturating_add(at.elapsed_since_ms(self.taken))
    }

    /// The store's time.
    pub fn now_ms(&self, at: Moment) -> u64 {
        self.now_ms.saturating_add(at.elapsed_since_ms(self.taken))
    }

    /// A time of the store's on the caller's wall clock: as far from now as it is from the store's now. Whoever is told
    /// an absolute time, and is no verifier of ours, compares it with that clock.
    pub fn on_wall_ms(&self, store_ms: u64, at: Moment) -> u64 {
        let now_ms = self.now_ms(at);
        if store_ms < now_ms {
            at.wall_ms.saturating_sub(now_ms - store_ms)
        } else {
            at.wall_ms.saturating_add(store_ms - now_ms)
        }
    }

    /// Whether a refusal may rest on it.
    pub fn is_fresh(&self, at: Moment) -> bool {
        self.complete && !at.parted_since(self.taken) && self.age_ms(at) < self.set.freshness_ms()
    }

    /// Whether a token may be accepted on it at once by whoever could wait for a younger one. It changes no verdict.
    pub fn is_young(&self, at: Moment) -> bool {
        self.age_ms(at) < self.set.young_ms()
    }

    /// Whether it is too old to accept anything.
    fn is_past_hold(&self, at: Moment) -> bool {
        self.age_ms(at) > self.set.hold_ms()
    }

    fn is_past_deadline(&self, terms: &Terms, at: Moment) -> bool {
        terms.deadline_ms().is_some_and(|deadline| self.now_ms(at) >= deadline)
    }

    /// A refusal that rests on the set; never from a view that is not fresh: since then the token may have been made, and
    /// a client that is refused throws its token away.
    fn refuse(&self, reason: Reason, at: Moment) -> Verdict<Accepted<'_>> {
        if self.is_fresh(at) { Verdict::Refused(reason) } else { Verdict::Unsure }
    }

    /// Whatever happens but an ending, the token is accepted up to then: if it were replaced this
    /// moment, it would have its whole grace.
    fn expires_ms(&self, terms: &Terms, at: Moment) -> u64 {
        terms.deadline_ms().unwrap_or_else(|| self.now_ms(at).saturating_add(terms.grace_ms))
    }
}

/// What is to be done about a presented token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict<A = Grant> {
    /// Let it in.
    Accepted(A),
    /// Answer 401.
    Refused(Reason),
    /// Refresh the view and decide again; if that can't be done, answer 503, never 401.
    Unsure,
}

/// What an accepted token stands for, as long as the view is at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// Its version, its bot, and what the bot may do.
    pub entry: &'a Entry,
    /// Until when this acceptance may be relied on, unix ms on the store's clock: a previous version's
    /// deadline; for the other stages now + grace, which nothing but an ending can undercut.
    pub expires_ms: u64,
}

impl Accepted<'_> {
    /// The same, to be kept, as `decide` gave it for that view and that moment. This copies what a grant holds; a
    /// `Verifier` has copied it beforehand.
    pub fn to_grant(self, view: &View, at: Moment) -> Grant {
        Grant::new(Arc::new(CachePadded(self.entry.into())), self.expires_ms, view.now_ms(at))
    }
}

/// Why a token is refused. For metrics and logs: the caller is told none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// It can't be a token.
    Malformed,
    /// No entry has its digest.
    Unknown,
    /// Its deadline has passed.
    Expired,
}

impl Reason {
    /// Its name in metrics and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
        }
    }
}
