//! What was counted, and how it is told.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::promise::Excuse;

/// Of the verifiers in one language, on one store.
#[derive(Default, Debug)]
pub(super) struct Tally {
    pub(super) accepted: u64,
    pub(super) unsure: u64,
    pub(super) silent: u64,
    /// Refused after its time was up: nobody's fault, and nothing proven.
    pub(super) too_late_to_tell: u64,
    pub(super) excused: BTreeMap<Excuse, u64>,
    pub(super) wrongly_refused: u64,
    pub(super) kept_out: u64,
    pub(super) accepted_late: u64,
}

/// Of one store.
#[derive(Default, Debug)]
pub(super) struct StoreTally {
    pub(super) rotations: u64,
    pub(super) orphans: u64,
    pub(super) revived: u64,
    /// Orders that end versions, and that were reported as done; how many of them were looked into.
    pub(super) done: u64,
    /// Of those, the versions that stood all the same.
    pub(super) untrue: u64,
}

#[derive(Default, Debug)]
struct Counts {
    verifiers: BTreeMap<(&'static str, &'static str), Tally>,
    stores: BTreeMap<&'static str, StoreTally>,
    injected: BTreeMap<String, u64>,
    /// What else must not be: each with its words.
    broken: Vec<String>,
}

#[derive(Default, Debug)]
pub(super) struct Score(Mutex<Counts>);

impl Score {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn count(
        &self,
        (store, language): (&'static str, &'static str),
        count: impl FnOnce(&mut Tally),
    ) {
        count(self.lock().verifiers.entry((store, language)).or_default());
    }

    pub(super) fn store(&self, store: &'static str, count: impl FnOnce(&mut StoreTally)) {
        count(self.lock().stores.entry(store).or_default());
    }

    pub(super) fn injected(&self, what: &str) {
        *self.lock().injected.entry(what.to_owned()).or_default() += 1;
    }

    pub(super) fn broken(&self, what: String) {
        self.lock().broken.push(what);
    }

    /// All that must be nothing.
    pub(super) fn forbidden(&self) -> u64 {
        let counts = self.lock();
        let verifiers = counts.verifiers.values().map(|tally| tally.wrongly_refused + tally.accepted_late);
        let stores = counts.stores.values().map(|tally| tally.orphans + tally.revived + tally.untrue);
        verifiers.chain(stores).sum::<u64>() + counts.broken.len() as u64
    }

    /// What has to have happened, so that the rest says anything; the first that has not.
    pub(super) fn missing(&self) -> Option<String> {
        let counts = self.lock();
        let idle = counts.stores.iter().find(|(_, tally)| tally.rotations < 2);
        let deaf =
            counts.verifiers.iter().find(|(_, tally)| tally.accepted < 20 || tally.accepted < tally.unsure);
        idle.map(|(store, _)| format!("{store}: it hardly rotated")).or_else(|| {
            deaf.map(|((store, language), _)| format!("{store}, {language}: it hardly let anybody in"))
        })
    }

    /// One line.
    pub(super) fn line(&self) -> String {
        let counts = self.lock();
        let mut sums = [0; 4];
        for tally in counts.verifiers.values() {
            let calls = tally.calls();
            for (sum, more) in
                sums.iter_mut().zip([calls, tally.unsure, tally.wrongly_refused, tally.accepted_late])
            {
                *sum += more;
            }
        }
        let rotations: u64 = counts.stores.values().map(|tally| tally.rotations).sum();
        let injected: u64 = counts.injected.values().sum();
        let [calls, unsure, wrong, late] = sums;
        format!(
            "{rotations} rotations, {calls} calls, {unsure} unsure, {injected} events; {wrong} wrongly refused, {late} \
             accepted late"
        )
    }
}

impl Tally {
    fn calls(&self) -> u64 {
        let Self {
            accepted, unsure, silent, too_late_to_tell, wrongly_refused, kept_out, accepted_late, ..
        } = self;
        let excused: u64 = self.excused.values().sum();
        accepted + unsure + silent + too_late_to_tell + wrongly_refused + kept_out + accepted_late + excused
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.lock();
        let mut text = String::new();
        for (store, StoreTally { rotations, orphans, revived, done, untrue }) in &counts.stores {
            writeln!(
                text,
                "{store:<9} {rotations} rotations, {done} ends reported done; {orphans} ORPHANS, {revived} CURRENT TWICE, \
                 {untrue} REPORTED DONE THAT ARE NOT"
            )?;
        }
        for ((store, language), tally) in &counts.verifiers {
            let Tally {
                accepted,
                unsure,
                silent,
                too_late_to_tell,
                wrongly_refused,
                kept_out,
                accepted_late,
                ..
            } = tally;
            let excused: u64 = tally.excused.values().sum();
            writeln!(
                text,
                "{store:<9} {language:<11} {} calls: {accepted} let in, {unsure} unsure, {silent} not answered, \
                 {too_late_to_tell} refused after their time, {excused} refused and excused, {kept_out} rightly kept \
                 out; {wrongly_refused} WRONGLY REFUSED, {accepted_late} ACCEPTED LATE",
                tally.calls()
            )?;
        }
        let mut excuses = BTreeMap::<Excuse, u64>::new();
        for (excuse, count) in counts.verifiers.values().flat_map(|tally| &tally.excused) {
            *excuses.entry(*excuse).or_default() += count;
        }
        for (excuse, count) in excuses {
            writeln!(text, "excused   {count}: {}", excuse.rule())?;
        }
        let injected: Vec<_> =
            counts.injected.iter().map(|(what, count)| format!("{what} {count}")).collect();
        writeln!(text, "injected  {}", injected.join(", "))?;
        for broken in &counts.broken {
            writeln!(text, "BROKEN    {broken}")?;
        }
        f.write_str(&text)
    }
}
