use std::{fs, io::BufReader};

use rustix::fs::{FlockOperation, flock};

use super::{
    super::{
        AuditLog, ChainError, Event, Summary, Target,
        chain::LINE_BYTES,
        event::tests::event,
        verify,
        writer::{Account, Writer},
    },
    Log,
};
use crate::time::Timestamp;

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

/// Each thread opens the file for itself, and such locks part open files as they part processes.
#[test]
fn handles_that_write_at_once_keep_the_chain() {
    let bench = Bench::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| bench.write(10));
        }
    });
    assert_eq!(bench.verify().expect("a whole chain").entries, 40);
}

#[test]
fn editing_removing_swapping_and_inserting_a_line_is_found_at_its_place() {
    let bench = Bench::new();
    bench.write(6);
    let whole = bench.lines();
    let with = |change: fn(&mut Vec<String>)| {
        let mut lines = whole.clone();
        change(&mut lines);
        lines
    };
    for (what, lines, want) in [
        ("edited", with(|lines| lines[2] = lines[2].replace("entry 2", "entry 9")), "line 4 does not fit"),
        ("removed", with(|lines| drop(lines.remove(3))), "line 4 is number 5, where 4"),
        ("removed first", with(|lines| drop(lines.remove(0))), "line 1 is number 2, where 1"),
        ("swapped", with(|lines| lines.swap(1, 2)), "line 2 is number 3, where 2"),
        ("inserted", with(|lines| lines.insert(2, lines[2].clone())), "line 4 is number 3, where 4"),
        ("spoilt", with(|lines| lines[2].truncate(9)), "line 3 is no entry"),
        ("emptied", with(|lines| lines.insert(2, String::new())), "line 3 is no entry"),
    ] {
        bench.put(&lines);
        let said = bench.verify().expect_err(what).to_string();
        assert!(said.starts_with(want), "{what}: {said}");
    }
    bench.put(&whole);
    assert!(bench.verify().is_ok());
}

#[test]
fn an_edit_that_reads_alike_is_found() {
    let bench = Bench::new();
    bench.log().record(Timestamp::from_millis(1), event("a \u{fffd}"));
    bench.write(1);
    let mut bytes = fs::read(bench.path()).expect("a log");
    let at = bytes.windows(3).position(|window| window == "\u{fffd}".as_bytes()).expect("the sign");
    bytes.splice(at..at + 3, [0xff]);
    fs::write(bench.path(), bytes).expect("an edit");
    assert!(bench.verify().is_err());
}

#[test]
fn a_chain_cut_at_its_end_is_whole_and_has_another_last_hash() {
    let bench = Bench::new();
    bench.write(4);
    let before = bench.verify().expect("a whole chain");
    bench.put(&bench.lines()[..3]);
    let after = bench.verify().expect("whole to the eye");
    assert_eq!((before.entries, after.entries), (4, 3));
    assert_ne!(before.last_hash, after.last_hash);
}

#[test]
fn whatever_a_crash_leaves_the_chain_goes_on_and_says_so() {
    let part = r#"{"seq":4,"ti"#;
    for (what, left, torn) in [
        ("a cut line", part.to_owned(), 1),
        ("one more crash while that was set aside", format!("{part}\n{part}"), 1),
        ("a crash right after the line feed", format!("{part}\n"), 1),
        ("blocks that never reached the disk", "\0".repeat(5_000), 1),
        ("much more than a line", format!("{part}\n").repeat(9_000), 1),
        ("nothing", String::new(), 0),
    ] {
        let bench = Bench::new();
        bench.write(3);
        let text = fs::read_to_string(bench.path()).expect("a log") + &left;
        fs::write(bench.path(), &text).expect("a crash");
        let ended = bench.verify().expect(what);
        assert_eq!((ended.entries, ended.torn), (3, torn), "{what}");
        bench.write(2);
        let summary = bench.verify().expect(what);
        assert_eq!((summary.entries, summary.torn), (5 + torn, torn), "{what}");
    }
}

#[test]
fn what_a_crash_left_can_t_be_changed_later() {
    let bench = Bench::new();
    bench.write(3);
    let text = fs::read_to_string(bench.path()).expect("a log");
    fs::write(bench.path(), text + "{\"torn").expect("a crash");
    bench.write(1);
    let text = fs::read_to_string(bench.path()).expect("a log");
    for changed in [text.replace("{\"torn\n", "{\"born\n"), text.replace("{\"torn\n", "")] {
        assert_ne!(changed, text);
        fs::write(bench.path(), changed).expect("an edit");
        assert!(matches!(bench.verify(), Err(ChainError::Torn { .. })));
    }
}

#[test]
fn an_entry_that_lacks_only_its_line_feed_counts() {
    let bench = Bench::new();
    bench.write(3);
    let text = fs::read_to_string(bench.path()).expect("a log");
    fs::write(bench.path(), text.trim_end()).expect("a crash");
    assert_eq!(bench.verify().expect("a whole chain").entries, 3);
    bench.write(2);
    let summary = bench.verify().expect("a whole chain");
    assert_eq!((summary.entries, summary.torn), (5, 0));
}

#[test]
fn a_crash_after_any_byte_leaves_a_chain_that_goes_on() {
    let bench = Bench::new();
    bench.write(2);
    let text = fs::read(bench.path()).expect("a log");
    for length in 0..text.len() {
        fs::write(bench.path(), &text[..length]).expect("a crash");
        bench.verify().expect("it ends torn");
        bench.write(1);
        bench.verify().expect("it goes on");
    }
}

#[test]
fn a_log_that_was_moved_away_begins_anew_and_names_the_last_hash() {
    let bench = Bench::new();
    let (ours, other) = (bench.log(), bench.log());
    ours.record(Timestamp::from_millis(1), event("before"));
    other.record(Timestamp::from_millis(2), event("before, by another process"));
    let before = bench.verify().expect("a chain");
    fs::rename(bench.path(), bench.folder.path().join("old")).expect("a move");
    ours.record(Timestamp::from_millis(3), event("after"));
    other.record(Timestamp::from_millis(4), event("after, by another process"));
    let after = bench.verify().expect("a new chain");
    assert_eq!((after.entries, after.continues), (3, Some(before.last_hash)));
}

#[test]
fn a_line_is_bounded_and_no_entry_is_lost_for_its_length() {
    let bench = Bench::new();
    let log = bench.log();
    for sign in ["\u{1}", "\"", "x", "é", "\n", "\u{1f512}"] {
        let long = || sign.repeat(9_000);
        let event = Event {
            secret: Some(long()),
            version: Some(long()),
            actor: long(),
            peer: Some(long()),
            detail: Some(long()),
            ..event("")
        };
        log.record(Timestamp::from_millis(u64::MAX), event);
    }
    assert_eq!((log.failures(), bench.verify().expect("a chain").entries), (0, 6));
    assert!(bench.lines().iter().all(|line| line.len() < LINE_BYTES));
}

#[test]
fn only_the_owner_can_read_it() {
    use std::os::unix::fs::MetadataExt as _;
    let bench = Bench::new();
    bench.write(1);
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").mode() & 0o777;
    assert_eq!((mode(&bench.path()), mode(&bench.folder.path().join("new"))), (0o600, 0o700));
}

/// Waits until that many entries were lost.
#[expect(clippy::disallowed_methods, reason = "a test waits for a thread")]
fn lost(log: &AuditLog, entries: u64) {
    while log.failures() < entries {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert_eq!(log.failures(), entries);
}

#[test]
fn a_process_that_keeps_the_lock_holds_nobody_up_for_ever() {
    let bench = Bench::new();
    let log = bench.log();
    let stopped = fs::File::open(bench.path()).expect("a log");
    flock(&stopped, FlockOperation::LockExclusive).expect("a lock");
    log.record(Timestamp::from_millis(1), event("lost"));
    lost(&log, 1);
    drop(stopped);
    log.record(Timestamp::from_millis(2), event("kept"));
    lost(&log, 1);
    drop(log);
    assert_eq!(bench.verify().expect("a chain").entries, 1);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long it takes is what is tested")]
fn a_process_that_keeps_the_lock_delays_a_whole_order_by_less_than_a_second() {
    let bench = Bench::new();
    let log = bench.log();
    let stopped = fs::File::open(bench.path()).expect("a log");
    flock(&stopped, FlockOperation::LockExclusive).expect("a lock");
    let began = std::time::Instant::now();
    for step in 0..10 {
        log.record(Timestamp::from_millis(step), event("waits"));
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(1), "{:?}", began.elapsed());
    lost(&log, 10);
    drop(stopped);
}

#[test]
fn what_somebody_else_can_change_or_points_to_is_no_log_of_ours() {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
    let refused = |bench: &Bench, what: &str, why: &str| {
        let error = AuditLog::open(&Target::File(bench.path())).expect_err(what);
        let cause = std::error::Error::source(&error).expect("a cause").to_string();
        assert!(cause.contains(why), "{what}: {cause}");
        let log = AuditLog::open_or_lose(&Target::File(bench.path())).expect("it can be gone on without");
        log.record(Timestamp::from_millis(1), event("lost"));
        lost(&log, 1);
    };
    let bench = Bench::new();
    bench.write(1);
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o666)).expect("a mode");
    refused(&bench, "it is writable for all", "chmod");
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o600)).expect("a mode");
    if rustix::process::geteuid().is_root() {
        chown(bench.path(), Some(1234), None).expect("an owner");
        refused(&bench, "it is somebody else's", "uid 1234");
        chown(bench.path(), Some(0), Some(1234)).expect("an owner");
        fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o660)).expect("a mode");
        refused(&bench, "another group writes it", "group 1234");
    }
    let (bench, elsewhere) = (Bench::new(), tempfile::NamedTempFile::new().expect("a file"));
    fs::create_dir(bench.folder.path().join("new")).expect("a folder");
    symlink(elsewhere.path(), bench.path()).expect("a link");
    refused(&bench, "it is a link", "symbolic link");
    assert_eq!(fs::read(elsewhere.path()).expect("a file"), b"", "nothing was written behind the link");
    fs::remove_file(bench.path()).expect("it goes");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o600),
        0,
    )
    .expect("a pipe");
    refused(&bench, "it is a pipe", "no regular file");
}

#[test]
fn a_log_that_is_no_longer_ours_alone_while_it_is_open_loses_entries_loudly_until_it_is_put_right() {
    use std::os::unix::fs::PermissionsExt as _;
    let (bench, elsewhere) = (Bench::new(), tempfile::NamedTempFile::new().expect("a file"));
    let log = bench.log();
    let mode = |mode| fs::set_permissions(bench.path(), fs::Permissions::from_mode(mode)).expect("a mode");
    log.record(Timestamp::from_millis(1), event("kept"));
    mode(0o666);
    log.record(Timestamp::from_millis(1), event("lost"));
    lost(&log, 1);
    mode(0o600);
    log.record(Timestamp::from_millis(1), event("kept"));
    fs::rename(bench.path(), bench.folder.path().join("old")).expect("it is moved");
    std::os::unix::fs::symlink(elsewhere.path(), bench.path()).expect("a link");
    log.record(Timestamp::from_millis(2), event("lost"));
    lost(&log, 2);
    assert_eq!(fs::read(elsewhere.path()).expect("a file"), b"");
    fs::remove_file(bench.path()).expect("it goes");
    log.record(Timestamp::from_millis(3), event("kept"));
    drop(log);
    let summary = bench.verify().expect("a chain");
    assert!(summary.continues.is_some() && summary.entries == 2, "{summary:?}");
}

#[test]
fn a_full_disk_is_counted_and_stops_nobody() {
    let path = std::path::Path::new("/dev/full");
    let full = || fs::OpenOptions::new().read(true).append(true).open(path).expect("it opens");
    let error = Log::unopened(path).append_to(&mut full(), &[(Timestamp::from_millis(1), event("lost"))]);
    assert_eq!(error.expect_err("it is full").kind(), std::io::ErrorKind::StorageFull);
    let account = std::sync::Arc::<Account>::default();
    let writer =
        Writer::start(Log { file: Some(full()), ..Log::unopened(path) }, &account).expect("a thread");
    let log = AuditLog { writer };
    log.record(Timestamp::from_millis(1), event("lost"));
    assert_eq!(log.failures(), 1);
}
