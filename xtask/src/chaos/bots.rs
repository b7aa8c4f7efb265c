//! Bots that play by the rules, and what is made of the answers that they get.

use std::time::Duration;

use crossfade_testing_fleet::{BOT, process::call};
use crossfade_testing_secretsmanager::{Answer, Fake, model::GetSecretValue};
use serde_json::Value;

use super::{
    dice::Dice,
    post::{Post, Verdict},
    promise,
    run::{Run, now_ms},
    side::Side,
};

/// Between two requests of a bot.
const PACE: Duration = Duration::from_millis(70);

/// What a bot has read, and from when on its time counts: from before it asked.
struct Held {
    version: String,
    token: String,
    read_ms: u64,
}

/// An answer that is judged once it is known what people and daemons had done by then.
pub(super) struct Doubt {
    whose: (&'static str, &'static str),
    version: String,
    secret: String,
    read_ms: Option<u64>,
    sent_ms: u64,
    answered_ms: u64,
    events: String,
}

/// How long an answer waits for its verdict.
const SETTLED_MS: u64 = 3_000;

pub(super) fn run(run: &Run, side: &Side, post: &Post, header: &str, fake: Option<&Fake>, mut dice: Dice) {
    let mut doubts = Vec::new();
    while !run.is_over() {
        let secret = side.active_one(dice.below(64)).to_owned();
        let Some(held) = read(side, &secret, fake, &mut dice) else {
            run.nap(Duration::from_millis(300));
            continue;
        };
        let until = held.read_ms + side.terms.use_of_a_token();
        while now_ms() < until && !run.is_over() {
            use_once(run, post, header, &secret, &held, until, &mut doubts);
            run.nap(PACE);
        }
        for overdue in side.overdue(now_ms(), &mut dice) {
            let sent_ms = now_ms();
            match post.ask(header, &overdue.token) {
                Verdict::Refused | Verdict::Unsure => {
                    run.score.count(post.whose(), |tally| tally.kept_out += 1)
                }
                Verdict::Silent => run.score.count(post.whose(), |tally| tally.silent += 1),
                Verdict::Accepted => doubts.push(Doubt {
                    whose: post.whose(),
                    version: overdue.version,
                    secret: overdue.secret,
                    read_ms: None,
                    sent_ms,
                    answered_ms: now_ms(),
                    events: run.last_events(),
                }),
            }
        }
        doubts = judge(run, side, doubts, false);
    }
    judge(run, side, doubts, true);
}

fn use_once(
    run: &Run,
    post: &Post,
    header: &str,
    secret: &str,
    held: &Held,
    until: u64,
    doubts: &mut Vec<Doubt>,
) {
    let sent_ms = now_ms();
    let verdict = post.ask(header, &held.token);
    let answered_ms = now_ms();
    if verdict == Verdict::Refused && answered_ms < until {
        doubts.push(Doubt {
            whose: post.whose(),
            version: held.version.clone(),
            secret: secret.to_owned(),
            read_ms: Some(held.read_ms),
            sent_ms,
            answered_ms,
            events: run.last_events(),
        });
        return;
    }
    run.score.count(post.whose(), |tally| match verdict {
        Verdict::Accepted => tally.accepted += 1,
        Verdict::Unsure => tally.unsure += 1,
        Verdict::Silent => tally.silent += 1,
        // What it is answered once the time is up is no wrong, however long it had waited.
        Verdict::Refused => tally.too_late_to_tell += 1,
    });
}

/// Decides on what has settled; returns the rest.
fn judge(run: &Run, side: &Side, doubts: Vec<Doubt>, all: bool) -> Vec<Doubt> {
    let now = now_ms();
    let mut left = Vec::new();
    for doubt in doubts {
        let ledger = side.ledger();
        if !all && (now < doubt.answered_ms + SETTLED_MS || ledger.is_ending(&doubt.secret)) {
            left.push(doubt);
            continue;
        }
        let Doubt { whose, version, read_ms, sent_ms, answered_ms, .. } = &doubt;
        let wrong = match read_ms {
            Some(_) => {
                let excuse = promise::excuse(&ledger, side.terms, version, *answered_ms);
                run.score.count(*whose, |tally| match excuse {
                    Some(excuse) => *tally.excused.entry(excuse).or_default() += 1,
                    None => tally.wrongly_refused += 1,
                });
                excuse.is_none().then_some("WRONGLY REFUSED")
            }
            None => {
                let late = promise::is_late(&ledger, side.terms, version, *sent_ms, *answered_ms);
                run.score
                    .count(*whose, |tally| if late { tally.accepted_late += 1 } else { tally.kept_out += 1 });
                late.then_some("ACCEPTED LATE")
            }
        };
        if let Some(wrong) = wrong {
            let (store, language) = whose;
            let read =
                read_ms.map_or_else(String::new, |read| format!("read {} ms before, ", sent_ms - read));
            let fate = ledger.fates.get(version).map(|fate| {
                let since = |at: &u64| i128::from(*at) - i128::from(*sent_ms);
                let standings: Vec<_> = fate.standings.iter().map(|(at, s)| (since(at), *s)).collect();
                format!(
                    "promoted {:?}, ended {:?}, {standings:?}",
                    fate.promoted_ms.as_ref().map(since),
                    fate.ended_ms.as_ref().map(since)
                )
            });
            println!(
                "\n{wrong}: {store}, {language}, {} version {version}: {read}sent at {sent_ms}, answered {} ms later; \
                 what is known of it, in ms from then: {}\nthe last events by then:\n{}\n",
                doubt.secret,
                answered_ms - sent_ms,
                fate.unwrap_or_default(),
                doubt.events,
            );
            run.tell(&format!("{wrong}: {store} {language} {version}"));
        }
    }
    left
}

/// The current token, as some bot reads it: from the store, from a daemon, or by the command.
fn read(side: &Side, secret: &str, fake: Option<&Fake>, dice: &mut Dice) -> Option<Held> {
    let (by, daemon) = (dice.below(8), dice.below(side.daemons.len()));
    let read_ms = now_ms();
    let (version, token) = match (fake, by) {
        (Some(fake), 0..5) => from_the_store(fake, secret)?,
        (None, 0) => by_command(side, secret)?,
        _ => from_a_daemon(side.daemons[daemon].listen, secret)?,
    };
    side.ledger().fate(secret, &version).token = Some(token.clone());
    Some(Held { version, token, read_ms })
}

fn from_the_store(fake: &Fake, secret: &str) -> Option<(String, String)> {
    let request = GetSecretValue { secret_id: secret.to_owned(), ..GetSecretValue::default() };
    let Answer::Reply(reply) = fake.call(Some("AKIDBOT"), request) else { return None };
    Some((reply["VersionId"].as_str()?.to_owned(), reply["SecretString"].as_str()?.to_owned()))
}

fn from_a_daemon(port: u16, secret: &str) -> Option<(String, String)> {
    let bearer = format!("Bearer {BOT}");
    let answer =
        call(port, "GET", &format!("/v1/token?secret={secret}"), &[("Authorization", &bearer)], "").ok()?;
    let body: Value = serde_json::from_str(&answer.body).ok().filter(|_| answer.status == 200)?;
    Some((body["version"].as_str()?.to_owned(), body["token"].as_str()?.to_owned()))
}

/// The command prints the token alone; which version it is, another one says.
fn by_command(side: &Side, secret: &str) -> Option<(String, String)> {
    let patience = Duration::from_secs(4);
    let said = side.by_hand.give(&["token", secret], None, patience).filter(|said| said.code == Some(0))?;
    let token = said.out.trim().to_owned();
    let audience = crossfade_testing_fleet::AUDIENCE;
    let verdict = side.by_hand.give(&["verify", "--audience", audience], Some(&token), patience)?;
    let body: Value = serde_json::from_str(&verdict.out).ok()?;
    Some((body["version"].as_str()?.to_owned(), token))
}
