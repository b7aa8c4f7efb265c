use std::{fs, io::BufReader};

use super::super::{Action, AuditLog, ChainError, Event, Outcome, Summary, Target, verify};
use crate::time::Timestamp;

fn event(detail: &str) -> Event {
    Event {
        action: Action::Order,
        secret: Some("mcp/slack-search".to_owned()),
        version: None,
        actor: "uid:0".to_owned(),
        peer: None,
        outcome: Outcome::Done,
        detail: Some(detail.to_owned()),
    }
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("new/audit.jsonl")
    }

    fn log(&self) -> AuditLog {
        AuditLog::open(&Target::File(self.path())).expect("a log")
    }

    fn write(&self, entries: usize) {
        let log = self.log();
        for n in 0..entries {
            log.record(
                Timestamp::from_millis(1_000 + n as u64),
                event(&format!("entry {n}\nwith \"quotes\"")),
            );
        }
        assert_eq!(log.failures(), 0);
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.path()).expect("a log").lines().map(str::to_owned).collect()
    }

    fn put(&self, lines: &[String]) {
        fs::write(self.path(), lines.join("\n") + "\n").expect("a write");
    }

    fn verify(&self) -> Result<Summary, ChainError> {
        verify(BufReader::new(fs::File::open(self.path()).expect("a log")))
    }
}

#[test]
fn a_chain_goes_on_across_processes_and_restarts() {
    let bench = Bench::new();
    bench.write(3);
    let (one, other) = (bench.log(), bench.log());
    for n in 0..20 {
        [&one, &other][n % 2].record(Timestamp::from_millis(5_000), event("interleaved"));
    }
    let summary = bench.verify().expect("a whole chain");
    assert_eq!((summary.entries, summary.torn), (23, 0));
}

#[test]
fn threads_that_write_at_once_keep_the_chain() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.write(10));
        }
    });
    assert_eq!(bench.verify().expect("a whole chain").entries, 40);
}

#[test]
fn editing_removing_swapping_and_inserting_a_line_is_found() {
    let bench = Bench::new();
    bench.write(6);
    let whole = bench.lines();
    let mut edited = whole.clone();
    edited[2] = edited[2].replace("entry 2", "entry 9");
    let mut removed = whole.clone();
    removed.remove(3);
    let mut swapped = whole.clone();
    swapped.swap(1, 2);
    let mut inserted = whole.clone();
    inserted.insert(2, whole[2].clone());
    for (what, lines) in
        [("edited", edited), ("removed", removed), ("swapped", swapped), ("inserted", inserted)]
    {
        bench.put(&lines);
        assert!(bench.verify().is_err(), "{what}");
    }
    bench.put(&whole);
    assert!(bench.verify().is_ok());
}

#[test]
fn a_line_that_a_crash_cut_short_is_told_from_an_edited_one() {
    let bench = Bench::new();
    bench.write(3);
    let text = fs::read_to_string(bench.path()).expect("a log");
    fs::write(bench.path(), &text[..text.len() - 20]).expect("a cut");
    assert_eq!(bench.verify().expect("torn at its end").torn, 1);
    bench.write(2);
    let summary = bench.verify().expect("set aside");
    assert_eq!((summary.entries, summary.torn), (4, 1));
}

#[test]
fn a_log_that_was_moved_away_begins_anew() {
    let bench = Bench::new();
    let log = bench.log();
    log.record(Timestamp::from_millis(1), event("before"));
    fs::rename(bench.path(), bench.folder.path().join("old")).expect("a move");
    log.record(Timestamp::from_millis(2), event("after"));
    assert_eq!(bench.verify().expect("a new chain").entries, 1);
}

#[test]
fn a_full_disk_is_counted_and_stops_nobody() {
    let log = AuditLog::open(&Target::File("/dev/full".into())).expect("it opens");
    log.record(Timestamp::from_millis(1), event("lost"));
    assert_eq!(log.failures(), 1);
}
