//! The verifier that a server embeds: the newest view, swapped while requests are decided on.
//!
//! A verdict takes no lock, waits for nothing and allocates nothing. Whoever brings views in (the feed, or a
//! caller's own code) replaces them as a whole.

use std::{fmt, sync::Arc};

use crate::{
    clock::Moment,
    grant::Grant,
    presented::Unfit,
    verdict::{Accepted, Reason, Verdict, View, decide},
};

mod clock;
mod counts;
mod newest;
mod seat;
mod uses;

pub use clock::{Clock, SystemClock};
#[cfg(feature = "http")]
pub(crate) use counts::Count;
#[cfg(not(feature = "http"))]
use counts::Counts;
#[cfg(feature = "http")]
pub(crate) use counts::Counts;
use newest::{Held, Newest};

/// Decides on the tokens of one audience. Copies are handles to the same verifier.
///
/// A thread that has decided keeps the view it saw, unless that is large, until it decides again or ends.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    audience: Arc<str>,
    clock: Arc<dyn Clock>,
    newest: Newest,
    counts: Counts,
    /// What follows the daemon; none where the caller brings views in.
    #[cfg(feature = "http")]
    pub(crate) feed: std::sync::OnceLock<crate::feed::Following>,
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

/// How a verifier stands, for a health check or a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How many tokens it knows; none: there is no view, and each token is unsure.
    pub entries: Option<usize>,
    /// How long ago the store was read, by the view that is applied.
    pub age_ms: Option<u64>,
    /// Whether it may refuse a token that it does not know.
    pub fresh: bool,
}

impl Verifier {
    /// A verifier without a view: each token is unsure, until [`Verifier::replace`] brings one.
    /// ([`Verifier::connect`](Self::connect) follows a daemon, with the feature `http`.)
    pub fn new(audience: impl Into<Arc<str>>) -> Self {
        Self::with_clock(audience, Arc::new(SystemClock))
    }

    /// The same, on other clocks.
    pub fn with_clock(audience: impl Into<Arc<str>>, clock: Arc<dyn Clock>) -> Self {
        let (audience, newest, counts) = (audience.into(), Newest::none(), Counts::default());
        Self {
            inner: Arc::new(Inner {
                audience,
                clock,
                newest,
                counts,
                #[cfg(feature = "http")]
                feed: std::sync::OnceLock::new(),
            }),
        }
    }

    /// Decides on a presented token, from what is known this moment. It waits for nothing, takes no lock and
    /// allocates nothing. `Unsure` is never *no*: answer 503, or ask [`Verifier::verify_or_refresh`].
    #[inline]
    pub fn verify(&self, presented: &str) -> Verdict {
        let verdict = self.inner.judge(presented.as_bytes(), &[]);
        if verdict == Err(Denial::Unsure) {
            self.inner.counts.denied(Denial::Unsure, self.inner.clock.moment());
        }
        as_verdict(verdict)
    }

    /// Decides on a presented token, and where it is unsure tries once to get a younger view, for at most 2 s.
    pub async fn verify_or_refresh(&self, presented: &str) -> Verdict {
        let mut verdict = self.inner.judge(presented.as_bytes(), &[]);
        if verdict == Err(Denial::Unsure) {
            verdict = self.refreshed(presented.as_bytes(), &[]).await;
        }
        as_verdict(verdict)
    }

    /// Takes a view in the place of the one before, which may be younger: that is for the caller to see to.
    pub fn replace(&self, view: View) {
        self.inner.apply(view);
    }

    /// The MCP server that the tokens are for.
    pub fn audience(&self) -> &str {
        &self.inner.audience
    }

    /// How it stands.
    pub fn status(&self) -> Status {
        let at = self.inner.clock.moment();
        let held = self.inner.newest.load();
        let view = held.as_ref().map(|held| &held.view);
        Status {
            entries: view.map(|view| view.set.entries().len()),
            age_ms: view.map(|view| view.age_ms(at)),
            fresh: view.is_some_and(|view| view.is_fresh(at)),
        }
    }

    /// How many of each verdict there were since the start, by the names of `verifications_total`.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.inner.counts.totals()
    }

    /// Decides now. What is unsure is not counted yet: it may be asked again.
    #[cfg(feature = "tower")]
    pub(crate) fn judge(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Denial> {
        self.inner.judge(presented, scopes)
    }

    /// Counts a request that came to no verdict.
    #[cfg(feature = "tower")]
    pub(crate) fn denied(&self, denial: Denial) {
        self.inner.counts.denied(denial, self.inner.clock.moment());
    }

    /// Asks for a younger view once, and decides again.
    pub(crate) async fn refreshed(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Denial> {
        #[cfg(feature = "http")]
        if let Some(feed) = self.inner.feed.get() {
            feed.refresh_once().await;
        }
        let verdict = self.inner.judge(presented, scopes);
        if verdict == Err(Denial::Unsure) {
            self.inner.counts.denied(Denial::Unsure, self.inner.clock.moment());
        }
        verdict
    }

    #[cfg(feature = "http")]
    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl Inner {
    #[inline]
    fn judge(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Denial> {
        let at = self.clock.verdict_moment();
        // Apart from the grant, which comes back in registers then.
        let mut denied = None;
        let granted = self.newest.remembered(|held| match judge_by(Some(held), presented, scopes, at) {
            Ok(grant) => Some(grant),
            Err(denial) => {
                denied = Some(denial);
                None
            }
        });
        let judged = match (granted, denied) {
            (Some(grant), _) => return Ok(grant),
            (None, Some(denial)) => Err(denial),
            (None, None) => judge_by(self.newest.load().as_deref(), presented, scopes, at),
        };
        if let Err(denial) = &judged
            && *denial != Denial::Unsure
        {
            self.counts.denied(*denial, at);
        }
        judged
    }

    pub(crate) fn apply(&self, view: View) {
        let uses = self.counts.uses_of(&view.set);
        self.newest.store(Held { view, uses });
    }

    /// The same set, seen at another place in time.
    #[cfg(feature = "http")]
    pub(crate) fn confirm(&self, place: crate::Place, taken: Moment) {
        if let Some(held) = &*self.newest.load() {
            let crate::Place { now_ms, age_ms } = place;
            let view = View { set: held.view.set.clone(), now_ms, age_ms, taken, complete: true };
            self.newest.store(Held { view, uses: held.uses.clone() });
        }
    }

    /// The view that is applied, if there is one.
    #[cfg(feature = "http")]
    pub(crate) fn view(&self) -> Option<View> {
        self.newest.load().as_ref().map(|held| held.view.clone())
    }

    #[cfg(feature = "http")]
    pub(crate) fn audience(&self) -> Arc<str> {
        Arc::clone(&self.audience)
    }

    #[cfg(feature = "http")]
    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }
}

#[inline]
fn judge_by(held: Option<&Held>, presented: &[u8], scopes: &[Arc<str>], at: Moment) -> Result<Grant, Denial> {
    match (decide(held.map(|held| &held.view), presented, at), held) {
        (Verdict::Accepted(accepted), Some(held)) if has(&accepted, scopes) => {
            Ok(held.uses.grant(&held.view, accepted, at))
        }
        (Verdict::Accepted(_), Some(_)) => Err(Denial::InsufficientScope),
        (Verdict::Refused(reason), _) => Err(Denial::Refused(reason)),
        (Verdict::Accepted(_) | Verdict::Unsure, _) => Err(Denial::Unsure),
    }
}

fn has(accepted: &Accepted<'_>, scopes: &[Arc<str>]) -> bool {
    scopes.iter().all(|scope| accepted.entry.scopes.contains(scope))
}

fn as_verdict(judged: Result<Grant, Denial>) -> Verdict {
    match judged {
        Ok(grant) => Verdict::Accepted(grant),
        Err(Denial::Refused(reason)) => Verdict::Refused(reason),
        Err(_) => Verdict::Unsure,
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("audience", &self.inner.audience).finish_non_exhaustive()
    }
}
