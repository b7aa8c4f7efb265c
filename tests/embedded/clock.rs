//! Its time.

use std::{
    io::Write,
    path::Path,
    sync::{Mutex, OnceLock},
    time::Duration,
};

use crossfade::{
    rotation::plan::{Step, Why},
    store::{Store as _, embedded::Embedded},
    time::Timestamp,
};
use tempfile::tempdir;

use crate::embedded::{HOUR, NEW_YEAR, does, new_year, open, open_in_boot, read, secret, sqlite};
use crossfade_testing_store::HandClock;

async fn ms(store: &Embedded) -> u64 {
    read(store).await.now.earliest.as_millis()
}

/// The highest time that is written down.
fn highest(directory: &Path) -> u64 {
    let ask = "SELECT highest_ms FROM clock";
    sqlite(directory).query_row(ask, [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned()
}

/// Waits until that time, which a read has told, is written down: beside the read, which does not wait for it.
async fn is_noted(directory: &Path, time: u64) {
    let noted = async {
        while highest(directory) != time {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), noted).await.expect("it is written");
}

#[tokio::test]
async fn wall_clock_jumps_do_not_move_it() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock.clone()).unwrap();
    assert_eq!(ms(&store).await, NEW_YEAR);
    for wall in [NEW_YEAR + 900_000_000, NEW_YEAR - 900_000_000, 0] {
        let before = ms(&store).await;
        clock.set_wall(wall);
        assert_eq!(ms(&store).await, before);
        clock.pass(HOUR);
        assert_eq!(ms(&store).await, before + 3_600_000);
    }
}

#[tokio::test]
async fn it_goes_on_while_the_machine_is_suspended_and_while_nobody_has_it_open() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock.clone()).unwrap();
    clock.pass(HOUR * 8);
    assert_eq!(ms(&store).await, NEW_YEAR + 8 * 3_600_000);
    drop(store);
    clock.pass(HOUR);
    clock.set_wall(0);
    let store = open(directory.path(), clock).unwrap();
    assert_eq!(ms(&store).await, NEW_YEAR + 9 * 3_600_000);
}

#[tokio::test]
async fn all_processes_of_a_boot_have_the_same_time() {
    let directory = tempdir().unwrap();
    let first = open(directory.path(), HandClock::at(5_000, NEW_YEAR)).unwrap();
    let other_wall = HandClock::at(65_000, NEW_YEAR - 77_000);
    let second = open(directory.path(), other_wall).unwrap();
    assert_eq!(ms(&first).await, NEW_YEAR);
    assert_eq!(ms(&second).await, NEW_YEAR + 60_000);
}

#[tokio::test]
async fn where_the_boot_clock_goes_back_under_the_same_boot_it_goes_on_and_does_not_stand_still() {
    // As on a machine that is put back to a snapshot, whose disk is not; and before anything was read, and after that.
    for passed in [Duration::ZERO, HOUR] {
        let (directory, clock) = (tempdir().unwrap(), HandClock::at(21_600_000, NEW_YEAR));
        let store = open(directory.path(), clock.clone()).unwrap();
        clock.pass(passed);
        let reached = ms(&store).await;
        is_noted(directory.path(), reached).await;
        drop(store);
        let clock = HandClock::at(1_000, reached + 7_000);
        let store = open(directory.path(), clock.clone()).unwrap();
        assert_eq!(ms(&store).await, reached + 7_000, "at the wall clock, as after a reboot");
        clock.set_wall(0);
        clock.pass(HOUR);
        assert_eq!(ms(&store).await, reached + 7_000 + 3_600_000);
        is_noted(directory.path(), reached + 7_000 + 3_600_000).await;
        let clock = HandClock::at(0, 0);
        let store = open(directory.path(), clock.clone()).unwrap();
        let again = ms(&store).await;
        assert!(again >= reached + 7_000 + 3_600_000, "it does not run back");
        clock.pass(HOUR);
        assert_eq!(ms(&store).await, again + 3_600_000);
    }
}

#[tokio::test]
async fn after_a_reboot_it_goes_on_at_the_wall_clock() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    drop(open(directory.path(), clock).unwrap());
    let store = open_in_boot(directory.path(), HandClock::at(50, NEW_YEAR + 7_000), "second").unwrap();
    assert_eq!(ms(&store).await, NEW_YEAR + 7_000);
}

#[tokio::test]
async fn after_a_reboot_with_the_wall_clock_in_the_past_it_goes_on_where_it_was() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock.clone()).unwrap();
    clock.pass(HOUR);
    let reached = ms(&store).await;
    drop(store);
    let clock = HandClock::at(50, 0);
    let store = open_in_boot(directory.path(), clock.clone(), "second").unwrap();
    assert_eq!(ms(&store).await, reached);
    clock.pass(HOUR);
    assert_eq!(ms(&store).await, reached + 3_600_000);
    let other = open_in_boot(directory.path(), clock.clone(), "second").unwrap();
    clock.set_wall(NEW_YEAR * 2);
    assert_eq!(ms(&other).await, reached + 3_600_000, "the anchor of this boot stands");
}

#[tokio::test]
async fn the_first_step_after_a_reboot_is_on_the_new_boot_s_time() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock).unwrap();
    drop(store);
    let store = open_in_boot(directory.path(), HandClock::at(50, NEW_YEAR + 9_000), "second").unwrap();
    // A read would have noted the new boot's time.
    store.secret(secret()).apply(&Step::Create.because(Why::Missing)).await.unwrap();
    let created = read(&store).await.ring.unwrap().current.created;
    assert_eq!(created, Timestamp::from_millis(NEW_YEAR + 9_000));
}

#[tokio::test]
async fn the_highest_time_is_written_with_each_step_and_at_most_once_a_minute_by_reads() {
    let (directory, clock) = (tempdir().unwrap(), new_year());
    let store = open(directory.path(), clock.clone()).unwrap();
    let highest = || highest(directory.path());
    clock.pass(Duration::from_secs(59));
    read(&store).await;
    assert_eq!(highest(), NEW_YEAR);
    clock.pass(Duration::from_secs(1));
    read(&store).await;
    is_noted(directory.path(), NEW_YEAR + 60_000).await;
    clock.pass(Duration::from_secs(1));
    does(&store, Step::Create).await;
    assert_eq!(highest(), NEW_YEAR + 61_000);
}

#[tokio::test]
async fn it_is_said_once_that_the_wall_clock_has_parted_from_it() {
    let (directory, clock) = (tempdir().unwrap(), HandClock::at(1_000, NEW_YEAR + 123_000));
    let store = open(directory.path(), clock.clone()).unwrap();
    let said = || {
        let log = String::from_utf8(log().lock().unwrap().clone()).unwrap();
        log.lines().filter(|line| line.contains("parted") && line.contains("2026-01-01T00:02:03Z")).count()
    };
    clock.set_wall(NEW_YEAR + 128_000);
    read(&store).await;
    assert_eq!(said(), 0, "5 s are allowed");
    clock.set_wall(NEW_YEAR + 128_001);
    read(&store).await;
    read(&store).await;
    assert_eq!(said(), 1);
    clock.set_wall(NEW_YEAR + 123_000);
    read(&store).await;
    clock.set_wall(0);
    read(&store).await;
    assert_eq!(said(), 2, "it parted again");
}

/// The rule of docs/operations.md: a clock that is ahead never runs back, and makes up for as long as it was off.
#[tokio::test]
async fn a_clock_that_is_ahead_stays_so_at_every_boot_and_makes_up_for_as_long_as_the_machine_was_off() {
    const AHEAD: u64 = 6 * 3_600_000;
    let directory = tempdir().unwrap();
    // The machine once started with a wall clock that was six hours ahead, which was then set right.
    drop(open(directory.path(), HandClock::at(1_000, NEW_YEAR + AHEAD)).unwrap());
    let hours = |n: u64| n * 3_600_000;
    for (boot, off, ahead) in
        [("second", 0, 6), ("third", 1, 5), ("fourth", 2, 3), ("fifth", 4, 0), ("sixth", 1, 0)]
    {
        let passed = [("second", 0), ("third", 1), ("fourth", 3), ("fifth", 7), ("sixth", 8)];
        let passed = passed.iter().find(|(name, _)| *name == boot).unwrap().1;
        let wall = NEW_YEAR + hours(passed);
        let store = open_in_boot(directory.path(), HandClock::at(50, wall), boot).unwrap();
        assert_eq!(ms(&store).await, wall + hours(ahead), "{boot}, after {off} h off");
    }
}

#[tokio::test]
async fn what_is_said_of_clocks_that_part_is_true_of_a_store_that_is_ahead_and_of_one_that_is_behind() {
    // It begins before there is anything to say.
    log();
    for (wall, says, not) in [
        (NEW_YEAR + 456_000 + 9_000, "until the machine is rebooted", "stays so over reboots"),
        (NEW_YEAR + 456_000 - 9_000, "stays so over reboots", "until the machine is rebooted"),
    ] {
        let (directory, clock) = (tempdir().unwrap(), HandClock::at(1_000, NEW_YEAR + 456_000));
        let store = open(directory.path(), clock.clone()).unwrap();
        clock.set_wall(wall);
        read(&store).await;
        let log = String::from_utf8(log().lock().unwrap().clone()).unwrap();
        let wall = Timestamp::from_millis(wall).to_string();
        let lines: Vec<&str> =
            log.lines().filter(|line| line.contains("parted") && line.contains(&wall)).collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains(says) && !lines[0].contains(not), "{lines:?}");
    }
}

/// What this process logs. It is one log for all tests, as the store works on threads of its own.
fn log() -> &'static Mutex<Vec<u8>> {
    static LOG: OnceLock<&'static Mutex<Vec<u8>>> = OnceLock::new();
    LOG.get_or_init(|| {
        let log: &'static Mutex<Vec<u8>> = Box::leak(Box::default());
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || Log(log)).init();
        log
    })
}

struct Log(&'static Mutex<Vec<u8>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
