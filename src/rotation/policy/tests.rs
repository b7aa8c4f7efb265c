//! The relations that a policy can't break, each on both sides of its boundary.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn sound() -> Terms {
    Terms {
        secret: "s".into(),
        schedule: Some(Schedule::every(100 * SECOND).expect("a period")),
        jitter: 10 * SECOND,
        grace: 30 * SECOND,
        soak: Some(75 * SECOND),
        freshness: 60 * SECOND,
        hold: 3600 * SECOND,
        sync: 20 * SECOND,
        store: StoreTraits {
            store_lag: 15 * SECOND,
            write_lag: 300 * SECOND,
            notes: Notes::BeforePromotion,
            creates: false,
        },
    }
}

/// What is said of the terms; nothing where they hold together.
fn said(change: impl FnOnce(&mut Terms)) -> String {
    let mut terms = sound();
    change(&mut terms);
    let errors = Policy::new(terms).err().unwrap_or_default();
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn a_soak_shorter_than_freshness_and_lag_is_refused_with_the_sum() {
    assert_eq!(said(|_| ()), "");
    let error = said(|terms| terms.soak = Some(75 * SECOND - Duration::from_millis(1)));
    assert!(error.contains("60s + 15s = 75s"), "{error}");
    assert_eq!(
        Policy::new(Terms { soak: None, ..sound() }).expect("sound").soak(),
        75 * SECOND,
        "the default"
    );
}

#[test]
fn a_sync_slower_than_a_third_of_freshness_is_refused() {
    assert!(said(|terms| terms.sync = 20 * SECOND + Duration::from_millis(1)).contains("60s / 3 = 20s"));
}

#[test]
fn a_schedule_that_outruns_its_soak_and_jitter_is_refused() {
    assert_eq!(said(|terms| terms.jitter = 24 * SECOND), "");
    assert!(said(|terms| terms.jitter = 25 * SECOND).contains("75s + 25s = 100s"));
}

#[test]
fn a_grace_shorter_than_twice_the_lag_is_refused() {
    assert!(said(|terms| terms.grace = 29 * SECOND).contains("2 × 15s = 30s"));
}

#[test]
fn all_broken_relations_are_said_at_once() {
    let errors = said(|terms| {
        terms.grace = SECOND;
        terms.sync = 30 * SECOND;
        terms.soak = Some(SECOND);
    });
    assert_eq!(errors.matches("; ").count(), 3, "with their advice: {errors}");
}
