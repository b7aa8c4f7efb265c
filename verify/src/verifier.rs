//! The verifier that a server embeds: the newest view, swapped while requests are decided on.
//!
//! A verdict takes no lock, waits for nothing and allocates nothing. Whoever brings views in (the feed, or a
//! caller's own code) replaces them as a whole.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    gate::Need,
    grant::Grant,
    verdict::{Verdict, View},
};

mod clock;
mod counter;
mod counts;
mod inner;
mod stopped;
mod uses;

pub use clock::{Clock, SystemClock};
#[cfg(feature = "http")]
pub(crate) use counts::{Count, Counts};
pub(crate) use inner::Inner;
pub(crate) use stopped::{Denial, Stopped};

/// Decides on the tokens of one audience. Copies are handles to the same verifier.
#[derive(Clone)]
pub struct Verifier {
    inner: Arc<Inner>,
    /// What follows the daemon; none where the caller brings views in.
    #[cfg(feature = "http")]
    feed: Option<Arc<crate::feed::Following>>,
}

/// How a verifier stands, for a health check or a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// How many tokens it knows; none: there is no view, and each token is unsure.
    pub entries: Option<usize>,
    /// How long ago the store was read, by the view that is applied.
    pub age: Option<Duration>,
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
        Self::made(audience.into(), clock, None)
    }

    /// One that follows a daemon.
    #[cfg(feature = "http")]
    pub(crate) fn following(audience: impl Into<Arc<str>>, clock: Arc<dyn Clock>, spread: f64) -> Self {
        Self::made(audience.into(), clock, Some(spread))
    }

    fn made(audience: Arc<str>, clock: Arc<dyn Clock>, spread: Option<f64>) -> Self {
        Self {
            inner: Arc::new(Inner::new(audience, clock, spread)),
            #[cfg(feature = "http")]
            feed: None,
        }
    }

    /// The same verifier, with what follows the daemon for it.
    #[cfg(feature = "http")]
    pub(crate) fn followed_by(self, feed: crate::feed::Following) -> Self {
        Self { feed: Some(Arc::new(feed)), ..self }
    }

    /// Decides on a presented token, from what is known this moment. It waits for nothing, takes no lock and
    /// allocates nothing. `Unsure` is never *no*: answer 503, or ask [`Verifier::verify_or_refresh`].
    ///
    /// It accepts for `hold`, so in a process that was frozen it may accept what was ended meanwhile; whoever can wait
    /// asks [`Verifier::verify_or_refresh`].
    pub fn verify(&self, presented: &str) -> Verdict {
        as_verdict(self.inner.judge_now(presented.as_bytes(), &[]))
    }

    /// Decides on a presented token. Where it is unsure, or would accept on a view that is not young
    /// ([`View::is_young`]), it tries once to get a younger one, for at most 2 s.
    pub async fn verify_or_refresh(&self, presented: &str) -> Verdict {
        as_verdict(match self.inner.judge(presented.as_bytes(), &[]) {
            Ok(grant) => Ok(grant),
            Err(Stopped::Denied(denial)) => Err(denial),
            Err(Stopped::Needs(need)) => self.refreshed(need, presented.as_bytes(), &[]).await,
        })
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
        let newest = self.inner.newest.load();
        let view = newest.as_ref().map(|newest| &newest.view);
        Status {
            entries: view.map(|view| view.set.entries().len()),
            age: view.map(|view| Duration::from_millis(view.age_ms(at))),
            fresh: view.is_some_and(|view| view.is_fresh(at)),
        }
    }

    /// How many of each verdict there were since the start, by the names of `verifications_total`.
    pub fn counts(&self) -> Vec<(&'static str, u64)> {
        self.inner.counts.totals()
    }

    /// Decides at once, unless a younger view is needed first; that is not counted yet.
    #[cfg(feature = "tower")]
    pub(crate) fn judge(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Stopped> {
        self.inner.judge(presented, scopes)
    }

    /// The clocks and timers of what follows a daemon.
    #[cfg(all(feature = "tower", feature = "http"))]
    pub(crate) fn machine(&self) -> Option<Arc<dyn crate::feed::Machine>> {
        self.feed.as_deref().map(crate::feed::Following::machine)
    }

    /// Counts a request that came to no verdict.
    #[cfg(feature = "tower")]
    pub(crate) fn denied(&self, denial: Denial) {
        self.inner.counts.denied(denial, self.inner.clock.moment());
    }

    /// Waits for a younger view where that is called for, and decides by what there is then.
    #[cfg_attr(not(feature = "http"), expect(clippy::unused_async, reason = "there is no feed to wait for"))]
    pub(crate) async fn refreshed(
        &self,
        #[cfg_attr(not(feature = "http"), expect(unused_variables, reason = "there is no feed to ask"))] need: Need,
        presented: &[u8],
        scopes: &[Arc<str>],
    ) -> Result<Grant, Denial> {
        #[cfg(feature = "http")]
        if let Some(feed) = &self.feed {
            feed.refreshed(need).await;
        }
        self.inner.judge_now(presented, scopes)
    }

    #[cfg(feature = "http")]
    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
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
