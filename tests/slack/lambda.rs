//! The bots as functions of an emulator that runs Lambdas: called by their URLs, with the rights of `deploy/iam/bot.json`
//! and no others, and with their token from the emulator's own Secrets Manager, where the daemon rotates it.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use crossfade_testing_fleet::until;
use crossfade_testing_slack::{
    ANN,
    mention::Mention,
    responses::{Hiding, Pace, Run},
    system::FRESHNESS,
};

use crate::{
    cloud::{Cloud, LANGUAGES},
    judge::{Leak, Tallies},
};

/// Longer than the longest run, and what a slow machine adds.
const GRACE: Duration = Duration::from_secs(20);
/// In questions whose runs go on while the token rotates.
const LONG: &str = "Take your time:";

fn pace(question: &str) -> Pace {
    let (calls, pause) = if question.contains(LONG) { (12, 400) } else { (1, 100) };
    Pace { calls, pause: Duration::from_millis(pause), hiding: Hiding::Whole }
}

#[test]
fn as_lambdas_with_a_bots_rights_alone_the_bots_are_answered_before_during_and_after_a_rotation() {
    let Some(cloud) = Cloud::start(GRACE, pace) else { return };
    let first = cloud.token();
    for run in ask_both(&cloud, "Where is the runbook?", || ()) {
        assert!(run.token == first, "before a rotation: {}", run.question);
    }
    let mut rotations = Vec::new();
    // Once more where a run was over before the rotation was, on a slow machine: it shows nothing then.
    let tallies = (1..=5).find_map(|time| {
        let old = cloud.token();
        let question = format!("{LONG} where is the runbook? ({time})");
        let during = ask_both(&cloud, &question, || {
            cloud.rotate();
            rotations.push(Instant::now());
        });
        let new = cloud.token();
        assert!(new != old, "it rotates");
        assert!(during.iter().all(|run| run.token == old), "a run keeps its token");
        // By instances of the functions that have run before: what they have kept would show.
        for run in ask_both(&cloud, &format!("Who knows the runbook? ({time})"), || ()) {
            assert!(run.token == new, "after the rotation: {}", run.question);
        }
        let nothing_leaked = Leak { at: Instant::now(), tokens: BTreeSet::new() };
        let servers = [("rust", cloud.server.url())];
        let runs = cloud.hosted.runs();
        let tallies = Tallies::of(&runs, &servers, &nothing_leaked, &rotations, GRACE - FRESHNESS);
        tallies.all(|tally| tally.outlived >= 1).then_some(tallies)
    });
    let tallies = tallies.expect("both bots' runs outlive one of five rotations");
    println!("{} rotations\n{tallies}", rotations.len());
    assert!(tallies.all(|tally| (tally.wrongly_refused, tally.failed) == (0, 0)), "{tallies}");
    cloud.assert_discreet();
}

/// Each bot that question, at once, and does something while both are at work: the runs that they had made.
fn ask_both(cloud: &Cloud, question: &str, meanwhile: impl FnOnce()) -> Vec<Run> {
    let questions = LANGUAGES.map(|language| (language, format!("{question} [{language}]")));
    let runs_of = |question: &str| cloud.hosted.runs_of(question);
    thread::scope(|scope| {
        let asking: Vec<_> = questions
            .iter()
            .map(|(language, question)| scope.spawn(move || ask(cloud, language, question)))
            .collect();
        for (asking, (_, question)) in asking.iter().zip(&questions) {
            until("the server is called", || {
                let calls = runs_of(question).first().is_some_and(|run| run.steps.len() >= 3);
                (calls || asking.is_finished()).then_some(())
            });
        }
        meanwhile();
        for asked in asking {
            asked.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
    });
    let run = |question: &str| match &*runs_of(question) {
        [run] => run.clone(),
        runs => panic!("{} runs for one question: {}", runs.len(), cloud.logged()),
    };
    questions.iter().map(|(_, question)| run(question)).collect()
}

/// Delivers it as Slack does: it is answered with what Slack knows.
fn ask(cloud: &Cloud, language: &str, question: &str) {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let mention = Mention::new(ANN.0, question, NUMBER.fetch_add(1, Relaxed));
    let answer = cloud.deliver(language, &mention);
    assert_eq!(answer.status, 200, "{language}: {answer:?}: {}", cloud.logged());
    let answers = cloud.workspace.answers(&mention.thread);
    let [post] = &*answers else { panic!("{language}: {} answers: {}", answers.len(), cloud.logged()) };
    let found = post.text.contains("The deploy runbook moved to the wiki");
    assert!(found, "{language}: {}: {}", post.text, cloud.logged());
}
