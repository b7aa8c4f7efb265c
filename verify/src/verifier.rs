//! The verifier that a server embeds: the newest view, swapped while requests are decided on.
//!
//! A verdict takes no lock, waits for nothing and allocates nothing. Whoever brings views in (the feed, or a
//! caller's own code) replaces them as a whole.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    accept_set::AcceptSet,
    clock::Moment,
    gate::Need,
    grant::Grant,
    verdict::{Accepted, Verdict, View, decide},
};

mod clock;
mod counter;
mod counts;
mod newest;
mod seat;
mod stopped;
mod uses;

pub use clock::{Clock, SystemClock};
#[cfg(feature = "http")]
pub(crate) use counts::Count;
pub(crate) use counts::Counts;
use newest::{Held, Newest};
pub(crate) use stopped::{Denial, Stopped};

/// The most that a verifier begins to refresh before its view is no longer young.
const MOST_SPREAD_MS: u64 = 1_000;

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
    counts: Arc<Counts>,
    /// From 0 to 1, for a verifier that follows a daemon: how much of the spread is its own.
    spread: Option<f64>,
    /// What follows the daemon; none where the caller brings views in.
    #[cfg(feature = "http")]
    pub(crate) feed: std::sync::OnceLock<crate::feed::Following>,
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
        let (newest, counts) = (Newest::none(), Arc::default());
        Self {
            inner: Arc::new(Inner {
                audience,
                clock,
                newest,
                counts,
                spread,
                #[cfg(feature = "http")]
                feed: std::sync::OnceLock::new(),
            }),
        }
    }

    /// Decides on a presented token, from what is known this moment. It waits for nothing, takes no lock and
    /// allocates nothing. `Unsure` is never *no*: answer 503, or ask [`Verifier::verify_or_refresh`].
    ///
    /// It accepts for `hold`, so in a process that was frozen it may accept what was ended meanwhile; whoever can wait
    /// asks [`Verifier::verify_or_refresh`].
    #[inline]
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
        let held = self.inner.newest.load();
        let view = held.as_ref().map(|held| &held.view);
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
        self.inner.feed.get().map(crate::feed::Following::machine)
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
        if let Some(feed) = self.inner.feed.get() {
            feed.refreshed(need).await;
        }
        self.inner.judge_now(presented, scopes)
    }

    #[cfg(feature = "http")]
    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }
}

impl Inner {
    /// For whoever can't wait, or has waited.
    #[inline]
    fn judge_now(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Denial> {
        self.judge_by::<false>(presented, scopes).map_err(|stopped| match stopped {
            Stopped::Denied(denial) => denial,
            Stopped::Needs(_) => {
                self.counts.denied(Denial::Unsure, self.clock.moment());
                Denial::Unsure
            }
        })
    }

    /// For whoever can wait.
    #[inline]
    fn judge(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Stopped> {
        self.judge_by::<true>(presented, scopes)
    }

    #[inline]
    fn judge_by<const WAITS: bool>(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Stopped> {
        let at = self.clock.verdict_moment();
        // Apart from the grant, which comes back in registers then.
        let mut stopped = None;
        let granted =
            self.newest.remembered(|held| match judge_by::<WAITS>(Some(held), presented, scopes, at) {
                Ok(grant) => Some(grant),
                Err(why) => {
                    stopped = Some(why);
                    None
                }
            });
        let judged = match (granted, stopped) {
            (Some(grant), _) => return Ok(grant),
            (None, Some(why)) => Err(why),
            (None, None) => judge_by::<WAITS>(self.newest.load().as_deref(), presented, scopes, at),
        };
        if let Err(Stopped::Denied(denial)) = judged {
            self.counts.denied(denial, at);
        }
        judged
    }

    /// From which age on a view is too old to accept by at once. Those who follow a daemon begin at different times
    /// before the set's limit, so that not all ask at once; where nobody is followed, there is nobody to ask.
    fn old_from_ms(&self, set: &AcceptSet) -> u64 {
        let Some(fraction) = self.spread else { return u64::MAX };
        let spread_ms = fraction * (set.freshness_ms() / 8).min(MOST_SPREAD_MS) as f64;
        set.young_ms().saturating_sub(spread_ms as u64)
    }

    pub(crate) fn apply(&self, view: View) {
        let uses = self.counts.uses_of(&view.set);
        self.newest.store(Held { old_from_ms: self.old_from_ms(&view.set), view, uses });
    }

    /// The same set, seen at another place in time.
    #[cfg(feature = "http")]
    pub(crate) fn confirm(&self, place: crate::Place, taken: Moment) {
        if let Some(held) = &*self.newest.load() {
            let crate::Place { now_ms, age_ms } = place;
            let view = View { set: held.view.set.clone(), now_ms, age_ms, taken, complete: true };
            self.newest.store(Held { view, uses: held.uses.clone(), old_from_ms: held.old_from_ms });
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
    pub(crate) const fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }
}

#[inline]
fn judge_by<const WAITS: bool>(
    held: Option<&Held>,
    presented: &[u8],
    scopes: &[Arc<str>],
    at: Moment,
) -> Result<Grant, Stopped> {
    match (decide(held.map(|held| &held.view), presented, at), held) {
        (Verdict::Accepted(_), Some(held)) if WAITS && held.view.age_ms(at) >= held.old_from_ms => {
            Err(Stopped::Needs(Need::Old))
        }
        (Verdict::Accepted(accepted), Some(held)) if has(&accepted, scopes) => {
            Ok(held.uses.grant(&held.view, accepted, at))
        }
        (Verdict::Accepted(_), Some(_)) => Err(Stopped::Denied(Denial::InsufficientScope)),
        (Verdict::Refused(reason), _) => Err(Stopped::Denied(Denial::Refused(reason))),
        (Verdict::Accepted(_) | Verdict::Unsure, _) => Err(Stopped::Needs(Need::Unsure)),
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
