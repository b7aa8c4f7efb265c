//! Steps that the store rejects: tried again a few times, then given up for a while, while the others go on.

use crate::{rotation::plan::Step, time::Timestamp};

/// A step that the store rejects is tried this often.
pub(super) const TRIES: u32 = 5;

/// What the store has rejected since the versions last changed.
#[derive(Debug, Default)]
pub(super) struct Rejections(Vec<Rejected>);

/// A step, how often in a row it was rejected, and until when it is given up.
#[derive(Copy, Clone, Debug)]
struct Rejected {
    step: Step,
    tries: u32,
    until: Option<Timestamp>,
}

impl Rejections {
    /// Counts one. How many tries it has had; with the last of them it is given up until then.
    pub(super) fn add(&mut self, step: Step, until: Timestamp) -> u32 {
        let tries = self.0.iter().find(|known| known.step.is_again(&step)).map_or(0, |known| known.tries) + 1;
        self.0.retain(|known| !known.step.is_again(&step));
        self.0.push(Rejected { step, tries, until: (tries >= TRIES).then_some(until) });
        tries
    }

    /// A step succeeded. What makes other versions makes other steps too; a note, or a cleanup, mends nothing but itself.
    pub(super) fn done(&mut self, step: &Step) {
        match step {
            Step::Note { .. } | Step::Retire { .. } | Step::Tidy { .. } => {
                self.0.retain(|known| !known.step.is_again(step));
            }
            _ => self.0.clear(),
        }
    }

    /// An order is a new start.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this step is not to be tried now.
    pub(super) fn given_up(&self, step: &Step, now: Timestamp) -> bool {
        self.0.iter().any(|known| known.step.is_again(step) && known.is_given_up(now))
    }

    /// Whether any is not to be tried now.
    pub(super) fn any_given_up(&self, now: Timestamp) -> bool {
        self.0.iter().any(|known| known.is_given_up(now))
    }
}

impl Rejected {
    fn is_given_up(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rotation::ring::VersionId;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn promotion() -> (Step, VersionId) {
        let current = VersionId::derive("s", None, 0);
        let pending = VersionId::derive("s", Some(current), 0);
        (Step::Promote { pending, current, accepted_for: std::time::Duration::ZERO }, current)
    }

    #[test]
    fn a_promotion_is_given_up_however_often_its_note_succeeds_in_between() {
        let (promote, current) = promotion();
        let mut rejections = Rejections::default();
        for tries in 1..=TRIES {
            assert!(!rejections.given_up(&promote, at(0)));
            assert_eq!(rejections.add(promote, at(60)), tries);
            rejections.done(&Step::Note { version: current, until: at(u64::from(tries)) });
        }
        assert!(rejections.given_up(&promote, at(59)) && rejections.any_given_up(at(59)));
        assert!(!rejections.given_up(&promote, at(60)), "only until then");
    }

    #[test]
    fn a_chore_that_is_rejected_too_does_not_bring_back_what_was_given_up() {
        let (promote, current) = promotion();
        let mut rejections = Rejections::default();
        for _ in 0..TRIES {
            rejections.add(promote, at(60));
        }
        rejections.add(Step::Tidy { version: current }, at(60));
        assert!(rejections.given_up(&promote, at(1)));
        rejections.done(&promote);
        assert!(rejections.is_empty(), "what makes other versions is a new start");
    }
}
