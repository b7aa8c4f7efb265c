//! The verdict on a presented token.

use super::{Cut, Table, Tests, cut};

pub(crate) const TABLES: [Table; 2] = [
    Table { file: "verify/src/verdict.rs", tests: Tests::Verdict, cuts: VERDICT },
    Table { file: "verify/src/clock.rs", tests: Tests::Verdict, cuts: CLOCK },
];

const MALFORMED: &str = "what_is_malformed_is_refused_whatever_is_known";
const MALFORMED_KNOWN: &str = "a_malformed_token_is_refused_even_if_its_digest_stands_in_the_set";
const NO_VIEW: &str = "without_a_view_every_token_is_unsure";
const HOLD: &str = "a_view_older_than_hold_accepts_nothing";
const DEADLINE: &str = "a_previous_token_is_accepted_up_to_its_deadline_and_not_at_it";
const FRESH: &str = "a_view_as_old_as_freshness_refuses_nothing";
const STILL: &str = "a_view_that_is_not_fresh_still_accepts";
const INCOMPLETE: &str = "an_incomplete_view_accepts_what_it_knows_and_refuses_nothing";
const PARTED: &str = "clocks_that_part_by_more_than_two_seconds_refuse_nothing";
const GRANT: &str = "a_known_token_without_a_deadline_is_accepted_up_to_now_and_its_grace";
const MORE: &str = "the_clock_that_says_more_counts_for_age_and_for_the_time";
const BACK: &str = "a_clock_that_ran_back_parts_from_the_other_by_all_of_it";
const OTHERS: &str = "a_grant_ends_on_the_wall_clock_of_whoever_has_it_and_not_on_the_store_s";
const NO_TIME: &str = "a_clock_that_ran_back_counts_as_no_time_and_makes_no_view_younger";

const YOUNG: &str = "a_view_is_young_up_to_accept_within_and_without_it_up_to_freshness";

const VERDICT: &[Cut] = &[
    cut(
        "as old as accept_within: not young",
        "self.age_ms(at) < self.set.young_ms()",
        "self.age_ms(at) <= self.set.young_ms()",
        YOUNG,
    ),
    cut("accept_within is its own limit", "self.set.young_ms()", "self.set.freshness_ms()", YOUNG),
    cut(
        "others are told the wall clock's time",
        "at.wall_ms.saturating_add(store_ms - now_ms)",
        "store_ms",
        OTHERS,
    ),
    cut("also of what has been", "at.wall_ms.saturating_sub(now_ms - store_ms)", "store_ms", OTHERS),
    cut("what is malformed is refused", "if malformed {\n", "if false {\n", MALFORMED),
    cut("it is never looked up", "terms.is_malformed(presented),", "false,", MALFORMED_KNOWN),
    cut(
        "without a view: unsure",
        "else { return Verdict::Unsure };",
        "else { return Verdict::Refused(Reason::Unknown) };",
        NO_VIEW,
    ),
    cut("past hold: unsure", "if view.is_past_hold(at) {\n", "if false {\n", HOLD),
    cut("past its deadline: not accepted", "if view.is_past_deadline(terms, at) =>", "if false =>", DEADLINE),
    cut(
        "expired only if fresh",
        "view.refuse(Reason::Expired, at)",
        "Verdict::Refused(Reason::Expired)",
        FRESH,
    ),
    cut(
        "asleep past a deadline: unsure",
        "view.refuse(Reason::Expired, at)",
        "Verdict::Refused(Reason::Expired)",
        "a_machine_that_slept_past_a_deadline_is_unsure_of_it",
    ),
    cut(
        "what is known is accepted",
        "Some((entry, terms)) => Verdict::Accepted",
        "Some(_) if view.is_fresh(at) || !view.is_fresh(at) => Verdict::Unsure,\n        Some((entry, terms)) => Verdict::Accepted",
        GRANT,
    ),
    cut(
        "acceptance needs no freshness",
        "Some((entry, terms)) => Verdict::Accepted",
        "Some(_) if !view.is_fresh(at) => Verdict::Unsure,\n        Some((entry, terms)) => Verdict::Accepted",
        STILL,
    ),
    cut(
        "unknown only if fresh",
        "view.refuse(Reason::Unknown, at)",
        "Verdict::Refused(Reason::Unknown)",
        FRESH,
    ),
    cut(
        "what is unknown is refused",
        "view.refuse(Reason::Unknown, at)",
        "Verdict::Unsure",
        "an_unknown_token_is_refused_from_a_fresh_view",
    ),
    cut(
        "a grant is of the entry that was presented",
        "Some((entry, terms)) => Verdict::Accepted",
        "Some((_, terms)) if view.set.entries().len() > 1 => Verdict::Accepted(Accepted { entry: &view.set.entries()[0], expires_ms: view.expires_ms(terms, at) }),\n        Some((entry, terms)) => Verdict::Accepted",
        "a_grant_is_that_of_the_presented_token",
    ),
    cut("age: what was stated", "self.age_ms.saturating_add(", "0_u64.saturating_add(", FRESH),
    cut(
        "age: what has passed since",
        "self.age_ms.saturating_add(at.elapsed_since_ms(self.taken))",
        "self.age_ms.saturating_add(at.elapsed_since_ms(at))",
        FRESH,
    ),
    cut(
        "time goes on",
        "self.now_ms.saturating_add(at.elapsed_since_ms(self.taken))",
        "self.now_ms.saturating_add(at.elapsed_since_ms(at))",
        DEADLINE,
    ),
    cut("incomplete: not fresh", "self.complete && ", "", INCOMPLETE),
    cut("clocks that part: not fresh", "!at.parted_since(self.taken) && ", "", PARTED),
    cut("old: not fresh", " && self.age_ms(at) < self.set.freshness_ms()", "", FRESH),
    cut(
        "as old as freshness: not fresh",
        "self.age_ms(at) < self.set.freshness_ms()",
        "self.age_ms(at) <= self.set.freshness_ms()",
        FRESH,
    ),
    cut(
        "as old as hold: accepts",
        "self.age_ms(at) > self.set.hold_ms()",
        "self.age_ms(at) >= self.set.hold_ms()",
        HOLD,
    ),
    cut("at its deadline: over", "self.now_ms(at) >= deadline", "self.now_ms(at) > deadline", DEADLINE),
    cut("never refused when not fresh", "if self.is_fresh(at) { Verdict", "if true { Verdict", FRESH),
    cut(
        "a deadline is the expiry",
        "terms.deadline_ms().unwrap_or_else(|| ",
        "Some(0).filter(|_| false).unwrap_or_else(|| ",
        DEADLINE,
    ),
    cut(
        "the expiry has the grace",
        "self.now_ms(at).saturating_add(terms.grace_ms)",
        "self.now_ms(at)",
        GRANT,
    ),
    cut(
        "the expiry counts from now",
        "self.now_ms(at).saturating_add(terms.grace_ms)",
        "self.now_ms.saturating_add(terms.grace_ms)",
        GRANT,
    ),
    cut(
        "a grant is kept for what is left of it",
        "self.expires_ms, view.now_ms(at))",
        "self.expires_ms, 0)",
        OTHERS,
    ),
];

const CLOCK: &[Cut] = &[
    cut("the clock that says more", "boot.max(wall)", "boot.min(wall)", MORE),
    cut("the boot clock counts", "boot.max(wall)", "wall", MORE),
    cut("the wall clock counts", "boot.max(wall)", "boot", MORE),
    cut(
        "a wall clock that ran back says nothing",
        "self.wall_ms.saturating_sub(earlier.wall_ms)",
        "self.wall_ms.abs_diff(earlier.wall_ms)",
        NO_TIME,
    ),
    cut("two seconds are allowed", "> MAX_PARTED_MS", ">= MAX_PARTED_MS", PARTED),
    cut("more are not", "> MAX_PARTED_MS", "> MAX_PARTED_MS * 2", PARTED),
    cut(
        "either clock can be ahead",
        "boot.abs_diff(wall)",
        "wall.saturating_sub(boot).max(0).unsigned_abs()",
        PARTED,
    ),
    cut(
        "running back is parting",
        "i128::from(self.wall_ms) - i128::from(earlier.wall_ms)",
        "i128::from(self.wall_ms.saturating_sub(earlier.wall_ms))",
        BACK,
    ),
];
