//! What the handles of a verifier share: the newest view, and what was decided by it.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::{
    clock::Clock,
    counts::Counts,
    stopped::{Denial, Stopped},
    uses::Uses,
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
    pub(super) newest: ArcSwapOption<CountedView>,
    pub(super) counts: Arc<Counts>,
    /// From 0 to 1, for a verifier that follows a daemon: how much of the spread is its own.
    spread: Option<f64>,
}

/// A view, and who counts its uses.
pub(super) struct CountedView {
    pub(super) view: View,
    uses: Uses,
    /// From this age on it is too old to accept by at once, for whoever can wait.
    old_from_ms: u64,
}

impl Inner {
    pub(super) fn new(audience: Arc<str>, clock: Arc<dyn Clock>, spread: Option<f64>) -> Self {
        Self { audience, clock, newest: ArcSwapOption::empty(), counts: Arc::default(), spread }
    }

    /// For whoever can't wait, or has waited.
    pub(super) fn judge_now(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Denial> {
        let at = self.clock.moment();
        self.judge_at(presented, scopes, at, false).map_err(|stopped| match stopped {
            Stopped::Denied(denial) => denial,
            Stopped::Needs(_) => {
                self.counts.denied(Denial::Unsure, at);
                Denial::Unsure
            }
        })
    }

    /// For whoever can wait.
    pub(super) fn judge(&self, presented: &[u8], scopes: &[Arc<str>]) -> Result<Grant, Stopped> {
        self.judge_at(presented, scopes, self.clock.moment(), true)
    }

    fn judge_at(
        &self,
        presented: &[u8],
        scopes: &[Arc<str>],
        at: Moment,
        can_wait: bool,
    ) -> Result<Grant, Stopped> {
        let newest = self.newest.load();
        let stopped = match (decide(newest.as_ref().map(|counted| &counted.view), presented, at), &*newest) {
            (Verdict::Accepted(_), Some(counted))
                if can_wait && counted.view.age_ms(at) >= counted.old_from_ms =>
            {
                Stopped::Needs(Need::Old)
            }
            (Verdict::Accepted(accepted), Some(counted)) if has(&accepted, scopes) => {
                return Ok(counted.uses.grant(&counted.view, accepted, at));
            }
            (Verdict::Accepted(_), Some(_)) => Stopped::Denied(Denial::InsufficientScope),
            (Verdict::Refused(reason), _) => Stopped::Denied(Denial::Refused(reason)),
            (Verdict::Accepted(_) | Verdict::Unsure, _) => Stopped::Needs(Need::Unsure),
        };
        if let Stopped::Denied(denial) = stopped {
            self.counts.denied(denial, at);
        }
        Err(stopped)
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
        let old_from_ms = self.old_from_ms(&view.set);
        self.newest.store(Some(Arc::new(CountedView { view, uses, old_from_ms })));
    }

    /// The same set, seen at another place in time.
    #[cfg(feature = "http")]
    pub(crate) fn confirm(&self, place: crate::timing::PlaceInTime, taken: Moment) {
        if let Some(counted) = &*self.newest.load() {
            let crate::timing::PlaceInTime { now_ms, age_ms } = place;
            let view = View { set: counted.view.set.clone(), now_ms, age_ms, taken, complete: true };
            let counted = CountedView { view, uses: counted.uses.clone(), old_from_ms: counted.old_from_ms };
            self.newest.store(Some(Arc::new(counted)));
        }
    }

    /// The view that is applied, if there is one.
    #[cfg(feature = "http")]
    pub(crate) fn view(&self) -> Option<View> {
        self.newest.load().as_ref().map(|counted| counted.view.clone())
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

fn has(accepted: &Accepted<'_>, scopes: &[Arc<str>]) -> bool {
    scopes.iter().all(|scope| accepted.entry.scopes.contains(scope))
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use crate::verifier::{Verifier, uses::tests::view};

    fn entries(verifier: &Verifier) -> Option<usize> {
        verifier.status().entries
    }

    #[test]
    fn each_thread_sees_a_new_view_with_its_next_look() {
        let verifier = Verifier::new("a");
        let (ask, asked) = mpsc::sync_channel::<()>(0);
        let (tell, told) = mpsc::sync_channel(0);
        thread::scope(|scope| {
            let verifier = &verifier;
            scope
                .spawn(move || asked.iter().for_each(|()| tell.send(entries(verifier)).expect("a listener")));
            let both = || {
                ask.send(()).expect("a thread");
                [told.recv().expect("an answer"), entries(verifier)]
            };
            assert_eq!(both(), [None; 2]);
            for n in [1, 2, 1] {
                verifier.replace(view(n));
                assert_eq!(both(), [Some(n); 2]);
                assert_eq!(both(), [Some(n); 2]);
            }
            drop(ask);
        });
    }

    #[test]
    fn verifiers_are_not_mistaken_for_each_other_however_many_there_are() {
        for _ in 0..2 {
            let all: Vec<_> = (0..12).map(|_| Verifier::new("a")).collect();
            all.iter().enumerate().for_each(|(n, verifier)| verifier.replace(view(n)));
            for _ in 0..2 {
                all.iter().enumerate().for_each(|(n, verifier)| assert_eq!(entries(verifier), Some(n)));
            }
        }
    }

    #[test]
    fn a_view_goes_at_once_when_another_takes_its_place() {
        let verifier = Verifier::new("a");
        verifier.replace(view(1));
        let _ = verifier.verify("the-token-number-0");
        let replaced = verifier.inner.newest.load().as_ref().map(std::sync::Arc::downgrade).expect("a view");
        verifier.replace(view(2));
        assert!(replaced.upgrade().is_none());
    }
}
