//! What is known of each version from outside, whatever the code under test believes.
//!
//! Times are milliseconds since 1970 on this machine's wall clock, which is the fake's too.

use std::collections::BTreeMap;

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
}

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

    /// Writes down an order before it is given; the number is for [`Ledger::given`].
    pub(super) fn order(&mut self, secret: &str, at_once: bool, from_ms: u64) -> usize {
        self.endings.push(Ending { secret: secret.to_owned(), at_once, from_ms, to_ms: None });
        self.endings.len() - 1
    }

    pub(super) fn given(&mut self, order: usize, to_ms: u64) {
        self.endings[order].to_ms = Some(to_ms);
    }

    /// Whether a person's order on that secret is on its way: what it has ended is not known yet.
    pub(super) fn is_ending(&self, secret: &str) -> bool {
        self.endings.iter().any(|ending| ending.secret == secret && ending.to_ms.is_none())
    }
}
