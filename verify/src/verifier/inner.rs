//! What the handles of a verifier share: the newest view, and what was decided by it.

use std::sync::Arc;

use super::{
    clock::Clock,
    counts::Counts,
    newest::{Held, Newest},
    stopped::{Denial, Stopped},
};
use crate::{
    accept_set::AcceptSet,
    clock::Moment,
    gate::Need,
    grant::Grant,
    verdict::{Accepted, Verdict, View, decide},
};

/// The most that a verifier begins to refresh before its view is no longer young.
const MOST_SPREAD_MS: u64 = 1_000;

pub(crate) struct Inner {
    pub(super) audience: Arc<str>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) newest: Newest,
    pub(super) counts: Arc<Counts>,
    /// From 0 to 1, for a verifier that follows a daemon: how much of the spread is its own.
    pub(super) spread: Option<f64>,
}

impl Inner {
    /// For whoever can't wait, or has waited.
    #[inline]
    pub(super) fn judge_now(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Denial> {
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
    pub(super) fn judge(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Stopped> {
        self.judge_by::<true>(presented, scopes)
    }

    #[inline]
    fn judge_by<const WAITS: bool>(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Stopped> {
        let at = self.clock.moment();
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
