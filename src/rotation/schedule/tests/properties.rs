//! What holds for any schedule at any time, and the definition of a slot written a second time, as
//! slowly as can be.

use std::collections::BTreeSet;

use jiff::{
    SignedDuration,
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use proptest::prelude::*;

use super::*;

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Nuuk",
    "America/Santiago",
    "Africa/Cairo",
    "Africa/Casablanca",
];

/// From 2024 to 2064, which is past the end of the zones' tables.
fn moment() -> impl Strategy<Value = Timestamp> {
    (at(CREATED).as_millis()..at("2064-01-01T00:00:00Z").as_millis()).prop_map(Timestamp::from_millis)
}

fn pattern() -> impl Strategy<Value = String> {
    let minute = prop_oneof![
        Just("0".to_owned()),
        Just("*/15".to_owned()),
        (0..60, 0..60).prop_map(|(a, b)| format!("{a},{b}")),
    ];
    let hour = prop_oneof![
        Just("*".to_owned()),
        Just("*/2".to_owned()),
        (0..4_u8).prop_map(|a| a.to_string()),
        (0..24, 0..24).prop_map(|(a, b)| format!("{a},{b}")),
    ];
    let day = prop_oneof![
        4 => Just("* * *"),
        1 => Just("* * SUN"),
        1 => Just("* * SAT"),
        1 => Just("1,L * *"),
        1 => Just("25 3,10 +SUN"),
    ];
    (minute, hour, day).prop_map(|(minute, hour, day)| format!("{minute} {hour} {day}"))
}

fn schedule() -> impl Strategy<Value = Schedule> {
    prop_oneof![
        3 => (pattern(), prop::sample::select(&ZONES[..])).prop_map(|(pattern, zone)| cron(&pattern, zone)),
        1 => (1000..100_000_000_u64).prop_map(|ms| Schedule::every(Duration::from_millis(ms)).expect("a period")),
    ]
}

/// By the definition: each minute of the wall clock that matches, and the moments that it is.
fn by_definition(pattern: &str, zone: &TimeZone, from: Timestamp, until: Timestamp) -> Vec<Timestamp> {
    let by_elapsed_time = pattern.split(' ').nth(1) == Some("*");
    let parsed: croner::Cron = pattern.parse().expect("a pattern");
    let second = |at: Timestamp| {
        jiff::Timestamp::from_second(at.as_secs().try_into().expect("small")).expect("a time")
    };
    let margin = SignedDuration::from_hours(26);
    let mut wall =
        (second(from) - margin).to_zoned(TimeZone::UTC).datetime().with().second(0).build().expect("a time");
    let last = (second(until) + margin).to_zoned(TimeZone::UTC).datetime();
    let mut found = BTreeSet::new();
    while wall < last {
        if parsed.is_time_matching(&wall).expect("a time") {
            let moment = |offset: jiff::tz::Offset| offset.to_timestamp(wall).expect("a time");
            match zone.to_ambiguous_zoned(wall).offset() {
                AmbiguousOffset::Unambiguous { offset } => _ = found.insert(moment(offset)),
                AmbiguousOffset::Gap { .. } if by_elapsed_time => {}
                AmbiguousOffset::Gap { after, .. } => {
                    found.extend(zone.following(moment(after)).next().map(|change| change.timestamp()));
                }
                AmbiguousOffset::Fold { before, after } => {
                    found.insert(moment(before));
                    found.extend(by_elapsed_time.then(|| moment(after)));
                }
            }
        }
        wall = wall.checked_add(SignedDuration::from_mins(1)).expect("a time");
    }
    let found =
        found.into_iter().map(|slot| Timestamp::from_millis(slot.as_millisecond().try_into().expect("late")));
    found.filter(|slot| *slot > from && *slot <= until).collect()
}

proptest! {
    #[test]
    fn cron_slots_are_those_of_the_definition(
        pattern in pattern(), name in prop::sample::select(&ZONES[..]), near in moment(), before in 0..40_u32,
    ) {
        let zone = TimeZoneDatabase::bundled().get(name).expect("a zone");
        let near = jiff::Timestamp::from_second(near.as_secs().try_into().expect("small")).expect("a time");
        let change = zone.following(near).next().map_or(near, |change| change.timestamp());
        let from = Timestamp::from_millis(change.as_millisecond().try_into().expect("late")) - HOUR * before;
        let until = from + HOUR * 40;
        let found = slots(&cron(&pattern, name), from, until);
        prop_assert_eq!(found, by_definition(&pattern, &zone, from, until), "{} {}", pattern, name);
    }

    #[test]
    fn now_lies_between_the_latest_slot_and_the_next(
        schedule in schedule(), created in moment(), now in moment(),
    ) {
        let (latest, next) = (schedule.latest_slot(created, now), schedule.next_slot(created, now));
        let next = next.expect("the calendar goes on");
        prop_assert!(next > now && next > created);
        if let Some(latest) = latest {
            prop_assert!(created < latest && latest <= now);
            prop_assert_eq!(schedule.next_slot(created, latest), Some(next), "a slot lies between");
            prop_assert!(next.since(latest) >= schedule.shortest_gap());
        } else {
            prop_assert!(now <= created || schedule.next_slot(created, created) == Some(next));
        }
        prop_assert_eq!(schedule.latest_slot(created, next), Some(next));
    }

    #[test]
    fn later_is_never_earlier(schedule in schedule(), created in moment(), one in moment(), other in moment()) {
        let (one, other) = (one.min(other), one.max(other));
        prop_assert!(schedule.latest_slot(created, one) <= schedule.latest_slot(created, other));
        prop_assert!(schedule.next_slot(created, one) <= schedule.next_slot(created, other));
    }

    #[test]
    fn no_two_slots_are_nearer_than_the_shortest_gap(schedule in schedule(), created in moment()) {
        let mut slot = schedule.next_slot(created, created).expect("the calendar goes on");
        for _ in 0..50 {
            let next = schedule.next_slot(created, slot).expect("the calendar goes on");
            prop_assert!(next.since(slot) >= schedule.shortest_gap(), "{:?}: {} {}", schedule, slot, next);
            slot = next;
        }
    }

    #[test]
    fn another_replica_finds_the_same(
        pattern in pattern(), zone in prop::sample::select(&ZONES[..]), created in moment(), now in moment(),
    ) {
        let (one, other) = (cron(&pattern, zone), cron(&format!(" {pattern} "), &zone.to_lowercase()));
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.latest_slot(created, now), other.latest_slot(created, now));
        prop_assert_eq!(one.next_slot(created, now), other.next_slot(created, now));
    }

    #[test]
    fn a_delay_is_shorter_than_the_jitter(secret in ".*", slot in any::<u64>(), jitter_ms in 1..=u64::MAX) {
        let (slot, jitter) = (Timestamp::from_millis(slot), Duration::from_millis(jitter_ms));
        let delay = jitter_of(&secret, slot, jitter);
        prop_assert!(delay < jitter);
        prop_assert_eq!(delay, jitter_of(&secret, slot, jitter));
        prop_assert_eq!(jitter_of(&secret, slot, Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn no_text_makes_it_panic(
        pattern in r"([0-9*/,#LW+?-]{1,4} ){4,5}[0-9*/,#LW+?-]{1,4}|.*", zone in ".{0,12}",
    ) {
        _ = Schedule::cron(&pattern, &zone);
        if let Ok(schedule) = Schedule::cron(&pattern, "Europe/Berlin") {
            prop_assert!(schedule.shortest_gap() >= Duration::from_secs(1));
            prop_assert!(schedule.next_slot(at(CREATED), at(CREATED)).is_some());
        }
    }
}
