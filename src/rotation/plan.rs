//! The one place that decides.
//!
//! [`next`] looks at a secret's versions, its rules, what a person ordered and the store's time, and
//! returns one step or the time until which to wait. It does no I/O and reads no clock, and whoever
//! carries steps out asks it again after each one. So recovery from a crash, a lost reply or another
//! replica's work is the ordinary path, and needs no journal.

use super::{
    policy::{Notes, Policy},
    ring::{Held, Previous, Ring, Version, VersionId},
};
use crate::time::{Interval, Timestamp};

mod demand;
mod due;
mod hold;
mod phase;
mod request;
mod step;
mod why;

pub use demand::{Demand, Refusal, finished, refusal, settled};
pub use due::{Due, due};
pub use hold::holds_the_replacement;
use hold::{held, holds_an_order, is_rolled_back, stands};
pub use phase::{Phase, phase};
pub use request::{Bound, Request};
pub use step::Step;
pub use why::{Decided, Trigger, Why, began};

/// What to do now.
#[derive(Copy, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Next {
    /// This one step, for this reason; then read again.
    Do(Decided),
    /// Nothing, until then (or until somebody orders something).
    Idle {
        /// The time at which to ask again.
        until: Option<Timestamp>,
    },
}

/// Decides.
///
/// - A secret that does not exist is created, where the store is one that we may create it in.
/// - An end is written before anything else is.
/// - A person's order comes next, bound to what stood when it was taken.
/// - A secret that a person has rolled back is paused, unless a rotation of it has begun. Who orders one, or resumes,
///   goes on with it: that is written down first, so that no replica pauses it again.
/// - A pending version that is ended, or bears a note, is taken back and never promoted. So is one that was
///   to follow a version which is not current any more, once its own promotion can't be under way.
/// - A pending version is promoted once it has stood in the store for the soak, and its value was read. While the secret is
///   paused it waits, unless the current version is ended. `revoke --all` does not wait for the soak.
/// - The version that it replaces has its deadline in the store by then; an ended one gets no grace. So
///   has each version before it.
/// - There is one pending version at most. It is staged when a slot is due and the secret is not
///   paused, when it is ordered, and when the current version is ended.
/// - A previous version is forgotten when it is ended, and when its deadline has surely passed;
///   until then it lives to its own deadline, however many follow.
/// - While the store holds a secret, nothing is staged or promoted. A full label quota, or a value that is no token, keeps
///   a new rotation from beginning, and neither one that has begun nor the replacement of an ended version. An order
///   replaces such a value too. Where the value's other content would be lost with it, nothing replaces the value.
/// - A replica of a secret elsewhere is left alone; and while copies of a secret are not in sync, all but ends waits.
/// - Notes and labels are put in order last.
/// - Nothing here makes a previous version current again.
pub fn next(ring: Option<&Ring>, policy: &Policy, demand: Option<&Demand>, now: Interval) -> Next {
    next_without(ring, policy, demand, now, |_| false)
}

/// As [`next`], without the steps that were given up for now. No other step takes their place; versions that are over are
/// forgotten, and labels put in order, all the same.
pub fn next_without(
    ring: Option<&Ring>,
    policy: &Policy,
    demand: Option<&Demand>,
    now: Interval,
    given_up: impl Fn(&Step) -> bool,
) -> Next {
    let Some(ring) = ring else {
        let creates = policy.terms().store.creates && !given_up(&Step::Create);
        let create = Next::Do(Step::Create.because(Why::Missing));
        return if creates { create } else { Next::Idle { until: None } };
    };
    if ring.is_replica() {
        return Next::Idle { until: None };
    }
    let given_up = |wanted: &Decided| given_up(&wanted.step) || waits_for_copies(ring, &wanted.step);
    let plan = Plan { ring, policy, now };
    let wanted = plan.rotation(demand);
    let decided = wanted
        .filter(|step| !given_up(step))
        .or_else(|| plan.retire(given_up))
        .or_else(|| plan.tidy().filter(|step| !given_up(step)));
    // Of what was given up, the time says nothing: the next look does.
    let until = if wanted.is_some() { None } else { plan.wake() };
    decided.map_or(Next::Idle { until }, Next::Do)
}

/// An end, and what replaces an ended version, wait for no other region.
fn waits_for_copies(ring: &Ring, step: &Step) -> bool {
    let is_end = matches!(step, Step::End { .. } | Step::EndAll { .. });
    ring.findings.replicating.is_some() && ring.current.ended.is_none() && !is_end
}

fn refusal_is_none(ring: &Ring, demand: Option<&Demand>) -> bool {
    demand.is_none_or(|demand| refusal(ring, demand).is_none())
}

/// What a decision rests on.
struct Plan<'a> {
    ring: &'a Ring,
    policy: &'a Policy,
    now: Interval,
}

impl Plan<'_> {
    /// The next step of what was ordered, or of a rotation.
    fn rotation(&self, demand: Option<&Demand>) -> Option<Decided> {
        let ordered = demand.filter(|_| refusal_is_none(self.ring, demand));
        ordered
            .and_then(|demand| self.carry_out(demand))
            .or_else(|| self.pause_what_was_rolled_back())
            .or_else(|| self.take_back())
            .or_else(|| self.promote(ordered))
            .or_else(|| self.stage(ordered))
    }

    fn carry_out(&self, demand: &Demand) -> Option<Decided> {
        let step = demand::step(self.ring, self.policy, self.now, demand)?;
        Some(step.because(Why::Ordered(*demand)))
    }

    /// Else it would be rotated again within the slot.
    fn pause_what_was_rolled_back(&self) -> Option<Decided> {
        let Ring { current, paused, .. } = self.ring;
        let settled = paused.is_some() || current.ended.is_some();
        let pause = Step::Pause { current: current.id }.because(Why::RolledBack);
        (is_rolled_back(self.ring) && !settled).then_some(pause)
    }

    fn take_back(&self) -> Option<Decided> {
        let pending = self.ring.pending?;
        if !stands(&pending) {
            return Some(Step::Drop { pending: pending.id }.because(Why::TakenBack));
        }
        let under_way = pending.created + self.policy.terms().store.write_lag;
        if !self.ring.findings.orphaned || self.now.earliest < under_way {
            return None;
        }
        let until = self.policy.taken_back_until(self.now.latest);
        Some(Step::Note { version: pending.id, until }.because(Why::Orphaned))
    }

    fn promote(&self, demand: Option<&Demand>) -> Option<Decided> {
        let current = &self.ring.current;
        let pending = self.ring.pending.filter(stands).filter(|_| !self.ring.findings.orphaned)?;
        if pending.is_unread() {
            return None;
        }
        if held(self.ring).is_some()
            || self.is_paused()
            || !(self.has_soaked(&pending) || skips_the_soak(current, demand))
        {
            return None;
        }
        if current.ended.is_some() {
            let promotion = self.promotion(pending.id, std::time::Duration::ZERO);
            return Some(promotion.because(self.of_an_end(demand)));
        }
        if self.other_labels_come_first() {
            return self.tidy();
        }
        let step = match self.policy.terms().store.notes {
            Notes::WithPromotion => self.promotion(pending.id, self.policy.accepted_for()),
            Notes::BeforePromotion if self.note_suffices() => {
                self.promotion(pending.id, self.policy.terms().grace)
            }
            Notes::BeforePromotion => {
                let until = self.policy.note_for(self.now.latest);
                Step::Note { version: current.id, until }
            }
        };
        Some(step.because(Why::Soaked))
    }

    /// Where notes are labels, whether others have to be put in order before a promotion and its note.
    fn other_labels_come_first(&self) -> bool {
        if self.policy.terms().store.notes == Notes::WithPromotion {
            return false;
        }
        let Ring { current, previous, findings, .. } = self.ring;
        let unnoted = previous.iter().any(|p| p.version.ended.is_none() && p.version.note.is_none());
        // A note that is written again and again would leave no room for a mark.
        let crowded =
            current.note.is_some() && !self.note_suffices() && matches!(findings.held, Some(Held::Full(_)));
        // The promotion takes the last label off what has no note, and with it the version itself.
        unnoted || crowded
    }

    fn promotion(&self, pending: VersionId, accepted_for: std::time::Duration) -> Step {
        Step::Promote { pending, current: self.ring.current.id, accepted_for }
    }

    fn stage(&self, demand: Option<&Demand>) -> Option<Decided> {
        let current = &self.ring.current;
        let is_of_current =
            |order: &&Demand| matches!(order, Demand::Rotate { current: seen } if *seen == current.id);
        let ordered = demand.filter(is_of_current);
        let held = if ordered.is_some() { holds_an_order(self.ring) } else { held(self.ring) };
        if self.ring.pending.is_some() || held.is_some() {
            return None;
        }
        let why = match (current.ended, ordered, self.due()) {
            // Strictly later, so that no rounding of times can end the replacement too.
            (Some(at), _, _) => (self.now.earliest > at).then(|| self.of_an_end(demand)),
            (None, Some(order), _) => Some(Why::Ordered(*order)),
            (None, None, Due::Now(slot)) => (!self.is_paused()).then_some(Why::Due(slot)),
            (None, None, _) => None,
        };
        why.map(|why| Step::Stage { current: current.id }.because(why))
    }

    /// An ended version is replaced because it is, or because of the order which lets its replacement skip the soak.
    fn of_an_end(&self, demand: Option<&Demand>) -> Why {
        let order = demand.filter(|_| skips_the_soak(&self.ring.current, demand));
        order.map_or(Why::CurrentEnded, |order| Why::Ordered(*order))
    }

    fn retire(&self, given_up: impl Fn(&Decided) -> bool) -> Option<Decided> {
        let over = |p: &&Previous| p.version.ended.is_some() || p.deadline <= self.now.earliest;
        let why =
            |p: &Previous| if p.version.ended.is_some() { Why::Ended } else { Why::Expired(p.deadline) };
        let retired = |p: &Previous| Step::Retire { version: p.version.id }.because(why(p));
        self.ring.previous.iter().filter(over).map(retired).find(|step| !given_up(step))
    }

    fn tidy(&self) -> Option<Decided> {
        self.ring.findings.untidy.map(|version| Step::Tidy { version }.because(Why::Untidy))
    }

    /// On hold, by a person; an end goes on all the same.
    fn is_paused(&self) -> bool {
        self.ring.paused.is_some() && self.ring.current.ended.is_none()
    }

    fn has_soaked(&self, pending: &Version) -> bool {
        self.now.earliest >= pending.created + self.policy.soak()
    }

    fn note_suffices(&self) -> bool {
        let needed = self.now.latest + self.policy.needed();
        self.ring.current.note.is_some_and(|note| note >= needed)
    }

    fn due(&self) -> Due {
        due(self.ring, self.policy, self.now)
    }

    /// The first moment to come at which the answer can be another one. What has passed already is not among them: what
    /// stands in its way, or that it was given up, goes by no clock, and whoever asked again at once would do so for ever.
    fn wake(&self) -> Option<Timestamp> {
        let ring = self.ring;
        let deadlines = ring.previous.iter().map(|p| p.deadline);
        // Of one that can't be read, the time says nothing: the next look does.
        let soaking = ring.pending.filter(|_| !self.is_paused()).filter(|p| !p.is_unread());
        let soaked = soaking.map(|p| p.created + self.policy.soak());
        let marked = ring.current.ended.filter(|_| ring.pending.is_none());
        let slot = match self.due() {
            Due::At(at) if ring.pending.is_none() && !self.is_paused() => Some(at),
            _ => None,
        };
        let marked = marked.map(|at| at + std::time::Duration::from_millis(1));
        let moments = deadlines.chain(soaked).chain(marked).chain(slot);
        moments.filter(|at| *at > self.now.earliest).min()
    }
}

/// When the pending version may be promoted; none where there is none that may ever be.
pub fn promotes(ring: &Ring, policy: &Policy) -> Option<Timestamp> {
    ring.pending.filter(stands).map(|pending| pending.created + policy.soak())
}

/// `revoke --all` replaces what is ended at once; its daemon alone knows that it was asked to.
fn skips_the_soak(current: &Version, demand: Option<&Demand>) -> bool {
    let ordered = matches!(demand, Some(Demand::RevokeAll { until }) if current.created <= *until);
    ordered && current.ended.is_some()
}

#[cfg(test)]
mod tests;
