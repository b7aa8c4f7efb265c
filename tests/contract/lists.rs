//! Which sentences there are, by what a store has to be able to do.

/// Runs every sentence against each store; `$open` is an async function that opens an empty one; none: it can't be
/// had here.
macro_rules! for_each_sentence {
    ($($store:ident: $open:path,)*) => {
        $(mod $store {
            use super::*;
            contract::ordinary_sentences!($open);
            contract::used_id_sentences!($open);
            contract::strict_sentences!($open);
            contract::whole_step_sentences!($open);
        })*
    };
}
pub(crate) use for_each_sentence;

/// What every service that calls itself Secrets Manager does right, in a few seconds.
macro_rules! ordinary_sentences {
    ($open:path) => { contract::sentences!($open: {
        // stagings
        an_empty_store_shows_no_version_and_the_time
        a_secret_is_created_once_and_its_first_version_is_current_at_once
        a_step_on_a_secret_that_does_not_exist_is_a_conflict
        a_staged_version_is_pending_and_changes_nothing_else
        a_staged_version_follows_the_version_that_it_names
        // promotions
        a_promotion_names_the_version_it_takes_the_place_of
        a_promotion_names_the_version_that_it_promotes
        a_deadline_that_is_never_reached_is_kept
        only_a_previous_version_is_retired
        // endings
        an_ended_version_is_never_promoted
        an_end_marks_that_version_and_no_other
        the_current_version_is_not_ended_alone
        ending_all_marks_every_version_and_names_the_current_one
        an_ended_version_that_is_retired_is_gone
        // states
        a_step_on_an_older_revision_is_a_conflict
        a_note_is_only_moved_later
        secrets_do_not_touch_each_other
        // rotations
        a_whole_rotation_leaves_the_new_version_and_nothing_of_the_old_one
    }); };
}
pub(crate) use ordinary_sentences;

/// Of ids that were used before.
macro_rules! used_id_sentences {
    ($open:path) => { contract::sentences!($open: {
        staging_twice_makes_one_version
        a_dropped_version_does_not_come_back
        a_dropped_version_with_a_note_is_accepted_until_then
        of_many_that_stage_on_the_same_read_one_wins
        no_version_becomes_current_twice
    }); };
}
pub(crate) use used_id_sentences;

/// Those that let minutes pass, or tell versions apart that are made in the same second.
macro_rules! strict_sentences {
    ($open:path) => { contract::sentences!($open: {
        // promotions
        a_promoted_version_keeps_its_value_and_its_age
        a_replaced_version_is_accepted_for_as_long_as_the_promotion_says
        each_previous_version_keeps_its_own_deadline
        previous_versions_are_shown_newest_first
        a_retired_version_is_gone
        // endings
        the_first_end_of_a_version_counts
        a_mark_outlives_the_promotion_that_replaces_the_version
        // states
        a_pause_counts_from_when_it_began_until_it_is_lifted
        what_is_kept_only_moves_on
        the_clock_does_not_run_back
    }); };
}
pub(crate) use strict_sentences;

/// For stores that change all that belongs together at once: elsewhere a step is several writes, which the function
/// knows nothing of.
macro_rules! whole_step_sentences {
    ($open:path) => { contract::sentences!($open: {
        every_step_does_what_the_contract_s_function_says
    }); };
}
pub(crate) use whole_step_sentences;

/// Of labels as AWS shows them, whatever the store makes of them.
macro_rules! label_sentences {
    ($open:path) => { contract::sentences!($open: {
        each_step_of_a_rotation_leaves_the_labels_that_aws_documents
    }); };
}
pub(crate) use label_sentences;

macro_rules! sentences {
    ($open:path: { $($sentence:ident)* }) => {
        $(#[tokio::test]
        async fn $sentence() {
            if let Some(subject) = $open().await {
                contract::$sentence(&subject).await;
            }
        })*
    };
}
pub(crate) use sentences;
