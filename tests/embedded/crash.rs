//! Processes that are killed at any moment, and processes that work at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    time::Duration,
};

use crossfade::{
    clock::SystemClock,
    rotation::{
        plan::{Step, Why},
        ring::Ring,
    },
    store::{Reading, Versions, WriteError, embedded::Embedded},
};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::{
    disk::{again, directory},
    embedded::{handle, revision, sqlite},
};

const CHILD: &str = "crash::child_that_rotates";

fn open(directory: &Path) -> Embedded {
    Embedded::open(directory, &directory.join("key"), Arc::new(SystemClock)).expect("it opens")
}

#[tokio::test]
#[ignore = "run by other tests, and killed"]
async fn child_that_rotates() {
    let Some(directory) = directory() else { return };
    let store = open(&directory);
    let database = sqlite(&directory);
    for turn in 0.. {
        let (mut versions, seen, revision) = look(&store, &database).await;
        println!("{}", Said::of(&seen, revision).line());
        let step = any_step(seen.ring.as_ref(), turn);
        match versions.apply(&step.because(Why::Missing)).await {
            Ok(_) | Err(WriteError::Conflict) => {}
            // A sibling was quicker eight times over; or the machine is busy.
            Err(WriteError::Unavailable(_)) => {}
            Err(error) => panic!("{step:?}: {error:?}"),
        }
    }
}

/// A read, and the revision that it showed: nobody has taken a step meanwhile.
async fn look(store: &Embedded, database: &Connection) -> (Box<dyn Versions>, Reading, u64) {
    loop {
        let before = revision(database);
        let (versions, seen) = handle(store).await;
        if revision(database) == before {
            return (versions, seen, before);
        }
    }
}

fn any_step(ring: Option<&Ring>, turn: u32) -> Step {
    let Some(ring) = ring else { return Step::Create };
    let current = ring.current.id;
    match ring.pending {
        _ if ring.previous.len() > 3 => Step::Retire { version: ring.previous[3].version.id },
        None => Step::Stage { current },
        Some(pending) if turn.is_multiple_of(11) => Step::Drop { pending: pending.id },
        Some(pending) => {
            Step::Promote { pending: pending.id, current, accepted_for: Duration::from_secs(60) }
        }
    }
}

/// A state, as a child has read it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Said {
    revision: u64,
    now: u64,
    /// Each version's stage, id and digest; the current one first.
    versions: Vec<String>,
}

impl Said {
    fn of(reading: &Reading, revision: u64) -> Self {
        let mut versions = Vec::new();
        if let Some(ring) = &reading.ring {
            let stages = ["current"].into_iter().chain(ring.pending.map(|_| "pending"));
            let stages = stages.chain(std::iter::repeat("previous"));
            versions =
                stages.zip(ring.versions()).map(|(s, v)| format!("{s}:{}:{}", v.id, v.digest)).collect();
        }
        Self { revision, now: reading.now.earliest.as_millis(), versions }
    }

    fn line(&self) -> String {
        format!("said {} {} {}", self.revision, self.now, self.versions.join(" "))
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("said ")?.split_whitespace();
        let (revision, now) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        Some(Self { revision, now, versions: words.map(str::to_owned).collect() })
    }
}

/// All that was ever said, and what must hold between it.
#[derive(Default)]
struct History {
    states: BTreeMap<u64, Vec<String>>,
    digests: BTreeMap<String, String>,
    now: u64,
}

impl History {
    fn add(&mut self, said: &Said) {
        let state = self.states.entry(said.revision).or_insert_with(|| said.versions.clone());
        assert_eq!(*state, said.versions, "revision {} was another state before", said.revision);
        for version in &said.versions {
            let (stage_and_id, digest) = version.rsplit_once(':').expect("a digest");
            let (_, id) = stage_and_id.split_once(':').expect("an id");
            let known = self.digests.entry(id.to_owned()).or_insert_with(|| digest.to_owned());
            assert_eq!(known, digest, "version {id} has another token");
        }
    }

    /// Currents, pendings and previous ones, each id in one run of states only.
    fn no_version_came_back(&self) {
        let mut over: BTreeSet<String> = BTreeSet::new();
        let mut last: Vec<String> = Vec::new();
        for (revision, versions) in &self.states {
            let current = versions.iter().filter(|v| v.starts_with("current:")).count();
            assert!(current == 1 || versions.is_empty(), "revision {revision}: {versions:?}");
            for version in versions {
                assert!(!over.contains(version), "revision {revision}: {version} came back");
            }
            over.extend(last.iter().filter(|v| !versions.contains(v)).cloned());
            last.clone_from(versions);
        }
    }
}

fn start(directory: &Path) -> Child {
    again(CHILD, directory).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
}

/// Lets the children work for that long once each has begun, kills them, and returns what they said.
#[expect(clippy::disallowed_methods, reason = "the children are real processes, in real time")]
fn work_and_die(directory: &Path, children: usize, time: Duration) -> Vec<Said> {
    let mut children: Vec<_> = (0..children).map(|_| start(directory)).collect();
    let mut pipes: Vec<_> =
        children.iter_mut().map(|c| BufReader::new(c.stdout.take().expect("a pipe"))).collect();
    let mut said = Vec::new();
    for pipe in &mut pipes {
        let first = pipe.by_ref_lines().find_map(|line| Said::parse(&line));
        said.push(first.expect("the child works"));
    }
    std::thread::sleep(time);
    for child in &mut children {
        child.kill().expect("SIGKILL");
        child.wait().expect("it is gone");
    }
    for pipe in &mut pipes {
        said.extend(pipe.by_ref_lines().filter_map(|line| Said::parse(&line)));
    }
    said
}

trait Lines {
    /// Whole lines only: the last one may have been cut.
    fn by_ref_lines(&mut self) -> impl Iterator<Item = String>;
}

impl<R: std::io::Read> Lines for BufReader<R> {
    fn by_ref_lines(&mut self) -> impl Iterator<Item = String> {
        std::iter::from_fn(|| {
            let mut line = String::new();
            self.read_line(&mut line).ok()?;
            line.ends_with('\n').then_some(line)
        })
    }
}

/// How often; many more times where the whole truth is wanted.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is up to whoever runs it")]
fn rounds(fast: u32, full: u32) -> u32 {
    if std::env::var_os("CROSSFADE_FULL").is_some() { full } else { fast }
}

async fn dies_and_lives_on(children: usize, rounds: u32) {
    let directory = tempdir().unwrap();
    let mut history = History::default();
    let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..rounds {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let said = work_and_die(directory.path(), children, Duration::from_micros(dice % 30_000));
        let acknowledged = said.iter().map(|said| said.revision).max().expect("something was said");
        let (_, found, revision) = look(&open(directory.path()), &sqlite(directory.path())).await;
        let found = Said::of(&found, revision);
        for said in said.iter().chain([&found]) {
            history.add(said);
        }
        let in_flight = acknowledged + children as u64;
        assert!((acknowledged..=in_flight).contains(&found.revision), "round {round}: {found:?}");
        assert!(found.now >= history.now, "round {round}: the clock ran back");
        history.now = found.now;
    }
    history.no_version_came_back();
    assert!(history.states.len() > rounds as usize, "{} states were seen", history.states.len());
    println!("{rounds} rounds, {} states", history.states.len());
}

#[tokio::test]
async fn a_process_that_is_killed_at_any_moment_loses_and_revives_nothing() {
    dies_and_lives_on(1, rounds(30, 1_000)).await;
}

#[tokio::test]
async fn processes_that_work_at_once_and_are_killed_lose_and_revive_nothing() {
    dies_and_lives_on(3, rounds(8, 200)).await;
}
