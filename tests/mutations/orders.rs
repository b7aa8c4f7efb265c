//! What a person can order.

use super::{Cut, Table, Tests, cut};

pub(crate) const TABLES: [Table; 1] =
    [Table { file: "src/rotation/plan/demand.rs", tests: Tests::Plan, cuts: ORDERS }];

const REFUSED: &str = "the_current_version_alone_cannot_be_ended";
const SAME: &str = "a_token_that_is_current_is_not_ended_by_ending_another_version_that_has_it";
const OTHER_ABORT: &str = "an_abort_of_another_version_is_told_that_there_is_none";
const ROTATION: &str = "a_rotation_stands_once_its_successor_does_and_the_pause_is_lifted";
const ALL: &str = "an_end_of_all_stands_once_every_mark_does";
const ONE: &str = "an_end_of_one_version_stands_once_it_is_marked_or_gone";
const ABORTED: &str = "an_abort_stands_once_its_version_is_gone";
const FINISHED: &str = "revoke_all_is_remembered_until_the_version_is_replaced";
const PAUSE: &str = "a_pause_holds_stage_and_promotion_until_it_is_lifted";
const PAUSE_ONCE: &str = "a_pause_is_written_once";
const RESUME: &str = "a_resume_without_a_pause_skips_no_slot";
const ENDS_FIRST: &str = "an_end_is_written_before_anything_else";
const NOT_AGAIN: &str = "an_end_that_stands_is_not_written_again";
const COVERS: &str = "an_end_covers_every_version_that_stands_unmarked";
const ABORT: &str = "abort_skips_the_slot_and_takes_the_pending_version_back";
const TAKEN_BACK: &str = "what_is_taken_back_gets_a_deadline_first_where_a_write_can_land_late";

const ORDERS: &[Cut] = &[
    cut("current can't be ended alone", "if bots_hold(version) => Some", "if false => Some", REFUSED),
    cut(
        "nor by another version that has its token",
        "is_some_and(|v| v.digest == ring.current.digest)",
        "is_some_and(|v| v.id == ring.current.id)",
        SAME,
    ),
    cut(
        "an end is one",
        "matches!(self, Self::Compromised { .. } |",
        "matches!(self,",
        "what_condemns_a_version_is_an_end",
    ),
    cut(
        "what is gone can't be ended",
        "if ring.version(version).is_none() => {\n",
        "if false => {\n",
        REFUSED,
    ),
    cut(
        "a replacement can't be aborted",
        "if p.id == pending && ring.current.ended.is_some() =>",
        "if false =>",
        ABORT,
    ),
    cut(
        "another one's abort is another mistake",
        "if p.id == pending && ring.current",
        "if ring.current",
        OTHER_ABORT,
    ),
    cut("what is pending can be aborted", "if p.id == pending => None,", "if false => None,", ABORT),
    cut("what is not pending can't be", "if p.id == pending => None,", "if true => None,", OTHER_ABORT),
    cut("nothing can't be aborted", "_ => Some(Refusal::NothingPending),", "_ => None,", REFUSED),
    cut("a rotation that was done stands", "ring.current.id != current || (", "(", ROTATION),
    cut(
        "a rotation stands with its successor",
        "is_some_and(stands) && ring.paused",
        "is_some() && ring.paused",
        ROTATION,
    ),
    cut(
        "a rotation stands once the pause is lifted",
        "is_some_and(stands) && ring.paused.is_none()",
        "is_some_and(stands)",
        ROTATION,
    ),
    cut("an end stands once it is marked", "end_all(ring, current).is_none(),", "true,", ALL),
    cut(
        "an end of one stands once it is marked",
        "is_none_or(|v| v.ended.is_some()),",
        "is_none_or(|_| true),",
        ONE,
    ),
    cut(
        "an end of what is gone stands",
        "ring.version(version).is_none_or(|v| v",
        "ring.version(version).is_some_and(|v| v",
        ONE,
    ),
    cut(
        "an abort stands once it is gone",
        "is_none_or(|p| p.id != pending),",
        "is_none_or(|_| true),",
        ABORTED,
    ),
    cut("an abort is of that version", "is_none_or(|p| p.id != pending),", "is_none(),", ABORTED),
    cut(
        "a pause stands in the store",
        "Demand::Pause => ring.paused.is_some(),",
        "Demand::Pause => true,",
        PAUSE_ONCE,
    ),
    cut(
        "a resume stands in the store",
        "Demand::Resume => ring.paused.is_none(),",
        "Demand::Resume => true,",
        RESUME,
    ),
    cut(
        "revoke --all ends with the replacement",
        "Demand::RevokeAll { current } => ring.current.id != current,",
        "Demand::RevokeAll { .. } => true,",
        FINISHED,
    ),
    cut(
        "what can't begin is refused",
        "holds_an_order(ring).map(Refusal::Held)",
        "None",
        "an_order_to_rotate_that_can_t_begin_is_refused_with_what_holds_it_up",
    ),
    cut("what is finished stands", "replaced && settled(ring, demand)", "replaced", FINISHED),
    cut(
        "a rotation lifts the pause of what was seen",
        "Demand::Rotate { current: seen } if seen != current => None,",
        "",
        "a_rotation_lifts_no_pause_but_that_of_the_version_that_was_seen",
    ),
    cut(
        "who orders a rotation goes on with it",
        "Demand::Rotate { .. } if plan.is_rolled_back() => Some(Step::Keep { current }),",
        "",
        "what_a_person_has_rolled_back_is_paused_unless_its_rotation_is_ordered_or_begun",
    ),
    cut(
        "a rotation lifts a pause",
        "Demand::Rotate { .. } => ring.paused.is_some().then_some(Step::Unpause { current }),",
        "Demand::Rotate { .. } => None,",
        PAUSE,
    ),
    cut(
        "a rotation lifts only a pause",
        "Demand::Rotate { .. } => ring.paused.is_some().then_some(Step::Unpause { current }),",
        "Demand::Rotate { .. } => Some(Step::Unpause { current }),",
        "an_order_is_bound_to_the_version_that_was_seen",
    ),
    cut("all are ended", "=> end_all(ring, seen),", "=> { let _ = seen; None }", ENDS_FIRST),
    cut(
        "one is ended",
        "stands.map(|v| Step::End { version: v.id })",
        "stands.filter(|_| false).map(|v| Step::End { version: v.id })",
        ENDS_FIRST,
    ),
    cut(
        "one is ended once",
        "let stands = ring.version(version).filter(|v| v.ended.is_none());",
        "let stands = ring.version(version);",
        NOT_AGAIN,
    ),
    cut(
        "an abort skips the slot",
        "Demand::Abort { .. } if plan.due() == Due::Now =>",
        "Demand::Abort { .. } if false =>",
        ABORT,
    ),
    cut(
        "an abort notes first",
        "Notes::BeforePromotion if ring.pending.as_ref().is_some_and(stands) =>",
        "Notes::BeforePromotion if false =>",
        TAKEN_BACK,
    ),
    cut(
        "an abort notes once",
        "Notes::BeforePromotion if ring.pending.as_ref().is_some_and(stands) =>",
        "Notes::BeforePromotion =>",
        "what_is_taken_back_gets_its_note_once_and_is_then_dropped",
    ),
    cut(
        "an abort counts from the latest time",
        "taken_back_until(plan.now.latest)",
        "taken_back_until(plan.now.earliest)",
        "what_is_taken_back_counts_from_the_latest_time_that_it_can_be",
    ),
    cut(
        "an abort notes what is taken back",
        "Step::Note { version: pending, until }",
        "Step::Note { version: current, until }",
        TAKEN_BACK,
    ),
    cut("an abort drops", "_ => Some(Step::Drop { pending }),", "_ => { let _ = pending; None }", ABORT),
    cut("a pause holds", "ring.paused.is_none().then_some(Step::Pause { current }),", "None,", PAUSE),
    cut(
        "a pause is written once",
        "ring.paused.is_none().then_some(Step::Pause { current }),",
        "Some(Step::Pause { current }),",
        PAUSE_ONCE,
    ),
    cut(
        "a resume after a roll-back keeps",
        "Demand::Resume if plan.due() == Due::Now || plan.is_rolled_back() =>",
        "Demand::Resume if plan.due() == Due::Now =>",
        "a_resume_after_a_roll_back_writes_down_that_it_is_gone_on_with",
    ),
    cut("a resume needs a pause", "Demand::Resume if ring.paused.is_none() => None,", "", RESUME),
    cut(
        "a resume skips the slots",
        "Demand::Resume if plan.due() == Due::Now || ",
        "Demand::Resume if ",
        PAUSE,
    ),
    cut(
        "a resume lifts the pause",
        "Demand::Resume => Some(Step::Unpause { current }),",
        "Demand::Resume => None,",
        PAUSE,
    ),
    cut("an end is of what was seen", "if ring.current.id == seen {\n", "if true {\n", ALL),
    cut(
        "an end covers previous versions",
        "(open || ring.current.ended.is_none())",
        "(ring.current.ended.is_none())",
        COVERS,
    ),
    cut("an end covers current", "(open || ring.current.ended.is_none())", "(open)", COVERS),
    cut(
        "an end is written once",
        "any(|p| p.version.ended.is_none());",
        "any(|_| true);",
        "an_end_is_written_once",
    ),
    cut(
        "what was seen is ended once",
        "let version = ring.version(seen).filter(|v| v.ended.is_none())?;",
        "let version = ring.version(seen)?;",
        NOT_AGAIN,
    ),
    cut(
        "what was seen is ended",
        "Some(Step::End { version: version.id })\n}",
        "Some(version).filter(|_| false).map(|v| Step::End { version: v.id })\n}",
        ENDS_FIRST,
    ),
];
