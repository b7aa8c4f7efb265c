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

pub mod aws;
mod endings;
mod promotions;
mod rotations;
mod stagings;
mod states;

pub use aws::each_step_of_a_rotation_leaves_the_labels_that_aws_documents;
pub use endings::*;
pub use promotions::*;
pub use rotations::*;
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
    /// Whether a step changes all that belongs together. Otherwise it may take several writes, each on a read of its
    /// own: what a step leaves behind is for [`Step::Tidy`], and a conflict can mean "not yet: read again".
    fn changes_all_at_once(&self) -> bool {
        true
    }
    /// The times that it writes are rounded up to a multiple of this.
    fn rounds_to(&self) -> Duration {
        Duration::from_millis(1)
    }
    /// What the names of the secrets begin with, where other sentences use the same store.
    fn prefix(&self) -> &str {
        ""
    }
    /// Lets time pass on the store's clock.
    async fn pass(&self, time: Duration);
}

/// So often a step is tried where a conflict can mean "not yet".
const TRIES: usize = 30;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// More than any one step leaves behind.
const CHORES: usize = 20;

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
        Self::named(subject, "mcp/slack-search")
    }

    pub fn named(subject: &'a dyn Subject, name: &str) -> Self {
        Self { subject, secret: secret(&format!("{}{name}", subject.prefix())) }
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

    /// Carries the step out; what it leaves behind is put in order.
    pub async fn does(&self, step: Step) -> Ring {
        self.tries(step).await.unwrap_or_else(|e| panic!("{step:?}: {e:?}"));
        self.tidied().await
    }

    /// What a turn of the daemon would do before anything else.
    pub async fn tidied(&self) -> Ring {
        for _ in 0..CHORES {
            let ring = self.ring().await;
            let Some(version) = ring.findings.untidy else { return ring };
            assert!(!self.subject.changes_all_at_once(), "{ring:#?}");
            self.tries(Step::Tidy { version }).await.expect("it is put in order");
        }
        panic!("it never is in order: {:#?}", self.ring().await);
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
        for _ in 0..TRIES {
            let result = self.tries(Step::Stage { current }).await;
            let not_yet = matches!(result, Err(WriteError::Conflict)) && !self.subject.changes_all_at_once();
            if !not_yet {
                result.expect("a version is staged");
                return self.ring().await.pending.expect("a pending version");
            }
            self.subject.pass(BETWEEN_TRIES).await;
        }
        panic!("no version is staged: {:#?}", self.ring().await);
    }

    /// Drops what is pending; says first for how long it is accepted where the store needs it so.
    pub async fn drops(&self, pending: VersionId) -> Ring {
        if self.subject.notes() == Notes::BeforePromotion {
            let until = self.read().await.now.latest + HOUR;
            self.does(Step::Note { version: pending, until }).await;
        }
        self.does(Step::Drop { pending }).await
    }

    /// Retires a version: its label and its note are two things.
    pub async fn retires(&self, version: VersionId) -> Ring {
        let before = self.ring().await.version(version).copied();
        let ring = self.does(Step::Retire { version }).await;
        if ring.version(version).is_none() || self.subject.changes_all_at_once() {
            return ring;
        }
        assert_eq!(ring.version(version).copied(), before, "it is accepted until its note says otherwise");
        self.does(Step::Retire { version }).await
    }

    /// As the store writes it.
    pub fn rounded(&self, at: Timestamp) -> Timestamp {
        let step = u64::try_from(self.subject.rounds_to().as_millis()).expect("a short time");
        Timestamp::from_millis(at.as_millis().div_ceil(step).saturating_mul(step))
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

    /// Lets a time pass that the store can tell from now, however it rounds.
    pub async fn passes_a_moment(&self) {
        self.passes(1 + self.subject.rounds_to().as_secs()).await;
    }
}

pub fn ids<'a>(versions: impl IntoIterator<Item = &'a Version>) -> Vec<VersionId> {
    versions.into_iter().map(|version| version.id).collect()
}

pub const HOUR: Duration = Duration::from_secs(3600);

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
