//! Rotations every few seconds under bots that work, a daemon that is killed, and a leak in the middle.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU8, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use crossfade_testing_fleet::{
    bots::{ask, passed},
    servers::Server,
    until,
};
use crossfade_testing_slack::{SECRET, bot::Header, responses::Outcome, system::System};

use crate::{
    built,
    channel::{Channel, pace},
    daemon,
    judge::{Leak, Tallies},
};

/// Longer than the longest run, and what a slow machine adds.
const GRACE: Duration = Duration::from_secs(20);
/// Between two rotations, of which each takes more than a second.
const PAUSE: Duration = Duration::from_millis(1_500);
/// Longer than freshness.
const OUTAGE: Duration = Duration::from_millis(1_500);

/// What the channels do.
const WORK: u8 = 0;
const LEAK: u8 = 1;
const OVER: u8 = 2;

/// Secrets Manager keeps 100 versions of a secret for a day: then it takes a new one.
const FULL: [usize; 2] = [55, 55];
const SHORT: [usize; 1] = [5];

#[test]
fn no_run_is_refused_while_the_token_rotates_and_the_daemon_dies_and_after_a_leak_the_bot_begins_again() {
    if built().is_none() {
        return;
    }
    let legs = if std::env::var_os("CROSSFADE_FULL").is_some() { &FULL[..] } else { &SHORT[..] };
    for rotations in legs {
        leg(*rotations);
    }
}

fn leg(rotations: usize) {
    let (servers, bots) = built().expect("looked at before");
    let ended = Arc::new(AtomicBool::new(false));
    let of_it = Arc::clone(&ended);
    let system = System::start(daemon(), GRACE, move |question| pace(question, &of_it));
    let system = system.unwrap_or_else(|error| panic!("{error:#}"));
    let start = |kind| system.server(kind).unwrap_or_else(|said| panic!("{said}"));
    let servers: Vec<Server> = servers.iter().map(start).collect();
    let headers = [Header::Authorization, Header::McpAccessToken];
    let at = |number: usize| (&servers[number / 2], headers[number % 2]);
    let open = &|number: usize| {
        let (server, header) = at(number);
        // Each server meets both bots, and each bot has both headers.
        let kind = &bots[(number / 2 + number) % 2];
        Channel::open(&system, server, header, kind, number as u64)
    };
    let channels: Vec<Channel<'_>> = thread::scope(|scope| {
        let opening: Vec<_> =
            (0..servers.len() * 2).map(|number| scope.spawn(move || open(number))).collect();
        opening.into_iter().map(|channel| channel.join().expect("it opens")).collect()
    });
    for channel in &channels {
        println!("{}", channel.name());
    }

    let (phase, done) = (AtomicU8::new(WORK), Mutex::new(Vec::new()));
    let leak = thread::scope(|scope| {
        let _over = Over(&phase);
        let working: Vec<_> = channels
            .into_iter()
            .enumerate()
            .map(|(number, channel)| {
                scope.spawn({
                    let phase = &phase;
                    move || work(channel, number, phase)
                })
            })
            .collect();
        scope.spawn(|| {
            while phase.load(Relaxed) != OVER {
                rotate(&system, &phase, &done);
                thread::sleep(PAUSE);
            }
        });
        let rotated = |wanted: usize| {
            for one_more in 1..=wanted {
                until("it rotates", || (done.lock().expect("a list").len() >= one_more).then_some(()));
            }
        };
        rotated(rotations / 3);
        system.kill_daemon();
        thread::sleep(OUTAGE);
        system.start_daemon();
        rotated(rotations * 2 / 3);
        // No rotation is under way while we hold the list: what the runs have is current.
        let mut list = done.lock().expect("a list");
        phase.store(LEAK, Relaxed);
        let leak = compromise(&system, &servers, &ended);
        list.push(Instant::now());
        phase.store(WORK, Relaxed);
        drop(list);
        rotated(rotations);
        phase.store(OVER, Relaxed);
        for channel in working {
            let said = channel.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            println!("{said}");
        }
        leak
    });

    let urls: Vec<_> = servers.iter().map(|server| (server.language, server.url())).collect();
    let done = done.into_inner().expect("a list");
    let runs = system.hosted.runs();
    let tallies = Tallies::of(&runs, &urls, &leak, &done, system.rightful());
    println!("{} rotations\n{tallies}", done.len());
    for run in &runs {
        for step in &run.steps {
            if let Outcome::Failed(said) = &step.outcome {
                println!("failed {:?} after {:?}: {said}", run.question, step.at - run.began);
            }
        }
    }
    assert!(done.len() >= rotations);
    assert!(tallies.all(|tally| tally.wrongly_refused == 0), "{tallies}");
    assert!(tallies.all(|tally| tally.ended >= 1), "the leaked token was in use: {tallies}");
    assert!(tallies.all(|tally| tally.accepted > 20 && tally.accepted > tally.failed), "{tallies}");
    assert!(tallies.all(|tally| tally.outlived >= 1), "{tallies}");
    assert!(tallies.most_outlived() >= 2, "{tallies}");
}

/// However the test ends, what works for it ends too.
struct Over<'a>(&'a AtomicU8);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(OVER, Relaxed);
    }
}

/// Rotates once, unless the channels have something else to do.
fn rotate(system: &System, phase: &AtomicU8, done: &Mutex<Vec<Instant>>) {
    let mut done = done.lock().expect("a list");
    if phase.load(Relaxed) != WORK {
        return;
    }
    let current = || {
        let secret = system.aws.secret(SECRET).expect("it stays");
        secret.labels().get("AWSCURRENT").cloned()
    };
    let before = current();
    // The daemon may be down: then it is done on the store itself. Sometimes there is no room yet for another note.
    let _ = system.try_crossfade(&["rotate", SECRET, "--wait", "--timeout", "10"]);
    if current() != before {
        done.push(Instant::now());
    }
}

/// Asks until it is over; how many answers were excuses.
fn work(mut channel: Channel<'_>, number: usize, phase: &AtomicU8) -> String {
    let (mut answers, mut excuses, mut leaks) = (0, 0, 0);
    loop {
        let answer = match phase.load(Relaxed) {
            WORK => channel.ask(),
            LEAK if leaks == 0 => {
                leaks += 1;
                channel.ask_so(if number.is_multiple_of(2) { "endless" } else { "endless item" })
            }
            LEAK => {
                thread::sleep(Duration::from_millis(50));
                continue;
            }
            _ => break,
        };
        answers += 1;
        if !answer.contains("The deploy runbook moved to the wiki") {
            assert!(answer.starts_with("I can't look that up"), "{}: {answer}", channel.name());
            excuses += 1;
        }
    }
    channel.assert_discreet();
    format!("{}: {answers} answers, of which {excuses} were excuses", channel.name())
}

/// While each channel has a run under way, the token leaks: those runs are refused, and their bots begin again.
fn compromise(system: &System, servers: &[Server], ended: &AtomicBool) -> Leak {
    let channels = || 0..servers.len() as u64 * 2;
    let runs = |channel| {
        let whole = Channel::runs_of(system, channel, "endless");
        if whole.is_empty() { Channel::runs_of(system, channel, "endless item") } else { whole }
    };
    for channel in channels() {
        until("a run is under way", || runs(channel).first().filter(|run| run.steps.len() >= 3).map(drop));
    }
    let secret = system.aws.secret(SECRET).expect("it stays");
    let tokens = secret.versions().iter().filter_map(|version| version.text().map(str::to_owned)).collect();
    let leak = Leak { at: Instant::now(), tokens };
    ended.store(true, Relaxed);
    system
        .crossfade(&["rotate", SECRET, "--compromised", "--wait"])
        .unwrap_or_else(|error| panic!("{error:#}"));
    for channel in channels() {
        let runs = until("the bot has begun again", || {
            Some(runs(channel)).filter(|runs| runs.iter().filter(|run| run.is_over).count() >= 2)
        });
        let [first, second] = &*runs else { panic!("{} runs for one question", runs.len()) };
        let outcome = |at: usize| runs[at].steps.last().map(|step| &step.outcome);
        assert_eq!(outcome(0), Some(&Outcome::Refused), "the run in flight: {first:?}");
        assert!(leak.tokens.contains(&first.token) && !leak.tokens.contains(&second.token));
        assert!(
            second.steps.iter().all(|step| step.outcome == Outcome::Accepted),
            "the next one: {second:?}"
        );
    }
    for server in servers {
        for header in ["Authorization", "mcp-access-token"] {
            for token in &leak.tokens {
                until("a verdict", || {
                    let status = ask(server.address, header, token)?;
                    assert!(!passed(status), "{}: {header}: what leaked opens nothing", server.language);
                    (status == 401).then_some(())
                });
            }
        }
    }
    leak
}
