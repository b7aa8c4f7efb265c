//! The promise, as questions to one state.

use crossfade::rotation::ring::VersionId;

use crate::{
    broken::Broken,
    event::Trouble,
    rules::{Ticks, at},
    state::{Fate, State, Verifier},
    token::{digest_of, token_of},
    verifier::Sort,
    world::World,
};

/// What has to hold of every state.
pub mod sentence {
    /// The promise's first sentence.
    pub const NOT_REFUSED: &str = "no rightful token is refused";
    /// The second one.
    pub const NOT_PAST_ITS_DEADLINE: &str = "no token is accepted past its deadline";
    /// What the second one says of endings.
    pub const NOT_ONCE_ENDED: &str = "no token is accepted once it is ended and that was read";
    /// What it says of those that were cut off and did not know it.
    pub const NOT_ONCE_THAWED: &str =
        "no server that was frozen and reaches a daemon accepts what that one knows to be over";
    /// There is no way back.
    pub const NOT_TWICE: &str = "no version becomes current twice";
    /// What a person puts on hold stays there.
    pub const ON_HOLD: &str = "no secret on hold is rotated by its schedule";
    /// What a person was told.
    pub const AS_REPORTED: &str = "what was reported as ended is ended in the store";
    /// The third one: faults only put a rotation off.
    pub const AT_REST: &str = "once nothing goes wrong, all comes to rest in time, as it was ordered";

    /// All of them.
    pub const ALL: [&str; 8] = [
        NOT_REFUSED,
        NOT_PAST_ITS_DEADLINE,
        NOT_ONCE_ENDED,
        NOT_ONCE_THAWED,
        NOT_TWICE,
        ON_HOLD,
        AS_REPORTED,
        AT_REST,
    ];
}

impl World {
    /// The sentence that this state breaks.
    pub(crate) fn breaks(&self, state: &State) -> Option<&'static str> {
        let refused = || (!self.refuses_no_rightful_token(state)).then_some(sentence::NOT_REFUSED);
        let late =
            || (!self.accepts_none_past_its_deadline(state)).then_some(sentence::NOT_PAST_ITS_DEADLINE);
        let ended = || (!self.accepts_none_that_is_ended(state)).then_some(sentence::NOT_ONCE_ENDED);
        let thawed = || (!self.looks_before_it_accepts(state)).then_some(sentence::NOT_ONCE_THAWED);
        state.wrong.or_else(refused).or_else(late).or_else(ended).or_else(thawed)
    }

    /// No verifier refuses a token that a bot may hold: one that is current, or was less than a grace ago. (It may have
    /// been read almost as late as freshness + store_lag after it was replaced, and is used for that much less than
    /// the grace.)
    fn refuses_no_rightful_token(&self, state: &State) -> bool {
        (0..self.secrets).all(|secret| {
            Self::versions(state, secret).filter(|(id, fate)| self.is_rightful(state, secret, *id, fate)).all(
                |(id, _)| self.awake(state).all(|verifier| self.sort(state, verifier, id) != Sort::Refused),
            )
        })
    }

    /// No verifier that was told of a version's deadline accepts it from then on, and none accepts anything by a view
    /// that is older than `hold`.
    fn accepts_none_past_its_deadline(&self, state: &State) -> bool {
        let now = at(state.tick);
        self.awake(state).all(|verifier| {
            let age = verifier.held.as_ref().map_or(0, |held| state.tick - held.read);
            (0..self.secrets).all(|secret| {
                let known = verifier.newest[secret];
                Self::versions(state, secret)
                    .filter(|(_, fate)| {
                        let replaced = fate.replaced.filter(|at| known > at + self.rules.store_lag);
                        let past = fate.deadline.is_some_and(|deadline| now >= deadline);
                        age > self.rules.hold || (past && replaced.is_some() && self.is_told_once(fate))
                    })
                    .all(|(id, _)| self.sort(state, verifier, id) != Sort::Accepted)
            })
        })
    }

    /// What a person has replaced has its grace from when a daemon first saw that, and one that was away, or was started
    /// again, sees it later.
    fn is_told_once(&self, fate: &Fate) -> bool {
        let away = |trouble: &Trouble| matches!(trouble, Trouble::Crash | Trouble::CutOff(_));
        !fate.by_hand || !self.faults.iter().any(away)
    }

    /// No verifier accepts a version that is ended and not current: not by a view of a daemon that knows of it, and not
    /// by a view that was read when no read could miss it.
    fn accepts_none_that_is_ended(&self, state: &State) -> bool {
        self.awake(state).all(|verifier| {
            (0..self.secrets).all(|secret| {
                Self::versions(state, secret)
                    .filter(|(id, fate)| {
                        let digest = digest_of(*id);
                        let told = verifier.held.as_ref().is_some_and(|held| held.ended.contains(&digest));
                        told || self.is_over(fate, verifier.newest[secret])
                    })
                    .all(|(id, _)| self.sort(state, verifier, id) != Sort::Accepted)
            })
        })
    }

    /// No guard whose view is older than `accept_within`, and that reaches its daemon, accepts what is over by what that
    /// daemon has read.
    fn looks_before_it_accepts(&self, state: &State) -> bool {
        let frozen = |verifier: &Verifier| {
            verifier.is_awake(state.tick) && verifier.cut_until <= state.tick && verifier.is_old(state.tick)
        };
        state.verifiers.iter().enumerate().filter(|(_, verifier)| frozen(verifier)).all(|(n, verifier)| {
            let home = self.home(n);
            let mut asked = verifier.clone();
            if self.broken != Some(Broken::AcceptsWhileOld) {
                asked.fetch(&state.replicas[home], self.skews[home], state.tick, &self.rules, self.broken);
            }
            (0..self.secrets).all(|secret| {
                let Some(known) = &state.replicas[home].parts[secret].known else { return true };
                Self::versions(state, secret)
                    .filter(|(_, fate)| self.is_over(fate, known.read))
                    .all(|(id, _)| self.sort(state, &asked, id) != Sort::Accepted)
            })
        })
    }

    fn is_over(&self, fate: &Fate, read: Ticks) -> bool {
        let Some(ended) = fate.ended else { return false };
        // One that is current stays accepted until it is replaced.
        let is_current = fate.current.is_some() && fate.replaced.is_none();
        !is_current && read > fate.replaced.unwrap_or(ended).max(ended) + self.rules.store_lag
    }

    fn is_rightful(&self, state: &State, secret: usize, id: VersionId, fate: &Fate) -> bool {
        let excused = state.tick <= state.fates[secret].excused_until || state.tick <= fate.hasty_until;
        let is_ended = fate.ended.is_some() || state.fates[secret].told_ended.contains(&id);
        let in_time = match (fate.current, fate.replaced) {
            (None, _) => false,
            (Some(since), None) => {
                // A late read can show it as pending, and what is marked is not accepted as that.
                let late = since + self.rules.store_lag + self.rules.freshness;
                !is_ended || (!fate.ended_first && state.tick > late)
            }
            (Some(_), Some(replaced)) => !is_ended && state.tick < replaced + self.rules.grace,
        };
        in_time && !excused
    }

    fn awake<'a>(&self, state: &'a State) -> impl Iterator<Item = &'a Verifier> {
        state.verifiers.iter().filter(|verifier| verifier.is_awake(state.tick))
    }

    fn sort(&self, state: &State, verifier: &Verifier, id: VersionId) -> Sort {
        verifier.verdict(&token_of(id), state.tick, self.broken)
    }
}
