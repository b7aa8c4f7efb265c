//! The store contract as sentences, for any store: see `lists`.

use std::time::Duration;

use async_trait::async_trait;
use crossfade::{
    rotation::{
        plan::{Step, Why},
        policy::Notes,
        ring::{Ring, Version, VersionId},
    },
    store::{Reading, Secret, Store, Versions, WriteError},
    time::Timestamp,
};
use tokio::sync::Mutex;

pub mod aws;
mod endings;
mod lists;
mod promotions;
mod rotations;
mod stagings;
mod states;

pub use aws::each_step_of_a_rotation_leaves_the_labels_that_aws_documents;
pub use endings::*;
pub(crate) use lists::*;
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
    versions: Mutex<Box<dyn Versions>>,
}

impl<'a> Hand<'a> {
    pub fn on(subject: &'a dyn Subject) -> Self {
        Self::named(subject, "mcp/slack-bot-token")
    }

    pub fn named(subject: &'a dyn Subject, name: &str) -> Self {
        let secret = secret(&format!("{}{name}", subject.prefix()));
        let versions = Mutex::new(subject.store().secret(secret.clone()));
        Self { subject, secret, versions }
    }

    /// On a secret that has its first version.
    pub async fn created(subject: &'a dyn Subject) -> Self {
        let hand = Self::on(subject);
        hand.does(Step::Create).await;
        hand
    }

    pub async fn read(&self) -> Reading {
        self.versions.lock().await.read().await.expect("the store can be read")
    }

    pub async fn ring(&self) -> Ring {
        self.read().await.ring.expect("the secret exists")
    }

    pub async fn now(&self) -> Timestamp {
        self.read().await.now.earliest
    }

    /// Another handle on the secret, whose last read is one of now.
    pub async fn another(&self) -> Box<dyn Versions> {
        let mut another = self.subject.store().secret(self.secret.clone());
        another.read().await.expect("the store can be read");
        another
    }

    /// On what was read last.
    pub async fn goes_on(&self, step: Step) -> Result<(), WriteError> {
        self.versions.lock().await.apply(&step.because(Why::Missing)).await.map(drop)
    }

    pub async fn tries(&self, step: Step) -> Result<(), WriteError> {
        self.read().await;
        self.goes_on(step).await
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
        let result = self.goes_on(step).await;
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

    /// What a step that was taken since `earliest` may have taken for the latest time. Not simply the latest that is
    /// read now: the less time an answer took, the narrower is its interval, and the step's own answer may have been
    /// a slow one.
    pub async fn latest_since(&self, earliest: Timestamp) -> Timestamp {
        let latest = self.read().await.now.latest;
        latest + latest.since(earliest)
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
