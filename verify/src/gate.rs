//! Who waits for a younger view: many may need one, one refresh runs, and an outage holds up few.
//!
//! It reads no clock and draws nothing: `docs/protocol.md` says what it has to do, and `pace.json` of the vectors holds
//! each rule.

use crate::clock::Moment;

/// How long a refresh may take.
pub(crate) const LIMIT_MS: u64 = 2_000;

/// One that runs still so long after its start was overtaken by a freeze, and not by a timer that is a little late.
const FROZEN_MS: u64 = 3_000;

/// How long after the end of one nobody starts another, so that garbage can't drive requests.
const COOL_DOWN_MS: u64 = 1_000;

/// After the first failure nobody waits for so long because of an old view; doubled with each more in a row.
const FIRST_WAIT_MS: u64 = 1_000;
const LONGEST_WAIT_MS: u64 = 60_000;

/// So long after its wait a failure is forgotten: nobody has asked for a while, as after a freeze.
const FORGOTTEN_MS: u64 = 2_000;

/// Why a request needs a younger view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without one nothing can be said of its token.
    Unsure,
    /// Its token would be accepted, by a view that is not young.
    Old,
}

/// What is to be done by a request that needs a younger view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Answer {
    /// Start a refresh, and wait for its end.
    Start,
    /// Wait for the end of the one that runs.
    Join,
    /// Decide with what there is.
    Decide,
}

/// Who may wait for a younger view, in one place for all who need one.
#[derive(Debug, Default)]
pub struct Gate {
    running: Option<Running>,
    /// When the last one ended.
    ended: Option<Moment>,
    failed: Option<Failure>,
    /// In a row.
    failures: u32,
}

/// A refresh; no two are started at one moment, so this moment tells them apart.
#[derive(Clone, Copy, Debug)]
struct Running {
    started: Moment,
    random: f64,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    at: Moment,
    wait_ms: u64,
}

impl Gate {
    /// What a request does. Whoever starts a refresh tells its [end](Self::end). `random` is from 0 to 1: what the wait is
    /// drawn with, should the refresh that this request starts fail.
    pub fn ask(&mut self, need: Need, at: Moment, random: f64) -> Answer {
        self.give_up(at);
        if need == Need::Old
            && let Some(Failure { at: failed, wait_ms }) = self.failed
        {
            let since_ms = at.elapsed_since_ms(failed);
            if since_ms < wait_ms {
                return Answer::Decide;
            }
            if since_ms < wait_ms + FORGOTTEN_MS {
                return if self.running.is_some() { Answer::Decide } else { self.start(at, random) };
            }
            self.forget();
        }
        let cooling = self.ended.is_some_and(|ended| at.elapsed_since_ms(ended) < COOL_DOWN_MS);
        match self.running {
            Some(_) => Answer::Join,
            None if cooling => Answer::Decide,
            None => self.start(at, random),
        }
    }

    /// The refresh that was `started` then has ended: did it bring a view? One that comes late is over already, and
    /// ends no other.
    pub fn end(&mut self, started: Moment, succeeded: bool, at: Moment) {
        self.give_up(at);
        if let Some(running) = self.running.take_if(|running| running.started == started) {
            self.over(running, succeeded, at);
        }
    }

    fn start(&mut self, started: Moment, random: f64) -> Answer {
        self.running = Some(Running { started, random });
        Answer::Start
    }

    fn over(&mut self, Running { random, .. }: Running, forgets: bool, at: Moment) {
        self.ended = Some(at);
        if forgets {
            self.forget();
        } else {
            let limit_ms = FIRST_WAIT_MS.saturating_mul(1 << self.failures.min(10)).min(LONGEST_WAIT_MS);
            let wait_ms = (limit_ms as f64 * (0.5 + random / 2.0)) as u64;
            self.failed = Some(Failure { at, wait_ms });
            self.failures = self.failures.saturating_add(1);
        }
    }

    fn forget(&mut self) {
        (self.failed, self.failures) = (None, 0);
    }

    /// One that should have ended, and has not, has failed when its time was over. After a freeze that says nothing, nor
    /// does what failed before.
    fn give_up(&mut self, at: Moment) {
        let late = |running: &mut Running| at.elapsed_since_ms(running.started) > LIMIT_MS;
        if let Some(running) = self.running.take_if(late) {
            let Moment { boot_ms, wall_ms } = running.started;
            let over = Moment { boot_ms: boot_ms + LIMIT_MS, wall_ms: wall_ms + LIMIT_MS };
            self.over(running, at.elapsed_since_ms(running.started) > FROZEN_MS, over);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Pace {
        gate: Vec<Case>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        random: f64,
        events: Vec<Event>,
    }

    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Event {
        at: At,
        ask: Option<String>,
        answer: Option<String>,
        end: Option<String>,
        /// Which of the refreshes that were started, from 1.
        of: Option<usize>,
    }

    #[derive(serde::Deserialize)]
    struct At {
        boot_ms: u64,
        wall_ms: u64,
    }

    #[test]
    fn who_waits_is_as_the_vectors_say() {
        let pace: Pace = serde_json::from_str(include_str!("../vectors/pace.json")).expect("vectors");
        assert!(pace.gate.len() >= 16, "cases are missing");
        for Case { name, random, events } in pace.gate {
            let (mut gate, mut started) = (Gate::default(), Vec::new());
            for (n, Event { at: At { boot_ms, wall_ms }, ask, answer, end, of }) in
                events.into_iter().enumerate()
            {
                let at = Moment { boot_ms, wall_ms };
                match (ask.as_deref(), end.as_deref()) {
                    (Some(need), None) => {
                        let need = if need == "old" { Need::Old } else { Need::Unsure };
                        let said = match gate.ask(need, at, random) {
                            Answer::Start => {
                                started.push(at);
                                "start"
                            }
                            Answer::Join => "join",
                            Answer::Decide => "decide",
                        };
                        assert_eq!(Some(said), answer.as_deref(), "{name}: event {n}");
                    }
                    (None, Some(end)) => {
                        gate.end(started[of.unwrap_or(started.len()) - 1], end == "succeeded", at);
                    }
                    _ => panic!("{name}: event {n}"),
                }
            }
        }
    }
}
