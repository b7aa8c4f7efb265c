//! Each rule, taken away: a small world finds the path on which that breaks the promise, and none where it holds.

use crossfade_testing_model::{Broken, Edit, Left, OrderKind, Rules, Trouble, World, sentence};

use super::{explore, quiet};

/// The world keeps the promise with the rule, and breaks that sentence of it without.
fn breaks(broken: Broken, sentence: &str, world: World) {
    let whole = explore(&format!("with the rule ({broken:?})"), world.clone(), 1);
    assert!(whole.broken.is_none(), "the rule holds, and yet: {whole:?}");
    let without = explore(&format!("without it ({broken:?})"), World { broken: Some(broken), ..world }, 1);
    let broken = without.broken.as_ref().map(|(sentence, _)| *sentence);
    assert_eq!(broken, Some(sentence), "{without:?}");
}

/// One replica, and its verifier.
fn alone(rules: Rules) -> World {
    World { skews: vec![0], verifiers: 1, ..quiet(rules) }
}

/// So many of each.
const fn left(faults: u8, orders: u8) -> Left {
    Left { faults, orders, edits: 0 }
}

#[test]
fn a_soak_shorter_than_freshness_and_a_late_read_refuses_a_rightful_token() {
    let faults = vec![Trouble::LateRead, Trouble::Alone(5), Trouble::Alone(2)];
    breaks(
        Broken::SoakBelowFreshness,
        sentence::NOT_REFUSED,
        World { left: left(2, 0), faults, ..quiet(Rules::AWS) },
    );
}

#[test]
fn refusing_while_stale_refuses_a_rightful_token() {
    let faults = vec![Trouble::Alone(8)];
    breaks(
        Broken::RefusesWhileStale,
        sentence::NOT_REFUSED,
        World { left: left(1, 0), faults, ..quiet(Rules::AWS) },
    );
}

#[test]
fn a_deadline_written_after_the_move_refuses_a_rightful_token() {
    let faults = vec![Trouble::Crash];
    breaks(
        Broken::DeadlineAfterTheMove,
        sentence::NOT_REFUSED,
        World { left: left(1, 0), faults, ..quiet(Rules::EMBEDDED) },
    );
}

#[test]
fn an_end_written_last_is_lost_to_a_promotion_that_lands_late() {
    let faults = vec![Trouble::LateWrite, Trouble::Lost];
    let orders = vec![OrderKind::RevokePending];
    breaks(
        Broken::EndWrittenLast,
        sentence::AT_REST,
        World { left: left(1, 1), faults, orders, ..quiet(Rules::AWS) },
    );
}

#[test]
fn time_from_a_local_clock_promotes_too_early() {
    let faults = vec![Trouble::LateRead, Trouble::Alone(4)];
    breaks(
        Broken::LocalClock,
        sentence::NOT_REFUSED,
        World { left: left(1, 0), faults, ..quiet(Rules::AWS) },
    );
}

#[test]
fn aws_s_label_taken_off_last_gives_a_version_its_grace_again() {
    let world = World { overlap: Some(4), window: 6, slot: 60, ..quiet(Rules::AWS) };
    breaks(Broken::LabelOffLast, sentence::NOT_PAST_ITS_DEADLINE, world);
}

#[test]
fn a_note_shorter_than_it_must_be_runs_out_under_a_late_promotion() {
    let faults = vec![Trouble::LateWrite, Trouble::CutOff(2)];
    breaks(Broken::ShortNote, sentence::NOT_REFUSED, World { left: left(2, 0), faults, ..alone(Rules::AWS) });
}

#[test]
fn a_replaced_version_without_its_margin_is_refused_in_its_grace() {
    breaks(Broken::ShortNote, sentence::NOT_REFUSED, World { window: 12, ..quiet(Rules::EMBEDDED) });
}

#[test]
fn a_mark_forgotten_by_a_late_read_brings_an_ended_version_back() {
    let faults = vec![Trouble::LateRead];
    let orders = vec![OrderKind::RevokePrevious];
    let world = World {
        overlap: Some(8),
        slot: 60,
        window: 4,
        left: left(1, 1),
        faults,
        orders,
        ..quiet(Rules::AWS)
    };
    breaks(Broken::MarkForgotten, sentence::NOT_ONCE_ENDED, world);
}

#[test]
fn a_pause_lost_to_a_rotation_lets_the_schedule_go_on() {
    let orders = vec![OrderKind::Pause, OrderKind::Compromised];
    let rules = Rules { every: 12, ..Rules::AWS };
    let world = World { slot: 11, window: 18, last_slot: true, left: left(0, 2), orders, ..alone(rules) };
    breaks(Broken::PauseLost, sentence::ON_HOLD, world);
}

#[test]
fn a_pending_version_dropped_without_a_note_is_refused_when_its_promotion_lands_late() {
    let faults = vec![Trouble::LateWrite];
    let orders = vec![OrderKind::Abort];
    breaks(
        Broken::DropWithoutNote,
        sentence::NOT_REFUSED,
        World { left: left(1, 1), faults, orders, ..quiet(Rules::AWS) },
    );
}

#[test]
fn an_order_that_is_bound_to_the_last_view_leaves_open_what_was_put_since() {
    let orders = vec![OrderKind::Compromised];
    let left = Left { edits: 1, ..left(0, 1) };
    let world = World { slot: 60, window: 5, left, orders, edits: vec![Edit::Put], ..quiet(Rules::AWS) };
    breaks(Broken::BoundToTheLastView, sentence::AS_REPORTED, world);
}

#[test]
fn an_order_that_is_done_by_a_late_read_leaves_open_what_that_did_not_show() {
    let (faults, orders) = (vec![Trouble::LateRead], vec![OrderKind::Compromised]);
    let world = World { left: left(1, 2), window: 6, faults, orders, slot: 60, ..quiet(Rules::AWS) };
    breaks(Broken::LateReadShowsAll, sentence::AS_REPORTED, world);
}

#[test]
fn an_emergency_order_kept_in_memory_dies_with_its_daemon() {
    let faults = vec![Trouble::Crash];
    let orders = vec![OrderKind::Compromised];
    let world = World { slot: 60, window: 5, left: left(1, 1), faults, orders, ..quiet(Rules::AWS) };
    breaks(Broken::OrderInMemory, sentence::AS_REPORTED, world);
}

#[test]
fn a_write_that_makes_a_view_younger_refuses_a_rightful_token() {
    let faults = vec![Trouble::LateRead, Trouble::CutOff(6)];
    let orders = vec![OrderKind::RevokePrevious];
    // No verdict that rests on `hold` comes into it.
    let rules = Rules { hold: 60, ..Rules::AWS };
    let world =
        World { left: left(2, 1), faults, orders, window: 5, verifiers: 1, overlap: Some(8), ..quiet(rules) };
    breaks(Broken::WriteMakesYounger, sentence::NOT_REFUSED, world);
}

#[test]
fn an_id_from_the_slot_steals_a_pending_version() {
    let faults = vec![Trouble::LateWrite, Trouble::LateRead];
    let orders = vec![OrderKind::Rotate];
    let rules = Rules { write_lag: 5, ..Rules::AWS };
    let world = World { window: 8, left: left(2, 1), faults, orders, ..quiet(rules) };
    breaks(Broken::IdFromTheSlot, sentence::NOT_REFUSED, world);
}

#[test]
fn a_view_that_takes_an_older_one_brings_an_ended_version_back() {
    let faults = vec![Trouble::CutOff(8), Trouble::Stray];
    let orders = vec![OrderKind::RevokePrevious];
    let world = World {
        overlap: Some(8),
        slot: 60,
        window: 8,
        left: left(2, 1),
        faults,
        orders,
        ..quiet(Rules::AWS)
    };
    breaks(Broken::TakesAnOlderView, sentence::NOT_ONCE_ENDED, world);
}

#[test]
fn an_audience_s_view_as_young_as_its_youngest_part_refuses_a_rightful_token() {
    let faults = vec![Trouble::CutOff(8)];
    breaks(
        Broken::YoungestPart,
        sentence::NOT_REFUSED,
        World { secrets: 2, left: left(1, 0), faults, ..quiet(Rules::AWS) },
    );
}

#[test]
fn a_verifier_s_clock_that_stops_in_suspend_refuses_a_rightful_token() {
    let faults = vec![Trouble::Nap(8)];
    breaks(
        Broken::ClockStops,
        sentence::NOT_REFUSED,
        World { left: left(1, 0), faults, ..quiet(Rules::AWS) },
    );
}

#[test]
fn a_part_that_counts_as_a_whole_read_refuses_a_rightful_token() {
    let faults = vec![Trouble::Unreadable(20)];
    breaks(
        Broken::PartCountsAsWhole,
        sentence::NOT_REFUSED,
        World { left: left(1, 0), faults, ..quiet(Rules::AWS) },
    );
}

#[test]
fn a_value_that_hides_labels_lets_an_ended_version_in() {
    let faults = vec![Trouble::Unreadable(20)];
    let orders = vec![OrderKind::RevokePrevious];
    let world = World { overlap: Some(12), window: 8, left: left(1, 1), faults, orders, ..quiet(Rules::AWS) };
    breaks(Broken::ValueHidesLabels, sentence::NOT_ONCE_ENDED, world);
}

#[test]
fn a_guard_that_does_not_look_again_after_a_freeze_lets_an_ended_version_in() {
    let faults = vec![Trouble::Nap(8)];
    let orders = vec![OrderKind::RevokePrevious];
    let world = World { overlap: Some(12), window: 8, left: left(1, 1), faults, orders, ..quiet(Rules::AWS) };
    breaks(Broken::AcceptsWhileOld, sentence::NOT_ONCE_THAWED, world);
}
