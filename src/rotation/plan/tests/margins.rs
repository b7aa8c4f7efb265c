//! The margins: each with all its parts, and each relation on both sides of its boundary.

use super::super::super::policy::PolicyError;
use super::*;

/// Every part differs from the others, and from each sum of some of them.
fn spread() -> Terms {
    let seconds = Duration::from_secs;
    Terms {
        grace: seconds(1_000),
        freshness: seconds(100),
        sync: seconds(10),
        soak: None,
        schedule: None,
        store: StoreTraits {
            store_lag: seconds(7),
            write_lag: seconds(300),
            notes: Notes::BeforePromotion,
            creates: true,
        },
        ..terms(Notes::BeforePromotion)
    }
}

fn sound(terms: Terms) -> Policy {
    Policy::new(terms).expect("a sound policy")
}

fn after(seconds: u64) -> Timestamp {
    ms(5) + Duration::from_secs(seconds)
}

/// The one relation that it breaks, by name; none where it is sound.
fn broken(terms: Terms) -> Option<&'static str> {
    let errors = Policy::new(terms).err().unwrap_or_default();
    assert!(errors.len() < 2, "{errors:?}");
    errors.first().map(|error| match error {
        PolicyError::SoakTooShort { .. } => "soak",
        PolicyError::SyncTooSlow { .. } => "sync",
        PolicyError::GapTooShort { .. } => "gap",
        PolicyError::GraceTooShort { .. } => "grace",
    })
}

#[test]
fn a_soak_that_is_left_out_is_freshness_and_store_lag() {
    assert_eq!(sound(spread()).soak(), Duration::from_secs(107));
}

#[test]
fn a_soak_is_as_long_as_freshness_and_store_lag_at_least() {
    let soak = |ms| Terms { soak: Some(Duration::from_millis(ms)), ..spread() };
    assert_eq!(broken(soak(106_999)), Some("soak"));
    assert_eq!(broken(soak(107_000)), None);
    assert_eq!(sound(soak(200_000)).soak(), Duration::from_secs(200), "a longer one is kept to");
}

#[test]
fn sync_is_a_third_of_freshness_at_most() {
    let sync = |ms| Terms { sync: Duration::from_millis(ms), freshness: Duration::from_secs(99), ..spread() };
    assert_eq!(broken(sync(33_000)), None);
    assert_eq!(broken(sync(33_001)), Some("sync"));
}

#[test]
fn a_gap_is_longer_than_soak_and_jitter() {
    let gap = |ms| Terms {
        schedule: Some(Schedule::every(Duration::from_millis(ms)).expect("a period")),
        jitter: Duration::from_secs(13),
        ..spread()
    };
    assert_eq!(broken(gap(120_000)), Some("gap"));
    assert_eq!(broken(gap(120_001)), None);
}

#[test]
fn grace_is_twice_the_store_lag_at_least() {
    let grace = |ms| Terms { grace: Duration::from_millis(ms), ..spread() };
    assert_eq!(broken(grace(13_999)), Some("grace"));
    assert_eq!(broken(grace(14_000)), None);
}

#[test]
fn every_broken_relation_is_told() {
    let zero = Duration::ZERO;
    let schedule = Some(Schedule::every(Duration::from_secs(1)).expect("a period"));
    let second = Duration::from_secs(1);
    let bad = Terms { soak: Some(second), grace: zero, sync: Duration::from_secs(999), schedule, ..spread() };
    assert_eq!(Policy::new(bad).expect_err("a bad policy").len(), 4);
}

#[test]
fn a_replaced_version_is_accepted_for_grace_and_freshness_and_a_second() {
    assert_eq!(sound(spread()).accepted_for(), Duration::from_secs(1_101));
}

#[test]
fn a_note_must_leave_grace_a_late_read_a_late_write_and_freshness() {
    assert_eq!(sound(spread()).needed(), Duration::from_secs(1_000 + 12 + 300 + 100));
}

#[test]
fn a_note_leaves_the_next_turns_time_to_see_it() {
    assert_eq!(sound(spread()).note_for(ms(5)), after(1_412 + 30 + 14 + 10));
}

#[test]
fn what_is_taken_back_stays_until_no_late_promotion_can_rely_on_it() {
    assert_eq!(sound(spread()).taken_back_until(ms(5)), after(600 + 14 + 22 + 100));
}

#[test]
fn the_guard_before_a_slot_is_a_tenth_of_the_gap_and_two_minutes_at_most() {
    let every = |seconds| Terms {
        schedule: Some(Schedule::every(Duration::from_secs(seconds)).expect("a period")),
        ..spread()
    };
    assert_eq!(sound(every(1_190)).guard(), Duration::from_secs(119));
    assert_eq!(sound(every(1_210)).guard(), Duration::from_secs(120));
}
