//! What is wrong, and what is outside the promise: the one place that says so, in the rule's own words.

use super::ledger::{Ledger, Standing};

/// The lengths of time that the promise counts with, in milliseconds; each as in the daemons' config.
#[derive(Copy, Clone, Debug)]
pub(super) struct Terms {
    pub(super) grace: u64,
    pub(super) freshness: u64,
    pub(super) hold: u64,
    pub(super) store_lag: u64,
    pub(super) write_lag: u64,
}

impl Terms {
    pub(super) const fn soak(self) -> u64 {
        self.freshness + self.store_lag
    }

    /// "Read as the current one, and used for no longer than grace − store_lag − freshness."
    pub(super) const fn use_of_a_token(self) -> u64 {
        self.grace - self.store_lag - self.freshness
    }

    /// For how long somebody who is cut off, or who saw the store as it was before, can accept what has been ended.
    pub(super) const fn last_word(self) -> u64 {
        self.hold + self.store_lag
    }
}

/// Why a refusal of a token that a bot had read is no broken promise.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Excuse {
    Ended,
    Edited,
    NewAfterRevokeAll,
}

impl Excuse {
    /// The rule's words (the promise, first sentence).
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Ended => {
                "outside it is what a person ends (`revoke`, `--compromised`; also a pending version ended while its \
                 promotion was in flight)"
            }
            Self::Edited => "what a person does to the labels by hand is outside it for one soak",
            Self::NewAfterRevokeAll => {
                "outside it is, for up to freshness + store_lag, the new token of `revoke --all`"
            }
        }
    }
}

/// Whether anything excuses that this version was refused then, to a bot that had it by the rules. ("It starts one
/// soak after the secret is in every replica's config": no bot asks before that.)
pub(super) fn excuse(ledger: &Ledger, terms: Terms, version: &str, answered_ms: u64) -> Option<Excuse> {
    let fate = ledger.fates.get(version)?;
    if fate.ended_ms.is_some_and(|ended| ended <= answered_ms) {
        return Some(Excuse::Ended);
    }
    let edited = |(secret, at): &(String, u64)| {
        *secret == fate.secret && *at <= answered_ms && answered_ms <= at + terms.soak()
    };
    if ledger.edits.iter().any(edited) {
        return Some(Excuse::Edited);
    }
    let promoted = fate.promoted_ms?;
    let unsoaked = promoted < fate.created_ms + terms.soak();
    let all = |ending: &super::ledger::Ending| {
        ending.at_once && ending.secret == fate.secret && ending.from_ms <= promoted
    };
    let new = unsoaked && answered_ms <= promoted + terms.freshness + terms.store_lag;
    (new && ledger.endings.iter().any(all)).then_some(Excuse::NewAfterRevokeAll)
}

/// Whether that version, asked about and let in then, was past its deadline. "The verifier enforces the deadline itself";
/// "one that is cut off can accept for at most `hold` after its last view": a view in which the version has no deadline
/// yet, or is not ended yet, counts so long. And so does the grace of a daemon that learned late what a person had done.
pub(super) fn is_late(ledger: &Ledger, terms: Terms, version: &str, sent_ms: u64, answered_ms: u64) -> bool {
    let Some(fate) = ledger.fates.get(version) else { return false };
    let late = match fate.at(sent_ms) {
        Some((since, Standing::Until(deadline))) => {
            sent_ms >= deadline.max(since + terms.last_word()).max(fate.learned_until_ms)
        }
        Some((since, Standing::Over)) => sent_ms >= since + terms.last_word(),
        Some((_, Standing::Open)) | None => false,
    };
    late && !fate.opened_between(sent_ms, answered_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms =
        Terms { grace: 15_000, freshness: 3_000, hold: 15_000, store_lag: 2_000, write_lag: 4_000 };

    fn ledger(standings: &[(u64, Standing)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (at, standing) in standings {
            ledger.stands("s", "v", *at, *standing);
        }
        ledger
    }

    #[test]
    fn only_what_a_person_did_excuses_a_refusal_and_only_so_long() {
        let mut plain = ledger(&[(0, Standing::Open)]);
        plain.fate("s", "v").promoted_ms = Some(0);
        assert_eq!(excuse(&plain, TERMS, "v", 1), None);
        plain.fate("s", "v").ended_ms = Some(100);
        assert_eq!([99, 100].map(|at| excuse(&plain, TERMS, "v", at)), [None, Some(Excuse::Ended)]);

        let mut edited = ledger(&[(0, Standing::Open)]);
        edited.edits.push(("s".into(), 100));
        edited.edits.push(("another".into(), 90_000));
        let excuses = [99, 100, 5_100, 5_101, 90_000].map(|at| excuse(&edited, TERMS, "v", at));
        assert_eq!(excuses, [None, Some(Excuse::Edited), Some(Excuse::Edited), None, None]);

        let mut new = ledger(&[(0, Standing::Open)]);
        new.order("s", true, 50);
        (new.fate("s", "v").created_ms, new.fate("s", "v").promoted_ms) = (60, Some(100));
        let excuses = [5_100, 5_101].map(|at| excuse(&new, TERMS, "v", at));
        assert_eq!(excuses, [Some(Excuse::NewAfterRevokeAll), None]);
        new.fate("s", "v").promoted_ms = Some(60 + 5_000);
        assert_eq!(excuse(&new, TERMS, "v", 5_100), None, "it has soaked, as any other");
    }

    #[test]
    fn an_acceptance_is_late_from_the_deadline_on_unless_no_view_can_have_known_it() {
        let known = ledger(&[(0, Standing::Open), (1_000, Standing::Until(40_000))]);
        assert_eq!([39_999, 40_000].map(|at| is_late(&known, TERMS, "v", at, at)), [false, true]);
        let short = ledger(&[(0, Standing::Open), (39_000, Standing::Until(40_000))]);
        assert_eq!([55_999, 56_000].map(|at| is_late(&short, TERMS, "v", at, at)), [false, true]);
        let ended = ledger(&[(0, Standing::Open), (1_000, Standing::Over)]);
        assert_eq!([17_999, 18_000].map(|at| is_late(&ended, TERMS, "v", at, at)), [false, true]);
        let back = ledger(&[(0, Standing::Until(1)), (50_000, Standing::Open)]);
        assert_eq!([49_999, 50_000].map(|to| is_late(&back, TERMS, "v", 49_000, to)), [true, false]);
    }

    #[test]
    fn a_daemon_that_learns_late_of_a_replacement_by_hand_gives_the_whole_grace_from_then_on() {
        let mut known = ledger(&[(0, Standing::Open), (20_000, Standing::Until(40_000))]);
        known.is_read("s", "daemon", 21_000, TERMS);
        assert!(is_late(&known, TERMS, "v", 41_000, 41_000), "it was a rotation of ours");
        known.fate("s", "v").is_replaced_by_hand(20_000);
        known.is_read("another", "daemon", 30_000, TERMS);
        known.is_read("s", "daemon", 21_000, TERMS);
        assert!(is_late(&known, TERMS, "v", 41_000, 41_000), "a late read did not show it");
        for (reader, at) in [("daemon", 22_500), ("daemon", 23_000), ("daemon", 39_000)] {
            known.is_read("s", reader, at, TERMS);
        }
        assert!(is_late(&known, TERMS, "v", 41_000, 41_000), "it has known since its second look");
        known.is_read("s", "one that was away", 30_000, TERMS);
        let late = [41_000, 49_999, 50_000].map(|at| is_late(&known, TERMS, "v", at, at));
        assert_eq!(late, [false, false, true]);
    }
}
