//! The steps of a command. Each is told with its time, a step that fails keeps no other from running, and the end names
//! those that failed.

use std::{
    io::{self, Write as _},
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

/// What has run so far, from any thread.
pub(crate) struct Steps {
    started: Instant,
    ended: Mutex<Vec<Step>>,
}

struct Step {
    name: String,
    took: Duration,
    outcome: Outcome,
}

enum Outcome {
    Done,
    Failed(String),
    /// Another step has to be done first, and failed.
    Missed(&'static str),
}

impl Steps {
    pub(crate) fn begin() -> Self {
        Self { started: now(), ended: Mutex::new(Vec::new()) }
    }

    /// Runs a step; what it made, where it succeeded.
    pub(crate) fn run<T>(&self, name: impl Into<String>, step: impl FnOnce() -> Result<T>) -> Option<T> {
        let (name, began) = (name.into(), now());
        self.say(&format!("{name} …"));
        // Steps share nothing that a panic could leave half done.
        let (made, outcome) = match panic::catch_unwind(AssertUnwindSafe(step)) {
            Ok(Ok(made)) => (Some(made), Outcome::Done),
            Ok(Err(error)) => (None, Outcome::Failed(format!("{error:#}"))),
            Err(_) => (None, Outcome::Failed("it panicked: see above".to_owned())),
        };
        self.end_of(Step { name, took: now() - began, outcome });
        made
    }

    /// Runs a step that needs what an earlier one made; without it the step is named, and counts as failed.
    pub(crate) fn run_with<N, T>(
        &self,
        name: &str,
        needed: Option<N>,
        by: &'static str,
        step: impl FnOnce(N) -> Result<T>,
    ) -> Option<T> {
        match needed {
            Some(needed) => self.run(name, || step(needed)),
            None => {
                let (name, took) = (name.to_owned(), Duration::ZERO);
                self.end_of(Step { name, took, outcome: Outcome::Missed(by) });
                None
            }
        }
    }

    fn end_of(&self, step: Step) {
        let took = step.took.as_secs_f64();
        match &step.outcome {
            Outcome::Done => self.say(&format!("{}: done in {took:.1} s", step.name)),
            Outcome::Failed(why) => self.say(&format!("{}: FAILED after {took:.1} s: {why}", step.name)),
            Outcome::Missed(by) => {
                self.say(&format!("{}: NOT RUN, it needs \"{by}\", which failed", step.name))
            }
        }
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push(step);
    }

    fn say(&self, line: &str) {
        let at = (now() - self.started).as_secs();
        eprintln!("xtask: [{:>2}:{:02}] {line}", at / 60, at % 60);
    }

    /// Prints a line for each step, then those that failed; an error where one did.
    pub(crate) fn end(self, with_times: bool) -> Result<()> {
        let took = now() - self.started;
        let mut ended = self.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        if with_times {
            // The longest first: that is where the time goes.
            ended.sort_by_key(|step| std::cmp::Reverse(step.took));
            eprintln!("\nWhere the time went (steps that run side by side are both counted):");
            for step in &ended {
                eprintln!("{:>8.1} s  {}", step.took.as_secs_f64(), step.name);
            }
        }
        let (failed, done): (Vec<_>, Vec<_>) =
            ended.iter().partition(|step| !matches!(step.outcome, Outcome::Done));
        eprintln!("\n{} steps done, {} failed, in {:.0} s", done.len(), failed.len(), took.as_secs_f64());
        for step in &failed {
            match &step.outcome {
                Outcome::Done => {}
                Outcome::Failed(why) => eprintln!("FAILED   {}: {why}", step.name),
                Outcome::Missed(by) => eprintln!("NOT RUN  {}: it needs \"{by}\"", step.name),
            }
        }
        io::stderr().flush()?;
        ensure!(
            failed.is_empty(),
            "{} of {} steps failed, or were not run: see above",
            failed.len(),
            ended.len()
        );
        Ok(())
    }
}

#[expect(clippy::disallowed_methods, reason = "a developer's command tells how long its steps take")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::Steps;

    #[test]
    fn a_step_that_fails_keeps_no_other_from_running_and_the_end_is_an_error() {
        let steps = Steps::begin();
        let broken: Option<()> = steps.run("the first", || bail!("broken on purpose"));
        let missed = steps.run_with("what needs the first", broken, "the first", |()| Ok("ran"));
        let _: Option<()> = steps.run("what panics", || panic!("on purpose"));
        let last = steps.run("the last", || Ok("ran"));
        assert_eq!((missed, last), (None, Some("ran")));
        let error = steps.end(true).expect_err("three did not succeed").to_string();
        assert!(error.starts_with("3 of 4 steps failed"), "{error}");
    }

    #[test]
    fn a_run_without_a_failure_is_no_error() {
        let steps = Steps::begin();
        let made = steps.run("the first", || Ok(7));
        let doubled = steps.run_with("the second", made, "the first", |made| Ok(made * 2));
        assert_eq!(doubled, Some(14));
        steps.end(false).expect("nothing failed");
    }
}
