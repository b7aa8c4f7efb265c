//! What happened, in order: two runs of one seed write the same.
//!
//! No token, digest or tag stands in it: those are the operating system's chance.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, MutexGuard},
};

use crossfade_testing_secretsmanager::log::Call;
use crossfade_verify::Digest;
use tokio::time::Instant;

/// 2026-01-01T00:00:00Z: when a run begins, in milliseconds.
pub(crate) const NEW_YEAR: u64 = 1_767_225_600_000;

/// What is counted, in the order in which it is printed.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Counted {
    Rotations,
    StoreCalls,
    Checks,
    BotCalls,
    Accepted,
    Unsure,
    Orders,
    Edits,
    Troubles,
    WrongRefusals,
    LateAcceptances,
    UntrueOrders,
    Orphans,
    Unrest,
    OldViews,
}

/// The true time, the events, and the counts.
#[derive(Debug)]
pub(crate) struct Journal {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<(u64, String, String)>,
    figures: Figures,
    wrongs: Vec<String>,
    calls: Vec<Call>,
}

/// How often.
#[derive(Clone, Default, Debug)]
pub(crate) struct Figures(BTreeMap<Counted, u64>);

impl Figures {
    pub(crate) fn of(&self, what: Counted) -> u64 {
        self.0.get(&what).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, others: &Self) {
        for (what, count) in &others.0 {
            *self.0.entry(*what).or_default() += count;
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use Counted::*;
        let all = [
            (Rotations, "rotations"),
            (StoreCalls, "calls of the store"),
            (Checks, "verdicts checked"),
            (BotCalls, "calls by bots"),
            (Accepted, "of them accepted"),
            (Unsure, "unsure or not answered"),
            (Orders, "orders"),
            (Edits, "edits by hand"),
            (Troubles, "troubles"),
            (WrongRefusals, "WRONG REFUSALS"),
            (LateAcceptances, "LATE ACCEPTANCES"),
            (UntrueOrders, "ORDERS REPORTED DONE THAT ARE NOT"),
            (Orphans, "ORPHANS"),
            (Unrest, "NOT COME TO REST"),
            (OldViews, "VIEWS THAT GREW OLD"),
        ];
        let told: Vec<String> = all.iter().map(|(what, name)| format!("{} {name}", self.of(*what))).collect();
        f.write_str(&told.join(", "))
    }
}

/// How a run went.
#[derive(Debug)]
pub(crate) struct Story {
    pub(crate) lines: Vec<String>,
    pub(crate) figures: Figures,
    pub(crate) wrongs: Vec<String>,
    /// What Secrets Manager was asked.
    calls: Vec<Call>,
}

impl Story {
    /// The same for the same events.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(self.lines.join("\n").as_bytes())
    }

    /// Every call of the store, one a line. Calls of one millisecond are sorted by who made them and about which secret,
    /// and bear no number: their order is no seed's, and one call more changes no other line. When they were signed is
    /// left out: the SDK begins with the real time.
    pub(crate) fn calls(&self) -> String {
        let mut calls: Vec<_> =
            self.calls.iter().map(|call| Call { seq: 0, signed: None, ..call.clone() }).collect();
        calls.sort_by(|one, other| {
            (one.at_ms, &one.caller, &one.secret).cmp(&(other.at_ms, &other.caller, &other.secret))
        });
        calls.iter().map(|call| serde_json::to_string(call).expect("JSON") + "\n").collect()
    }

    /// What led to the first thing that went wrong.
    pub(crate) fn ending(&self) -> String {
        let shown = 80;
        let until = self.lines.iter().position(|line| line.contains("WRONG")).unwrap_or(self.lines.len());
        let from = until.saturating_sub(shown);
        self.lines[from..self.lines.len().min(until + 3)].join("\n")
    }
}

impl Journal {
    #[expect(clippy::disallowed_methods, reason = "the virtual time of the run, which starts here")]
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), state: Mutex::default() }
    }

    /// Since the run began.
    pub(crate) fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).expect("a short run")
    }

    /// The true time, which is the store's.
    pub(crate) fn now_ms(&self) -> u64 {
        NEW_YEAR + self.elapsed_ms()
    }

    pub(crate) fn tell(&self, who: &str, what: impl fmt::Display) {
        let now_ms = self.elapsed_ms();
        let line = format!("{:>9.3} {who}: {what}", now_ms as f64 / 1000.0);
        self.lock().lines.push((now_ms, who.to_owned(), line));
    }

    pub(crate) fn count(&self, what: Counted, by: u64) {
        *self.lock().figures.0.entry(what).or_default() += by;
    }

    /// The promise is broken.
    pub(crate) fn wrong(&self, what: Counted, told: impl fmt::Display) {
        let told = format!("WRONG {what:?}: {told}");
        self.count(what, 1);
        self.tell("oracle", &told);
        self.lock().wrongs.push(told);
    }

    /// The store's own log, at the end.
    pub(crate) fn called(&self, calls: Vec<Call>) {
        self.lock().calls = calls;
    }

    pub(crate) fn is_broken(&self) -> bool {
        !self.lock().wrongs.is_empty()
    }

    /// Takes everything that was written. Within a millisecond, each who writes has an order of his own alone: some of
    /// tokio's wake whoever waits in an order that no seed decides.
    pub(crate) fn story(&self) -> Story {
        let State { mut lines, figures, wrongs, calls } = std::mem::take(&mut *self.lock());
        lines.sort_by(|(at, who, _), (other, whose, _)| (at, who).cmp(&(other, whose)));
        let lines = lines.into_iter().map(|(.., line)| line).collect();
        Story { lines, figures, wrongs, calls }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }
}
