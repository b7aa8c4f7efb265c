//! The rules as tables of moments, all in UTC.

mod properties;

use super::*;

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Before all that is tested.
const CREATED: &str = "2024-01-01T00:00:00Z";

fn at(rfc3339: &str) -> Timestamp {
    let at: jiff::Timestamp = rfc3339.parse().expect("a time");
    Timestamp::from_millis(at.as_millisecond().try_into().expect("after 1970"))
}

fn cron(pattern: &str, timezone: &str) -> Schedule {
    Schedule::cron(pattern, timezone).expect("a schedule")
}

/// Found forwards; that backwards finds the same is checked on the way.
fn slots(schedule: &Schedule, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let created = at(CREATED);
    let forwards =
        std::iter::successors(schedule.next_slot(created, from), |slot| schedule.next_slot(created, *slot));
    let forwards: Vec<_> = forwards.take_while(|slot| *slot <= until).collect();
    let before = |slot: Timestamp| schedule.latest_slot(created, slot);
    let backwards = std::iter::successors(before(until), |slot| before(*slot - Duration::from_millis(1)));
    let mut backwards: Vec<_> = backwards.take_while(|slot| *slot > from).collect();
    backwards.reverse();
    assert_eq!(forwards, backwards, "{schedule:?}");
    forwards
}

#[test]
fn over_a_change_of_the_clock_each_wall_clock_time_is_one_slot() {
    let berlin = "Europe/Berlin";
    let new_york = "America/New_York";
    let lord_howe = "Australia/Lord_Howe";
    for (what, pattern, zone, from, until, want) in [
        (
            "a time that is jumped over happens when the clock has jumped",
            "30 2 * * *",
            berlin,
            "2025-03-29T00:00:00Z",
            "2025-04-01T00:00:00Z",
            &["2025-03-29T01:30:00Z", "2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"][..],
        ),
        (
            "several of them happen together, once",
            "0,15,45 2,3 * * *",
            berlin,
            "2025-03-30T00:00:00Z",
            "2025-03-30T03:00:00Z",
            &["2025-03-30T01:00:00Z", "2025-03-30T01:15:00Z", "2025-03-30T01:45:00Z"],
        ),
        (
            "the hour before the jump is not moved",
            "59 1 * * *",
            berlin,
            "2025-03-30T00:00:00Z",
            "2025-03-31T12:00:00Z",
            &["2025-03-30T00:59:00Z", "2025-03-30T23:59:00Z"],
        ),
        (
            "a time that is shown twice happens the first time",
            "30 2 * * *",
            berlin,
            "2025-10-25T12:00:00Z",
            "2025-10-27T12:00:00Z",
            &["2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"],
        ),
        (
            "so it does where the pattern has several times a day",
            "30 2,14 * * *",
            berlin,
            "2025-10-25T14:00:00Z",
            "2025-10-26T14:00:00Z",
            &["2025-10-26T00:30:00Z", "2025-10-26T13:30:00Z"],
        ),
        (
            "the change itself is shown twice only as 02:00",
            "0 2,3 * * *",
            berlin,
            "2025-10-25T12:00:00Z",
            "2025-10-26T12:00:00Z",
            &["2025-10-26T00:00:00Z", "2025-10-26T02:00:00Z"],
        ),
        (
            "New York, spring",
            "30 2 * * *",
            new_york,
            "2025-03-08T12:00:00Z",
            "2025-03-10T12:00:00Z",
            &["2025-03-09T07:00:00Z", "2025-03-10T06:30:00Z"],
        ),
        (
            "New York, autumn",
            "30 1 * * *",
            new_york,
            "2025-11-01T12:00:00Z",
            "2025-11-03T12:00:00Z",
            &["2025-11-02T05:30:00Z", "2025-11-03T06:30:00Z"],
        ),
        (
            "Lord Howe jumps half an hour",
            "15 2 * * *",
            lord_howe,
            "2025-10-03T00:00:00Z",
            "2025-10-06T00:00:00Z",
            &["2025-10-03T15:45:00Z", "2025-10-04T15:30:00Z", "2025-10-05T15:15:00Z"],
        ),
        (
            "and repeats half an hour",
            "45 1 * * *",
            lord_howe,
            "2025-04-04T12:00:00Z",
            "2025-04-06T18:00:00Z",
            &["2025-04-04T14:45:00Z", "2025-04-05T14:45:00Z", "2025-04-06T15:15:00Z"],
        ),
        (
            "in Nuuk Saturday's last hour is jumped over, and what it had happens on Sunday at 00:00",
            "30 23 * * SAT",
            "America/Nuuk",
            "2025-03-24T00:00:00Z",
            "2025-04-07T00:00:00Z",
            &["2025-03-30T01:00:00Z", "2025-04-06T00:30:00Z"],
        ),
        (
            "after 2037, where zones are rules and no longer tables",
            "30 2 * * *",
            berlin,
            "2045-03-25T12:00:00Z",
            "2045-03-27T12:00:00Z",
            &["2045-03-26T01:00:00Z", "2045-03-27T00:30:00Z"],
        ),
    ] {
        let want: Vec<_> = want.iter().map(|slot| at(slot)).collect();
        assert_eq!(slots(&cron(pattern, zone), at(from), at(until)), want, "{what}");
    }
}

#[test]
fn a_pattern_of_every_hour_has_no_gap_and_no_double_over_a_change_of_the_clock() {
    let quarter = HOUR / 4;
    for (zone, around) in [
        ("Europe/Berlin", "2025-03-30T01:00:00Z"),
        ("Europe/Berlin", "2025-10-26T01:00:00Z"),
        ("America/New_York", "2025-03-09T07:00:00Z"),
        ("America/New_York", "2025-11-02T06:00:00Z"),
        ("Australia/Lord_Howe", "2025-10-04T15:30:00Z"),
        ("Australia/Lord_Howe", "2025-04-05T15:00:00Z"),
    ] {
        let (from, until) = (at(around) - HOUR * 6, at(around) + HOUR * 6);
        let want: Vec<_> = (1..=48).map(|n| from + quarter * n).collect();
        assert_eq!(slots(&cron("*/15 * * * *", zone), from, until), want, "{zone} at {around}");
    }
}

#[test]
fn six_fields_begin_with_the_second() {
    let found =
        slots(&cron("*/20 59 2 * * *", "UTC"), at("2025-01-01T00:00:00Z"), at("2025-01-02T00:00:00Z"));
    assert_eq!(found, ["2025-01-01T02:59:00Z", "2025-01-01T02:59:20Z", "2025-01-01T02:59:40Z"].map(at));
    let each_second = cron("* * * * * *", "Europe/Berlin");
    let (from, until) = (at("2025-10-25T23:30:00Z"), at("2025-10-26T02:30:00Z"));
    assert_eq!(slots(&each_second, from, until).len(), 3 * 60 * 60);
}

#[test]
fn a_slot_is_at_its_moment_and_not_a_millisecond_before() {
    let (daily, created) = (cron("0 3 * * *", "Asia/Tokyo"), at(CREATED));
    let (slot, ms) = (at("2025-01-01T18:00:00Z"), Duration::from_millis(1));
    assert_eq!(daily.latest_slot(created, slot - ms), Some(slot - DAY));
    assert_eq!(daily.latest_slot(created, slot), Some(slot));
    assert_eq!(daily.latest_slot(created, slot + ms), Some(slot));
    assert_eq!(daily.next_slot(created, slot - ms), Some(slot));
    assert_eq!(daily.next_slot(created, slot), Some(slot + DAY));
    assert_eq!(daily.next_slot(created, slot + ms), Some(slot + DAY));
}

#[test]
fn a_slot_at_or_before_the_creation_is_none() {
    let ms = Duration::from_millis(1);
    let slot = at("2025-01-01T03:00:00Z");
    let daily = cron("0 3 * * *", "UTC");
    assert_eq!(daily.latest_slot(slot - ms, slot), Some(slot));
    assert_eq!(daily.latest_slot(slot, slot), None);
    assert_eq!(daily.latest_slot(slot, slot + HOUR), None);
    assert_eq!(daily.next_slot(slot, slot - DAY), Some(slot + DAY));
}

#[test]
fn after_years_of_downtime_one_slot_is_due() {
    let now = at("2055-06-01T12:00:00Z");
    for (pattern, want) in [
        ("* * * * * *", "2055-06-01T12:00:00Z"),
        ("0 3 * * *", "2055-06-01T01:00:00Z"),
        ("0 0 29 2 *", "2052-02-28T23:00:00Z"),
        ("0 0 29 2 +MON", "2044-02-28T23:00:00Z"),
    ] {
        assert_eq!(cron(pattern, "Europe/Berlin").latest_slot(at(CREATED), now), Some(at(want)), "{pattern}");
    }
}

#[test]
fn the_calendar_ends_with_the_year_4999() {
    let (end, created) = (at("4999-12-31T23:59:59Z"), at(CREATED));
    let daily = cron("0 3 * * *", "UTC");
    assert_eq!(daily.next_slot(created, at("4999-12-31T02:00:00Z")), Some(at("4999-12-31T03:00:00Z")));
    for late in [end, end + DAY, Timestamp::from_millis(u64::MAX)] {
        assert_eq!(daily.next_slot(created, late), None);
        assert_eq!(daily.latest_slot(created, late), Some(at("4999-12-31T03:00:00Z")));
    }
    let period = Schedule::every(Schedule::LONGEST_PERIOD).expect("a period");
    assert_eq!(period.next_slot(created, Timestamp::from_millis(u64::MAX)), None);
}

#[test]
fn every_counts_periods_from_the_creation() {
    let twelve_hours = Schedule::every(HOUR * 12).expect("a period");
    let created = at("2025-01-01T07:31:02.345Z");
    let ms = Duration::from_millis(1);
    for (what, after, latest, next) in [
        ("before the creation", created - DAY, None, 1),
        ("at the creation", created, None, 1),
        ("just before the first", created + HOUR * 12 - ms, None, 1),
        ("at the first", created + HOUR * 12, Some(1), 2),
        ("just after it", created + HOUR * 12 + ms, Some(1), 2),
        ("after ten years", created + DAY * 3650 + HOUR, Some(7300), 7301),
    ] {
        let slot = |n| created + HOUR * 12 * n;
        assert_eq!(twelve_hours.latest_slot(created, after), latest.map(slot), "{what}");
        assert_eq!(twelve_hours.next_slot(created, after), Some(slot(next)), "{what}");
    }
}

#[test]
fn the_shortest_gap_is_found_where_it_is() {
    for (what, pattern, zone, want) in [
        ("a day has 23 hours in spring", "0 12 * * *", "Europe/Berlin", HOUR * 23),
        ("a slot moved by the jump is nearer still to the next", "30 2,3 * * *", "Europe/Berlin", HOUR / 2),
        ("and farther from the one before", "0 1,2 * * *", "Europe/Berlin", HOUR),
        ("in Lord Howe it has 23.5", "0 12 * * *", "Australia/Lord_Howe", HOUR * 47 / 2),
        ("UTC has no changes", "0 12 * * *", "UTC", DAY),
        ("nor has Tokyo any more", "0 12 * * *", "Asia/Tokyo", DAY),
        ("within a day, over midnight", "10 0,8,22 * * *", "UTC", HOUR * 2),
        ("only weekends", "0 0,23 * * SAT,SUN", "UTC", HOUR),
        ("weekly", "0 0 * * MON", "UTC", DAY * 7),
        ("on the last and first of the month", "0 0 1,L * *", "UTC", DAY),
        ("monthly, in February", "0 0 1 * *", "UTC", DAY * 28),
        ("a date or a weekday, when they are neighbours", "0 0 13 * FRI", "UTC", DAY),
        ("yearly", "0 0 1 1 *", "UTC", DAY * 365),
        ("leap days", "0 0 29 2 *", "UTC", DAY * 1461),
        ("seconds", "0,58 * * * * *", "Europe/Berlin", Duration::from_secs(2)),
        ("repeated half hours meet", "31,59 * * * *", "Australia/Lord_Howe", Duration::from_secs(120)),
        ("hours that repeat keep the gap", "*/15 * * * *", "Europe/Berlin", HOUR / 4),
    ] {
        assert_eq!(cron(pattern, zone).shortest_gap(), want, "{what}");
    }
    assert_eq!(Schedule::every(HOUR * 12).map(|every| every.shortest_gap()), Ok(HOUR * 12));
}

#[test]
fn what_can_not_be_a_schedule_is_said_with_an_example() {
    for (pattern, timezone, want) in [
        ("", "UTC", "schedule \"\" has 0 field(s)"),
        ("@daily", "UTC", "schedule \"@daily\" has 1 field(s)"),
        ("0 0 3 * * * 2030", "UTC", "schedule \"0 0 3 * * * 2030\" has 7 field(s)"),
        ("0 25 * * *", "UTC", "schedule \"0 25 * * *\" is no cron pattern (Component error: "),
        (
            "0 3 * * X",
            "UTC",
            "schedule \"0 3 * * X\" is no cron pattern (Pattern contains illegal characters: ",
        ),
        ("1, * 15 * *", "UTC", "schedule \"1, * 15 * *\" is no cron pattern (there is nothing before, "),
        (", 3 * * *", "UTC", "schedule \", 3 * * *\" is no cron pattern (there is nothing before, "),
        ("0 3 1,,15 * *", "UTC", "schedule \"0 3 1,,15 * *\" is no cron pattern (there is nothing before, "),
        ("0 0 30 2 *", "UTC", "schedule \"0 0 30 2 *\" never occurs: no year has such a day."),
        ("0 0 31 4,6,9,11 *", "UTC", "schedule \"0 0 31 4,6,9,11 *\" never occurs: "),
        (
            "0 3 * * *",
            "Europe/Berlni",
            "timezone \"Europe/Berlni\" is not known: give a name of the IANA database",
        ),
        ("0 3 * * *", "", "timezone \"\" is not known"),
        ("0 3 * * *", "Etc/Unknown", "timezone \"Etc/Unknown\" is not known"),
    ] {
        let message = Schedule::cron(pattern, timezone).expect_err(pattern).to_string();
        assert!(message.starts_with(want), "{message}");
    }
    for period in [Duration::ZERO, Duration::from_millis(999), Duration::MAX] {
        assert_eq!(Schedule::every(period), Err(ScheduleError::Period { period }));
    }
}

#[test]
fn the_examples_in_the_messages_work() {
    for pattern in ["0 3 * * *", "0 3 L * *"] {
        for zone in ["UTC", "Europe/Berlin", "Asia/Tokyo"] {
            cron(pattern, zone);
        }
    }
}

#[test]
fn a_schedule_prints_in_a_line() {
    assert_eq!(
        format!("{:?}", cron("0 3 * * *", "europe/berlin")),
        "Schedule(Cron(\"0 3 * * *\" in Europe/Berlin))"
    );
}

#[test]
fn jitter_is_the_same_in_every_build() {
    let slot = at("2025-01-01T03:00:00Z");
    let of = |secret| jitter_of(secret, slot, Duration::from_secs(300)).as_millis();
    assert_eq!([of("mcp/slack-bot-token"), of("mcp/github"), of("")], [219_324, 68_711, 158_965]);
}

#[test]
fn jitter_spreads_secrets_and_slots_evenly() {
    let slot = at("2025-01-01T03:00:00Z");
    let mut by_secret = [0; 10];
    let mut by_slot = [0; 10];
    for n in 0..1000_u32 {
        let tenth = |delay: Duration| (delay.as_millis() / 100) as usize;
        by_secret[tenth(jitter_of(&format!("mcp/bot-{n}"), slot, Duration::from_secs(1)))] += 1;
        by_slot[tenth(jitter_of("mcp/bot", slot + DAY * n, Duration::from_secs(1)))] += 1;
    }
    for tenth in by_secret.into_iter().chain(by_slot) {
        assert!((60..=140).contains(&tenth), "{by_secret:?} {by_slot:?}");
    }
}
