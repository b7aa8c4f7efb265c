//! What the bots do with odd events, and the servers with odd Slack tokens.

use std::sync::atomic::AtomicBool;

use crossfade_testing_slack::{ANN, BEN, CAT, SIGNING_SECRET, bot::Header, mention::Mention, system::System};

use crate::{built, channel::pace, daemon};

#[test]
fn each_server_searches_with_the_askers_own_slack_token_and_says_what_is_wrong_with_another() {
    let Some((servers, bots)) = built() else { return };
    let ended = AtomicBool::new(false);
    let system =
        System::start(daemon(), std::time::Duration::from_secs(60), move |question| pace(question, &ended));
    let system = system.unwrap_or_else(|error| panic!("{error:#}"));
    for (n, kind) in servers.iter().enumerate() {
        let server = system.server(kind).unwrap_or_else(|said| panic!("{said}"));
        let mut bot = system
            .bot(&bots[n % 2], Header::McpAccessToken, &server)
            .unwrap_or_else(|error| panic!("{error}"));
        let mut number = 100 * n as u64;
        let mut ask = |user: &str, text: &str| {
            number += 1;
            let mention = Mention::new(user, text, number);
            assert_eq!(bot.deliver(&mention).unwrap_or_else(|error| panic!("{error}")), 200);
            let answers = system.workspace.answers(&mention.thread);
            assert_eq!(answers.len(), 1, "{}", bot.log());
            answers[0].text.clone()
        };
        let language = kind.language;
        let found = ask(ANN.0, "where is the \"runbook\"?");
        assert!(
            found.contains("1 found for \"<@U0BOT> where is the \\\"runbook\\\"?\""),
            "{language}: {found}"
        );
        let line = "- dora in #ops: The deploy runbook moved to the wiki: Deploys, then Runbook (https://example.slack.com/";
        assert!(found.contains(line), "{language}: {found}");
        let none = ask(ANN.0, "no such thing");
        assert!(none.contains("0 found for"), "{language}: {none}");
        let refused = ask(BEN.0, "where is the runbook?");
        let want = "Slack refuses the user's token (token_revoked): they have to connect their account again";
        assert!(refused.contains(want), "{language}: {refused}");
        let missing = ask(CAT, "where is the runbook?");
        let want = "no Slack token came with this call: the user has to connect their Slack account first";
        assert!(missing.contains(want), "{language}: {missing}");
    }
}

#[test]
fn a_bot_answers_an_event_once_and_none_that_slack_has_not_signed() {
    let Some((servers, bots)) = built() else { return };
    let ended = AtomicBool::new(false);
    let system =
        System::start(daemon(), std::time::Duration::from_secs(60), move |question| pace(question, &ended));
    let system = system.unwrap_or_else(|error| panic!("{error:#}"));
    let server = system.server(&servers[0]).unwrap_or_else(|said| panic!("{said}"));
    for (n, kind) in bots.iter().enumerate() {
        let mut bot =
            system.bot(kind, Header::Authorization, &server).unwrap_or_else(|error| panic!("{error}"));
        let mut mention = Mention::new(ANN.0, "where is the runbook?", n as u64);
        let mut deliver = |mention: &Mention, secret| {
            bot.deliver_signed(mention, secret).unwrap_or_else(|error| panic!("{error}"))
        };
        let answers = |mention: &Mention| system.workspace.answers(&mention.thread).len();
        assert_eq!(deliver(&mention, "another secret"), 401, "{}", kind.language);
        assert_eq!(answers(&mention), 0, "{}", kind.language);
        assert_eq!(deliver(&mention, SIGNING_SECRET), 200, "{}", kind.language);
        assert_eq!(answers(&mention), 1, "{}", kind.language);
        mention.retry = 1;
        assert_eq!(deliver(&mention, SIGNING_SECRET), 200, "{}", kind.language);
        assert_eq!(answers(&mention), 1, "{}", kind.language);
    }
}
