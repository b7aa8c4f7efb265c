//! What holds a rotation up, and what does not.

use super::{Cut, Table, Tests, cut};

pub(crate) const TABLES: [Table; 2] = [
    Table { file: "src/rotation/plan.rs", tests: Tests::Plan, cuts: FINDINGS },
    Table { file: "src/rotation/plan/hold.rs", tests: Tests::Plan, cuts: HOLD },
];

const ROLLED_BACK: &str = "what_a_person_has_rolled_back_is_paused_unless_its_rotation_is_ordered_or_begun";
const ORPHAN: &str =
    "what_was_to_follow_another_version_is_taken_back_once_its_promotion_cannot_be_under_way";
const HELD: &str = "while_the_store_holds_a_secret_nothing_is_staged_or_promoted";
const FULL: &str = "want_of_room_holds_up_the_next_rotation_and_neither_one_that_has_begun_nor_an_end";
const LABEL: &str = "what_was_replaced_by_somebody_gets_its_deadline_before_another_takes_its_label";
const ROOM: &str = "a_note_is_not_written_anew_where_there_is_no_room_for_a_mark";
const UNTIDY: &str = "what_is_untidy_is_put_in_order_last";
const SPOILT: &str = "a_value_that_is_no_token_is_replaced_by_an_order_and_holds_up_nothing_that_has_begun";
const MORE_THAN_A_TOKEN: &str = "a_value_that_holds_more_than_a_token_is_replaced_by_nothing";
const UNREAD: &str = "a_pending_version_that_cannot_be_read_waits";
const REPLICA: &str = "a_replica_is_left_alone_and_every_order_about_it_is_refused";
const COPIES: &str = "while_copies_are_not_in_sync_all_but_ends_waits";
const GIVEN_UP: &str = "what_is_given_up_is_left_and_holds_up_nothing_that_is_over";

const NO_REPLACEMENT: &str =
    "what_keeps_an_ended_version_from_being_replaced_is_known_and_what_passes_is_none_of_it";
const FORESEEN: &str = "a_promotion_that_never_comes_is_not_foreseen";

const FINDINGS: &[Cut] = &[
    cut(
        "nobody waits for what has passed",
        "moments.filter(|at| *at > self.now.earliest).min()",
        "moments.min()",
        MORE_THAN_A_TOKEN,
    ),
    cut(
        "what is taken back is never promoted",
        "ring.pending.filter(stands).map",
        "ring.pending.map",
        FORESEEN,
    ),
    cut(
        "what is given up is left",
        ".filter(|step| !given_up(step))\n        .or_else(|| plan.retire",
        "\n        .or_else(|| plan.retire",
        GIVEN_UP,
    ),
    cut("a retirement that is given up is left", ".find(|step| !given_up(step))", ".next()", GIVEN_UP),
    cut(
        "putting in order is given up",
        "plan.tidy().filter(|step| !given_up(step))",
        "plan.tidy()",
        GIVEN_UP,
    ),
    cut("a creation is given up", "creates && !given_up(&Step::Create);", "creates;", GIVEN_UP),
    cut(
        "the time says nothing of what is given up",
        "if wanted.is_some() { None } else",
        "if false { None } else",
        "while_copies_are_not_in_sync_all_but_ends_waits",
    ),
    cut("what is rolled back is paused", ".or_else(|| self.pause_what_was_rolled_back())", "", ROLLED_BACK),
    cut(
        "it is paused once",
        "paused.is_some() || current.ended.is_some();",
        "current.ended.is_some();",
        ROLLED_BACK,
    ),
    cut(
        "not what is ended",
        "paused.is_some() || current.ended.is_some();",
        "paused.is_some();",
        ROLLED_BACK,
    ),
    cut("an orphan is not promoted", ".filter(|_| !self.ring.findings.orphaned)?", "?", ORPHAN),
    cut("an orphan is taken back", "if !self.ring.findings.orphaned || ", "if true || ", ORPHAN),
    cut("not while it may be promoted", " || self.now.earliest < under_way {", " {", ORPHAN),
    cut(
        "a late write counts",
        "pending.created + self.policy.terms().store.write_lag;",
        "pending.created;",
        ORPHAN,
    ),
    cut(
        "an orphan gets its deadline",
        "taken_back_until(self.now.latest)",
        "note_for(self.now.latest)",
        ORPHAN,
    ),
    cut(
        "it is the orphan that is noted",
        "Step::Note { version: pending.id, until }",
        "Step::Note { version: self.ring.current.id, until }",
        ORPHAN,
    ),
    cut("held: no promotion", "if held(self.ring).is_some()\n", "if false\n", HELD),
    cut(
        "held: no stage",
        "self.ring.pending.is_some() || held.is_some() {",
        "self.ring.pending.is_some() {",
        HELD,
    ),
    cut(
        "what is untidy is put in order",
        "self.ring.findings.untidy.map(|version| Step::Tidy { version }.because(Why::Untidy))",
        "None",
        UNTIDY,
    ),
    cut(
        "it is put in order last",
        ".or_else(|| plan.retire(given_up))",
        ".or_else(|| plan.tidy()).or_else(|| plan.retire(given_up))",
        UNTIDY,
    ),
    cut(
        "an order replaces what is spoilt",
        "if ordered.is_some() { holds_an_order(self.ring) } else {",
        "if false { None } else {",
        SPOILT,
    ),
    cut(
        "nothing else does",
        "if ordered.is_some() { holds_an_order(self.ring) } else { held(self.ring) }",
        "holds_an_order(self.ring)",
        SPOILT,
    ),
    cut("what can't be read is not promoted", "if pending.is_unread() {", "if false {", UNREAD),
    cut("nobody wakes for what can't be read", ".filter(|p| !p.is_unread());", ";", UNREAD),
    cut("a replica is left alone", "if ring.is_replica() {", "if false {", REPLICA),
    cut(
        "what moves labels waits for copies",
        "ring.findings.replicating.is_some() && ring",
        "false && ring",
        COPIES,
    ),
    cut("an end waits for none", " && !is_end", "", COPIES),
    cut("nor does what replaces it", " && ring.current.ended.is_none() && !is_end", " && !is_end", COPIES),
    cut("what has no note is looked for", "unnoted || crowded", "crowded", LABEL),
    cut(
        "what is ended needs no note",
        "p.version.ended.is_none() && p.version.note.is_none()",
        "p.version.note.is_none()",
        LABEL,
    ),
    cut(
        "what has a note holds nothing up",
        "p.version.ended.is_none() && p.version.note.is_none()",
        "p.version.ended.is_none()",
        LABEL,
    ),
    cut("room is looked for", "unnoted || crowded", "unnoted", ROOM),
    cut("the first note has room", "current.note.is_some() && !self", "!self", ROOM),
    cut("a note that suffices needs no room", "!self.note_suffices() && matches!(", "matches!(", ROOM),
    cut("with room there is another note", " && matches!(findings.held, Some(Held::Full(_)));", ";", ROOM),
];

const HOLD: &[Cut] = &[
    cut(
        "what is not ended needs no replacement",
        "ring.current.ended.is_some() && !held.passes()",
        "!held.passes()",
        NO_REPLACEMENT,
    ),
    cut(
        "what passes holds up no replacement for good",
        "ring.current.ended.is_some() && !held.passes()",
        "ring.current.ended.is_some()",
        NO_REPLACEMENT,
    ),
    cut("only what is rolled back", "findings.rolled_back && ", "", ROLLED_BACK),
    cut("not what is gone on with", " && kept.is_none() && !begun", " && !begun", ROLLED_BACK),
    cut("not what has begun", " && kept.is_none() && !begun", " && kept.is_none()", ROLLED_BACK),
    cut(
        "what is an orphan has not begun",
        "pending.is_some() && !findings.orphaned;",
        "pending.is_some();",
        ROLLED_BACK,
    ),
    cut("any reason holds", "        held => held,\n", "        _ => None,\n", HELD),
    cut("no room holds", "if begun => None,", "=> None,", FULL),
    cut(
        "what has begun needs no room",
        "ring.pending.is_some() || ring.current.ended.is_some();",
        "ring.current.ended.is_some();",
        FULL,
    ),
    cut(
        "an end needs no room",
        "ring.pending.is_some() || ring.current.ended.is_some();",
        "ring.pending.is_some();",
        FULL,
    ),
    cut(
        "an order heeds what else holds",
        ".filter(|held| !matches!(held, Held::Unusable(_)))",
        ".filter(|_| false)",
        "an_order_to_rotate_that_can_t_begin_is_refused_with_what_holds_it_up",
    ),
    cut(
        "what is spoilt holds up nothing that has begun",
        "Some(Held::Full(_) | Held::Unusable(_)) if",
        "Some(Held::Full(_)) if",
        SPOILT,
    ),
    cut(
        "an order replaces nothing that holds more than a token",
        "!matches!(held, Held::Unusable(_))",
        "!matches!(held, Held::Unusable(_) | Held::Irreplaceable(_))",
        MORE_THAN_A_TOKEN,
    ),
    cut(
        "nor does anything else",
        "Some(Held::Full(_) | Held::Unusable(_)) if",
        "Some(Held::Full(_) | Held::Unusable(_) | Held::Irreplaceable(_)) if",
        MORE_THAN_A_TOKEN,
    ),
];
