//! People who ask a bot, one question after the other.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crossfade_testing_fleet::servers::Server;
use crossfade_testing_slack::{
    ANN, SECRET,
    bot::{Bot, Header, Kind},
    mention::Mention,
    responses::{Hiding, Pace, Run},
    system::System,
};

/// Of each channel: question numbers don't meet.
const NUMBERS: u64 = 10_000;

/// Every how many questions one takes long.
const LONG: u64 = 6;

/// One bot at one server.
pub(crate) struct Channel<'a> {
    pub(crate) system: &'a System,
    pub(crate) server: &'a Server,
    pub(crate) header: Header,
    first: u64,
    asked: u64,
    bot: Bot,
}

/// How runs go: `long` ones hold their token over several rotations; `endless` ones until it is ended, and then no more.
pub(crate) fn pace(question: &str, ended: &AtomicBool) -> Pace {
    let (calls, pause) = if question.contains("long") {
        (10, 1_000)
    } else if question.contains("endless") && !ended.load(Relaxed) {
        (200, 250)
    } else {
        (2, 200)
    };
    let hiding = if question.contains("item") { Hiding::Item } else { Hiding::Whole };
    Pace { calls, pause: std::time::Duration::from_millis(pause), hiding }
}

impl<'a> Channel<'a> {
    pub(crate) fn open(
        system: &'a System,
        server: &'a Server,
        header: Header,
        kind: &Kind,
        number: u64,
    ) -> Self {
        let bot = system.bot(kind, header, server).unwrap_or_else(|error| panic!("{error}"));
        Self { system, server, header, first: number * NUMBERS, asked: 0, bot }
    }

    pub(crate) fn name(&self) -> String {
        format!("{} bot, {} server, {}", self.bot.language, self.server.language, self.header.as_str())
    }

    /// The next question of everyday.
    pub(crate) fn ask(&mut self) -> String {
        let kind = if self.asked.is_multiple_of(LONG) { "long" } else { "short" };
        self.ask_so(kind)
    }

    /// The question of that kind was delivered and dealt with: its answer.
    pub(crate) fn ask_so(&mut self, kind: &str) -> String {
        self.asked += 1;
        let number = self.first + self.asked;
        let mention = Mention::new(ANN.0, &format!("{kind}: where is the runbook? [{number}]"), number);
        let status = self.bot.deliver(&mention).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(status, 200, "{}: {}", self.name(), self.bot.log());
        let answers = self.system.workspace.answers(&mention.thread);
        let [answer] = &*answers else {
            panic!("{}: {} answers to one question: {}", self.name(), answers.len(), self.bot.log())
        };
        answer.text.clone()
    }

    /// No token of anybody's stands in what the bot has said.
    pub(crate) fn assert_discreet(&self) {
        let (said, secret) = (self.bot.log(), self.system.aws.secret(SECRET).expect("it stays"));
        let tokens = secret.versions().iter().filter_map(|version| version.text());
        for token in tokens.chain([ANN.1]) {
            assert!(!said.contains(token), "{}: {said}", self.name());
        }
    }

    /// The runs for the questions of that kind, of the channel with that number.
    pub(crate) fn runs_of(system: &System, channel: u64, kind: &str) -> Vec<Run> {
        let of_it = |run: &Run| {
            let number =
                run.question.rsplit('[').next().map(|rest| rest.trim_end_matches(']').parse::<u64>());
            number.is_some_and(|number| number.is_ok_and(|number| number / NUMBERS == channel))
        };
        system.hosted.runs_of(&format!("{kind}:")).into_iter().filter(of_it).collect()
    }
}
