//! What a person can order.

use super::{Cut, Table, Tests, cut};

pub(crate) const TABLES: [Table; 2] = [
    Table { file: "src/rotation/plan/demand.rs", tests: Tests::Plan, cuts: ORDERS },
    Table { file: "src/rotation/plan/request.rs", tests: Tests::Plan, cuts: REQUESTS },
];

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
const PREVIOUS: &str = "an_end_of_what_is_previous_is_that_of_each_while_the_same_version_is_current";
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
        "ring.pending.as_ref().is_some_and(stands) && !ring.findings",
        "ring.pending.is_some() && !ring.findings",
        ROTATION,
    ),
    cut(
        "a rotation stands once the pause is lifted",
        "(follows && ring.paused.is_none())",
        "follows",
        ROTATION,
    ),
    cut(
        "a rotation does not stand with an orphan",
        "is_some_and(stands) && !ring.findings.orphaned;",
        "is_some_and(stands);",
        ROTATION,
    ),
    cut(
        "a rotation waits for no orphan",
        "held.or_else(|| orphan.map(|orphan| Refusal::Orphaned(orphan.id)))",
        "{ let _ = orphan; held }",
        "a_rotation_waits_for_no_orphan",
    ),
    cut("an end stands once it is marked", "end_all(ring, until).is_none(),", "true,", ALL),
    cut(
        "an end of what is previous stands once it is marked",
        "end_previous(ring).is_none(),",
        "true,",
        PREVIOUS,
    ),
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
        "Demand::RevokeAll { until } => ring.current.created > until,",
        "Demand::RevokeAll { .. } => true,",
        FINISHED,
    ),
    cut(
        "what can't begin is refused",
        "holds_an_order(ring).map(Refusal::Held);",
        "None;",
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
        "Demand::Rotate { .. } if is_rolled_back(ring) => Some(Step::Keep { current }),",
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
    cut("all are ended", "=> end_all(ring, until),", "=> { let _ = until; None }", ENDS_FIRST),
    cut(
        "what is previous is ended while that one is current",
        "Demand::RevokePrevious { current: seen } if seen != current => None,",
        "",
        PREVIOUS,
    ),
    cut("what is previous is ended", "=> end_previous(ring),", "=> None,", PREVIOUS),
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
        "Demand::Abort { .. } if is_due(ring, policy, now) =>",
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
        "taken_back_until(now.latest)",
        "taken_back_until(now.earliest)",
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
        "Demand::Resume if is_due(ring, policy, now) || is_rolled_back(ring) =>",
        "Demand::Resume if is_due(ring, policy, now) =>",
        "a_resume_after_a_roll_back_writes_down_that_it_is_gone_on_with",
    ),
    cut("a resume needs a pause", "Demand::Resume if ring.paused.is_none() => None,", "", RESUME),
    cut(
        "a resume skips the slots",
        "Demand::Resume if is_due(ring, policy, now) || ",
        "Demand::Resume if ",
        PAUSE,
    ),
    cut(
        "a resume lifts the pause",
        "Demand::Resume => Some(Step::Unpause { current }),",
        "Demand::Resume => None,",
        PAUSE,
    ),
    cut(
        "an end covers what was made by then",
        "version.created <= until &&",
        "version.created < until &&",
        ALL,
    ),
    cut("an end covers nothing made since", "version.created <= until &&", "", ALL),
    cut(
        "an end covers previous and pending versions",
        "let first = ring.versions().find(open)?;",
        "let first = Some(&ring.current).filter(open)?;",
        COVERS,
    ),
    cut(
        "an end is written once",
        "version.created <= until && version.ended.is_none();",
        "version.created <= until;",
        "an_end_is_written_once",
    ),
    cut(
        "what is current is not ended where it was made since",
        "let all = current.created <= until;",
        "let all = true;",
        ENDS_FIRST,
    ),
    cut(
        "one write ends all where what is current is among it",
        "let all = current.created <= until;",
        "let all = false;",
        ENDS_FIRST,
    ),
    cut("what is previous is ended once", "|v| v.ended.is_none() && v.digest", "|v| v.digest", NOT_AGAIN),
    cut(
        "what bots hold is left",
        "v.ended.is_none() && v.digest != ring.current.digest",
        "v.ended.is_none()",
        PREVIOUS,
    ),
];

const OVERTAKEN: &str = "a_rotation_is_overtaken_by_what_is_older_than_it_and_did_not_stand_ready";
const TOLD: &str = "an_order_is_told_in_the_words_of_its_command";

const REQUESTS: &[Cut] = &[
    cut(
        "an end is one",
        "Self::Compromised { .. }\n                | Self::RevokeAll",
        "Self::RevokeAll",
        "what_condemns_a_version_is_an_end",
    ),
    cut(
        "a rotation replaces",
        "matches!(self, Self::Rotate { .. } |",
        "matches!(self,",
        "what_gives_a_new_version_replaces",
    ),
    cut(
        "an order is of the version that it names",
        "named.filter(|named| *named != current)",
        "named.filter(|_| false)",
        "an_order_that_names_a_version_is_refused_where_another_one_is_current",
    ),
    cut(
        "an end of all reaches what the read shows",
        ".fold(now.latest, Ord::max)",
        ".fold(now.latest, |now, _| now)",
        "an_end_of_all_reaches_what_the_read_shows_whatever_the_clocks_say",
    ),
    cut(
        "an end of all counts from the latest time",
        ".fold(now.latest, Ord::max)",
        ".fold(now.earliest, Ord::max)",
        "an_end_of_all_reaches_what_the_read_shows_whatever_the_clocks_say",
    ),
    cut(
        "what can't be carried out is bound to nothing",
        "refusal(ring, &demand).map_or(Ok(bound), Err)",
        "Ok(bound)",
        "an_order_that_can_t_be_carried_out_is_bound_to_nothing",
    ),
    cut(
        "a rotation is overtaken",
        "(now != current && !follows).then_some(current)",
        "{ let _ = (current, follows); None }",
        OVERTAKEN,
    ),
    cut("not by what stood ready", "self.pending == Some(now) || ", "", OVERTAKEN),
    cut("not by what was made since", " || ring.current.created > self.until;", ";", OVERTAKEN),
    cut(
        "an end of what is previous is overtaken",
        "(now != current).then_some(current)",
        "None.filter(|_: &VersionId| now != current)",
        "an_end_of_what_is_previous_is_overtaken_by_every_promotion",
    ),
    cut(
        "an abort is overtaken",
        "Demand::Abort { pending } if now == pending =>",
        "Demand::Abort { pending } if false =>",
        "an_abort_is_overtaken_by_the_promotion",
    ),
    cut(
        "what is done is not overtaken",
        ".filter(|_| !settled(ring, &self.demand))",
        "",
        "what_can_t_be_carried_out_any_more_is_overtaken_and_what_is_done_is_not",
    ),
    cut("an order is told in its words", "(\"rotate --compromised\", named)", "(\"rotate\", named)", TOLD),
];
