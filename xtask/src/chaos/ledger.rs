//! What is known of each version from outside, whatever the code under test believes.
//!
//! Times are milliseconds since 1970 on this machine's wall clock, which is the fake's too.

use std::collections::BTreeMap;

use super::promise::Terms;

/// How a version stands: whether anything says until when it may be accepted.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Pending, current, or previous without a deadline as yet.
    Open,
    /// Previous, or taken back, until then.
    Until(u64),
    /// Ended or gone: nobody who knows of it may accept it.
    Over,
}

#[derive(Default, Debug)]
pub(super) struct Fate {
    pub(super) secret: String,
    pub(super) token: Option<String>,
    pub(super) created_ms: u64,
    /// When it first became current.
    pub(super) promoted_ms: Option<u64>,
    /// When a person ended it, by an order or by taking its last label off.
    pub(super) ended_ms: Option<u64>,
    /// Whether a mark in the store says so.
    pub(super) is_marked: bool,
    /// Each change of its standing, the oldest first.
    pub(super) standings: Vec<(u64, Standing)>,
    /// When a person replaced it.
    pub(super) replaced_by_hand_ms: Option<u64>,
    /// How often each daemon has read the secret since.
    readers: BTreeMap<String, u32>,
    /// Until then it may be let in by a daemon that learned of that late.
    pub(super) learned_until_ms: u64,
}

impl Fate {
    /// As it stood then, and since when.
    pub(super) fn at(&self, at_ms: u64) -> Option<(u64, Standing)> {
        self.standings.iter().rev().find(|(since, _)| *since <= at_ms).copied()
    }

    /// Whether it was open at any time after the first and up to the second.
    pub(super) fn opened_between(&self, from_ms: u64, to_ms: u64) -> bool {
        let within =
            |(at, standing): &(u64, Standing)| *at > from_ms && *at <= to_ms && *standing == Standing::Open;
        self.standings.iter().any(within)
    }

    pub(super) fn last(&self) -> Option<Standing> {
        self.standings.last().map(|(_, standing)| *standing)
    }

    pub(super) fn is_replaced_by_hand(&mut self, at_ms: u64) {
        self.replaced_by_hand_ms = Some(at_ms);
        self.readers.clear();
    }

    /// Some daemon learns by then that a person has replaced it. No note says when, so it gives the whole grace from now
    /// on, whatever another daemon has written (docs/proof.md, known and left).
    fn is_learned(&mut self, by_ms: u64, terms: Terms) {
        let until_ms = (by_ms + terms.grace + CLOCKS_DIFFER_MS).next_multiple_of(NOTES_ROUNDED_MS);
        self.learned_until_ms = self.learned_until_ms.max(until_ms);
    }
}

/// By how much a daemon may think it later than it is.
const CLOCKS_DIFFER_MS: u64 = 1_000;
const NOTES_ROUNDED_MS: u64 = 10_000;

/// An order of a person's that ends versions.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) secret: String,
    /// `revoke --all`: its replacement doesn't soak.
    pub(super) at_once: bool,
    pub(super) from_ms: u64,
    /// None while the command runs.
    pub(super) to_ms: Option<u64>,
}

#[derive(Default, Debug)]
pub(super) struct Ledger {
    pub(super) fates: BTreeMap<String, Fate>,
    /// Edits by hand: of which secret, and when.
    pub(super) edits: Vec<(String, u64)>,
    pub(super) endings: Vec<Ending>,
}

impl Ledger {
    pub(super) fn fate(&mut self, secret: &str, version: &str) -> &mut Fate {
        let fate = self.fates.entry(version.to_owned()).or_default();
        if fate.secret.is_empty() {
            secret.clone_into(&mut fate.secret);
        }
        fate
    }

    /// Writes down how a version stands from then on, where that is another thing than before.
    pub(super) fn stands(&mut self, secret: &str, version: &str, at_ms: u64, standing: Standing) {
        let fate = self.fate(secret, version);
        if fate.last() != Some(standing) {
            fate.standings.push((at_ms, standing));
        }
    }

    /// Writes down that a person has replaced versions, where it is a daemon's first look since: the second one, because
    /// it may have been stopped in the first. One that is late doesn't show it yet.
    pub(super) fn is_read(&mut self, secret: &str, reader: &str, at_ms: u64, terms: Terms) {
        for fate in self.fates.values_mut().filter(|fate| fate.secret == secret) {
            let Some(replaced_ms) = fate.replaced_by_hand_ms else { continue };
            if at_ms < replaced_ms + terms.store_lag {
                continue;
            }
            let reads = fate.readers.entry(reader.to_owned()).or_default();
            *reads += 1;
            if *reads <= 2 {
                fate.is_learned(at_ms, terms);
            }
        }
    }

    /// A deadline stands on it now. Whoever was started just before that has seen none.
    pub(super) fn is_noted(&mut self, version: &str, at_ms: u64, terms: Terms) {
        if let Some(fate) = self.fates.get_mut(version).filter(|fate| fate.replaced_by_hand_ms.is_some()) {
            fate.is_learned(at_ms + terms.store_lag, terms);
        }
    }

    /// Writes down an order before it is given; the number is for [`Ledger::given`].
    pub(super) fn order(&mut self, secret: &str, at_once: bool, from_ms: u64) -> usize {
        self.endings.push(Ending { secret: secret.to_owned(), at_once, from_ms, to_ms: None });
        self.endings.len() - 1
    }

    pub(super) fn given(&mut self, order: usize, to_ms: u64) {
        self.endings[order].to_ms = Some(to_ms);
    }

    /// Whether a person was at its labels since then: a promotion that lands late can undo that (docs/proof.md, known and
    /// left).
    pub(super) fn was_edited(&self, secret: &str, since_ms: u64) -> bool {
        self.edits.iter().any(|(of, at)| of == secret && *at >= since_ms)
    }

    /// Whether a person's order on that secret is on its way: what it has ended is not known yet.
    pub(super) fn is_ending(&self, secret: &str) -> bool {
        self.endings.iter().any(|ending| ending.secret == secret && ending.to_ms.is_none())
    }
}
