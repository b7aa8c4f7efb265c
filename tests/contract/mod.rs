//! The store contract as sentences, for any store: see `for_each_sentence!`.

use std::time::Duration;

use async_trait::async_trait;
use crossfade::{
    rotation::{
        plan::Step,
        policy::Notes,
        ring::{Ring, Version, VersionId},
    },
    store::{Reading, Secret, Store, WriteError},
    time::Timestamp,
};

mod endings;
mod promotions;
mod stagings;
mod states;

pub use endings::*;
pub use promotions::*;
pub use stagings::*;
pub use states::*;

/// A store under test, empty at first.
#[async_trait]
pub trait Subject: Send + Sync + 'static {
    /// The store.
    fn store(&self) -> &dyn Store;
    /// When it notes a deadline.
    fn notes(&self) -> Notes;
    /// Whether a step on any older state is refused, or only one that no longer fits.
    fn compares_whole_states(&self) -> bool {
        self.notes() == Notes::WithPromotion
    }
    /// Lets time pass on the store's clock.
    async fn pass(&self, time: Duration);
}

pub fn secret(name: &str) -> Secret {
    Secret::new(name, "mcp")
}

/// One secret of a store, and what the sentences do to it.
pub struct Hand<'a> {
    pub subject: &'a dyn Subject,
    pub secret: Secret,
}

impl<'a> Hand<'a> {
    pub fn on(subject: &'a dyn Subject) -> Self {
        Self { subject, secret: secret("mcp/slack-search") }
    }

    /// On a secret that has its first version.
    pub async fn created(subject: &'a dyn Subject) -> Self {
        let hand = Self::on(subject);
        hand.does(Step::Create).await;
        hand
    }

    pub async fn read(&self) -> Reading {
        self.subject.store().read(&self.secret).await.expect("the store can be read")
    }

    pub async fn ring(&self) -> Ring {
        self.read().await.ring.expect("the secret exists")
    }

    pub async fn now(&self) -> Timestamp {
        self.read().await.now.earliest
    }

    pub async fn tries_on(&self, seen: &Reading, step: Step) -> Result<(), WriteError> {
        self.subject.store().apply(&self.secret, &step, seen).await
    }

    pub async fn tries(&self, step: Step) -> Result<(), WriteError> {
        let seen = self.read().await;
        self.tries_on(&seen, step).await
    }

    pub async fn does(&self, step: Step) -> Ring {
        self.tries(step).await.unwrap_or_else(|e| panic!("{step:?}: {e:?}"));
        self.ring().await
    }

    /// The step is a conflict, and nothing has changed.
    pub async fn can_t(&self, step: Step) {
        let before = self.read().await;
        let result = self.tries_on(&before, step).await;
        assert!(matches!(result, Err(WriteError::Conflict)), "{step:?}: {result:?}");
        assert_eq!(self.read().await.ring, before.ring, "{step:?}");
    }

    pub async fn stages(&self) -> Version {
        let current = self.ring().await.current.id;
        self.does(Step::Stage { current }).await.pending.expect("a pending version")
    }

    /// Promotes what is pending; writes the note ahead where the store needs it so.
    pub async fn promotes(&self, accepted_for: Duration) -> Ring {
        let Reading { ring, now, .. } = self.read().await;
        let Ring { current, pending, .. } = ring.expect("the secret exists");
        if self.subject.notes() == Notes::BeforePromotion {
            self.does(Step::Note { version: current.id, until: now.latest + accepted_for }).await;
        }
        let pending = pending.expect("a pending version").id;
        self.does(Step::Promote { pending, current: current.id, accepted_for }).await
    }

    pub async fn rotates(&self, accepted_for: Duration) -> Ring {
        self.stages().await;
        self.promotes(accepted_for).await
    }

    pub async fn passes(&self, seconds: u64) {
        self.subject.pass(Duration::from_secs(seconds)).await;
    }
}

pub fn ids<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Vec<VersionId> {
    versions.into_iter().map(|version| version.id).collect()
}

pub const HOUR: Duration = Duration::from_secs(3600);

/// Runs every sentence against one store; `$open` is an async function that opens an empty one.
macro_rules! for_each_sentence {
    ($($store:ident: $open:path,)*) => {
        $(mod $store { use super::*; sentences!($open: {
            // stagings
            an_empty_store_shows_no_version_and_the_time
            a_secret_is_created_once_and_its_first_version_is_current_at_once
            a_step_on_a_secret_that_does_not_exist_is_a_conflict
            staging_twice_makes_one_version
            a_staged_version_is_pending_and_changes_nothing_else
            a_staged_version_follows_the_version_that_it_names
            a_dropped_version_does_not_come_back
            a_dropped_version_with_a_note_is_accepted_until_then
            of_many_that_stage_on_the_same_read_one_wins
            // promotions
            a_promotion_names_the_version_it_takes_the_place_of
            a_promotion_names_the_version_that_it_promotes
            a_promoted_version_keeps_its_value_and_its_age
            a_replaced_version_is_accepted_for_as_long_as_the_promotion_says
            a_deadline_that_is_never_reached_is_kept
            each_previous_version_keeps_its_own_deadline
            previous_versions_are_shown_newest_first
            no_version_becomes_current_twice
            a_retired_version_is_gone
            only_a_previous_version_is_retired
            // endings
            an_ended_version_is_never_promoted
            an_end_marks_that_version_and_no_other
            the_first_end_of_a_version_counts
            the_current_version_is_not_ended_alone
            ending_all_marks_every_version_and_names_the_current_one
            a_mark_outlives_the_promotion_that_replaces_the_version
            // states
            a_step_on_an_older_revision_is_a_conflict
            a_note_is_only_moved_later
            a_pause_counts_from_when_it_began_until_it_is_lifted
            what_is_kept_only_moves_on
            secrets_do_not_touch_each_other
            the_clock_does_not_run_back
            every_step_does_what_the_contract_s_function_says
        }); })*
    };
}
pub(crate) use for_each_sentence;

macro_rules! sentences {
    ($open:path: { $($sentence:ident)* }) => {
        $(#[tokio::test]
        async fn $sentence() {
            let subject = $open().await;
            contract::$sentence(&subject).await;
        })*
    };
}
pub(crate) use sentences;
