//! The plan, and when a slot is due.

use super::{Cut, Table, Tests, cut};

pub(crate) const TABLES: [Table; 4] = [
    Table { file: "src/rotation/plan.rs", tests: Tests::Plan, cuts: PLAN },
    Table { file: "src/rotation/plan/hold.rs", tests: Tests::Plan, cuts: HOLD },
    Table { file: "src/rotation/plan/due.rs", tests: Tests::Plan, cuts: DUE },
    Table { file: "src/rotation/plan/why.rs", tests: Tests::Plan, cuts: WHY },
];

const CREATED: &str = "a_secret_that_does_not_exist_is_created_only_where_that_is_allowed";
const ENDS_FIRST: &str = "an_end_is_written_before_anything_else";
const NEVER_PROMOTED: &str = "a_pending_version_that_is_ended_or_noted_is_never_promoted";
const SOAK: &str = "a_pending_version_is_promoted_after_the_soak_and_not_before";
const PAUSE: &str = "a_pause_holds_stage_and_promotion_until_it_is_lifted";
const NO_GRACE: &str = "an_ended_current_version_is_replaced_without_grace_after_the_soak";
const NOTE_FIRST: &str = "the_deadline_is_written_before_the_version_is_replaced";
const NOTE_ENOUGH: &str = "a_note_has_enough_left_at_the_latest_time_that_it_can_be";
const AT_ONCE: &str = "revoke_all_replaces_without_the_soak_what_is_ended";
const ONE_PENDING: &str = "there_is_one_pending_version_at_most";
const BOUND: &str = "an_order_is_bound_to_the_version_that_was_seen";
const SLOT: &str = "a_version_is_replaced_when_its_slot_is_due_and_not_before";
const OWN_DEADLINE: &str = "a_previous_version_lives_to_its_own_deadline";
const WAKES: &str = "it_wakes_at_the_first_moment_at_which_the_answer_can_change";
const JITTER: &str = "a_slot_is_delayed_by_its_jitter_and_no_more";
const GUARD: &str = "a_version_made_shortly_before_a_slot_counts_for_it";
const SURELY: &str = "a_slot_is_due_when_it_has_surely_come";

const PLAN: &[Cut] = &[
    cut("created only where we may", "policy.terms().store.creates && ", "true && ", CREATED),
    cut("created where we may", "policy.terms().store.creates && ", "false && ", CREATED),
    cut(
        "a refused order is none",
        "demand.filter(|_| refusal_is_none(self.ring, demand))",
        "demand",
        "an_order_that_is_refused_changes_nothing",
    ),
    cut(
        "a refusal counts",
        "refusal(ring, demand).is_none())",
        "true)",
        "an_order_that_is_refused_changes_nothing",
    ),
    cut(
        "orders are carried out",
        ".and_then(|demand| self.carry_out(demand))",
        ".and_then(|_| None)",
        ENDS_FIRST,
    ),
    cut(
        "its order is the reason",
        "step.because(Why::Ordered(*demand))",
        "step.because(Why::Soaked)",
        ENDS_FIRST,
    ),
    cut(
        "an end is the reason for what replaces it",
        "order.map_or(Why::CurrentEnded,",
        "order.map_or(Why::Soaked,",
        NO_GRACE,
    ),
    cut(
        "so is an order that skips the soak",
        "demand.filter(|_| skips_the_soak(&self.ring.current, demand));",
        "demand.filter(|_| false);",
        AT_ONCE,
    ),
    cut("why it is forgotten", "{ Why::Ended } else", "{ Why::Untidy } else", OWN_DEADLINE),
    cut(
        "an end comes before the rest",
        ".and_then(|demand| self.carry_out(demand))
            .or_else(|| self.pause_what_was_rolled_back())
            .or_else(|| self.take_back())
            .or_else(|| self.promote(ordered))
            .or_else(|| self.stage(ordered))",
        ".and_then(|_| None)
            .or_else(|| self.take_back())
            .or_else(|| self.promote(ordered))
            .or_else(|| self.stage(ordered))
            .or_else(|| ordered.and_then(|demand| self.carry_out(demand)))",
        ENDS_FIRST,
    ),
    cut("what is ended or noted is dropped", ".or_else(|| self.take_back())", "", NEVER_PROMOTED),
    cut("what has soaked is promoted", ".or_else(|| self.promote(ordered))", "", SOAK),
    cut("what is due is staged", ".or_else(|| self.stage(ordered))", "", SLOT),
    cut("nothing is given up by itself", "now, |_| false)", "now, |_| true)", SLOT),
    cut("what is over is retired", ".or_else(|| plan.retire(given_up))", "", OWN_DEADLINE),
    cut("it waits until it has to act", "plan.wake() };", "None };", WAKES),
    cut(
        "what stands is not dropped",
        "if !stands(&pending) {\n",
        "if true {\n",
        "a_pending_version_that_stands_is_not_taken_back",
    ),
    cut(
        "only what stands is promoted",
        "self.ring.pending.filter(stands).filter",
        "self.ring.pending.filter",
        "a_promotion_by_itself_passes_over_what_does_not_stand",
    ),
    cut(
        "a pause holds the promotion",
        "            || self.is_paused()\n            || !(",
        "            || !(",
        PAUSE,
    ),
    cut("it has to soak", "self.has_soaked(&pending) || ", "true || ", SOAK),
    cut("revoke --all skips the soak", " || skips_the_soak(current, demand))", ")", AT_ONCE),
    cut("an ended one gets no grace", "if current.ended.is_some() {\n", "if false {\n", NO_GRACE),
    cut(
        "an ended one needs no note",
        "if current.ended.is_some() {\n",
        "if false {\n",
        "an_ended_version_is_replaced_without_a_note",
    ),
    cut("no grace is none", "std::time::Duration::ZERO)", "self.policy.accepted_for())", NO_GRACE),
    cut("a replaced one gets its margin", "self.policy.accepted_for()", "self.policy.terms().grace", SOAK),
    cut(
        "a replaced one gets grace",
        "self.promotion(pending.id, self.policy.terms().grace)",
        "self.promotion(pending.id, std::time::Duration::ZERO)",
        NOTE_FIRST,
    ),
    cut("the note comes first", "if self.note_suffices()", "if true", NOTE_FIRST),
    cut("a note is enough", "if self.note_suffices()", "if false", NOTE_FIRST),
    cut(
        "a note counts from the latest time",
        "note_for(self.now.latest)",
        "note_for(self.now.earliest)",
        "a_note_counts_from_the_latest_time_that_it_can_be",
    ),
    cut(
        "the note is on the one that is replaced",
        "Step::Note { version: current.id, until }",
        "Step::Note { version: pending.id, until }",
        NOTE_FIRST,
    ),
    cut(
        "a promotion names what it replaces",
        "current: self.ring.current.id, accepted_for",
        "current: pending, accepted_for",
        SOAK,
    ),
    cut("one is pending at most", "if self.ring.pending.is_some() || held", "if held", ONE_PENDING),
    cut(
        "a replacement is surely later than the mark",
        "(self.now.earliest > at)",
        "(self.now.latest > at)",
        "an_ended_version_is_replaced_surely_later_than_its_mark",
    ),
    cut("strictly later", "(self.now.earliest > at)", "(self.now.earliest >= at)", NO_GRACE),
    cut("an ended one is replaced", "(self.now.earliest > at)", "(at < at)", NO_GRACE),
    cut(
        "an order is bound to what was seen",
        "Demand::Rotate { current: seen } if *seen == current.id);",
        "Demand::Rotate { .. });",
        BOUND,
    ),
    cut(
        "an order is enough",
        "(None, Some(order), _) => Some(Why::Ordered(*order)),",
        "(None, Some(_), _) => None,",
        BOUND,
    ),
    cut(
        "a pause holds the slot",
        "(!self.is_paused()).then_some(Why::Due(slot))",
        "Some(Why::Due(slot))",
        PAUSE,
    ),
    cut("not before the slot", "(None, None, _) => None,", "(None, None, _) => Some(Why::Untidy),", SLOT),
    cut("an ended one is retired at once", "p.version.ended.is_some() || ", "", OWN_DEADLINE),
    cut(
        "at its deadline",
        "p.deadline <= self.now.earliest;",
        "p.deadline < self.now.earliest;",
        OWN_DEADLINE,
    ),
    cut("not before its deadline", " || p.deadline <= self.now.earliest;", " || true;", OWN_DEADLINE),
    cut(
        "when it has surely passed",
        "p.deadline <= self.now.earliest;",
        "p.deadline <= self.now.latest;",
        OWN_DEADLINE,
    ),
    cut(
        "each to its own",
        "previous.iter().filter(over).map(retired)",
        "previous.iter().filter(|_| self.ring.previous.iter().any(|p| over(&p))).map(retired)",
        OWN_DEADLINE,
    ),
    cut(
        "an end goes on in a pause",
        "self.ring.paused.is_some() && self.ring.current.ended.is_none()",
        "self.ring.paused.is_some()",
        NO_GRACE,
    ),
    cut("the soak ends when it ends", "self.now.earliest >= pending", "self.now.earliest > pending", SOAK),
    cut(
        "by the earliest time",
        "self.now.earliest >= pending",
        "self.now.latest >= pending",
        "the_soak_is_judged_by_the_earliest_time_that_it_can_be",
    ),
    cut("the whole soak", "pending.created + self.policy.soak()\n    }", "pending.created\n    }", SOAK),
    cut(
        "a note lasts by the latest time",
        "self.now.latest + self.policy.needed()",
        "self.now.earliest + self.policy.needed()",
        NOTE_ENOUGH,
    ),
    cut("a note lasts long enough", "self.now.latest + self.policy.needed()", "self.now.latest", NOTE_FIRST),
    cut("just enough is enough", "note >= needed", "note > needed", NOTE_FIRST),
    cut("the schedule is asked", "due(self.ring, self.policy, self.now)\n", "Due::Never\n", SLOT),
    cut("it wakes at a deadline", "deadlines.chain(soaked)", "deadlines.take(0).chain(soaked)", WAKES),
    cut("it wakes after the soak", ".chain(soaked)", "", WAKES),
    cut("it wakes after a mark", ".chain(marked)", "", WAKES),
    cut("it wakes at a slot", ".chain(slot)", "", WAKES),
    cut("it wakes at the first of them", ".min()", ".max()", WAKES),
    cut("a paused soak wakes nobody", "pending.filter(|_| !self.is_paused())", "pending", WAKES),
    cut("a replaced mark wakes nobody", "ended.filter(|_| ring.pending.is_none())", "ended", WAKES),
    cut("a slot wakes nobody while one is pending", "if ring.pending.is_none() && !self", "if !self", WAKES),
    cut(
        "a paused slot wakes nobody",
        "if ring.pending.is_none() && !self.is_paused()",
        "if ring.pending.is_none()",
        WAKES,
    ),
    cut("it wakes after the mark, not at it", "Duration::from_millis(1)", "Duration::ZERO", WAKES),
    cut(
        "the soak is skipped for what was made before the order",
        "if current.created <= *until);",
        "if *until == *until);",
        AT_ONCE,
    ),
    cut(
        "the soak is skipped once it is marked",
        "ordered && current.ended.is_some()",
        "ordered",
        "a_promotion_by_itself_skips_the_soak_only_once_the_mark_stands",
    ),
];

const TOLD: &str = "a_step_is_taken_for_a_reason_that_says_what_began_its_rotation";
const BEGAN: &str = "what_began_a_rotation_follows_from_its_versions";

const HOLD: &[Cut] = &[
    cut("what is ended does not stand", "pending.ended.is_none() && ", "", NEVER_PROMOTED),
    cut("what is noted does not stand", " && pending.note.is_none()", "", NEVER_PROMOTED),
];

const DUE: &[Cut] = &[
    cut(
        "what asks only whether one is due",
        "matches!(due(ring, policy, now), Due::Now(_))",
        "{ let _ = (ring, policy, now); false }",
        "abort_skips_the_slot_and_takes_the_pending_version_back",
    ),
    cut(
        "no schedule, no slot",
        "return Due::Never };",
        "return Due::Now(now.latest) };",
        "without_a_schedule_nothing_is_ever_due",
    ),
    cut("a version made just before counts", "created + policy.guard()", "created", GUARD),
    cut("the guard is not due itself", "*slot > guarded && ", "*slot >= guarded && ", GUARD),
    cut("a guarded slot is not due", "*slot > guarded && ", "", GUARD),
    cut("a guarded slot is not foreseen", "now.earliest.max(guarded)", "now.earliest", GUARD),
    cut("nothing is due before the adoption", " && *slot >= kept", "", SLOT),
    cut("a slot at the adoption is", " && *slot >= kept", " && *slot > kept", SLOT),
    cut(
        "a slot is delayed",
        "slot + jitter_of(&policy.terms().secret, slot, policy.terms().jitter)",
        "slot",
        JITTER,
    ),
    cut(
        "within the delay it is not due",
        "Some((slot, at)) if at <= now.earliest",
        "Some((slot, _)) if true",
        JITTER,
    ),
    cut("at its end it is", "if at <= now.earliest", "if at < now.earliest", JITTER),
    cut("the delay is foreseen", "Due::At(delayed(slot))", "Due::At(slot)", JITTER),
    cut("a slot is due when it has surely come", "if at <= now.earliest", "if at <= now.latest", SURELY),
    cut(
        "one that may have come hides none",
        "latest_slot(created, now.earliest)",
        "latest_slot(created, now.latest)",
        SURELY,
    ),
    cut("a slot is due", "=> Due::Now(slot),", "=> { let _ = slot; Due::Never }", SLOT),
    cut(
        "the next slot is foreseen",
        "next_slot(created, after).map_or(",
        "next_slot(created, after).filter(|_| false).map_or(",
        SLOT,
    ),
];

const WHY: &[Cut] = &[
    cut(
        "a slot is the schedule's",
        "Self::Missing | Self::Due(_) => Trigger::Schedule",
        "Self::Missing | Self::Due(_) => Trigger::Manual",
        TOLD,
    ),
    cut("what needs no rotation is of none", "return None;", "return Some(Trigger::Schedule);", TOLD),
    cut(
        "a promotion is of what was begun",
        "return began(ring?, policy, now)?",
        "return Self::Missing",
        TOLD,
    ),
    cut("an ended version began it", "if current.ended.is_some() {", "if false {", BEGAN),
    cut("it was begun when it was staged", "staged.map_or(now, Interval::exactly)", "now", BEGAN),
    cut(
        "a slot that was skipped later was due",
        "staged.is_none_or(|staged| *kept <= staged)",
        "true",
        BEGAN,
    ),
    cut(
        "without a slot it was ordered",
        "pending.map(|_| Why::Ordered(",
        "pending.filter(|_| false).map(|_| Why::Ordered(",
        BEGAN,
    ),
    cut("an order is told in the words of its command", "\"revoke --all\"", "\"revoke\"", TOLD),
    cut(
        "a step is decided for its reason",
        "Decided { step: self, why }",
        "Decided { step: self, why: Why::Untidy }",
        SLOT,
    ),
    cut("a step is told with its reason", "{}, because {}\", self.step, self.why", "{}\", self.step", TOLD),
    cut(
        "a reason is told",
        "Self::CurrentEnded => \"the current version is ended\"",
        "Self::CurrentEnded => \"\"",
        TOLD,
    ),
];
