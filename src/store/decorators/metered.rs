//! Counts and times each call.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{Operation, Outcome};
use crate::{
    clock::{Clock, elapsed},
    rotation::{plan::Decided, ring::VersionId},
    store::{ReadError, Reading, Secret, Store, WriteError},
    token::{Reveal, RevealError, Token},
};

/// Where the numbers go.
pub trait StoreMeter: Send + Sync {
    /// One call is over. `took` has a resolution of a millisecond.
    fn observe(&self, operation: Operation, outcome: Outcome, took: Duration);
}

/// A store whose calls are counted.
pub struct Metered<S> {
    inner: S,
    meter: Arc<dyn StoreMeter>,
    clock: Arc<dyn Clock>,
}

impl<S> Metered<S> {
    /// Counts the calls of `inner`.
    pub fn new(inner: S, meter: Arc<dyn StoreMeter>, clock: Arc<dyn Clock>) -> Self {
        Self { inner, meter, clock }
    }

    async fn timed<T>(
        &self,
        operation: Operation,
        call: impl Future<Output = T> + Send,
        outcome: impl Fn(&T) -> Outcome + Send,
    ) -> T {
        let begun = self.clock.moment();
        let result = call.await;
        self.meter.observe(operation, outcome(&result), elapsed(begun, self.clock.moment()));
        result
    }
}

impl<S> fmt::Debug for Metered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metered").finish_non_exhaustive()
    }
}

#[async_trait]
impl<S: Store> Store for Metered<S> {
    async fn read(&self, secret: &Secret) -> Result<Reading, ReadError> {
        self.timed(Operation::Read, self.inner.read(secret), Outcome::of_read).await
    }

    async fn apply(
        &self,
        secret: &Secret,
        decided: &Decided,
        seen: &Reading,
    ) -> Result<Option<VersionId>, WriteError> {
        self.timed(Operation::of(&decided.step), self.inner.apply(secret, decided, seen), Outcome::of_write)
            .await
    }
}

#[async_trait]
impl<S: Reveal> Reveal for Metered<S> {
    async fn reveal(&self, secret: &str) -> Result<(VersionId, Token), RevealError> {
        self.timed(Operation::Reveal, self.inner.reveal(secret), Outcome::of_reveal).await
    }
}
