//! The margins of the policy.

use super::{Cut, Table, Tests, cut};

pub(crate) const TABLES: [Table; 1] =
    [Table { file: "src/rotation/policy.rs", tests: Tests::Plan, cuts: MARGINS }];

const SOAK: &str = "a_soak_is_as_long_as_freshness_and_store_lag_at_least";
const SYNC: &str = "sync_is_a_third_of_freshness_at_most";
const GAP: &str = "a_gap_is_longer_than_soak_and_jitter";
const GRACE: &str = "grace_is_twice_the_store_lag_at_least";
const ALL: &str = "every_broken_relation_is_told";
const ACCEPTED: &str = "a_replaced_version_is_accepted_for_grace_and_freshness_and_a_second";
const NEEDED: &str = "a_note_must_leave_grace_a_late_read_a_late_write_and_freshness";
const NOTE: &str = "a_note_leaves_the_next_turns_time_to_see_it";
const TAKEN_BACK: &str = "what_is_taken_back_stays_until_no_late_promotion_can_rely_on_it";
const GUARD: &str = "the_guard_before_a_slot_is_a_tenth_of_the_gap_and_two_minutes_at_most";

const MARGINS: &[Cut] = &[
    cut("a soak covers store_lag", "freshness.saturating_add(store_lag)", "freshness", SOAK),
    cut("a soak covers freshness", "freshness.saturating_add(store_lag)", "store_lag", SOAK),
    cut(
        "a soak has a default",
        "terms.soak.unwrap_or(least)",
        "terms.soak.unwrap_or_default().max(freshness)",
        "a_soak_that_is_left_out_is_freshness_and_store_lag",
    ),
    cut(
        "a soak that was given is kept",
        "terms.soak.unwrap_or(least)",
        "terms.soak.unwrap_or(least).min(least)",
        SOAK,
    ),
    cut("a soak is checked", "if soak < least {\n", "if false {\n", SOAK),
    cut("the least soak will do", "if soak < least {\n", "if soak <= least {\n", SOAK),
    cut("a third of freshness", "freshness / 3;", "freshness;", SYNC),
    cut("sync is checked", "if sync > most {\n", "if false {\n", SYNC),
    cut("a third will do", "if sync > most {\n", "if sync >= most {\n", SYNC),
    cut("a gap covers the jitter", "soak.saturating_add(jitter)", "soak", GAP),
    cut("a gap covers the soak", "soak.saturating_add(jitter)", "jitter", GAP),
    cut("a gap is longer", "*gap <= sum", "*gap < sum", GAP),
    cut("a gap is checked", "*gap <= sum", "*gap < *gap", GAP),
    cut("twice the lag", "store_lag.saturating_mul(2)", "store_lag", GRACE),
    cut("grace is checked", "if grace < least {\n", "if false {\n", GRACE),
    cut("twice the lag will do", "if grace < least {\n", "if grace <= least {\n", GRACE),
    cut("a broken relation is an error", "if errors.is_empty() { Ok", "if true { Ok", SOAK),
    cut("all are told", "else { Err(errors) }", "else { Err(errors.split_off(errors.len() - 1)) }", ALL),
    cut(
        "a one-shot run has no jitter",
        "self.terms.jitter = Duration::ZERO;",
        "self.terms.jitter += Duration::ZERO;",
        "a_slot_is_delayed_by_its_jitter_and_no_more",
    ),
    cut(
        "the soak is the one in force",
        "self.soak\n",
        "self.terms.soak.unwrap_or_default()\n",
        "a_soak_that_is_left_out_is_freshness_and_store_lag",
    ),
    cut("accepted for grace", "self.terms.grace + self.terms.freshness", "self.terms.freshness", ACCEPTED),
    cut("accepted for freshness", "self.terms.grace + self.terms.freshness", "self.terms.grace", ACCEPTED),
    cut("accepted for a second", " + Duration::from_secs(1)", "", ACCEPTED),
    cut("a note leaves grace", "self.terms.grace + OLDEST_READ + ROUNDING", "OLDEST_READ + ROUNDING", NEEDED),
    cut("a note leaves an old read", "self.terms.grace + OLDEST_READ", "self.terms.grace", NEEDED),
    cut("a note leaves rounding", "OLDEST_READ + ROUNDING + self", "OLDEST_READ + self", NEEDED),
    cut("a note leaves a late write", " + self.terms.store.write_lag", "", NEEDED),
    cut("a note leaves freshness", "write_lag + self.terms.freshness", "write_lag", NEEDED),
    cut("a note bears what is needed", "latest + self.needed()", "latest", NOTE),
    cut("a note leaves three steps", " + THREE_STEPS", "", NOTE),
    cut("a note leaves two late reads", " + self.terms.store.store_lag * 2", "", NOTE),
    cut("a note leaves a sync", " + self.terms.sync", "", NOTE),
    cut("taken back: two late writes", "latest + write_lag * 2", "latest", TAKEN_BACK),
    cut("taken back: two late reads", " + store_lag * 2 + OLDEST", " + OLDEST", TAKEN_BACK),
    cut("taken back: two old reads", " + OLDEST_READ * 2", "", TAKEN_BACK),
    cut("taken back: rounding", "* 2 + ROUNDING", "* 2", TAKEN_BACK),
    cut("taken back: freshness", "ROUNDING + self.terms.freshness", "ROUNDING", TAKEN_BACK),
    cut("the guard is a tenth", "s.shortest_gap() / 10", "s.shortest_gap()", GUARD),
    cut("the guard is two minutes at most", "tenth.min(Duration::from_secs(120))", "tenth", GUARD),
];
