//! What the demo shows, one thing after the other.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, ensure};
use crossfade_testing_fleet::{servers::Kind as ServerKind, until};
use crossfade_testing_slack::{
    ANN, SECRET,
    bot::{Bot, Header, Kind as BotKind},
    mention::Mention,
    responses::{Hiding, Outcome, Pace},
    system::System,
};

use crate::started::Started;

/// At least a run and what a slow machine adds.
const GRACE: Duration = Duration::from_secs(30);
/// Questions that begin so take seconds; and these take as long as it takes to end their token, but no longer.
const SLOWLY: &str = "Take your time:";
const LEAK: &str = "Take all the time you need:";

fn pace(question: &str, ended: &AtomicBool) -> Pace {
    let slow = question.contains(LEAK) && !ended.swap(true, Relaxed);
    let (calls, pause) = match (slow, question.contains(SLOWLY)) {
        (true, _) => (25, 1_000),
        (_, true) => (6, 1_000),
        _ => (2, 300),
    };
    Pace { calls, pause: Duration::from_millis(pause), hiding: Hiding::Whole }
}

struct Act<'a> {
    system: &'a System,
    began: Instant,
}

pub(crate) fn play(daemon: &Path, server: &ServerKind, bot: &BotKind, started: &Started) -> Result<()> {
    let began = Instant::now();
    let tell = |text: &str| println!("[{:4.1} s] {text}", began.elapsed().as_secs_f64());
    let ended = AtomicBool::new(false);
    tell("starting Secrets Manager (a strict fake), Slack and the LLM's host (stand-ins), and crossfade");
    let system = System::start(daemon, GRACE, move |question| pace(question, &ended))?;
    started.add(system.pid())?;
    tell(&format!(
        "starting the MCP server in {}, and the bot in {}: two instances of its Lambda",
        server.language, bot.language
    ));
    let server = system.server(server).map_err(|said| anyhow!("the server does not start: {said}"))?;
    started.add([server.pid()])?;
    let mut one = system.bot(bot, Header::Authorization, &server)?;
    started.add([one.pid()])?;
    let mut other = system.bot(bot, Header::Authorization, &server)?;
    started.add([other.pid()])?;
    let act = Act { system: &system, began };

    println!("\nBefore a rotation");
    act.ask(&mut one, 1, "where is the deploy runbook?")?;

    println!("\nDuring a rotation: a run that has begun keeps its token, a new one gets the new token");
    thread::scope(|scope| {
        let slow = scope.spawn(|| act.ask(&mut one, 2, "Take your time: is Friday's deploy off?"));
        act.until_called(SLOWLY);
        act.order(&["rotate", SECRET, "--wait"])?;
        act.ask(&mut other, 3, "who knows the runbook?")?;
        slow.join().map_err(|_| anyhow!("the slow question failed"))?
    })?;

    println!("\nAfter it");
    act.ask(&mut one, 4, "which database was moved?")?;

    println!(
        "\nAfter a leak: the token is replaced without grace, and the run that still holds it has to begin again"
    );
    thread::scope(|scope| {
        let slow =
            scope.spawn(|| act.ask(&mut one, 5, "Take all the time you need: where is the runbook now?"));
        act.until_called(LEAK);
        act.order(&["rotate", SECRET, "--compromised", "--wait"])?;
        slow.join().map_err(|_| anyhow!("the slow question failed"))?
    })?;

    println!("\nWhat crossfade knows");
    println!("{}", system.crossfade(&["status"])?.trim_end());
    act.sum()
}

impl Act<'_> {
    fn tell(&self, text: &str) {
        println!("[{:4.1} s] {text}", self.began.elapsed().as_secs_f64());
    }

    /// Sends the message, waits for the bot's answer, and tells which tokens it took.
    fn ask(&self, bot: &mut Bot, number: u64, question: &str) -> Result<()> {
        let mention = Mention::new(ANN.0, question, number);
        self.tell(&format!("ann: {question}"));
        let status = bot.deliver(&mention)?;
        let answers = self.system.workspace.answers(&mention.thread);
        let [answer] = &*answers else {
            return Err(anyhow!("{} answers: {status}\n{}", answers.len(), bot.log()));
        };
        self.tell(&format!("bot: {}", answer.text.lines().next().unwrap_or_default()));
        for line in answer.text.lines().skip(1) {
            println!("              {}", line.split(" (https").next().unwrap_or_default());
        }
        for run in self.system.hosted.runs_of(question) {
            let (version, stage) = self.system.version(&run.token).unwrap_or_default();
            let count = |is: fn(&Outcome) -> bool| run.steps.iter().filter(|step| is(&step.outcome)).count();
            let refused = count(|outcome| *outcome == Outcome::Refused);
            println!(
                "         run with version {}, {stage} now: {} requests accepted, {refused} refused{}",
                &version[..version.len().min(8)],
                count(|outcome| *outcome == Outcome::Accepted),
                if refused > 0 { " (401, which the LLM's host makes a 424)" } else { "" },
            );
        }
        ensure!(answer.text.contains(" found for "), "that is no answer: {}", bot.log());
        Ok(())
    }

    /// The question's run has begun to call the server.
    fn until_called(&self, question: &str) {
        until("the server is called", || {
            let runs = self.system.hosted.runs_of(question);
            runs.first().filter(|run| run.steps.len() >= 3).map(drop)
        });
    }

    fn order(&self, arguments: &[&str]) -> Result<()> {
        self.tell(&format!("$ crossfade {}", arguments.join(" ")));
        let said = self.system.crossfade(arguments)?;
        for line in said.lines() {
            println!("         {line}");
        }
        Ok(())
    }

    fn sum(&self) -> Result<()> {
        let runs = self.system.hosted.runs();
        let steps: Vec<&Outcome> = runs.iter().flat_map(|run| &run.steps).map(|step| &step.outcome).collect();
        let count = |is: fn(&Outcome) -> bool| steps.iter().filter(|outcome| is(outcome)).count();
        let accepted = count(|outcome| *outcome == Outcome::Accepted);
        let refused = count(|outcome| *outcome == Outcome::Refused);
        let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
        // One run held what had leaked, and was to be refused.
        let leaked = runs.iter().filter(|run| run.question.contains(LEAK)).flat_map(|run| &run.steps);
        let rightly = leaked.filter(|step| step.outcome == Outcome::Refused).count();
        let wrongly = refused - rightly;
        println!();
        self.tell(&format!(
            "{} runs, {accepted} requests accepted, {rightly} refused after the leak, {failed} failed, {wrongly} wrongly refused",
            runs.len()
        ));
        ensure!((rightly, wrongly, failed) == (1, 0, 0), "that is not as it has to be");
        Ok(())
    }
}
