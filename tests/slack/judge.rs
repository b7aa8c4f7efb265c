//! Which refusals were right, by the rules that a bot plays by.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::{Duration, Instant},
};

use crossfade_testing_slack::{
    bot::Header,
    responses::{Outcome, Run},
};

/// What a person has ended: every token that there was, at that time.
pub(crate) struct Leak {
    pub(crate) at: Instant,
    pub(crate) tokens: BTreeSet<String>,
}

/// Of one server and one header.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    pub(crate) accepted: u64,
    pub(crate) failed: u64,
    /// A person had ended the token.
    pub(crate) ended: u64,
    /// The run was longer than a token is good for: on a machine that stood still.
    pub(crate) overheld: u64,
    pub(crate) wrongly_refused: u64,
    /// How many rotations one run's token has outlived, at most.
    pub(crate) outlived: usize,
}

pub(crate) struct Tallies(BTreeMap<(&'static str, &'static str), Tally>);

impl Tallies {
    /// Each server by the URL at which it was called.
    pub(crate) fn of(
        runs: &[Run],
        servers: &[(&'static str, String)],
        leak: &Leak,
        rotations: &[Instant],
        rightful: Duration,
    ) -> Self {
        let mut tallies = BTreeMap::new();
        for (language, _) in servers {
            for header in [Header::Authorization, Header::McpAccessToken] {
                tallies.insert((*language, header.as_str()), Tally::default());
            }
        }
        for run in runs {
            let server = servers.iter().find(|(_, url)| *url == run.server);
            let (language, _) = server.expect("one of the servers");
            let tally = tallies.entry((*language, run.header.as_str())).or_default();
            tally.runs += 1;
            for step in &run.steps {
                let count = match step.outcome {
                    Outcome::Accepted => &mut tally.accepted,
                    Outcome::Failed(_) => &mut tally.failed,
                    Outcome::Refused if leak.tokens.contains(&run.token) && step.at >= leak.at => {
                        &mut tally.ended
                    }
                    Outcome::Refused if step.at - run.began >= rightful => &mut tally.overheld,
                    Outcome::Refused => &mut tally.wrongly_refused,
                };
                *count += 1;
            }
            let mut accepted = run.steps.iter().filter(|step| step.outcome == Outcome::Accepted);
            if let Some(last) = accepted.next_back() {
                let outlived = rotations.iter().filter(|at| (run.began..last.at).contains(*at)).count();
                tally.outlived = tally.outlived.max(outlived);
            }
        }
        Self(tallies)
    }

    pub(crate) fn all(&self, holds: impl Fn(&Tally) -> bool) -> bool {
        self.0.values().all(holds)
    }

    pub(crate) fn most_outlived(&self) -> usize {
        self.0.values().map(|tally| tally.outlived).max().unwrap_or_default()
    }
}

impl fmt::Display for Tallies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((server, header), tally) in &self.0 {
            let Tally { runs, accepted, failed, ended, overheld, wrongly_refused, outlived } = tally;
            writeln!(
                f,
                "{server:<11} {header:<17} {runs} runs: {accepted} requests accepted, {failed} failed, {ended} refused after \
                 the leak, {overheld} after their time, {wrongly_refused} WRONGLY REFUSED; a token outlived {outlived} rotations"
            )?;
        }
        Ok(())
    }
}
