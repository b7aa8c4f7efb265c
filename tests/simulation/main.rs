//! Deterministic simulation: real daemons and real verifiers on virtual time, with everything going wrong at once.
//!
//! Several replicas (engines, distribution, HTTP API, the AWS store through the real SDK), servers with the real verify
//! crate, bots and people run in one thread, on a clock that jumps from event to event. Machines, network and store
//! are in memory; all chance comes from a seed, so that the same seed gives the same run. The promise is checked after
//! every event, on the store's true state; at the end it has to come to rest.
//!
//! A failure prints its seed, and the command that plays it alone and prints everything that happens:
//! `CROSSFADE_SEED=7 cargo test --test simulation a_hundred_seeds -- --nocapture`.
//!
//! `CROSSFADE_CALLS=target/calls cargo test --test simulation a_hundred_seeds` also writes what the daemons, bots and people
//! asked of Secrets Manager into that folder, a file a seed: `diff -r` between two releases shows whether they ask the same.

#![expect(clippy::disallowed_methods, reason = "seeds and the long runs are asked for by the test command")]

mod bots;
mod broken;
mod connection;
mod dice;
mod flag;
mod host;
mod journal;
mod network;
mod oracle;
mod orders;
mod people;
mod play;
mod replica;
mod scenario;
mod server;
mod trouble;
mod truth;
mod wire;
mod world;

use std::{
    ops::Range,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use journal::{Counted, Figures, Story};
use play::play;
use scenario::{Broken, Scenario};

/// The one seed that is to be played.
fn asked_for() -> Option<u64> {
    std::env::var("CROSSFADE_SEED").ok().map(|seed| seed.parse().expect("CROSSFADE_SEED is a number"))
}

fn assert_kept(test: &str, seed: u64, story: &Story) {
    assert!(
        story.wrongs.is_empty(),
        "{}\n\nseed {seed}: {}\nreplay it: CROSSFADE_SEED={seed} cargo test --test simulation {test} -- --nocapture",
        story.ending(),
        story.wrongs.join("\n"),
    );
}

#[test]
fn the_same_seed_plays_the_same_twice() {
    let seeds = asked_for().map_or(0..4, |seed| seed..seed + 1);
    for scenario in seeds.flat_map(|seed| [Scenario::drawn(seed, None), Scenario::single(seed)]) {
        let (story, again) = (play(scenario.clone()), play(scenario));
        let parted = story.lines.iter().zip(&again.lines).find(|(one, other)| one != other);
        assert_eq!(parted, None, "where the two runs part");
        assert_eq!(story.digest(), again.digest());
        assert_eq!(story.calls(), again.calls());
    }
}

/// Writes down what the store was asked, where somebody wants to compare that.
fn keep_calls(seed: u64, story: &Story) {
    let Some(folder) = std::env::var_os("CROSSFADE_CALLS") else { return };
    std::fs::create_dir_all(&folder).expect("a folder for the calls");
    let file = Path::new(&folder).join(format!("seed-{seed:04}.jsonl"));
    std::fs::write(file, story.calls()).expect("a file for the calls");
}

fn drawn(seed: u64) -> Scenario {
    Scenario::drawn(seed, None)
}

/// Plays them on all cores, each in one thread; those that break the promise.
fn play_all(seeds: Range<u64>, scenario: impl Fn(u64) -> Scenario + Sync) -> (Figures, Vec<(u64, Story)>) {
    let (next, end) = (AtomicU64::new(seeds.start), seeds.end);
    let results = Mutex::new((Figures::default(), Vec::new()));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= end {
                        return;
                    }
                    let story = play(scenario(seed));
                    keep_calls(seed, &story);
                    let (figures, wrong) = &mut *results.lock().expect("no panic");
                    figures.add(&story.figures);
                    if !story.wrongs.is_empty() {
                        wrong.push((seed, story));
                    }
                }
            });
        }
    });
    results.into_inner().expect("no panic")
}

/// Prints the figures, and of what fails the first one in full.
fn assert_all_kept(test: &str, seeds: Range<u64>, scenario: impl Fn(u64) -> Scenario + Sync) -> Figures {
    if let Some(seed) = asked_for() {
        let story = play(scenario(seed));
        keep_calls(seed, &story);
        println!("{}\n{}", story.lines.join("\n"), story.figures);
        assert_kept(test, seed, &story);
        return story.figures;
    }
    let (figures, mut wrong) = play_all(seeds.clone(), scenario);
    println!("seeds {seeds:?}: {figures}");
    wrong.sort_by_key(|(seed, _)| *seed);
    for (seed, story) in &wrong {
        println!("seed {seed}: {}", story.wrongs[0]);
    }
    if let Some((seed, story)) = wrong.first() {
        assert_kept(test, *seed, story);
    }
    figures
}

#[test]
fn a_hundred_seeds_keep_the_promise() {
    assert_all_kept("a_hundred_seeds", 0..100, drawn);
}

#[test]
fn one_daemon_on_a_store_of_its_own_keeps_the_promise() {
    assert_all_kept("one_daemon", 0..20, Scenario::single);
}

#[test]
fn a_store_that_takes_no_write_makes_no_view_old() {
    assert_all_kept("a_store_that_takes_no_write", 0..20, Scenario::on_a_full_disk);
}

/// As many seeds as it takes, after those of the fast tier; in a release build it is quicker by far.
#[test]
fn ten_thousand_rotations_keep_the_promise() {
    if std::env::var_os("CROSSFADE_FULL").is_none() || asked_for().is_some() {
        return;
    }
    let (mut figures, mut next) = (Figures::default(), 100);
    while figures.of(Counted::Rotations) < 10_000 {
        figures.add(&assert_all_kept("a_hundred_seeds", next..next + 100, drawn));
        next += 100;
    }
    println!("seeds 100..{next}: {figures}");
}

/// Within the hundred seeds, and as what it is.
fn assert_found(broken: Broken, as_what: Counted) {
    let found = (0..100).find(|seed| play(Scenario::drawn(*seed, Some(broken))).figures.of(as_what) > 0);
    println!("{broken:?} is found with seed {found:?}");
    assert!(found.is_some(), "{broken:?} went unnoticed");
}

#[test]
fn a_server_that_refuses_while_its_view_is_stale_is_found() {
    assert_found(Broken::RefusesWhileStale, Counted::WrongRefusals);
}

#[test]
fn a_promotion_without_a_soak_is_found() {
    assert_found(Broken::NoSoak, Counted::WrongRefusals);
}

#[test]
fn a_deadline_that_replicas_forget_is_found() {
    assert_found(Broken::NoteIsForgotten, Counted::WrongRefusals);
}

#[test]
fn a_clock_that_stops_in_suspend_is_found() {
    assert_found(Broken::ClocksStop, Counted::LateAcceptances);
}

#[test]
fn an_order_that_is_bound_to_what_a_replica_saw_last_is_found() {
    assert_found(Broken::BoundToTheLastView, Counted::UntrueOrders);
}

#[test]
fn an_end_that_replicas_forget_is_found() {
    assert_found(Broken::EndIsForgotten, Counted::LateAcceptances);
}

#[test]
fn a_value_that_hides_labels_from_replicas_is_found() {
    assert_found(Broken::ValueHidesLabels, Counted::LateAcceptances);
}
